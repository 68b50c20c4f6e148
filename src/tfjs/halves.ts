/** float32 to IEEE 754 half by bits, to nearest, ties to even: for a hundred million numbers at a time. */
export function toHalves(numbers: Float32Array): Uint16Array {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const halves = new Uint16Array(numbers.length);
  for (let at = 0; at < bits.length; at++) halves[at] = halfOf(bits[at] ?? 0);
  return halves;
}

function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const mantissa = bits & 0x7fffff;
  if (exponent === 143) return sign | (mantissa === 0 ? 0x7c00 : 0x7e00);
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent < -10) return sign;
  // Below the normal halves the leading one is written out.
  const whole = exponent > 0 ? (exponent << 23) | mantissa : mantissa | 0x800000;
  const shift = exponent > 0 ? 13 : 14 - exponent;
  const half = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  // A mantissa that rounds up carries into the exponent, which is what addition does.
  return sign | (half + (rest > middle || (rest === middle && (half & 1) === 1) ? 1 : 0));
}
