/** Numbers that are random to a network and the same in every run. */
import { elementCount, fromNumbers, isFloatType } from '../../src/ir/tensor';
import type { DType, Tensor } from '../../src/ir/types';

/** mulberry32: uniform in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a. */
export function hash(text: string): number {
  let state = 0x811c9dc5;
  for (const char of text) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return state;
}

/** Floats in [-scale, scale), integers in [0, 10), booleans. */
export function seededTensor(dtype: DType, shape: readonly number[], seed: number, scale = 1): Tensor {
  const next = random(seed);
  const draw = isFloatType(dtype)
    ? () => (next() * 2 - 1) * scale
    : dtype === 'bool'
      ? () => Math.floor(next() * 2)
      : () => Math.floor(next() * 10);
  return fromNumbers(dtype, shape, Array.from({ length: elementCount(shape) }, draw));
}

/** A weight whose numbers depend on its name. Variances, by their name, are positive. */
export function seededConstant(name: string, dtype: DType, shape: readonly number[]): Tensor {
  if (!isFloatType(dtype)) throw new Error(`write out the data of '${name}': ${dtype}s have a meaning`);
  const tensor = seededTensor(dtype, shape, hash(name));
  if (!/var/i.test(name)) return tensor;
  const next = random(hash(name));
  return fromNumbers(
    dtype,
    shape,
    Array.from({ length: elementCount(shape) }, () => 0.5 + next()),
  );
}
