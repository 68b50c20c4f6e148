import { cancelTransposes } from '../../passes/cancel-transposes';
import { pointwiseMatmulToConv } from '../../passes/pointwise-matmul-to-conv';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 20]>';
const graph = (body: string, weights: string, output = 'float[N, 4, 2, 3] Y'): string =>
  `${header} g (float[N, 4, 2, 3] X) => (${output}) ${weights ? `<${weights}>` : ''} { ${body} }`;
const away = 'T = Transpose <perm = [0, 2, 3, 1]> (X)';
const back = (from: string): string => `Y = Transpose <perm = [0, 3, 1, 2]> (${from})`;

describe('pointwise-matmul-to-conv', () => {
  test('reads a block of linear layers as 1x1 convolutions, and its Transposes cancel', () =>
    expectPass(
      [pointwiseMatmulToConv, cancelTransposes],
      graph(
        `${away} A = MatMul (T, W) B = Add (b, A) G = Gelu (B) C = MatMul (G, V) D = Add (C, d) E = Mul (g, D) ${back('E')}`,
        'float[4, 6] W, float[6] b, float[6, 4] V, float[4] d, float[4] g',
      ),
    ).toBecome(`
      B = Conv <kernel_shape = [1, 1]> (X, W_kernel, b_bias)
      G = Gelu (B)
      D = Conv <kernel_shape = [1, 1]> (G, V_kernel, d_bias)
      Y = Mul (g_channels, D)`));
  test('many channels are summed in another order', () =>
    expectPass(
      pointwiseMatmulToConv,
      `${header} g (float[N, 400, 3, 5] X) => (float[N, 7, 3, 5] Y) <float[400, 7] W> { ${away} A = MatMul (T, W) ${back('A')} }`,
    ).toBecome(
      `
      T = Transpose <perm = [0, 2, 3, 1]> (X)
      M = Transpose <perm = [0, 3, 1, 2]> (T)
      Y = Conv <kernel_shape = [1, 1]> (M, W_kernel)`,
      { departs: true },
    ));
  test('stops at a LayerNormalization, with no Transpose more than before', () =>
    expectPass(
      pointwiseMatmulToConv,
      graph(`${away} L = LayerNormalization <axis = -1> (T, s, t) A = MatMul (L, W) ${back('A')}`, 'float[4] s, float[4] t, float[4, 4] W'),
    ).toBecome(`
      T = Transpose <perm = [0, 2, 3, 1]> (X)
      L = LayerNormalization <axis = -1> (T, s, t)
      M = Transpose <perm = [0, 3, 1, 2]> (L)
      Y = Conv <kernel_shape = [1, 1]> (M, W_kernel)`));
  test.each([
    ['a MatMul that stays channels last', graph(`${away} Y = MatMul (T, W)`, 'float[4, 5] W', 'float[N, 2, 3, 5] Y')],
    [
      'a product of activations',
      `${header} g (float[N, 4, 2, 3] X, float[4, 4] W) => (float[N, 4, 2, 3] Y) { ${away} A = MatMul (T, W) ${back('A')} }`,
    ],
    [
      'an activation that no MatMul precedes',
      graph(`L = Softmax <axis = 3> (X) R = Relu (L) Y = Transpose <perm = [0, 3, 1, 2]> (R)`, '', 'float[N, 3, 4, 2] Y'),
    ],
  ])('leaves %s alone', (_, text) => expectPass(pointwiseMatmulToConv, text).toStay());
});
