/** Preprocessing settings of `predict` and `heatmap`: how pictures, recordings and volumes become network inputs. Shared by the command line and the library. */
import { arrayUnfit, badOption, inputSizeNeeded, pictureUnfit, usage } from '../../diagnostics/catalogue';
import { axisName, sizeText } from '../../ir/spatial';
import { partOf } from '../../sources/source';
import { describedFit, type Fit } from '../fit';
import { type Picture, type Size, withChannels } from '../picture';
import { type Encoding, encodingFor, type ImageFormat, momentsOf, preprocessings } from '../preprocessing';
import type { Recipe } from '../recipe';
import { type Image, imageOfPicture } from './image';
import type { PictureModel } from './picture-model';
import { type FoundRecipe, findRecipe } from './recipes';

/** Settings for pixel values. The command line passes them as text. */
export interface PixelSettings {
  readonly preset?: string | undefined;
  readonly mean?: string | number | readonly number[] | undefined;
  readonly std?: string | number | readonly number[] | undefined;
  readonly range?: number | string | undefined;
  readonly channels?: 'rgb' | 'bgr' | undefined;
  /** Normalise by the image's own mean and standard deviation: over all its values, or per band. */
  readonly normalise?: 'image' | 'band' | undefined;
}

export interface FitSettings {
  readonly resize?: string | number | Size | undefined;
  readonly crop?: string | number | Size | undefined;
}

export interface ChosenRecipe extends FoundRecipe {
  /** Short name of the preprocessing, for reports. */
  readonly named: string;
  /** Values of an array are used unscaled, whatever their type. */
  readonly asTheyAre?: boolean | undefined;
}

/** Recipe of a model's pictures: from the settings, otherwise from the model. Throws CompileError BAD_OPTION, USAGE, PREPROCESSING_INVALID. */
export const recipeOf = (args: PixelSettings, model: PictureModel): ChosenRecipe =>
  requireChannels(withOptions(args, findRecipe(args.preset, model), model.image.channels), model);

function requireChannels(changed: ChosenRecipe, { image }: PictureModel): ChosenRecipe {
  // A preset with three numbers does not define greyscale.
  const { mean, std } = changed.recipe;
  if ([mean, std].some((list) => typeof list !== 'string' && list.length !== 1 && list.length !== image.channels))
    throw badOption(
      'preset',
      changed.recipe.from,
      `unit, raw, tensorflow or lecture: the model takes ${image.channels === 1 ? 'grey pictures' : `${image.channels} channels`}`,
    );
  return changed;
}

/**
 * Recipe for an array, whose values need not be pixels: they are used unscaled unless the settings or the model give a range.
 * Throws CompileError as `recipeOf` does.
 */
export function arrayRecipeOf(args: PixelSettings, model: PictureModel): ChosenRecipe {
  const found = findRecipe(args.preset, model);
  if (!found.assumed) return requireChannels(withOptions(args, found, model.image.channels), model);
  const plain: FoundRecipe = { recipe: { ...preprocessings.unit, from: 'as they are' }, assumed: true };
  const chosen = withOptions(args, plain, model.image.channels);
  if (args.range !== undefined) return chosen;
  return { ...chosen, assumed: false, named: chosen.named.replace(/ of 0\.\.1(?=$|,)/, ''), asTheyAre: true };
}

/** Applies --mean, --std, --range, --channels and --normalise to a preset or the model's recipe; without either, to pixels in 0..1. */
export function withOptions(args: PixelSettings, found: FoundRecipe, channels: number): ChosenRecipe {
  const own = args.mean !== undefined || args.std !== undefined || args.range !== undefined;
  const base: Recipe = own && found.assumed ? { ...preprocessings.unit, from: 'unit' } : found.recipe;
  if (args.normalise !== undefined && (args.mean !== undefined || args.std !== undefined))
    throw usage('--normalise measures mean and deviation: omit --mean and --std');
  if (typeof base.mean === 'string' && own && args.normalise === undefined)
    throw usage(`--preset ${base.from} measures mean and deviation: leave --mean, --std and --range away`);
  const mean = numbers('mean', args.mean, channels);
  const std = numbers('std', args.std, channels);
  if (std?.some((value) => value <= 0)) throw badOption('std', String(args.std), 'numbers above 0');
  const range = args.range === undefined ? base.range : Number(args.range);
  if (!(range > 0 && Number.isFinite(range))) throw badOption('range', String(args.range), 'a number above 0: 1, 255 or 65535');
  const recipe: Recipe = {
    ...base,
    range,
    mean: args.normalise ?? mean ?? base.mean,
    std: args.normalise ?? std ?? base.std,
    order: args.channels ?? base.order,
  };
  const measured = args.normalise && `by mean and deviation of ${args.normalise === 'image' ? 'the image' : 'each band'}`;
  const word = measured ?? (own ? `mean ${text(recipe.mean)}, std ${text(recipe.std)} of 0..${recipe.range}` : base.from);
  const isSaid = own || measured !== undefined || args.channels !== undefined;
  const named = channels === 3 && isSaid ? `${word}, ${recipe.order}` : word;
  return { recipe: { ...recipe, from: named }, named, assumed: found.assumed && !isSaid };
}

/** Encoding of values into network inputs. Measures the image's own moments first if the recipe needs them. */
export async function encodingOf({ recipe, asTheyAre }: ChosenRecipe, format: ImageFormat, image: Image): Promise<Encoding> {
  const levels = asTheyAre ? undefined : image.levels;
  const { picture } = image;
  if (typeof recipe.mean !== 'string' || (recipe.mean === 'picture' && picture)) return encodingFor(recipe, format, picture, levels);
  const isGrey = format.channels === 1 || format.channels === 3;
  const measured = picture && isGrey ? imageOfPicture(withChannels(picture, format.channels === 1 ? 1 : 3)) : { ...image, levels };
  return encodingFor(recipe, format, await momentsOf(measured, recipe.mean === 'band'), levels);
}

/** Name of the preprocessing for a report; marks it if it was only assumed. */
export const pixelsText = ({ named, assumed }: ChosenRecipe): string => (assumed ? `${named}, assumed` : named);

/** What to do if an assumed preprocessing is wrong; undefined if it is not assumed. */
export const assumedText = ({ named, assumed }: ChosenRecipe): string | undefined =>
  assumed
    ? `'${named}' is assumed: if the classes look wrong, say how the network's pictures were prepared (--preset, --mean, --std; see --help)`
    : undefined;

const text = (value: Recipe['mean']): string => (typeof value === 'string' ? 'its own' : value.join(' '));

function numbers(option: string, given: PixelSettings['mean'], channels: number): readonly number[] | undefined {
  if (given === undefined) return undefined;
  const list = String(given)
    .split(',')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!list.every(Number.isFinite) || (list.length !== 1 && list.length !== channels))
    throw badOption(option, String(given), channels === 1 ? 'one number' : `one number, or ${channels} with commas between`);
  return list;
}

/** Resizing and cropping of a picture for the model. `isMap`: any size is accepted. Throws CompileError PICTURE_UNFIT, INPUT_SIZE_NEEDED. */
export function fitOf(args: FitSettings, model: PictureModel, isMap: boolean, recipe?: Recipe): Fit {
  const described = isMap ? undefined : recipe;
  const size = described?.crop === 'none' ? described.resize : described?.crop;
  const target = sizeIn(model.fixed) ?? (isMap ? undefined : (sizeIn(model.window) ?? (size instanceof Object ? size : undefined)));
  const usual: Fit = target ? describedFit(target, described) : { resize: 'none', crop: 'none' };
  const resize = args.resize === undefined ? undefined : resizeOption(args.resize);
  const crop = args.crop === undefined ? undefined : cropOption(args.crop);
  if (!target && !isMap && resize === undefined && crop === undefined) {
    const input = model.model?.graph.inputs[0];
    if (input) throw inputSizeNeeded(input, ['height', 'width']);
  }
  return {
    // An explicit crop applies to the unscaled picture, unless a resize is given too.
    resize: resize ?? (crop === undefined ? usual.resize : 'none'),
    crop: crop ?? usual.crop,
    filter: recipe?.filter,
  };
}

const sizeIn = (lengths: readonly number[] | undefined): Size | undefined => {
  const [height, width] = lengths ?? [];
  return height === undefined || width === undefined ? undefined : { height, width };
};

/** Fits an array to the model: all of it, or its middle with --crop. Throws CompileError ARRAY_UNFIT, BAD_OPTION, USAGE. */
export function fitArray({ resize, crop }: FitSettings, model: PictureModel, image: Image, isMap: boolean, file: string): Image {
  if (resize !== undefined && resize !== 'none') throw usage('arrays are not scaled: omit --resize', 'predict');
  const { lengths } = image;
  const size = crop === undefined || crop === 'none' ? lengths : cropLengths(crop, lengths.length);
  const axes = model.letters.map(axisName);
  if (size.some((length, axis) => length > (lengths[axis] ?? 0))) throw arrayUnfit(file, axes, lengths, size, '--crop');
  const target = isMap ? undefined : model.fixed;
  if (target?.some((length, axis) => length < (size[axis] ?? 0))) throw arrayUnfit(file, axes, size, target, undefined);
  const starts = size.map((length, axis) => Math.floor(((lengths[axis] ?? length) - length) / 2));
  return { ...image, ...partOf(image, { starts, lengths: size }) };
}

function cropLengths(crop: string | number | Size, axes: number): readonly number[] {
  const given = typeof crop === 'object' ? sizeText([crop.height, crop.width]) : String(crop);
  const list = given.split(/[xX]/).map(Number);
  if (!/^[1-9]\d{0,9}(?:[xX][1-9]\d{0,9})*$/.test(given) || (list.length !== 1 && list.length !== axes))
    throw badOption('crop', given, axes === 1 ? 'a number of samples' : `one length, or ${axes} with x between`);
  return list.length === 1 ? Array.from({ length: axes }, () => list[0] ?? 1) : list;
}

/** Throws CompileError PICTURE_UNFIT if the crop is larger than the picture, or the model has a fixed size and the picture another one. */
export function requireFit(fitted: Picture | undefined, scaled: Size, crop: Fit['crop'], model: PictureModel, file: string): Picture {
  const fixed = sizeIn(model.fixed);
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
