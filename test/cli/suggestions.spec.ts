/** What is mistyped or missing is named. */
import { chooseAction } from '../../src/cli/commands';

const complaint = (...args: readonly string[]): string => {
  try {
    chooseAction(args, undefined);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'none';
};

test.each([
  [['convert', 'a.onnx', '--strid', '8'], 'unknown argument: strid; did you mean --stride?'],
  [['heatmap', 'a.onnx', 'b.png', '--sclaes', '1'], 'unknown argument: sclaes; did you mean --scales?'],
  [['convert', 'a.onnx', '--zebra'], 'unknown argument: zebra'],
  [['predict', 'a.onnx'], 'an argument is missing: PICTURE'],
  [['inspect'], 'an argument is missing: MODEL'],
])('%j', (args, expected) => {
  const text = complaint(...args);
  expect(text).toContain(expected);
  if (!expected.includes('did you mean')) expect(text).not.toContain('did you mean');
});
