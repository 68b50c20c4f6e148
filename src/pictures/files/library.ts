/** Implementation of `predict` and `heatmap` as exported by src/index.ts. The command line shares everything but the wording. */
import { describeContract } from '../../analysis/contract';
import type { SizeRequest } from '../../compile/input-size';
import { badOption, usage } from '../../diagnostics/catalogue';
import type { Diagnostic } from '../../diagnostics/compile-error';
import { type PerAxis, type PerPlaces, perAxis, placesName } from '../../ir/spatial';
import type { RuntimeChoice } from '../../verify/onnx-runner';
import type { TfjsBackend } from '../../verify/tfjs/backend';
import type { Colour, ColourMap } from '../colours';
import type { GridAxis, Peak } from '../grid';
import type { HeatClass } from '../heat';
import { labelOf, shortName } from '../labels';
import type { Picture, Size } from '../picture';
import { areShares, ranked } from '../scores';
import { openImage } from './arrays';
import { drawImage } from './draw';
import { type FoundHeat, heatmapOf } from './heatmap-picture';
import { type Image, imageOfPicture, requirePictures } from './image';
import { labelsFor } from './labels';
import { type ArrayInput, openMemory } from './memory';
import { openPictureModel, type PictureModel } from './picture-model';
import { posterBytes, readPicture } from './pictures';
import { predictPicture } from './predict-picture';
import { arrayRecipeOf, type FitSettings, type PixelSettings, pixelsText, recipeOf } from './settings';

/** A picture: the path of a JPEG, PNG, WebP, TIFF, GIF, AVIF or HEIF file, or its pixels. */
export type PictureInput = string | Picture;
export type { ArrayInput } from './memory';

/** Options of `predict` and `heatmap`. */
export interface PictureOptions {
  /** Class names: 'imagenet', a file, or a list with one name per class. Default: the names in or beside the model, if any. */
  readonly labels?: string | readonly string[] | undefined;
  /** Turn scores into probabilities. Default: false. */
  readonly softmax?: boolean | undefined;
  /** Name of the model output that holds the scores. Default: the first output that can. */
  readonly output?: string | undefined;
  /** Image size that the network was trained at, if the file does not fix it: `{ lengths: [224, 224] }`. */
  readonly inputSize?: SizeRequest | undefined;
  /** Preprocessing preset: torchvision, tensorflow, caffe, raw, unit, lecture, a torchvision or timm model name, or a JSON file. Default: what the model states. */
  readonly preset?: string | undefined;
  /** Subtracted from each pixel, in units of `range`: one number, or one per channel. */
  readonly mean?: number | readonly number[] | undefined;
  /** Divisor after `mean` is subtracted: one number above 0, or one per channel. */
  readonly std?: number | readonly number[] | undefined;
  /** Value of white before `mean` and `std` are applied: 1, 255, 65535. Values of arrays are not scaled unless `range` is set. */
  readonly range?: number | undefined;
  /** Normalise by the mean and standard deviation of the image itself: over all its values, or per band. */
  readonly normalise?: 'image' | 'band' | undefined;
  /** Sampling rate in Hz that the model expects; recordings at another rate are resampled. Default: what the model states. */
  readonly rate?: number | undefined;
  /** Bands of an array or a TIFF file, or channels of a recording, numbered from 1, in the order in which they are fed; or 'mean' for their mean. */
  readonly bands?: readonly number[] | 'mean' | undefined;
  /** Name of the array to read from an .npz archive. */
  readonly array?: string | undefined;
  /** Order in which the channels are fed. */
  readonly channels?: 'rgb' | 'bgr' | undefined;
  /** Color behind transparent parts of a picture file: red, green and blue, 0..255. Default: white. */
  readonly background?: Colour | undefined;
  /** Value that is black in a picture file of more than 8 bits. Default: 0. */
  readonly black?: number | undefined;
  /** Value that is white in a picture file of more than 8 bits. */
  readonly white?: number | undefined;
  /** Page to read from a multi-page picture file, from 1. */
  readonly page?: number | undefined;
  /** Tile side in pixels for running a large picture through a network that outputs maps. Default: 'auto', as large as `memory` allows. */
  readonly tile?: number | 'auto' | 'none' | undefined;
  /** Memory limit for intermediate activations in bytes, used by `tile: 'auto'`. Default: 1e9. */
  readonly memory?: number | undefined;
  /** Pad an image that is smaller than the window with zeros. Default: false. */
  readonly pad?: boolean | undefined;
  /** ONNX Runtime to run the model with. Default: 'auto', the native one if it is installed. */
  readonly runtime?: RuntimeChoice | undefined;
  /** Follow symbolic links to external data. Default: false. */
  readonly allowSymlinks?: boolean | undefined;
  /** Called with each warning about the model. */
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
}

export interface PredictOptions extends PictureOptions {
  /** Number of classes in `best`. Default: 5. */
  readonly top?: number | undefined;
  /** N scales the shorter side to N pixels; a size stretches the picture to it. Default: 8/7 of the input size, 'none' for maps. */
  readonly resize?: number | Size | 'none' | undefined;
  /** Size to cut from the middle after resizing. Default: the input size, 'none' for maps. */
  readonly crop?: number | Size | 'none' | undefined;
  /** For a network that outputs a map: the mean of all cells (default), or the highest score of any cell. */
  readonly combine?: 'mean' | 'max' | undefined;
  /** TensorFlow.js backend that runs the model. Default: 'wasm'. */
  readonly tfjsBackend?: TfjsBackend | undefined;
}

/** Class with its score. */
export interface Guess {
  readonly index: number;
  /** Label of the class, or `class N` if it has none. */
  readonly name: string;
  readonly score: number;
}

export interface Prediction {
  /** Best classes, in descending order of score. */
  readonly best: readonly Guess[];
  /** Scores of all classes, by index. */
  readonly scores: Float64Array;
  readonly kind: 'probability' | 'score';
  /** Input size of the network in pixels: `{ height, width }`. */
  readonly fed: PerAxis<number>;
  /** Number of cells whose scores were combined, per axis; undefined if the network gives one prediction. */
  readonly cells: PerAxis<number> | undefined;
  /** Description of the preprocessing, in words. */
  readonly pixels: string;
  /** Runtime that ran the model, such as: ONNX Runtime 1.30.0 (WebAssembly). */
  readonly runtime: string | undefined;
}

/** See src/index.ts; takes one picture or array, or a list of them. */
export async function predict(
  path: string,
  images: ImageInput | readonly ImageInput[],
  options: PredictOptions = {},
): Promise<Prediction | Prediction[]> {
  const top = whole('top', options.top) ?? 5;
  const list: readonly ImageInput[] = isList(images) ? images : [images];
  const model = await openPictureModel(path, options);
  try {
    const named = (lengths: readonly number[]): PerAxis<number> => perAxis(model.letters, (_, axis) => lengths[axis] ?? 1);
    const settings = {
      ...viewSettings(options),
      ...fitSettings(options),
      combine: options.combine ?? 'mean',
      softmax: options.softmax ?? false,
    };
    const found: Prediction[] = [];
    for (const each of list) {
      const [image, name] = await opened(each, model, options);
      const chosen = image.picture ? recipeOf(pixelSettings(options), model) : arrayRecipeOf(pixelSettings(options), model);
      const { scores, fed, cells, runtime } = await predictPicture(model, image, chosen, settings, name);
      const labels = labelsFor(options.labels, scores.length, model.metadata, path);
      const best = ranked(scores, top).map(({ index, score }) => ({ index, name: labelOf(labels, index), score }));
      const kind = areShares(scores) ? 'probability' : 'score';
      found.push({ best, scores, kind, fed: named(fed), cells: cells && named(cells), pixels: pixelsText(chosen), runtime });
    }
    const [only] = found;
    return isList(images) || !only ? found : only;
  } finally {
    await model.close();
  }
}

export interface HeatmapOptions extends PictureOptions {
  /** Classes to show, by name or index. Default: the class that `predict` returns for the whole picture. */
  readonly classes?: readonly (string | number)[] | 'all' | undefined;
  /** Show the N classes with the highest local peaks instead. */
  readonly top?: number | undefined;
  /** For a classifier: one prediction per window of its input size, or per cell of its last feature map (the class activation map). Default: 'auto'. */
  readonly head?: 'auto' | 'window' | 'cell' | undefined;
  /** For a classifier: output stride in pixels, one number or one per axis; must divide the network's own stride. */
  readonly stride?: number | readonly number[] | undefined;
  /** Scales at which the picture is run, 0.01 to 16. Default: chosen from the sizes of picture and window. */
  readonly scales?: readonly number[] | undefined;
  /** Also run the mirrored picture. Default: false. */
  readonly flip?: boolean | undefined;
  /** Combination of scales and mirror images. Default: 'mean'. */
  readonly combine?: 'mean' | 'max' | undefined;
  /** Run the original network on every window: exact but slow. Default: false. */
  readonly slide?: boolean | undefined;
}

/** Local maximum of a class's map. */
export interface HeatPeak {
  readonly score: number;
  /** Cell of the map. */
  readonly row: number;
  readonly column: number;
  /** Position in pixels of the picture. */
  readonly x: number;
  readonly y: number;
  /** Window of the network at the peak, in pixels of the picture; may extend beyond the picture. */
  readonly window: { readonly top: number; readonly left: number; readonly height: number; readonly width: number };
  readonly scale: number;
}

/** Map of one class. */
export interface HeatmapClass {
  readonly index: number;
  readonly name: string;
  /** Scores [rows.count, columns.count], in row-major order. */
  readonly map: Float32Array;
  readonly peak: HeatPeak;
  /** All local maxima, highest first. */
  peaks(): HeatPeak[];
}

export interface DrawOptions {
  /** File format of the image. Default: 'png'. */
  readonly format?: 'png' | 'jpeg' | 'webp' | 'svg' | undefined;
  /** Opacity of the hottest color over the picture, 0 to 1. Default: 0.7. */
  readonly alpha?: number | undefined;
  /** Approximate length of the longer side in pixels. Default: 1200. */
  readonly size?: number | undefined;
  /** Colour map. Default: 'turbo'. */
  readonly colors?: ColourMap | undefined;
  /** Draw only the picture and its colors for the first class, at the picture's own size. Default: false. */
  readonly bare?: boolean | undefined;
  /** Paragraphs below the picture. Default: how the map relates to the original network. */
  readonly caption?: readonly string[] | undefined;
}

/** Properties common to all heat maps. */
interface AnyHeatmap {
  readonly kind: 'probability' | 'score';
  /** undefined if the model outputs a map that is not from a conversion. */
  readonly head: 'window' | 'cell' | undefined;
  readonly scales: readonly number[];
  /** How a cell relates to the original network, in words; undefined if the file does not say. */
  readonly contract: string | undefined;
  /** Result of `predict` for the whole picture, if it chose the class. */
  readonly whole: Guess | undefined;
  readonly pixels: string;
  readonly runtime: string | undefined;
  /** Renders the maps over the picture, curves below a signal, or planes of a volume; returns the bytes of an image file. */
  draw(options?: DrawOptions): Promise<Uint8Array>;
}

export interface Heatmap extends AnyHeatmap {
  /** In the order requested; by index for 'all'; otherwise by highest peak, descending. */
  readonly classes: readonly HeatmapClass[];
  /** The center of row i is at y = start + i step, in pixels of the picture. */
  readonly rows: GridAxis;
  /** The center of column j is at x = start + j step, in pixels of the picture. */
  readonly columns: GridAxis;
}

/** Local maximum of a class's map over an array. Positions are keyed by the array's axes: `{ samples: 4200 }`. */
export interface ArrayPeak {
  readonly score: number;
  /** Cell of the map. */
  readonly at: PerPlaces<number>;
  /** Position in array elements along each axis. */
  readonly place: PerPlaces<number>;
  /** The same in physical units, where known: seconds of a recording. */
  readonly measured: PerPlaces<number>;
  /** Window of the network at the peak; may extend beyond the array. */
  readonly window: { readonly starts: PerPlaces<number>; readonly lengths: PerPlaces<number> };
  readonly scale: number;
}

/** Map of one class over an array. */
export interface ArrayHeatmapClass {
  readonly index: number;
  readonly name: string;
  /** Scores with one value per cell of `grid`, last axis fastest. */
  readonly map: Float32Array;
  readonly peak: ArrayPeak;
  /** All local maxima, highest first. */
  peaks(): ArrayPeak[];
}

export interface ArrayHeatmap extends AnyHeatmap {
  readonly classes: readonly ArrayHeatmapClass[];
  /** The center of cell i is at start + i step along its axis: `{ samples: { start, step, count } }`. */
  readonly grid: PerPlaces<GridAxis>;
}

/** See src/index.ts. */
export async function heatmap(path: string, input: ImageInput, options: HeatmapOptions = {}): Promise<Heatmap | ArrayHeatmap> {
  const top = whole('top', options.top);
  const stride = strideOf(options.stride);
  const { classes, scales, slide = false } = options;
  if (classes !== undefined && top !== undefined) throw usage('top is for the best classes, classes for chosen ones: omit one of them');
  if (slide && options.head === 'cell') throw usage("slide runs crops of the window: leave head 'cell' away");
  if (scales && !(scales.length > 0 && scales.every((scale) => scale >= 0.01 && scale <= 16)))
    throw badOption('scales', scales.join(','), 'factors from 0.01 to 16');
  // Pixels are read before the model, so their errors are reported first.
  const early = isArray(input) ? undefined : await openedPicture(input, options);
  const model: PictureModel = await openPictureModel(path, options);
  try {
    const [image, name] = early ? pictureFor(early, model) : await opened(input, model, options);
    const found = await heatmapOf(
      model,
      image,
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
    return image.picture ? pictureHeatmap(found, image, model, classes) : arrayHeatmap(found, image, model, classes);
  } finally {
    await model.close();
  }
}

function anyHeatmap(found: FoundHeat, image: Image, model: PictureModel, shown: readonly HeatClass[]): AnyHeatmap {
  const { heat, network, unit, whole: best } = found;
  const contract = network.contract && describeContract(network.contract);
  return {
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
      const drawing = { alpha, size: whole('size', size) ?? size, colours: colors, bare, unit, caption: words };
      return posterBytes(await drawImage(image, heat.grid, panels, drawing), format);
    },
  };
}

function pictureHeatmap(found: FoundHeat, image: Image, model: PictureModel, classes: HeatmapOptions['classes']): Heatmap {
  const shown = classes === 'all' ? found.heat.classes : found.shown;
  const [rows = NO_AXIS, columns = NO_AXIS] = found.heat.grid;
  const each = shown.map((item) => ({
    index: item.index,
    name: found.name(item),
    map: item.map,
    peak: peak(item.peak),
    peaks: () => item.peaks().map(peak),
  }));
  return { ...anyHeatmap(found, image, model, shown), classes: each, rows, columns };
}

function arrayHeatmap(found: FoundHeat, image: Image, model: PictureModel, classes: HeatmapOptions['classes']): ArrayHeatmap {
  const shown = classes === 'all' ? found.heat.classes : found.shown;
  const { letters } = model;
  const by = <T>(list: readonly (T | undefined)[]): PerPlaces<T> =>
    Object.fromEntries(letters.flatMap((letter, axis) => (list[axis] === undefined ? [] : [[placesName(letter), list[axis]]])));
  const arrayPeak = ({ score, at, place, window, scale }: Peak): ArrayPeak => ({
    score,
    at: by(at),
    place: by(place),
    measured: by(place.map((own, axis): number | undefined => (image.units?.[axis] ? own * (image.units[axis]?.size ?? 1) : undefined))),
    window: { starts: by(window.starts), lengths: by(window.lengths) },
    scale,
  });
  const each = shown.map((item) => ({
    index: item.index,
    name: found.name(item),
    map: item.map,
    peak: arrayPeak(item.peak),
    peaks: () => item.peaks().map(arrayPeak),
  }));
  return { ...anyHeatmap(found, image, model, shown), classes: each, grid: by(found.heat.grid) };
}

const NO_AXIS: GridAxis = { start: 0, step: 1, count: 0 };

const peak = ({ score, at: [row = 0, column = 0], place: [y = 0, x = 0], window, scale }: Peak): HeatPeak => {
  const [[top = 0, left = 0], [height = 0, width = 0]] = [window.starts, window.lengths];
  return { score, row, column, x, y, window: { top, left, height, width }, scale };
};

type ImageInput = PictureInput | ArrayInput;

const isList = (images: ImageInput | readonly ImageInput[]): images is readonly ImageInput[] => Array.isArray(images);
const isArray = (image: ImageInput): image is ArrayInput => typeof image !== 'string' && ('shape' in image || 'file' in image);

/** Opens the image and returns it with its name for messages. Throws CompileError NOT_A_PICTURE and others. */
async function opened(image: ImageInput, model: PictureModel, options: PictureOptions): Promise<readonly [Image, string]> {
  if (!isArray(image)) return pictureFor(await openedPicture(image, options), model);
  const reading = { ...options, page: whole('page', options.page) };
  if ('file' in image) return [await openImage(image.file, model, reading), image.file];
  return [openMemory(image, model, reading), 'the array'];
}

function pictureFor([picture, name]: readonly [Picture, string], model: PictureModel): readonly [Image, string] {
  requirePictures(model);
  return [imageOfPicture(picture), name];
}

async function openedPicture(
  picture: PictureInput,
  { background, black, white, page }: PictureOptions,
): Promise<readonly [Picture, string]> {
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

function strideOf(stride: HeatmapOptions['stride']): HeatmapOptions['stride'] {
  return typeof stride === 'object' ? stride.map((each) => whole('stride', each) ?? each) : whole('stride', stride);
}

const pixelSettings = ({ preset, mean, std, range, channels, normalise }: PictureOptions): PixelSettings => ({
  preset,
  mean,
  std,
  range,
  channels,
  normalise,
});

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
