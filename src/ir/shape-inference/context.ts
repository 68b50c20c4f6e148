/** What the rules of shape inference share: reading types, making types, and saying where shapes contradict each other. */
import { shapeMismatch } from '../../diagnostics/catalogue';
import { addDims, floorDivideDim, maxDims, sameDim, subtractDims } from '../dims';
import type { Dim, DType, Node, TensorType, Value } from '../types';

export type Shape = readonly Dim[] | undefined;

export interface InferContext {
  /** Integer data of a shape computation: the elements of a 1-D value, or one for a scalar. */
  ints(value: Value | undefined): readonly Dim[] | undefined;
}

/** One type per output; undefined where nothing is known. */
export type Infer = (node: Node, context: InferContext) => readonly (TensorType | undefined)[];

export const shapeOf = (node: Node, slot = 0): Shape => node.inputs[slot]?.type?.shape;
export const dtypeOf = (node: Node, slot = 0): DType | undefined => node.inputs[slot]?.type?.dtype;

/** A type, where at least its element type is known. */
export const typed = (dtype: DType | undefined, shape: Shape): TensorType | undefined =>
  dtype ? { dtype, ...(shape && { shape }) } : undefined;
/** One output of the first input's element type. */
export const like = (node: Node, shape: Shape): readonly (TensorType | undefined)[] => [typed(dtypeOf(node), shape)];

export const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Dimension by dimension; static numbers that differ are the model's fault. */
export function unify(a: Dim, b: Dim, node: Node, what: string): Dim {
  if (a === undefined) return b;
  if (b === undefined || a === b) return a;
  if (typeof a === 'number' && typeof b === 'number') throw shapeMismatch(node, `${what}: ${a} and ${b}`);
  // Of a symbol and a number the number says more; of two symbols either will do.
  return typeof b === 'number' ? b : a;
}

/** numpy's rule. */
export function broadcastDims(a: Dim, b: Dim, node: Node): Dim {
  if (a === 1) return b;
  if (b === 1) return a;
  if (a === undefined || b === undefined) {
    // A number beside an unknown wins: the unknown is that number or 1.
    return typeof a === 'number' ? a : typeof b === 'number' ? b : undefined;
  }
  if (typeof a === 'number' && typeof b === 'number' && a !== b) throw shapeMismatch(node, `dimensions ${a} and ${b} do not broadcast`);
  if (typeof a === 'number') return a;
  if (typeof b === 'number') return b;
  // Two symbols that differ may be 1 and n; maps that grow with the image are combined only where they are equal.
  return a;
}

export function broadcastShapes(shapes: readonly Shape[], node: Node): Shape {
  let result: readonly Dim[] = [];
  for (const shape of shapes) {
    if (!shape) return undefined;
    const rank = Math.max(result.length, shape.length);
    const left = result;
    result = Array.from({ length: rank }, (_, axis) =>
      broadcastDims(
        left[axis - rank + left.length] ?? (axis < rank - left.length ? 1 : undefined),
        axis < rank - shape.length ? 1 : shape[axis - rank + shape.length],
        node,
      ),
    );
  }
  return result;
}

export interface Window {
  readonly kernel: Dim;
  readonly stride: number;
  readonly dilation: number;
  readonly padBefore: number;
  readonly padAfter: number;
  readonly autoPad: string;
  readonly ceil: boolean;
}

/** Length of a map behind a window that slides along it (ONNX's formulas, ceil_mode with the clause that a window must not begin in the end padding). */
export function windowed(length: Dim, window: Window): Dim {
  const { kernel, stride, dilation, padBefore, padAfter, autoPad, ceil } = window;
  if (length === undefined || typeof kernel !== 'number') return undefined;
  if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') return addDims(floorDivideDim(subtractDims(length, 1), stride), 1);
  const pads = autoPad === 'VALID' ? 0 : padBefore + padAfter;
  const span = (kernel - 1) * dilation + 1;
  const room = subtractDims(addDims(length, pads), span);
  if (!ceil) return addDims(floorDivideDim(room, stride), 1);
  const rounded = addDims(floorDivideDim(addDims(room, stride - 1), stride), 1);
  if (typeof rounded === 'number' && typeof length === 'number') {
    const before = autoPad === 'VALID' ? 0 : padBefore;
    return (rounded - 1) * stride >= length + before ? rounded - 1 : rounded;
  }
  // The last window begins at (n - 1) stride; it begins inside the map or its front padding whenever the end is padded by less than a stride allows.
  if ((autoPad === 'VALID' ? 0 : padAfter) - span + stride <= 0) return rounded;
  const bound = addDims(floorDivideDim(subtractDims(addDims(length, padBefore), 1), stride), 1);
  return sameDim(rounded, bound) ? rounded : minOf(rounded, bound);
}

/** min(a, b) = a + b - max(a, b) is not needed: windows are few. */
const minOf = (a: Dim, b: Dim): Dim => {
  const larger = maxDims(a, b);
  return larger === a ? b : larger === b ? a : subtractDims(addDims(a, b), larger);
};
