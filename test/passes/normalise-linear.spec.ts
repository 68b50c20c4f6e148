import { normaliseLinear } from '../../passes/normalise-linear';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 8, opset_import: ["" : 17]>';

describe('normalise-linear', () => {
  test('takes MatMul and Add as one Gemm, whichever way round they are added', () =>
    expectPass(
      normaliseLinear,
      `${header} g (float[N, 3] X) => (float[N, 2] Y) <float[3, 2] W, float[2] B> { M = MatMul (X, W) Y = Add (B, M) }`,
    ).toBecome(`
        Y = Gemm (X, W, B)`));
  test('takes MatMul alone', () =>
    expectPass(normaliseLinear, `${header} g (float[N, 3] X) => (float[N, 2] Y) <float[3, 2] W> { Y = MatMul (X, W) }`).toBecome(`
        Y = Gemm (X, W)`));
  test.each([
    ['[1, M]', 'float[1, 2] B'],
    ['one number', 'float[1] B'],
    ['a scalar', 'float B'],
  ])('spreads a bias of %s', (_, bias) =>
    expectPass(normaliseLinear, `${header} g (float[N, 3] X) => (float[N, 2] Y) <float[3, 2] W, ${bias}> { Y = Gemm (X, W, B) }`).toBecome(`
        Y = Gemm (X, W, B_bias)`),
  );
  test('multiplies alpha and beta in', () =>
    expectPass(
      normaliseLinear,
      `${header} g (float[N, 3] X) => (float[N, 2] Y) <float[2, 3] W, float[2] B> { Y = Gemm <alpha = 0.5, beta = 3.0, transB = 1> (X, W, B) }`,
    ).toBecome(`
        Y = Gemm <transB = 1> (X, W_scaled, B_bias)`));
  test('a factor of the weight is rounded with it', () =>
    expectPass(
      normaliseLinear,
      `${header} g (float[N, 1] X) => (float[N, 4] Y) <float[4, 1] W> { Y = Gemm <alpha = 0.3, transB = 1> (X, W) }`,
    ).toBecome('Y = Gemm <transB = 1> (X, W_scaled)', { departs: true }));
  test('drops a bias times 0, whatever is in it', () =>
    expectPass(
      normaliseLinear,
      `${header} g (float[N, 3] X, float[N, 2] B) => (float[N, 2] Y) <float[3, 2] W> { Y = Gemm <beta = 0.0> (X, W, B) }`,
    ).toBecome(`
        Y = Gemm (X, W)`));
  test('puts a Transpose in front of a transposed operand', () =>
    expectPass(
      normaliseLinear,
      `${header} g (float[3, N] X) => (float[N, 2] Y) <float[3, 2] W> { Y = Gemm <transA = 1> (X, W) }`,
    ).toBecome(`
        Y_Transpose = Transpose <perm = [1, 0]> (X)
        Y = Gemm (Y_Transpose, W)`));
  test.each([
    [
      'the bias differs along the batch',
      `g (float[2, 3] X) => (float[2, 4] Y) <float[3, 4] W, float[2, 1] B> { Y = Gemm (X, W, B) }`,
      'the bias is not one number per output',
    ],
    [
      'the bias is computed',
      `g (float[2, 3] X, float[4] B) => (float[2, 4] Y) <float[3, 4] W> { Y = Gemm (X, W, B) }`,
      'its bias is computed',
    ],
  ])('leaves the layer alone when %s', (_, text, reason) => expectPass(normaliseLinear, `${header} ${text}`).toRefuse(reason));
  test('keeps an Add of an activation apart', () =>
    expectPass(
      normaliseLinear,
      `${header} g (float[N, 3] X, float[N, 2] B) => (float[N, 2] Y) <float[3, 2] W> { M = MatMul (X, W) Y = Add (M, B) }`,
    ).toBecome(`
        M = Gemm (X, W)
        Y = Add (M, B)`));
});
