/** One run of a network over a whole picture: at which size, in which tiles, and where its cells then lie on the picture. */
import { type TiledAxis, type Tiling, tilingOf } from '../analysis/tiling';
import { pictureTooSmall } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import { type ImageSizes, nearestTaken, sizesTaken } from '../ir/sizes/taken';
import type { Numbers } from '../verify/onnx-runner';
import type { Centre } from './centre';
import { type GridAxis, mirrorAxis, type View } from './grid';
import { mirrorPicture, type Picture, type Size } from './picture';
import { type Encoding, encodePicture } from './preprocessing';
import { resample } from './resample';
import { choosePlan, type TileChoice, type TilePlan } from './scan';
import type { TileSpan } from './tiles';

/** A network whose output `output` is a map. */
export interface MapNetwork {
  readonly model: Model;
  readonly output: string;
  /** The size that one cell stands for, where cells are windows of the original network; undefined: cells are what they look at. */
  readonly window: Size | undefined;
  /** Pixels between neighbouring cells, where that is known beforehand. */
  readonly strides?: { readonly rows: number; readonly columns: number } | undefined;
  /** A map [N, rows, columns, classes]. */
  readonly classesLast?: boolean | undefined;
  readonly infer: (model: Model) => void;
  run(image: Numbers): Promise<Numbers>;
}

export interface ViewOptions extends TileChoice {
  /** Zeros around a picture that is smaller than the window. */
  readonly pad: boolean;
}

export interface PlannedView {
  readonly scale: number;
  /** Of the scaled picture. */
  readonly size: Size;
  /** With what is padded. */
  readonly padded: Size;
  readonly tiling: Tiling;
  readonly plan: TilePlan;
  /** Of the picture in a mirror. */
  readonly flipped: boolean;
}

/**
 * `file` is for messages. Where layers meet only at some sizes (multiples of their strides), the nearest such size is taken.
 * Throws CompileError PICTURE_TOO_SMALL, CANNOT_TILE, TILE_TOO_SMALL; SHAPE_MISMATCH where no size near to this one goes through.
 */
export function planView(network: MapNetwork, picture: Picture, scale: number, options: ViewOptions, file: string): PlannedView {
  const along = (length: number): number => Math.max(1, Math.round(length * scale));
  const size: Size = { height: along(picture.height), width: along(picture.width) };
  const sizes = new Sizes(network);
  const made = (scaled: Size, whole: Fitting): PlannedView => ({
    scale,
    size: scaled,
    padded: whole.size,
    tiling: whole.tiling,
    plan: choosePlan(whole.tiling, options),
    flipped: false,
  });
  const fitting = sizes.near(size, Math.round);
  if (fitting) return made(fitting.size, fitting);
  const least = sizes.smallest(size);
  if (size.height >= least.height && size.width >= least.width && sizes.mismatch) throw sizes.mismatch;
  if (!options.pad) throw pictureTooSmall(file, picture, least, scale);
  const padded = sizes.near({ height: Math.max(size.height, least.height), width: Math.max(size.width, least.width) }, Math.ceil);
  if (!padded) throw sizes.mismatch ?? pictureTooSmall(file, picture, least, scale);
  return made(size, padded);
}

interface Fitting {
  readonly size: Size;
  readonly tiling: Tiling;
}

/** Which sizes go through a network. */
class Sizes {
  /** Why the last one did not. */
  mismatch: CompileError | undefined;

  /** What the network says of itself; undefined: it must be tried. */
  private readonly taken: ImageSizes | undefined;

  constructor(private readonly network: MapNetwork) {
    [this.taken] = sizesTaken(network.model).values();
  }

  private at(size: Size): Fitting | undefined {
    const { window, model, output, infer } = this.network;
    if (window && (size.height < window.height || size.width < window.width)) return undefined;
    try {
      const tiling = tilingOf(model, output, [size.height, size.width], infer);
      return tiling && { size, tiling };
    } catch (error) {
      // Layers whose windows are larger than the map, or branches that do not meet.
      if (!(error instanceof CompileError) || error.diagnostic.code !== 'SHAPE_MISMATCH') throw error;
      this.mismatch = error;
      return undefined;
    }
  }

  /** The size, or the nearest one by `round` that the network takes whole; where that is not known, that is the window and a multiple of 2, 4, ... 64 pixels; rounding stretches a side by an eighth at most. */
  near({ height, width }: Size, round: typeof Math.round | typeof Math.ceil): Fitting | undefined {
    const { window = { height: 0, width: 0 } } = this.network;
    if (height < window.height || width < window.width) return undefined;
    const { taken } = this;
    if (taken?.height && taken.width)
      return this.at({ height: nearestTaken(taken.height, height, round), width: nearestTaken(taken.width, width, round) });
    for (const unit of [1, 2, 4, 8, 16, 32, 64]) {
      if (round === Math.round && unit > 1 && unit * 4 > Math.min(height, width)) break;
      const along = (length: number, base: number): number => (base % unit) + unit * Math.max(0, round((length - (base % unit)) / unit));
      const found = this.at({ height: along(height, window.height), width: along(width, window.width) });
      if (found) return found;
    }
    return undefined;
  }

  /** The window, or the smallest square that goes through where a longer side does not. */
  smallest({ height, width }: Size): Size {
    const { window } = this.network;
    if (window) return window;
    const works = (side: number): boolean => this.at({ height: Math.max(side, height), width: Math.max(side, width) }) !== undefined;
    let [low, high] = [0, 1];
    while (!works(high) && high < 8192) [low, high] = [high, high * 2];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (works(middle)) high = middle;
      else low = middle;
    }
    return { height: high, width: high };
  }
}

/** The numbers of a rectangle of the scaled, mirrored, padded picture. An axis that is padded is in one piece. */
export function imageOf(
  picture: Picture,
  { size, padded, flipped }: PlannedView,
  encoding: Encoding,
  rows: TileSpan,
  columns: TileSpan,
): Numbers {
  const within = (span: TileSpan, length: number, whole: number): readonly [number, number] =>
    whole > length ? [0, length] : [span.start, span.end - span.start];
  const [top, height] = within(rows, size.height, padded.height);
  const [left, width] = within(columns, size.width, padded.width);
  const part = resample(picture, size, { top, height, width, left: flipped ? size.width - left - width : left });
  return encodePicture(flipped ? mirrorPicture(part) : part, encoding, {
    height: rows.end - rows.start,
    width: columns.end - columns.start,
  });
}

/** Where the cells lie on the picture, and how large their windows are there. `centre`: of cell 0, where it was measured. */
export function placed(
  picture: Picture,
  { size, padded, flipped, tiling }: PlannedView,
  window: Size | undefined,
  centre?: Centre,
): Pick<View, 'grid' | 'window' | 'lead'> {
  const axis = (
    tiled: TiledAxis,
    own: number | undefined,
    measured: number | undefined,
    whole: number,
    scaled: number,
    margin: number,
  ): { readonly grid: GridAxis; readonly length: number; readonly lead: number } => {
    // Of a network that looks at the whole image, a cell stands for the pixels up to the next one.
    const field = tiled.field === 'whole' ? undefined : tiled.field;
    const { stride } = tiled;
    const length = own ?? field?.window ?? stride;
    const offset = own === undefined ? (field?.offset ?? 0) : 0;
    const middle = measured ?? offset + length / 2;
    const ratio = whole / scaled;
    return {
      grid: { start: (middle - Math.floor(margin / 2)) * ratio, step: stride * ratio, count: tiled.cells },
      length: length * ratio,
      lead: (middle - offset) * ratio,
    };
  };
  const rows = axis(tiling.rows, window?.height, centre?.rows, picture.height, size.height, padded.height - size.height);
  const columns = axis(tiling.columns, window?.width, centre?.columns, picture.width, size.width, padded.width - size.width);
  return {
    grid: { rows: rows.grid, columns: flipped ? mirrorAxis(columns.grid, picture.width) : columns.grid },
    window: { height: rows.length, width: columns.length },
    lead: { rows: rows.lead, columns: flipped ? columns.length - columns.lead : columns.lead },
  };
}
