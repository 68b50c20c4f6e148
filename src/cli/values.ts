/** Parses option values from the text that the user typed. */

import type { SizeRequest } from '../compile/input-size';
import { badOption } from '../diagnostics/catalogue';
import { table } from '../ir/table';
import type { PerOutput, VerifyOptions } from '../verify/bench';
import type { RuntimeChoice } from '../verify/onnx-runner';

const SIZE_FORMS = 'lengths (224x224, 16000, 16x112x112), a shape (1,3,224,224), or an input and its shape (name:1,3,224,224)';

/** `--input-size` and `--fix-size`, which may be given once per input. */
export function inputSize(texts: readonly string[], option = 'input-size'): SizeRequest {
  let lengths: readonly number[] | undefined;
  const shapes = new Map<string, readonly number[]>();
  for (const text of texts) {
    const plain = /^\d+(?:[xX]\d+)*$/.test(text);
    const named = /^(?:(.*):)?\[?(\d+(?:,\d+)+)\]?$/s.exec(text);
    if (plain) lengths = text.split(/[xX]/).map((length) => positive(length, text, option));
    else if (named) {
      shapes.set(
        named[1] ?? '',
        (named[2] ?? '').split(',').map((dim) => positive(dim, text, option)),
      );
    } else throw badOption(option, text, SIZE_FORMS);
  }
  return { lengths, shapes, ...(option !== 'input-size' && { option }) };
}

function positive(digits: string | undefined, text: string, option: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value) || value <= 0) throw badOption(option, text, SIZE_FORMS);
  return value;
}

/** Lists may be given with commas or by repeating the option. */
export function names(texts: readonly string[] | undefined): readonly string[] | undefined {
  const all = texts?.flatMap((text) => text.split(',')).map((name) => name.trim());
  return all?.filter((name) => name !== '');
}

/** Tolerances and seed of a comparison, and the runtime that runs the models. */
export function verifyOptions(args: {
  readonly rtol: readonly string[] | undefined;
  readonly atol: readonly string[] | undefined;
  readonly seed: string | undefined;
  readonly samples: string | undefined;
  readonly verifyBudget: string | undefined;
  readonly runtime: RuntimeChoice;
}): VerifyOptions {
  return {
    rtol: perOutput('rtol', args.rtol),
    atol: perOutput('atol', args.atol),
    seed: wholeNumber('seed', args.seed),
    samples: positiveNumber('samples', args.samples),
    budget: seconds('verify-budget', args.verifyBudget),
    runtime: args.runtime,
  };
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['s', 1],
  ['m', 60],
  ['min', 60],
  ['h', 3600],
]);

/** Parses a duration in seconds: `30s`, `2m`, `90`. */
export function seconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text) ?? [];
  const scale = UNITS.get(unit);
  if (digits === undefined || scale === undefined) throw badOption(option, text, 'a time: 30s, 2m');
  return Number(digits) * scale;
}

/** `1e-4`, `output:1e-4`; or both, for one output and the rest. */
export function perOutput(option: string, texts: readonly string[] | undefined): PerOutput | undefined {
  if (!texts?.length) return undefined;
  const values: Record<string, number> = table({});
  for (const text of texts) {
    const cut = text.lastIndexOf(':');
    const output = cut < 0 ? '' : text.slice(0, cut);
    if (output in values) throw badOption(option, text, `one value for ${output === '' ? 'all outputs' : `output '${output}'`}`);
    values[output] = notNegative(option, cut < 0 ? text : text.slice(cut + 1)) ?? 0;
  }
  const { '': all, ...named } = values;
  return Object.keys(named).length === 0 ? all : values;
}

/** Parses `--map a=b`. */
export function mapping(texts: readonly string[] | undefined): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const text of texts ?? []) {
    const [, from, to] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (from === undefined || to === undefined) throw badOption('map', text, 'original=converted, such as input=images');
    if (map.has(from)) throw badOption('map', text, `one counterpart of '${from}'`);
    map.set(from, to);
  }
  return map;
}

/** Parses `--shard 2/5`. */
export function shardOf(text: string): { readonly index: number; readonly of: number } {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  if (index === undefined || shard.index < 1 || shard.index > shard.of || shard.of > 1e6)
    throw badOption('shard', text, 'i/n with i from 1 to n, such as 2/5');
  return shard;
}

/** `--stride 8`, or one per spatial axis: `2x8x8`. */
export function strides(text: string): number | readonly number[] {
  const each = text.split(/[xX]/).map((number) => {
    if (!/^\d+$/.test(number)) throw badOption('stride', text, 'a whole number, or one for each axis (2x8x8)');
    return wholeNumber('stride', number) ?? 1;
  });
  const [only, ...others] = each;
  return only !== undefined && others.length === 0 ? only : each;
}

/** Parses a count of at least one. */
export function positiveNumber(option: string, text: string | undefined): number | undefined {
  const value = wholeNumber(option, text);
  if (value === 0) throw badOption(option, '0', 'a whole number of at least 1');
  return value;
}

/** Parses a number >= 0, such as a tolerance. */
export function notNegative(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw badOption(option, text, 'a number of at least 0, such as 1e-5');
  return value;
}

/** Parses a fraction: `0.99` or `99%`. */
export function share(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, percent] = /^(\d*\.?\d+|\d+\.)\s*(%?)$/.exec(text) ?? [];
  const value = Number(digits) / (percent ? 100 : 1);
  if (digits === undefined || !(value >= 0 && value <= 1)) throw badOption(option, text, 'a share from 0 to 1, such as 0.99 or 99%');
  return value;
}

/** Parses a cosine, such as 0.999. */
export function cosine(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !(value >= -1 && value <= 1)) throw badOption('cosine', text, 'a cosine from -1 to 1, such as 0.999');
  return value;
}

/** Parses a whole number from 0 to 2^32 - 1, such as a seed. */
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value >= 2 ** 32) throw badOption(option, text, 'a whole number from 0 to 4294967295');
  return value;
}
