/** How the cells of a value lie on the image along one of its axes, exactly; and what a window, a regrouping or a meeting of branches does to that. */
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
  /** Pixels from one cell to the next; below zero where the map runs backwards. */
  readonly stride: Ratio;
  readonly offset: Ratio;
  readonly window: Ratio;
  /** The least number of pixels by which the image must move for the cells to repeat: more than the stride where a map was made coarse and fine again. */
  readonly period: number;
  /** What is said here holds for images whose lengths leave the same rest by this number. */
  readonly congruent: number;
  /** Counted from the far end of the image, in steps of this. */
  readonly far: Ratio | undefined;
  /** The node that took everything along the axis together; the image as a whole is looked at then. */
  readonly whole: Node | undefined;
  /** The node that left one number of all cells, be it one cell or many. */
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

/** The track of what looks at this one through windows. */
export function walked(track: Track, step: Step, cells: Dim): Track {
  const stride = times(track.stride, step.stride);
  const reach = minus(step.extent, ONE);
  // Where the map runs backwards, the last cell that is read has the first pixels.
  const first = track.stride.num < 0 ? plus(step.start, reach) : step.start;
  const pace = absolute(track.stride);
  const period = commonMultipleWith(track.period, times(pace, ratio(step.stride.num)));
  let { far, congruent } = track;
  if (step.congruent !== undefined) congruent = commonMultiple(congruent, commonMultipleWith(period, times(pace, ratio(step.congruent))));
  if (step.fromEnd) {
    // Back at the end that it was counted from: where the pace is another one, it depends on what is left over.
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

/** `by` neighbouring cells taken for one. */
export const grouped = (track: Track, by: number, cells: Dim): Track =>
  walked(track, { start: ZERO, stride: ratio(by), extent: ratio(by), pads: false }, cells);

/** Every cell shown `by` times. */
export const repeated = (track: Track, by: number, cells: Dim): Track =>
  walked(track, { start: ratio(1 - by, by), stride: ratio(1, by), extent: plus(ONE, ratio(by - 1, by)), pads: false }, cells);

/** The union of what two branches look at, or why they do not meet; continues "it ...". */
export function met(a: Track, b: Track): Track | string {
  const shared = {
    period: commonMultiple(a.period, b.period),
    congruent: commonMultiple(a.congruent, b.congruent),
    whole: a.whole ?? b.whole,
    pooled: a.pooled && b.pooled ? a.pooled : undefined,
  };
  // What was pooled is the same for all places of the other, which tells where they are.
  if (a.pooled || b.pooled) return { ...(a.pooled ? b : a), ...shared };
  if (a.stride.num < 0 !== b.stride.num < 0) return 'combines a map with its mirror image';
  if (!sameRatio(a.stride, b.stride))
    return `combines maps of which one has a cell every ${told(a.stride)} pixels and the other every ${told(b.stride)}`;
  if ((a.far === undefined) !== (b.far === undefined)) return 'combines a map with one that is counted from the far end of the image';
  const offset = least(a.offset, b.offset);
  const end = greatest(plus(a.offset, a.window), plus(b.offset, b.window));
  return { ...shared, cells: a.cells ?? b.cells, stride: a.stride, offset, window: minus(end, offset), far: a.far };
}

/** A fraction for people. */
export const told = ({ num, den }: Ratio): string => (den === 1 ? `${Math.abs(num)}` : `${Math.abs(num)}/${den}`);

/** Whether cells repeat less often than they stand: the cells between see the image in another phase. */
export const hasPhases = ({ period, stride }: Track): boolean => isBelow(absolute(stride), ratio(period));
