/**
 * Symbolic dimensions: integer expressions over names, kept as strings in a canonical spelling, so that equal strings are equal numbers.
 *
 *   2*height + 1        floor((height + 3)/4) - 5        N*floor(width/2)
 *
 * An expression longer than a model needs is not followed: the dimension is unknown then. A few nodes can double it again and again.
 * Names stand for at least 1. Exporters' own expressions (`((s0 - 1)//2) + 1`) are read; text that is none stays one opaque name.
 * undefined, an unknown dimension, stays unknown. src/ir/dim holds the algebra.
 */
import { highest, lowest } from './dim/bounds';
import { growthOf } from './dim/growth';
import {
  collectNames,
  constant,
  constantOf,
  divide,
  evaluate,
  extreme,
  floorDivide,
  named,
  period,
  plus,
  type Sum,
  substitute,
  textOf,
  times,
} from './dim/sum';
import { parseSum } from './dim/text';
import type { Ratio } from './ratio';
import type { Dim } from './types';

export const addDims = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' ? a + b : combine(a, b, (x, y) => plus(x, y));
export const subtractDims = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' ? a - b : combine(a, b, (x, y) => plus(x, y, -1));
export function multiplyDims(a: Dim, b: Dim): Dim {
  // Nothing times an unknown number of things is nothing.
  if (a === 0 || b === 0) return 0;
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  return combine(a, b, times);
}

/** a / b where it is a whole number at every size, else undefined. */
export function divideDim(a: Dim, b: Dim): Dim {
  if (a === undefined || b === undefined || b === 0) return undefined;
  if (typeof a === 'number' && typeof b === 'number') return a % b === 0 ? a / b : undefined;
  const quotient = a === b ? constant(1) : divide(parseDim(a), parseDim(b));
  return quotient && dimOf(quotient);
}

/** Rounded towards minus infinity. */
export function floorDivideDim(a: Dim, n: number): Dim {
  if (a === undefined || n <= 0) return undefined;
  return typeof a === 'number' ? Math.floor(a / n) : dimOf(floorDivide(parseDim(a), n));
}

/** Rounded towards plus infinity. */
export function ceilDivideDim(a: Dim, n: number): Dim {
  // Plus 0: none of -0.
  return typeof a === 'number' && n > 0 ? Math.ceil(a / n) + 0 : floorDivideDim(addDims(a, n - 1), n);
}

export const minDims = (a: Dim, b: Dim): Dim => choose('min', a, b);
export const maxDims = (a: Dim, b: Dim): Dim => choose('max', a, b);
function choose(kind: 'min' | 'max', a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return Math[kind](a, b);
  return combine(a, b, (x, y) => extreme(kind, [x, y]));
}

/** The number that a dimension is for these values of its names, or undefined where one is not bound. */
export function evaluateDim(dim: Dim, bindings: Bindings): number | undefined {
  if (typeof dim !== 'string') return dim;
  const value = (name: string): number | undefined => {
    const found = bound(bindings, name);
    return typeof found === 'string' ? evaluateDim(found, {}) : found;
  };
  return value(dim) ?? evaluate(parseDim(dim), value);
}

/** How many pixels further on the dimension has grown by the same again, for every size: see `period` in dim/sum.ts. */
export const periodOf = (dim: Dim): number => (typeof dim === 'string' ? period(parseDim(dim)) : 1);

/** The dimension with values in the place of some of its names. */
export function substituteDim(dim: Dim, bindings: Bindings): Dim {
  if (typeof dim !== 'string') return dim;
  const direct = bound(bindings, dim);
  if (direct !== undefined) return direct;
  return dimOf(
    substitute(parseDim(dim), (name) => {
      const value = bound(bindings, name);
      return value === undefined ? undefined : parseDim(value);
    }),
  );
}
export type Bindings = Readonly<Record<string, number | string>> | ReadonlyMap<string, number | string>;
const bound = (bindings: Bindings, name: string): number | string | undefined =>
  isMap(bindings) ? bindings.get(name) : Object.hasOwn(bindings, name) ? bindings[name] : undefined;
const isMap = (bindings: Bindings): bindings is ReadonlyMap<string, number | string> => bindings instanceof Map;

/** Whether the two are the same number whatever their names stand for. */
export const sameDim = (a: Dim, b: Dim): boolean => a !== undefined && b !== undefined && (a === b || canonicalDim(a) === canonicalDim(b));

/** The canonical spelling. */
export const canonicalDim = (dim: Dim): Dim => (typeof dim === 'string' ? (dimOf(parseDim(dim)) ?? dim) : dim);

/** Names that the dimension depends on. */
export function namesOf(dim: Dim): Set<string> {
  const names = new Set<string>();
  if (typeof dim === 'string') collectNames(parseDim(dim), names);
  return names;
}

/** By how much the dimension grows with the one name that it depends on, in the long run; undefined where it depends on none, or on several. */
export const dimGrowth = (dim: Dim): Ratio | undefined =>
  typeof dim === 'string' && namesOf(dim).size === 1 ? growthOf(parseDim(dim)) : undefined;

/** A number that the dimension is never below; -Infinity where none is known. */
export const leastDim = (dim: Dim): number =>
  dim === undefined ? Number.NEGATIVE_INFINITY : typeof dim === 'number' ? dim : lowest(parseDim(dim));
/** A number that the dimension is never above; Infinity where none is known. */
export const mostDim = (dim: Dim): number =>
  dim === undefined ? Number.POSITIVE_INFINITY : typeof dim === 'number' ? dim : highest(parseDim(dim));

function combine(a: Dim, b: Dim, operation: (a: Sum, b: Sum) => Sum): Dim {
  return a === undefined || b === undefined ? undefined : dimOf(operation(parseDim(a), parseDim(b)));
}

/** Characters of an expression that is followed. Exporters' longest have some hundred. */
const LONGEST = 1000;

/** Sums that were read before. A pure function's memory: what it holds never depends on who asked, and it is emptied when it grows large. */
const known = new Map<string, Sum>();
const KNOWN_LIMIT = 20_000;

/** A text that is no expression, or the number that a size never is (`-1`), is one opaque name. */
function parseDim(dim: string | number): Sum {
  if (typeof dim === 'number') return constant(dim);
  const before = known.get(dim);
  if (before) return before;
  const sum = dim.length > LONGEST ? undefined : parseSum(dim);
  return remember(dim, sum && (constantOf(sum) ?? 0) >= 0 ? sum : named(dim));
}

/** undefined: longer than what is followed, or a number that is not exact. */
function dimOf(sum: Sum): Dim {
  const value = constantOf(sum);
  if (value !== undefined) return Number.isFinite(value) ? value : undefined;
  const text = textOf(sum);
  if (text.length > LONGEST) return undefined;
  remember(text, sum);
  return text;
}

function remember(text: string, sum: Sum): Sum {
  if (known.size >= KNOWN_LIMIT) known.clear();
  known.set(text, sum);
  return sum;
}
