/** `predict` and `heatmap` as functions: what src/index.ts exports. The command line shares all but the words with them. */
import { describeContract } from '../../analysis/contract';
import type { SizeRequest } from '../../compile/input-size';
import { badOption, usage } from '../../diagnostics/catalogue';
import type { Diagnostic } from '../../diagnostics/compile-error';
import { type PerAxis, perAxis } from '../../ir/spatial';
import type { RuntimeChoice } from '../../verify/runtime/choice';
import type { TfjsBackend } from '../../verify/tfjs/backend';
import type { Colour, ColourMap } from '../colours';
import type { GridAxis, Peak } from '../grid';
import { labelOf, shortName } from '../labels';
import type { Picture, Size } from '../picture';
import { drawPoster } from '../poster';
import { areShares, ranked } from '../scores';
import { heatmapOf } from './heatmap-picture';
import { imageOfPicture, requirePictures } from './image';
import { labelsFor } from './labels';
import { openPictureModel, type PictureModel } from './picture-model';
import { posterBytes, readPicture } from './pictures';
import { predictPicture } from './predict-picture';
import { type FitSettings, type PixelSettings, pixelsText, recipeOf } from './settings';

/** A picture: the path of a JPEG, PNG, WebP, TIFF, GIF, AVIF or HEIF file, or its pixels. */
export type PictureInput = string | Picture;

/** Options of `predict` and `heatmap`. */
export interface PictureOptions {
  /** Names of the classes: 'imagenet', a file, or a list with one name per class. Default: those in or beside the model, if any. */
  readonly labels?: string | readonly string[] | undefined;
  /** Turn scores into probabilities. Default: false. */
  readonly softmax?: boolean | undefined;
  /** Output of the model that holds the scores. Default: the first that can. */
  readonly output?: string | undefined;
  /** Image size that the network was trained at, if the file does not fix it: `{ lengths: [224, 224] }`. */
  readonly inputSize?: SizeRequest | undefined;
  /** How pixels become numbers: torchvision, tensorflow, caffe, raw, unit, lecture, a model of torchvision or timm, or a JSON file. Default: what the model states. */
  readonly preset?: string | undefined;
  /** Subtracted from pixels, in units of `range`: one number, or one per channel. */
  readonly mean?: number | readonly number[] | undefined;
  /** Divides what remains: one number above 0, or one per channel. */
  readonly std?: number | readonly number[] | undefined;
  /** Pixels are 0..1 or 0..255 before `mean` and `std`. */
  readonly range?: 1 | 255 | undefined;
  /** Order of the channels. */
  readonly channels?: 'rgb' | 'bgr' | undefined;
  /** Behind transparent parts of a picture file: red, green and blue, 0..255. Default: white. */
  readonly background?: Colour | undefined;
  /** Number in a picture file of more than 8 bits that is black. Default: 0. */
  readonly black?: number | undefined;
  /** Number in a picture file of more than 8 bits that is white. */
  readonly white?: number | undefined;
  /** Page of a picture file that has several, from 1. */
  readonly page?: number | undefined;
  /** Side, in pixels, of the tiles in which a large picture is run through a network that gives maps. Default: 'auto', as `memory` allows. */
  readonly tile?: number | 'auto' | 'none' | undefined;
  /** Bytes that intermediate activations may take, for `tile: 'auto'`. Default: 1e9. */
  readonly memory?: number | undefined;
  /** Surround a picture that is smaller than the window with zeros. Default: false. */
  readonly pad?: boolean | undefined;
  /** Which ONNX Runtime runs the model. Default: 'auto', the native one if it is installed. */
  readonly runtime?: RuntimeChoice | undefined;
  /** Follow symbolic links to external data. Default: false. */
  readonly allowSymlinks?: boolean | undefined;
  /** Receives warnings about the model. */
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
}

export interface PredictOptions extends PictureOptions {
  /** How many classes `best` lists. Default: 5. */
  readonly top?: number | undefined;
  /** N: scale the shorter side to N pixels; a size: stretch. Default: 8/7 of the input size, 'none' for maps. */
  readonly resize?: number | Size | 'none' | undefined;
  /** Then cut this from the middle. Default: the input size, 'none' for maps. */
  readonly crop?: number | Size | 'none' | undefined;
  /** For a network that gives a map: the mean of all cells (default), or the highest score of any cell. */
  readonly combine?: 'mean' | 'max' | undefined;
  /** What runs a TensorFlow.js model. Default: 'wasm'. */
  readonly tfjsBackend?: TfjsBackend | undefined;
}

/** A class and its score. */
export interface Guess {
  readonly index: number;
  /** Its label, or `class N`. */
  readonly name: string;
  readonly score: number;
}

export interface Prediction {
  /** The best classes, the best first. */
  readonly best: readonly Guess[];
  /** Of all classes, by index. */
  readonly scores: Float64Array;
  readonly kind: 'probability' | 'score';
  /** What the network was given, in pixels: `{ height, width }`. */
  readonly fed: PerAxis<number>;
  /** Cells whose scores were combined; undefined: the network gives one prediction. */
  readonly cells: PerAxis<number> | undefined;
  /** How pixels became numbers, in words. */
  readonly pixels: string;
  /** What ran the model: ONNX Runtime 1.30.0 (WebAssembly). */
  readonly runtime: string | undefined;
}

/** As src/index.ts says: one picture, or a list of them. */
export async function predict(
  path: string,
  pictures: PictureInput | readonly PictureInput[],
  options: PredictOptions = {},
): Promise<Prediction | Prediction[]> {
  const top = whole('top', options.top) ?? 5;
  const list: readonly PictureInput[] = isList(pictures) ? pictures : [pictures];
  const model = await openPictureModel(path, options);
  try {
    requirePictures(model);
    const named = (lengths: readonly number[]): PerAxis<number> => perAxis(model.letters, (_, axis) => lengths[axis] ?? 1);
    const chosen = recipeOf(pixelSettings(options), model);
    const settings = {
      ...viewSettings(options),
      ...fitSettings(options),
      combine: options.combine ?? 'mean',
      softmax: options.softmax ?? false,
    };
    const found: Prediction[] = [];
    for (const each of list) {
      const [picture, name] = await opened(each, options);
      const { scores, fed, cells, runtime } = await predictPicture(model, imageOfPicture(picture), chosen, settings, name);
      const labels = labelsFor(options.labels, scores.length, model.metadata, path);
      const best = ranked(scores, top).map(({ index, score }) => ({ index, name: labelOf(labels, index), score }));
      const kind = areShares(scores) ? 'probability' : 'score';
      found.push({ best, scores, kind, fed: named(fed), cells: cells && named(cells), pixels: pixelsText(chosen), runtime });
    }
    const [only] = found;
    return isList(pictures) || !only ? found : only;
  } finally {
    await model.close();
  }
}

export interface HeatmapOptions extends PictureOptions {
  /** Classes to show, by name or index. Default: the class that `predict` names for the whole picture. */
  readonly classes?: readonly (string | number)[] | 'all' | undefined;
  /** The N classes with the highest local peaks instead. */
  readonly top?: number | undefined;
  /** For a classifier: one prediction per window of its size, or per cell of its last feature map (the class activation map). Default: 'auto'. */
  readonly head?: 'auto' | 'window' | 'cell' | undefined;
  /** For a classifier: output stride in pixels; must divide the network's own stride. */
  readonly stride?: number | undefined;
  /** Scales at which the picture is run, 0.01 to 16. Default: chosen by the sizes of picture and window. */
  readonly scales?: readonly number[] | undefined;
  /** Also run the mirror image. Default: false. */
  readonly flip?: boolean | undefined;
  /** How scales and mirror images are combined. Default: 'mean'. */
  readonly combine?: 'mean' | 'max' | undefined;
  /** Run the original network on all windows, exact and slow. Default: false. */
  readonly slide?: boolean | undefined;
}

/** Where the map of a class is highest. */
export interface HeatPeak {
  readonly score: number;
  /** Cell of the map. */
  readonly row: number;
  readonly column: number;
  /** In pixels of the picture. */
  readonly x: number;
  readonly y: number;
  /** What the network saw there, in pixels of the picture; it may reach beyond. */
  readonly window: { readonly top: number; readonly left: number; readonly height: number; readonly width: number };
  readonly scale: number;
}

/** The map of one class. */
export interface HeatmapClass {
  readonly index: number;
  readonly name: string;
  /** Scores [rows.count, columns.count], row by row. */
  readonly map: Float32Array;
  readonly peak: HeatPeak;
  /** Every local maximum, the highest first. */
  peaks(): HeatPeak[];
}

export interface DrawOptions {
  /** Default: 'png'. */
  readonly format?: 'png' | 'jpeg' | 'webp' | 'svg' | undefined;
  /** How much of the picture the hottest color hides, 0 to 1. Default: 0.7. */
  readonly alpha?: number | undefined;
  /** Pixels of the longer side, about. Default: 1200. */
  readonly size?: number | undefined;
  /** Default: 'turbo'. */
  readonly colors?: ColourMap | undefined;
  /** Only the picture and its colors, at its own size, of the first class. Default: false. */
  readonly bare?: boolean | undefined;
  /** Paragraphs below the picture. Default: what holds between the map and the original network. */
  readonly caption?: readonly string[] | undefined;
}

export interface Heatmap {
  /** In the order asked for, by index for 'all'; else the highest peak first. */
  readonly classes: readonly HeatmapClass[];
  /** The middle of row i is at y = start + i step, in pixels of the picture. */
  readonly rows: GridAxis;
  /** The middle of column j is at x = start + j step, in pixels of the picture. */
  readonly columns: GridAxis;
  readonly kind: 'probability' | 'score';
  /** undefined: the model is a map of its own make. */
  readonly head: 'window' | 'cell' | undefined;
  readonly scales: readonly number[];
  /** What holds between a cell and the original network, in words; undefined: the file does not say. */
  readonly contract: string | undefined;
  /** What `predict` says of the whole picture, where that chose the class. */
  readonly whole: Guess | undefined;
  readonly pixels: string;
  readonly runtime: string | undefined;
  /** The maps over the picture, as bytes of an image file. */
  draw(options?: DrawOptions): Promise<Uint8Array>;
}

/** As src/index.ts says. */
export async function heatmap(path: string, picture: PictureInput, options: HeatmapOptions = {}): Promise<Heatmap> {
  const top = whole('top', options.top);
  const stride = whole('stride', options.stride);
  const { classes, scales, slide = false } = options;
  if (classes !== undefined && top !== undefined) throw usage('top is for the best classes, classes for chosen ones: leave one away');
  if (slide && options.head === 'cell') throw usage("slide runs crops of the window: leave head 'cell' away");
  if (scales && !(scales.length > 0 && scales.every((scale) => scale >= 0.01 && scale <= 16)))
    throw badOption('scales', scales.join(','), 'factors from 0.01 to 16');
  const [pixels, name] = await opened(picture, options);
  const model: PictureModel = await openPictureModel(path, options);
  try {
    requirePictures(model);
    const found = await heatmapOf(
      model,
      imageOfPicture(pixels),
      {
        ...pixelSettings(options),
        ...viewSettings(options),
        class: classes === 'all' ? undefined : classes?.map(String),
        top,
        stride,
        scales: scales && [...new Set(scales)],
        flip: options.flip ?? false,
        combine: options.combine ?? 'mean',
        head: options.head ?? 'auto',
        slide: slide ? 'all' : undefined,
        softmax: options.softmax ?? false,
        labels: options.labels,
        inputSize: options.inputSize,
        all: classes === 'all',
      },
      name,
    );
    const { heat, network, unit, whole: best } = found;
    const contract = network.contract && describeContract(network.contract);
    const shown = classes === 'all' ? heat.classes : found.shown;
    const [rows = NO_AXIS, columns = NO_AXIS] = heat.grid;
    return {
      classes: shown.map((item) => ({
        index: item.index,
        name: found.name(item),
        map: item.map,
        peak: peak(item.peak),
        peaks: () => item.peaks().map(peak),
      })),
      rows,
      columns,
      kind: unit,
      head: network.head,
      scales: found.scales,
      contract,
      whole: best && { index: best.class, name: best.name, score: best.score },
      pixels: found.named,
      runtime: network.runtime() ?? model.runtime(),
      draw: async ({ format = 'png', alpha = 0.7, size = 1200, colors = 'turbo', bare = false, caption } = {}) => {
        if (!(alpha >= 0 && alpha <= 1)) throw badOption('alpha', String(alpha), 'a number from 0 to 1');
        const panels = (bare ? shown.slice(0, 1) : shown).map((item) => ({
          title: shortName(found.name(item)),
          map: item.map,
          peak: item.peak,
        }));
        const words = caption ?? (contract === undefined ? [] : [contract]);
        return posterBytes(
          drawPoster(pixels, heat.grid, panels, { alpha, size: whole('size', size) ?? size, colours: colors, bare, unit, caption: words }),
          format,
        );
      },
    };
  } finally {
    await model.close();
  }
}

const NO_AXIS: GridAxis = { start: 0, step: 1, count: 0 };

const peak = ({ score, at: [row = 0, column = 0], place: [y = 0, x = 0], window, scale }: Peak): HeatPeak => {
  const [[top = 0, left = 0], [height = 0, width = 0]] = [window.starts, window.lengths];
  return { score, row, column, x, y, window: { top, left, height, width }, scale };
};

const isList = (pictures: PictureInput | readonly PictureInput[]): pictures is readonly PictureInput[] => Array.isArray(pictures);

/** The picture, and what it is called in messages. Throws CompileError NOT_A_PICTURE and others. */
async function opened(picture: PictureInput, { background, black, white, page }: PictureOptions): Promise<readonly [Picture, string]> {
  if (typeof picture === 'string') return [await readPicture(picture, background, { black, white, page: whole('page', page) }), picture];
  const { width, height, channels, data } = picture;
  const fits = [width, height].every((length) => Number.isSafeInteger(length) && length > 0) && (channels === 1 || channels === 3);
  if (!fits || data.length !== width * height * channels)
    throw badOption(
      'picture',
      `${width}x${height}x${channels} with ${data?.length} bytes`,
      'a byte for each pixel and channel, 1 or 3 channels',
    );
  return [picture, 'the picture'];
}

const pixelSettings = ({ preset, mean, std, range, channels }: PictureOptions): PixelSettings => ({ preset, mean, std, range, channels });

const fitSettings = ({ resize, crop }: PredictOptions): FitSettings => ({ resize, crop });

function viewSettings({ tile = 'auto', memory = 1e9, pad = false }: PictureOptions) {
  if (!(memory > 0)) throw badOption('memory', String(memory), 'a number of bytes above 0');
  return { tile: typeof tile === 'number' ? (whole('tile', tile) ?? tile) : tile, memory, pad };
}

/** Throws CompileError BAD_OPTION. */
function whole(option: string, value: number | undefined): number | undefined {
  if (value !== undefined && !(Number.isSafeInteger(value) && value > 0))
    throw badOption(option, String(value), 'a whole number of at least 1');
  return value;
}
