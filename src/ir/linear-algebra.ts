/**
 * Arithmetic on the weights of linear layers: in double precision, rounded once, computed when the writer asks for it.
 * Weight layouts are ONNX's: Conv [M, C/group, ...], ConvTranspose [C, M/group, ...], Gemm [K, M] or [M, K] (transB).
 */
import { eachNumber } from './stream';
import { computedTensor, elementCount, readNumbers, tensorBytes } from './tensor';
import type { EachNumber, Tensor } from './types';

/** One factor per index of `axis`: out[.., i, ..] = weight[.., i, ..] * factor(i). */
export function scaledAlong(weight: Tensor, axis: number, factors: () => ArrayLike<number>): Tensor {
  const inner = elementCount(weight.shape.slice(axis + 1));
  const length = weight.shape[axis] ?? 1;
  const scale = <T extends Float32Array | Float64Array>(from: ArrayLike<number>, to: T): T => {
    const k = factors();
    for (let row = 0; row * inner < to.length; row++) {
      const factor = k[row % length] ?? 0;
      for (let at = row * inner; at < (row + 1) * inner; at++) to[at] = (from[at] ?? 0) * factor;
    }
    return to;
  };
  const numbers = (): Float64Array => {
    const own = readNumbers(weight);
    return scale(own, own);
  };
  const each: EachNumber = (use, pieces) => {
    const k = factors();
    let first = 0;
    eachNumber(
      weight,
      (own) => {
        for (let at = 0; at < own.length; ) {
          const row = Math.floor((first + at) / inner);
          const factor = k[row % length] ?? 0;
          for (const end = Math.min(own.length, (row + 1) * inner - first); at < end; at++) own[at] = (own[at] ?? 0) * factor;
        }
        first += own.length;
        use(own);
      },
      pieces,
    );
  };
  // Floats to floats: each product is rounded as it is stored, without holding doubles.
  const isPlain = weight.dtype === 'float' && (weight.data.kind !== 'computed' || weight.data.permutation !== undefined);
  const floats = (): Float32Array => {
    const bytes = tensorBytes(weight);
    const own = new Float32Array(bytes.buffer, bytes.byteOffset, elementCount(weight.shape));
    return scale(own, new Float32Array(own.length));
  };
  return computedTensor(weight.dtype, weight.shape, numbers, isPlain ? () => new Uint8Array(floats().buffer) : undefined, each);
}

/** A bias of shape [M] that is computed when it is written. */
export const computedBias = (dtype: Tensor['dtype'], outputs: number, compute: () => ArrayLike<number>): Tensor =>
  computedTensor(dtype, [outputs], compute);

/**
 * The response of a convolution (without padding) to a constant value per input channel: out[m] = sum over c, taps of W[m, c, ...] * x[c].
 * `weight` is [M, C/group, ...].
 */
export function responseTo(weight: Tensor, group: number, perChannel: ArrayLike<number>): Float64Array {
  const [outputs = 0, channelsPerGroup = 0] = weight.shape;
  const taps = elementCount(weight.shape.slice(2));
  const outputsPerGroup = outputs / group;
  const result = new Float64Array(outputs);
  // Row by row: the taps of one input channel for one output.
  let first = 0;
  eachNumber(weight, (numbers) => {
    for (let at = 0; at < numbers.length; ) {
      const row = Math.floor((first + at) / taps);
      const m = Math.floor(row / channelsPerGroup);
      const x = perChannel[Math.floor(m / outputsPerGroup) * channelsPerGroup + (row % channelsPerGroup)] ?? 0;
      const end = Math.min(numbers.length, (row + 1) * taps - first);
      let sum = result[m] ?? 0;
      if (x !== 0) for (let tap = at; tap < end; tap++) sum += (numbers[tap] ?? 0) * x;
      result[m] = sum;
      at = end;
    }
    first += numbers.length;
  });
  return result;
}

/** Row-major a [rows, inner] times b [inner, columns], in double precision. */
export function matMul(a: Float64Array, b: Float64Array, rows: number, inner: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  // A block of b stays in the cache while all rows of a are multiplied with it.
  for (let from = 0; from < inner; from += BLOCK) {
    const to = Math.min(from + BLOCK, inner);
    for (let left = 0; left < columns; left += BLOCK) {
      const right = Math.min(left + BLOCK, columns);
      for (let row = 0; row < rows; row++) multiplyBlock(result, row * columns, a, row * inner, b, columns, from, to, left, right);
    }
  }
  return result;
}
const BLOCK = 128;

/** One row of the block, four rows of b at a time. */
function multiplyBlock(
  out: Float64Array,
  outRow: number,
  a: Float64Array,
  aRow: number,
  b: Float64Array,
  columns: number,
  from: number,
  to: number,
  left: number,
  right: number,
): void {
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const [p, q, r, s] = [a[aRow + at] ?? 0, a[aRow + at + 1] ?? 0, a[aRow + at + 2] ?? 0, a[aRow + at + 3] ?? 0];
    const [i, j, k, l] = [at * columns, (at + 1) * columns, (at + 2) * columns, (at + 3) * columns];
    for (let column = left; column < right; column++)
      out[outRow + column] =
        (out[outRow + column] ?? 0) +
        p * (b[i + column] ?? 0) +
        q * (b[j + column] ?? 0) +
        r * (b[k + column] ?? 0) +
        s * (b[l + column] ?? 0);
  }
  for (; at < to; at++) {
    const factor = a[aRow + at] ?? 0;
    for (let column = left; column < right; column++)
      out[outRow + column] = (out[outRow + column] ?? 0) + factor * (b[at * columns + column] ?? 0);
  }
}

/**
 * The kernel equivalent to two successive convolutions, one of which is 1x1: `second` after `first`, both with `group` groups.
 *   first [J, C/g, kh, kw], second [M, J/g, lh, lw]  ->  [M, C/g, max(kh, lh), max(kw, lw)]
 */
export function composedKernel(first: Tensor, second: Tensor, group: number): Tensor {
  const [middle = 0, inPerGroup = 0, ...firstTaps] = first.shape;
  const [outputs = 0, middlePerGroup = 0, ...secondTaps] = second.shape;
  const taps = firstTaps.map((size, axis) => Math.max(size, secondTaps[axis] ?? 1));
  const tapCount = elementCount(taps);
  const shape = [outputs, inPerGroup, ...taps];
  return computedTensor(first.dtype, shape, () => {
    const [a, b] = [readNumbers(first), readNumbers(second)];
    const secondIsPointwise = elementCount(secondTaps) === 1;
    const [outPerGroup, midPerGroup] = [outputs / group, middle / group];
    const result = new Float64Array(elementCount(shape));
    for (let g = 0; g < group; g++) {
      const from = a.subarray(
        g * midPerGroup * inPerGroup * elementCount(firstTaps),
        (g + 1) * midPerGroup * inPerGroup * elementCount(firstTaps),
      );
      const to = b.subarray(
        g * outPerGroup * middlePerGroup * elementCount(secondTaps),
        (g + 1) * outPerGroup * middlePerGroup * elementCount(secondTaps),
      );
      // [out, mid] x [mid, in * taps], or for each tap [out, mid] x [mid, in] laid out as [out, in, taps].
      const block = secondIsPointwise
        ? matMul(to, from, outPerGroup, midPerGroup, inPerGroup * tapCount)
        : perTap(to, from, outPerGroup, midPerGroup, inPerGroup, tapCount);
      result.set(block, g * outPerGroup * inPerGroup * tapCount);
    }
    return result;
  });
}

function perTap(second: Float64Array, first: Float64Array, outputs: number, middle: number, inputs: number, taps: number): Float64Array {
  const result = new Float64Array(outputs * inputs * taps);
  const slice = new Float64Array(outputs * middle);
  for (let tap = 0; tap < taps; tap++) {
    for (let at = 0; at < slice.length; at++) slice[at] = second[at * taps + tap] ?? 0;
    const product = matMul(slice, first, outputs, middle, inputs);
    for (let at = 0; at < product.length; at++) result[at * taps + tap] = product[at] ?? 0;
  }
  return result;
}
