/** What the options of the commands that show pictures to a network mean. */
import type { ArgumentsCamelCase, InferredOptionTypes } from 'yargs';
import { badOption, inputSizeNeeded, pictureUnfit, usage } from '../diagnostics/catalogue';
import type { Colour } from '../pictures/colours';
import type { PictureModel } from '../pictures/files/picture-model';
import type { ReadPicture } from '../pictures/files/pictures';
import { type FoundRecipe, findRecipe } from '../pictures/files/recipes';
import { describedFit, type Fit } from '../pictures/fit';
import type { Picture, Size } from '../pictures/picture';
import { preprocessings } from '../pictures/preprocessing';
import type { Recipe } from '../pictures/recipe';
import type { OptionTable } from './options/option';
import type { heatmapOptions, pictureOptions, predictOptions, preprocessingOptions } from './options/pictures';
import { notNegative } from './values';

type Typed<O extends OptionTable> = ArgumentsCamelCase<InferredOptionTypes<O>>;
export type PredictOptions = Typed<typeof predictOptions>;
export type HeatmapOptions = Typed<typeof heatmapOptions>;
type PixelOptions = Typed<typeof pictureOptions>;
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
    if (input) throw inputSizeNeeded(input, ['height', 'width']);
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
