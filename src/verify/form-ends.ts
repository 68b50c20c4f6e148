/**
 * Expected results of `--softmax`, `--upsample` and `--argmax` for the scores of a model, computed here in double precision from their definitions
 * (compile/ends.ts), and how far a single-precision runtime may differ from them.
 */
import type { End } from '../compile/ends';
import { compare, type Difference, largestOf } from './compare';
import type { Numbers } from './onnx-runner';

/** Half a unit in the last place of single precision: the rounding error of each of its operations. */
const HALF_ULP = 2 ** -24;

interface Expected {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /** Largest absolute difference allowed. */
  readonly allowed: number;
}

/** `off`: by how much the scores themselves may differ. `lengths`: of the image. If the shapes differ, all elements count as broken. */
export function endDifference(
  scores: Numbers,
  end: End,
  lengths: readonly number[],
  found: Numbers | undefined,
  off: number,
): { readonly difference: Difference; readonly allowed: number } {
  let expected: Expected = { shape: scores.shape, data: Float64Array.from(scores.data), allowed: off };
  if (end.softmax) expected = shares(expected, end);
  if (end.upsample) for (const [at, axis] of end.places.entries()) expected = stretched(expected, axis, lengths[at] ?? 1, end, at);
  if (!end.argmax) {
    const isSame = found?.shape.join() === expected.shape.join();
    return { difference: compare(expected.data, isSame ? (found?.data ?? []) : []), allowed: expected.allowed };
  }
  return { difference: labels(expected, end, found), allowed: 0 };
}

/** Start index of every list along an axis, and the distance between its elements. */
function listsAlong(
  shape: readonly number[],
  axis: number,
): { readonly starts: readonly number[]; readonly step: number; readonly length: number } {
  const length = shape[axis] ?? 1;
  const step = shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const outer = shape.slice(0, axis).reduce((product, dim) => product * dim, 1);
  const starts = Array.from({ length: outer * step }, (_, at) => Math.floor(at / step) * step * length + (at % step));
  return { starts, step, length };
}

/** A difference of `off` in all scores changes a probability p by at most p (1 - p) 2 `off`; a sum of K exponentials rounds K times. */
function shares({ shape, data, allowed }: Expected, { axis }: End): Expected {
  const made = new Float64Array(data.length);
  const { starts, step, length } = listsAlong(shape, axis);
  for (const start of starts) {
    let [largest, sum] = [Number.NEGATIVE_INFINITY, 0];
    for (let k = 0; k < length; k++) largest = Math.max(largest, data[start + k * step] ?? 0);
    for (let k = 0; k < length; k++) sum += Math.exp((data[start + k * step] ?? 0) - largest);
    for (let k = 0; k < length; k++) made[start + k * step] = Math.exp((data[start + k * step] ?? 0) - largest) / sum;
  }
  // The argument of exp is also rounded, by half a unit in the last place of the largest score, which changes the exponential by the same share.
  const largest = largestOf(data);
  return { shape, data: made, allowed: allowed / 2 + (length + 16 + 2 * largest) * HALF_ULP };
}

/**
 * Interpolates along one axis. A position between two cells is rounded by a few units of the number of cells; the interpolated value is off by the
 * same share of the difference between the cells.
 */
function stretched({ shape, data, allowed }: Expected, axis: number, length: number, end: End, at: number): Expected {
  const { starts, step, length: cells } = listsAlong(shape, axis);
  const size = shape.map((dim, other) => (other === axis ? length : dim));
  const made = new Float64Array(starts.length * length);
  const [first, apart] = [end.first?.[at], end.step?.[at]];
  const places = Array.from({ length }, (_, x) => {
    const place = first !== undefined && apart !== undefined ? (x - first) / apart : ((x + 0.5) * cells) / length - 0.5;
    return Math.min(Math.max(place, 0), cells - 1);
  });
  for (const start of starts) {
    const outer = Math.floor(start / (step * cells));
    const to = outer * step * length + (start % step);
    for (const [x, place] of places.entries()) {
      const low = Math.floor(place);
      const [a, b] = [data[start + low * step] ?? 0, data[start + Math.min(low + 1, cells - 1) * step] ?? 0];
      made[to + x * step] = a + (b - a) * (place - low);
    }
  }
  const largest = largestOf(data);
  const more = first !== undefined && apart !== undefined ? 2 * (first / apart + 2) : 0;
  return { shape: size, data: made, allowed: allowed + 2 * largest * (8 * (cells + more) + 8) * HALF_ULP };
}

/** If two classes are equally good within the tolerance, either is accepted. */
function labels({ shape, data, allowed }: Expected, { axis }: End, found: Numbers | undefined): Difference {
  const { starts, step, length } = listsAlong(shape, axis);
  const right = new Float64Array(starts.length);
  const wanted = shape.filter((_, at) => at !== axis);
  const given = found?.shape.join() === wanted.join() ? found.data : new Float32Array();
  for (const [at, start] of starts.entries()) {
    let best = 0;
    const score = (k: number): number => data[start + k * step] ?? Number.NEGATIVE_INFINITY;
    for (let k = 1; k < length; k++) if (score(k) > score(best)) best = k;
    const own = given[at] ?? -1;
    right[at] = Number.isInteger(own) && own >= 0 && own < length && score(own) >= score(best) - 2 * allowed ? own : best;
  }
  return compare(right, given);
}
