/**
 * Shift-and-stitch within a graph: a map as the batch of its phases, and back.
 *
 * Phase (a, b) of a map with d cells for each original cell holds the cells d i + a, d j + b: the map that the network would have computed if the image had
 * begun that much later. All phases are as long as the first, which is the original map; positions beyond the cells of a phase are a gap at its end.
 * Splits follow each other as strides are undone; the last split is the outermost along the batch, with columns outside of rows.
 */

import { elementCount, fromNumbers, int64s, readNumbers } from '../../src/ir/tensor';
import type { Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { pixelStride } from '../../src/operators/pixel-stride';
import type { Builder } from '../../src/rewrite/builder';
import { at, type PerAxis } from './density';

/** A value that holds phases of a finer map. */
export interface Phases {
  /** Phases along each spatial axis, one entry per stride that was undone. */
  readonly splits: readonly PerAxis[];
  /** Lengths of the finer map along these axes: they determine where the phases have gaps. */
  readonly fine: Value;
}

const FAR = Number.MAX_SAFE_INTEGER;

/**
 * Concatenates the phases on the batch axis: [B, C, h, w] to [phases B, C, ceil(h / rows), ceil(w / columns)]. Gaps hold zeros.
 * `density`: total number of phases along each axis, if not all of them are wanted.
 */
export function split(make: Builder, x: Value, phases: PerAxis, density: PerAxis = phases): Value {
  return phases.reduce((map, count, axis) => along(make, map, axis + 2, count, at(density, axis)), x);
}

function along(make: Builder, x: Value, axis: number, count: number, step: number): Value {
  if (step === 1 && count === 1) return x;
  const from = make.constant('first', int64s([0]));
  const to = make.constant('end', int64s([FAR]));
  const [axes, steps] = [make.constant('axis', int64s([axis])), make.constant('phases', int64s([step]))];
  const phases = Array.from({ length: count }, (_, phase) => make.op('Slice', [shifted(make, x, axis, phase), from, to, axes, steps]));
  return phases.length === 1 ? (phases[0] ?? x) : make.op('Concat', phases, { axis: 0 });
}

/** Drops the first `by` cells and appends as many zeros, so that all phases are equally long. */
function shifted(make: Builder, x: Value, axis: number, by: number): Value {
  if (by === 0) return x;
  const rank = x.type?.shape?.length ?? 4;
  const amounts = Array.from({ length: 2 * rank }, () => 0);
  amounts[axis] = -by;
  amounts[axis + rank] = by;
  return make.op('Pad', [x, make.constant('shift', int64s(amounts)), make.scalar('gap', x.type?.dtype ?? 'float', 0)]);
}

/** The finer map of these phases: interleaved, with gaps cut off. */
export function stitch(make: Builder, x: Value, { splits, fine }: Phases): Value {
  const map = woven(make, x, splits);
  const axes = (splits[0] ?? []).map((_, axis) => axis + 2);
  return make.op('Slice', [map, make.constant('first', int64s(axes.map(() => 0))), fine, make.constant('places', int64s(axes))]);
}

/** The interleaved phases, with gaps. */
export function woven(make: Builder, x: Value, splits: readonly PerAxis[]): Value {
  const rank = x.type?.shape?.length ?? 4;
  let map = x;
  for (const phases of [...splits].reverse())
    for (const [axis, count] of [...phases.entries()].reverse()) if (count > 1) map = interleaved(make, map, axis + 2, count, rank);
  return map;
}

function interleaved(make: Builder, map: Value, axis: number, count: number, rank: number): Value {
  const parts = make.ops('Split', [map], { axis: 0, num_outputs: count }, count);
  const kept = Array.from({ length: axis }, () => 0);
  if (axis === rank - 1) {
    const deep = parts.map((part) => make.op('Unsqueeze', [part, make.constant('last', int64s([rank]))]));
    return make.op('Reshape', [make.op('Concat', deep, { axis: rank }), make.constant('rows', int64s([...kept, -1]))]);
  }
  // Put row i of all phases side by side: the elements are in the same order as with the rows below each other.
  const inner = make.op('Shape', [map], { start: axis + 1, end: rank });
  const shape = make.op('Concat', [make.constant('columns', int64s([...kept, -1])), inner], { axis: 0 });
  return make.op('Reshape', [make.op('Concat', parts, { axis: axis + 1 }), shape]);
}

/** Whether the phases of two maps are equally many pixels apart, so that their first phases correspond. Must be called before anything changes. */
export function liesAlike(a: Value, densityOfA: PerAxis, b: Value, densityOfB: PerAxis): boolean {
  const [strideA, strideB] = [pixelStride(a), pixelStride(b)];
  return strideA.every((stride, axis) => stride / at(densityOfA, axis) === at(strideB, axis) / at(densityOfB, axis));
}

/** Phases along each axis; empty if nothing was split. */
export const densityOf = ({ splits }: Pick<Phases, 'splits'>): PerAxis =>
  splits.reduce((all, by) => by.map((count, axis) => count * at(all, axis)), []);
export const countOf = (phases: Phases): number => elementCount(densityOf(phases));

/** Number of images: the batch of a value that holds phases, divided by the number of phases. int64[1]. */
export function imagesOf(make: Builder, x: Value, phases: Phases): Value {
  return make.op('Div', [make.op('Shape', [x], { start: 0, end: 1 }), make.constant('phases', int64s([countOf(phases)]))]);
}

/** The first phases of a value that holds more: by default only the first one, which is the original map. */
export function firstPhases(make: Builder, x: Value, phases: Phases, splits: readonly PerAxis[] = []): Value {
  const kept = elementCount(splits.flat());
  const images = imagesOf(make, x, phases);
  const end = kept === 1 ? images : make.op('Mul', [images, make.constant('phases', int64s([kept]))]);
  return make.op('Slice', [x, make.constant('first', int64s([0])), end, make.constant('batch', int64s([0]))]);
}

/** A map of one channel, with phases like `x`: one where there is a cell, zero in gaps. */
export function cells(make: Builder, x: Value, phases: Phases): Value {
  const shape = make.op('Concat', [imagesOf(make, x, phases), make.constant('channel', int64s([1])), phases.fine], { axis: 0 });
  const all = make.op('Expand', [
    make.constant(
      'cell',
      fromNumbers(
        x.type?.dtype ?? 'float',
        (x.type?.shape ?? []).map(() => 1),
        [1],
      ),
    ),
    shape,
  ]);
  return phases.splits.reduce((map, by) => split(make, map, by), all);
}

/** x with `fill` in its gaps. */
export function filled(make: Builder, x: Value, ones: Value, fill: number): Value {
  const there = make.op('Cast', [ones], { to: BOOL });
  return make.op('Where', [there, x, make.scalar('gap', x.type?.dtype ?? 'float', fill)]);
}
const BOOL = 9;

/** Repeats a value that is the same for all phases of `x`: [B, ...] to [phases B, ...]. */
export function repeated(make: Builder, value: Value, phases: Phases): Value {
  const rank = value.type?.shape?.length ?? 4;
  const times = Array.from({ length: rank }, (_, axis) => (axis === 0 ? countOf(phases) : 1));
  return make.op('Tile', [value, make.constant('phases', int64s(times))]);
}

/** Makes the target of a Reshape keep the batch, whatever its length: 0 copies the length of the input. */
export function withAnyBatch(make: Builder, target: Value): Value {
  if (isConst(target)) return make.int64s('target', [0, ...readNumbers(target.constant).slice(1)]);
  const [next, end, axis] = [make.int64s('next', [1]), make.int64s('end', [FAR]), make.int64s('axis', [0])];
  return make.op('Concat', [make.int64s('batch', [0]), make.op('Slice', [target, next, end, axis])], { axis: 0 });
}

/** The Resize `node` applied to another map, with that map's batch. */
export function resized(make: Builder, node: Node, x: Value): Value {
  const [, roi, scales, sizes] = node.inputs;
  const rank = x.type?.shape?.length ?? 4;
  const isWhole = sizes?.type?.shape?.[0] === rank;
  const [from, to, axis] = [make.int64s('from', [2]), make.int64s('to', [rank]), make.int64s('axis', [0])];
  const own = isWhole ? [make.op('Shape', [x], { start: 0, end: 2 }), make.op('Slice', [sizes, from, to, axis])] : [];
  return make.op('Resize', [x, roi, scales, isWhole ? make.op('Concat', own, { axis: 0 }) : sizes], node.attrs);
}
