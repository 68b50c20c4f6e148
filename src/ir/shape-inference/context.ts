/** Helpers shared by the rules of shape inference: reading types, creating types, and reporting contradictory shapes. */
import { shapeMismatch } from '../../diagnostics/catalogue';
import { leastDim, maxDims, sameDim } from '../dims';
import type { Dim, DType, Node, TensorType, Value } from '../types';
import type { Element } from './elements';

export type Shape = readonly Dim[] | undefined;

export interface InferContext {
  /** Integer data of a shape computation: the elements of a 1-D value, or the single one of a scalar. */
  ints(value: Value | undefined): readonly Dim[] | undefined;
  /** Like `ints`, but for floating-point values: Resize's scales. */
  elements(value: Value | undefined): readonly Element[] | undefined;
}

/** Infers one type per output; undefined if nothing is known. */
export type Infer = (node: Node, context: InferContext) => readonly (TensorType | undefined)[];

export const shapeOf = (node: Node, slot = 0): Shape => node.inputs[slot]?.type?.shape;
export const dtypeOf = (node: Node, slot = 0): DType | undefined => node.inputs[slot]?.type?.dtype;

/** A type, if at least its element type is known. */
export const typed = (dtype: DType | undefined, shape: Shape): TensorType | undefined =>
  dtype ? { dtype, ...(shape && { shape }) } : undefined;
/** A single output with the first input's element type. */
export const like = (node: Node, shape: Shape): readonly (TensorType | undefined)[] => [typed(dtypeOf(node), shape)];
/** A shape of this rank with unknown lengths. A rank that no runtime supports gives no shape. */
export const vague = (rank: Dim): Shape =>
  typeof rank === 'number' && rank >= 0 && rank <= 64 ? new Array<Dim>(rank).fill(undefined) : undefined;

export const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
/** The axis counted from the front. Throws if the data has no such axis. */
export function axisOf(axis: number, rank: number, node: Node): number {
  const position = inRange(axis, rank);
  if (position < 0 || position >= rank) throw shapeMismatch(node, `there is no axis ${axis} in a value of ${rank}`);
  return position;
}

/** Integers of an input, if all are static. */
export function staticInts(context: InferContext, node: Node, slot: number): readonly number[] | undefined {
  const ints = context.ints(node.inputs[slot]);
  return ints?.every((dim) => typeof dim === 'number') ? ints : undefined;
}

/** Combines two dimensions; static lengths that differ are an error of the model. */
export function unify(a: Dim, b: Dim, node: Node, what: string): Dim {
  if (a === undefined) return b;
  if (b === undefined || a === b) return a;
  if (typeof a === 'number' && typeof b === 'number') throw shapeMismatch(node, `${what}: ${a} and ${b}`);
  // A number says more than a symbol; of two symbols either will do.
  return typeof b === 'number' ? b : a;
}

/** Throws if two lengths are static and differ. */
export const agree = (a: Dim, b: Dim, node: Node, what: string): void => void unify(a, b, node, what);

/** Broadcasts two dimensions by numpy's rule. */
export function broadcastDims(a: Dim, b: Dim, node: Node): Dim {
  if (a === 1) return b;
  if (b === 1) return a;
  if (a === undefined || b === undefined) {
    // A number wins over an unknown dimension, which is either that number or 1.
    return typeof a === 'number' ? a : typeof b === 'number' ? b : undefined;
  }
  if (typeof a === 'number' && typeof b === 'number' && a !== b) throw shapeMismatch(node, `dimensions ${a} and ${b} do not broadcast`);
  if (typeof a === 'number' || sameDim(a, b)) return a;
  if (typeof b === 'number') return b;
  // In a model that runs, the two lengths are equal or one is 1: the result is the one that is never 1, or else the larger.
  return leastDim(a) > 1 ? a : leastDim(b) > 1 ? b : maxDims(a, b);
}

export function broadcastShapes(shapes: readonly Shape[], node: Node): Shape {
  let result: readonly Dim[] = [];
  for (const shape of shapes) {
    if (!shape) return undefined;
    const rank = Math.max(result.length, shape.length);
    const left = result;
    const at = (dims: readonly Dim[], axis: number): Dim => (axis < rank - dims.length ? 1 : dims[axis - rank + dims.length]);
    result = Array.from({ length: rank }, (_, axis) => broadcastDims(at(left, axis), at(shape, axis), node));
  }
  return result;
}
