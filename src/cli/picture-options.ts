/** Interprets the options of the commands that run a network on pictures. */
import type { ArgumentsCamelCase, InferredOptionTypes } from 'yargs';
import { badOption, usage } from '../diagnostics/catalogue';
import type { Colour } from '../pictures/colours';
import type { ShownOptions } from '../pictures/files/arrays';
import type { ReadPicture } from '../pictures/files/pictures';
import type { OptionTable } from './options/option';
import type { heatmapOptions, pictureOptions, predictOptions } from './options/pictures';
import { notNegative } from './values';

type Typed<O extends OptionTable> = ArgumentsCamelCase<InferredOptionTypes<O>>;
export type PredictOptions = Typed<typeof predictOptions>;
export type HeatmapOptions = Typed<typeof heatmapOptions>;
type PixelOptions = Typed<typeof pictureOptions>;

export function colour(text: string): Colour {
  const [, red = '', green = '', blue = ''] = /^#?([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(text) ?? [];
  if (red === '') throw badOption('background', text, 'a color such as #ffffff');
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
}

/** Conversion of a picture file's values to bytes. Throws CompileError BAD_OPTION, USAGE. */
export function levelsOf({ black, white, levels, page }: Pick<PixelOptions, 'black' | 'white' | 'levels' | 'page'>): ReadPicture {
  if (levels !== undefined && (black !== undefined || white !== undefined))
    throw usage('--levels says what is black and white: omit --black and --white');
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

/** Options for reading images from their files. Throws CompileError BAD_OPTION, USAGE. */
export function readingOf(args: PixelOptions): ShownOptions {
  return {
    ...levelsOf(args),
    background: colour(args.background),
    bands: bandList(args.bands),
    array: args.array,
    rate: args.rate === undefined ? undefined : positive('rate', args.rate),
    range: args.range,
    normalise: args.normalise,
    preset: args.preset,
  };
}

function bandList(text: string | undefined): readonly number[] | 'mean' | undefined {
  if (text === undefined || text === 'mean') return text;
  if (!/^[1-9]\d*(?:,[1-9]\d*)*$/.test(text)) throw badOption('bands', text, 'numbers from 1 with commas between (4,3,2), or mean');
  return text.split(',').map(Number);
}

/** `--stride`: one number for all axes, or one per axis. */
export function strides(text: string | undefined): number | readonly number[] | undefined {
  const list = text?.split(/[xX]/).map((part) => positive('stride', part));
  return list?.length === 1 ? list[0] : list;
}

export function tileChoice({ tile, memory }: Pick<PixelOptions, 'tile' | 'memory'>): {
  readonly tile: number | 'auto' | 'none';
  readonly memory: number;
} {
  return { tile: tile === 'auto' || tile === 'none' ? tile : positive('tile', tile), memory: above('memory', memory) * 1e9 };
}

/** Parses a positive whole number. */
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

/** undefined: chosen automatically. */
export function scaleList(text: string): readonly number[] | undefined {
  if (text === 'auto') return undefined;
  const list = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!list.every((scale) => scale >= 0.01 && scale <= 16))
    throw badOption('scales', text, 'auto, or factors from 0.01 to 16 with commas between: 0.5,1,2');
  return [...new Set(list)];
}
