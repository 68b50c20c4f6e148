/** Resize and Upsample. */

import { stringAttr } from '../attrs';
import { namedAxes } from '../axis';
import { floorDivideDim, multiplyDims } from '../dims';
import { table } from '../table';
import type { Dim, Node } from '../types';
import { axisOf, type Infer, type InferContext, like, type Shape, shapeOf, vague } from './context';
import { type Element, isRatio } from './elements';

const resize: Infer = (node, context) => {
  const shape = shapeOf(node);
  if (!shape) return like(node, undefined);
  const axes = namedAxes(node, shape.length).map((axis) => axisOf(axis, shape.length, node));
  const lengths = node.inputs[3] ? sizesOf(node, axes, shape, context) : scaledBy(context.elements(node.inputs[2]), axes, shape, node);
  return like(node, lengths ? shape.map((dim, axis) => (axes.includes(axis) ? lengths[axes.indexOf(axis)] : dim)) : vague(shape.length));
};

function sizesOf(node: Node, axes: readonly number[], shape: readonly Dim[], context: InferContext): Shape {
  const sizes = context.ints(node.inputs[3]);
  const policy = stringAttr(node, 'keep_aspect_ratio_policy');
  if (!sizes || policy === 'stretch') return sizes;
  // A single scale for all axes, in the runtime's single precision; rounded half up.
  const scales = axes.map((axis, at) => {
    const [size, length] = [sizes[at], shape[axis]];
    return typeof size === 'number' && typeof length === 'number' ? Math.fround(size / length) : Number.NaN;
  });
  const scale = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
  if (Number.isNaN(scale)) return undefined;
  return axes.map((axis) => Math.round(Math.fround(scale * Number(shape[axis]))));
}

function scaledBy(scales: readonly Element[] | undefined, axes: readonly number[], shape: readonly Dim[], node: Node): Shape {
  if (!scales || scales.length === 0 || stringAttr(node, 'coordinate_transformation_mode') === 'tf_crop_and_resize') return undefined;
  return axes.map((axis, at) => scaled(shape[axis], scales[at]));
}

/** floor(length * scale); symbolic if the scale is a fraction of small integers. */
function scaled(length: Dim, scale: Element): Dim {
  if (scale === 1) return length;
  if (length === undefined || typeof scale !== 'number' || isRatio(scale)) return undefined;
  if (typeof length === 'number') return Math.floor(Math.fround(length * scale));
  for (let by = 1; by <= 64; by++) {
    const times = Math.round(scale * by);
    if (standsFor(scale, times, by)) return floorDivideDim(multiplyDims(length, times), by);
  }
  return undefined;
}

/** True if the runtime, in single precision, gives floor(length * times / by) for every possible length of a map. */
function standsFor(scale: number, times: number, by: number): boolean {
  if (times === 0 || Math.fround(times / by) !== Math.fround(scale)) return false;
  if (Number.isInteger(scale * by)) return true;
  for (let length = 1; length <= LONGEST; length++)
    if (Math.floor(Math.fround(length * Math.fround(scale))) !== Math.floor((length * times) / by)) return false;
  return true;
}
const LONGEST = 2 ** 14;

const upsample: Infer = (node, context) => {
  const shape = shapeOf(node);
  const scales = context.elements(node.inputs[1]);
  return like(
    node,
    shape?.map((dim, axis) => scaled(dim, scales?.[axis])),
  );
};

export const resizes: Readonly<Record<string, Infer>> = table({ Resize: resize, Upsample: upsample });
