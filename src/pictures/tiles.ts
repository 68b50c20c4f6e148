/**
 * Plans tiles along one axis: the pixels that each tile reads and the cells of the map that it produces. src/analysis/tiling.ts explains why the cells are the same.
 */
import type { TiledAxis } from '../analysis/tiling';

export interface TileSpan {
  /** Pixels `start` to `end` - 1. */
  readonly start: number;
  readonly end: number;
  /** Cells `first` to `last` - 1 of the whole map; the tile computes `skip` cells before them. */
  readonly first: number;
  readonly last: number;
  /** Number of the tile's cells before the ones that are kept. */
  readonly skip: number;
}

/** A single tile that covers the axis. */
export const untiled = ({ length, cells }: TiledAxis): TileSpan[] => [{ start: 0, end: length, first: 0, last: cells, skip: 0 }];

/**
 * Tiles of at most `most` pixels; undefined if that is too few to give a cell each (see `smallestTile`).
 * The axis must allow tiling.
 */
export function planTiles(axis: TiledAxis, most: number): TileSpan[] | undefined {
  const { length, cells, field, align } = axis;
  if (most >= length) return untiled(axis);
  if (field === 'whole' || align < 1) return undefined;
  const { window, stride, offset } = field;
  const tiles: TileSpan[] = [];
  for (let first = 0; first < cells; ) {
    const start = startFor(first, axis);
    // As many pixels as allowed with the same remainder as the whole length, clamped to its end.
    const end = Math.min(length, start + most - modulo(most - length, align));
    const last = end === length ? cells : Math.min(cells, Math.floor((end - window - offset) / stride) + 1);
    const skip = first - start / stride;
    if (last <= first || !Number.isInteger(skip) || end - start < align) return undefined;
    tiles.push({ start, end, first, last, skip });
    first = last;
  }
  return tiles;
}

/** Tile size that always works: one cell, plus the distance back to a multiple and forward to the remainder. Smaller tiles may work too. */
export function smallestTile({ field, align, length }: TiledAxis): number {
  return field === 'whole' ? length : Math.min(length, Math.ceil(field.window) + 2 * Math.max(align - 1, 0));
}

/** The last start from which nothing that the cell looks at is cut off. */
function startFor(cell: number, { field, align }: TiledAxis): number {
  if (field === 'whole') return 0;
  return Math.max(0, Math.floor(Math.floor(field.offset + cell * field.stride + 1e-6) / align) * align);
}

const modulo = (value: number, by: number): number => ((value % by) + by) % by;
