/** `convert --opset N`: the version of ONNX's operator set that is asked for. */
import { CompileError } from '../../../src/diagnostics/compile-error';
import { declareOpset } from '../../../src/onnx/opset';
import { spell } from '../../../src/onnx/opset/lower';
import { runBoth } from '../../support/compare';
import { parseGraph } from '../../support/expect-pass';

const NORM = `<ir_version: 8, opset_import: ["" : 18]> g (float[N, 3, 4, 4] X) => (float[N, 3] Y) <float[3] S, float[3] B, int64[2] A = {2, 3}> {
  P = Relu (X) M = ReduceMean <keepdims = 0> (P, A) Y = LayerNormalization (M, S, B) }`;

test.each([17, 18, 24, 26])('opset %d: the file declares it, in an IR version that has it, with the same numbers', async (opset) => {
  const model = parseGraph(NORM);
  const before = parseGraph(NORM);
  declareOpset(model, opset);
  const { model: written, opset: said } = spell(model);
  expect([said, written.opsets.get('')]).toEqual([opset, opset]);
  expect(written.irVersion).toBeGreaterThanOrEqual(opset >= 24 ? 12 : 8);
  await runBoth(before, model, 'reordered');
});

const thrown = (opset: number): CompileError | undefined => {
  try {
    declareOpset(parseGraph(NORM), opset);
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  return undefined;
};
test('an older one that has no words for a node is refused by its name, and says which would do', () => {
  const error = thrown(13);
  expect(error?.code).toBe('OPSET_TOO_OLD');
  expect(error?.message).toContain("LayerNormalization 'Y'");
  expect(error?.diagnostic.hint).toBe('opset 17 or later can express all of them');
});
test.each([0, 6, 27, 1.5])('%d cannot be written', (opset) => expect(thrown(opset)?.code).toBe('OPSET_OUT_OF_RANGE'));
test('a model that is refused declares what it did', () => {
  const model = parseGraph(NORM);
  expect(() => declareOpset(model, 13)).toThrow(CompileError);
  expect(model.opsets.get('')).toBe(18);
});
