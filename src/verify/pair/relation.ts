/**
 * Relation between the outputs of two models of the same classifier, derived from their shapes:
 *
 *   same         [N, K]         [N, K]            also [N, K, 1, 1]: the same elements in the same order
 *   cell         [N, K]         [N, K, 1, 1]      a map of one cell
 *   mean         [N, K]         [N, K, h, w]      the mean over the map
 *   subsample    [N, K, h, w]   [N, K, H, W]      every n-th cell of the finer map along each axis
 *   transposed   [N, K, h, w]   [N, h, w, K]      axes in a different order
 */
import { relationDoesNotFit } from '../../diagnostics/catalogue';
import { everyOther } from '../maps';
import type { Numbers } from '../onnx-runner';
import { fittingPermutation, isIdentity, transposed } from './layout';

export const RELATIONS = ['same', 'cell', 'mean', 'subsample', 'transposed'] as const;
export type Relation = (typeof RELATIONS)[number];

export interface Related {
  readonly relation: Relation;
  /** Both in the same shape. */
  readonly expected: Numbers;
  readonly actual: Numbers;
}

/** Throws CompileError if no relation, or not the given one, fits the shapes. */
export function relate(output: string, expected: Numbers, actual: Numbers, given?: Relation): Related {
  const tried = given ? [given] : RELATIONS;
  for (const relation of tried) {
    const related = RULES[relation](expected, actual);
    if (related) return { relation, ...related };
  }
  throw relationDoesNotFit(output, expected.shape, actual.shape, given, RELATIONS);
}

type Rule = (expected: Numbers, actual: Numbers) => { readonly expected: Numbers; readonly actual: Numbers } | undefined;

const RULES: Readonly<Record<Relation, Rule>> = {
  same: (expected, actual) => {
    const [from, to] = [withoutOnes(expected), withoutOnes(actual)];
    const isCell = actual.shape.length > 2 && expected.shape.length === 2;
    return !isCell && equal(from, to) ? { expected, actual: { ...actual, shape: expected.shape } } : undefined;
  },
  cell: (expected, actual) =>
    equal(withoutOnes(expected), withoutOnes(actual)) ? { expected, actual: { ...actual, shape: expected.shape } } : undefined,
  mean: (expected, actual) => {
    const [from, to] = [channelsFirst(expected, actual), channelsFirst(actual, expected)];
    const [a, b] = [rows(from), rows(to)];
    // One of them is a map, the other a vector with the same number of features.
    if (a === b || Math.min(a, b) > 1 || !equal(from.shape.slice(0, 2), to.shape.slice(0, 2))) return undefined;
    return { expected: a > 1 ? meanOfMap(from) : flat(from), actual: b > 1 ? meanOfMap(to) : flat(to) };
  },
  subsample: (expected, actual) => {
    const rank = expected.shape.length;
    if (rank < 3 || actual.shape.length !== rank || !equal(expected.shape.slice(0, 2), actual.shape.slice(0, 2))) return undefined;
    const finer = rows(expected) >= rows(actual) ? expected : actual;
    const coarser = finer === expected ? actual : expected;
    const steps = finer.shape.slice(2).map((length, axis) => stepBetween(length, coarser.shape[axis + 2] ?? 1));
    if (!steps.every((step) => step !== undefined)) return undefined;
    const sampled = everyOther(finer, steps);
    return finer === expected ? { expected: sampled, actual } : { expected, actual: sampled };
  },
  transposed: (expected, actual) => {
    const perm = fittingPermutation(actual.shape, expected.shape);
    return perm && !isIdentity(perm) ? { expected, actual: transposed(actual, perm) } : undefined;
  },
};

const withoutOnes = ({ shape }: Numbers): readonly number[] => shape.filter((dim) => dim !== 1);
const equal = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((dim, at) => dim === b[at]);
const rows = ({ shape }: Numbers): number => shape.slice(2).reduce((product, dim) => product * dim, 1);
const flat = (numbers: Numbers): Numbers => ({ ...numbers, shape: numbers.shape.slice(0, 2) });

/** Transposes a channels-last map if only that gives the same number of features as the other. */
function channelsFirst(numbers: Numbers, other: Numbers): Numbers {
  const { shape } = numbers;
  const last = shape.length - 1;
  const isLast = last > 1 && shape[1] !== other.shape[1] && shape[last] === other.shape[1];
  return isLast ? transposed(numbers, [0, last, ...Array.from({ length: last - 1 }, (_, axis) => axis + 1)]) : numbers;
}

/** [N, K, ...] -> [N, K]. */
function meanOfMap(numbers: Numbers): Numbers {
  const [batch = 1, features = 1] = numbers.shape;
  const cells = rows(numbers);
  const data = Float64Array.from({ length: batch * features }, (_, at) => {
    let sum = 0;
    for (let cell = 0; cell < cells; cell++) sum += numbers.data[at * cells + cell] ?? Number.NaN;
    return sum / cells;
  });
  return { dtype: numbers.dtype, shape: [batch, features], data };
}

/** Smallest step at which `fine` positions give `coarse` ones; undefined if there is none. */
function stepBetween(fine: number, coarse: number): number | undefined {
  for (let step = 1; step <= fine; step++) if (Math.ceil(fine / step) === coarse) return step;
  return undefined;
}
