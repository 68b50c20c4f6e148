/**
 * Arithmetic on single elements of shape computations: integers and dimensions, floating-point numbers, and quotients of a dimension that are yet to be
 * rounded (`ceil(height / 2)` computed in floats). Anything that cannot be followed exactly is undefined.
 */
import {
  addDims,
  ceilDivideDim,
  divideDim,
  floorDivideDim,
  leastDim,
  maxDims,
  minDims,
  mostDim,
  multiplyDims,
  sameDim,
  subtractDims,
} from '../dims';
import { halfToNumber, numberToHalf } from '../half';
import { table } from '../table';
import type { Dim, DType } from '../types';

/** over / by, if it is not an integer at every size. */
export interface Ratio {
  readonly over: Dim;
  readonly by: number;
}
/** A Dim that is a number may have a fractional part. */
export type Element = Dim | Ratio;

export const isRatio = (element: Element): element is Ratio => typeof element === 'object';
/** The element, if it is a dimension or an integer. */
export const wholeOf = (element: Element): Dim =>
  isRatio(element) || (typeof element === 'number' && !Number.isInteger(element)) ? undefined : element;

/** A number converted to the runtime's type; undefined if that cannot be followed. */
export function fitted(element: Element, dtype: DType | undefined): Element {
  if (typeof element !== 'number') return element;
  if (dtype === 'float') return Math.fround(element);
  if (dtype === 'float16') return halfToNumber(numberToHalf(element));
  if (dtype === 'double') return element;
  if (dtype === 'bool') return Number(element !== 0);
  const limit = dtype && LIMITS[dtype];
  if (limit === undefined || !Number.isInteger(element)) return undefined;
  return element >= limit[0] && element <= limit[1] ? element : undefined;
}
/** Integers that each type holds exactly. An int64 beyond 2^53 is an "infinite" marker, which survives rounding. */
const LIMITS: Readonly<Record<string, readonly [number, number]>> = table({
  int64: [-(2 ** 63), 2 ** 63],
  uint64: [0, 2 ** 64],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  uint16: [0, 2 ** 16 - 1],
  int8: [-128, 127],
  uint8: [0, 255],
  bfloat16: [-256, 256],
});

const ratioOf = (element: Element): Ratio | undefined => {
  if (element === undefined || isRatio(element)) return element;
  if (typeof element === 'string' || Number.isInteger(element)) return { over: element, by: 1 };
  for (let by = 2; by <= 1024; by *= 2) if (Number.isInteger(element * by)) return { over: element * by, by };
  return undefined;
};
function lowestTerms({ over, by }: Ratio): Element {
  if (by === 1) return over;
  return divideDim(over, by) ?? (over === undefined ? undefined : { over, by });
}
/** Floats are exact only for denominators that are powers of two; other quotients may only be rounded. */
const isDyadic = ({ by }: Ratio): boolean => Number.isInteger(Math.log2(by));

const exactly =
  (numbers: (a: number, b: number) => number, ratios: (a: Ratio, b: Ratio) => Ratio) =>
  (a: Element, b: Element): Element => {
    if (typeof a === 'number' && typeof b === 'number') return numbers(a, b);
    const [x, y] = [ratioOf(a), ratioOf(b)];
    return x && y && isDyadic(x) && isDyadic(y) ? lowestTerms(ratios(x, y)) : undefined;
  };

export const add = exactly(
  (a, b) => a + b,
  (a, b) => ({ over: addDims(multiplyDims(a.over, b.by), multiplyDims(b.over, a.by)), by: a.by * b.by }),
);
export const subtract = exactly(
  (a, b) => a - b,
  (a, b) => ({ over: subtractDims(multiplyDims(a.over, b.by), multiplyDims(b.over, a.by)), by: a.by * b.by }),
);
export const multiply = exactly(
  (a, b) => a * b,
  (a, b) => ({ over: multiplyDims(a.over, b.over), by: a.by * b.by }),
);
export const smaller = exactly(Math.min, (a, b) => ({
  over: minDims(multiplyDims(a.over, b.by), multiplyDims(b.over, a.by)),
  by: a.by * b.by,
}));
export const larger = exactly(Math.max, (a, b) => ({
  over: maxDims(multiplyDims(a.over, b.by), multiplyDims(b.over, a.by)),
  by: a.by * b.by,
}));
export const negate = (a: Element): Element => subtract(0, a);

/** Division of floats. */
export function divide(a: Element, b: Element): Element {
  if (typeof a === 'number' && typeof b === 'number') return a / b;
  const [x, y] = [ratioOf(a), ratioOf(b)];
  if (!x || !y || !isDyadic(x)) return undefined;
  if (typeof y.over === 'number') {
    if (y.over === 0) return undefined;
    const sign = Math.sign(y.over);
    return lowestTerms({ over: multiplyDims(x.over, y.by * sign), by: x.by * y.over * sign });
  }
  const quotient = divideDim(multiplyDims(x.over, y.by), multiplyDims(y.over, x.by));
  return quotient;
}

/** Division of integers, rounded towards zero. */
export function divideWhole(a: Element, b: Element, sizes: Sizes): Element {
  if (typeof a === 'number' && typeof b === 'number') return b === 0 ? undefined : Math.trunc(a / b);
  if (isRatio(a) || isRatio(b)) return undefined;
  const exact = divideDim(a, b);
  return exact ?? (typeof b === 'number' && b > 0 ? truncated({ over: a, by: b }, sizes) : undefined);
}

/** Remainder; with `likeC`, it has the sign of the dividend. */
export function modulo(a: Element, b: Element, likeC: boolean, sizes: Sizes): Element {
  if (isRatio(a) || isRatio(b) || b === 0) return undefined;
  if (typeof a === 'number' && typeof b === 'number') return likeC ? a % b : a - b * Math.floor(a / b);
  if (typeof b !== 'number' || b < 0 || (likeC && !isNeverNegative(a, sizes))) return undefined;
  return subtractDims(a, multiplyDims(b, floorDivideDim(a, b)));
}

export const floor = (a: Element): Element => (isRatio(a) ? floorDivideDim(a.over, a.by) : typeof a === 'number' ? Math.floor(a) : a);
export const ceil = (a: Element): Element => (isRatio(a) ? ceilDivideDim(a.over, a.by) : typeof a === 'number' ? Math.ceil(a) : a);
/** Rounds towards zero, like a cast to an integer. */
export function truncated(a: Element, sizes: Sizes): Element {
  if (!isRatio(a)) return typeof a === 'number' ? Math.trunc(a) : a;
  return isNeverNegative(a.over, sizes) ? floor(a) : mostDim(a.over) <= 0 ? ceil(a) : undefined;
}

/** Lengths of axes. `height - 7` may be negative as far as arithmetic knows; as the length of a map it is at least 0 in any run. */
export type Sizes = ReadonlySet<Dim>;

function isNeverNegative(dim: Dim, sizes: Sizes): boolean {
  if (leastDim(dim) >= 0) return true;
  for (const size of sizes) {
    for (const factor of [1, 2, 3, 4]) if (leastDim(subtractDims(dim, multiplyDims(size, factor))) >= 0) return true;
  }
  return false;
}
/** Rounds to the nearest integer, ties to even. */
export function rounded(a: Element): Element {
  if (typeof a !== 'number') return isRatio(a) ? undefined : a;
  const below = Math.floor(a);
  const rest = a - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

/** -1, 0 or 1 if a - b has this sign at every size; otherwise undefined. */
export function compared(a: Element, b: Element): number | undefined {
  if (!isRatio(a) && !isRatio(b) && sameDim(a, b)) return 0;
  const difference = subtract(a, b);
  const over = isRatio(difference) ? difference.over : difference;
  if (over === undefined) return undefined;
  if (typeof over === 'number') return Math.sign(over);
  return leastDim(over) > 0 ? 1 : mostDim(over) < 0 ? -1 : undefined;
}
/** True if a >= b at every size, false if at none, undefined if it depends on the size. */
export function atLeast(a: Element, b: Element): boolean | undefined {
  const sign = compared(a, b);
  if (sign !== undefined) return sign >= 0;
  const difference = wholeOf(subtract(a, b));
  return leastDim(difference) >= 0 ? true : undefined;
}
