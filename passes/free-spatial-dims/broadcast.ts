/**
 * Expand and Tile to a fixed size in pixels: superfluous before an operator that broadcasts by itself, otherwise changed to the size of a nearby map.
 */

import { mapRank } from '../../src/ir/axis-roles';
import { isNode, producedBy } from '../../src/ir/match';
import { isBroadcasting } from '../../src/ir/operator-traits';
import type { Dim, Node, Value } from '../../src/ir/types';
import { axisLength, type FreeEnvironment, freeAxes, freeDimsNear, type SourceAxis, type Stuck, stuck } from './environment';

/** Frees an Expand or a Tile that repeats one value over rows and columns. Returns whether it did, or why it could not. */
export function freeSpread(node: Node, env: FreeEnvironment): boolean | Stuck {
  const [data, target] = node.inputs;
  const [output] = node.outputs;
  if (!data || !output || !target) return false;
  const [from, to] = [env.window(data), env.window(output)];
  if (!from || !to) return false;
  const lead = to.length - from.length;
  const spread = to.flatMap((size, axis) =>
    axis >= lead && from[axis - lead] === 1 && size !== 1 ? [axis] : axis < lead && size !== 1 ? [axis] : [],
  );
  // A target that is computed from the size of a map follows it.
  if (!target.constant && !spread.every((axis) => isWritten(target, axis))) return false;
  const growsAnyway = freeAxes(data, env).length > 0;
  const partners = output.uses.map(({ user }) => partnerOf(user, output, to, env));
  if (!growsAnyway && partners.every((partner) => partner === undefined) && !isSpreadBack(to, spread, data, env)) return false;
  const readersBroadcast = output.uses.length > 0 && !env.graph.isOutput(output) && partners.every((partner) => partner !== undefined);
  if (readersBroadcast && lead === 0 && (isNode(node, 'Expand') || spread.length > 0)) {
    env.replace(node, data);
    return true;
  }
  const near = [
    ...freeAxes(data, env),
    ...partners.flatMap((partner) => (partner ? freeAxes(partner, env) : [])),
    ...freeDimsNear(data, env),
  ];
  const make = env.builder(node);
  const lengths = to.map((size, axis): SourceAxis | number | undefined => {
    const same = from[axis - lead] === size ? freeAxes(data, env).find((free) => free.axis === axis - lead) : undefined;
    if (same) return isNode(node, 'Tile') ? 1 : same;
    // An axis that is not repeated keeps its length, whatever that is; one that is repeated as a whole is repeated as often.
    const own = from[axis - lead];
    if (!spread.includes(axis) && own === size) return 1;
    if (!spread.includes(axis) && isNode(node, 'Tile')) return typeof size === 'number' && typeof own === 'number' ? size / own : undefined;
    if (!spread.includes(axis)) return typeof size === 'number' ? size : undefined;
    return near.find((free) => free.size === size && free.axis === axis) ?? (typeof size === 'number' ? size : undefined);
  });
  if (!lengths.every((length) => length !== undefined)) return stuck(`no dimension of the map explains its target [${to}]`);
  const parts = lengths.map((length) => (typeof length === 'number' ? make.int64s('length', [length]) : axisLength(length, make)));
  env.replace(node, make.op(node.op, [data, make.op('Concat', parts, { axis: 0 })]));
  return true;
}

/** Whether a shape that is concatenated from parts has a constant at this position. */
function isWritten(shape: Value, axis: number): boolean {
  const parts = producedBy(shape, 'Concat')?.inputs ?? [];
  const isOnePerAxis = parts.every((part) => part?.type?.shape?.length === 1 && part.type.shape[0] === 1);
  return isOnePerAxis && parts[axis]?.constant !== undefined;
}

/** Whether a statistic of a map is repeated over the same positions from which it was computed, as in norms of groups of channels. */
function isSpreadBack(to: readonly Dim[], spread: readonly number[], data: Value, env: FreeEnvironment): boolean {
  const near = freeDimsNear(data, env);
  const explained = spread.filter((axis) => near.some((free) => free.axis === axis && free.size === to[axis]));
  const first = to.length - (mapRank(env.graph) - 2);
  return first > 0 && to.every((_, axis) => axis < first || explained.includes(axis));
}

/** The other operand of a broadcasting reader, if it already has every axis at full length. */
function partnerOf(user: Node, value: Value, to: readonly Dim[], env: FreeEnvironment): Value | undefined {
  if (!isBroadcasting(user.op)) return undefined;
  return user.inputs.find((input) => {
    if (!input || input === value) return false;
    const shape = env.window(input);
    return shape?.length === to.length && to.every((size, axis) => size === 1 || size === shape[axis]) && freeAxes(input, env).length > 0;
  });
}
