/**
 * Values of a head, for every window at once.
 *
 *   v [N, ...s] for one window    ->    cells [N, h', w', ...s], one v for each of the h' x w' windows of a larger map
 *
 * A value that has lost its axis of the batch (a scalar over all logits of the one image) keeps all of its axes: [1, h', w', ...s].
 */
import type { Dim, Value } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';

export interface Row {
  readonly cells: Value;
  /** The axes of one window's value, without the batch where the value begins with it. */
  readonly shape: readonly number[];
  /** Whether one axis of the original value is the batch: the first, where `batchAt` does not say another. */
  readonly hasBatch: boolean;
  /** Where the batch is in the original value, where it has been moved. The cells have it first. */
  readonly batchAt?: number | undefined;
  /** Spatial axes of the map: h' and w' above are two. */
  readonly places: number;
}

/** For a Reshape that leaves the batch and the places of the windows as they are. */
export const keptAxes = ({ places }: Pick<Row, 'places'>): readonly number[] => Array.from({ length: places + 1 }, () => 0);

/** Rank of the original value. */
export const rankOfRow = ({ shape, hasBatch }: Row): number => shape.length + (hasBatch ? 1 : 0);

/** The same numbers with other axes for each window. */
export function viewed(make: Builder, row: Row, shape: readonly number[], hasBatch = row.hasBatch): Row {
  if (shape.length === row.shape.length && shape.every((dim, axis) => dim === row.shape[axis])) return { ...row, hasBatch };
  const cells = make.op('Reshape', [row.cells, make.int64s('per_window', [...keptAxes(row), ...shape])]);
  return { ...row, cells, shape, hasBatch };
}

/** With the axis of the batch, which is one long, among the axes of the window: for whoever works along it. */
export const withoutBatch = (make: Builder, row: Row): Row => (row.hasBatch ? viewed(make, row, [1, ...row.shape], false) : row);

/** Axes of the window's value in a shape of the original graph; undefined where they are not numbers, or the batch is not where it was. */
export function rowShape(shape: readonly Dim[] | undefined, batch: Dim, hasBatch: boolean): readonly number[] | undefined {
  if (!shape || (hasBatch && shape[0] !== batch)) return undefined;
  const own = hasBatch ? shape.slice(1) : shape;
  return own.every((dim): dim is number => typeof dim === 'number') ? own : undefined;
}

/** Where an axis of the original value is in the cells; undefined for the batch, and where there is no such axis. */
export function cellAxis(row: Row, axis: number): number | undefined {
  const at = axis < 0 ? axis + rankOfRow(row) : axis;
  if (at < 0 || at >= rankOfRow(row)) return undefined;
  return row.hasBatch ? (at === 0 ? undefined : at + row.places) : at + row.places + 1;
}
