/**
 * Symbolic dimensions: integer expressions over names, stored as strings in a canonical spelling, so that equal strings are equal values.
 *
 *   2*height + 1        floor((height + 3)/4) - 5        N*floor(width/2)
 *
 * An expression longer than any model needs becomes an unknown dimension: a few nodes can double its length again and again.
 * Every name is at least 1. Exporters' own expressions (`((s0 - 1)//2) + 1`) are parsed; text that is not an expression becomes a single opaque name.
 * undefined, an unknown dimension, stays unknown. src/ir/dim contains the algebra.
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
  positive,
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
  // Zero times an unknown dimension is zero.
  if (a === 0 || b === 0) return 0;
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  return combine(a, b, times);
}

/** a / b if it is an integer at every size; otherwise undefined. */
export function divideDim(a: Dim, b: Dim): Dim {
  if (a === undefined || b === undefined || b === 0) return undefined;
  if (typeof a === 'number' && typeof b === 'number') return a % b === 0 ? a / b : undefined;
  const quotient = a === b ? constant(1) : divide(parseDim(a), parseDim(b));
  return quotient && dimOf(quotient);
}

/** Quotient rounded towards minus infinity. */
export function floorDivideDim(a: Dim, n: number): Dim {
  if (a === undefined || n <= 0) return undefined;
  return typeof a === 'number' ? Math.floor(a / n) : dimOf(floorDivide(parseDim(a), n));
}

/** Quotient rounded towards plus infinity. */
export function ceilDivideDim(a: Dim, n: number): Dim {
  // Adding 0 turns -0 into 0.
  return typeof a === 'number' && n > 0 ? Math.ceil(a / n) + 0 : floorDivideDim(addDims(a, n - 1), n);
}

export const minDims = (a: Dim, b: Dim): Dim => choose('min', a, b);
export const maxDims = (a: Dim, b: Dim): Dim => choose('max', a, b);
function choose(kind: 'min' | 'max', a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return Math[kind](a, b);
  return combine(a, b, (x, y) => extreme(kind, [x, y]));
}

/** The dimension in a shorter form that is equal wherever the dimension is at least 1: max(0, time - 2) - 1 is time - 3. */
export const whereNotEmpty = (dim: Dim): Dim => (typeof dim === 'string' && dim.includes('max(') ? dimOf(positive(parseDim(dim))) : dim);

/** Value of a dimension for these values of its names; undefined if one is not bound. */
export function evaluateDim(dim: Dim, bindings: Bindings): number | undefined {
  if (typeof dim !== 'string') return dim;
  const value = (name: string): number | undefined => {
    const found = bound(bindings, name);
    return typeof found === 'string' ? evaluateDim(found, {}) : found;
  };
  return value(dim) ?? evaluate(parseDim(dim), value);
}

/** Period in pixels after which the dimension has grown by the same amount again, at every size: see `period` in dim/sum.ts. */
export const periodOf = (dim: Dim): number => (typeof dim === 'string' ? period(parseDim(dim)) : 1);

/** The dimension with some of its names replaced by values. */
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

/** True if the two are equal for all values of their names. */
export const sameDim = (a: Dim, b: Dim): boolean => a !== undefined && b !== undefined && (a === b || canonicalDim(a) === canonicalDim(b));

/** The canonical spelling. */
export const canonicalDim = (dim: Dim): Dim => (typeof dim === 'string' ? (dimOf(parseDim(dim)) ?? dim) : dim);

/** Names that the dimension depends on. */
export function namesOf(dim: Dim): Set<string> {
  const names = new Set<string>();
  if (typeof dim === 'string') collectNames(parseDim(dim), names);
  return names;
}

/** Growth of the dimension with its only name, for large sizes; undefined if it depends on no name or on several. */
export const dimGrowth = (dim: Dim): Ratio | undefined =>
  typeof dim === 'string' && namesOf(dim).size === 1 ? growthOf(parseDim(dim)) : undefined;

/** Lower bound of the dimension; -Infinity if none is known. */
export const leastDim = (dim: Dim): number =>
  dim === undefined ? Number.NEGATIVE_INFINITY : typeof dim === 'number' ? dim : lowest(parseDim(dim));
/** Upper bound of the dimension; Infinity if none is known. */
export const mostDim = (dim: Dim): number =>
  dim === undefined ? Number.POSITIVE_INFINITY : typeof dim === 'number' ? dim : highest(parseDim(dim));

function combine(a: Dim, b: Dim, operation: (a: Sum, b: Sum) => Sum): Dim {
  return a === undefined || b === undefined ? undefined : dimOf(operation(parseDim(a), parseDim(b)));
}

/** Maximum length of an expression in characters. Exporters' longest have a few hundred. */
const LONGEST = 1000;

/** Cache of parsed sums. Parsing is a pure function, so the result never depends on the caller; the cache is emptied when it grows large. */
const known = new Map<string, Sum>();
const KNOWN_LIMIT = 20_000;

/** Text that is not an expression becomes a single opaque name, and so does a number that is never a size (`-1`). */
function parseDim(dim: string | number): Sum {
  if (typeof dim === 'number') return constant(dim);
  const before = known.get(dim);
  if (before) return before;
  const sum = dim.length > LONGEST ? undefined : parseSum(dim);
  return remember(dim, sum && (constantOf(sum) ?? 0) >= 0 ? sum : named(dim));
}

/** undefined if the expression is too long or contains an inexact number. */
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
