/** Ten small classifiers of ordinary make-up, for putting faults into their conversions: with and without padding, gates, strides, two outputs, several heads. */
import type { Model } from '../../../src/ir/model';
import { table } from '../../../src/ir/table';
import { parseGraph } from '../../support/expect-pass';

const weights = '<float[6, 3, 3, 3] K, float[6] B, float[6, 6, 3, 3] L, float[6, 6, 1, 1] G';
const header = '<ir_version: 9, opset_import: ["" : 18]>';
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
});

export const NETWORKS: ReadonlyMap<string, () => Model> = new Map(
  Object.entries(TEXTS).map(([name, text]) => [name, () => parseGraph(`${header} g ${text}`)]),
);
