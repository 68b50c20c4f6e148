/**
 * Elementwise operators: they work in any order. Several operands are brought into one order: the one for which the fewest elements have to move.
 */
import { intAttr } from '../../../ir/attrs';
import { broadcastingOps, unaryElementwiseOps } from '../../../ir/operator-traits';
import { table } from '../../../ir/table';
import { elementCount, permuted, reshaped } from '../../../ir/tensor';
import type { Dim, Node, Tensor, Value } from '../../../ir/types';
import { arranged, identity, isIdentity, movesOnlyUnits, type Order, permBetween, sameOrder } from '../order';
import type { Inner, Relayout } from '../relayout';
import { becomes, input, inRange, output, type Rule, rankOf, shapeOf } from './rule';

const unary: Rule = (node, to) => {
  const { value, order, inner } = to.placed(input(node));
  return becomes(node, to, [value, ...node.inputs.slice(1).map((more) => to.plain(more))], order, { inner });
};

/** No operation: the output is the input. (A second output used only in training is not made.) */
const same: Rule = (node, to) => {
  if (node.outputs.slice(1).some((more) => more.name !== '' && (more.uses.length > 0 || to.isOutput(more)))) return false;
  to.put(output(node), to.placed(input(node)));
  return true;
};

const broadcasting: Rule = (node, to) => {
  const rank = rankOf(output(node));
  const operands = node.inputs.filter((value) => value !== undefined);
  if (rank === undefined || operands.some((value) => rankOf(value) === undefined)) return false;
  const full = operands.filter((value) => !value.constant && rankOf(value) === rank);
  const inner = commonInner(full, operands, to);
  if (inner) {
    const { order } = inner;
    return becomes(
      node,
      to,
      operands.map((value) => (value.constant ? constantFor(value, order, to, true, inner.inner) : to.placed(value).value)),
      order,
      { inner: inner.inner },
    );
  }
  const order = cheapestOrder(full, to) ?? identity(rank);
  const hasFull = full.length > 0;
  return becomes(
    node,
    to,
    operands.map((value) => operandIn(value, order, to, hasFull)),
    order,
  );
};

/** One scale for the whole tensor, or one per index of an axis. */
function quantised(node: Node, to: Relayout): boolean {
  const { value, order, inner } = to.placed(input(node));
  const parameters = node.inputs.slice(1).map((more) => to.plain(more));
  const rank = rankOf(node.inputs[1]);
  if (rank === 0) return becomes(node, to, [value, ...parameters], order, { inner });
  if (rank !== 1 || inner || intAttr(node, 'block_size') !== 0) return false;
  const axis = inRange(intAttr(node, 'axis'), order.length);
  return becomes(node, to, [value, ...parameters], order, { attrs: { axis: order.indexOf(axis) } });
}

/** All non-constant operands are out of order in the same way, and the constants can be permuted to match. */
function commonInner(
  full: readonly Value[],
  operands: readonly Value[],
  to: Relayout,
): { readonly order: Order; readonly inner: Inner } | undefined {
  const [first] = full;
  const placed = first && to.placed(first);
  if (!placed?.inner || operands.some((value) => !value.constant && !full.includes(value))) return undefined;
  const { inner, order } = placed;
  const isAlike = full.every((value) => {
    const other = to.placed(value);
    return (
      sameOrder(other.order, order) &&
      other.inner?.axis === inner.axis &&
      sameOrder(other.inner.dims, inner.dims) &&
      sameOrder(other.inner.perm, inner.perm)
    );
  });
  return isAlike ? { order, inner } : undefined;
}

/** The order among those of the operands for which the others have the fewest elements to move. */
export function cheapestOrder(values: readonly Value[], to: Relayout): Order | undefined {
  let best: { readonly order: Order; readonly cost: number } | undefined;
  // Thousands of values have a few orders.
  const orders = new Map(values.map((value) => to.placed(value).order).map((order) => [order.join(), order]));
  for (const order of orders.values()) {
    const cost = values.reduce((sum, value) => sum + costOf(value, order, to), 0);
    if (!best || cost < best.cost) best = { order, cost };
  }
  return best?.order;
}

function costOf(value: Value, order: Order, to: Relayout): number {
  const placed = to.placed(value);
  const dims = placed.value.type?.shape ?? [];
  const isFree = !placed.inner && movesOnlyUnits(dims, permBetween(placed.order, order));
  return isFree ? 0 : dims.reduce<number>((count, dim) => count * (typeof dim === 'number' ? dim : TYPICAL), 1);
}
/** Size assumed for a symbolic dimension. */
const TYPICAL = 32;

/** An operand, in the form in which it broadcasts with the result's axes in the given order. */
function operandIn(value: Value, order: Order, to: Relayout, hasFull: boolean): Value {
  if (value.constant) return constantFor(value, order, to, hasFull);
  const rank = rankOf(value) ?? 0;
  const missing = order.length - rank;
  const own = order.filter((axis) => axis >= missing).map((axis) => axis - missing);
  const moved = to.inOrder(value, own);
  const firstOwn = order.findIndex((axis) => axis >= missing);
  const dims = shapeOf(value) ?? [];
  // Broadcasting adds axes in front; an axis that must appear elsewhere is made explicit.
  if (order.slice(firstOwn).every((axis) => axis >= missing) || rank === 0) return moved;
  return to.reshape(
    moved,
    order.slice(firstOwn).map((axis): Dim => (axis < missing ? 1 : dims[axis - missing])),
    `${value.name}_aligned`,
  );
}

/** A constant, in the form in which it broadcasts in the given order; without leading unit axes where another operand has all axes. */
export function constantFor(value: Value, order: Order, to: Relayout, strip: boolean, inner?: Inner): Value {
  const { constant } = value;
  if (!constant) return value;
  const rank = order.length;
  const padded = [...Array.from({ length: rank - constant.shape.length }, () => 1), ...constant.shape];
  let tensor: Tensor = reshaped(constant, padded);
  if (inner && padded[inner.axis] !== 1) tensor = withInner(tensor, inner);
  tensor = movesOnlyUnits(padded, order) ? reshaped(tensor, arranged(padded, order)) : permuted(tensor, order);
  const lead = tensor.shape.findIndex((dim) => dim !== 1);
  const kept = strip ? tensor.shape.slice(lead < 0 ? rank : lead) : tensor.shape;
  if (isIdentity(order) && !inner && sameOrder(kept, constant.shape)) return to.inOrder(value, identity(constant.shape.length));
  return to.constant(value.name, reshaped(tensor, kept));
}

/** A constant with the elements of one axis permuted like those of a flattened map. */
export function withInner(tensor: Tensor, { axis, dims, perm }: Inner): Tensor {
  const { shape } = tensor;
  const split = reshaped(tensor, [...shape.slice(0, axis), ...dims, ...shape.slice(axis + 1)]);
  const whole = [
    ...identity(axis),
    ...perm.map((factor) => axis + factor),
    ...Array.from({ length: shape.length - axis - 1 }, (_, at) => axis + dims.length + at),
  ];
  return reshaped(permuted(split, whole), [...shape.slice(0, axis), elementCount(dims), ...shape.slice(axis + 1)]);
}

export const elementwise: Readonly<Record<string, Rule>> = table({
  ...Object.fromEntries(unaryElementwiseOps.map((op): [string, Rule] => [op, unary])),
  ...Object.fromEntries(broadcastingOps.map((op): [string, Rule] => [op, broadcasting])),
  CastLike: unary,
  DequantizeLinear: quantised,
  Identity: same,
  QuantizeLinear: quantised,
  Dropout: (node: Node, to: Relayout) => (node.inputs[2] && !isFalse(node.inputs[2]) ? false : same(node, to)),
});

const isFalse = ({ constant }: Value): boolean => constant !== undefined && constant.data.kind === 'bytes' && constant.data.bytes[0] === 0;
