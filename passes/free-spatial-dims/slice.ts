/**
 * A Slice whose end is the last row or column at the original size means "to the end".
 * Ends counted from behind, and those beyond the map, follow the size by themselves.
 */
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Node } from '../../src/ir/types';
import { type FreeEnvironment, freeAxes, type Stuck, stuck } from './environment';

const TO_THE_END = 2 ** 63;

/** Frees the ends of a Slice. Returns whether it did, or why it could not. */
export function freeSlice(node: Node, env: FreeEnvironment): boolean | Stuck {
  const [data, starts, ends, axesInput, steps] = node.inputs;
  if (!data || !starts?.constant || !ends?.constant || (axesInput && !axesInput.constant)) return false;
  const free = freeAxes(data, env);
  const rank = data.type?.shape?.length ?? 0;
  const axes = axesInput?.constant
    ? [...readNumbers(axesInput.constant)].map((axis) => (axis < 0 ? axis + rank : axis))
    : Array.from({ length: starts.constant.shape[0] ?? 0 }, (_, axis) => axis);
  const [from, to] = [readNumbers(starts.constant), readNumbers(ends.constant)];
  const by = steps?.constant ? readNumbers(steps.constant) : undefined;
  let changed = false;
  for (const [at, axis] of axes.entries()) {
    const size = free.find((candidate) => candidate.axis === axis)?.size;
    const [start, end, step] = [from[at] ?? 0, to[at] ?? 0, by?.[at] ?? 1];
    if (typeof size !== 'number' || step < 0) continue;
    if (end === size) {
      to[at] = TO_THE_END;
      changed = true;
    } else if (end >= 0 && end < size) return stuck(`it cuts the map at row or column ${end} of ${size}`);
    if (start > 0 && start >= size / 2 && start !== 0) return stuck(`it begins at row or column ${start} of ${size}`);
  }
  if (!changed) return false;
  const make = env.builder(node);
  env.replace(
    node,
    make.op(
      'Slice',
      [data, starts, make.constant(`${node.name}_ends`, fromNumbers('int64', ends.constant.shape, to)), axesInput, steps],
      node.attrs,
    ),
  );
  return true;
}
