/** Runs a network that outputs maps over an image of any size, tile by tile, and passes on the cells of each tile. */
import type { TiledAxis, Tiling } from '../analysis/tiling';
import { cannotTile, tileTooSmall } from '../diagnostics/catalogue';
import { assertInvariant } from '../diagnostics/compile-error';
import { product } from '../sources/source';
import type { Numbers } from '../verify/onnx-runner';
import { softmaxInPlace } from './scores';
import { planTiles, smallestTile, type TileSpan, untiled } from './tiles';

/** Tiles along each axis; every combination is run. */
export type TilePlan = readonly (readonly TileSpan[])[];

/** `tile`: maximum side in pixels; `auto`: a single tile if that needs at most `memory` bytes, otherwise the largest tiles that do; `none`: a single tile. */
export interface TileChoice {
  readonly tile: number | 'auto' | 'none';
  readonly memory: number;
}

/** Throws CompileError CANNOT_TILE, TILE_TOO_SMALL. */
export function choosePlan({ along, obstacle, bytes }: Tiling, { tile, memory }: TileChoice): TilePlan {
  const whole: TilePlan = along.map(untiled);
  if (tile === 'none') return whole;
  const places = product(along.map(({ length }) => length));
  const perPlace = bytes === undefined ? ASSUMED_BYTES_PER_PLACE : bytes / places;
  const needed = perPlace * places;
  const free = along.filter(({ fixed }) => !fixed);
  if (tile === 'auto' ? needed <= memory : tile >= Math.max(...free.map(({ length }) => length))) return whole;
  const lengths = along.map(({ length }) => length);
  if (obstacle !== undefined) throw cannotTile(lengths, obstacle, needed);
  const fewest = Math.max(...free.map(smallestTile));
  const planned = (axis: TiledAxis, most: number): readonly TileSpan[] | undefined => (axis.fixed ? untiled(axis) : planTiles(axis, most));
  if (tile !== 'auto') {
    const plan = along.map((axis) => planned(axis, tile));
    if (plan.every((spans) => spans !== undefined)) return plan;
    throw tileTooSmall(tile, fewest);
  }
  // Tiles with sides of about equal length; pixels that a short axis does not need are left to the axes after it.
  let left = memory / perPlace / product(along.filter(({ fixed }) => fixed).map(({ length }) => length));
  let axes = free.length;
  return along.map((axis, at) => {
    if (axis.fixed) return untiled(axis);
    const side = axes > 1 ? Math.floor(left ** (1 / axes)) : Math.floor(left);
    const most = Math.min(axis.length, Math.max(side, smallestTile(axis)));
    [left, axes] = [left / most, axes - 1];
    return planned(axis, most) ?? whole[at] ?? [];
  });
}

/** Estimate when the shapes between layers are unknown: 64 floats per pixel are more than common networks need. */
const ASSUMED_BYTES_PER_PLACE = 2048;

export const tilesIn = (plan: TilePlan): number => product(plan.map((spans) => spans.length));

export interface TileCells {
  /** Tile span along each axis. */
  readonly spans: readonly TileSpan[];
  /** The cells that are kept: [classes, last - first of each axis]. */
  readonly data: Float32Array;
}

export interface Scan {
  readonly tiling: Tiling;
  readonly plan: TilePlan;
  /** Returns the network input for a region. */
  readonly image: (spans: readonly TileSpan[]) => Numbers | Promise<Numbers>;
  readonly run: (image: Numbers) => Promise<Numbers>;
  /** Apply softmax over the classes of each cell. */
  readonly softmax: boolean;
  /** Receives the fraction of the pixels of all tiles that is done. */
  readonly onDone?: ((share: number) => void) | undefined;
}

/** Calls `visit` for each tile in turn, so that only one is in memory. */
export async function scan({ tiling, plan, image, run, softmax, onDone }: Scan, visit: (cells: TileCells) => void): Promise<void> {
  const pixels = (spans: readonly TileSpan[]): number => spans.reduce((sum, { start, end }) => sum + end - start, 0);
  const all = product(plan.map(pixels));
  let done = 0;
  for (const spans of combinations(plan)) {
    const data = kept(await run(await image(spans)), tiling, spans);
    if (softmax) softmaxInPlace(data, tiling.classes, data.length / tiling.classes);
    visit({ spans, data });
    done += product(spans.map(({ start, end }) => end - start));
    onDone?.(done / all);
  }
}

/** Every combination of one tile per axis, last axis fastest. */
function* combinations(plan: TilePlan): Generator<readonly TileSpan[]> {
  const [first, ...rest] = plan;
  if (!first) yield [];
  else for (const span of first) for (const others of combinations(rest)) yield [span, ...others];
}

function kept({ shape, data }: Numbers, { axes, classes }: Tiling, spans: readonly TileSpan[]): Float32Array {
  const counts = spans.map(({ first, last }) => last - first);
  const stride = (axis: number): number => product(shape.slice(axis + 1));
  const perClass = stride(axes.classes);
  const steps = axes.places.map((axis) => (axis === undefined ? 0 : stride(axis)));
  assertInvariant(
    shape[axes.classes] === classes &&
      spans.every(({ skip }, at) => skip + (counts[at] ?? 0) <= (axes.places[at] === undefined ? 1 : (shape[axes.places[at] ?? 0] ?? 0))),
    () => `a tile gave [${shape.join(', ')}], too few for ${classes} classes of ${counts.join(' x ')} cells`,
  );
  const cells = new Float32Array(classes * product(counts));
  let to = 0;
  const copy = (axis: number, from: number): void => {
    const [count, step] = [counts[axis] ?? 1, steps[axis] ?? 1];
    const begin = from + (spans[axis]?.skip ?? 0) * step;
    if (axis === counts.length - 1) for (let x = 0, at = begin; x < count; x++, at += step) cells[to++] = data[at] ?? 0;
    else for (let x = 0; x < count; x++) copy(axis + 1, begin + x * step);
  };
  for (let k = 0; k < classes; k++) copy(0, k * perClass);
  return cells;
}
