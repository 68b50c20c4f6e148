/**
 * Small classifiers of ordinary make-up, for putting faults into their conversions: with and without padding, gates, strides, two outputs, several heads;
 * of signals and volumes; of integers.
 */
import type { Model } from '../../../src/ir/model';
import { table } from '../../../src/ir/table';
import { parseGraph } from '../../support/expect-pass';
import { integers, meaning } from '../../support/integers';

const weights = '<float[6, 3, 3, 3] K, float[6] B, float[6, 6, 3, 3] L, float[6, 6, 1, 1] G';
const header = '<ir_version: 9, opset_import: ["" : 18, "com.microsoft" : 1]>';
const padded = 'pads = [1, 1, 1, 1], kernel_shape = [3, 3]';

/** Name, and text in ONNX's own form. Images are 12 x 10. */
const TEXTS: Readonly<Record<string, string>> = table({
  'one layer': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 480] W> {
    C = Conv <kernel_shape = [3, 3]> (X, K, B) R = Relu (C) F = Flatten (R) Y = Gemm <transB = 1> (F, W) }`,
  'a strided layer': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 120] W> {
    C = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K, B) R = Relu (C) F = Flatten (R) Y = Gemm <transB = 1> (F, W) }`,
  padding: `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 180] W> {
    C = Conv <${padded}> (X, K, B) R = Relu (C) P = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R)
    F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`,
  'two padded layers': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 180] W> {
    C = Conv <${padded}> (X, K, B) R = Relu (C) P = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R)
    D = Conv <${padded}> (P, L) S = Relu (D) F = Flatten (S) Y = Gemm <transB = 1> (F, W) }`,
  'a residual block': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 720] W> {
    C = Conv <${padded}> (X, K, B) R = Relu (C) D = Conv <${padded}> (R, L) A = Add (D, R) S = Relu (A)
    F = Flatten (S) Y = Gemm <transB = 1> (F, W) }`,
  'a global pool': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 6] W> {
    C = Conv <${padded}> (X, K, B) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`,
  'a sigmoid': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 6] W> {
    C = Conv <kernel_shape = [3, 3]> (X, K, B) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) Z = Gemm <transB = 1> (F, W)
    Y = Sigmoid (Z) }`,
  'a softmax': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 120] W> {
    C = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K, B) R = Relu (C) F = Flatten (R) Z = Gemm <transB = 1> (F, W)
    Y = Softmax <axis = 1> (Z) }`,
  'a gate': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 720] W> {
    C = Conv <${padded}> (X, K, B) R = Relu (C) P = GlobalAveragePool (R) Q = Conv <kernel_shape = [1, 1]> (P, G) S = Sigmoid (Q)
    M = Mul (R, S) F = Flatten (M) Y = Gemm <transB = 1> (F, W) }`,
  'two outputs': `(float[N, 3, 12, 10] X) => (float[N, 4] Y, float[N, 4] Z) ${weights}, float[4, 480] W, float[4, 480] V> {
    C = Conv <kernel_shape = [3, 3]> (X, K, B) R = Relu (C) F = Flatten (R) Y = Gemm <transB = 1> (F, W)
    Z = Gemm <transB = 1> (F, V) }`,
  'two outputs behind padding': `(float[N, 3, 12, 10] X) => (float[N, 4] Y, float[N, 4] Z) ${weights}, float[4, 180] W, float[4, 6] V> {
    C = Conv <${padded}> (X, K, B) R = Relu (C) P = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R) F = Flatten (P)
    Y = Gemm <transB = 1> (F, W) A = GlobalAveragePool (P) G2 = Flatten (A) Z = Gemm <transB = 1> (G2, V) }`,
  'eight pixels': `(float[N, 3, 16, 24] X) => (float[N, 4] Y) ${weights}, float[4, 36] W> {
    C = Conv <${padded}, strides = [2, 2]> (X, K, B) R = Relu (C) P = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R)
    D = Conv <${padded}, strides = [2, 2]> (P, L) S = Relu (D) F = Flatten (S) Y = Gemm <transB = 1> (F, W) }`,
  'four pixels, a global pool': `(float[N, 3, 16, 12] X) => (float[N, 4] Y) ${weights}, float[4, 6] W> {
    C = Conv <${padded}, strides = [2, 2]> (X, K, B) R = Relu (C) P = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R)
    A = GlobalAveragePool (P) F = Flatten (A) Y = Gemm <transB = 1> (F, W) }`,
  'a gate and a global pool': `(float[N, 3, 12, 10] X) => (float[N, 4] Y) ${weights}, float[4, 6] W> {
    C = Conv <${padded}> (X, K, B) R = Relu (C) P = GlobalAveragePool (R) Q = Conv <kernel_shape = [1, 1]> (P, G) S = Sigmoid (Q)
    M = Mul (R, S) A = GlobalAveragePool (M) F = Flatten (A) Y = Gemm <transB = 1> (F, W) }`,
  'a signal': `(float[N, 2, 40] X) => (float[N, 4] Y) <float[4, 2, 5] K, float[6, 4, 3] L, float[4, 48] W> {
    C = Conv <strides = [2]> (X, K) R = Relu (C) P = MaxPool <kernel_shape = [2], strides = [2]> (R) D = Conv <pads = [1, 0]> (P, L)
    S = Relu (D) F = Flatten (S) Y = Gemm <transB = 1> (F, W) }`,
  'a signal, a global pool': `(float[N, 2, 40] X) => (float[N, 4] Y) <float[4, 2, 5] K, float[4, 4] W> {
    C = Conv <strides = [4], pads = [2, 2]> (X, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`,
  'a volume': `(float[N, 1, 6, 8, 9] X) => (float[N, 4] Y) <float[4, 1, 3, 3, 3] K, float[4, 48] W> {
    C = Conv <strides = [1, 2, 2], pads = [0, 0, 0, 0, 0, 1]> (X, K) R = Relu (C)
    P = MaxPool <kernel_shape = [2, 2, 2], strides = [2, 1, 1]> (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`,
  integers: `(float[1, 2, 12, 10] X) => (float[1, 5] Y) <${meaning('Q', 0.0213, 121)}, ${meaning('A', 0.0731, 0)}, ${meaning('Y', 0.211, 131)}, ${integers('int8', 'K', [4, 2, 3, 3])}, ${integers('int32', 'B', [4])}, ${meaning('W', 0.0031, 0, 'int8')}, ${meaning('V', 0.0017, 0, 'int8')}, ${integers('int8', 'L', [5, 80])}, ${integers('int32', 'C', [5])}> {
    x = QuantizeLinear (X, Qs, Qz) a = QLinearConv (x, Qs, Qz, K, Ws, Wz, As, Az, B) m = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)
    f = Flatten <axis = 1> (m) y = com.microsoft.QGemm <transB = 1> (f, As, Az, L, Vs, Vz, C, Ys, Yz) Y = DequantizeLinear (y, Ys, Yz) }`,
});

export const NETWORKS: ReadonlyMap<string, () => Model> = new Map(
  Object.entries(TEXTS).map(([name, text]) => [name, () => parseGraph(`${header} g ${text}`)]),
);
