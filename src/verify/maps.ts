/** Maps of predictions: their cells, their means, and how far they are from what is expected. */
import type { MapAxes } from '../ir/axis-roles';
import { best, compare, type Difference } from './compare';
import { cropped, seededRandom } from './inputs';
import type { Numbers } from './onnx-runner';
import type { Results } from './results';
import type { Purpose } from './sizes';

export interface Place {
  readonly row: number;
  readonly column: number;
}

/** What some cells of a map shall hold. */
export interface ExpectedMap {
  /** Cells that the map has at least. */
  readonly rows: number;
  readonly columns: number;
  readonly cells: readonly ExpectedCell[];
  /** The same cells, nearer to the truth: with long sums in double precision. */
  readonly exact?: readonly ExpectedCell[] | undefined;
}

export interface ExpectedCell extends Place {
  /** All features, those of one image of the batch after those of the other. NaN: nothing is right there. */
  readonly values: Float64Array;
}

/** Which cells are looked at: all of a small map; else the corners and some in between. */
export function places(rows: number, columns: number, purpose: Purpose | 'all'): readonly Place[] {
  if (rows <= 0 || columns <= 0) return [];
  const all = rows * columns;
  const most = purpose === 'all' ? all : purpose === 'growing' ? 16 : purpose === 'many cells' ? 16 : 8;
  if (all <= most && purpose !== 'residue')
    return Array.from({ length: all }, (_, at) => ({ row: Math.floor(at / columns), column: at % columns }));
  const corners: Place[] = [
    { row: rows - 1, column: columns - 1 },
    { row: 0, column: columns - 1 },
    { row: rows - 1, column: 0 },
    { row: 0, column: 0 },
  ];
  const random = seededRandom(31 * rows + columns);
  const between = (): Place => ({ row: Math.floor(random() * rows), column: Math.floor(random() * columns) });
  const more = purpose === 'residue' ? [] : Array.from({ length: most - 4 }, between);
  const unique = new Map([...corners, ...more].map((place) => [`${place.row},${place.column}`, place] as const));
  return [...unique.values()];
}

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

export function meanOf(cells: readonly ExpectedCell[]): Float64Array {
  const mean = new Float64Array(cells[0]?.values.length ?? 0);
  for (const { values } of cells) for (const [at, number] of values.entries()) mean[at] = (mean[at] ?? 0) + number / cells.length;
  return mean;
}

/** One cell of a map, all its features. */
export const cellAt = (numbers: Numbers | undefined, axes: Pick<MapAxes, 'rows' | 'columns'>, { row, column }: Place): Float64Array =>
  numbers ? Float64Array.from(cropped(numbers, [axes.rows, axes.columns], row, column, 1, 1).data) : new Float64Array();

/** Cells of [N, K, h, w] against the features expected there, those of all images of the batch; a map with fewer cells is broken. */
export function compareCells(expected: ExpectedMap, actual: Numbers | undefined): Difference {
  const [batch = 0, channels = 0, rows = 0, columns = 0] = actual?.shape ?? [];
  const features = batch * channels;
  if (actual?.shape.length !== 4 || rows < expected.rows || columns < expected.columns) {
    const count = expected.cells.length;
    return { ...compare([], []), count, broken: Math.max(1, count), maxRel: Number.POSITIVE_INFINITY };
  }
  const wanted: number[] = [];
  const found: number[] = [];
  for (const { row, column, values } of expected.cells) {
    for (let feature = 0; feature < Math.max(features, values.length); feature++) {
      wanted.push(values[feature] ?? Number.NaN);
      found.push(feature < features ? (actual.data[(feature * rows + row) * columns + column] ?? Number.NaN) : Number.POSITIVE_INFINITY);
    }
  }
  return compare(wanted, found);
}

/** How far the expected cells are from themselves with their long sums in double precision, as a share of the largest number. */
export function ownNoise({ cells, exact }: ExpectedMap): number {
  if (!exact || exact.length !== cells.length) return 0;
  const all = (list: readonly ExpectedCell[]): number[] => list.flatMap(({ values }) => [...values]);
  const { maxRel, broken } = compare(all(exact), all(cells));
  return broken === 0 ? maxRel : 0;
}

/** Cells whose best class is the same, for every image of the batch. */
export function agreeing(expected: ExpectedMap, actual: Numbers | undefined): number {
  const [batch = 0, channels = 0, rows = 0, columns = 0] = actual?.shape ?? [];
  const images = Array.from({ length: batch }, (_, image) => image * channels);
  return expected.cells.filter(({ row, column, values }) =>
    images.every((first) => {
      const scores = Array.from(
        { length: channels },
        (_, channel) => actual?.data[((first + channel) * rows + row) * columns + column] ?? 0,
      );
      return best(scores) === best(values.subarray(first, first + channels));
    }),
  ).length;
}
