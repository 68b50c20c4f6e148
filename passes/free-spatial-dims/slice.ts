/**
 * A Slice along rows or columns keeps its distance from both edges.
 *
 *   X[a : b]  of L positions   ->   X[a : b - L]        -17 of 20 positions is 3, 18 of 20 is -2, 20 of 20 is the end
 *
 * At the original size both sides are the same. At another size the window of cell j is the original's window moved along, so its part of X is
 * X[j*r + a : j*r + b]; the union over all windows begins a positions behind the front edge and ends L - b positions before the back edge, whichever edge
 * the exporter counted from. The same holds for backward slices, X[a : b : -1] with a > b, with the edges exchanged.
 */
import { readNumbers } from '../../src/ir/tensor';
import type { Node } from '../../src/ir/types';
import { type FreeEnvironment, freeAxes, isPlaceAxis, type Stuck, stuck } from './environment';

const TO_THE_END = 2 ** 63;

/** Frees the ends of a Slice. Returns whether it did, or why it could not. */
export function freeSlice(node: Node, env: FreeEnvironment): boolean | Stuck {
  const [data, starts, ends, axesInput, steps] = node.inputs;
  if (!data || freeAxes(data, env).length === 0) return false;
  const rank = data.type?.shape?.length ?? 0;
  const numbers = (slot: number): number[] | undefined => {
    const constant = node.inputs[slot]?.constant;
    return constant && [...readNumbers(constant)];
  };
  const [from, to, given] = [numbers(1), numbers(2), numbers(3)];
  const by = steps ? numbers(4) : from?.map(() => 1);
  if (!starts || !ends || !from || !to || !by || (axesInput && !given)) return takesAll(node, env) ? false : stuck('its ends are computed');
  const axes = (given ?? from.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + rank : axis));
  const moved = { from: [...from], to: [...to] };
  for (const [at, axis] of axes.entries()) {
    const size = freeAxes(data, env).find((candidate) => candidate.axis === axis)?.size;
    if (typeof size !== 'number') continue;
    const part = partOf(from[at] ?? 0, to[at] ?? 0, by[at] ?? 1, size);
    if (!part) return stuck(`it takes nothing of the ${size} places of axis ${axis}`);
    if ((part.before > 0 || part.behind > 0 || (by[at] ?? 1) !== 1) && !isPlaceAxis(data, axis, env))
      return stuck(`it cuts places out of axis ${axis}, which holds rows and columns in one`);
    const [front, back] = [part.before, part.behind === 0 ? TO_THE_END : -part.behind];
    if ((by[at] ?? 1) > 0) [moved.from[at], moved.to[at]] = [front, back];
    else [moved.from[at], moved.to[at]] = [-1 - part.behind, front === 0 ? -TO_THE_END : front - 1];
  }
  const isSame = from.every((start, at) => sameEnd(start, moved.from[at])) && to.every((end, at) => sameEnd(end, moved.to[at]));
  if (isSame) return false;
  const make = env.builder(node);
  env.replace(
    node,
    make.op(
      'Slice',
      [data, make.int64s(`${node.name}_starts`, moved.from), make.int64s(`${node.name}_ends`, moved.to), axesInput, steps],
      node.attrs,
    ),
  );
  return true;
}

/** Whether a computed Slice takes everything at the original size: then it follows the size of an adjacent map. */
function takesAll(node: Node, env: FreeEnvironment): boolean {
  const [before, after] = [node.inputs[0], node.outputs[0]].map((value) => value && env.window(value));
  return before !== undefined && after !== undefined && freeAxesOf(node, env).every((axis) => before[axis] === after[axis]);
}
const freeAxesOf = (node: Node, env: FreeEnvironment): number[] =>
  node.inputs[0] ? freeAxes(node.inputs[0], env).map(({ axis }) => axis) : [];

/** Number of positions that a Slice leaves out at each edge; undefined if it takes none. */
function partOf(start: number, end: number, step: number, size: number): { readonly before: number; readonly behind: number } | undefined {
  const fromFront = (position: number): number => (position < 0 ? position + size : position);
  const clip = (position: number, low: number, high: number): number => Math.min(Math.max(position, low), high);
  if (step > 0) {
    const [a, b] = [clip(fromFront(start), 0, size), clip(fromFront(end), 0, size)];
    return a < b ? { before: a, behind: size - b } : undefined;
  }
  const [a, b] = [clip(fromFront(start), 0, size - 1), clip(fromFront(end), -1, size - 1)];
  return a > b ? { before: b + 1, behind: size - 1 - a } : undefined;
}

/** Exporters write "to the end" in several ways. */
const sameEnd = (a: number, b: number | undefined): boolean =>
  b !== undefined && (a === b || Math.min(a, b) >= FAR || Math.max(a, b) <= -FAR);
const FAR = 2 ** 31 - 1;
