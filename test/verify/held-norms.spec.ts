/**
 * A norm over the whole map, in a file whose sizes are fixed: only the freed original runs on larger images, and that proves nothing by itself. With the
 * statistics of the norm held fixed, the converted map has to move with the image.
 */
import { parseGraph } from '../support/expect-pass';
import { judged } from './oracle/judge';

const network = (norm: string, parameters: string): string =>
  `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 10, 10] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[5, 4] W${parameters}> {
     S = Conv <kernel_shape = [3, 3]> (X, K) T = Relu (S) ${norm} P = GlobalAveragePool (M) f = Flatten (P) Y = Gemm <transB = 1> (f, W) }`;

describe('a norm over the whole map', () => {
  test.each([
    [
      'GroupNorm as exporters write it, sizes in the file',
      'a = Reshape (T, flat) n = InstanceNormalization (a, one, zero) b = Reshape (n, map) c = Mul (b, s) M = Add (c, t)',
      ', int64[3] flat = {1, 2, -1}, int64[4] map = {1, 4, 8, 8}, float[2] one = {1, 1}, float[2] zero = {0, 0}, float[4, 1, 1] s, float[4, 1, 1] t',
    ],
    ['InstanceNormalization', 'M = InstanceNormalization (T, s, t)', ', float[4] s, float[4] t'],
  ])('%s', async (_, norm, parameters) => {
    const report = await judged(parseGraph(network(norm, parameters)), undefined, { head: 'window', samples: 3 });
    const statusOf = (name: string): string | undefined => report?.checks.find((check) => check.name === name)?.status;
    expect([report?.verdict, statusOf('shifted images'), statusOf('patches elsewhere')]).toEqual(['equal', 'equal', 'equal']);
  });
});
