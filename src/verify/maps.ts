/** Maps of predictions: their cells, their means, and how far they are from what is expected. */
import { best, compare, type Difference } from './compare';
import { cropped, seededRandom } from './inputs';
import type { Numbers } from './onnx-runner';
import type { Results } from './results';
import type { Purpose } from './sizes';

/** A cell, by its index along each spatial axis. */
export type Place = readonly number[];

/** What some cells of a map shall hold. */
export interface ExpectedMap {
  /** Cells that the map has at least, along each axis. */
  readonly lengths: readonly number[];
  readonly cells: readonly ExpectedCell[];
  /** The same cells, nearer to the truth: with long sums in double precision. */
  readonly exact?: readonly ExpectedCell[] | undefined;
}

export interface ExpectedCell {
  readonly place: Place;
  /** All features, those of one image of the batch after those of the other. NaN: nothing is right there. */
  readonly values: Float64Array;
}

/** Which cells are looked at: all of a small map; else the corners and some in between. */
export function places(lengths: readonly number[], purpose: Purpose | 'all'): readonly Place[] {
  if (lengths.some((length) => length <= 0)) return [];
  const all = lengths.reduce((product, length) => product * length, 1);
  const most = purpose === 'all' ? all : purpose === 'growing' ? 16 : purpose === 'many cells' ? 16 : 8;
  if (all <= most && purpose !== 'residue') return Array.from({ length: all }, (_, at) => placeAt(at, lengths));
  // The last one first, and the first one last.
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

/** The cell with this number, counted in row-major order. */
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

/** The number of a cell in row-major order. */
const indexOf = (place: Place, lengths: readonly number[]): number =>
  place.reduce((index, at, axis) => index * (lengths[axis] ?? 1) + at, 0);

/** [N, C, ...]: every so manieth cell along each axis. */
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

/** [N, K, ...] -> [N, K], but for outputs that are maps in the original as well. */
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

/** One cell of a map, all its features. */
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

/** Cells of [N, K, ...] against the features expected there, those of all images of the batch; a map with fewer cells is broken. */
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

/** How far the expected cells are from themselves with their long sums in double precision, as a share of the largest number. */
export function ownNoise({ cells, exact }: ExpectedMap): number {
  if (!exact || exact.length !== cells.length) return 0;
  const all = (list: readonly ExpectedCell[]): number[] => list.flatMap(({ values }) => [...values]);
  const { maxRel, broken } = compare(all(exact), all(cells));
  return broken === 0 ? maxRel : 0;
}

/** Cells whose best class is the same, for every image of the batch. */
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
