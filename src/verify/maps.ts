/** Maps of predictions: their cells, their means, and their distance from the expected values. */
import { best, compare, type Difference } from './compare';
import { cropped, seededRandom } from './inputs';
import type { Numbers } from './onnx-runner';
import type { Results } from './results';
import type { Purpose } from './sizes';

/** Position of a cell: its index along each spatial axis. */
export type Place = readonly number[];

/** Expected values of some cells of a map. */
export interface ExpectedMap {
  /** Minimum number of cells of the map, along each axis. */
  readonly lengths: readonly number[];
  readonly cells: readonly ExpectedCell[];
  /** The same cells computed more accurately, with long sums in double precision. */
  readonly exact?: readonly ExpectedCell[] | undefined;
}

export interface ExpectedCell {
  readonly place: Place;
  /** All features, those of the batch's images one after the other. NaN: there is no correct value. */
  readonly values: Float64Array;
}

/** Cells to check: all of a small map, otherwise the corners and some in between. */
export function places(lengths: readonly number[], purpose: Purpose | 'all'): readonly Place[] {
  if (lengths.some((length) => length <= 0)) return [];
  const all = lengths.reduce((product, length) => product * length, 1);
  const most = purpose === 'all' ? all : purpose === 'growing' ? 16 : purpose === 'many cells' ? 16 : 8;
  if (all <= most && purpose !== 'residue') return Array.from({ length: all }, (_, at) => placeAt(at, lengths));
  // The last corner first, and the first one last.
  const corners = Array.from(
    { length: 2 ** lengths.length },
    (_, corner): Place => lengths.map((length, axis) => ((corner >> axis) & 1 ? 0 : length - 1)),
  );
  const random = seededRandom(lengths.reduce((seed, length) => 31 * seed + length, 0));
  const between = (): Place => lengths.map((length) => Math.floor(random() * length));
  const more = purpose === 'residue' ? [] : Array.from({ length: Math.max(most - corners.length, 0) }, between);
  const unique = new Map([...corners, ...more].map((place) => [place.join(), place] as const));
  return [...unique.values()];
}

/** Converts a row-major index to the position of the cell. */
function placeAt(index: number, lengths: readonly number[]): Place {
  let rest = index;
  return [...lengths]
    .reverse()
    .map((length) => {
      const at = rest % length;
      rest = Math.floor(rest / length);
      return at;
    })
    .reverse();
}

/** Row-major index of a cell. */
const indexOf = (place: Place, lengths: readonly number[]): number =>
  place.reduce((index, at, axis) => index * (lengths[axis] ?? 1) + at, 0);

/** [N, C, ...]: takes every `steps[axis]`-th cell along each axis. */
export function everyOther(numbers: Numbers, steps: readonly number[]): Numbers {
  const { shape } = numbers;
  if (shape.length !== 2 + steps.length || steps.every((step) => step === 1)) return numbers;
  const maps = (shape[0] ?? 1) * (shape[1] ?? 1);
  const old = shape.slice(2);
  const now = old.map((length, axis) => Math.ceil(length / (steps[axis] ?? 1)));
  const [count, cells] = [product(now), product(old)];
  const data = new Float64Array(maps * count);
  for (let cell = 0; cell < count; cell++) {
    const from = indexOf(
      placeAt(cell, now).map((at, axis) => at * (steps[axis] ?? 1)),
      old,
    );
    for (let map = 0; map < maps; map++) data[map * count + cell] = numbers.data[map * cells + from] ?? Number.NaN;
  }
  return { ...numbers, shape: [...shape.slice(0, 2), ...now], data };
}
const product = (lengths: readonly number[]): number => lengths.reduce((all, length) => all * length, 1);

/** [N, K, ...] -> [N, K], except for outputs that are already maps in the original. */
export const meanOfCells = (results: Results, isMap: (name: string) => boolean): Results =>
  new Map([...results].map(([name, numbers]) => [name, isMap(name) ? numbers : meanOfMap(numbers)]));

function meanOfMap(numbers: Numbers): Numbers {
  const [batch = 0, channels = 0, ...lengths] = numbers.shape;
  const cells = product(lengths);
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

/** All features of one cell of a map. */
export const cellAt = (numbers: Numbers | undefined, axes: readonly number[], place: Place): Float64Array =>
  numbers
    ? Float64Array.from(
        cropped(
          numbers,
          axes,
          place,
          place.map(() => 1),
        ).data,
      )
    : new Float64Array();

/** Compares cells of [N, K, ...] with the features expected there, for all images of the batch; a map with too few cells is broken. */
export function compareCells(expected: ExpectedMap, actual: Numbers | undefined): Difference {
  const [batch = 0, channels = 0, ...lengths] = actual?.shape ?? [];
  const features = batch * channels;
  if (actual?.shape.length !== 2 + expected.lengths.length || lengths.some((length, axis) => length < (expected.lengths[axis] ?? 0))) {
    const count = expected.cells.length;
    return { ...compare([], []), count, broken: Math.max(1, count), maxRel: Number.POSITIVE_INFINITY };
  }
  const wanted: number[] = [];
  const found: number[] = [];
  const all = product(lengths);
  for (const { place, values } of expected.cells) {
    const cell = indexOf(place, lengths);
    for (let feature = 0; feature < Math.max(features, values.length); feature++) {
      wanted.push(values[feature] ?? Number.NaN);
      found.push(feature < features ? (actual.data[feature * all + cell] ?? Number.NaN) : Number.POSITIVE_INFINITY);
    }
  }
  return compare(wanted, found);
}

/** Distance of the expected cells from the same cells with long sums in double precision, as a share of the largest value. */
export function ownNoise({ cells, exact }: ExpectedMap): number {
  if (!exact || exact.length !== cells.length) return 0;
  const all = (list: readonly ExpectedCell[]): number[] => list.flatMap(({ values }) => [...values]);
  const { maxRel, broken } = compare(all(exact), all(cells));
  return broken === 0 ? maxRel : 0;
}

/** Number of cells with the same best class, for every image of the batch. */
export function agreeing(expected: ExpectedMap, actual: Numbers | undefined): number {
  const [batch = 0, channels = 0, ...lengths] = actual?.shape ?? [];
  const all = product(lengths);
  const images = Array.from({ length: batch }, (_, image) => image * channels);
  return expected.cells.filter(({ place, values }) =>
    images.every((first) => {
      const cell = indexOf(place, lengths);
      const scores = Array.from({ length: channels }, (_, channel) => actual?.data[(first + channel) * all + cell] ?? 0);
      return best(scores) === best(values.subarray(first, first + channels));
    }),
  ).length;
}
