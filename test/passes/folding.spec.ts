import { foldBatchNorm } from '../../passes/fold-batch-norm';
import { foldNetworkInNetwork } from '../../passes/fold-network-in-network';
import { fusePad } from '../../passes/fuse-pad';
import { mergeParallelConvs } from '../../passes/merge-parallel-convs';
import { shareEqualConstants } from '../../passes/share-equal-constants';
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
    ).toBecome(`
      Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, W_folded)`));
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
    ).toBecome(`
      Y = Gemm <transB = 1> (X, V_folded, B_folded)`));
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

describe('merge-parallel-convs', () => {
  test('RepVGG: 3x3, 1x1 and identity with norms are one 3x3', () =>
    expectPass(
      [foldBatchNorm, mergeParallelConvs],
      `${header} g (float[N, 4, 4, 5] X) => (float[N, 4, 4, 5] Y) <float[4, 4, 3, 3] W, float[4] B, float[4, 4, 1, 1] V, float[4] D, ${stats(4)}> {
        A = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, W, B) C = Conv (X, V, D) S = Add (A, C) I = BatchNormalization (X, s, b, m, v) Y = Add (S, I) }`,
    ).toBecome(`
        Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, W_folded, B_folded)`));
  test('depthwise branches of different sizes, one of them not centred', () =>
    expectPass(
      mergeParallelConvs,
      `${header} g (float[N, 4, 4, 5] X) => (float[N, 4, 4, 5] Y) <float[4, 1, 5, 3] W, float[4, 1, 2, 1] V, float[4] D> {
        A = Conv <kernel_shape = [5, 3], pads = [2, 1, 2, 1], group = 4> (X, W) C = Conv <kernel_shape = [2, 1], pads = [0, 0, 1, 0], group = 4> (X, V, D) Y = Add (A, C) }`,
    ).toBecome(`
        Y = Conv <kernel_shape = [5, 3], pads = [2, 1, 2, 1], group = 4> (X, W_folded, D)`));
  test('the plain identity, with groups', () =>
    expectPass(
      mergeParallelConvs,
      graph(
        'A = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 2> (X, W) Y = Add (A, X)',
        '<float[4, 2, 3, 3] W>',
        'float[N, 4, 4, 5] Y',
      ),
    ).toBecome(`
      Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 2> (X, W_folded)`));
  test.each([
    [
      'branches of different groups',
      graph('A = Conv (X, W) B = Conv <group = 2> (X, V) Y = Add (A, B)', '<float[6, 4, 1, 1] W, float[6, 2, 1, 1] V>'),
      'different strides or groups',
    ],
    [
      'one channel added to many',
      graph(
        'A = Conv <pads = [1, 1, 1, 1]> (X, W) B = Conv (X, V) Y = Add (A, B)',
        '<float[1, 4, 3, 3] W, float[6, 4, 1, 1] V>',
        'float[N, 6, 4, 5] Y',
      ),
      'broadcast over the other',
    ],
    [
      'many channels to which one is added',
      graph(
        'A = Conv <pads = [1, 1, 1, 1]> (X, W) B = Conv (X, V) Y = Add (B, A)',
        '<float[6, 4, 3, 3] W, float[1, 4, 1, 1] V>',
        'float[N, 6, 4, 5] Y',
      ),
      'broadcast over the other',
    ],
    [
      'one row added to many',
      graph('A = Conv (X, W) B = Conv (X, V) Y = Add (A, B)', '<float[6, 4, 4, 1] W, float[6, 4, 1, 1] V>', 'float[N, 6, 4, 5] Y'),
      'broadcast over the other',
    ],
    [
      'one place added to all that a padded kernel makes of it',
      graph(
        'G = GlobalAveragePool (X) A = Conv <pads = [2, 2, 2, 2]> (G, W) Y = Add (A, G)',
        '<float[4, 4, 3, 3] W>',
        'float[N, 4, 3, 3] Y',
      ),
      'broadcast over the other',
    ],
    [
      'branches of different inputs',
      graph('R = Relu (X) A = Conv (X, W) B = Conv (R, V) Y = Add (A, B)', '<float[6, 4, 1, 1] W, float[6, 4, 1, 1] V>'),
      undefined,
    ],
  ])('leaves %s alone', (_, text, reason) => expectPass(mergeParallelConvs, text).toRefuse(reason));
});

describe('fuse-pad', () => {
  const pads = '<int64[8] p = {0, 0, 1, 2, 0, 0, 0, 1}';
  test('into a convolution that pads already', () =>
    expectPass(
      fusePad,
      graph(
        'P = Pad (X, p) Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (P, W)',
        `${pads}, float[6, 4, 3, 3] W>`,
        'float[N, 6, 5, 8] Y',
      ),
    ).toBecome(`
      Y = Conv <kernel_shape = [3, 3], pads = [2, 3, 1, 2]> (X, W)`));
  test('into an average that then counts the zeros', () =>
    expectPass(fusePad, graph('P = Pad (X, p) Y = AveragePool <kernel_shape = [3, 3]> (P)', `${pads}>`, 'float[N, 4, 3, 6] Y')).toBecome(`
      Y = AveragePool <kernel_shape = [3, 3], pads = [1, 2, 0, 1], count_include_pad = 1> (X)`));
  test.each([
    [
      'an average that rounds its size up',
      graph(
        'P = Pad (X, p) Y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (P)',
        `${pads}>`,
        'float[N, 4, 2, 4] Y',
      ),
      'rounds its size up',
    ],
    [
      'a maximum that rounds its size up',
      graph(
        'R = Relu (X) P = Pad (R, p) Y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (P)',
        `${pads}>`,
        'float[N, 4, 2, 4] Y',
      ),
      'rounds its size up',
    ],
    [
      'zeros in front of a maximum',
      graph('P = Pad (X, p) Y = MaxPool <kernel_shape = [3, 3]> (P)', `${pads}>`, 'float[N, 4, 3, 6] Y'),
      'MaxPool with minus infinity',
    ],
    [
      'a reflection',
      graph(
        'P = Pad <mode = "reflect"> (X, p) Y = Conv <kernel_shape = [1, 1]> (P, W)',
        `${pads}, float[6, 4, 1, 1] W>`,
        'float[N, 6, 5, 8] Y',
      ),
      "pads by 'reflect'",
    ],
    [
      'another value than zero',
      graph(
        'P = Pad (X, p, o) Y = Conv <kernel_shape = [1, 1]> (P, W)',
        `${pads}, float o = {1}, float[6, 4, 1, 1] W>`,
        'float[N, 6, 5, 8] Y',
      ),
      'it pads with 1',
    ],
  ])('leaves %s alone', (_, text, reason) => expectPass(fusePad, text).toRefuse(reason));
});

test('share-equal-constants keeps one of each', () =>
  expectPass(
    shareEqualConstants,
    graph(
      'A = Add (X, a) B = Add (A, b) Y = Add (B, c)',
      '<float[2] q = {1, 2}, float[5] a = {1, 2, 3, 4, 5}, float[5] b = {1, 2, 3, 4, 5}, float[5] c = {1, 2, 3, 4, 6}>',
      'float[N, 4, 4, 5] Y',
    ),
  ).toBecome(`
    A = Add (X, a)
    B = Add (A, a)
    Y = Add (B, c)`));
