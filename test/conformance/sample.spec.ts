/** A part of `npm run conformance`: some of ONNX's own tests, and some random operators. None may be wrong, and hardly any refused. */
import { join } from 'node:path';
import { fuzz } from './fuzz';
import { runSuite } from './suite';

jest.setTimeout(240_000);

test("ONNX's own tests: equal, or refused by name", async () => {
  const outcomes = await runSuite(join(__dirname, '../../fixtures/conformance'), '', () => {});
  const named = (kind: string): string[] => outcomes.filter((outcome) => outcome.kind === kind).map(({ name }) => name);
  expect(named('WRONG')).toEqual([]);
  expect(named('refused')).toEqual(['test_resize_tf_crop_and_resize']);
  // The suite takes the length of aligned corners before it is rounded.
  expect(named('as ONNX Runtime')).toEqual(['test_resize_downsample_scales_linear_align_corners']);
  expect(named('equal').length).toBeGreaterThan(20);
});

test('random operators: equal, or refused by name', async () => {
  const { equal, wrong } = await fuzz(90, 1);
  expect(wrong).toEqual([]);
  expect(equal).toBeGreaterThan(70);
});
