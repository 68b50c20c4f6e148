import { averageLast } from '../../passes/average-last';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights = '', output = 'float[N, 5, 1, 1] Y'): string =>
  `${header} g (float[N, 4, 2, 3] X) => (${output}) ${weights} { ${body} }`;

describe('average-last', () => {
  test('classifies every cell, then averages', () =>
    expectPass(
      averageLast,
      graph('P = GlobalAveragePool (X) Y = Conv <kernel_shape = [1, 1]> (P, W, B)', '<float[5, 4, 1, 1] W, float[5] B>'),
    ).toBecome(
      `
      C = Conv <kernel_shape = [1, 1]> (X, W, B)
      Y = GlobalAveragePool (C)`,
      { departs: true },
    ));
  test('passes what is affine per channel', () =>
    expectPass(
      averageLast,
      graph('P = GlobalAveragePool (X) M = Mul (P, k) Y = Add (s, M)', '<float[4, 1, 1] k, float[4, 1, 1] s>', 'float[N, 4, 1, 1] Y'),
    ).toBecome(`
      M = Mul (X, k)
      A = Add (s, M)
      Y = GlobalAveragePool (A)`));
  test('adds two averages of one map size', () =>
    expectPass(
      averageLast,
      graph('R = Relu (X) P = GlobalAveragePool (X) Q = GlobalAveragePool (R) Y = Add (P, Q)', '', 'float[N, 4, 1, 1] Y'),
    ).toBecome(`
      R = Relu (X)
      A = Add (X, R)
      Y = GlobalAveragePool (A)`));
  test('stops in front of an activation', () =>
    expectPass(averageLast, graph('P = GlobalAveragePool (X) Y = Relu (P)', '', 'float[N, 4, 1, 1] Y')).toStay());
});
