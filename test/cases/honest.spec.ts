/** Right conversions that verification once called different, or left unverified: each must be called equal. */
import { compile } from '../../src/compile';
import { modelToBytes } from '../../src/onnx/write';
import { verifyFiles } from '../../src/verify/files/verify';
import { parseGraph } from '../support/expect-pass';

const model = (text: string): string => `<ir_version: 9, opset_import: ["" : 18]> ${text}`;
/** Three layers that halve the map, from 8 x 8 to a single cell. */
const downTo1 = (last: string): string =>
  model(`g (float[N, 3, 8, 8] X) => (float[N, 5] Y) <float[4, 3, 3, 3] K, float[4, 4, 3, 3] L, float[5, 4] W> {
    A = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (X, K)
    P = Relu (A)
    B = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (P, L)
    Q = Relu (B)
    C = ${last}
    R = Relu (C)
    F = Flatten (R)
    Y = Gemm <transB = 1> (F, W)
  }`);
/** A padded layer, then what `body` makes of F [N, 4, 12, 14], then a padded layer with `channels` channels and a pooled head. */
const padded = (body: string, channels: number, weights = ''): string =>
  model(`g (float[N, 3, 12, 14] X) => (float[N, 5] Y)
    <float[4, 3, 3, 3] K, float[4, ${channels}, 3, 3] L, float[5, 4] W, int64[2] hw = {2, 3}, int64[2] two = {2, 2}, int64[2] end = {9999, 9999},
    int64[2] oo = {0, 0}, int64[2] oi = {0, 1}, int64[2] io = {1, 0}, int64[2] ii = {1, 1}${weights}> {
    A = Conv <pads = [1, 1, 1, 1]> (X, K)
    F = Relu (A)
    ${body}
    C = Conv <pads = [1, 1, 1, 1]> (G, L)
    R = Relu (C)
    M = GlobalAveragePool (R)
    V = Flatten (M)
    Y = Gemm <transB = 1> (V, W)
  }`);

const HONEST: readonly (readonly [string, string, 'window' | 'cell' | 'image'])[] = [
  ['a map of one cell behind a padded convolution', downTo1('Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (Q, L)'), 'window'],
  [
    'a map of one cell behind a padded pool',
    downTo1('AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (Q)'),
    'image',
  ],
  [
    'pixels that become channels, behind padding: odd sizes are cut',
    padded(
      `a = Slice (F, io, end, hw, two)
       b = Slice (F, oi, end, hw, two)
       c = Slice (F, ii, end, hw, two)
       d = Slice (F, oo, end, hw, two)
       G = Concat <axis = 1> (a, b, c, d)`,
      16,
    ),
    'window',
  ],
  [
    'a map that is finer than the image',
    padded('E = Conv (F, E1) G = DepthToSpace <blocksize = 3> (E)', 4, ', float[36, 4, 1, 1] E1'),
    'cell',
  ],
  [
    'down and up again, between pixels',
    padded(
      `D = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (F)
       G = Resize <mode = "linear"> (D, , S)`,
      4,
      ', float[4] S = {1, 1, 2, 2}',
    ),
    'window',
  ],
  [
    'a branch that reads the map from outside',
    padded(
      `s = Shape <start = 0, end = 1> (F)
       big = Greater (s, none)
       is = Squeeze (big)
       G = If (is) <then_branch = a () => (float[N, 4, 12, 14] P) { m = GlobalAveragePool (F) P = Mul (F, m) },
         else_branch = b () => (float[N, 4, 12, 14] Q) { Q = Neg (F) }>`,
      4,
      ', int64[1] none = {0}',
    ),
    'cell',
  ],
  [
    'a mirrored map in front of the mean over the windows',
    model(`g (float[N, 3, 10, 11] X) => (float[N, 5] Y)
      <float[4, 3, 3, 3] K, float[5, 288] W, int64[1] last = {-1}, int64[1] first = {-9999}, int64[1] columns = {3}> {
      A = Conv (X, K)
      F = Relu (A)
      B = Slice (F, last, first, columns, last)
      V = Flatten (B)
      Y = Gemm <transB = 1> (V, W)
    }`),
    'image',
  ],
];

test.each(HONEST)('%s', async (_, text, head) => {
  const original = parseGraph(text);
  const { model: converted } = compile(original, { head });
  const report = await verifyFiles(original, modelToBytes(converted), { samples: 2 });
  expect(report.checks.filter(({ status }) => status === 'different')).toEqual([]);
  expect(report.verdict).toBe('equal');
});
