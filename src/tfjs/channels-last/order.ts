/**
 * Orders: the axis of the ONNX value at each physical position. `order[i]` is the axis at position i; channels-last of [N, C, H, W] is [0, 2, 3, 1].
 */
import type { Dim } from '../../ir/types';

export type Order = readonly number[];

export const identity = (rank: number): Order => Array.from({ length: rank }, (_, axis) => axis);
export const isIdentity = (order: Order): boolean => order.every((axis, place) => axis === place);
/** Position of each axis. */
export const inverse = (order: Order): Order => identity(order.length).map((axis) => order.indexOf(axis));
export const channelsLast = (rank: number): Order => (rank < 3 ? identity(rank) : [0, ...identity(rank).slice(2), 1]);
export const sameOrder = (a: Order, b: Order): boolean => a.length === b.length && a.every((axis, place) => axis === b[place]);
/** Items that belong to the axes, arranged by position. */
export const arranged = <T>(items: readonly T[], order: Order): T[] => order.flatMap((axis) => items.slice(axis, axis + 1));
/** The `perm` of a Transpose that takes a value from one order to another. */
export const permBetween = (from: Order, to: Order): Order => to.map((axis) => from.indexOf(axis));

/** Whether only axes of length one move, so that the data keep their order in memory. `dims`: by position before the move. */
export function movesOnlyUnits(dims: readonly Dim[], perm: Order): boolean {
  const moved = perm.filter((place) => dims[place] !== 1);
  return moved.every((place, at) => at === 0 || place > (moved[at - 1] ?? -1));
}

/** The order without the given axes, the others renumbered. */
export function without(order: Order, gone: ReadonlySet<number>): Order {
  const kept = [...order].filter((axis) => !gone.has(axis));
  const sorted = [...kept].sort((a, b) => a - b);
  return kept.map((axis) => sorted.indexOf(axis));
}
