/** Maps of predictions: their cells, their means, and how far they are from what is expected. */
import type { MapAxes } from '../ir/axis-roles';
import { best, compare, type Difference } from './compare';
import { cropped } from './inputs';
import type { Numbers } from './onnx-runner';
import type { Results } from './results';

export interface WindowMap {
  readonly rows: number;
  readonly columns: number;
  /** Row by row; all features of the cell, those of one image of the batch after those of the other. */
  readonly cells: readonly Float64Array[];
}
export type WindowResults = Map<string, WindowMap>;

/** [N, C, h, w]: every ky-th row and kx-th column. */
export function everyOther(numbers: Numbers, [ky, kx]: readonly [number, number]): Numbers {
  const [batch = 1, channels = 1, rows = 1, columns = 1] = numbers.shape;
  if (numbers.shape.length !== 4 || (ky === 1 && kx === 1)) return numbers;
  const [height, width] = [Math.ceil(rows / ky), Math.ceil(columns / kx)];
  const data = new Float32Array(batch * channels * height * width);
  for (let map = 0; map < batch * channels; map++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        data[(map * height + y) * width + x] = numbers.data[(map * rows + y * ky) * columns + x * kx] ?? Number.NaN;
  return { ...numbers, shape: [batch, channels, height, width], data };
}

/** [N, K, h, w] -> [N, K], but for outputs that are maps in the original as well. */
export const meanOfCells = (results: Results, isMap: (name: string) => boolean): Results =>
  new Map([...results].map(([name, numbers]) => [name, isMap(name) ? numbers : meanOfMap(numbers)]));

function meanOfMap(numbers: Numbers): Numbers {
  const [batch = 0, channels = 0, rows = 1, columns = 1] = numbers.shape;
  const cells = rows * columns;
  const data = Float64Array.from(
    { length: batch * channels },
    (_, feature) =>
      Float64Array.from(numbers.data.subarray(feature * cells, (feature + 1) * cells)).reduce((sum, number) => sum + number, 0) / cells,
  );
  return { dtype: numbers.dtype, shape: [batch, channels], data };
}

export function meanOf(cells: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(cells[0]?.length ?? 0);
  for (const cell of cells) for (const [at, number] of cell.entries()) mean[at] = (mean[at] ?? 0) + number / cells.length;
  return mean;
}

/** A map as its cells. */
export function cellsOf(numbers: Numbers | undefined, axes: Pick<MapAxes, 'rows' | 'columns'>): WindowMap {
  const shape = numbers?.shape ?? [];
  const [rows, columns] = [shape[axes.rows] ?? 0, shape[axes.columns] ?? 0];
  const cells: Float64Array[] = [];
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      cells.push(numbers ? Float64Array.from(cropped(numbers, [axes.rows, axes.columns], y, x, 1, 1).data) : new Float64Array());
  return { rows, columns, cells };
}

/** Each cell of [N, K, h, w] against the features expected there, those of all images of the batch; another number of cells is broken. */
export function compareMaps(expected: WindowMap, actual: Numbers | undefined): Difference {
  const [batch = 0, channels = 0, rows = 0, columns = 0] = actual?.shape ?? [];
  const features = batch * channels;
  if (actual?.shape.length !== 4 || rows < expected.rows || columns < expected.columns) {
    return { ...compare([], []), count: expected.cells.length, broken: expected.cells.length, maxRel: Number.POSITIVE_INFINITY };
  }
  const wanted: number[] = [];
  const found: number[] = [];
  expected.cells.forEach((cell, at) => {
    const [y, x] = [Math.floor(at / expected.columns), at % expected.columns];
    for (let feature = 0; feature < Math.max(features, cell.length); feature++) {
      wanted.push(cell[feature] ?? Number.NaN);
      found.push(feature < features ? (actual.data[(feature * rows + y) * columns + x] ?? Number.NaN) : Number.POSITIVE_INFINITY);
    }
  });
  return compare(wanted, found);
}

/** Cells whose best class is the same, for every image of the batch. */
export function agreeing(expected: WindowMap, actual: Numbers | undefined): number {
  const [batch = 0, channels = 0, rows = 0, columns = 0] = actual?.shape ?? [];
  const images = Array.from({ length: batch }, (_, image) => image * channels);
  return expected.cells.filter((cell, at) => {
    const [y, x] = [Math.floor(at / expected.columns), at % expected.columns];
    return images.every((first) => {
      const scores = Array.from({ length: channels }, (_, channel) => actual?.data[((first + channel) * rows + y) * columns + x] ?? 0);
      return best(scores) === best(cell.subarray(first, first + channels));
    });
  }).length;
}
