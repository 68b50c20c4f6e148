/**
 * The plan of tiles along one axis: which pixels each takes, and which cells of the map it gives. Why cells come out the same: src/analysis/tiling.ts.
 */
import type { TiledAxis } from '../analysis/tiling';

export interface TileSpan {
  /** Pixels `start` to `end` - 1. */
  readonly start: number;
  readonly end: number;
  /** Cells of the whole map, `first` to `last` - 1; the tile's own are `skip` before them. */
  readonly first: number;
  readonly last: number;
  /** How many cells of the tile come before those that are kept. */
  readonly skip: number;
}

/** The axis in one piece. */
export const untiled = ({ length, cells }: TiledAxis): TileSpan[] => [{ start: 0, end: length, first: 0, last: cells, skip: 0 }];

/**
 * Tiles of at most `most` pixels. undefined where that is too few to give a cell each (see `smallestTile`).
 * The axis must be one that may be cut.
 */
export function planTiles(axis: TiledAxis, most: number): TileSpan[] | undefined {
  const { length, cells, field, align } = axis;
  if (most >= length) return untiled(axis);
  if (field === 'whole' || align < 1) return undefined;
  const { window, stride, offset } = field;
  const tiles: TileSpan[] = [];
  for (let first = 0; first < cells; ) {
    const start = startFor(first, axis);
    // As many pixels as allowed with the remainder of the whole; what is too near to the end goes to the end.
    const end = Math.min(length, start + most - modulo(most - length, align));
    const last = end === length ? cells : Math.min(cells, Math.floor((end - window - offset) / stride) + 1);
    const skip = first - start / stride;
    if (last <= first || !Number.isInteger(skip) || end - start < align) return undefined;
    tiles.push({ start, end, first, last, skip });
    first = last;
  }
  return tiles;
}

/** Tiles of so many pixels always work: a cell, the way to a multiple in front of it, and to the remainder behind it. Shorter ones may. */
export function smallestTile({ field, align, length }: TiledAxis): number {
  return field === 'whole' ? length : Math.min(length, Math.ceil(field.window) + 2 * Math.max(align - 1, 0));
}

/** The last place to begin at from which nothing that the cell looks at is cut off. */
function startFor(cell: number, { field, align }: TiledAxis): number {
  if (field === 'whole') return 0;
  return Math.max(0, Math.floor(Math.floor(field.offset + cell * field.stride + 1e-6) / align) * align);
}

const modulo = (value: number, by: number): number => ((value % by) + by) % by;
