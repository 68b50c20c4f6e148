/**
 * A map whose rows and columns are selected by index, in front of an average: on a larger image the file selects the same rows, a conversion those at the
 * same distance from the edges. Verification has to compare the same things.
 */
import { parseGraph } from '../support/expect-pass';
import { judged } from './oracle/judge';

const network = (body: string, parameters: string): string =>
  `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[5, 4] W${parameters}> {
     S = Conv <kernel_shape = [3, 3]> (X, K) T = Relu (S) ${body} P = GlobalAveragePool (M) f = Flatten (P) Y = Gemm <transB = 1> (f, W) }`;

describe('rows selected by index, in front of an average', () => {
  test.each([
    ['Gather', 'M = Gather <axis = 2> (T, i)', ', int64[4] i = {1, 2, 3, 4}'],
    ['Gather, every second', 'M = Gather <axis = 3> (T, i)', ', int64[3] i = {0, 2, 4}'],
    ['Slice', 'M = Slice (T, s, e, a)', ', int64[2] s = {1, 0}, int64[2] e = {5, 5}, int64[2] a = {2, 3}'],
    ['CenterCropPad', 'M = CenterCropPad <axes = [2, 3]> (T, t)', ', int64[2] t = {4, 5}'],
    ['Split', 'M, N = Split <axis = 2> (T, p)', ', int64[2] p = {4, 2}'],
  ])('%s', async (_, body, parameters) => {
    for (const head of ['window', 'cell', 'image'] as const) {
      const report = await judged(parseGraph(network(body, parameters)), undefined, { head, samples: 3 });
      expect([head, report?.verdict]).toEqual([head, 'equal']);
    }
  });
});
