/** Operators that return the same elements in another shape or another order. */

import { shapeMismatch } from '../../diagnostics/catalogue';
import { intAttr, intsAttr } from '../attrs';
import { permOf } from '../axis';
import { divideDim, multiplyDims, sameDim } from '../dims';
import { table } from '../table';
import type { Dim, Node } from '../types';
import { axisOf, type Infer, inRange, like, type Shape, shapeOf, staticInts, vague } from './context';

const productOf = (dims: readonly Dim[]): Dim => dims.reduce<Dim>(multiplyDims, 1);

const reshape: Infer = (node, context) => {
  const from = shapeOf(node);
  const target = context.ints(node.inputs[1]);
  if (!target) return like(node, vague(shapeOf(node, 1)?.[0]));
  const keepsZero = intAttr(node, 'allowzero') !== 0;
  const copied = target.map((dim, axis) => (dim === 0 && !keepsZero ? from?.[axis] : dim));
  return like(node, completed(copied, from, node));
};

/** Completes one axis, given as -1 or unknown, from the others. */
function completed(target: readonly Dim[], from: Shape, node: Node): readonly Dim[] {
  const free = target.indexOf(-1);
  const unknown = target.flatMap((dim, axis) => (dim === undefined ? [axis] : []));
  const [open = free] = free >= 0 ? [free] : unknown.length === 1 ? unknown : [];
  if (open < 0) {
    if (from && target.length > 0) requireEqual(productOf(from), productOf(target), node, from, target);
    return target;
  }
  const others = target.filter((_, axis) => axis !== open);
  const rest = from && restOf(from, others);
  if (from && rest === undefined) {
    const [before, after] = [productOf(from), productOf(others)];
    if (typeof before === 'number' && typeof after === 'number')
      throw shapeMismatch(node, `${before} elements cannot be regrouped as [${target.map((dim) => dim ?? '?')}]`);
  }
  return target.map((dim, axis) => (axis === open ? rest : dim));
}

function requireEqual(before: Dim, after: Dim, node: Node, from: readonly Dim[], to: readonly Dim[]): void {
  if (typeof before === 'number' && typeof after === 'number' && before !== after)
    throw shapeMismatch(node, `[${from}] holds ${before} elements, [${to}] holds ${after}`);
}

/** `from` divided by `others`: common axes cancel first, so that unknown ones do not matter. */
function restOf(from: readonly Dim[], others: readonly Dim[]): Dim {
  const left = [...others];
  const remaining: Dim[] = [];
  for (const dim of from) {
    const at = dim === undefined || dim === 1 ? -1 : left.findIndex((other) => sameDim(other, dim));
    if (at >= 0) left.splice(at, 1);
    else remaining.push(dim);
  }
  return divideDim(productOf(remaining), productOf(left));
}

const flatten: Infer = (node) => {
  const shape = shapeOf(node);
  if (!shape) return like(node, vague(2));
  const axis = inRange(intAttr(node, 'axis'), shape.length);
  if (axis < 0 || axis > shape.length) throw shapeMismatch(node, `a value of ${shape.length} axes has no place ${axis}`);
  return like(node, [productOf(shape.slice(0, axis)), productOf(shape.slice(axis))]);
};

const squeeze: Infer = (node, context) => {
  const shape = shapeOf(node);
  const axes = node.inputs[1] ? staticInts(context, node, 1) : undefined;
  if (!shape || (node.inputs[1] && !axes)) return like(node, undefined);
  if (!axes) return like(node, shape.every((dim) => typeof dim === 'number') ? shape.filter((dim) => dim !== 1) : undefined);
  const gone = new Set(axes.map((axis) => axisOf(axis, shape.length, node)));
  for (const axis of gone) {
    const dim = shape[axis];
    if (typeof dim === 'number' && dim !== 1) throw shapeMismatch(node, `axis ${axis} has ${dim} places, not one`);
  }
  return like(
    node,
    shape.filter((_, axis) => !gone.has(axis)),
  );
};

const unsqueeze: Infer = (node, context) => {
  const shape = shapeOf(node);
  const axes = staticInts(context, node, 1);
  if (!shape || !axes) return like(node, undefined);
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank, node)));
  if (added.size < axes.length) throw shapeMismatch(node, `axes [${axes}] name an axis twice`);
  let next = 0;
  return like(
    node,
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : shape[next++])),
  );
};

const transpose: Infer = (node) => {
  const shape = shapeOf(node);
  const perm = shape ? permOf(node, shape.length) : intsAttr(node, 'perm');
  if (!shape) return like(node, vague(perm?.length));
  if (perm?.length !== shape.length || new Set(perm).size < shape.length)
    throw shapeMismatch(node, `perm [${perm}] does not fit an input with ${shape.length} axes`);
  return like(
    node,
    perm.map((axis) => shape[axisOf(axis, shape.length, node)]),
  );
};

export const views: Readonly<Record<string, Infer>> = table({
  Flatten: flatten,
  Reshape: reshape,
  Squeeze: squeeze,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
});
