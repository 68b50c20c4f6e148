import { headPerWindow } from '../../passes/head-per-window';
import { compile } from '../../src/compile';
import { expectPass, parseGraph } from '../support/expect-pass';
import { expectCrops } from '../support/windows';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
/** A map of 4 channels, 8 rows and 7 columns. */
const stem = 'F = Conv <kernel_shape = [3, 3]> (X, K, k)';
const network = (body: string, weights = '', output = 'float[1, 5] Y', input = 'float[1, 3, 10, 9] X'): string =>
  `${header} g (${input}) => (${output}) <float[4, 3, 3, 3] K, float[4] k${weights}> { ${stem} ${body} }`;

describe('head-per-window', () => {
  test('copies windows into channels and runs the head on each', () =>
    expectPass(
      headPerWindow,
      `${header} g (float[N, 2, 2, 3] X) => (float[N, 3, 4] Y) <int64[3] s = {0, 3, 4}> { R = Reshape (X, s) Y = Softmax <axis = 2> (R) }`,
    ).toBecome(`
      C = Conv <group = 2, kernel_shape = [2, 3]> (X, X_places)
      T = Transpose <perm = [0, 2, 3, 1]> (C)
      W = Reshape (T, X_window)
      R = Reshape (W, per_window)
      S = Softmax <axis = 4> (R)
      Z = Reshape (S, Y_row)
      M = Transpose <perm = [0, 3, 1, 2]> (Z)
      G = Flatten <axis = 1> (M)
      Y = Reshape (G, Y_shape)`));

  test('a norm over the numbers of a window is a product and a sum', () =>
    expectPass(
      headPerWindow,
      `${header} g (float[N, 2, 2, 3] X) => (float[N, 12] Y) <float[12] s, float[12] b, float[12] m, float[12] v = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}> {
        F = Flatten (X) Y = BatchNormalization (F, s, b, m, v) }`,
    ).toBecome(
      `
      C = Conv <kernel_shape = [2, 3], group = 2> (X, X_places)
      T = Transpose <perm = [0, 2, 3, 1]> (C)
      W = Reshape (T, X_window)
      R = Reshape (W, per_window)
      P = Mul (R, F_scale)
      Q = Add (P, F_shift)
      M = Transpose <perm = [0, 3, 1, 2]> (Q)
      Y = Flatten <axis = 1> (M)`,
      { departs: true },
    ));

  test.each([
    [
      'an activation and a norm between Flatten and the layer',
      'f = Flatten (F) r = Relu (f) p = Abs (v) n = BatchNormalization (r, s, b, m, p) Y = Gemm <transB = 1> (n, W)',
      ', float[5, 224] W, float[224] s, float[224] b, float[224] m, float[224] v',
    ],
    [
      'one scalar over all logits',
      'f = Flatten (F) g = Gemm <transB = 1> (f, W) a = Abs (g) m = ReduceMax <keepdims = 0> (a) Y = Div (g, m)',
      ', float[5, 224] W',
    ],
    [
      'a sum of squares over everything',
      'q = Mul (F, F) s = ReduceSum <keepdims = 1> (q) d = Div (F, s) f = Flatten (d) Y = Gemm <transB = 1> (f, W)',
      ', float[5, 224] W',
    ],
    [
      'a softmax over groups of logits',
      'f = Flatten (F) g = Gemm <transB = 1> (f, W) r = Reshape (g, to) s = Softmax <axis = 2> (r) Y = Reshape (s, back)',
      ', float[6, 224] W, int64[3] to = {0, 2, 3}, int64[2] back = {0, 6}',
      'float[1, 6] Y',
    ],
    [
      'the largest of several layers',
      'f = Flatten (F) a = Gemm <transB = 1> (f, W) r = Reshape (a, to) Y = ReduceMax <keepdims = 0> (r, two)',
      ', float[10, 224] W, int64[3] to = {0, 5, 2}, int64[1] two = {2}',
    ],
    [
      'a logarithm of a sum of exponentials',
      'l = ReduceLogSumExp <keepdims = 0> (F, hw) Y = Gemm <transB = 1> (l, W)',
      ', float[5, 4] W, int64[2] hw = {2, 3}',
    ],
    [
      'a product over the map',
      'l = ReduceProd <keepdims = 0> (F, hw) Y = Gemm <transB = 1> (l, W)',
      ', float[5, 4] W, int64[2] hw = {2, 3}',
    ],
    [
      'a norm over the flattened map',
      'f = Flatten (F) n = LayerNormalization (f, s, b) Y = Gemm <transB = 1> (n, W)',
      ', float[5, 224] W, float[224] s, float[224] b',
    ],
    [
      'mean and deviation',
      'u = ReduceMean (F, hw) d = Sub (F, u) q = Mul (d, d) v = ReduceMean (q, hw) e = Sqrt (v) c = Concat <axis = 1> (u, e) f = Flatten (c) Y = Gemm <transB = 1> (f, W)',
      ', float[5, 8] W, int64[2] hw = {2, 3}',
    ],
    ['a scalar at the end', 'f = Flatten (F) Y = ReduceMean <keepdims = 0> (f, one)', ', int64[1] one = {1}', 'float[1] Y'],
    [
      'the first image of the batch alone',
      'z = Gather <axis = 0> (F, zero) r = Reshape (z, to) g = MatMul (r, W) s = ReduceSum <keepdims = 0> (g, one) Y = Unsqueeze (s, zeros)',
      ', int64 zero = {0}, int64[2] to = {4, 56}, float[56, 5] W, int64[1] one = {0}, int64[1] zeros = {0}',
    ],
  ])('%s', async (_, body, weights, output = 'float[1, 5] Y') => {
    expect((await expectCrops(network(body, weights, output))).stride).toEqual([1, 1]);
  });

  test('a symbolic batch', () =>
    expectCrops(
      network(
        'f = Flatten (F) r = Relu (f) p = Abs (v) n = BatchNormalization (r, s, b, m, p) Y = Gemm <transB = 1> (n, W)',
        ', float[5, 224] W, float[224] s, float[224] b, float[224] m, float[224] v',
        'float[N, 5] Y',
        'float[N, 3, 10, 9] X',
      ),
    ));

  test.each([
    [
      'attention',
      'r = Reshape (F, to) t = Transpose <perm = [0, 2, 1]> (r) a = MatMul (t, r) s = Softmax (a) f = Flatten (s) Y = Gemm <transB = 1> (f, W)',
      ', int64[3] to = {0, 4, 56}, float[5, 3136] W',
    ],
    [
      'position embeddings',
      'r = Reshape (F, to) t = Add (r, e) s = ReduceMean <keepdims = 0> (t, two) Y = Gemm <transB = 1> (s, W)',
      ', int64[3] to = {0, 4, 56}, float[4, 56] e, int64[1] two = {2}, float[5, 4] W',
    ],
  ])('leaves %s alone', (_, body, weights) => {
    expect(() => compile(parseGraph(network(body, weights)))).toThrow(/cannot slide/);
  });

  const deep = (body: string, weights: string): string =>
    network(body.replace(/\bF\b/g, 'D'), weights)
      .replace(stem, `${stem} R = Relu (F) D = Conv <kernel_shape = [3, 3]> (R, K2)`)
      .replace('float[4] k', 'float[4] k, float[4, 4, 3, 3] K2');
  test.each([
    ['a layer along the columns', 'm = MatMul (F, V) f = Flatten (m) Y = Gemm <transB = 1> (f, W)', ', float[5, 2] V, float[5, 48] W'],
    [
      'a layer along the rows, from the left',
      'm = MatMul (V, F) f = Flatten (m) Y = Gemm <transB = 1> (f, W)',
      ', float[2, 6] V, float[5, 40] W',
    ],
    [
      'position embeddings',
      'r = Reshape (F, to) t = Add (r, e) u = Relu (t) s = ReduceMean <keepdims = 0> (u, two) Y = Gemm <transB = 1> (s, W)',
      ', int64[3] to = {0, 4, 30}, float[4, 30] e, int64[1] two = {2}, float[5, 4] W',
    ],
    [
      'products of channels over all places (bilinear pooling)',
      'r = Reshape (F, to) t = Transpose <perm = [0, 2, 1]> (r) m = MatMul (r, t) f = Flatten (m) Y = Gemm <transB = 1> (f, W)',
      ', int64[3] to = {0, 4, 30}, float[5, 16] W',
    ],
    [
      'an attention that pools by a query of its own',
      'r = Reshape (F, to) t = Transpose <perm = [0, 2, 1]> (r) g = MatMul (t, K1) kt = Transpose <perm = [0, 2, 1]> (g) a = MatMul (q, kt) s = Softmax (a) v = MatMul (s, t) f = Flatten (v) Y = Gemm <transB = 1> (f, W)',
      ', int64[3] to = {0, 4, 30}, float[4, 6] K1, float[1, 2, 6] q, float[5, 8] W',
    ],
    [
      'positions compared with each other',
      'r = Reshape (F, to) t = Transpose <perm = [0, 2, 1]> (r) a = MatMul (t, r) s = Softmax (a) v = MatMul (s, t) m = ReduceMean <keepdims = 0> (v, one) Y = Gemm <transB = 1> (m, W)',
      ', int64[3] to = {0, 4, 30}, int64[1] one = {1}, float[5, 4] W',
    ],
  ])('behind a convolutional trunk: %s', (_, body, weights) => expectCrops(deep(body, weights)));
  test('leaves a transformer behind a convolutional trunk alone', () => {
    const attention = (from: string, to: string): string =>
      `${to}t = Transpose <perm = [0, 2, 1]> (${from}) ${to}a = MatMul (${to}t, ${from}) ${to}s = Softmax (${to}a) ${to} = MatMul (${from}, ${to}s)`;
    const body = `r = Reshape (F, to) ${attention('r', 'u')} ${attention('u', 'v')} m = ReduceMean <keepdims = 0> (v, two) Y = Gemm <transB = 1> (m, W)`;
    const text = deep(body, ', int64[3] to = {0, 4, 30}, int64[1] two = {2}, float[5, 4] W');
    expect(() => compile(parseGraph(text))).toThrow(/cannot slide/);
  });

  test('does not take the images of a batch together', () => {
    const text = network(
      'f = Flatten (F) g = Gemm <transB = 1> (f, W) m = ReduceMax <keepdims = 0> (g) Y = Div (g, m)',
      ', float[5, 224] W',
      'float[N, 5] Y',
      'float[N, 3, 10, 9] X',
    );
    expect(() => compile(parseGraph(text))).toThrow(/takes the images of a batch together/);
  });
});
