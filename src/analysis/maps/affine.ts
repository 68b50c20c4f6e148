/**
 * Operators that are affine in their single varying operand and work on each position of a map separately, so that they commute with every average over
 * positions:
 *
 *   mean(A x + b) = A mean(x) + b
 *
 * 1x1 convolutions, per-channel scales and shifts, batch normalisation at inference, and selections of channels.
 */

import { intAttr, intsAttr, stringAttr } from '../../ir/attrs';
import { hasMapRank, mapRank } from '../../ir/axis-roles';
import { byOperator } from '../../ir/match';
import type { Node, Value } from '../../ir/types';
import { isConst } from '../../ir/types';
import { isPadded, isStrided } from '../../ir/window-attrs';

/** The varying operand of an affine pointwise node over maps [N,C,H,W]; undefined for any other node. */
export function affineOperand(node: Node): { readonly slot: number; readonly value: Value } | undefined {
  const varying = node.inputs.flatMap((input, slot) => (input && !isConst(input) ? [{ slot, value: input }] : []));
  const [only] = varying;
  if (!only || varying.length !== 1 || !hasMapRank(only.value, node.graph) || node.outputs.length !== 1) return undefined;
  return commutes(node)?.(node, only.slot) ? only : undefined;
}

/** By operator: whether it is affine in the operand in this slot, at each position separately. */
const commutes = byOperator<(node: Node, slot: number) => boolean>({
  Add: othersPerChannel,
  BatchNormalization: (node, slot) => slot === 0 && intAttr(node, 'training_mode') === 0,
  Conv: (node, slot) => slot === 0 && isPointwise(node),
  Div: (node, slot) => slot === 0 && isPerChannel(node.inputs[1], node),
  Gather: (node, slot) => slot === 0 && intAttr(node, 'axis') === 1 && node.inputs[1]?.constant?.shape.length === 1,
  Identity: () => true,
  Mul: othersPerChannel,
  Neg: () => true,
  Slice: (node, slot) => slot === 0 && onlyChannelAxis(node),
  Sub: othersPerChannel,
});

function othersPerChannel(node: Node, slot: number): boolean {
  return node.inputs.every((input, at) => at === slot || isPerChannel(input, node));
}

/** True for kernel 1x1, stride 1 and no padding. */
export function isPointwise(conv: Node): boolean {
  const kernel = intsAttr(conv, 'kernel_shape') ?? conv.inputs[1]?.type?.shape?.slice(2);
  return (
    (kernel?.every((size) => size === 1) ?? false) && !isStrided(conv) && (!isPadded(conv) || stringAttr(conv, 'auto_pad') !== 'NOTSET')
  );
}

/** True for a constant that broadcasts over all positions. */
function isPerChannel(value: Value | undefined, { graph }: Node): boolean {
  const shape = value?.constant?.shape;
  const rank = mapRank(graph);
  if (!shape || shape.length > rank) return false;
  return shape.slice(-(rank - 2)).every((dim) => dim === 1) && (shape.length < rank || shape[0] === 1);
}

function onlyChannelAxis(slice: Node): boolean {
  const [from, to] = [slice.inputs[0]?.type?.shape, slice.outputs[0]?.type?.shape];
  const isMap = from?.length === mapRank(slice.graph) && to?.length === from.length;
  return isMap && from.every((dim, axis) => (axis === 1 ? dim !== to[axis] : dim === to[axis]));
}
