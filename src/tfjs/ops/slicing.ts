/** StridedSlice with its masks. */
import { int } from '../attrs';
import type { Emitter, Ref } from '../emitter';

/** One axis of a slice; without begin or end it reaches from or to the end of the axis. */
export interface Stretch {
  readonly begin?: number | Ref | undefined;
  readonly end?: number | Ref | undefined;
  readonly step?: number | Ref | undefined;
}

/** One stretch per axis; undefined: the whole axis. */
export function stridedSlice(make: Emitter, x: Ref, stretches: readonly (Stretch | undefined)[]): Ref {
  const mask = (key: 'begin' | 'end'): number =>
    stretches.reduce<number>((bits, stretch, axis) => (stretch?.[key] === undefined ? bits | (1 << axis) : bits), 0);
  return make.node(
    'StridedSlice',
    [
      x,
      make.vector(stretches.map((stretch) => stretch?.begin ?? 0)),
      make.vector(stretches.map((stretch) => stretch?.end ?? 0)),
      make.vector(stretches.map((stretch) => stretch?.step ?? 1)),
    ],
    { begin_mask: int(mask('begin')), end_mask: int(mask('end')), ellipsis_mask: int(0), new_axis_mask: int(0), shrink_axis_mask: int(0) },
  );
}
