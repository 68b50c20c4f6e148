/** Runs a network that gives maps over a picture of any size, tile by tile, and hands on the cells of each tile. */
import type { Tiling } from '../analysis/tiling';
import { cannotTile, tileTooSmall } from '../diagnostics/catalogue';
import { assertInvariant } from '../diagnostics/compile-error';
import type { Numbers } from '../verify/onnx-runner';
import { softmaxInPlace } from './scores';
import { planTiles, smallestTile, type TileSpan, untiled } from './tiles';

export interface TilePlan {
  readonly rows: readonly TileSpan[];
  readonly columns: readonly TileSpan[];
}

/** `tile`: pixels at most on a side; `auto`: in one piece where that needs at most `memory` bytes, else as large as fits; `none`: in one piece. */
export interface TileChoice {
  readonly tile: number | 'auto' | 'none';
  readonly memory: number;
}

/** Throws CompileError CANNOT_TILE, TILE_TOO_SMALL. */
export function choosePlan({ rows, columns, obstacle, bytes }: Tiling, { tile, memory }: TileChoice): TilePlan {
  const whole: TilePlan = { rows: untiled(rows), columns: untiled(columns) };
  if (tile === 'none') return whole;
  const perPixel = bytes === undefined ? ASSUMED_BYTES_PER_PIXEL : bytes / (rows.length * columns.length);
  const needed = perPixel * rows.length * columns.length;
  if (tile === 'auto' ? needed <= memory : tile >= Math.max(rows.length, columns.length)) return whole;
  if (obstacle !== undefined) throw cannotTile({ height: rows.length, width: columns.length }, obstacle, needed);
  const [fewestRows, fewestColumns] = [smallestTile(rows), smallestTile(columns)];
  if (tile !== 'auto') {
    const plan = { rows: planTiles(rows, tile), columns: planTiles(columns, tile) };
    if (plan.rows && plan.columns) return { rows: plan.rows, columns: plan.columns };
    throw tileTooSmall(tile, Math.max(fewestRows, fewestColumns));
  }
  const pixels = memory / perPixel;
  const high = Math.min(rows.length, Math.max(Math.floor(Math.sqrt(pixels)), fewestRows));
  const wide = Math.min(columns.length, Math.max(Math.floor(pixels / high), fewestColumns));
  return { rows: planTiles(rows, high) ?? whole.rows, columns: planTiles(columns, wide) ?? whole.columns };
}

/** Where shapes between layers are not known: 64 floats for each pixel are more than common networks need. */
const ASSUMED_BYTES_PER_PIXEL = 2048;

export interface TileCells {
  readonly rows: TileSpan;
  readonly columns: TileSpan;
  /** The cells that are kept: [classes, last - first rows, last - first columns]. */
  readonly data: Float32Array;
}

export interface Scan {
  readonly tiling: Tiling;
  readonly plan: TilePlan;
  /** The numbers of a rectangle of pixels. */
  readonly image: (rows: TileSpan, columns: TileSpan) => Numbers;
  readonly run: (image: Numbers) => Promise<Numbers>;
  /** Shares over the classes of each cell. */
  readonly softmax: boolean;
  /** The share of the pixels of all tiles that are done. */
  readonly onDone?: ((share: number) => void) | undefined;
}

/** Calls `visit` for each tile in turn, so that only one is held. */
export async function scan({ tiling, plan, image, run, softmax, onDone }: Scan, visit: (cells: TileCells) => void): Promise<void> {
  const pixels = (spans: readonly TileSpan[]): number => spans.reduce((sum, { start, end }) => sum + end - start, 0);
  const all = pixels(plan.rows) * pixels(plan.columns);
  let done = 0;
  for (const rows of plan.rows) {
    for (const columns of plan.columns) {
      const data = kept(await run(image(rows, columns)), tiling, rows, columns);
      if (softmax) softmaxInPlace(data, tiling.classes, data.length / tiling.classes);
      visit({ rows, columns, data });
      done += (rows.end - rows.start) * (columns.end - columns.start);
      onDone?.(done / all);
    }
  }
}

function kept({ shape, data }: Numbers, { axes, classes }: Tiling, rows: TileSpan, columns: TileSpan): Float32Array {
  const [high, wide] = [rows.last - rows.first, columns.last - columns.first];
  const stride = (axis: number): number => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const [perClass, perRow, perColumn] = [stride(axes.classes), stride(axes.rows), stride(axes.columns)];
  assertInvariant(
    shape[axes.classes] === classes && rows.skip + high <= (shape[axes.rows] ?? 0) && columns.skip + wide <= (shape[axes.columns] ?? 0),
    () => `a tile gave [${shape.join(', ')}], too few for ${classes} classes of ${high} x ${wide} cells`,
  );
  const cells = new Float32Array(classes * high * wide);
  let at = 0;
  for (let k = 0; k < classes; k++)
    for (let y = 0; y < high; y++) {
      let from = k * perClass + (rows.skip + y) * perRow + columns.skip * perColumn;
      for (let x = 0; x < wide; x++, from += perColumn) cells[at++] = data[from] ?? 0;
    }
  return cells;
}
