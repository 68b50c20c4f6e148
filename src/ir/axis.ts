import { intsAttr } from './attrs';
import type { Node } from './types';

/** Axes as ONNX counts them: a negative one from the end. */
export const wrapAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Of a Transpose: axis k of the result is axis `permOf(node, rank)[k]` of the data, which has `rank` axes. */
export const permOf = (node: Node, rank: number): readonly number[] =>
  intsAttr(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);

/** Of Resize and CenterCropPad: the axes that are resized, in the order of their factors; all where none are named. */
export const namedAxes = (node: Node, rank: number): readonly number[] =>
  intsAttr(node, 'axes')?.map((axis) => wrapAxis(axis, rank)) ?? Array.from({ length: rank }, (_, axis) => axis);
