import { intsAttr } from './attrs';
import type { Node } from './types';

/** Wraps an axis as ONNX counts it: negative ones count from the end. */
export const wrapAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Permutation of a Transpose: axis k of the result is axis `permOf(node, rank)[k]` of the data, which has `rank` axes. */
export const permOf = (node: Node, rank: number): readonly number[] =>
  intsAttr(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);

/** Axes that a Resize or CenterCropPad changes, in the order of their factors; all axes if none are listed. */
export const namedAxes = (node: Node, rank: number): readonly number[] =>
  intsAttr(node, 'axes')?.map((axis) => wrapAxis(axis, rank)) ?? Array.from({ length: rank }, (_, axis) => axis);
