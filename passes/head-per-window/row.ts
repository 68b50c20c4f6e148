/**
 * Values of a head, for every window at once.
 *
 *   v [N, ...s] for one window    ->    cells [N, h', w', ...s], one v for each of the h' x w' windows of a larger map
 *
 * A value that has lost its batch axis (a scalar over all logits of the only image) keeps all of its axes: [1, h', w', ...s].
 */
import type { Dim, Value } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';

export interface Row {
  readonly cells: Value;
  /** Axes of one window's value, without the batch if the value begins with it. */
  readonly shape: readonly number[];
  /** Whether one axis of the original value is the batch: the first, unless `batchAt` is given. */
  readonly hasBatch: boolean;
  /** Axis of the batch in the original value, if it has been moved. In the cells it is always the first. */
  readonly batchAt?: number | undefined;
  /** Number of spatial axes of the map: h' and w' above are two. */
  readonly places: number;
}

/** Zeros for a Reshape that keeps the batch and the positions of the windows. */
export const keptAxes = ({ places }: Pick<Row, 'places'>): readonly number[] => Array.from({ length: places + 1 }, () => 0);

/** Rank of the original value. */
export const rankOfRow = ({ shape, hasBatch }: Row): number => shape.length + (hasBatch ? 1 : 0);

/** The same elements with other axes for each window. */
export function viewed(make: Builder, row: Row, shape: readonly number[], hasBatch = row.hasBatch): Row {
  if (shape.length === row.shape.length && shape.every((dim, axis) => dim === row.shape[axis])) return { ...row, hasBatch };
  const cells = make.op('Reshape', [row.cells, make.int64s('per_window', [...keptAxes(row), ...shape])]);
  return { ...row, cells, shape, hasBatch };
}

/** Moves the batch, which must have length one, to the axes of the window, for operators along it. */
export const withoutBatch = (make: Builder, row: Row): Row => (row.hasBatch ? viewed(make, row, [1, ...row.shape], false) : row);

/** Axes of the window's value in a shape of the original graph; undefined if they are not numbers, or if the batch is not at its axis. */
export function rowShape(shape: readonly Dim[] | undefined, batch: Dim, hasBatch: boolean): readonly number[] | undefined {
  if (!shape || (hasBatch && shape[0] !== batch)) return undefined;
  const own = hasBatch ? shape.slice(1) : shape;
  return own.every((dim): dim is number => typeof dim === 'number') ? own : undefined;
}

/** Axis of the cells for an axis of the original value; undefined for the batch, and if there is no such axis. */
export function cellAxis(row: Row, axis: number): number | undefined {
  const at = axis < 0 ? axis + rankOfRow(row) : axis;
  if (at < 0 || at >= rankOfRow(row)) return undefined;
  return row.hasBatch ? (at === 0 ? undefined : at + row.places) : at + row.places + 1;
}
