import { averageFirst } from '../../passes/average-first';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights = '', output = 'float[N, 5, 1, 1] Y'): string =>
  `${header} g (float[N, 4, 2, 3] X) => (${output}) ${weights} { ${body} }`;

describe('average-first', () => {
  test('averages in front of a 1x1 convolution', () =>
    expectPass(
      averageFirst,
      graph('C = Conv <kernel_shape = [1, 1]> (X, W, B) Y = GlobalAveragePool (C)', '<float[5, 4, 1, 1] W, float[5] B>'),
    ).toBecome(
      `
      P = GlobalAveragePool (X)
      Y = Conv <kernel_shape = [1, 1]> (P, W, B)`,
      { departs: true },
    ));
  test('averages windows first, as in transition layers', () =>
    expectPass(
      averageFirst,
      `${header} g (float[N, 4, 4, 6] X) => (float[N, 2, 2, 3] Y) <float[2, 4, 1, 1] W> {
        C = Conv <kernel_shape = [1, 1]> (X, W)
        Y = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (C)
      }`,
    ).toBecome(`
        P = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (X)
        Y = Conv <kernel_shape = [1, 1]> (P, W)`));
  test('does not move a bias past padding that counts', () =>
    expectPass(
      averageFirst,
      `${header} g (float[N, 4, 4, 6] X) => (float[N, 2, 3, 4] Y) <float[2, 4, 1, 1] W, float[2] B> {
        C = Conv <kernel_shape = [1, 1]> (X, W, B)
        Y = AveragePool <kernel_shape = [2, 2], strides = [2, 2], pads = [1, 1, 1, 1], count_include_pad = 1> (C)
      }`,
    ).toRefuse('the pool counts its zero padding, which the layer would shift'));
  test('leaves a layer whose result has another reader', () =>
    expectPass(
      averageFirst,
      graph(
        'C = Conv <kernel_shape = [1, 1]> (X, W) Y = GlobalAveragePool (C) Z = Relu (C)',
        '<float[5, 4, 1, 1] W>',
        'float[N, 5, 1, 1] Y, float[N, 5, 2, 3] Z',
      ),
    ).toRefuse('has another reader'));
  test('leaves a layer that pools would see more channels of at no gain', () =>
    expectPass(
      averageFirst,
      graph('C = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, W) Y = GlobalAveragePool (C)', '<float[5, 4, 3, 3] W>'),
    ).toStay());
});
