/** One run of a network over a whole image: its size, its tiles, and the positions of its cells on the image. */
import { type TiledAxis, type Tiling, tilingOf } from '../analysis/tiling';
import { arrayTooSmall, pictureTooSmall } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { imageInputs, lettersOf } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { type ImageSizes, nearestTaken, type SizeFamily, sizesTaken } from '../ir/sizes/taken';
import { axisName, lengthsOf } from '../ir/spatial';
import { scaledSource } from '../sources/resample';
import { mirrorBlock, type Source, sameLengths } from '../sources/source';
import type { Numbers } from '../verify/onnx-runner';
import { type GridAxis, mirrorAxis, type View } from './grid';
import { type Encoding, encodeBlock } from './preprocessing';
import { choosePlan, type TileChoice, type TilePlan } from './scan';
import type { TileSpan } from './tiles';

/** A network whose output `output` is a map. */
export interface MapNetwork {
  readonly model: Model;
  readonly output: string;
  /** Window size per cell, if cells are windows of the original network; undefined: a cell covers its receptive field. */
  readonly window: readonly number[] | undefined;
  /** Distance in pixels between neighbouring cells along each axis, if known in advance. */
  readonly strides?: readonly number[] | undefined;
  /** True for a map [N, ...positions, classes]. */
  readonly classesLast?: boolean | undefined;
  readonly infer: (model: Model) => void;
  run(image: Numbers): Promise<Numbers>;
}

export interface ViewOptions extends TileChoice {
  /** Pad an image that is smaller than the window with zeros. */
  readonly pad: boolean;
}

/** The image to run. A picture is scaled to a size that the network takes; any other image is cropped at its end. */
export interface Shown extends Pick<Source, 'lengths'> {
  readonly isPicture?: boolean | undefined;
}

export interface PlannedView {
  readonly scale: number;
  /** Size of the image after scaling. */
  readonly scaled: readonly number[];
  /** Size of the part of the scaled image that is run. */
  readonly size: readonly number[];
  /** Size including padding. */
  readonly padded: readonly number[];
  readonly tiling: Tiling;
  readonly plan: TilePlan;
  /** The image is mirrored: its last axis is reversed. */
  readonly flipped: boolean;
}

/**
 * `file` is used in messages. If the layers' shapes match only at some sizes (multiples of their strides), uses the nearest such size.
 * Throws CompileError PICTURE_TOO_SMALL, ARRAY_TOO_SMALL, CANNOT_TILE, TILE_TOO_SMALL; SHAPE_MISMATCH if no size near this one works.
 */
export function planView(
  network: MapNetwork,
  { lengths, isPicture = false }: Shown,
  scale: number,
  options: ViewOptions,
  file: string,
): PlannedView {
  const wanted = lengths.map((length) => Math.max(1, Math.round(length * scale)));
  const sizes = new Sizes(network);
  const made = (size: readonly number[], whole: Fitting): PlannedView => ({
    scale,
    scaled: isPicture ? size : wanted,
    size,
    padded: whole.size,
    tiling: whole.tiling,
    plan: choosePlan(whole.tiling, options),
    flipped: false,
  });
  const only = sizes.only;
  if (only) {
    // A network with a single size sees the whole picture, scaled to fit, without padding; of any other image it sees as much as fits.
    const zoom = isPicture ? scale * Math.min(...lengths.map((length, axis) => (only.size[axis] ?? 1) / length)) : scale;
    const fitted = lengths.map((length, axis) => Math.min(only.size[axis] ?? 1, Math.max(1, Math.round(length * zoom))));
    return made(fitted, only);
  }
  const fitting = sizes.near(wanted, isPicture ? Math.round : Math.floor);
  if (fitting) return made(fitting.size, fitting);
  const least = sizes.smallest(wanted, isPicture);
  const isLarge = wanted.every((length, axis) => length >= (least[axis] ?? 0));
  if (isLarge && sizes.mismatch) throw sizes.mismatch;
  const tooSmall = (): CompileError =>
    isPicture ? pictureTooSmall(file, lengths, least, scale) : arrayTooSmall(file, sizes.axes, wanted, least);
  if (!options.pad) throw tooSmall();
  const padded = sizes.near(
    wanted.map((length, axis) => Math.max(length, least[axis] ?? 0)),
    Math.ceil,
  );
  if (!padded) throw sizes.mismatch ?? tooSmall();
  return made(wanted, padded);
}

interface Fitting {
  readonly size: readonly number[];
  readonly tiling: Tiling;
}

type Round = (value: number) => number;

/** Image sizes that a network accepts. */
class Sizes {
  /** Error of the most recent size that failed. */
  mismatch: CompileError | undefined;
  readonly axes: readonly string[];

  /** Sizes that the network declares, per axis; undefined: they must be found by trial. */
  private readonly taken: readonly SizeFamily[] | undefined;

  constructor(private readonly network: MapNetwork) {
    this.axes = lettersOf(imageInputs(network.model.graph)).map(axisName);
    const [taken] = sizesTaken(network.model).values();
    const families = taken && lengthsOf<SizeFamily>(taken satisfies ImageSizes);
    this.taken = families?.length === this.axes.length ? families : undefined;
  }

  /** The single size that the network accepts, if there is only one. */
  get only(): Fitting | undefined {
    const { taken } = this;
    return taken?.every(({ multiple }) => multiple === 0) ? this.at(taken.map(({ rest }) => rest)) : undefined;
  }

  private at(size: readonly number[]): Fitting | undefined {
    const { window, model, output, infer } = this.network;
    if (window && isSmaller(size, window)) return undefined;
    try {
      const tiling = tilingOf(model, output, size, infer);
      return tiling && { size, tiling };
    } catch (error) {
      // A layer's window is larger than its input, or branches have different shapes.
      if (!(error instanceof CompileError) || error.diagnostic.code !== 'SHAPE_MISMATCH') throw error;
      this.mismatch = error;
      return undefined;
    }
  }

  /**
   * The nearest size by `round` that the network takes whole. If its sizes are unknown, tries the window plus multiples of 1, 2, 4, ... 64 pixels;
   * rounding to nearest changes a side by at most an eighth.
   */
  near(lengths: readonly number[], round: Round): Fitting | undefined {
    const window = this.network.window ?? lengths.map(() => 0);
    if (isSmaller(lengths, window)) return undefined;
    const { taken } = this;
    if (taken) {
      const size = lengths.map((length, axis) => {
        const family = taken[axis];
        return family ? nearestTaken(family, length, round) : length;
      });
      // An image that is not scaled cannot get longer.
      return round === Math.floor && size.some((length, axis) => length > (lengths[axis] ?? 0)) ? undefined : this.at(size);
    }
    for (const unit of [1, 2, 4, 8, 16, 32, 64]) {
      if (round !== Math.ceil && unit > 1 && unit * 4 > Math.min(...lengths)) break;
      const along = (length: number, base: number): number => (base % unit) + unit * Math.max(0, round((length - (base % unit)) / unit));
      const found = this.at(lengths.map((length, axis) => along(length, window[axis] ?? 0)));
      if (found) return found;
    }
    return undefined;
  }

  /** The window, the declared minimum, or the smallest square that works by trial. */
  smallest(lengths: readonly number[], isPicture: boolean): readonly number[] {
    const { window } = this.network;
    if (window) return window;
    if (this.taken && !isPicture) return this.taken.map(({ minimum }) => minimum);
    const works = (side: number): boolean => this.at(lengths.map((length) => Math.max(side, length))) !== undefined;
    let [low, high] = [0, 1];
    while (!works(high) && high < 8192) [low, high] = [high, high * 2];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (works(middle)) high = middle;
      else low = middle;
    }
    return lengths.map(() => high);
  }
}

const isSmaller = (lengths: readonly number[], than: readonly number[]): boolean =>
  lengths.some((length, axis) => length < (than[axis] ?? 0));

/** Network input for a region of the scaled, mirrored, padded image. A padded axis has a single tile. */
export async function imageOf(
  source: Source,
  { scaled, size, padded, flipped }: PlannedView,
  encoding: Encoding,
  spans: readonly TileSpan[],
): Promise<Numbers> {
  const last = size.length - 1;
  const within = spans.map(({ start, end }, axis): readonly [number, number] =>
    (padded[axis] ?? 0) > (size[axis] ?? 0) ? [0, size[axis] ?? 0] : [start, end - start],
  );
  const starts = within.map(([start, length], axis) => (flipped && axis === last ? (size[axis] ?? 0) - start - length : start));
  const block = await scaledSource(source, scaled).read({ starts, lengths: within.map(([, length]) => length) });
  return encodeBlock(
    flipped ? mirrorBlock(block) : block,
    encoding,
    spans.map(({ start, end }) => end - start),
  );
}

/** Positions of the cells on the image, and the size of their windows there. `centre`: measured centre of cell 0, if any. */
export function placed(
  lengths: readonly number[],
  { scaled, size, padded, flipped, tiling }: PlannedView,
  window: readonly number[] | undefined,
  centre?: readonly number[] | undefined,
): Pick<View, 'grid' | 'window' | 'lead'> {
  const axis = (
    tiled: TiledAxis,
    own: number | undefined,
    measured: number | undefined,
    ratio: number,
    margin: number,
  ): { readonly grid: GridAxis; readonly length: number; readonly lead: number } => {
    // If the network looks at the whole image, a cell covers the pixels up to the next cell.
    const field = tiled.field === 'whole' ? undefined : tiled.field;
    const { stride } = tiled;
    const length = own ?? field?.window ?? stride;
    const offset = own === undefined ? (field?.offset ?? 0) : 0;
    const middle = measured ?? offset + length / 2;
    return {
      grid: { start: (middle - Math.floor(margin / 2)) * ratio, step: stride * ratio, count: tiled.cells },
      length: length * ratio,
      lead: (middle - offset) * ratio,
    };
  };
  const all = tiling.along.map((tiled, at) =>
    axis(tiled, window?.[at], centre?.[at], (lengths[at] ?? 1) / (scaled[at] ?? 1), (padded[at] ?? 0) - (size[at] ?? 0)),
  );
  const last = all.length - 1;
  // When mirrored, the last axis starts at the other end of the part that is run.
  const width = ((lengths[last] ?? 1) / (scaled[last] ?? 1)) * (size[last] ?? 1);
  return {
    grid: all.map(({ grid }, at) =>
      flipped && at === last ? mirrorAxis(grid, sameLengths(size, scaled) ? (lengths[last] ?? 1) : width) : grid,
    ),
    window: all.map(({ length }) => length),
    lead: all.map(({ length, lead }, at) => (flipped && at === last ? length - lead : lead)),
  };
}
