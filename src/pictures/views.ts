/** One run of a network over a whole image: at which size, in which tiles, and where its cells then lie on the image. */
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
  /** The size that one cell stands for, where cells are windows of the original network; undefined: cells are what they look at. */
  readonly window: readonly number[] | undefined;
  /** Pixels between neighbouring cells along each axis, where that is known beforehand. */
  readonly strides?: readonly number[] | undefined;
  /** A map [N, ...places, classes]. */
  readonly classesLast?: boolean | undefined;
  readonly infer: (model: Model) => void;
  run(image: Numbers): Promise<Numbers>;
}

export interface ViewOptions extends TileChoice {
  /** Zeros around an image that is smaller than the window. */
  readonly pad: boolean;
}

/** What is run: a picture is scaled to a size that the network takes, other images lose what is too much at their end. */
export interface Shown extends Pick<Source, 'lengths'> {
  readonly isPicture?: boolean | undefined;
}

export interface PlannedView {
  readonly scale: number;
  /** What the image is scaled to. */
  readonly scaled: readonly number[];
  /** Of that, what is run. */
  readonly size: readonly number[];
  /** With what is padded. */
  readonly padded: readonly number[];
  readonly tiling: Tiling;
  readonly plan: TilePlan;
  /** Of the image in a mirror: its last axis runs the other way. */
  readonly flipped: boolean;
}

/**
 * `file` is for messages. Where layers meet only at some sizes (multiples of their strides), the nearest such size is taken.
 * Throws CompileError PICTURE_TOO_SMALL, ARRAY_TOO_SMALL, CANNOT_TILE, TILE_TOO_SMALL; SHAPE_MISMATCH where no size near to this one goes through.
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
    // A network of one size sees a whole picture, as large as it goes in, with nothing around; of other images as much as goes in.
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

/** Which sizes go through a network. */
class Sizes {
  /** Why the last one did not. */
  mismatch: CompileError | undefined;
  readonly axes: readonly string[];

  /** What the network says of itself, by axis; undefined: it must be tried. */
  private readonly taken: readonly SizeFamily[] | undefined;

  constructor(private readonly network: MapNetwork) {
    this.axes = lettersOf(imageInputs(network.model.graph)).map(axisName);
    const [taken] = sizesTaken(network.model).values();
    const families = taken && lengthsOf<SizeFamily>(taken satisfies ImageSizes);
    this.taken = families?.length === this.axes.length ? families : undefined;
  }

  /** Where there is one alone. */
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
      // Layers whose windows are larger than the map, or branches that do not meet.
      if (!(error instanceof CompileError) || error.diagnostic.code !== 'SHAPE_MISMATCH') throw error;
      this.mismatch = error;
      return undefined;
    }
  }

  /** The size, or the nearest one by `round` that the network takes whole; where that is not known, that is the window and a multiple of 2, 4, ... 64 pixels; rounding stretches a side by an eighth at most. */
  near(lengths: readonly number[], round: Round): Fitting | undefined {
    const window = this.network.window ?? lengths.map(() => 0);
    if (isSmaller(lengths, window)) return undefined;
    const { taken } = this;
    if (taken) {
      const size = lengths.map((length, axis) => {
        const family = taken[axis];
        return family ? nearestTaken(family, length, round) : length;
      });
      // What is not scaled has no more than its own length.
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

  /** The window, or the smallest square that goes through where a longer side does not. */
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

/** The numbers of a region of the scaled, mirrored, padded image. An axis that is padded is in one piece. */
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

/** Where the cells lie on the image, and how large their windows are there. `centre`: of cell 0, where it was measured. */
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
    // Of a network that looks at the whole image, a cell stands for the pixels up to the next one.
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
  // In a mirror the last axis begins at the other end of what is run.
  const width = ((lengths[last] ?? 1) / (scaled[last] ?? 1)) * (size[last] ?? 1);
  return {
    grid: all.map(({ grid }, at) =>
      flipped && at === last ? mirrorAxis(grid, sameLengths(size, scaled) ? (lengths[last] ?? 1) : width) : grid,
    ),
    window: all.map(({ length }) => length),
    lead: all.map(({ length, lead }, at) => (flipped && at === last ? length - lead : lead)),
  };
}
