/** Arithmetic of nodes that select positions: Slice, and operators that read sizes. */
import { readNumbers } from '../../src/ir/tensor';
import type { Node, Use, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { isPlace, type PerAxis } from './density';
import { because, type Refusal } from './kinds';

/** Parameters of a Slice, and which of its axes are spatial. The arrays may be modified by the caller. */
export interface PlacesCut {
  readonly axes: readonly number[];
  readonly starts: number[];
  readonly ends: number[];
  readonly steps: number[];
  /** `at`: index into the arrays. `axis`: which spatial axis. */
  readonly places: readonly { readonly at: number; readonly axis: number }[];
}

/** A Slice end that is not a position: beyond every map. */
export const FAR = 2 ** 31 - 1;

export function placesCut(node: Node, roles: readonly string[], letters: readonly string[]): PlacesCut | Refusal {
  const [, from, to, named, by] = node.inputs;
  if (named && !isConst(named)) return because('which axes it cuts is computed');
  const count = from?.type?.shape?.[0];
  const axes = named
    ? [...readNumbers(named.constant)].map((axis) => (axis < 0 ? axis + roles.length : axis))
    : typeof count === 'number'
      ? Array.from({ length: count }, (_, axis) => axis)
      : [...roles.keys()];
  const places = axes.flatMap((axis, at) => (isPlace(roles[axis]) ? [{ at, axis: letters.indexOf(roles[axis] ?? '') }] : []));
  const none = { axes, starts: [], ends: [], steps: [] };
  if (places.length === 0) return { ...none, places };
  if (places.some(({ axis }) => axis < 0)) return because('it cuts an axis that holds places of several axes of the image');
  if (!isConst(from) || !isConst(to) || (by && !isConst(by))) return because('which places it takes is computed');
  const [starts, ends] = [[...readNumbers(from.constant)], [...readNumbers(to.constant)]];
  const steps = by ? [...readNumbers(by.constant)] : starts.map(() => 1);
  for (const { at } of places) {
    if ((steps[at] ?? 1) < 1) return because('it takes places from behind');
    if ((starts[at] ?? 0) < 0) return because('it counts places from the end');
  }
  return { axes, starts, ends, steps, places };
}

/** New cells for each old one along an axis of this role. */
export const factorOf = (role: string, density: PerAxis, letters: readonly string[]): number => density[letters.indexOf(role)] ?? 1;

/** Finds the readers of values computed from a size: through arithmetic on small integers, to the nodes that read them in addition to a map. */
export function readersOfSizes(size: Value): Use[] {
  const found: Use[] = [];
  const seen = new Set<Value>();
  const queue = [size];
  for (let value = queue.pop(); value; value = queue.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    for (const use of value.uses) {
      if (SIZED.has(use.user.op) && use.slot > 0) found.push(use);
      else queue.push(...use.user.outputs);
    }
  }
  return found;
}

/** Operators whose further inputs are sizes, positions or amounts for the first. */
const SIZED = new Set(['Expand', 'Pad', 'Reshape', 'Resize', 'Slice', 'Tile']);
