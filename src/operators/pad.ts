/** Pad with its defaults filled in. */

import { stringAttr } from '../ir/attrs';
import { wrapAxis } from '../ir/axis';
import { isNode } from '../ir/match';
import type { Node } from '../ir/types';
import { constantInts } from './constants';

export interface Padding {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

export interface Pad {
  readonly mode: string;
  /** One entry per axis that the node lists; undefined if the amounts are computed. */
  readonly axes: readonly Padding[] | undefined;
}

/** Returns undefined for any other operator. */
export function asPad(node: Node): Pad | undefined {
  if (!isNode(node, 'Pad')) return undefined;
  const rank = node.inputs[0]?.type?.shape?.length;
  const amounts = constantInts(node, 1);
  const half = (amounts?.length ?? 0) / 2;
  const axes = node.inputs[3] ? constantInts(node, 3) : Array.from({ length: half }, (_, at) => at);
  return {
    mode: stringAttr(node, 'mode'),
    axes:
      amounts && axes && rank !== undefined
        ? axes.map((axis, at) => ({ axis: wrapAxis(axis, rank), before: amounts[at] ?? 0, after: amounts[at + half] ?? 0 }))
        : undefined,
  };
}
