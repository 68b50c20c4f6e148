import { openFused } from '../../passes/open-fused';
import { expectPass } from '../support/expect-pass';
import { expectSliding } from '../support/sliding';

const header = '<ir_version: 9, opset_import: ["" : 20, "com.microsoft" : 1]>';
const conv = (attrs: string, inputs = '(X, W, B)', weights = 'float[3, 2, 3, 3] W, float[3] B'): string =>
  `${header} g (float[N, 2, 6, 5] X) => (float[N, 3, 4, 3] Y) <${weights}> { Y = com.microsoft.FusedConv <kernel_shape = [3, 3]${attrs}> ${inputs} }`;

describe('open-fused', () => {
  test('a convolution with its activation', () =>
    expectPass(openFused, conv(', activation = "Relu"')).toBecome('C = Conv <kernel_shape = [3, 3]> (X, W, B) Y = Relu (C)'));
  test('an activation with parameters', () =>
    expectPass(openFused, conv(', activation = "HardSigmoid", activation_params = [0.25, 0.5]')).toBecome(
      'C = Conv <kernel_shape = [3, 3]> (X, W, B) Y = HardSigmoid <alpha = 0.25> (C)',
    ));
  test('bounds', () =>
    expectPass(openFused, conv(', activation = "Clip", activation_params = [-0.5, 0.5]')).toBecome(
      'C = Conv <kernel_shape = [3, 3]> (X, W, B) Y = Clip (C, low, high)',
    ));
  test('a map that is added', () =>
    expectPass(
      openFused,
      `${header} g (float[N, 2, 6, 5] X, float[N, 3, 4, 3] Z) => (float[N, 3, 4, 3] Y) <float[3, 2, 3, 3] W> { Y = com.microsoft.FusedConv <activation = "Relu"> (X, W, , Z) }`,
    ).toBecome('C = Conv (X, W) A = Add (C, Z) Y = Relu (A)'));
  test('a fully connected layer with its activation', () =>
    expectPass(
      openFused,
      `${header} g (float[N, 7] X) => (float[N, 3] Y) <float[3, 7] W, float[3] B> { Y = com.microsoft.FusedGemm <transB = 1, activation = "LeakyRelu", activation_alpha = 0.25> (X, W, B) }`,
    ).toBecome('G = Gemm <transB = 1> (X, W, B) Y = LeakyRelu <alpha = 0.25> (G)'));
  test('a product with a factor and a turned matrix', () =>
    expectPass(
      openFused,
      `${header} g (float[N, 7] X) => (float[N, 3] Y) <float[3, 7] W> { Y = com.microsoft.FusedMatMul <transB = 1, alpha = 0.5> (X, W) }`,
    ).toBecome('T = Transpose <perm = [1, 0]> (W) M = MatMul (X, T) Y = Mul (M, alpha)'));
  test.each([
    ['Gelu', 'com.microsoft.Gelu (X)', 'Y = Gelu (X)'],
    ['Gelu of a sum', 'com.microsoft.BiasGelu (X, b)', 'A = Add (X, b) Y = Gelu (A)'],
    ['the tanh form', 'com.microsoft.FastGelu (X)', 'Y = Gelu <approximate = "tanh"> (X)'],
  ])('%s', (_, text, body) =>
    expectPass(openFused, `${header} g (float[N, 6] X) => (float[N, 6] Y) <float[6] b> { Y = ${text} }`).toBecome(body),
  );
  test('the sigmoid form', () =>
    expectPass(openFused, `${header} g (float[N, 600] X) => (float[N, 600] Y) { Y = com.microsoft.QuickGelu <alpha = 1.7> (X) }`).toBecome(
      'A = Mul (X, alpha) S = Sigmoid (A) Y = Mul (X, S)',
    ));
  test('a factor is rounded by itself', () =>
    expectPass(
      openFused,
      `${header} g (float[N, 600] X) => (float[N, 4] Y) <float[600, 4] W> { Y = com.microsoft.FusedMatMul <alpha = 0.3> (X, W) }`,
    ).toBecome('M = MatMul (X, W) Y = Mul (M, alpha)', { departs: true }));
  test.each([
    [
      'an activation without a form in ONNX',
      conv(', activation = "ScaledTanh", activation_params = [1.0, 1.0]'),
      "activation 'ScaledTanh' is not known",
    ],
    [
      'a product that moves the batch',
      `${header} g (float[2, 3, 4] X, float[4, 2, 5] Z) => (float[2, 3, 5] Y) { Y = com.microsoft.FusedMatMul <transBatchB = 1> (X, Z) }`,
      'it moves the batch of its matrices',
    ],
  ])('leaves %s alone', (_, text, reason) => expectPass(openFused, text).toRefuse(reason));
  test('an optimised classifier slides as its original does', () =>
    expectSliding(
      `${header} g (float[1, 3, 12, 11] X) => (float[1, 5] Y) <float[4, 3, 3, 3] W, float[4] B, float[4, 4, 1, 1] V, float[6, 288] L, float[6] l, float[6, 5] K> {
      A = com.microsoft.FusedConv <kernel_shape = [3, 3], activation = "Relu"> (X, W, B)
      C = com.microsoft.FusedConv <activation = "Relu"> (A, V, , A)
      P = MaxPool <kernel_shape = [2, 2], strides = [1, 1]> (C) F = Flatten (P)
      G = com.microsoft.FusedGemm <transB = 1, activation = "Relu"> (F, L, l) Y = com.microsoft.FusedMatMul (G, K) }`
        .replace('L0', 'L')
        .replace('[6, 320]', '[6, 288]'),
    ));
});
