import { openIntegers } from '../../passes/open-integers';
import { expectPass } from '../support/expect-pass';
import { integers, meaning } from '../support/integers';

const OPSETS = '<ir_version: 9, opset_import: ["" : 21, "com.microsoft" : 1]>';
/** Steps that are powers of two: sums are exact in floating point as well, and so are the numbers of both spellings. */
const X = meaning('X', 0.5, 100);
const W = meaning('W', 0.25, 0, 'int8');
const Y = meaning('Y', 32, 120);

describe('open-integers', () => {
  test('a convolution with a bias in steps of both scales', () =>
    expectPass(
      openIntegers,
      `${OPSETS} g (uint8[N, 2, 5, 4] X) => (uint8[N, 3, 3, 2] Y) <${X}, ${W}, ${Y}, ${integers('int8', 'K', [3, 2, 3, 3])}, ${integers('int32', 'B', [3])}> {
        Y = QLinearConv (X, Xs, Xz, K, Ws, Wz, Ys, Yz, B) }`,
    ).toBecome(`
      R = DequantizeLinear (X, Xs, Xz)
      L = DequantizeLinear (K, Ws, Wz)
      M = DequantizeLinear (B, B_scale)
      C = Conv (R, L, M)
      Y = QuantizeLinear (C, Ys, Yz)`));
  test('scales per output', () =>
    expectPass(
      openIntegers,
      `${OPSETS} g (uint8[N, 2, 5, 4] X) => (uint8[N, 3, 3, 2] Y) <${X}, ${meaning('W', [0.25, 0.5, 1], 0, 'int8')}, ${Y}, ${integers('int8', 'K', [3, 2, 3, 3])}> {
        Y = QLinearConv <pads = [0, 0, 0, 0]> (X, Xs, Xz, K, Ws, Wz, Ys, Yz) }`,
    ).toBecome(`
      R = DequantizeLinear (X, Xs, Xz)
      L = DequantizeLinear <axis = 0> (K, Ws, Wz)
      C = Conv <pads = [0, 0, 0, 0]> (R, L)
      Y = QuantizeLinear (C, Ys, Yz)`));
  test('a fully connected layer of ONNX Runtime', () =>
    expectPass(
      openIntegers,
      `${OPSETS} g (uint8[N, 6] X) => (uint8[N, 3] Y) <${X}, ${W}, ${Y}, ${integers('int8', 'K', [3, 6])}, ${integers('int32', 'B', [3])}> {
        Y = com.microsoft.QGemm <transB = 1> (X, Xs, Xz, K, Ws, Wz, B, Ys, Yz) }`,
    ).toBecome(`
      R = DequantizeLinear (X, Xs, Xz)
      L = DequantizeLinear (K, Ws, Wz)
      M = DequantizeLinear (B, B_scale)
      C = Gemm <transB = 1> (R, L, M)
      Y = QuantizeLinear (C, Ys, Yz)`));
  test('a sum of maps, and maps side by side', () =>
    expectPass(
      openIntegers,
      `${OPSETS} g (uint8[N, 2, 3, 3] A, uint8[N, 2, 3, 3] B) => (uint8[N, 4, 3, 3] Y) <${meaning('A', 0.5, 100)}, ${meaning('B', 0.25, 90)}, ${meaning('S', 1, 128)}, ${meaning('Y', 1, 128)}> {
        S = com.microsoft.QLinearAdd (A, As, Az, B, Bs, Bz, Ss, Sz)
        Y = com.microsoft.QLinearConcat <axis = 1> (Ys, Yz, S, Ss, Sz, A, As, Az) }`,
    ).toBecome(`
      R = DequantizeLinear (A, As, Az)
      L = DequantizeLinear (B, Bs, Bz)
      T = Add (R, L)
      S = QuantizeLinear (T, Ss, Sz)
      P = DequantizeLinear (S, Ss, Sz)
      Q = DequantizeLinear (A, As, Az)
      C = Concat <axis = 1> (P, Q)
      Y = QuantizeLinear (C, Ys, Yz)`));
  test.each([
    ['a scale that is computed', 'Y = QLinearConv (X, S, Xz, K, Ws, Wz, Ys, Yz)', 'its scales or zero points are computed'],
    ['a bias that is computed', 'Y = QLinearConv (X, Xs, Xz, K, Ws, Wz, Ys, Yz, T)', 'its bias is not one number per output'],
  ])('leaves %s alone', (_, body, reason) =>
    expectPass(
      openIntegers,
      `${OPSETS} g (uint8[N, 2, 5, 4] X, float S, int32[3] T) => (uint8[N, 3, 3, 2] Y) <${X}, ${W}, ${Y}, ${integers('int8', 'K', [3, 2, 3, 3])}> { ${body} }`,
    ).toRefuse(reason),
  );
  test('leaves what gives floating point, or has its channels last, alone', async () => {
    await expectPass(
      openIntegers,
      `${OPSETS} g (uint8[N, 6] X) => (float[N, 3] Y) <${X}, ${W}, ${integers('int8', 'K', [3, 6])}> { Y = com.microsoft.QGemm <transB = 1> (X, Xs, Xz, K, Ws, Wz) }`,
    ).toStay();
    await expectPass(
      openIntegers,
      `${OPSETS} g (uint8[N, 3, 4, 2] X) => (uint8[N, 1, 1, 2] Y) <${X}, ${Y}> { Y = com.microsoft.QLinearGlobalAveragePool <channels_last = 1> (X, Xs, Xz, Ys, Yz) }`,
    ).toStay();
  });
});
