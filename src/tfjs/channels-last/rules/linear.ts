/**
 * Linear layers. A left operand whose last two axes are exchanged is read transposed. For a map flattened channels-last, the rows of the weight are
 * permuted to match, so that the data need not move.
 */
import { intAttr } from '../../../ir/attrs';
import { table } from '../../../ir/table';
import type { Node, Value } from '../../../ir/types';
import { identity, isIdentity, type Order } from '../order';
import type { Relayout } from '../relayout';
import { withInner } from './elementwise';
import { becomes, input, type Rule, rankOf } from './rule';

interface Operand {
  readonly value: Value;
  /** The last two axes are exchanged. */
  readonly isTransposed: boolean;
}

/** An operand in its current order, if at most its last two axes are exchanged; otherwise in ONNX's order. */
function asMatrix(value: Value, to: Relayout): Operand {
  const rank = rankOf(value) ?? 0;
  if (value.constant || rank < 2) return { value: to.plain(value), isTransposed: false };
  const { order, inner } = to.placed(value);
  const swapped: Order = [...identity(rank - 2), rank - 1, rank - 2];
  if (inner || !swapped.every((axis, at) => axis === order[at])) return { value: to.plain(value), isTransposed: false };
  return { value: to.inOrder(value, order), isTransposed: true };
}

const matMul: Rule = (node, to) => {
  const [a, b] = [input(node), input(node, 1)];
  const rank = rankOf(a);
  if (rank === undefined || rankOf(b) === undefined) return false;
  const kept = keepsOrder(a, b, to);
  if (kept) return becomes(node, to, [kept.value, kept.weight], kept.order);
  const [left, right] = [asMatrix(a, to), asMatrix(b, to)];
  if (!left.isTransposed && !right.isTransposed) return false;
  return becomes(node, to, [left.value, right.value], identity(rankOf(node.outputs[0]) ?? 0), {
    op: 'nhwc.MatMul',
    attrs: { transA: Number(left.isTransposed), transB: Number(right.isTransposed) },
  });
};

/** Rows in any order, times a constant matrix: the columns come last as before. */
function keepsOrder(
  a: Value,
  b: Value,
  to: Relayout,
): { readonly value: Value; readonly weight: Value; readonly order: Order } | undefined {
  const rank = rankOf(a) ?? 0;
  if (a.constant || !b.constant || b.constant.shape.length !== 2 || rank < 2) return undefined;
  const { value, order, inner } = to.placed(a);
  if (order[rank - 1] !== rank - 1 || (inner && inner.axis !== rank - 1)) return undefined;
  if (isIdentity(order) && !inner) return undefined;
  return { value, order, weight: inner ? to.constant(b.name, withInner(b.constant, { ...inner, axis: 0 })) : to.plain(b) };
}

const gemm: Rule = (node, to) => {
  const [a, b, c] = [input(node), input(node, 1), node.inputs[2]];
  const [transA, transB] = [intAttr(node, 'transA') !== 0, intAttr(node, 'transB') !== 0];
  const inner = a.constant ? undefined : to.placed(a).inner;
  const order = [0, 1];
  if (inner && b.constant && isIdentity(to.placed(a).order) && inner.axis === (transA ? 0 : 1)) {
    const weight = to.constant(b.name, withInner(b.constant, { ...inner, axis: transB ? 1 : 0 }));
    return becomes(node, to, [to.placed(a).value, weight, to.plain(c)], order);
  }
  const [left, right] = [asMatrix(a, to), asMatrix(b, to)];
  return becomes(node, to, [left.value, right.value, to.plain(c)], order, {
    attrs: { transA: Number(transA !== left.isTransposed), transB: Number(transB !== right.isTransposed) },
  });
};

export const linear: Readonly<Record<string, (node: Node, to: Relayout) => boolean>> = table({ Gemm: gemm, MatMul: matMul });
