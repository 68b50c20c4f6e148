import { sinkRows } from '../../passes/sink-rows';
import { expectPass } from '../support/expect-pass';
import { expectCrops } from '../support/windows';

const graph = (body: string, weights = '', output = 'float[N, 2, 3, 5] Y'): string =>
  `<ir_version: 9, opset_import: ["" : 18]> g (float[N, 2, 3, 4] X) => (${output}) <int64[2] s = {-1, 4}, int64[4] t = {-1, 2, 3, 5}${weights}> { R = Reshape (X, s) ${body} }`;

describe('sink-rows', () => {
  test('a layer and an activation at every place', () =>
    expectPass(sinkRows, graph('G = Gemm <transB = 1> (R, W, B) A = Relu (G) Y = Reshape (A, t)', ', float[5, 4] W, float[5] B')).toBecome(`
      M = MatMul (X, W_turned)
      S = Add (M, B)
      Y = Relu (S)`));
  test('a product, constants and a norm', () =>
    expectPass(
      sinkRows,
      graph(
        'M = MatMul (R, W) C = Add (b, M) L = LayerNormalization <axis = 1> (C, g) Y = Reshape (L, t)',
        ', float[4, 5] W, float[1, 5] b, float[5] g',
      ),
    ).toBecome('M = MatMul (X, W) C = Add (b, M) Y = LayerNormalization <axis = -1> (C, g)'));
  test('a product and a sum for a layer, which may round otherwise', () =>
    expectPass(
      sinkRows,
      `<ir_version: 9, opset_import: ["" : 18]> g (float[N, 2, 3, 1500] X) => (float[N, 2, 3, 5] Y) <int64[2] s = {-1, 1500}, int64[4] t = {-1, 2, 3, 5}, float[5, 1500] W, float[5] B> {
        R = Reshape (X, s) G = Gemm <transB = 1> (R, W, B) Y = Reshape (G, t) }`,
    ).toBecome('M = MatMul (X, W_turned) Y = Add (M, B)', { departs: true }));
  test('two lists of the same places', () =>
    expectPass(sinkRows, graph('M = MatMul (R, W) A = Relu (M) C = Mul (M, A) Y = Reshape (C, t)', ', float[4, 5] W')).toBecome(
      'M = MatMul (X, W) A = Relu (M) Y = Mul (M, A)',
    ));
  test.each([
    ['a sum over rows', graph('Z = ReduceSum <keepdims = 0> (R, zero) Y = Relu (Z)', ', int64[1] zero = {0}', 'float[4] Y')],
    ['a softmax along the rows', graph('Z = Softmax <axis = 0> (R) Y = Relu (Z)', '', 'float[M, 4] Y')],
  ])('leaves %s alone', (_, text) => expectPass(sinkRows, text).toStay());
  test('rows that become a map and then a vector slide', () =>
    expectCrops(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 10, 9] X) => (float[1, 5] Y)
      <float[4, 3, 3, 3] K, int64[2] s = {56, 4}, int64[2] t = {1, 336}, float[4, 6] W, float[6] B, float[5, 336] V> {
        F = Conv (X, K) T = Transpose <perm = [0, 2, 3, 1]> (F) R = Reshape (T, s) G = Gemm (R, W, B) A = Relu (G) f = Reshape (A, t) Y = Gemm <transB = 1> (f, V) }`));
});
