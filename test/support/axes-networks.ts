/** Small classifiers of signals, volumes and pictures of many bands, with seeded weights; and arrays for them. */
import { random } from './seeded';

const head = (input: string, output: string, weights: string, body: string): string =>
  `<ir_version: 8, opset_import: ["" : 17]> g (${input} X) => (${output} Y) <${weights}> { ${body} }`;

/** [N, C, T]: a window of 200 samples. */
export const signalNetwork = (channels = 1, pads = 0): string =>
  head(
    `float[1, ${channels}, 200]`,
    'float[1, 4]',
    `float[6, ${channels}, 16] K, float[6] B, float[8, 6, 4] L, float[4, 8] F`,
    `A = Conv <kernel_shape = [16], strides = [4], pads = [${pads}, ${pads}]> (X, K, B) R = Relu (A) M = MaxPool <kernel_shape = [2], strides = [2]> (R)
     C = Conv <kernel_shape = [4]> (M, L) S = Relu (C) P = GlobalAveragePool (S) V = Flatten (P) Y = Gemm <transB = 1> (V, F)`,
  );

/** [N, C, D, H, W]: a window of 12 x 16 x 16. */
export const volumeNetwork = (pads = 0): string =>
  head(
    'float[1, 1, 12, 16, 16]',
    'float[1, 3]',
    'float[5, 1, 3, 3, 3] K, float[6, 5, 2, 2, 2] L, float[3, 6] F',
    `A = Conv <kernel_shape = [3, 3, 3], strides = [2, 2, 2], pads = [${Array(6).fill(pads).join(', ')}]> (X, K) R = Relu (A)
     C = Conv <kernel_shape = [2, 2, 2]> (R, L) S = Relu (C) P = GlobalAveragePool (S) V = Flatten (P) Y = Gemm <transB = 1> (V, F)`,
  );

/** [N, 13, H, W]: a window of 20 x 20. */
export const bandsNetwork = (bands = 13): string =>
  head(
    `float[1, ${bands}, 20, 20]`,
    'float[1, 3]',
    `float[5, ${bands}, 3, 3] K, float[3, 5] F`,
    'A = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K) R = Relu (A) P = GlobalAveragePool (R) V = Flatten (P) Y = Gemm <transB = 1> (V, F)',
  );

export function noiseNumbers(count: number, seed = 1): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length: count }, () => next() * 2 - 1);
}
