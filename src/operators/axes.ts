/** The single axis that a node works along (Concat, Softmax, Gather, Split ...). */

import { intAttr } from '../ir/attrs';
import { wrapAxis } from '../ir/axis';
import { meaningOf } from '../ir/integer-operators';
import { attrDefault } from '../ir/operators';
import type { Node } from '../ir/types';
import { constantInts } from './constants';

/** The node's `axis`, counted from the front of an operand of this rank; undefined if it is computed. */
export function asAxis(node: Node, rank: number): number | undefined {
  if (node.opType === 'CumSum' || node.opType === 'CumProd') {
    const [axis] = constantInts(node, 1) ?? [];
    return axis === undefined ? undefined : wrapAxis(axis, rank);
  }
  if (!node.attrs.has('axis') && !(attrDefault(node.opType, 'axis') ?? attrDefault(meaningOf(node), 'axis'))) return undefined;
  return wrapAxis(intAttr(node, 'axis'), rank);
}
