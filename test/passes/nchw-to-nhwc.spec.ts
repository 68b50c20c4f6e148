/** Which operators are written in which order, and where a Transpose is made. That the numbers stay is seen by running what comes of it (test/tfjs). */
import { nchwToNhwc } from '../../passes/nchw-to-nhwc';
import { modelToBytes } from '../../src/onnx/write';
import { runPasses } from '../../src/rewrite/manager';
import { parseGraph } from '../support/expect-pass';

/** Operators in order, with what names axes. */
function moved(text: string): string[] {
  const model = parseGraph(text);
  runPasses(model, [nchwToNhwc], { validate: 'rule' });
  return model.graph.nodes.map(({ op, attrs }) => {
    const [axis, perm] = [attrs.get('axis'), attrs.get('perm')];
    const list = perm?.kind === 'ints' ? ` ${perm.value.join('')}` : '';
    return `${op}${axis?.kind === 'int' ? ` ${axis.value}` : ''}${list}`;
  });
}

test('axes are named anew, constants permuted', () => {
  const text = `g (float[N, 3, 8, 8] X) => (float[N, 8, 8, 8] Y) <float[4, 3, 1, 1] W, float[4, 1, 1] S> {
    A = Conv (X, W)
    B = Mul (A, S)
    C = Concat <axis = 1> (A, B)
    Y = Softmax <axis = 1> (C)
  }`;
  expect(moved(text)).toEqual(['nhwc.Conv', 'Mul', 'Concat 3', 'Softmax 3']);
  const model = parseGraph(text);
  runPasses(model, [nchwToNhwc]);
  expect(model.graph.constants.map(({ name, constant }) => `${name} [${constant.shape}]`)).toEqual(['W [4,3,1,1]', 'S [4]']);
  expect(model.graph.outputs[0]?.type?.shape).toEqual(['N', 8, 8, 8]);
});

test('what a block does channels-last (ConvNeXt) needs no Transpose any more', () => {
  expect(
    moved(`g (float[N, 4, 8, 8] X) => (float[N, 4, 8, 8] Y) <float[4, 1, 3, 3] W, float[4] S, float[4] B, float[4, 4] V> {
      A = Conv <group = 4, pads = [1, 1, 1, 1]> (X, W)
      T = Transpose <perm = [0, 2, 3, 1]> (A)
      L = LayerNormalization (T, S, B)
      M = MatMul (L, V)
      U = Transpose <perm = [0, 3, 1, 2]> (M)
      Y = Add (X, U)
    }`),
  ).toEqual(['nhwc.Conv', 'nhwc.LayerNormalization', 'MatMul', 'Add']);
});

test('a squeeze-and-excitation block on vectors stays on vectors', () => {
  expect(
    moved(`g (float[N, 4, 8, 8] X) => (float[N, 4, 8, 8] Y) <float[4, 4, 1, 1] W, float[4, 4] V> {
      A = Conv (X, W)
      P = GlobalAveragePool (A)
      F = Flatten (P)
      G = Gemm (F, V)
      S = Sigmoid (G)
      axes = Constant <value = int64[2] {2, 3}> ()
      U = Unsqueeze (S, axes)
      Y = Mul (A, U)
    }`),
  ).toEqual(['nhwc.Conv', 'nhwc.GlobalAveragePool', 'Reshape', 'Gemm', 'Sigmoid', 'Reshape', 'Reshape', 'Mul']);
});

test('an operator that is not known gets its operands as in ONNX', () => {
  expect(
    moved(`g (float[N, 4, 8, 8] X) => (float[N, 4, 8, 8] Y) <float[4, 4, 1, 1] W> {
      A = Conv (X, W)
      Y = MeanVarianceNormalization (A)
    }`),
  ).toEqual(['nhwc.Conv', 'Transpose 0312', 'MeanVarianceNormalization']);
});

test('the shape of a map is that of ONNX', () => {
  expect(
    moved(`g (float[N, 4, h, w] X) => (int64[4] Y) <float[4, 4, 1, 1] W> {
      A = Conv (X, W)
      Y = Shape (A)
    }`),
  ).toEqual(['nhwc.Conv', 'Shape', 'Gather 0']);
});

test('group normalisation as exporters write it stays channels-last', () => {
  expect(
    moved(`g (float[N, 4, h, w] X) => (float[N, 4, h, w] Y)
        <float[4, 4, 1, 1] W, int64[3] P = {0, 2, -1}, float[2] S = {1, 1}, float[2] B = {0, 0}> {
      A = Conv (X, W)
      R = Reshape (A, P)
      I = InstanceNormalization (R, S, B)
      Q = Shape (A)
      Y = Reshape (I, Q)
    }`),
  ).toEqual(['nhwc.Conv', 'nhwc.GroupNormalization']);
});

test('what is channels-last cannot be written to ONNX', () => {
  const model = parseGraph('g (float[N, 3, 8, 8] X) => (float[N, 4, 8, 8] Y) <float[4, 3, 1, 1] W> { Y = Conv (X, W) }');
  runPasses(model, [nchwToNhwc]);
  expect(() => modelToBytes(model)).toThrow('channels-last');
});
