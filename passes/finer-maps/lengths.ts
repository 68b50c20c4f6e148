/**
 * How long finer maps are behind a layer, in numbers that the graph computes: where phases of a map have gaps follows from it. And what is left of a stride,
 * phase by phase.
 */
import type { Value } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';
import { isOne, type Pair } from './density';
import { because, type Refusal } from './kinds';
import { densityOf, type Phases } from './phases';
import { FAR, type PlacesCut } from './places';
import { pairOf, sideOf, type Window, wholes } from './window';

export interface Undone {
  /** Strides that are left. */
  readonly strides: Pair;
  /** New phases along rows and columns. */
  readonly by: Pair;
}

/** Strides of a layer whose input has `before` cells for each one and whose output is to have `after`. */
export function undo(strides: Pair, before: Pair, after: Pair): Undone | Refusal {
  const by = pairOf((axis) => after[axis] / before[axis]);
  const left = pairOf((axis) => strides[axis] / by[axis]);
  if (![...by, ...left].every(Number.isInteger)) return because('its stride cannot be divided so');
  if (([0, 1] as const).some((axis) => before[axis] !== 1 && left[axis] !== 1))
    return because('its stride cannot be undone phase by phase');
  return { strides: left, by };
}

/** Rows and columns of the finer map behind a window. */
export function fineBehind(make: Builder, phases: Phases, { pads, span, strides }: Window, missing: Value | undefined): Value {
  const density = densityOf(phases);
  const more = pairOf((axis) => (pads ? sideOf(pads, axis, 'front') + sideOf(pads, axis, 'back') - span[axis] + 1 : 0) * density[axis]);
  const room = pads
    ? make.op('Add', [phases.fine, make.int64s('room', more)])
    : make.op('Sub', [phases.fine, missing ? times(make, missing, density) : make.int64s('none', [0, 0])]);
  return everyNth(make, room, strides);
}

/** How many of so many cells are taken, from the first one on. */
function everyNth(make: Builder, cellsThere: Value, steps: Pair): Value {
  if (isOne(steps)) return cellsThere;
  const more = make.op('Add', [cellsThere, make.int64s('round_up', [steps[0] - 1, steps[1] - 1])]);
  return wholes(make, more, steps);
}

export const times = (make: Builder, sizes: Value, by: Pair): Value =>
  isOne(by) ? sizes : make.op('Mul', [sizes, make.int64s('density', by)]);

/** The same behind a Slice of these places. */
export function fineBehindSlice(
  make: Builder,
  phases: Phases,
  { starts, ends, places }: Pick<PlacesCut, 'starts' | 'ends' | 'places'>,
  steps: Pair,
): Value {
  const density = densityOf(phases);
  const of = (numbers: readonly number[], axis: 0 | 1): number | undefined => {
    const place = places.find(({ rows }) => rows === (axis === 0));
    return place && numbers[place.at];
  };
  const isEnd = (end: number | undefined): end is number => end !== undefined && Math.abs(end) < FAR;
  const last = pairOf((axis) => {
    const end = of(ends, axis);
    return isEnd(end) && end >= 0 ? end * density[axis] : FAR;
  });
  const cropped = pairOf((axis) => {
    const end = of(ends, axis);
    return (isEnd(end) && end < 0 ? end * density[axis] : 0) - (of(starts, axis) ?? 0) * density[axis];
  });
  const kept = last.every((end) => end === FAR) ? phases.fine : make.op('Min', [phases.fine, make.int64s('end', last)]);
  return everyNth(make, make.op('Add', [kept, make.int64s('cropped', cropped)]), steps);
}
