/** What is mistyped or missing is named. */
import { chooseAction } from '../../src/cli/commands';

const complaint = async (...args: readonly string[]): Promise<string> => {
  try {
    await chooseAction(args, undefined);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'none';
};

test.each([
  [['convrt', 'a.onnx'], "there is no command 'convrt'; did you mean 'convert'?"],
  [['zebra'], "there is no command 'zebra', only convert, verify"],
  [['verify', 'a.onnx', '--reportr', 'junit'], 'unknown argument: reportr; did you mean --reporter?'],
  [['verify', 'a.onnx', 'b.onnx', '--min-agreemnt', '1'], 'unknown argument: min-agreemnt; did you mean --min-agreement?'],
  [['convert', 'a.onnx', '-o'], 'the option -o needs a value: --output FILE'],
  [['debug', 'bisct', 'a.onnx'], "WHAT cannot be 'bisct', only bisect or reduce; did you mean 'bisect'?"],
  [['debug'], 'an argument is missing: WHAT (bisect or reduce)'],
  [['completion'], 'an argument is missing: SHELL (bash or zsh or fish)'],
  [['convert', 'a.onnx', '--strid', '8'], 'unknown argument: strid; did you mean --stride?'],
  [['heatmap', 'a.onnx', 'b.png', '--sclaes', '1'], 'unknown argument: sclaes; did you mean --scales?'],
  [['convert', 'a.onnx', '--zebra'], 'unknown argument: zebra'],
  [['predict', 'a.onnx'], 'an argument is missing: PICTURE'],
  [['inspect'], 'an argument is missing: MODEL'],
])('%j', async (args, expected) => {
  const text = await complaint(...args);
  expect(text).toContain(expected);
  if (!expected.includes('did you mean')) expect(text).not.toContain('did you mean');
});
