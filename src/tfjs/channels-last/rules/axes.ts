/** Operators that name axes, by attribute or by a constant input: axes are renamed to their new positions. */
import { intAttr } from '../../../ir/attrs';
import { reductionOps } from '../../../ir/operator-traits';
import { table } from '../../../ir/table';
import { int64s } from '../../../ir/tensor';
import type { Value } from '../../../ir/types';
import { arranged, identity, isIdentity, type Order, without } from '../order';
import type { Relayout } from '../relayout';
import { cheapestOrder } from './elementwise';
import { becomes, input, inRange, numbersOf, otherOrder, output, type Rule, rankOf } from './rule';

/** Sum and the other reductions. Elements out of order within an axis do not matter if the whole axis is reduced. */
const reduction: Rule = (node, to) => {
  const x = input(node);
  const { value, order, inner } = to.placed(x);
  const given = node.inputs[1] ? numbersOf(node.inputs[1], to) : [];
  if (!given) return false;
  const isNothing = given.length === 0 && intAttr(node, 'noop_with_empty_axes') !== 0;
  const axes = given.length === 0 && !isNothing ? identity(order.length) : given.map((axis) => inRange(axis, order.length));
  if (inner && !axes.includes(inner.axis)) return false;
  const kept = intAttr(node, 'keepdims') !== 0 || isNothing ? order : without(order, new Set(axes));
  const places = axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b);
  return becomes(node, to, [value, isNothing && !node.inputs[1] ? undefined : to.int64s(places)], kept);
};

/** One axis, by an attribute; every output has the order of the input. */
const oneAxis =
  (keepdims = false): Rule =>
  (node, to) => {
    const x = input(node);
    const order = otherOrder(x, to);
    if (!order) return false;
    const axis = inRange(intAttr(node, 'axis'), order.length);
    const after = keepdims && intAttr(node, 'keepdims') === 0 ? without(order, new Set([axis])) : order;
    const others = node.inputs.slice(1).map((value) => to.plain(value));
    return becomes(node, to, [to.inOrder(x, order), ...others], after, { attrs: { axis: order.indexOf(axis) } });
  };

/** One axis that TensorFlow.js wants last: it is moved there, and stays there. */
const lastAxis: Rule = (node, to) => {
  const x = input(node);
  const rank = rankOf(x);
  if (rank === undefined || rank === 0) return false;
  const axis = inRange(intAttr(node, 'axis'), rank);
  const { order } = x.constant ? { order: identity(rank) } : to.placed(x);
  const wanted = [...order.filter((other) => other !== axis), axis];
  return becomes(node, to, [to.inOrder(x, wanted), ...node.inputs.slice(1).map((value) => to.plain(value))], wanted, {
    attrs: { axis: rank - 1 },
  });
};

const concat: Rule = (node, to) => {
  const operands = node.inputs.filter((value) => value !== undefined);
  const order = cheapestOrder(
    operands.filter((value) => !value.constant),
    to,
  );
  if (!order || isIdentity(order)) return false;
  const axis = inRange(intAttr(node, 'axis'), order.length);
  return becomes(
    node,
    to,
    operands.map((value) => to.inOrder(value, order)),
    order,
    { attrs: { axis: order.indexOf(axis) } },
  );
};

const cumSum: Rule = (node, to) => {
  const x = input(node);
  const order = otherOrder(x, to);
  const [axis] = numbersOf(node.inputs[1], to) ?? [];
  if (!order || axis === undefined) return false;
  return becomes(node, to, [to.inOrder(x, order), to.int64s([order.indexOf(inRange(axis, order.length))])], order);
};

/** A scalar index removes the axis, a list of indices keeps it. */
const gather: Rule = (node, to) => {
  const x = input(node);
  const order = otherOrder(x, to);
  const indices = input(node, 1);
  const rank = rankOf(indices);
  if (!order || (rank !== 0 && rank !== 1)) return false;
  const axis = inRange(intAttr(node, 'axis'), order.length);
  return becomes(node, to, [to.inOrder(x, order), to.plain(indices)], rank === 0 ? without(order, new Set([axis])) : order, {
    attrs: { axis: order.indexOf(axis) },
  });
};

const slice: Rule = (node, to) => {
  const x = input(node);
  const order = otherOrder(x, to);
  if (!order) return false;
  const [, starts, ends, axesInput, steps] = node.inputs;
  const count = rankOf(starts) === 1 ? starts?.type?.shape?.[0] : undefined;
  const axes = axesInput ? numbersOf(axesInput, to) : typeof count === 'number' ? identity(count) : undefined;
  if (!axes) return false;
  const places = axes.map((axis) => order.indexOf(inRange(axis, order.length)));
  return becomes(node, to, [to.inOrder(x, order), to.plain(starts), to.plain(ends), to.int64s(places), to.plain(steps)], order);
};

/** Pads are given as all starts, then all ends. */
const pad: Rule = (node, to) => {
  const x = input(node);
  const order = otherOrder(x, to);
  if (!order) return false;
  const [, pads, value, axesInput] = node.inputs;
  const rank = order.length;
  const axes = axesInput ? numbersOf(axesInput, to)?.map((axis) => inRange(axis, rank)) : identity(rank);
  if (!axes) return false;
  const places = axes.map((axis) => order.indexOf(axis));
  return becomes(node, to, [to.inOrder(x, order), to.plain(pads), to.plain(value), to.int64s(places)], order);
};

/** One value per axis, as a constant input. */
const perAxis: Rule = (node, to) => {
  const x = input(node);
  const order = otherOrder(x, to);
  const numbers = numbersOf(node.inputs[1], to);
  if (!order || numbers?.length !== order.length) return false;
  return becomes(node, to, [to.inOrder(x, order), to.constant(`${output(node).name}_numbers`, int64s(arranged(numbers, order)))], order);
};

/** Normalises over the last axes, wherever they are now: `axes` lists their positions. Scale and shift broadcast in that order. */
const layerNormalization: Rule = (node, to) => {
  const x = input(node);
  const rank = rankOf(x);
  if (
    rank === undefined ||
    x.constant ||
    node.outputs.slice(1).some((more) => more.name !== '' && (more.uses.length > 0 || to.isOutput(more)))
  )
    return false;
  const placed = to.placed(x);
  const order = placed.inner ? identity(rank) : placed.order;
  const axis = inRange(intAttr(node, 'axis'), rank);
  const axes = identity(rank).slice(axis);
  const aligned = (value: Value | undefined): Value | undefined => value && alignedTo(value, axis, rank, order, to);
  return becomes(node, to, [to.inOrder(x, order), aligned(node.inputs[1]), aligned(node.inputs[2])], order, {
    op: `nhwc.${node.op}`,
    attrs: { axis: undefined, axes: axes.map((one) => order.indexOf(one)).sort((a, b) => a - b) },
  });
};

/** A scale over the last axes, in the form in which it broadcasts in another order. */
function alignedTo(value: Value, axis: number, rank: number, order: Order, to: Relayout): Value {
  const own = rankOf(value) ?? 0;
  const missing = rank - own;
  const dims = value.type?.shape ?? [];
  const moved = to.inOrder(
    value,
    order.filter((one) => one >= missing).map((one) => one - missing),
  );
  const lead = order.findIndex((one) => one >= missing);
  if (own === 0 || order.slice(lead).every((one) => one >= missing)) return moved;
  return to.reshape(
    moved,
    order.slice(lead).map((one) => (one < missing ? 1 : dims[one - missing])),
    `${value.name}_aligned_${axis}`,
  );
}

export const axes: Readonly<Record<string, Rule>> = table({
  ...Object.fromEntries(reductionOps.map((op): [string, Rule] => [op, reduction])),
  ArgMax: oneAxis(true),
  ArgMin: oneAxis(true),
  Concat: concat,
  CumSum: cumSum,
  CumProd: cumSum,
  Expand: perAxis,
  Gather: gather,
  Hardmax: lastAxis,
  LayerNormalization: layerNormalization,
  LogSoftmax: lastAxis,
  LpNormalization: oneAxis(),
  Pad: pad,
  RMSNormalization: layerNormalization,
  Slice: slice,
  Softmax: lastAxis,
  Split: oneAxis(),
  Tile: perAxis,
  TopK: lastAxis,
});
