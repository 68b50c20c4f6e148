/** Exact fractions of integers, in lowest terms. Strides and offsets of networks are such fractions; a float instead would turn 13 into 13.000001. */
export interface Ratio {
  readonly num: number;
  /** Always positive. */
  readonly den: number;
}

export function ratio(num: number, den = 1): Ratio {
  if (den === 1) return { num: num + 0, den };
  const shared = gcd(num, den) || 1;
  const sign = den < 0 ? -1 : 1;
  // Adding 0 turns -0 into 0.
  return { num: (sign * num) / shared + 0, den: (sign * den) / shared };
}

export const ONE: Ratio = { num: 1, den: 1 };
export const ZERO: Ratio = { num: 0, den: 1 };

export const plus = (a: Ratio, b: Ratio): Ratio => ratio(a.num * b.den + b.num * a.den, a.den * b.den);
export const minus = (a: Ratio, b: Ratio): Ratio => plus(a, { num: -b.num, den: b.den });
export const times = (a: Ratio, b: Ratio): Ratio => ratio(a.num * b.num, a.den * b.den);
export const inverse = ({ num, den }: Ratio): Ratio => ratio(den, num);
export const sameRatio = (a: Ratio, b: Ratio): boolean => a.num === b.num && a.den === b.den;
export const isBelow = (a: Ratio, b: Ratio): boolean => a.num * b.den < b.num * a.den;
export const least = (a: Ratio, b: Ratio): Ratio => (isBelow(b, a) ? b : a);
export const greatest = (a: Ratio, b: Ratio): Ratio => (isBelow(a, b) ? b : a);
export const absolute = ({ num, den }: Ratio): Ratio => ({ num: Math.abs(num), den });
export const toNumber = ({ num, den }: Ratio): number => num / den;

/** Least common multiple: the smallest positive number divisible by both. */
export const commonMultiple = (a: number, b: number): number => Math.abs(a / gcd(a, b)) * Math.abs(b);
/** The smallest multiple of the integer that is also an integer multiple of the ratio. */
export const commonMultipleWith = (integer: number, { num, den }: Ratio): number => commonMultiple(integer * den, num) / den;

/** Greatest common divisor. Numbers that have grown without bound have only 1. */
export function gcd(a: number, b: number): number {
  if (!(Number.isFinite(a) && Number.isFinite(b))) return 1;
  let [large, small] = [Math.abs(a), Math.abs(b)];
  while (small > 0) [large, small] = [small, large % small];
  return large;
}
