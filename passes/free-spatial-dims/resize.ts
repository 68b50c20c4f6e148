/**
 * A Resize to a fixed size in pixels. If its result is combined with a map, the target is the size of that map, because that is what the network
 * specified (`interpolate(x, size = y.shape)`); otherwise the integer scale that it had at the original size is used.
 */

import { namedAxes } from '../../src/ir/axis';
import { producedBy } from '../../src/ir/match';
import { fromNumbers } from '../../src/ir/tensor';
import type { Dim, Node, Value } from '../../src/ir/types';
import { axisLength, type FreeEnvironment, freeAxes, type SourceAxis, type Stuck, stuck } from './environment';

/** Replaces fixed sizes. Returns whether it did, or why it could not. */
export function freeResize(node: Node, env: FreeEnvironment): boolean | Stuck {
  const [data, roi, , sizes] = node.inputs;
  const [output] = node.outputs;
  if (!data || !output || !sizes || !isBaked(sizes) || freeAxes(data, env).length === 0) return false;
  const [from, to] = [env.window(data), env.window(output)];
  if (!from || !to) return stuck('its shape at the original size is not known');
  const axes = namedAxes(node, from.length);
  const make = env.builder(node);
  const partner = combinedWith(output, to, env);
  if (partner) {
    const lengths = axes.map((axis) =>
      from[axis] === to[axis] && !freeAxes(data, env).some((free) => free.axis === axis) ? own(data, axis, env) : own(partner, axis, env),
    );
    env.replace(
      node,
      make.op(
        'Resize',
        [
          data,
          roi,
          undefined,
          make.op(
            'Concat',
            lengths.map((axis) => axisLength(axis, make)),
            { axis: 0 },
          ),
        ],
        node.attrs,
      ),
    );
    return true;
  }
  const scales = axes.map((axis) => ratio(from[axis], to[axis]));
  if (!scales.every((scale) => scale !== undefined))
    return stuck(`it resizes [${from}] to [${to}], which is neither a whole-numbered scale nor the size of another map`);
  env.replace(
    node,
    make.op('Resize', [data, roi, make.constant(`${node.name}_scales`, fromNumbers('float', [scales.length], scales))], node.attrs),
  );
  return true;
}

/** Constants, or `Concat(part of a Shape, constants)`: batch and channels follow the input, rows and columns are fixed. */
function isBaked(sizes: Value): boolean {
  if (sizes.constant) return true;
  const parts = producedBy(sizes, 'Concat')?.inputs ?? [];
  return parts.length > 1 && parts.at(-1)?.constant !== undefined;
}

const own = (value: Value, axis: number, env: FreeEnvironment): SourceAxis => ({
  value,
  axis,
  dim: value.type?.shape?.[axis],
  size: env.window(value)?.[axis],
});

/** Another operand of a reader, with the same original size and a free current size, that exists before the Resize. */
function combinedWith(output: Value, to: readonly Dim[], env: FreeEnvironment): Value | undefined {
  const resize = output.producer;
  const before = new Set(env.graph.nodes.slice(0, resize ? env.graph.nodes.indexOf(resize) : 0));
  const seen = new Set<Value>();
  const queue: Value[] = [output];
  // Skips activations that do not change the size, as in the gates of GhostNet.
  for (let value = queue.shift(); value && seen.size < 12; value = queue.shift()) {
    if (seen.has(value)) continue;
    seen.add(value);
    for (const { user } of value.uses) {
      for (const input of user.inputs) {
        const isEarlier = input?.producer === undefined || before.has(input.producer);
        if (!input || input === value || !isEarlier || freeAxes(input, env).length === 0) continue;
        const shape = env.window(input);
        if (shape?.length === to.length && to.every((size, axis) => axis < 2 || size === shape[axis])) return input;
      }
      for (const next of user.outputs) if (sameSpatial(env.window(next), to)) queue.push(next);
    }
  }
  return undefined;
}

const sameSpatial = (shape: readonly Dim[] | undefined, to: readonly Dim[]): boolean =>
  shape?.length === to.length && to.every((size, axis) => axis < 2 || size === shape[axis]);

/** n or 1/n. */
function ratio(from: Dim, to: Dim): number | undefined {
  if (typeof from !== 'number' || typeof to !== 'number') return from === to ? 1 : undefined;
  return to % from === 0 || from % to === 0 ? to / from : undefined;
}
