/** Operators that cut, join, select and repeat: Slice, Split, Concat, Gather, Pad, Expand, Tile and similar. */

import { shapeMismatch } from '../../diagnostics/catalogue';
import { givenInt, intAttr } from '../attrs';
import { namedAxes } from '../axis';
import { addDims, ceilDivideDim, divideDim, leastDim, maxDims, minDims, mostDim, multiplyDims, subtractDims } from '../dims';
import { table } from '../table';
import type { Dim, Node, TensorType } from '../types';
import {
  agree,
  axisOf,
  broadcastShapes,
  dtypeOf,
  type Infer,
  inRange,
  like,
  type Shape,
  shapeOf,
  staticInts,
  typed,
  unify,
  vague,
} from './context';

/** Inputs `first`, `first + step` ... joined along the axis. */
export function joined(node: Node, first = 0, step = 1): Shape {
  const shapes = node.inputs.flatMap((input, slot) => (slot >= first && (slot - first) % step === 0 ? [input?.type?.shape] : []));
  const rank = shapes.find((shape) => shape)?.length;
  if (rank === undefined) return undefined;
  const given = givenInt(node, 'axis');
  if (given === undefined) return undefined;
  const axis = axisOf(given, rank, node);
  const result: Dim[] = new Array<Dim>(rank).fill(undefined);
  let total: Dim = 0;
  for (const shape of shapes) {
    if (shape && shape.length !== rank) throw shapeMismatch(node, `it joins values of ${rank} and of ${shape.length} axes`);
    total = addDims(total, shape?.[axis]);
    shape?.forEach((dim, at) => {
      if (at !== axis) result[at] = unify(result[at], dim, node, `axis ${at} of its inputs`);
    });
  }
  result[axis] = total;
  return result;
}

const split: Infer = (node, context) => {
  const shape = shapeOf(node);
  if (!shape) return node.outputs.map(() => typed(dtypeOf(node), undefined));
  const axis = axisOf(intAttr(node, 'axis'), shape.length, node);
  const sizes = node.inputs[1] ? (context.ints(node.inputs[1]) ?? []) : evenly(shape[axis], node);
  if (node.inputs[1] && sizes.length === node.outputs.length) {
    const total = sizes.reduce(addDims, 0);
    agree(total, shape[axis], node, 'the sum of the parts and the whole');
  }
  return node.outputs.map((_, index): TensorType | undefined =>
    typed(
      dtypeOf(node),
      shape.map((dim, at) => (at === axis ? sizes[index] : dim)),
    ),
  );
};
/** One part per output; with `num_outputs`, the last may be shorter. */
function evenly(length: Dim, node: Node): Dim[] {
  const count = node.outputs.length;
  const exact = divideDim(length, count);
  if (exact !== undefined) return new Array<Dim>(count).fill(exact);
  if (!node.attrs.has('num_outputs') && typeof length === 'number')
    throw shapeMismatch(node, `${length} places do not make ${count} equal parts`);
  const part = ceilDivideDim(length, count);
  return [...new Array<Dim>(count - 1).fill(part), subtractDims(length, multiplyDims(part, count - 1))];
}

const slice: Infer = (node, context) => {
  const shape = shapeOf(node);
  if (!shape) return like(node, undefined);
  const [starts, ends] = [context.ints(node.inputs[1]), context.ints(node.inputs[2])];
  const count = starts?.length ?? ends?.length;
  const axes = node.inputs[3]
    ? staticInts(context, node, 3)
    : count === undefined
      ? undefined
      : Array.from({ length: count }, (_, at) => at);
  const steps = node.inputs[4] ? context.ints(node.inputs[4]) : axes?.map(() => 1);
  if (!axes) return like(node, vague(shape.length));
  const result: Dim[] = [...shape];
  for (const [at, axis] of axes.entries()) {
    const position = axisOf(axis, shape.length, node);
    result[position] = sliceLength(shape[position], starts?.[at], ends?.[at], steps?.[at]);
  }
  return like(node, result);
};

/** Length of start:end:step along an axis; negative positions count from the end. */
function sliceLength(length: Dim, start: Dim, end: Dim, step: Dim): Dim {
  if (length === undefined || typeof step !== 'number' || step === 0) return undefined;
  if (start === 0 && step === 1 && isNearTheEnd(end, length)) return end;
  // To the end: as text, shorter than with the clipped start.
  if (typeof start === 'number' && start >= 0 && start < FAR && typeof end === 'number' && end >= FAR && step > 0)
    return ceilDivideDim(maxDims(subtractDims(length, start), 0), step);
  const last = subtractDims(length, 1);
  const span =
    step > 0
      ? subtractDims(clipped(end, length, 0, length), clipped(start, length, 0, length))
      : subtractDims(clipped(start, length, 0, last), clipped(end, length, -1, last));
  return maxDims(ceilDivideDim(span, Math.abs(step)), 0);
}

/** True for whole blocks of a length, `length - length % n`: never beyond it, and below zero only at lengths below one block, where no model runs. */
function isNearTheEnd(end: Dim, length: Dim): boolean {
  if (typeof end !== 'string') return false;
  const rest = subtractDims(length, end);
  return leastDim(rest) >= 0 && Number.isFinite(mostDim(rest));
}

/** A position counted from the front, clipped to `low` ... `high`. */
function clipped(position: Dim, length: Dim, low: number, high: Dim): Dim {
  // Exporters write INT_MAX, INT64_MAX and their negatives for "to the end".
  if (typeof position === 'number' && Math.abs(position) >= FAR) return position > 0 ? high : low;
  const fromFront = leastDim(position) >= 0 ? position : mostDim(position) < 0 ? addDims(position, length) : undefined;
  return maxDims(minDims(fromFront, high), low);
}
const FAR = 2 ** 31 - 1;

const gather: Infer = (node) => {
  const [shape, indices] = [shapeOf(node), shapeOf(node, 1)];
  if (!shape || !indices) return like(node, undefined);
  const axis = axisOf(intAttr(node, 'axis'), shape.length, node);
  return like(node, [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)]);
};

const gatherND: Infer = (node) => {
  const [shape, indices] = [shapeOf(node), shapeOf(node, 1)];
  const batch = intAttr(node, 'batch_dims');
  const depth = indices?.[indices.length - 1];
  return like(node, shape && indices && typeof depth === 'number' ? [...indices.slice(0, -1), ...shape.slice(batch + depth)] : undefined);
};

const compress: Infer = (node) => {
  const shape = shapeOf(node);
  if (!node.attrs.has('axis')) return like(node, [undefined]);
  const axis = shape && axisOf(intAttr(node, 'axis'), shape.length, node);
  return like(
    node,
    shape?.map((dim, at) => (at === axis ? undefined : dim)),
  );
};

const expand: Infer = (node, context) => {
  const [shape, target] = [shapeOf(node), context.ints(node.inputs[1])];
  return like(node, shape && target && broadcastShapes([shape, target], node));
};

const tile: Infer = (node, context) => {
  const [shape, repeats] = [shapeOf(node), context.ints(node.inputs[1])];
  return like(
    node,
    shape?.map((dim, axis) => multiplyDims(dim, repeats?.[axis])),
  );
};

const pad: Infer = (node, context) => {
  const shape = shapeOf(node);
  const amounts = context.ints(node.inputs[1]);
  const axes = node.inputs[3]
    ? staticInts(context, node, 3)?.map((axis) => inRange(axis, shape?.length ?? 0))
    : shape?.map((_, axis) => axis);
  if (!shape || !amounts || !axes) return like(node, vague(shape?.length));
  if (amounts.length !== 2 * axes.length) throw shapeMismatch(node, `${amounts.length} pads do not fit ${axes.length} axes`);
  return like(
    node,
    shape.map((dim, axis) => {
      const at = axes.indexOf(axis);
      return at < 0 ? dim : addDims(addDims(dim, amounts[at]), amounts[at + axes.length]);
    }),
  );
};

const centerCropPad: Infer = (node, context) => {
  const shape = shapeOf(node);
  const target = context.ints(node.inputs[1]);
  const axes = shape && namedAxes(node, shape.length);
  return like(
    node,
    shape?.map((dim, axis) => (axes?.includes(axis) ? target?.[axes.indexOf(axis)] : dim)),
  );
};

export const parts: Readonly<Record<string, Infer>> = table({
  CenterCropPad: centerCropPad,
  Compress: compress,
  Concat: (node) => like(node, joined(node)),
  Expand: expand,
  Gather: gather,
  GatherElements: (node) => like(node, shapeOf(node, 1)),
  GatherND: gatherND,
  Pad: pad,
  Slice: slice,
  Split: split,
  Tile: tile,
  // Scale and zero point of the result, then three inputs per part.
  'com.microsoft.QLinearConcat': (node) => [typed(dtypeOf(node, 2), joined(node, 2, 3))],
});
