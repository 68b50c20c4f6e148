import { normaliseFlatten } from '../../passes/normalise-flatten';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 8, opset_import: ["" : 17]>';
const becomesFlatten = `
        Y = Flatten <axis = 1> (X)`;

describe('normalise-flatten', () => {
  test.each([
    ['Reshape to constants', 'float[1, 4, 2, 3] X', '<int64[2] s = {1, 24}>', 'Y = Reshape (X, s)'],
    ['Reshape to -1 and the features', 'float[N, 4, 2, 3] X', '<int64[2] s = {-1, 24}>', 'Y = Reshape (X, s)'],
    ['Reshape to 0 and -1', 'float[N, 4, 2, 3] X', '<int64[2] s = {0, -1}>', 'Y = Reshape (X, s)'],
    [
      'two views in a row',
      'float[1, 4, 2, 3] X',
      '<int64[3] s = {1, 4, 6}, int64[2] t = {1, -1}>',
      'A = Reshape (X, s) Y = Reshape (A, t)',
    ],
    [
      'a shape computed from Shape',
      'float[N, 4, 2, 3] X',
      '<int64 zero = {0}, int64[1] first = {0}, int64[1] rest = {-1}>',
      's = Shape (X) n = Gather (s, zero) u = Unsqueeze (n, first) c = Concat <axis = 0> (u, rest) Y = Reshape (X, c)',
    ],
  ])('reads %s as Flatten', (_, input, weights, body) =>
    expectPass(
      normaliseFlatten,
      `${header} g (${input}) => (float[${input.includes('N') ? 'N' : 1}, 24] Y) ${weights} { ${body} }`,
    ).toBecome(becomesFlatten),
  );

  test('reads Squeeze of a 1x1 map as Flatten', () =>
    expectPass(
      normaliseFlatten,
      `${header} g (float[N, 4, 1, 1] X) => (float[N, 4] Y) <int64[2] axes = {2, 3}> { Y = Squeeze (X, axes) }`,
    ).toBecome(becomesFlatten));

  test('brings a channels-last 1x1 map to channels first', () =>
    expectPass(
      normaliseFlatten,
      `${header} g (float[1, 3, 1, 1] X) => (float[1, 3] Y) <int64[2] s = {1, 3}> {
        T = Transpose <perm = [0, 2, 3, 1]> (X)
        L = Softmax <axis = 3> (T)
        Y = Reshape (L, s)
      }`,
    ).toBecome(`
        T = Transpose <perm = [0, 2, 3, 1]> (X)
        L = Softmax <axis = 3> (T)
        Y_Transpose = Transpose <perm = [0, 3, 1, 2]> (L)
        Y = Flatten <axis = 1> (Y_Transpose)`));

  test('drops a row of views that ends where it began', () =>
    expectPass(
      normaliseFlatten,
      `${header} g (float[1, 3, 1, 1] X) => (float[1, 3, 1, 1] Y) <int64[1] flat = {-1}, int64[1, 3, 1, 1] all = {0, 1, 2}> {
        R = Relu (X)
        F = Reshape (R, flat)
        G = Gather <axis = 0> (F, all)
        Y = Relu (G)
      }`,
    ).toBecome(`
        R = Relu (X)
        Y = Relu (R)`));

  test.each([
    [
      'between two convolutions',
      'float[N, 3, 1, 1] Y',
      'C = Conv <kernel_shape = [2, 3]> (X, W) T = Transpose <perm = [0, 2, 3, 1]> (C) A = Add (T, c) R = Relu (A) B = Transpose <perm = [0, 3, 1, 2]> (R) Y = Conv (B, V)',
      '<float[5, 4, 2, 3] W, float[3, 5, 1, 1] V, float[5] c>',
    ],
    [
      'that scales a map',
      'float[N, 2, 3, 4] Y',
      'C = Conv <kernel_shape = [2, 3]> (X, W) T = Transpose <perm = [0, 2, 3, 1]> (C) A = Add (T, c) S = Sigmoid (A) M = Transpose <perm = [0, 2, 3, 1]> (X) Y = Mul (M, S)',
      '<float[4, 4, 2, 3] W, float[4] c>',
    ],
  ])('leaves a 1 x 1 map of a channels-last source alone, %s', (_, output, body, weights) =>
    expectPass(normaliseFlatten, `${header} g (float[N, 4, 2, 3] X) => (${output}) ${weights} { ${body} }`).toStay(),
  );

  test('leaves a split of the channels alone', () =>
    expectPass(
      normaliseFlatten,
      `${header} g (float[1, 4, 2, 3] X) => (float[1, 2, 2, 2, 3] Y) <int64[5] s = {1, 2, 2, 2, 3}> { Y = Reshape (X, s) }`,
    ).toStay());
});

describe('as_strided over a batch of any size', () => {
  const graph = (step: number, base: string): string => `g (float[N, 3, 2, 2] X) => (float[N, 3] Y)
    <int64[1] minus = {-1}, int64 zero = {0}, int64 one = {1}, int64 step = {${step}}, int64[3] after = {1, 2, 3}, int64[1, 3, 1, 1] base = {${base}},
     int64[2] last = {2, 3}, int64 first = {0}> {
      P = ReduceMean <keepdims = 1> (X, last)
      V = Reshape (P, minus)
      S = Shape (X)
      n = Gather (S, first)
      R = Range (zero, n, one)
      M = Mul (R, step)
      U = Unsqueeze (M, after)
      I = Add (U, base)
      G = Gather <axis = 0> (V, I)
      Y = Flatten (G)
    }`;
  test('is a view where it takes every number at its place', () =>
    expectPass(normaliseFlatten, graph(3, '0, 1, 2')).toBecome('P = ReduceMean <keepdims = 1> (X, last) Y = Flatten (P)'));
  test.each([
    ['another order', 3, '0, 2, 1'],
    ['another step', 2, '0, 1, 2'],
  ])('is none with %s', (_, step, base) => expectPass(normaliseFlatten, graph(step, base)).toStay());

  test('comes to an end where one cell is left of a transposed map', () =>
    expectPass(
      normaliseFlatten,
      `${header} g (float[1, 4, 5, 3] X) => (float[1, 4] Y) { T = Transpose <perm = [0, 1, 3, 2]> (X) P = GlobalAveragePool (T) Y = Flatten <axis = 1> (P) }`,
    ).toBecome(`
        T = Transpose <perm = [0, 1, 3, 2]> (X)
        P = GlobalAveragePool (T)
        Y = Flatten <axis = 1> (P)`));
});
