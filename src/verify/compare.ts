/** Compares two lists of numbers: how far apart they are, where, and whether they predict the same classes. */
import type { Numbers } from './onnx-runner';
import { EPSILON } from './precision';

export interface Difference {
  /** Number of elements compared. */
  readonly count: number;
  readonly maxAbs: number;
  /** Largest difference divided by the scale of the expected values. */
  readonly maxRel: number;
  /** Flat index of the worst element, with both values. */
  readonly worst: WorstElement | undefined;
  /** The largest error relative to its own expected value, and its position; large if values are close to zero. Not set for lists without a type. */
  readonly elementwise?: WorstElement & { readonly relative: number };
  /** Largest magnitude of the expected values. */
  readonly scale: number;
  readonly cosine: number;
  /** Elements that are NaN or infinite on one side only, or in a different way. */
  readonly broken: number;
}

export interface WorstElement {
  /** Flat index, in row-major order. */
  readonly index: number;
  readonly expected: number;
  readonly actual: number;
  /** The same position as one index per axis. */
  readonly at?: readonly number[];
  /** Distance in units in the last place of the expected value. */
  readonly ulps?: number;
  /** Type of these units, if it is not that of the expected value: the coarsest type that either model computes in. */
  readonly unit?: string;
}

/**
 * Compares tensors of the same shape; surplus elements count as broken. The worst element is reported with its index along each axis. `coarsest`: the
 * coarsest type that either model computes in.
 */
export function compareTensors(expected: Numbers, actual: Numbers | undefined, coarsest = expected.dtype): Difference {
  const found = compare(expected.data, actual?.data ?? []);
  const unit = coarser(coarser(expected.dtype, actual?.dtype), coarsest);
  const describe = (element: WorstElement): WorstElement => ({
    ...element,
    at: indexOf(element.index, expected.shape),
    ulps: ulpsBetween(element.expected, element.actual, unit),
    ...(unit !== expected.dtype && { unit }),
  });
  let [relative, where] = [0, -1];
  for (let index = 0; index < found.count; index++) {
    const [a = 0, b = 0] = [expected.data[index], actual?.data[index]];
    const share = a === b ? 0 : Math.abs(a - b) / Math.abs(a);
    if (share > relative && Number.isFinite(b)) [relative, where] = [share, index];
  }
  const [a, b] = [expected.data[where], actual?.data[where]];
  return {
    ...found,
    worst: found.worst && describe(found.worst),
    ...(a !== undefined && b !== undefined && { elementwise: { ...describe({ index: where, expected: a, actual: b }), relative } }),
  };
}

/** Size of the difference as a share of the size of the expected values (root mean squares): suitable for many values that are rounded to a few steps. */
export function errorOf(expected: Numbers, actual: Numbers): number {
  let [wrong, size] = [0, 0];
  expected.data.forEach((number: number, at: number) => {
    wrong += (number - (actual.data[at] ?? 0)) ** 2;
    size += number ** 2;
  });
  return wrong === 0 ? 0 : Math.sqrt(wrong / size);
}

const coarser = (a: string, b: string | undefined): string => (b !== undefined && (EPSILON[b] ?? 0) > (EPSILON[a] ?? 0) ? b : a);

/** Converts a flat index to one index per axis. */
export function indexOf(flat: number, shape: readonly number[]): readonly number[] {
  const index: number[] = [];
  let rest = flat;
  for (const dim of [...shape].reverse()) {
    index.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return index;
}

/** Distance in units in the last place of `expected`, or of the smallest normal number if `expected` is smaller. */
export function ulpsBetween(expected: number, actual: number, dtype: string): number {
  if (!Number.isFinite(expected) || !Number.isFinite(actual)) return Object.is(expected, actual) ? 0 : Number.POSITIVE_INFINITY;
  const epsilon = EPSILON[dtype] ?? 2 ** -23;
  const smallest = dtype === 'float16' ? 2 ** -14 : 2 ** -126;
  const unit = 2 ** Math.floor(Math.log2(Math.max(Math.abs(expected), smallest))) * epsilon;
  return Math.abs(expected - actual) / unit;
}

/** NaN equals NaN, and an infinity equals itself; any other pair with one of them is broken. */
export function compare(expected: ArrayLike<number>, actual: ArrayLike<number>): Difference {
  let [maxAbs, scale, dot, a2, b2, broken] = [
    0,
    0,
    0,
    0,
    0,
    expected.length === actual.length ? 0 : Math.abs(expected.length - actual.length),
  ];
  let worst: Difference['worst'];
  const count = Math.min(expected.length, actual.length);
  for (let index = 0; index < count; index++) {
    const [a, b] = [expected[index] ?? Number.NaN, actual[index] ?? Number.NaN];
    if (!Number.isFinite(a) || !Number.isFinite(b)) {
      if (Object.is(a, b)) continue;
      broken++;
      worst ??= { index, expected: a, actual: b };
      continue;
    }
    scale = Math.max(scale, Math.abs(a));
    dot += a * b;
    a2 += a * a;
    b2 += b * b;
    const apart = Math.abs(a - b);
    if (apart > maxAbs || (worst === undefined && index === 0)) {
      maxAbs = apart;
      worst = { index, expected: a, actual: b };
    }
  }
  return {
    count,
    maxAbs,
    maxRel: scale > 0 ? maxAbs / scale : maxAbs,
    worst,
    scale,
    cosine: a2 > 0 && b2 > 0 ? dot / Math.sqrt(a2 * b2) : a2 === b2 ? 1 : 0,
    broken,
  };
}

/** Merges two differences and keeps the larger one, for reports over several inputs. */
export function worse(a: Difference | undefined, b: Difference): Difference {
  if (!a) return b;
  const larger = b.broken > 0 || (a.broken === 0 && b.maxRel > a.maxRel) ? b : a;
  const steepest = (b.elementwise?.relative ?? 0) > (a.elementwise?.relative ?? 0) ? b.elementwise : a.elementwise;
  return {
    ...larger,
    ...(steepest && { elementwise: steepest }),
    count: a.count + b.count,
    broken: a.broken + b.broken,
    cosine: Math.min(a.cosine, b.cosine),
    maxRel: Math.max(a.maxRel, b.maxRel),
    scale: Math.max(a.scale, b.scale),
  };
}

/** Index of the largest value. */
export function best(scores: ArrayLike<number>): number {
  let at = 0;
  for (let index = 1; index < scores.length; index++) if ((scores[index] ?? 0) > (scores[at] ?? 0)) at = index;
  return at;
}

/** Share of positions at which both models predict the same class. */
export interface Agreement {
  readonly cases: number;
  /** Share of cases with the same best class. */
  readonly sameBest: number;
  /** Share of cases with the same five best classes, in any order; undefined for five classes or fewer. */
  readonly sameTopFive: number | undefined;
}

/** Agreement of [N, K, ...], with classes along axis 1. undefined if there are no classes to rank. */
export function agreement(expected: Numbers, actual: Numbers | undefined): Agreement | undefined {
  const [batch = 1, classes = 1, ...places] = expected.shape;
  if (expected.shape.length < 2 || classes < 2 || actual?.data.length !== expected.data.length) return undefined;
  const size = places.reduce((product, dim) => product * dim, 1);
  let [cases, bests, fives] = [0, 0, 0];
  const scores = (numbers: Numbers, start: number): number[] =>
    Array.from({ length: classes }, (_, k) => numbers.data[start + k * size] ?? Number.NaN);
  for (let n = 0; n < batch; n++) {
    for (let place = 0; place < size; place++) {
      const [a, b] = [scores(expected, n * classes * size + place), scores(actual, n * classes * size + place)];
      cases++;
      if (best(a) === best(b)) bests++;
      if (classes > 5 && topFive(a) === topFive(b)) fives++;
    }
  }
  return cases === 0 ? undefined : { cases, sameBest: bests / cases, sameTopFive: classes > 5 ? fives / cases : undefined };
}

/** Combines the agreement of several inputs. */
export function agreeingOverall(a: Agreement | undefined, b: Agreement | undefined): Agreement | undefined {
  if (!a || !b) return a ?? b;
  const cases = a.cases + b.cases;
  const share = (one: number, other: number): number => (one * a.cases + other * b.cases) / cases;
  return {
    cases,
    sameBest: share(a.sameBest, b.sameBest),
    sameTopFive: a.sameTopFive === undefined || b.sameTopFive === undefined ? undefined : share(a.sameTopFive, b.sameTopFive),
  };
}

const topFive = (scores: readonly number[]): string =>
  [...scores.keys()]
    .sort((x, y) => (scores[y] ?? 0) - (scores[x] ?? 0) || x - y)
    .slice(0, 5)
    .sort((x, y) => x - y)
    .join();

/** Largest magnitude of the numbers; 0 if there are none. */
export function largestOf(numbers: ArrayLike<number>): number {
  let largest = 0;
  for (let at = 0; at < numbers.length; at++) largest = Math.max(largest, Math.abs(numbers[at] ?? 0));
  return largest;
}
