/** Slice with its defaults filled in. */

import { wrapAxis } from '../ir/axis';
import { isNode } from '../ir/match';
import type { Node } from '../ir/types';
import { constantInts } from './constants';

export interface Cut {
  readonly axis: number;
  /** As written: negative values count from the far end. undefined if computed. */
  readonly start: number | undefined;
  readonly end: number | undefined;
  readonly step: number;
}

/** Cuts of a Slice, one entry per axis that it lists; undefined if the axes are unknown, and for any other operator. */
export function asSlice(node: Node): readonly Cut[] | undefined {
  const rank = node.inputs[0]?.type?.shape?.length;
  if (!isNode(node, 'Slice')) return undefined;
  const [starts, ends] = [constantInts(node, 1), constantInts(node, 2)];
  const count = starts?.length ?? ends?.length ?? node.inputs[1]?.type?.shape?.[0];
  const axes = node.inputs[3]
    ? constantInts(node, 3)
    : typeof count === 'number'
      ? Array.from({ length: count }, (_, at) => at)
      : undefined;
  const steps = node.inputs[4] ? constantInts(node, 4) : axes?.map(() => 1);
  if (rank === undefined || !axes || !steps) return undefined;
  return axes.map((axis, at) => ({ axis: wrapAxis(axis, rank), start: starts?.[at], end: ends?.[at], step: steps[at] ?? 1 }));
}
