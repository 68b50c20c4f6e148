/** Reductions along axes, and selections of the largest values. */
import { intAttr } from '../attrs';
import { reductionOps } from '../operator-traits';
import { table } from '../table';
import { axisOf, dtypeOf, type Infer, like, shapeOf, staticInts, typed, vague } from './context';

const reduction: Infer = (node, context) => {
  const shape = shapeOf(node);
  const keeps = intAttr(node, 'keepdims') !== 0;
  const axes = node.inputs[1] ? staticInts(context, node, 1) : [];
  if (!shape || !axes) return like(node, keeps ? vague(shape?.length) : undefined);
  if (axes.length === 0 && intAttr(node, 'noop_with_empty_axes') !== 0) return like(node, shape);
  const gone = new Set(axes.length > 0 ? axes.map((axis) => axisOf(axis, shape.length, node)) : shape.keys());
  return like(node, keeps ? shape.map((dim, axis) => (gone.has(axis) ? 1 : dim)) : shape.filter((_, axis) => !gone.has(axis)));
};

const argExtreme: Infer = (node) => {
  const shape = shapeOf(node);
  const at = shape && axisOf(intAttr(node, 'axis'), shape.length, node);
  const keeps = intAttr(node, 'keepdims') !== 0;
  return [typed('int64', keeps ? shape?.map((dim, axis) => (axis === at ? 1 : dim)) : shape?.filter((_, axis) => axis !== at))];
};

const topK: Infer = (node, context) => {
  const shape = shapeOf(node);
  const [k] = context.ints(node.inputs[1]) ?? [];
  const at = shape && axisOf(intAttr(node, 'axis'), shape.length, node);
  const result = shape?.map((dim, axis) => (axis === at ? k : dim));
  return [typed(dtypeOf(node), result), typed('int64', result)];
};

export const reductions: Readonly<Record<string, Infer>> = table({
  ...Object.fromEntries(reductionOps.map((op) => [op, reduction])),
  ArgMax: argExtreme,
  ArgMin: argExtreme,
  TopK: topK,
});
