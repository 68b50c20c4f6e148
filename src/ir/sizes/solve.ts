/**
 * Finds the image sizes at which a graph runs, from its conditions: the largest family  multiple * n + rest  that contains the original size.
 *
 * A length is a sum of integer multiples of the size and of floors of such sums. It repeats: with the common period P of all floors, length(size + P) is
 * length(size) plus a constant. So a condition that holds at one size and at the next with the same remainder holds at all sizes with that remainder, as
 * long as the same side of each min or max applies; each remainder is tested both near the original size and far from it.
 */
import { evaluateDim, namesOf, periodOf } from '../dims';
import type { Dim } from '../types';
import type { SizeCondition } from './conditions';

/** Accepted sizes: `multiple * n + rest`, and at least `minimum`. */
export interface SizeFamily {
  readonly multiple: number;
  readonly rest: number;
  readonly minimum: number;
}

/** A symbol of the image size, and its value at the original size. */
export interface SizeSymbol {
  readonly name: string;
  readonly original: number;
}

export interface Solution {
  /** Families by symbol. */
  readonly families: ReadonlyMap<string, SizeFamily>;
  /** Conditions that hold at no other size, or not even at the original one. */
  readonly failing: readonly SizeCondition[];
}

/** Longer periods are not searched; networks have strides of up to 64. */
const LONGEST_PERIOD = 8192;
const FAR = 64;
/** So many sizes below the original one are tried one by one. */
const MOST_STEPS = 65_536;

export function solveSizes(conditions: readonly SizeCondition[], symbols: readonly SizeSymbol[]): Solution {
  const original = new Map(symbols.map(({ name, original: size }) => [name, size]));
  const failing = conditions.filter((condition) => concerns(condition, symbols) && !holds(condition, original));
  const lasting = conditions.filter(
    (condition) => condition.kind !== 'above' && concerns(condition, symbols) && !failing.includes(condition),
  );
  const steps = new Map(symbols.map(({ name }) => [name, 1]));
  for (const condition of lasting) {
    const names = symbols.filter(({ name }) => namesIn(condition).has(name));
    if (holdsAlong(condition, names, steps, original)) continue;
    const period = names.length > 0 ? periodOfCondition(condition) : 1;
    const found = period <= LONGEST_PERIOD ? stepsFor(condition, names, period, steps, original) : undefined;
    if (!found) failing.push(condition);
    else for (const [name, step] of found) steps.set(name, step);
  }
  const families = new Map(
    symbols.map(({ name, original: size }): [string, SizeFamily] => {
      const multiple = steps.get(name) ?? 1;
      return [name, { multiple, rest: size % multiple, minimum: minimumOf(name, size, multiple, conditions, original) }];
    }),
  );
  return { families, failing };
}

const namesIn = ({ a, b }: SizeCondition): Set<string> => new Set([...namesOf(a), ...namesOf(b)]);
/** True if the condition involves image sizes only: other symbols are a batch, or depend on the data. */
const concerns = (condition: SizeCondition, symbols: readonly SizeSymbol[]): boolean => {
  const names = namesIn(condition);
  return names.size > 0 && [...names].every((name) => symbols.some((symbol) => symbol.name === name));
};

function holds({ kind, a, b }: SizeCondition, sizes: ReadonlyMap<string, number>): boolean {
  const [left, right] = [numberFor(a, sizes), numberFor(b, sizes)];
  switch (kind) {
    case 'equal':
      return left === right;
    case 'blocks':
      return left % right === 0;
    case 'above':
      return left > right;
    case 'reaches':
      return left >= right;
  }
}
const numberFor = (dim: Dim, sizes: ReadonlyMap<string, number>): number => evaluateDim(dim, sizes) ?? Number.NaN;

/** The remainder of a length repeats once the length has grown by a multiple of the divisor. */
const periodOfCondition = ({ kind, a, b }: SizeCondition): number =>
  kind === 'blocks' && typeof b === 'number' ? periodOf(a) * b : lcm(periodOf(a), periodOf(b));
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const lcm = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** The smallest steps, multiples of the previous ones, with which the condition holds at every size. */
function stepsFor(
  condition: SizeCondition,
  names: readonly SizeSymbol[],
  period: number,
  steps: ReadonlyMap<string, number>,
  original: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> | undefined {
  const divisors = Array.from({ length: period }, (_, at) => at + 1).filter((number) => period % number === 0);
  let candidates: (readonly number[])[] = [[]];
  for (const _ of names) candidates = candidates.flatMap((so) => divisors.map((divisor) => [...so, divisor]));
  const product = (numbers: readonly number[]): number => numbers.reduce((total, number) => total * number, 1);
  for (const candidate of candidates.sort((x, y) => product(x) - product(y))) {
    const tried = new Map(names.map(({ name }, at) => [name, lcm(steps.get(name) ?? 1, candidate[at] ?? 1)]));
    if (holdsAlong(condition, names, tried, original)) return tried;
  }
  return undefined;
}

/** True if the condition holds at every size that differs from the original one by whole steps. */
function holdsAlong(
  condition: SizeCondition,
  names: readonly SizeSymbol[],
  steps: ReadonlyMap<string, number>,
  original: ReadonlyMap<string, number>,
): boolean {
  const period = Math.min(periodOfCondition(condition), LONGEST_PERIOD);
  const samples = names.map(({ name, original: size }) => {
    const step = steps.get(name) ?? 1;
    const count = Math.min((2 * period) / gcd(period, step) + 1, names.length > 1 ? 70 : 2 * LONGEST_PERIOD);
    const near = Array.from({ length: count }, (_, at) => size + at * step);
    return [...near, ...near.map((length) => length + FAR * lcm(period, step))];
  });
  const sizes = new Map(original);
  const tries = (at: number): boolean => {
    const symbol = names[at];
    if (!symbol) return holds(condition, sizes);
    return (samples[at] ?? []).every((size) => {
      sizes.set(symbol.name, size);
      return tries(at + 1);
    });
  };
  return tries(0);
}

/** The smallest size of the family from which every condition holds up to the original size, with all other sizes at their original values. */
function minimumOf(
  name: string,
  original: number,
  multiple: number,
  conditions: readonly SizeCondition[],
  sizes: ReadonlyMap<string, number>,
): number {
  const own = conditions.filter((condition) => {
    const names = namesIn(condition);
    return names.has(name) && [...names].every((other) => sizes.has(other));
  });
  const at = new Map(sizes);
  const runs = (size: number): boolean => {
    at.set(name, size);
    return own.every((condition) => holds(condition, at));
  };
  let steps = 0;
  const most = Math.floor((original - 1) / multiple);
  while (steps < Math.min(most, MOST_STEPS) && runs(original - (steps + 1) * multiple)) steps++;
  // Lengths grow with the size: where none of so many sizes fails, the first that does is found by halves.
  if (steps === MOST_STEPS)
    for (let failing = most + 1; failing - steps > 1; ) {
      const middle = Math.floor((steps + failing) / 2);
      if (runs(original - middle * multiple)) steps = middle;
      else failing = middle;
    }
  return original - steps * multiple;
}
