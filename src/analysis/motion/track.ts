/** The exact position of a value's cells on the image, along one of its axes, and how windows, regrouping and meeting branches change it. */
import {
  absolute,
  commonMultiple,
  commonMultipleWith,
  greatest,
  isBelow,
  least,
  minus,
  ONE,
  plus,
  type Ratio,
  ratio,
  sameRatio,
  times,
  ZERO,
} from '../../ir/ratio';
import type { Dim, Node } from '../../ir/types';
import type { Step } from '../../operators/operator';

/** Cell i depends on pixels  offset + i * stride ... offset + i * stride + window - 1. */
export interface Track {
  readonly cells: Dim;
  /** Pixels from one cell to the next; negative if the map runs backwards. */
  readonly stride: Ratio;
  readonly offset: Ratio;
  readonly window: Ratio;
  /** Smallest shift of the image in pixels after which the cells repeat; larger than the stride if a map was made coarser and then finer again. */
  readonly period: number;
  /** Modulus: the track holds for all image lengths with the same remainder. */
  readonly congruent: number;
  /** Set if positions are counted from the far end of the image: the size of the steps. */
  readonly far: Ratio | undefined;
  /** The node that combined everything along the axis; cells then depend on the whole image. */
  readonly whole: Node | undefined;
  /** The node that reduced all cells, whether one or many, to a single value. */
  readonly pooled: Node | undefined;
}

export const pixels = (cells: Dim): Track => ({
  cells,
  stride: ONE,
  offset: ZERO,
  window: ONE,
  period: 1,
  congruent: 1,
  far: undefined,
  whole: undefined,
  pooled: undefined,
});

/** Track of a value that reads this one through windows. */
export function walked(track: Track, step: Step, cells: Dim): Track {
  const stride = times(track.stride, step.stride);
  const reach = minus(step.extent, ONE);
  // If the map runs backwards, the last cell read covers the first pixels.
  const first = track.stride.num < 0 ? plus(step.start, reach) : step.start;
  const pace = absolute(track.stride);
  const period = commonMultipleWith(track.period, times(pace, ratio(step.stride.num)));
  let { far, congruent } = track;
  if (step.congruent !== undefined) congruent = commonMultiple(congruent, commonMultipleWith(period, times(pace, ratio(step.congruent))));
  if (step.fromEnd) {
    // Counted from the original end again: if the pace has changed, the result depends on the remainder.
    if (far && !sameRatio(far, pace)) congruent = commonMultiple(congruent, commonMultipleWith(commonMultipleWith(period, far), pace));
    far = far ? undefined : pace;
  }
  return {
    ...track,
    cells,
    stride,
    offset: plus(track.offset, times(first, track.stride)),
    window: plus(track.window, times(reach, pace)),
    period,
    congruent,
    far,
  };
}

/** Merges each `by` neighbouring cells into one. */
export const grouped = (track: Track, by: number, cells: Dim): Track =>
  walked(track, { start: ZERO, stride: ratio(by), extent: ratio(by), pads: false }, cells);

/** Repeats every cell `by` times. */
export const repeated = (track: Track, by: number, cells: Dim): Track =>
  walked(track, { start: ratio(1 - by, by), stride: ratio(1, by), extent: plus(ONE, ratio(by - 1, by)), pads: false }, cells);

/** The union of what two branches read, or the reason why they cannot be combined; completes "it ...". */
export function met(a: Track, b: Track): Track | string {
  if (isSame(a, b)) return a;
  const shared = {
    period: commonMultiple(a.period, b.period),
    congruent: commonMultiple(a.congruent, b.congruent),
    whole: a.whole ?? b.whole,
    pooled: a.pooled && b.pooled ? a.pooled : undefined,
  };
  // A pooled value is the same for all positions of the other, which determines the positions.
  if (a.pooled || b.pooled) return { ...(a.pooled ? b : a), ...shared };
  if (a.stride.num < 0 !== b.stride.num < 0) return 'combines a map with its mirror image';
  if (!sameRatio(a.stride, b.stride))
    return `combines maps of which one has a cell every ${told(a.stride)} places of the image and the other every ${told(b.stride)}`;
  if ((a.far === undefined) !== (b.far === undefined)) return 'combines a map with one that is counted from the far end of the image';
  const offset = least(a.offset, b.offset);
  const end = greatest(plus(a.offset, a.window), plus(b.offset, b.window));
  return { ...shared, cells: a.cells ?? b.cells, stride: a.stride, offset, window: minus(end, offset), far: a.far };
}

const isSame = (a: Track, b: Track): boolean =>
  a === b ||
  (a.cells === b.cells &&
    sameRatio(a.stride, b.stride) &&
    sameRatio(a.offset, b.offset) &&
    sameRatio(a.window, b.window) &&
    a.period === b.period &&
    a.congruent === b.congruent &&
    a.far === b.far &&
    a.whole === b.whole &&
    a.pooled === b.pooled);

/** A fraction as readable text, without its sign. */
export const told = ({ num, den }: Ratio): string => (den === 1 ? `${Math.abs(num)}` : `${Math.abs(num)}/${den}`);

/** True if the cells repeat at a longer interval than their stride: those in between see the image in another phase. */
export const hasPhases = ({ period, stride }: Track): boolean => isBelow(absolute(stride), ratio(period));
