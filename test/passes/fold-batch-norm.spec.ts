import { foldBatchNorm } from '../../passes/fold-batch-norm';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights: string, output = 'float[N, 6, 4, 5] Y'): string =>
  `${header} g (float[N, 4, 4, 5] X) => (${output}) ${weights} { ${body} }`;
const stats = (n: number): string =>
  `float[${n}] s, float[${n}] b, float[${n}] m, float[${n}] v = {${Array.from({ length: n }, (_, at) => 0.5 + at / 4).join(', ')}}`;

describe('fold-batch-norm', () => {
  test('absorbs a norm behind a padded, grouped convolution', () =>
    expectPass(
      foldBatchNorm,
      graph(
        'C = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 2> (X, W, B) Y = BatchNormalization <epsilon = 0.001> (C, s, b, m, v)',
        `<float[6, 2, 3, 3] W, float[6] B, ${stats(6)}>`,
      ),
    ).toBecome(`
      Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 2> (X, W_folded, B_folded)`));
  test('absorbs a norm behind a layer without bias', () =>
    expectPass(
      foldBatchNorm,
      graph('C = Conv (X, W) Y = BatchNormalization (C, s, b, m, v)', `<float[6, 4, 1, 1] W, ${stats(6)}>`),
    ).toBecome(`
      Y = Conv (X, W_folded, B_folded)`));
  test('absorbs scales and shifts by constants, whichever side they stand on', () =>
    expectPass(
      foldBatchNorm,
      graph(
        'C = Conv (X, W) M = Mul (k, C) D = Div (M, d) A = Add (c, D) Y = Sub (e, A)',
        '<float[6, 4, 1, 1] W, float[6, 1, 1] k, float d = {2}, float[1, 6, 1, 1] c, float[6, 1, 1] e>',
      ),
    ).toBecome(`
      Y = Conv (X, W_folded, B_folded)`));
  test('absorbs a bias and a scale behind the Transpose of a channels-last source', () =>
    expectPass(
      foldBatchNorm,
      graph(
        'C = Conv (X, W) T = Transpose <perm = [0, 2, 3, 1]> (C) M = Mul (T, k) Y = Add (c, M)',
        '<float[6, 4, 1, 1] W, float[1, 6] k, float[6] c>',
        'float[N, 4, 5, 6] Y',
      ),
    ).toBecome(`
      C = Conv (X, W_folded, B_folded)
      Y = Transpose <perm = [0, 2, 3, 1]> (C)`));
  test('absorbs a bias behind a Flatten that drops axes of one', () =>
    expectPass(
      foldBatchNorm,
      graph('C = Conv <kernel_shape = [4, 5]> (X, W) F = Flatten (C) Y = Add (F, c)', '<float[6, 4, 4, 5] W, float[6] c>', 'float[N, 6] Y'),
    ).toBecome(`
      C = Conv <kernel_shape = [4, 5]> (X, W, B_folded)
      Y = Flatten (C)`));
  test.each([
    [
      'a number per column, not per channel',
      'C = Conv (X, W) T = Transpose <perm = [0, 1, 3, 2]> (C) Y = Add (T, c)',
      '<float[6, 4, 1, 1] W, float[4] c>',
      'float[N, 6, 5, 4] Y',
    ],
    ['a Flatten of places', 'C = Conv (X, W) F = Flatten (C) Y = Add (F, c)', '<float[6, 4, 1, 1] W, float[120] c>', 'float[N, 120] Y'],
    [
      'a Transpose that somebody else reads',
      'C = Conv (X, W) T = Transpose <perm = [0, 2, 3, 1]> (C) A = Add (T, c) Y = Mul (A, T)',
      '<float[6, 4, 1, 1] W, float[6] c>',
      'float[N, 4, 5, 6] Y',
    ],
  ])('leaves %s alone', (_, body, weights, output) => expectPass(foldBatchNorm, graph(body, weights, output)).toStay());
  test('absorbs a norm behind ConvTranspose along its own axis of outputs', () =>
    expectPass(
      foldBatchNorm,
      graph(
        'C = ConvTranspose <kernel_shape = [2, 2]> (X, W) Y = BatchNormalization (C, s, b, m, v)',
        `<float[4, 6, 2, 2] W, ${stats(6)}>`,
        'float[N, 6, 5, 6] Y',
      ),
    ).toBecome(`
      Y = ConvTranspose <kernel_shape = [2, 2]> (X, W_folded, B_folded)`));
  test('absorbs a norm in front of an unpadded, grouped convolution', () =>
    expectPass(
      foldBatchNorm,
      graph(
        'A = BatchNormalization (X, s, b, m, v) Y = Conv <kernel_shape = [2, 3], group = 2> (A, W, B)',
        `<float[6, 2, 2, 3] W, float[6] B, ${stats(4)}>`,
        'float[N, 6, 3, 3] Y',
      ),
    ).toBecome(`
      Y = Conv <kernel_shape = [2, 3], group = 2> (X, W_folded, B_folded)`));
  test('absorbs a scale in front of a padded convolution', () =>
    expectPass(
      foldBatchNorm,
      graph('A = Mul (X, k) Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (A, W)', '<float[6, 4, 3, 3] W, float[4, 1, 1] k>'),
    ).toBecome(
      `
      Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, W_folded)`,
      { departs: true },
    ));
  test('absorbs a norm between two linear layers', () =>
    expectPass(
      foldBatchNorm,
      `${header} g (float[N, 3] X) => (float[N, 2] Y) <float[3, 4] W, ${stats(4)}, float[2, 4] V> {
        A = Gemm (X, W) B = BatchNormalization (A, s, b, m, v) R = Relu (B) Y = Gemm <transB = 1> (R, V) }`,
    ).toBecome(`
        B = Gemm (X, W_folded, B_folded)
        R = Relu (B)
        Y = Gemm <transB = 1> (R, V)`));
  test.each([
    [
      'a shift in front of zero padding',
      graph('A = Add (X, k) Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (A, W)', '<float[6, 4, 3, 3] W, float[4, 1, 1] k>'),
      'padded with zeros after the shift',
    ],
    [
      'a layer with another reader',
      graph(
        'C = Conv (X, W) Y = BatchNormalization (C, s, b, m, v) Z = Relu (C)',
        `<float[6, 4, 1, 1] W, ${stats(6)}>`,
        'float[N, 6, 4, 5] Y, float[N, 6, 4, 5] Z',
      ),
      'has another reader',
    ],
    [
      'a shared weight',
      graph(
        'C = Conv (X, W) Y = BatchNormalization (C, s, b, m, v) Z = Conv (X, W)',
        `<float[6, 4, 1, 1] W, ${stats(6)}>`,
        'float[N, 6, 4, 5] Y, float[N, 6, 4, 5] Z',
      ),
      'shared with another layer',
    ],
    ['a constant per place', graph('C = Conv (X, W) Y = Add (C, k)', '<float[6, 4, 1, 1] W, float[4, 5] k>'), undefined],
  ])('leaves %s alone', (_, text, reason) => expectPass(foldBatchNorm, text).toRefuse(reason));
});
