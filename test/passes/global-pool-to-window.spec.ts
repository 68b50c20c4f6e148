import { globalPoolToWindow } from '../../passes/global-pool-to-window';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights = '', output = 'float[N, 4] Y'): string =>
  `${header} g (float[N, 4, 2, 3] X) => (${output}) ${weights} { ${body} }`;
const window = (op = 'AveragePool'): string => `P = ${op} <kernel_shape = [2, 3], strides = [1, 1]> (X)`;

describe('global-pool-to-window', () => {
  test.each([
    ['GlobalAveragePool', 'P = GlobalAveragePool (X)', 'AveragePool', ''],
    ['GlobalMaxPool', 'P = GlobalMaxPool (X)', 'MaxPool', ''],
    ['ReduceMean over [2, 3]', 'P = ReduceMean <keepdims = 1> (X, a)', 'AveragePool', '<int64[2] a = {2, 3}>'],
    ['ReduceMean over [-1, -2]', 'P = ReduceMean <keepdims = 1> (X, a)', 'AveragePool', '<int64[2] a = {-1, -2}>'],
    ['ReduceMax', 'P = ReduceMax <keepdims = 1> (X, a)', 'MaxPool', '<int64[2] a = {2, 3}>'],
    ['a pool as large as the map, of whatever stride', 'P = AveragePool <kernel_shape = [2, 3], strides = [2, 3]> (X)', 'AveragePool', ''],
  ])('%s pools over the window of the original size', (_, pool, op, weights) =>
    expectPass(globalPoolToWindow, graph(`${pool} Y = Flatten (P)`, weights)).toBecome(`
      ${window(op)}
      Y = Flatten (P)`),
  );

  test('a mean without the pooled axes is a flattened window', () =>
    expectPass(globalPoolToWindow, graph('Y = ReduceMean <keepdims = 0> (X, a)', '<int64[2] a = {2, 3}>')).toBecome(`
      ${window()}
      Y = Flatten <axis = 1> (P)`));

  test('one axis after the other', () =>
    expectPass(
      globalPoolToWindow,
      graph('H = ReduceMean <keepdims = 0> (X, a) Y = ReduceMean <keepdims = 0> (H, b)', '<int64[1] a = {3}, int64[1] b = {2}>'),
    ).toBecome(
      `
      H = ReduceMean <keepdims = 0> (X, a)
      ${window()}
      Y = Flatten <axis = 1> (P)`,
      { departs: true },
    ));

  test('a mean over the places of a view', () =>
    expectPass(
      globalPoolToWindow,
      graph('V = Reshape (X, s) Y = ReduceMean <keepdims = 0> (V, a)', '<int64[3] s = {0, 4, 6}, int64[1] a = {2}>'),
    ).toBecome(`
      V = Reshape (X, s)
      ${window()}
      Y = Flatten <axis = 1> (P)`));

  test('sums and norms are means times the number of cells', () =>
    expectPass(globalPoolToWindow, graph('P = ReduceL2 <keepdims = 1> (X, a) Y = Flatten (P)', '<int64[2] a = {2, 3}>')).toBecome(`
      Q = Mul (X, X)
      M = AveragePool <kernel_shape = [2, 3], strides = [1, 1]> (Q)
      S = Mul (M, window_cells)
      P = Sqrt (S)
      Y = Flatten (P)`));

  test('channels-last maps are brought to channels first and back', () =>
    expectPass(
      globalPoolToWindow,
      graph(
        'T = Transpose <perm = [0, 2, 3, 1]> (X) R = Relu (T) P = ReduceMean <keepdims = 1> (R, a) Y = Relu (P)',
        '<int64[2] a = {1, 2}>',
        'float[N, 1, 1, 4] Y',
      ),
    ).toBecome(`
      T = Transpose <perm = [0, 2, 3, 1]> (X)
      R = Relu (T)
      C = Transpose <perm = [0, 3, 1, 2]> (R)
      A = AveragePool <kernel_shape = [2, 3], strides = [1, 1]> (C)
      P = Transpose <perm = [0, 2, 3, 1]> (A)
      Y = Relu (P)`));

  test('squeeze-and-excitation stays global: its result comes back to the map', () =>
    expectPass(
      globalPoolToWindow,
      graph('P = GlobalAveragePool (X) S = Sigmoid (P) M = Mul (X, S) Q = GlobalAveragePool (M) Y = Flatten (Q)'),
    ).toBecome(`
      P = GlobalAveragePool (X)
      S = Sigmoid (P)
      M = Mul (X, S)
      Q = AveragePool <kernel_shape = [2, 3], strides = [1, 1]> (M)
      Y = Flatten (Q)`));

  test('pools of maps with different strides that meet again stay aligned', () =>
    expectPass(
      globalPoolToWindow,
      `${header} g (float[N, 2, 4, 4] X) => (float[N, 4, 1, 1] Y) {
        D = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (X)
        A = GlobalAveragePool (X)
        B = GlobalAveragePool (D)
        Y = Concat <axis = 1> (A, B)
      }`,
    ).toBecome(`
        D = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (X)
        A = AveragePool <kernel_shape = [4, 4], strides = [2, 2]> (X)
        B = AveragePool <kernel_shape = [2, 2], strides = [1, 1]> (D)
        Y = Concat <axis = 1> (A, B)`));

  test.each([
    ['a mean over channels', graph('Y = ReduceMean <keepdims = 1> (X, a)', '<int64[1] a = {1}>', 'float[N, 1, 2, 3] Y')],
    ['a padded pool', graph('P = AveragePool <kernel_shape = [4, 5], pads = [1, 1, 1, 1]> (X) Y = Flatten (P)')],
  ])('leaves %s alone', (_, text) => expectPass(globalPoolToWindow, text).toStay());
});
