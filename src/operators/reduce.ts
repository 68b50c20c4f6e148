/** Reductions, ArgMax and ArgMin: the axes they reduce, with defaults filled in. */

import { intAttr } from '../ir/attrs';
import { wrapAxis } from '../ir/axis';
import { axisRule, isReduction } from '../ir/operator-traits';
import type { Node } from '../ir/types';
import { constantInts } from './constants';

export interface Reduce {
  readonly axes: readonly number[];
  readonly keepsAxes: boolean;
}

/** Returns undefined if the axes or the rank are unknown, and for any other operator. */
export function asReduce(node: Node): Reduce | undefined {
  const rank = node.inputs[0]?.type?.shape?.length;
  const isPicked = axisRule(node.opType) === 'picked';
  if (rank === undefined || !(isPicked || isReduction(node.opType))) return undefined;
  const keepsAxes = intAttr(node, 'keepdims') !== 0;
  if (isPicked) return { axes: [wrapAxis(intAttr(node, 'axis'), rank)], keepsAxes };
  const given = constantInts(node, 1);
  if (node.inputs[1] && !given) return undefined;
  const all = Array.from({ length: rank }, (_, axis) => axis);
  if (given === undefined || given.length === 0) return { axes: intAttr(node, 'noop_with_empty_axes') === 0 ? all : [], keepsAxes };
  return { axes: [...new Set(given.map((axis) => wrapAxis(axis, rank)))].sort((a, b) => a - b), keepsAxes };
}
