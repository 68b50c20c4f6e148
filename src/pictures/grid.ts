/**
 * Where the cells of a map lie on the picture, and maps of several scales on one grid.
 *
 *   the middle of cell i is at pixel  start + i step  along its axis      pixel p reaches from p to p + 1
 */
export interface GridAxis {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

export interface Grid {
  readonly rows: GridAxis;
  readonly columns: GridAxis;
}

/** One run of the network over the whole picture, at one scale. */
export interface View {
  readonly scale: number;
  readonly flipped: boolean;
  readonly grid: Grid;
  /** What a cell looks at, in pixels of the picture. */
  readonly window: { readonly height: number; readonly width: number };
  /** From the top and the left of that window to where the cell lies on the grid. */
  readonly lead: { readonly rows: number; readonly columns: number };
  /** By class: [rows, columns]. */
  readonly maps: ReadonlyMap<number, Float32Array>;
}

export type Combine = 'mean' | 'max';

export const centreOf = ({ start, step }: GridAxis, cell: number): number => start + step * cell;

/** The grid of what was seen in a mirror, `width` pixels wide, seen straight. Its columns run the other way: see `mirrorMap`. */
export const mirrorAxis = ({ start, step, count }: GridAxis, width: number): GridAxis => ({
  start: width - (start + step * (count - 1)),
  step,
  count,
});

/** In place: left and right exchanged. */
export function mirrorMap(map: Float32Array, columns: number): Float32Array {
  for (let row = 0; row < map.length; row += columns) map.subarray(row, row + columns).reverse();
  return map;
}

/** Where places along an axis lie between cells: beyond the outermost ones, on those. */
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

/** The map between its cells: bilinear, and beyond the outermost ones what those say. y, x: which of the places along rows and columns. */
export function sampleBetween(map: Float32Array, columns: number, down: Between, y: number, across: Between, x: number): number {
  const [top, bottom] = [(down.low[y] ?? 0) * columns, (down.high[y] ?? 0) * columns];
  const left = across.low[x] ?? 0;
  const right = across.high[x] ?? 0;
  const share = across.share[x] ?? 0;
  const above = mix(map[top + left] ?? Number.NaN, map[top + right] ?? Number.NaN, share);
  const below = mix(map[bottom + left] ?? Number.NaN, map[bottom + right] ?? Number.NaN, share);
  return mix(above, below, down.share[y] ?? 0);
}

/** A share of nothing must not let infinities in. */
const mix = (a: number, b: number, share: number): number => (share === 0 ? a : a * (1 - share) + b * share);

/** The map at one place. x, y: pixels of the picture. */
export const sampleMap = (map: Float32Array, { rows, columns }: Grid, y: number, x: number): number =>
  sampleBetween(map, columns.count, between(rows, [y]), 0, between(columns, [x]), 0);

/** The grid that maps are combined on: that of the view with most cells, the first of equal ones. */
export function commonGrid(views: readonly View[]): Grid {
  const cells = ({ grid }: View): number => grid.rows.count * grid.columns.count;
  return views.reduce((best, view) => (cells(view) > cells(best) ? view : best)).grid;
}

/** One map from those of all views. A view on the same grid gives its cells as they are, others are read between theirs. */
export function combineViews(views: readonly View[], index: number, grid: Grid, combine: Combine): Float32Array {
  const combined = new Float32Array(grid.rows.count * grid.columns.count);
  for (let row = 0; row < grid.rows.count; row++) {
    const y = centreOf(grid.rows, row);
    for (let column = 0; column < grid.columns.count; column++) {
      const x = centreOf(grid.columns, column);
      let value = combine === 'max' ? Number.NEGATIVE_INFINITY : 0;
      for (const view of views) {
        const map = view.maps.get(index);
        const seen = !map
          ? Number.NaN
          : view.grid === grid
            ? (map[row * grid.columns.count + column] ?? Number.NaN)
            : sampleMap(map, view.grid, y, x);
        value = combine === 'max' ? Math.max(value, seen) : value + seen / views.length;
      }
      combined[row * grid.columns.count + column] = value;
    }
  }
  return combined;
}

export interface Peak {
  readonly row: number;
  readonly column: number;
  readonly score: number;
  /** Where it is, in pixels of the picture. */
  readonly place: { readonly y: number; readonly x: number };
  /** The window of the view that sees most there, in pixels of the picture; it may reach beyond. */
  readonly window: { readonly top: number; readonly left: number; readonly height: number; readonly width: number };
  /** Which cell of that view, counted as it is seen straight. */
  readonly cell: { readonly row: number; readonly column: number };
  readonly scale: number;
  readonly flipped: boolean;
}

/** The highest cell of a combined map, and which window of which view it is due to. */
export function peakOf(map: Float32Array, grid: Grid, views: readonly View[], index: number): Peak {
  let at = 0;
  map.forEach((value, cell) => {
    if (value > (map[at] ?? Number.NaN)) at = cell;
  });
  return peakAt(at, map, grid, views, index);
}

/** Every cell that is higher than all of its eight neighbours (of equal ones the first), highest first. */
export function localPeaks(map: Float32Array, grid: Grid, views: readonly View[], index: number): Peak[] {
  const [rows, columns] = [grid.rows.count, grid.columns.count];
  const isPeak = (at: number): boolean => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const own = map[at] ?? Number.NaN;
    if (!Number.isFinite(own)) return false;
    for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++)
      for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
        const other = y * columns + x;
        const value = map[other] ?? Number.NaN;
        if (other !== at && (value > own || (value === own && other < at))) return false;
      }
    return true;
  };
  return [...map.keys()]
    .filter(isPeak)
    .map((at) => peakAt(at, map, grid, views, index))
    .sort((a, b) => b.score - a.score);
}

function peakAt(at: number, map: Float32Array, grid: Grid, views: readonly View[], index: number): Peak {
  const [row, column] = [Math.floor(at / grid.columns.count), at % grid.columns.count];
  const [y, x] = [centreOf(grid.rows, row), centreOf(grid.columns, column)];
  const seen = (view: View): number => {
    const own = view.maps.get(index);
    return own ? sampleMap(own, view.grid, y, x) : Number.NEGATIVE_INFINITY;
  };
  const view = views.reduce((best, other) => (seen(other) > seen(best) ? other : best));
  const nearest = ({ start, step, count }: GridAxis, place: number): number =>
    Math.min(Math.max(Math.round((place - start) / step), 0), count - 1);
  const cell = { row: nearest(view.grid.rows, y), column: nearest(view.grid.columns, x) };
  const { height, width } = view.window;
  return {
    row,
    column,
    score: map[at] ?? Number.NaN,
    place: { y, x },
    window: {
      top: centreOf(view.grid.rows, cell.row) - view.lead.rows,
      left: centreOf(view.grid.columns, cell.column) - view.lead.columns,
      height,
      width,
    },
    cell,
    scale: view.scale,
    flipped: view.flipped,
  };
}
