/** Views: the same elements under other axes. A Transpose moves no data; it renames the axes. */

import { permOf } from '../../../ir/axis';
import { sameDim } from '../../../ir/dims';
import { isBroadcasting, isUnaryElementwise } from '../../../ir/operator-traits';
import { table } from '../../../ir/table';
import type { Dim, Node, Value } from '../../../ir/types';
import { arranged, identity, inverse, isIdentity, type Order } from '../order';
import { type Group, regroup } from '../regroup';
import type { Inner, Placed, Relayout } from '../relayout';
import { groupNormalised } from './group-norm';
import { input, output, type Rule, rankOf, shapeOf } from './rule';

const transpose: Rule = (node, to) => {
  const x = input(node);
  const { value, order, inner } = to.placed(x);
  const perm = permOf(node, order.length);
  const named = inverse(perm);
  const axisNow = (axis: number): number => named[axis] ?? axis;
  to.put(output(node), {
    value,
    order: order.map(axisNow),
    inner: inner && { ...inner, axis: axisNow(inner.axis) },
  });
  return true;
};

/**
 * Axes that are merged must be adjacent and in order, or are moved so first. Only where a whole map is flattened may they stay as they are:
 * the weight of the linear layer that follows is permuted instead.
 */
const view: Rule = (node, to) => {
  const x = input(node);
  const y = output(node);
  const [from, shape] = [shapeOf(x), shapeOf(y)];
  if (!from || !shape) return false;
  const source = to.placed(x);
  const target = node.op === 'Reshape' ? node.inputs[1] : undefined;
  const groups = source.inner ? undefined : regroup(from, shape);
  if (!groups) return straight(node, to, from, shape, target);
  const merged = groups.filter(({ ins }) => ins.length > 1 && !liesInOrder(ins, source.order));
  const inner = isAbsorbed(y, to) ? onlyInner(merged, source.order, from) : undefined;
  const order = inner ? source.order : gathered(source.order, merged);
  const outOrder = placesAfter(order, groups, inner && merged[0]);
  const moved = to.inOrder(x, order);
  const dims = arranged(shape, outOrder);
  if (!isSayable(moved.type?.shape ?? [], dims)) {
    if (!target || !isWritable(target)) return straight(node, to, from, shape, target);
    const vector = isIdentity(outOrder)
      ? to.plain(target)
      : to.op('Gather', [to.plain(target), to.int64s(outOrder)], { axis: 0 }, target.type, `${y.name}_shape`);
    to.put(y, { value: to.reshape(moved, dims, y.name, vector), order: outOrder });
    return true;
  }
  to.put(y, { value: named(to, moved, dims, y), order: outOrder, inner });
  return true;
};

/** The view in ONNX's order, with the target that the model computes where the sizes do not determine it. */
function straight(node: Node, to: Relayout, from: readonly Dim[], shape: readonly Dim[], target: Value | undefined): boolean {
  const x = to.plain(input(node));
  const y = output(node);
  const order = identity(shape.length);
  if (isSayable(from, shape)) {
    to.put(y, { value: named(to, x, shape, y), order });
    return true;
  }
  if (!target || !isWritable(target)) return false;
  to.put(y, { value: to.reshape(x, shape, y.name, to.plain(target)), order });
  return true;
}

/** Whether the target is computed: a constant with 0 or -1 for unknown sizes says less than the shapes do. */
const isWritable = (target: Value): boolean => !target.constant;

/** Whether a Reshape can express the shape: constants, dimensions of the input itself, and one that is inferred. */
const isSayable = (own: readonly Dim[], dims: readonly Dim[]): boolean =>
  dims.filter((dim) => typeof dim !== 'number' && !own.some((other) => sameDim(other, dim))).length <= 1;

function named(to: Relayout, x: Value, dims: readonly Dim[], y: Value): Value {
  return to.reshape(x, dims, y.name);
}

function liesInOrder(ins: readonly number[], order: Order): boolean {
  const first = order.indexOf(ins[0] ?? 0);
  return ins.every((axis, at) => order[first + at] === axis);
}

/** Whether all readers, perhaps after elementwise operators, are linear layers with a constant weight, which can be permuted to any order. */
function isAbsorbed(value: Value, to: Relayout, depth = 0): boolean {
  if (to.isOutput(value) || value.uses.length === 0 || depth > 20) return false;
  return value.uses.every(({ user, slot }) => {
    if (user.op === 'Gemm' || user.op === 'MatMul') return slot === 0 && user.inputs[1]?.constant !== undefined;
    const [next] = user.outputs;
    const isPlacewise =
      user.op === 'Dropout' ||
      isUnaryElementwise(user.op) ||
      (isBroadcasting(user.op) && user.inputs.every((other) => other === value || other?.constant !== undefined));
    return isPlacewise && next !== undefined && isAbsorbed(next, to, depth + 1);
  });
}

/** The one group that may stay out of order: its axes are adjacent, become one, and have constant lengths. */
function onlyInner(merged: readonly Group[], order: Order, from: readonly Dim[]): Inner | undefined {
  const [group, more] = merged;
  if (!group || more || group.outs.length !== 1) return undefined;
  const places = group.ins.map((axis) => order.indexOf(axis));
  const first = Math.min(...places);
  if (Math.max(...places) - first !== places.length - 1) return undefined;
  const dims = group.ins.map((axis) => from[axis]);
  if (!dims.every((dim) => typeof dim === 'number')) return undefined;
  const perm = order.slice(first, first + places.length).map((axis) => group.ins.indexOf(axis));
  return { axis: group.outs[0] ?? 0, dims, perm };
}

/** The order with the axes of each group adjacent and in their own order, at the position of the first of them. */
function gathered(order: Order, groups: readonly Group[]): Order {
  return groups.reduce<Order>((current, { ins }) => {
    const first = current.findIndex((axis) => ins.includes(axis));
    const others = (axes: Order): Order => axes.filter((axis) => !ins.includes(axis));
    return [...others(current.slice(0, first)), ...ins, ...others(current.slice(first))];
  }, order);
}

/** Order after the view: each group at the position of its first axis, new unit axes after their neighbour. */
function placesAfter(order: Order, groups: readonly Group[], inner: Group | undefined): Order {
  const result: number[] = [];
  for (const axis of order) {
    const group = groups.find(({ ins }) => (inner?.ins === ins ? order.find((other) => ins.includes(other)) === axis : ins[0] === axis));
    if (group) result.push(...group.outs);
  }
  for (const { ins, outs } of groups) {
    if (ins.length > 0) continue;
    for (const axis of outs) result.splice(result.indexOf(axis - 1) + 1, 0, axis);
  }
  return result;
}

/** Lengths of the axes: computed in the current order, then permuted to ONNX's. */
const shape: Rule = (node, to) => {
  const placed = to.placed(input(node));
  const y = output(node);
  const rank = placed.order.length;
  const bound = (name: string, otherwise: number): number => {
    const attr = node.attrs.get(name);
    const value = attr?.kind === 'int' ? Number(attr.value) : otherwise;
    return Math.min(Math.max(value < 0 ? value + rank : value, 0), rank);
  };
  const wanted = identity(rank).slice(bound('start', 0), bound('end', rank));
  const known = to.inference.intsOf(y);
  if (known?.every((dim) => typeof dim === 'number')) {
    to.put(y, { value: to.int64s(known), order: [0] });
    return true;
  }
  const lengths = to.op(
    'Shape',
    [placed.value],
    {},
    { dtype: 'int64', shape: [rank] },
    isWhole(placed, wanted) ? y.name : `${y.name}_placed`,
  );
  const value = isWhole(placed, wanted)
    ? lengths
    : to.op('Gather', [lengths, to.int64s(arranged(inverse(placed.order), wanted))], { axis: 0 }, y.type, y.name);
  to.put(y, { value, order: [0] });
  return true;
};
const isWhole = ({ order }: Placed, wanted: Order): boolean => isIdentity(order) && wanted.length === order.length;

export const views: Readonly<Record<string, Rule>> = table({
  Flatten: view,
  Reshape: (node, to) => groupNormalised(node, to) || (rankOf(output(node)) === undefined ? false : view(node, to)),
  Shape: shape,
  Squeeze: view,
  Transpose: transpose,
  Unsqueeze: view,
});
