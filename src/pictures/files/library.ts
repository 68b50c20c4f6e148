/** `predict` and `heatmap` as functions: what src/index.ts exports. The command line shares all but the words with them. */
import { describeContract } from '../../analysis/contract';
import type { SizeRequest } from '../../compile/input-size';
import { badOption, usage } from '../../diagnostics/catalogue';
import type { Diagnostic } from '../../diagnostics/compile-error';
import { type PerAxis, type PerPlaces, perAxis, placesName } from '../../ir/spatial';
import type { RuntimeChoice } from '../../verify/runtime/choice';
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
  /** What white becomes before `mean` and `std`: 1, 255, 65535. Arrays: numbers stay as they are unless this is said. */
  readonly range?: number | undefined;
  /** Mean and deviation are those of the image itself: of all its numbers, or of each band. */
  readonly normalise?: 'image' | 'band' | undefined;
  /** Samples a second that the model was made for: recordings of another rate are resampled. Default: what the model states. */
  readonly rate?: number | undefined;
  /** Bands of an array or a TIFF file, or channels of a recording, from 1 in the order in which they are fed; or their mean. */
  readonly bands?: readonly number[] | 'mean' | undefined;
  /** Which array of an .npz archive. */
  readonly array?: string | undefined;
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
  /** Surround an image that is smaller than the window with zeros. Default: false. */
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

/** As src/index.ts says: one picture or array, or a list of them. */
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
  /** Classes to show, by name or index. Default: the class that `predict` names for the whole picture. */
  readonly classes?: readonly (string | number)[] | 'all' | undefined;
  /** The N classes with the highest local peaks instead. */
  readonly top?: number | undefined;
  /** For a classifier: one prediction per window of its size, or per cell of its last feature map (the class activation map). Default: 'auto'. */
  readonly head?: 'auto' | 'window' | 'cell' | undefined;
  /** For a classifier: output stride in pixels, one number or one per axis; must divide the network's own stride. */
  readonly stride?: number | readonly number[] | undefined;
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

/** What is known of any map. */
interface AnyHeatmap {
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
  /** The maps over the picture, curves below a signal, or planes of a volume; as bytes of an image file. */
  draw(options?: DrawOptions): Promise<Uint8Array>;
}

export interface Heatmap extends AnyHeatmap {
  /** In the order asked for, by index for 'all'; else the highest peak first. */
  readonly classes: readonly HeatmapClass[];
  /** The middle of row i is at y = start + i step, in pixels of the picture. */
  readonly rows: GridAxis;
  /** The middle of column j is at x = start + j step, in pixels of the picture. */
  readonly columns: GridAxis;
}

/** Where the map of a class of an array is highest; along the axes that the array has: `{ samples: 4200 }`. */
export interface ArrayPeak {
  readonly score: number;
  /** Cell of the map. */
  readonly at: PerPlaces<number>;
  /** In places of the array. */
  readonly place: PerPlaces<number>;
  /** The same in units, where those are known: seconds of a recording. */
  readonly measured: PerPlaces<number>;
  /** What the network saw there; it may reach beyond. */
  readonly window: { readonly starts: PerPlaces<number>; readonly lengths: PerPlaces<number> };
  readonly scale: number;
}

/** The map of one class of an array. */
export interface ArrayHeatmapClass {
  readonly index: number;
  readonly name: string;
  /** Scores as `grid` has its cells, the last axis fastest. */
  readonly map: Float32Array;
  readonly peak: ArrayPeak;
  /** Every local maximum, the highest first. */
  peaks(): ArrayPeak[];
}

export interface ArrayHeatmap extends AnyHeatmap {
  readonly classes: readonly ArrayHeatmapClass[];
  /** The middle of cell i is at start + i step along its axis: `{ samples: { start, step, count } }`. */
  readonly grid: PerPlaces<GridAxis>;
}

/** As src/index.ts says. */
export async function heatmap(path: string, input: ImageInput, options: HeatmapOptions = {}): Promise<Heatmap | ArrayHeatmap> {
  const top = whole('top', options.top);
  const stride = strideOf(options.stride);
  const { classes, scales, slide = false } = options;
  if (classes !== undefined && top !== undefined) throw usage('top is for the best classes, classes for chosen ones: leave one away');
  if (slide && options.head === 'cell') throw usage("slide runs crops of the window: leave head 'cell' away");
  if (scales && !(scales.length > 0 && scales.every((scale) => scale >= 0.01 && scale <= 16)))
    throw badOption('scales', scales.join(','), 'factors from 0.01 to 16');
  // Pixels are read before the model: what is wrong with them is told first.
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

/** What is shown, and what it is called in messages. Throws CompileError NOT_A_PICTURE and others. */
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
