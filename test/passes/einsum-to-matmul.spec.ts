import { einsumToMatmul } from '../../passes/einsum-to-matmul';
import { expectPass } from '../support/expect-pass';
import { expectCrops } from '../support/windows';

const graph = (equation: string, weight: string, output: string, order = '(X, W)'): string =>
  `<ir_version: 9, opset_import: ["" : 18]> g (float[N, 4, 2, 3] X) => (float${output} Y) <float${weight} W> { Y = Einsum <equation = "${equation}"> ${order} }`;

describe('einsum-to-matmul', () => {
  test('over channels, at every place', () =>
    expectPass(einsumToMatmul, graph('nchw,dc->ndhw', '[5, 4]', '[N, 5, 2, 3]')).toBecome(`
      T = Transpose <perm = [0, 2, 3, 1]> (X)
      M = MatMul (T, W_matrix)
      Y = Transpose <perm = [0, 3, 1, 2]> (M)`));
  test('over the whole map, the weight on the left, its axes in another order', () =>
    expectPass(einsumToMatmul, graph('whco, nchw -> no', '[3, 2, 4, 5]', '[N, 5]', '(W, X)')).toBecome(`
      R = Reshape (X, rows)
      Y = MatMul (R, W_matrix)`));
  test('over rows, with two axes of outputs', () =>
    expectPass(einsumToMatmul, graph('nchw,hab->ncawb', '[2, 5, 6]', '[N, 4, 5, 3, 6]')).toBecome(`
      T = Transpose <perm = [0, 1, 3, 2]> (X)
      M = MatMul (T, W_matrix)
      R = Reshape (M, outputs)
      Y = Transpose <perm = [0, 1, 3, 2, 4]> (R)`));
  test('a scale per channel, the result turned', () =>
    expectPass(einsumToMatmul, graph('nchw,c->nhwc', '[4]', '[N, 2, 3, 4]')).toBecome(`
      M = Mul (X, W_scale)
      Y = Transpose <perm = [0, 2, 3, 1]> (M)`));
  test('a scale for each channel and column, in the other order', () =>
    expectPass(einsumToMatmul, graph('nchw,wc->nchw', '[3, 4]', '[N, 4, 2, 3]')).toBecome('Y = Mul (X, W_scale)'));
  test('a dot product', () =>
    expectPass(einsumToMatmul, graph('nchw,chw->n', '[4, 2, 3]', '[N]')).toBecome(
      `
      R = Reshape (X, rows)
      M = MatMul (R, W_matrix)
      Y = Reshape (M, outputs)`,
      { departs: true },
    ));
  test.each([
    ['a sum over the weight alone', graph('nchw,cd->nchw', '[4, 5]', '[N, 4, 2, 3]'), 'stands in one term alone'],
    ['a weight per channel and output', graph('nchw,chwo->nco', '[4, 2, 3, 5]', '[N, 4, 5]'), 'differs along an axis that stays'],
    ['an ellipsis', graph('n...,...->n', '[4, 2, 3]', '[N]'), 'diagonals or an ellipsis'],
  ])('leaves %s alone', (_, text, reason) => expectPass(einsumToMatmul, text).toRefuse(reason));
  test('sums over what the image alone has come first', () => {
    expectPass(einsumToMatmul, graph('nchw,c->nch', '[4]', '[N, 4, 2]')).toBecome(`
      Y_ReduceSum = ReduceSum <keepdims = 0> (X, Y_summed)
      [Y_Einsum_Mul] Y = Mul (Y_ReduceSum, W_scale)`);
    expectPass(einsumToMatmul, graph('nchw,oc->no', '[5, 4]', '[N, 5]')).toBecome(`
      Y_ReduceSum = ReduceSum <keepdims = 0> (X, Y_summed)
      [Y_Einsum_MatMul] Y = MatMul (Y_ReduceSum, W_matrix)`);
  });
  test('several constants are one', () =>
    expectPass(
      einsumToMatmul,
      `<ir_version: 9, opset_import: ["" : 18]> g (float[N, 4, 2, 3] X) => (float[N, 5] Y) <float[4, 5] W, float[2] H, float[3] C> {
        Y = Einsum <equation = "nchw,co,h,w->no"> (X, W, H, C) }`,
    ).toBecome(`
      [Y_Einsum_Einsum_Reshape] rows = Reshape (X, rows_shape)
      [Y_Einsum_Einsum_MatMul] Y = MatMul (rows, matrix)`));
  test('a classifier over a map slides', () =>
    expectCrops(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 10, 9] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[5, 4, 8, 7] W> {
      F = Conv (X, K) Y = Einsum <equation = "nchw,ochw->no"> (F, W) }`));
});
