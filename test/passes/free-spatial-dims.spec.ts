/** Numbers of pixels that an exporter wrote down, at other sizes: every window's map must be the original's on its crop. */
import { compile } from '../../src/compile';
import { codeOf } from '../support/code-of';
import { parseGraph } from '../support/expect-pass';
import { expectSliding } from '../support/sliding';

const header = '<ir_version: 9, opset_import: ["" : 18]>';

/** A pooled classifier of the part of the image that `slice` takes. */
const pooled = (slice: string, constants: string): string => `${header} g (float[1, 2, 8, 9] X) => (float[1, 3] Y)
  <float[4, 2, 3, 3] K, float[3, 4] W, ${constants}> {
    S = Slice (X, ${slice}) C = Conv <kernel_shape = [3, 3]> (S, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P)
    Y = Gemm <transB = 1> (F, W) }`;
const axes = 'int64[2] a = {2, 3}';

describe('free-spatial-dims: a Slice keeps its distance from both edges', () => {
  test.each([
    ['the centre', 'int64[2] s = {2, 1}, int64[2] e = {6, 8}'],
    ['the first rows and columns', 'int64[2] s = {0, 0}, int64[2] e = {6, 5}'],
    ['the last ones, counted from behind', 'int64[2] s = {-6, -5}, int64[2] e = {9223372036854775807, 9223372036854775807}'],
    ['the last ones, counted from the front', 'int64[2] s = {2, 4}, int64[2] e = {8, 9}'],
    ['one edge from each side', 'int64[2] s = {-6, 2}, int64[2] e = {-1, 8}'],
  ])('%s', async (_, ends) => {
    await expectSliding(pooled('s, e, a', `${ends}, ${axes}`));
  });

  test('every second row from the second one', async () => {
    await expectSliding(pooled('s, e, a, t', `int64[2] s = {1, 0}, int64[2] e = {8, 9}, ${axes}, int64[2] t = {1, 2}`));
  });

  test('crops of one image, whose scores are averaged', async () => {
    await expectSliding(`${header} g (float[1, 2, 8, 9] X) => (float[1, 3] Y)
      <float[4, 2, 3, 3] K, float[3, 4] W, ${axes}, int64[2] s = {0, 0}, int64[2] e = {6, 7}, int64[2] t = {2, 2}, int64[2] f = {8, 9}> {
        S = Slice (X, s, e, a) C = Conv <kernel_shape = [3, 3]> (S, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) A = Gemm <transB = 1> (F, W)
        T = Slice (X, t, f, a) D = Conv <kernel_shape = [3, 3]> (T, K) Q = Relu (D) O = GlobalAveragePool (Q) G = Flatten (O) B = Gemm <transB = 1> (G, W)
        Y = Mean (A, B) }`);
  });

  test('a crop beside a valid convolution', async () => {
    await expectSliding(`${header} g (float[1, 2, 8, 9] X) => (float[1, 3] Y)
      <float[2, 2, 3, 3] K, float[3, 84] W, ${axes}, int64[2] s = {1, 1}, int64[2] e = {7, 8}> {
        C = Conv <kernel_shape = [3, 3]> (X, K) S = Slice (X, s, e, a) A = Add (C, S) R = Relu (A) F = Flatten (R) Y = Gemm <transB = 1> (F, W) }`);
  });
});

describe('free-spatial-dims: what stays fixed is a refusal', () => {
  const resized = `${header} g (float[1, 2, 8, 8] X) => (float[1, 3] Y) <int64[4] z = {1, 2, 6, 6}, float[4, 2, 3, 3] K, float[3, 4] W> {
    Z = Resize <mode = "linear"> (X, , , z) C = Conv <kernel_shape = [3, 3]> (Z, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P)
    Y = Gemm <transB = 1> (F, W) }`;
  test.each(['window', 'cell', 'image'] as const)('a Resize to a fixed size in front of the trunk, head %s', (head) => {
    // Any image would be squeezed and seen once.
    expect(codeOf(() => compile(parseGraph(resized), { head }))).toBe('CANNOT_SLIDE');
  });
});
