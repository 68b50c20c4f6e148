/**
 * The numbers of a heat map for NumPy: .npy holds the map, [classes, rows, columns] or the axes of the image; .npz holds it with what its cells are.
 *
 *   map       float32 [classes, ...]
 *   classes   index of each class
 *   start     centre of the first cell along each axis, in pixels or samples
 *   step      from one cell to the next
 */
import { cellsOf, countsOf } from '../pictures/grid';
import type { Heat } from '../pictures/heat';
import { npyBytes, npzBytes } from '../pictures/npy';

export function numbersOf({ classes, grid }: Heat, isArchive: boolean): Uint8Array {
  const area = cellsOf(grid);
  const all = new Float32Array(classes.length * area);
  for (const [at, { map }] of classes.entries()) all.set(map, at * area);
  const map = npyBytes([classes.length, ...countsOf(grid)], all);
  if (!isArchive) return map;
  const list = (numbers: readonly number[]): Uint8Array => npyBytes([numbers.length], Float64Array.from(numbers));
  return npzBytes({
    map,
    classes: list(classes.map(({ index }) => index)),
    start: list(grid.map(({ start }) => start)),
    step: list(grid.map(({ step }) => step)),
  });
}
