/** IEEE 754 half precision: conversion from numbers (round to nearest, ties to even) and back. */

/** Converts the bits of a half to a number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Converts a number to the bits of a half. */
export function numberToHalf(value: number): number {
  return toHalves([value])[0] ?? 0;
}

/** Converts many numbers (hundreds of millions), using the bits of the doubles. */
export function toHalves(numbers: ArrayLike<number>): Uint16Array {
  const halves = new Uint16Array(numbers.length);
  const double = new Float64Array(1);
  const words = new Uint32Array(double.buffer);
  const [low, high] = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0];
  for (let at = 0; at < numbers.length; at++) {
    double[0] = numbers[at] ?? 0;
    halves[at] = halfOf(words[high] ?? 0, words[low] ?? 0);
  }
  return halves;
}

/** `high`: sign, exponent and the first 20 bits of the fraction of a double; `low`: the other 32. */
function halfOf(high: number, low: number): number {
  const sign = (high >>> 16) & 0x8000;
  const exponent = ((high >>> 20) & 0x7ff) - 1008;
  // Lower bits matter only if any is set, so a single sticky bit represents them.
  const fraction = ((high & 0xfffff) << 1) | (low === 0 ? 0 : 1);
  if (exponent === 1039) return sign | (fraction === 0 ? 0x7c00 : 0x7e00);
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent < -10) return sign;
  // Below the normal range of a half, the leading one becomes explicit.
  const whole = exponent > 0 ? (exponent << 21) | fraction : fraction | 0x200000;
  const shift = exponent > 0 ? 11 : 12 - exponent;
  const half = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  // A fraction that rounds up carries into the exponent, which the addition does by itself.
  return sign | (half + (rest > middle || (rest === middle && (half & 1) === 1) ? 1 : 0));
}
