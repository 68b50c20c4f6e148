/**
 * Context of the rules that free baked-in sizes: every value's shape at the original size, and its current shape in terms of the image's height and width.
 */
import type { Roles } from '../../src/ir/axis-roles';
import { multiplyDims } from '../../src/ir/dims';
import type { Graph } from '../../src/ir/graph';
import { isLetter } from '../../src/ir/spatial';
import type { Dim, Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';

export interface FreeEnvironment {
  readonly graph: Graph;
  /** Shape of the value when the image had its original size; for values built since, the current shape. */
  window(value: Value): readonly Dim[] | undefined;
  /** Roles of the value's axes at the original size; undefined if not known. */
  roles(value: Value): Roles | undefined;
  /** Builder that inserts new nodes in front of `node`. */
  builder(node: Node): Builder;
  /** Replaces the node's only output by `value`, with its shape at the original size, and removes the node. */
  replace(node: Node, value: Value): void;
}

/** Reason why a size stays as it is. Continues "cannot be freed because". */
export interface Stuck {
  readonly stuck: string;
}
export const stuck = (reason: string): Stuck => ({ stuck: reason });

/** One axis of a value: its length at the original size and its current length. */
export interface SourceAxis {
  readonly value: Value;
  readonly axis: number;
  readonly size: Dim;
  readonly dim: Dim;
}

/** Axes of the value that grow with the image: static at the original size, and not static now. */
export function freeAxes(value: Value, env: FreeEnvironment): SourceAxis[] {
  const [before, now] = [env.window(value), value.type?.shape];
  if (!before || !now || before.length !== now.length) return [];
  return now.flatMap((dim, axis) =>
    typeof before[axis] === 'number' && typeof dim === 'string' ? [{ dim, size: before[axis], value, axis }] : [],
  );
}

/** Whether the axis holds the positions along a single spatial axis, so that neighbours on it are neighbours in the image. */
export function isPlaceAxis(value: Value, axis: number, env: FreeEnvironment): boolean {
  return isLetter(env.roles(value)?.[axis]);
}

/** Free axes of the value and of the values from which it was computed, nearest first, each length once. */
export function freeDimsNear(value: Value, env: FreeEnvironment, reach = 40): SourceAxis[] {
  const found: SourceAxis[] = [];
  const seen = new Set<Value>();
  const queue: Value[] = [value];
  for (let at = queue.shift(); at && seen.size < reach; at = queue.shift()) {
    if (seen.has(at)) continue;
    seen.add(at);
    for (const free of freeAxes(at, env)) if (!found.some((other) => other.dim === free.dim)) found.push(free);
    for (const input of at.producer?.inputs ?? []) if (input && !isConst(input)) queue.push(input);
  }
  return found;
}

/** Length of an axis as a 1-D int64 value with one element. */
export const axisLength = ({ value, axis }: SourceAxis, make: Builder): Value =>
  make.op('Slice', [make.op('Shape', [value]), make.int64s('axis', [axis]), make.int64s('next_axis', [axis + 1])]);

export const productOfDims = (dims: readonly Dim[]): Dim => dims.reduce<Dim>((product, dim) => multiplyDims(product, dim), 1);
