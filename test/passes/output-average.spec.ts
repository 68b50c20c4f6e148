import { outputAverage } from '../../passes/output-average';
import { expectPass } from '../support/expect-pass';

const graph = (body: string, output = 'float[N, 3] Y'): string =>
  `g (float[N, 4, 2, 3] X) => (${output}) <float[3, 4, 2, 3] W, int64[1] axis = {1}> { ${body} }`;

describe('output-average', () => {
  test('averages the map in front of the Flatten', () =>
    expectPass(outputAverage, graph('C = Conv <kernel_shape = [2, 3]> (X, W) Y = Flatten (C)')).toBecome(`
      C = Conv <kernel_shape = [2, 3]> (X, W)
      P = GlobalAveragePool (C)
      Y = Flatten (P)`));
  test('averages an output that is a map, which keeps its name', () =>
    expectPass(outputAverage, graph('Y = Conv <kernel_shape = [2, 3]> (X, W)', 'float[N, 3, 1, 1] Y')).toBecome(`
      C = Conv <kernel_shape = [2, 3]> (X, W)
      Y = GlobalAveragePool (C)`));
  test('averages each of two outputs', () =>
    expectPass(
      outputAverage,
      graph('C = Conv <kernel_shape = [2, 3]> (X, W) Y = Flatten (C) R = Relu (C) Z = Flatten (R)', 'float[N, 3] Y, float[N, 3] Z'),
    ).toBecome(`
      C = Conv <kernel_shape = [2, 3]> (X, W)
      P = GlobalAveragePool (C)
      Y = Flatten (P)
      R = Relu (C)
      Q = GlobalAveragePool (R)
      Z = Flatten (Q)`));
  test.each([
    ['a map of several cells', 'C = Conv <kernel_shape = [2, 2]> (X, V) Y = Flatten (C)', 'float[N, 6] Y'],
    ['an average', 'C = GlobalAveragePool (X) Y = Flatten (C)', 'float[N, 4] Y'],
    ['a vector that was no map', 'C = ReduceMax (X, a) Y = Relu (C)', 'float[N, 1, 2, 3] Y'],
  ])('leaves %s alone', (_, body, output) =>
    expectPass(outputAverage, `g (float[N, 4, 2, 3] X) => (${output}) <float[3, 4, 2, 2] V, int64[1] a = {1}> { ${body} }`).toStay(),
  );
  test('labels have no average', () =>
    expectPass(
      outputAverage,
      graph('C = Conv <kernel_shape = [2, 3]> (X, W) L = ArgMax <axis = 1> (C) Y = Flatten (L)', 'int64[N, 1] Y'),
    ).toRefuse('labels have no average'));
});
