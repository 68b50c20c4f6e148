import { linearToConv } from '../../passes/linear-to-conv';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 8, opset_import: ["" : 17]>';

describe('linear-to-conv', () => {
  test('reads a 2x3 map as the kernel of a convolution', () =>
    expectPass(
      linearToConv,
      `${header}
      g (float[N, 4, 2, 3] X) => (float[N, 5] Y) <float[5, 24] W, float[5] B> {
        F = Flatten <axis = 1> (X)
        Y = Gemm <transB = 1> (F, W, B)
      }`,
    ).toBecome(
      `
        Y_Conv = Conv <kernel_shape = [2, 3]> (X, W_kernel, B)
        Y = Flatten <axis = 1> (Y_Conv)`,
      { departs: true },
    ));

  test('transposes a weight that is stored [in, out]', () =>
    expectPass(
      linearToConv,
      `${header}
      g (float[N, 4, 2, 3] X) => (float[N, 5] Y) <float[24, 5] W, float[5] B> {
        F = Flatten (X)
        Y = Gemm (F, W, B)
      }`,
    ).toBecome(`
        Y_Conv = Conv <kernel_shape = [2, 3]> (X, W_kernel, B)
        Y = Flatten <axis = 1> (Y_Conv)`));

  test('needs no bias', () =>
    expectPass(
      linearToConv,
      `${header}
      g (float[2, 3, 1, 1] X) => (float[2, 5] Y) <float[5, 3] W> {
        F = Flatten (X)
        Y = Gemm <transB = 1> (F, W)
      }`,
    ).toBecome(`
        Y_Conv = Conv <kernel_shape = [1, 1]> (X, W_kernel)
        Y = Flatten <axis = 1> (Y_Conv)`));

  test('permutes the kernel where the map is channels-last', () =>
    expectPass(
      linearToConv,
      `${header}
      g (float[N, 4, 2, 3] X) => (float[N, 5] Y) <float[5, 24] W, float[5] B> {
        T = Transpose <perm = [0, 2, 3, 1]> (X)
        R = Relu (T)
        F = Flatten (R)
        Y = Gemm <transB = 1> (F, W, B)
      }`,
    ).toBecome(`
        T = Transpose <perm = [0, 2, 3, 1]> (X)
        R = Relu (T)
        Y_Transpose = Transpose <perm = [0, 3, 1, 2]> (R)
        Y_Conv = Conv <kernel_shape = [2, 3]> (Y_Transpose, W_kernel, B)
        Y = Flatten <axis = 1> (Y_Conv)`));

  test('serves two classifiers on one map, and leaves the vector to its other readers', () =>
    expectPass(
      linearToConv,
      `${header}
      g (float[N, 4, 2, 3] X) => (float[N, 5] Y, float[N, 6] Z, float[N, 24] V) <float[5, 24] W, float[6, 24] U> {
        F = Flatten (X)
        Y = Gemm <transB = 1> (F, W)
        Z = Gemm <transB = 1> (F, U)
        V = Relu (F)
      }`,
    ).toBecome(`
        F = Flatten (X)
        Y_Conv = Conv <kernel_shape = [2, 3]> (X, W_kernel)
        Y = Flatten <axis = 1> (Y_Conv)
        Z_Conv = Conv <kernel_shape = [2, 3]> (X, U_kernel)
        Z = Flatten <axis = 1> (Z_Conv)
        V = Relu (F)`));

  test('shares one weight between two layers', () =>
    expectPass(
      linearToConv,
      `${header}
      g (float[N, 4, 2, 3] X, float[N, 4, 2, 3] X2) => (float[N, 5] Y, float[N, 5] Z) <float[5, 24] W> {
        F = Flatten (X)
        F2 = Flatten (X2)
        Y = Gemm <transB = 1> (F, W)
        Z = Gemm <transB = 1> (F2, W)
      }`,
    ).toBecome(`
        Y_Conv = Conv <kernel_shape = [2, 3]> (X, W_kernel)
        Y = Flatten <axis = 1> (Y_Conv)
        Z_Conv = Conv <kernel_shape = [2, 3]> (X2, W_kernel_1)
        Z = Flatten <axis = 1> (Z_Conv)`));

  test.each([
    [
      'the height is symbolic',
      `g (float[1, 4, H, 3] X) => (float[1, 5] Y) <float[5, 24] W> { F = Flatten (X) Y = Gemm <transB = 1> (F, W) }`,
      'it is not known which axes of the flattened value are channels, and which are places',
    ],
    [
      'the bias has one number for all outputs',
      `g (float[N, 4, 2, 3] X) => (float[N, 5] Y) <float[5, 24] W, float[1] B> { F = Flatten (X) Y = Gemm <transB = 1> (F, W, B) }`,
      'the bias is not one number per output',
    ],
    [
      'alpha is 2',
      `g (float[N, 4, 2, 3] X) => (float[N, 5] Y) <float[5, 24] W> { F = Flatten (X) Y = Gemm <transB = 1, alpha = 2.0> (F, W) }`,
      undefined,
    ],
    [
      'the weight is computed',
      `g (float[N, 4, 2, 3] X, float[5, 24] W) => (float[N, 5] Y) { F = Flatten (X) Y = Gemm <transB = 1> (F, W) }`,
      undefined,
    ],
  ])('leaves the layer alone when %s', (_, text, reason) => expectPass(linearToConv, `${header} ${text}`).toRefuse(reason));
});

describe('a layer over several maps', () => {
  test('is a convolution over each, summed; strided pools become dense and their convolutions dilated', () =>
    expectPass(
      linearToConv,
      `${header}
      g (float[N, 2, 6, 7] X) => (float[N, 3] Y) <float[3, 26] W, float[3] B> {
        P = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (X)
        Q = MaxPool <kernel_shape = [2, 3], strides = [2, 2]> (X)
        F = Flatten (P)
        G = Flatten (Q)
        C = Concat <axis = 1> (F, G)
        Y = Gemm <transB = 1> (C, W, B)
      }`.replace('float[3, 26]', `float[3, ${2 * (2 * 3) + 2 * (3 * 3)}]`),
    ).toBecome(`
        P = MaxPool <kernel_shape = [3, 3], strides = [1, 1]> (X)
        A = Conv <kernel_shape = [2, 3], dilations = [2, 2]> (P, W_kernel, B)
        S = Slice (A, starts, ends, axes)
        Q = MaxPool <kernel_shape = [2, 3], strides = [1, 1]> (X)
        D = Conv <kernel_shape = [3, 3], dilations = [2, 2]> (Q, W_kernel_1)
        E = Add (S, D)
        Y = Flatten <axis = 1> (E)`));
});
