/** How pictures become what a network takes: settings of `predict` and `heatmap`, of the command line and of the library. */
import { badOption, inputSizeNeeded, pictureUnfit, usage } from '../../diagnostics/catalogue';
import { describedFit, type Fit } from '../fit';
import type { Picture, Size } from '../picture';
import { preprocessings } from '../preprocessing';
import type { Recipe } from '../recipe';
import type { PictureModel } from './picture-model';
import { type FoundRecipe, findRecipe } from './recipes';

/** What is said about pixels; the command line says it in text. */
export interface PixelSettings {
  readonly preset?: string | undefined;
  readonly mean?: string | number | readonly number[] | undefined;
  readonly std?: string | number | readonly number[] | undefined;
  readonly range?: 1 | 255 | '1' | '255' | undefined;
  readonly channels?: 'rgb' | 'bgr' | undefined;
}

export interface FitSettings {
  readonly resize?: string | number | Size | undefined;
  readonly crop?: string | number | Size | undefined;
}

export interface ChosenRecipe extends FoundRecipe {
  /** The pixels in a word. */
  readonly named: string;
}

/** How a model wants its pictures: as the settings say, else as the model does. Throws CompileError BAD_OPTION, USAGE, PREPROCESSING_INVALID. */
export function recipeOf(args: PixelSettings, model: PictureModel): ChosenRecipe {
  const { image } = model;
  const found = findRecipe(args.preset, model);
  const changed = withOptions(args, found, image.channels);
  // A preset of three numbers says nothing about grey.
  if (image.channels === 1 && [changed.recipe.mean, changed.recipe.std].some((list) => list !== 'picture' && list.length === 3))
    throw badOption('preset', changed.recipe.from, 'unit, raw, tensorflow or lecture: the model takes grey pictures');
  return changed;
}

/** What --mean, --std, --range and --channels change: a preset, what the file says, else pixels of 0..1. */
export function withOptions(args: PixelSettings, found: FoundRecipe, channels: number): ChosenRecipe {
  const own = args.mean !== undefined || args.std !== undefined || args.range !== undefined;
  const base: Recipe = own && found.assumed ? { ...preprocessings.unit, from: 'unit' } : found.recipe;
  if (base.mean === 'picture' && own) throw usage('--preset lecture measures mean and deviation: leave --mean, --std and --range away');
  const mean = numbers('mean', args.mean, channels);
  const std = numbers('std', args.std, channels);
  if (std?.some((value) => value <= 0)) throw badOption('std', String(args.std), 'numbers above 0');
  const recipe: Recipe = {
    ...base,
    range: args.range === undefined ? base.range : Number(args.range) === 1 ? 1 : 255,
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

function numbers(option: string, given: PixelSettings['mean'], channels: number): readonly number[] | undefined {
  if (given === undefined) return undefined;
  const list = String(given)
    .split(',')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!list.every(Number.isFinite) || (list.length !== 1 && list.length !== channels))
    throw badOption(option, String(given), channels === 1 ? 'one number' : `one number, or ${channels} with commas between`);
  return list;
}

/** A picture as the model takes it. `isMap`: any size will do. Throws CompileError PICTURE_UNFIT, INPUT_SIZE_NEEDED. */
export function fitOf(args: FitSettings, model: PictureModel, isMap: boolean, recipe?: Recipe): Fit {
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

export const resizeOption = (text: string | number | Size): Fit['resize'] => sizeOption('resize', text);

export function cropOption(text: string | number | Size): Fit['crop'] {
  const crop = sizeOption('crop', text);
  return typeof crop === 'number' ? { height: crop, width: crop } : crop;
}

function sizeOption(option: string, given: string | number | Size): number | Size | 'none' {
  if (given === 'none') return 'none';
  const text = typeof given === 'object' ? `${given.height}x${given.width}` : String(given);
  const [, height, width] = /^([1-9]\d{0,4})(?:[xX]([1-9]\d{0,4}))?$/.exec(text) ?? [];
  if (height === undefined) throw badOption(option, text, 'a number of pixels (256), height and width (224x224), or none');
  return width === undefined ? Number(height) : { height: Number(height), width: Number(width) };
}
