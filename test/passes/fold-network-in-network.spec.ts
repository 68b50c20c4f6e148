import { foldNetworkInNetwork } from '../../passes/fold-network-in-network';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights: string, output = 'float[N, 6, 4, 5] Y'): string =>
  `${header} g (float[N, 4, 4, 5] X) => (${output}) ${weights} { ${body} }`;

describe('fold-network-in-network', () => {
  test('1x1 behind k x k, padded and strided', () =>
    expectPass(
      foldNetworkInNetwork,
      graph(
        'C = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, W, B) Y = Conv <strides = [2, 2]> (C, V, D)',
        '<float[6, 4, 3, 3] W, float[6] B, float[3, 6, 1, 1] V, float[3] D>',
        'float[N, 3, 2, 3] Y',
      ),
    ).toBecome(`
      Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (X, V_folded, D_folded)`));
  test('k x k behind 1x1 without a bias, padded', () =>
    expectPass(
      foldNetworkInNetwork,
      graph(
        'C = Conv (X, W) Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (C, V, D)',
        '<float[6, 4, 1, 1] W, float[5, 6, 3, 3] V, float[5] D>',
        'float[N, 5, 4, 5] Y',
      ),
    ).toBecome(`
      Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, V_folded, D)`));
  test('grouped 1x1 behind grouped 1x1', () =>
    expectPass(
      foldNetworkInNetwork,
      graph('C = Conv <group = 2> (X, W, B) Y = Conv <group = 2> (C, V)', '<float[8, 2, 1, 1] W, float[8] B, float[6, 4, 1, 1] V>'),
    ).toBecome(`
      Y = Conv <group = 2, kernel_shape = [1, 1]> (X, V_folded, B_folded)`));
  test('linear behind linear', () =>
    expectPass(
      foldNetworkInNetwork,
      `${header} g (float[N, 3] X) => (float[N, 2] Y) <float[3, 4] W, float[4] B, float[2, 4] V> { A = Gemm (X, W, B) Y = Gemm <transB = 1> (A, V) }`,
    ).toBecome(
      `
      Y = Gemm <transB = 1> (X, V_folded, B_folded)`,
      { departs: true },
    ));
  test.each([
    [
      'a bottleneck',
      graph('C = Conv (X, W) Y = Conv (C, V)', '<float[1, 4, 1, 1] W, float[6, 1, 1, 1] V>'),
      'would cost more multiply-adds',
    ],
    [
      'a bias in front of zero padding',
      graph(
        'C = Conv (X, W, B) Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (C, V)',
        '<float[6, 4, 1, 1] W, float[6] B, float[6, 6, 3, 3] V>',
      ),
      'pads with zeros where the first has its bias',
    ],
    [
      'different groups',
      graph('C = Conv <group = 2> (X, W) Y = Conv (C, V)', '<float[8, 2, 1, 1] W, float[6, 8, 1, 1] V>'),
      'different numbers of groups',
    ],
  ])('leaves %s alone', (_, text, reason) => expectPass(foldNetworkInNetwork, text).toRefuse(reason));
});
