/**
 * How the outputs of two models of the same classifier relate, read off their shapes:
 *
 *   same         [N, K]         [N, K]            also [N, K, 1, 1]: the same elements in the same order
 *   cell         [N, K]         [N, K, 1, 1]      a map of one cell
 *   mean         [N, K]         [N, K, h, w]      the mean over the map
 *   subsample    [N, K, h, w]   [N, K, H, W]      every so many rows and columns of the finer map
 *   transposed   [N, K, h, w]   [N, h, w, K]      axes in another order
 */
import { relationDoesNotFit } from '../../diagnostics/catalogue';
import type { Numbers } from '../onnx-runner';
import { fittingPermutation, isIdentity, transposed } from './layout';

export const RELATIONS = ['same', 'cell', 'mean', 'subsample', 'transposed'] as const;
export type Relation = (typeof RELATIONS)[number];

export interface Related {
  readonly relation: Relation;
  /** Both brought to the same shape. */
  readonly expected: Numbers;
  readonly actual: Numbers;
}

/** Throws CompileError where no relation, or not the given one, fits the shapes. */
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
    const isCell = actual.shape.length === 4 && expected.shape.length === 2;
    return !isCell && equal(from, to) ? { expected, actual: { ...actual, shape: expected.shape } } : undefined;
  },
  cell: (expected, actual) =>
    equal(withoutOnes(expected), withoutOnes(actual)) ? { expected, actual: { ...actual, shape: expected.shape } } : undefined,
  mean: (expected, actual) => {
    const [from, to] = [channelsFirst(expected, actual), channelsFirst(actual, expected)];
    const [a, b] = [rows(from), rows(to)];
    // One of both is a map, the other a vector of as many features.
    if (a === b || Math.min(a, b) > 1 || !equal(from.shape.slice(0, 2), to.shape.slice(0, 2))) return undefined;
    return { expected: a > 1 ? meanOfMap(from) : flat(from), actual: b > 1 ? meanOfMap(to) : flat(to) };
  },
  subsample: (expected, actual) => {
    if (expected.shape.length !== 4 || actual.shape.length !== 4 || !equal(expected.shape.slice(0, 2), actual.shape.slice(0, 2)))
      return undefined;
    const finer = (expected.shape[2] ?? 0) >= (actual.shape[2] ?? 0) ? expected : actual;
    const coarser = finer === expected ? actual : expected;
    const steps = [2, 3].map((axis) => stepBetween(finer.shape[axis] ?? 1, coarser.shape[axis] ?? 1));
    const [y, x] = steps;
    if (!y || !x) return undefined;
    const sampled = everyStep(finer, [y, x]);
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

/** A map with channels last is turned, where only that gives as many features as the other has. */
function channelsFirst(numbers: Numbers, other: Numbers): Numbers {
  const { shape } = numbers;
  return shape.length === 4 && shape[1] !== other.shape[1] && shape[3] === other.shape[1] ? transposed(numbers, [0, 3, 1, 2]) : numbers;
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

/** The step at which `fine` positions give `coarse` ones; undefined: none does. */
function stepBetween(fine: number, coarse: number): number | undefined {
  for (let step = 1; step <= fine; step++) if (Math.ceil(fine / step) === coarse) return step;
  return undefined;
}

function everyStep(numbers: Numbers, [stepY, stepX]: readonly [number, number]): Numbers {
  const [batch = 1, channels = 1, height = 1, width = 1] = numbers.shape;
  const [tall, wide] = [Math.ceil(height / stepY), Math.ceil(width / stepX)];
  const data = new Float64Array(batch * channels * tall * wide);
  for (let map = 0, to = 0; map < batch * channels; map++)
    for (let y = 0; y < tall; y++)
      for (let x = 0; x < wide; x++) data[to++] = numbers.data[(map * height + y * stepY) * width + x * stepX] ?? Number.NaN;
  return { dtype: numbers.dtype, shape: [batch, channels, tall, wide], data };
}
