/** Options of the commands that show pictures to a network, and what they mean. */
import type { ArgumentsCamelCase, InferredOptionTypes, Options } from 'yargs';
import { badOption, inputSizeNeeded, pictureUnfit, usage } from '../diagnostics/catalogue';
import { COLOUR_MAPS, type Colour } from '../pictures/colours';
import type { PictureModel } from '../pictures/files/picture-model';
import type { ReadPicture } from '../pictures/files/pictures';
import { type FoundRecipe, findRecipe } from '../pictures/files/recipes';
import { describedFit, type Fit } from '../pictures/fit';
import type { Picture, Size } from '../pictures/picture';
import { preprocessings } from '../pictures/preprocessing';
import type { Recipe } from '../pictures/recipe';
import { runtimeOption } from './runtime-option';
import { notNegative } from './values';

/** How pixels become numbers: options of `predict`, `heatmap` and `convert`. */
export const preprocessingOptions = {
  preset: {
    type: 'string',
    requiresArg: true,
    describe:
      'How pixels become numbers: torchvision (0..1, mean and deviation of ImageNet), tensorflow (-1..1), caffe (BGR, 0..255 minus 104, 117, 123), raw (0..255), unit (0..1), lecture (0.5 + 0.5 (x - mean) / std of the picture), a model of torchvision or timm (ResNet50_Weights.IMAGENET1K_V2, resnet50.a1_in1k), or a file (preprocessor_config.json). By default what the model says; else torchvision, for [N, H, W, C] tensorflow, for grey unit, for integers raw',
  },
  mean: {
    type: 'string',
    requiresArg: true,
    describe: 'Subtract this, in units of --range: one number, or one per channel as fed: 0.485,0.456,0.406',
  },
  std: { type: 'string', requiresArg: true, describe: 'Then divide by this: one number, or one per channel as fed' },
  range: {
    choices: ['1', '255'] as const,
    describe: 'Pixels are 0..1 or 0..255 before --mean and --std. By default as in the preset, 1 without one',
  },
  channels: { choices: ['rgb', 'bgr'] as const, describe: 'Order in which channels are fed. By default as in the preset' },
} as const satisfies Record<string, Options>;

const pixels = {
  labels: {
    type: 'string',
    requiresArg: true,
    describe:
      'Names of the classes: imagenet (built in), or a file: one per line, JSON, a Python dictionary. By default those in the model, if any',
  },
  ...preprocessingOptions,
  black: { type: 'string', requiresArg: true, describe: 'Number in the picture file that is black, for more than 8 bits. By default 0' },
  white: { type: 'string', requiresArg: true, describe: 'Number in the picture file that is white: 4095 for 12 bits' },
  levels: { type: 'string', requiresArg: true, describe: 'Black and white by shares of the pixels instead: 1%,99%' },
  page: { type: 'string', requiresArg: true, describe: 'Page of a file with several, from 1' },
  background: { type: 'string', requiresArg: true, default: '#ffffff', describe: 'Color behind transparent parts: #rrggbb' },
  softmax: { type: 'boolean', default: false, describe: 'Turn scores into probabilities, where the model has not done so' },
  'output-name': { type: 'string', requiresArg: true, describe: 'Output of the model that has the scores. By default the first that may' },
  'input-size': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Size of image that the network was made for, where the file does not say: 224x224',
  },
  tile: {
    type: 'string',
    requiresArg: true,
    default: 'auto',
    describe:
      'Pixels on a side of the tiles in which large pictures go through a network that gives maps; auto: by --memory; none: in one piece',
  },
  memory: { type: 'string', requiresArg: true, default: '1', describe: 'Gigabytes that may lie between the layers, for --tile auto' },
  ...runtimeOption,
  pad: { type: 'boolean', default: false, describe: 'Surround a picture that is smaller than the window with zeros' },
  'allow-symlinks': { type: 'boolean', default: false, describe: 'Follow symbolic links to external data, as in a Hugging Face cache' },
} as const satisfies Record<string, Options>;

export const predictOptions = {
  ...pixels,
  'tfjs-backend': {
    choices: ['wasm', 'node'] as const,
    default: 'wasm' as const,
    describe: 'What runs a TensorFlow.js model: WebAssembly, or @tensorflow/tfjs-node where that is installed',
  },
  top: { type: 'string', requiresArg: true, default: '5', describe: 'How many classes to print' },
  resize: {
    type: 'string',
    requiresArg: true,
    describe: 'N: the shorter side becomes N pixels; HxW: stretched; none. By default 8/7 of the size of the network, none for maps',
  },
  crop: {
    type: 'string',
    requiresArg: true,
    describe: 'Then cut N or HxW pixels from the middle; none. By default the size of the network, none for maps',
  },
  combine: {
    choices: ['mean', 'max'] as const,
    default: 'mean' as const,
    describe: 'For networks that give maps: the mean of all cells, or the highest score of any',
  },
} as const satisfies Record<string, Options>;

export const heatmapOptions = {
  output: {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    describe: 'Picture to write: .png, .jpg or .webp. By default PICTURE-heatmap.png',
  },
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace outputs that exist' },
  class: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Class to show, by name or index; repeat it for a grid. By default what predict says of the whole picture',
  },
  top: {
    type: 'string',
    requiresArg: true,
    describe: 'Show the N classes with the highest local peaks instead, as a grid: what is surest somewhere, not what the picture is',
  },
  scales: {
    type: 'string',
    requiresArg: true,
    default: 'auto',
    describe:
      'Sizes at which the picture is run: 0.5,0.7,1,1.4. auto: from the one at which the window sees the whole picture to one at which it sees a quarter',
  },
  flip: { type: 'boolean', default: false, describe: 'Also run its mirror image' },
  combine: {
    choices: ['mean', 'max'] as const,
    default: 'mean' as const,
    describe: 'How scales and mirror images come together, cell by cell',
  },
  head: {
    choices: ['auto', 'window', 'cell'] as const,
    default: 'auto' as const,
    describe:
      'For a classifier, which is converted on the fly: a prediction per window of its size, or per cell of its last feature map (the class activation map, CAM). auto: cell where a map of windows would be coarse',
  },
  stride: {
    type: 'string',
    requiresArg: true,
    describe: "For a classifier: output stride in pixels; must divide the network's own stride (smaller = finer map)",
  },
  slide: {
    choices: ['peaks', 'all'] as const,
    describe: 'Run the network itself on crops, which is exact and slow: for the peaks only, to compare, or for all windows',
  },
  map: {
    type: 'string',
    requiresArg: true,
    describe: 'Also write the numbers: .npy, float32 [classes, rows, columns], of the classes of --class in this order, else of all',
  },
  'all-peaks': {
    type: 'string',
    requiresArg: true,
    describe: 'Also write every local maximum of the classes shown to this file: .csv',
  },
  alpha: { type: 'string', requiresArg: true, default: '0.7', describe: 'How much of the picture the hottest color hides, 0 to 1' },
  size: {
    type: 'string',
    requiresArg: true,
    default: '1200',
    describe: 'Pixels on the longer side of what is drawn, about; letters grow with it',
  },
  colors: { choices: COLOUR_MAPS, default: 'turbo' as const, describe: 'Color map' },
  bare: { type: 'boolean', default: false, describe: 'The photograph and its colors alone, in its own size: no title, legend, frame' },
  ...pixels,
} as const satisfies Record<string, Options>;

type Typed<O extends Record<string, Options>> = ArgumentsCamelCase<InferredOptionTypes<O>>;
export type PredictOptions = Typed<typeof predictOptions>;
export type HeatmapOptions = Typed<typeof heatmapOptions>;
type PixelOptions = Typed<typeof pixels>;
export type PreprocessingArgs = Typed<typeof preprocessingOptions>;

export interface ChosenRecipe extends FoundRecipe {
  /** The pixels in a word. */
  readonly named: string;
}

/** How a model wants its pictures: as the command line says, else as the model does. Throws CompileError BAD_OPTION, USAGE, PREPROCESSING_INVALID. */
export function recipeOf(args: PixelOptions, model: PictureModel): ChosenRecipe {
  const { image } = model;
  const found = findRecipe(args.preset, model);
  const changed = withOptions(args, found, image.channels);
  // A preset of three numbers says nothing about grey.
  if (image.channels === 1 && [changed.recipe.mean, changed.recipe.std].some((list) => list !== 'picture' && list.length === 3))
    throw badOption('preset', changed.recipe.from, 'unit, raw, tensorflow or lecture: the model takes grey pictures');
  return changed;
}

/** What --mean, --std, --range and --channels change: a preset, what the file says, else pixels of 0..1. */
export function withOptions(args: PreprocessingArgs, found: FoundRecipe, channels: number): ChosenRecipe {
  const own = args.mean !== undefined || args.std !== undefined || args.range !== undefined;
  const base: Recipe = own && found.assumed ? { ...preprocessings.unit, from: 'unit' } : found.recipe;
  if (base.mean === 'picture' && own) throw usage('--preset lecture measures mean and deviation: leave --mean, --std and --range away');
  const mean = numbers('mean', args.mean, channels);
  const std = numbers('std', args.std, channels);
  if (std?.some((value) => value <= 0)) throw badOption('std', args.std ?? '', 'numbers above 0');
  const recipe: Recipe = {
    ...base,
    range: args.range === undefined ? base.range : args.range === '1' ? 1 : 255,
    mean: mean ?? base.mean,
    std: std ?? base.std,
    order: args.channels ?? base.order,
  };
  const word = own ? `mean ${text(recipe.mean)}, std ${text(recipe.std)} of 0..${recipe.range}` : base.from;
  const named = channels === 3 && (own || args.channels !== undefined) ? `${word}, ${recipe.order}` : word;
  return { recipe: { ...recipe, from: named }, named, assumed: found.assumed && !own && args.channels === undefined };
}

/** How the pixels are named in a report: what was only assumed is said to be. */
export const pixelsText = ({ named, assumed }: ChosenRecipe): string => (assumed ? `${named}, assumed` : named);

const text = (value: Recipe['mean']): string => (typeof value === 'string' ? value : value.join(' '));

function numbers(option: string, text: string | undefined, channels: number): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const list = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!list.every(Number.isFinite) || (list.length !== 1 && list.length !== channels))
    throw badOption(option, text, channels === 1 ? 'one number' : `one number, or ${channels} with commas between`);
  return list;
}

/** A picture as the model takes it. `isMap`: any size will do. Throws CompileError PICTURE_UNFIT, INPUT_SIZE_NEEDED. */
export function fitOf(args: Pick<PredictOptions, 'resize' | 'crop'>, model: PictureModel, isMap: boolean, recipe?: Recipe): Fit {
  const described = isMap ? undefined : recipe;
  const size = described?.crop === 'none' ? described.resize : described?.crop;
  const target = model.fixed ?? (isMap ? undefined : (model.window ?? (size instanceof Object ? size : undefined)));
  const usual: Fit = target ? describedFit(target, described) : { resize: 'none', crop: 'none' };
  const resize = args.resize === undefined ? undefined : resizeOption(args.resize);
  const crop = args.crop === undefined ? undefined : cropOption(args.crop);
  if (!target && !isMap && resize === undefined && crop === undefined) {
    const input = model.model?.graph.inputs[0];
    if (input) throw inputSizeNeeded(input);
  }
  return {
    // A crop of one's own is of the picture as it is, unless it is to be scaled first.
    resize: resize ?? (crop === undefined ? usual.resize : 'none'),
    crop: crop ?? usual.crop,
    filter: recipe?.filter,
  };
}

/** Throws CompileError PICTURE_UNFIT where a model of one size gets another. */
export function requireFit(fitted: Picture | undefined, scaled: Size, crop: Fit['crop'], { fixed }: PictureModel, file: string): Picture {
  if (!fitted) throw pictureUnfit(file, scaled, crop === 'none' ? scaled : crop);
  if (fixed && (fitted.height !== fixed.height || fitted.width !== fixed.width)) throw pictureUnfit(file, fitted, fixed);
  return fitted;
}

export const resizeOption = (text: string): Fit['resize'] => sizeOption('resize', text);

export function cropOption(text: string): Fit['crop'] {
  const crop = sizeOption('crop', text);
  return typeof crop === 'number' ? { height: crop, width: crop } : crop;
}

function sizeOption(option: string, text: string): number | Size | 'none' {
  if (text === 'none') return 'none';
  const [, height, width] = /^([1-9]\d{0,4})(?:[xX]([1-9]\d{0,4}))?$/.exec(text) ?? [];
  if (height === undefined) throw badOption(option, text, 'a number of pixels (256), height and width (224x224), or none');
  return width === undefined ? Number(height) : { height: Number(height), width: Number(width) };
}

export function colour(text: string): Colour {
  const [, red = '', green = '', blue = ''] = /^#?([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(text) ?? [];
  if (red === '') throw badOption('background', text, 'a color such as #ffffff');
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
}

/** How the numbers of picture files become bytes. Throws CompileError BAD_OPTION, USAGE. */
export function levelsOf({ black, white, levels, page }: Pick<PixelOptions, 'black' | 'white' | 'levels' | 'page'>): ReadPicture {
  if (levels !== undefined && (black !== undefined || white !== undefined))
    throw usage('--levels says what is black and white: leave --black and --white away');
  const [, low, high] = /^(\d+(?:\.\d+)?)%,(\d+(?:\.\d+)?)%$/.exec(levels ?? '') ?? [];
  const shares = low === undefined ? undefined : ([Number(low) / 100, Number(high) / 100] as const);
  if (levels !== undefined && (!shares || shares[0] >= shares[1] || shares[1] > 1))
    throw badOption('levels', levels, 'two shares, such as 1%,99%');
  const number = (option: string, text: string | undefined): number | undefined => {
    if (text !== undefined && (text.trim() === '' || !Number.isFinite(Number(text)))) throw badOption(option, text, 'a number');
    return text === undefined ? undefined : Number(text);
  };
  return {
    black: number('black', black),
    white: number('white', white),
    shares,
    page: page === undefined ? undefined : positive('page', page),
  };
}

export function tileChoice({ tile, memory }: Pick<PixelOptions, 'tile' | 'memory'>): {
  readonly tile: number | 'auto' | 'none';
  readonly memory: number;
} {
  return { tile: tile === 'auto' || tile === 'none' ? tile : positive('tile', tile), memory: above('memory', memory) * 1e9 };
}

/** A whole number from 1. */
export function positive(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw badOption(option, text, 'a whole number of at least 1');
  return Number(text);
}

const above = (option: string, text: string): number => {
  const value = notNegative(option, text) ?? 0;
  if (value === 0) throw badOption(option, text, 'a number above 0');
  return value;
};

export function share(option: string, text: string): number {
  const value = notNegative(option, text) ?? 0;
  if (value > 1) throw badOption(option, text, 'a number from 0 to 1');
  return value;
}

/** undefined: to be chosen. */
export function scaleList(text: string): readonly number[] | undefined {
  if (text === 'auto') return undefined;
  const list = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!list.every((scale) => scale >= 0.01 && scale <= 16))
    throw badOption('scales', text, 'auto, or factors from 0.01 to 16 with commas between: 0.5,1,2');
  return [...new Set(list)];
}
