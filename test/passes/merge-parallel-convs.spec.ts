import { foldBatchNorm } from '../../passes/fold-batch-norm';
import { mergeParallelConvs } from '../../passes/merge-parallel-convs';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights: string, output = 'float[N, 6, 4, 5] Y'): string =>
  `${header} g (float[N, 4, 4, 5] X) => (${output}) ${weights} { ${body} }`;
const stats = (n: number): string =>
  `float[${n}] s, float[${n}] b, float[${n}] m, float[${n}] v = {${Array.from({ length: n }, (_, at) => 0.5 + at / 4).join(', ')}}`;

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
    ).toBecome(
      `
      Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 2> (X, W_folded)`,
      { departs: true },
    ));
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
