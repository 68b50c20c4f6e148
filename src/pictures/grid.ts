/**
 * Positions of a map's cells on the image, and the combination of maps of several scales on one grid.
 *
 *   the centre of cell i is at pixel  start + i step  along its axis      pixel p covers p to p + 1
 */
import { eachLine, product } from '../sources/source';

export interface GridAxis {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** Axes of a map, outermost first: rows, columns. */
export type Grid = readonly GridAxis[];

export const countsOf = (grid: Grid): readonly number[] => grid.map(({ count }) => count);
export const cellsOf = (grid: Grid): number => product(countsOf(grid));

/** One run of the network over the whole image at one scale. */
export interface View {
  readonly scale: number;
  readonly flipped: boolean;
  readonly grid: Grid;
  /** Window of a cell along each axis, in pixels of the image. */
  readonly window: readonly number[];
  /** Distance from the start of that window to the cell's position on the grid. */
  readonly lead: readonly number[];
  /** Maps by class, with one value per cell of the grid, last axis fastest. */
  readonly maps: ReadonlyMap<number, Float32Array>;
}

export type Combine = 'mean' | 'max';

export const centreOf = ({ start, step }: GridAxis, cell: number): number => start + step * cell;

/** Converts the grid of a mirrored image, `width` pixels wide, to image coordinates. The order of its columns stays reversed; see `mirrorMap`. */
export const mirrorAxis = ({ start, step, count }: GridAxis, width: number): GridAxis => ({
  start: width - (start + step * (count - 1)),
  step,
  count,
});

/** Mirrors a map left to right, in place. */
export function mirrorMap(map: Float32Array, columns: number): Float32Array {
  for (let row = 0; row < map.length; row += columns) map.subarray(row, row + columns).reverse();
  return map;
}

/** Interpolation of positions along an axis between cells; positions beyond the outermost cells are clamped to them. */
export interface Between {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly share: Float64Array;
}

export function between({ start, step, count }: GridAxis, places: ArrayLike<number>): Between {
  const [low, high, share] = [new Int32Array(places.length), new Int32Array(places.length), new Float64Array(places.length)];
  for (let at = 0; at < places.length; at++) {
    const place = Math.min(Math.max(((places[at] ?? 0) - start) / step, 0), count - 1);
    const cell = Math.floor(place);
    low[at] = cell;
    high[at] = Math.min(cell + 1, count - 1);
    share[at] = place - cell;
  }
  return { low, high, share };
}

/** Interpolates the map linearly along every axis, with positions beyond the outermost cells clamped. `at`: index of the position along each axis. */
export function sampleBetween(map: Float32Array, grid: Grid, along: readonly Between[], at: readonly number[], axis = 0, cell = 0): number {
  const own = along[axis];
  const place = at[axis] ?? 0;
  const isLast = axis === along.length - 1;
  if (!own) return Number.NaN;
  const begin = cell * (grid[axis]?.count ?? 1);
  const share = own.share[place] ?? 0;
  const first = begin + (own.low[place] ?? 0);
  const low = isLast ? (map[first] ?? Number.NaN) : sampleBetween(map, grid, along, at, axis + 1, first);
  // A weight of zero must not turn an infinity into NaN.
  if (share === 0) return low;
  const second = begin + (own.high[place] ?? 0);
  const high = isLast ? (map[second] ?? Number.NaN) : sampleBetween(map, grid, along, at, axis + 1, second);
  return low * (1 - share) + high * share;
}

/** Value of the map at one position, in pixels of the image. */
export const sampleMap = (map: Float32Array, grid: Grid, place: readonly number[]): number =>
  sampleBetween(
    map,
    grid,
    grid.map((axis, at) => between(axis, [place[at] ?? 0])),
    grid.map(() => 0),
  );

/** The grid on which maps are combined: that of the view with the most cells; the first one if several have as many. */
export const commonGrid = (views: readonly View[]): Grid =>
  views.reduce((best, view) => (cellsOf(view.grid) > cellsOf(best.grid) ? view : best)).grid;

/** Combines the maps of all views into one. A view on the same grid contributes its cells directly; others are interpolated. */
export function combineViews(views: readonly View[], index: number, grid: Grid, combine: Combine): Float32Array {
  const combined = new Float32Array(cellsOf(grid));
  const places = grid.map((axis) => Float64Array.from({ length: axis.count }, (_, cell) => centreOf(axis, cell)));
  const seen = views.map((view) => ({
    map: view.maps.get(index),
    grid: view.grid,
    along: view.grid === grid ? undefined : view.grid.map((axis, at) => between(axis, places[at] ?? [])),
  }));
  for (let at = 0; at < combined.length; at++) {
    let value = combine === 'max' ? Number.NEGATIVE_INFINITY : 0;
    for (const { map, grid: own, along } of seen) {
      const score = !map ? Number.NaN : along ? sampleBetween(map, own, along, cellAt(at, grid)) : (map[at] ?? Number.NaN);
      value = combine === 'max' ? Math.max(value, score) : value + score / views.length;
    }
    combined[at] = value;
  }
  return combined;
}

/** Cell index along each axis, from the flat index into the map. */
export function cellAt(at: number, grid: Grid): readonly number[] {
  const cell = new Array<number>(grid.length).fill(0);
  let rest = at;
  for (let axis = grid.length - 1; axis >= 0; axis--) {
    const count = grid[axis]?.count ?? 1;
    cell[axis] = rest % count;
    rest = Math.floor(rest / count);
  }
  return cell;
}

export interface Peak {
  /** Cell index along each axis. */
  readonly at: readonly number[];
  readonly score: number;
  /** Position in pixels of the image. */
  readonly place: readonly number[];
  /** Window of the view that contributes most there, in pixels of the image; may extend beyond the image. */
  readonly window: { readonly starts: readonly number[]; readonly lengths: readonly number[] };
  /** Cell of that view, in unmirrored order. */
  readonly cell: readonly number[];
  readonly scale: number;
  readonly flipped: boolean;
}

/** The highest cell of a combined map, and the window and view that it comes from. */
export function peakOf(map: Float32Array, grid: Grid, views: readonly View[], index: number): Peak {
  let at = 0;
  map.forEach((value, cell) => {
    if (value > (map[at] ?? Number.NaN)) at = cell;
  });
  return peakAt(at, map, grid, views, index);
}

/** All cells higher than all their neighbours, including diagonal ones (the first one of a tie), highest first. */
export function localPeaks(map: Float32Array, grid: Grid, views: readonly View[], index: number): Peak[] {
  const counts = countsOf(grid);
  const isPeak = (at: number): boolean => {
    const own = map[at] ?? Number.NaN;
    if (!Number.isFinite(own)) return false;
    const cell = cellAt(at, grid);
    const starts = cell.map((place) => Math.max(0, place - 1));
    const lengths = cell.map((place, axis) => Math.min((counts[axis] ?? 1) - 1, place + 1) - (starts[axis] ?? 0) + 1);
    let highest = true;
    eachLine(counts, { starts, lengths }, (from) => {
      for (let other = from; other < from + (lengths.at(-1) ?? 1); other++) {
        const value = map[other] ?? Number.NaN;
        if (other !== at && (value > own || (value === own && other < at))) highest = false;
      }
    });
    return highest;
  };
  return [...map.keys()]
    .filter(isPeak)
    .map((at) => peakAt(at, map, grid, views, index))
    .sort((a, b) => b.score - a.score);
}

function peakAt(at: number, map: Float32Array, grid: Grid, views: readonly View[], index: number): Peak {
  const own = cellAt(at, grid);
  const place = grid.map((axis, along) => centreOf(axis, own[along] ?? 0));
  const seen = (view: View): number => {
    const of = view.maps.get(index);
    return of ? sampleMap(of, view.grid, place) : Number.NEGATIVE_INFINITY;
  };
  const view = views.reduce((best, other) => (seen(other) > seen(best) ? other : best));
  const cell = view.grid.map(({ start, step, count }, along) =>
    Math.min(Math.max(Math.round(((place[along] ?? 0) - start) / step), 0), count - 1),
  );
  return {
    at: own,
    score: map[at] ?? Number.NaN,
    place,
    window: { starts: view.grid.map((axis, along) => centreOf(axis, cell[along] ?? 0) - (view.lead[along] ?? 0)), lengths: view.window },
    cell,
    scale: view.scale,
    flipped: view.flipped,
  };
}
