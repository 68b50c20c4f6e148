/**
 * Lengths of finer maps behind a layer, as values computed in the graph: they determine where the phases of a map have gaps. Also the remaining part of a
 * stride that is undone phase by phase.
 */
import type { Value } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';
import { at, each, isOne, type PerAxis } from './density';
import { because, type Refusal } from './kinds';
import { densityOf, type Phases } from './phases';
import { FAR, type PlacesCut } from './places';
import { sideOf, type Window, wholes } from './window';

export interface Undone {
  /** Remaining strides. */
  readonly strides: PerAxis;
  /** New phases along each axis. */
  readonly by: PerAxis;
}

/** Strides of a layer whose input has `before` cells for each original cell and whose output is to have `after`. */
export function undo(strides: PerAxis, before: PerAxis, after: PerAxis): Undone | Refusal {
  const by = each(after, (cells, axis) => cells / at(before, axis));
  const left = each(strides, (stride, axis) => stride / at(by, axis));
  if (![...by, ...left].every(Number.isInteger)) return because('its stride cannot be divided so');
  if (left.some((stride, axis) => before[axis] !== 1 && stride !== 1)) return because('its stride cannot be undone phase by phase');
  return { strides: left, by };
}

/** Lengths of the finer map behind a window. */
export function fineBehind(make: Builder, phases: Phases, { pads, span, strides }: Window, missing: Value | undefined): Value {
  const density = densityOf(phases);
  const more = each(density, (cells, axis) =>
    pads ? (sideOf(pads, axis, 'front') + sideOf(pads, axis, 'back') - at(span, axis) + 1) * cells : 0,
  );
  const room = pads
    ? make.op('Add', [phases.fine, make.int64s('room', more)])
    : make.op('Sub', [
        phases.fine,
        missing
          ? times(make, missing, density)
          : make.int64s(
              'none',
              each(density, () => 0),
            ),
      ]);
  return everyNth(make, room, strides);
}

/** Number of cells if every `steps`-th is taken, beginning with the first. */
function everyNth(make: Builder, cellsThere: Value, steps: PerAxis): Value {
  if (isOne(steps)) return cellsThere;
  const more = make.op('Add', [
    cellsThere,
    make.int64s(
      'round_up',
      each(steps, (step) => step - 1),
    ),
  ]);
  return wholes(make, more, steps);
}

export const times = (make: Builder, sizes: Value, by: PerAxis): Value =>
  isOne(by) ? sizes : make.op('Mul', [sizes, make.int64s('density', by)]);

/** Lengths of the finer map behind a Slice. */
export function fineBehindSlice(
  make: Builder,
  phases: Phases,
  { starts, ends, places }: Pick<PlacesCut, 'starts' | 'ends' | 'places'>,
  steps: PerAxis,
): Value {
  const density = densityOf(phases);
  const of = (numbers: readonly number[], axis: number): number | undefined => {
    const place = places.find((candidate) => candidate.axis === axis);
    return place && numbers[place.at];
  };
  const isEnd = (end: number | undefined): end is number => end !== undefined && Math.abs(end) < FAR;
  const last = each(density, (cells, axis) => {
    const end = of(ends, axis);
    return isEnd(end) && end >= 0 ? end * cells : FAR;
  });
  const cropped = each(density, (cells, axis) => {
    const end = of(ends, axis);
    return (isEnd(end) && end < 0 ? end * cells : 0) - (of(starts, axis) ?? 0) * cells;
  });
  const kept = last.every((end) => end === FAR) ? phases.fine : make.op('Min', [phases.fine, make.int64s('end', last)]);
  return everyNth(make, make.op('Add', [kept, make.int64s('cropped', cropped)]), steps);
}
