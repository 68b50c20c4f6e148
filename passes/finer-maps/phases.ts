/**
 * Shift-and-stitch within a graph: a map as the batch of its phases, and back.
 *
 * Phase (a, b) of a map with d cells for each one that there was holds the cells d i + a, d j + b: the map that the network would have had, had the image
 * begun that much later. All phases are as long as the first, which is the map that there was; what the others have more than cells is a gap at their end.
 * Splits follow each other as strides are undone; the last is the outermost along the batch, columns outside of rows.
 */

import { fromNumbers, int64s, readNumbers } from '../../src/ir/tensor';
import type { Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { pixelStride } from '../../src/operators/pixel-stride';
import type { Builder } from '../../src/rewrite/builder';
import type { Pair } from './density';

/** A value that holds phases of a finer map. */
export interface Phases {
  /** Phases along rows and columns, one entry per stride that was undone. */
  readonly splits: readonly Pair[];
  /** Rows and columns of the finer map, int64[2]: what says where phases have gaps. */
  readonly fine: Value;
}

const FAR = Number.MAX_SAFE_INTEGER;

/**
 * The phases one after the other on the batch axis: [B, C, h, w] to [phases B, C, ceil(h / rows), ceil(w / columns)]. Gaps hold zeros.
 * `density`: where not all phases are wanted, how many there are, along rows and columns.
 */
export function split(make: Builder, x: Value, phases: Pair, density: Pair = phases): Value {
  return along(make, along(make, x, 2, phases[0], density[0]), 3, phases[1], density[1]);
}

function along(make: Builder, x: Value, axis: 2 | 3, count: number, step: number): Value {
  if (step === 1 && count === 1) return x;
  const from = make.constant('first', int64s([0]));
  const to = make.constant('end', int64s([FAR]));
  const [axes, steps] = [make.constant('axis', int64s([axis])), make.constant('phases', int64s([step]))];
  const phases = Array.from({ length: count }, (_, phase) => make.op('Slice', [shifted(make, x, axis, phase), from, to, axes, steps]));
  return phases.length === 1 ? (phases[0] ?? x) : make.op('Concat', phases, { axis: 0 });
}

/** As long as it was, without its first `by` cells: so that all phases are equally long. */
function shifted(make: Builder, x: Value, axis: 2 | 3, by: number): Value {
  if (by === 0) return x;
  const amounts = [0, 0, 0, 0, 0, 0, 0, 0];
  amounts[axis] = -by;
  amounts[axis + 4] = by;
  return make.op('Pad', [x, make.constant('shift', int64s(amounts)), make.scalar('gap', x.type?.dtype ?? 'float', 0)]);
}

/** The finer map of these phases: interleaved, gaps cut off. */
export function stitch(make: Builder, x: Value, { splits, fine }: Phases): Value {
  const map = woven(make, x, splits);
  return make.op('Slice', [map, make.constant('first', int64s([0, 0])), fine, make.constant('places', int64s([2, 3]))]);
}

/** Interleaved, with gaps. */
export function woven(make: Builder, x: Value, splits: readonly Pair[]): Value {
  let map = x;
  for (const [rows, columns] of [...splits].reverse()) {
    if (columns > 1) {
      const parts = make.ops('Split', [map], { axis: 0, num_outputs: columns }, columns);
      const deep = parts.map((part) => make.op('Unsqueeze', [part, make.constant('last', int64s([4]))]));
      map = make.op('Reshape', [make.op('Concat', deep, { axis: 4 }), make.constant('rows', int64s([0, 0, 0, -1]))]);
    }
    if (rows > 1) {
      const parts = make.ops('Split', [map], { axis: 0, num_outputs: rows }, rows);
      // Row by row, the phases stand beside each other: the same numbers in the same order as one below the other.
      const width = make.op('Shape', [map], { start: 3, end: 4 });
      const shape = make.op('Concat', [make.constant('columns', int64s([0, 0, -1])), width], { axis: 0 });
      map = make.op('Reshape', [make.op('Concat', parts, { axis: 3 }), shape]);
    }
  }
  return map;
}

/** Whether phases of two maps lie as many pixels apart, so that the first of one belong to the first of the other. Asked before anything changes. */
export function liesAlike(a: Value, densityOfA: Pair, b: Value, densityOfB: Pair): boolean {
  const [strideA, strideB] = [pixelStride(a), pixelStride(b)];
  return ([0, 1] as const).every((axis) => strideA[axis] / densityOfA[axis] === strideB[axis] / densityOfB[axis]);
}

/** Phases along rows and columns. */
export const densityOf = ({ splits }: Pick<Phases, 'splits'>): Pair =>
  splits.reduce<Pair>(([y, x], [rows, columns]) => [y * rows, x * columns], [1, 1]);
export const countOf = (phases: Phases): number => densityOf(phases).reduce((product, size) => product * size, 1);

/** How many images there are: the batch of a value that holds phases, divided by their number. int64[1]. */
export function imagesOf(make: Builder, x: Value, phases: Phases): Value {
  return make.op('Div', [make.op('Shape', [x], { start: 0, end: 1 }), make.constant('phases', int64s([countOf(phases)]))]);
}

/** The first phases of a value that holds more: by default the first one, which is the map that there was. */
export function firstPhases(make: Builder, x: Value, phases: Phases, splits: readonly Pair[] = []): Value {
  const kept = splits.reduce((count, [rows, columns]) => count * rows * columns, 1);
  const images = imagesOf(make, x, phases);
  const end = kept === 1 ? images : make.op('Mul', [images, make.constant('phases', int64s([kept]))]);
  return make.op('Slice', [x, make.constant('first', int64s([0])), end, make.constant('batch', int64s([0]))]);
}

/** A map of one channel, of phases as `x` has them: one where there is a cell, zero in gaps. */
export function cells(make: Builder, x: Value, phases: Phases): Value {
  const shape = make.op('Concat', [imagesOf(make, x, phases), make.constant('channel', int64s([1])), phases.fine], { axis: 0 });
  const all = make.op('Expand', [make.constant('cell', fromNumbers(x.type?.dtype ?? 'float', [1, 1, 1, 1], [1])), shape]);
  return phases.splits.reduce((map, by) => split(make, map, by), all);
}

/** x with `fill` in its gaps. */
export function filled(make: Builder, x: Value, ones: Value, fill: number): Value {
  const there = make.op('Cast', [ones], { to: BOOL });
  return make.op('Where', [there, x, make.scalar('gap', x.type?.dtype ?? 'float', fill)]);
}
const BOOL = 9;

/** One for each of `x`'s phases of what is the same for all of them: [B, ...] to [phases B, ...]. */
export function repeated(make: Builder, value: Value, phases: Phases): Value {
  const rank = value.type?.shape?.length ?? 4;
  const times = Array.from({ length: rank }, (_, axis) => (axis === 0 ? countOf(phases) : 1));
  return make.op('Tile', [value, make.constant('phases', int64s(times))]);
}

/** The target of a Reshape that leaves the batch where it is, without saying how many: 0 is whatever the input has. */
export function withAnyBatch(make: Builder, target: Value): Value {
  if (isConst(target)) return make.int64s('target', [0, ...readNumbers(target.constant).slice(1)]);
  const [next, end, axis] = [make.int64s('next', [1]), make.int64s('end', [FAR]), make.int64s('axis', [0])];
  return make.op('Concat', [make.int64s('batch', [0]), make.op('Slice', [target, next, end, axis])], { axis: 0 });
}

/** The Resize `node` of another map, with as many images in its batch as that has. */
export function resized(make: Builder, node: Node, x: Value): Value {
  const [, roi, scales, sizes] = node.inputs;
  const isWhole = sizes?.type?.shape?.[0] === 4;
  const [from, to, axis] = [make.int64s('from', [2]), make.int64s('to', [4]), make.int64s('axis', [0])];
  const own = isWhole ? [make.op('Shape', [x], { start: 0, end: 2 }), make.op('Slice', [sizes, from, to, axis])] : [];
  return make.op('Resize', [x, roi, scales, isWhole ? make.op('Concat', own, { axis: 0 }) : sizes], node.attrs);
}
