/** Values of options, from the text that the user typed. */
import { badOption } from '../diagnostics/catalogue';
import type { SizeRequest } from '../input-size';
import type { VerifyOptions } from '../verify/equivalence';

const SIZE_FORMS = 'HxW (224x224), a shape (1,3,224,224), or an input and its shape (name:1,3,224,224)';

/** `--input-size`, which may be given once per input. */
export function inputSize(texts: readonly string[]): SizeRequest {
  let hw: readonly [number, number] | undefined;
  const shapes = new Map<string, readonly number[]>();
  for (const text of texts) {
    const plain = /^(\d+)(?:[xX](\d+))?$/.exec(text);
    const named = /^(?:(.*):)?\[?(\d+(?:,\d+)+)\]?$/s.exec(text);
    if (plain) {
      const height = positive(plain[1], text);
      hw = [height, plain[2] === undefined ? height : positive(plain[2], text)];
    } else if (named) {
      shapes.set(
        named[1] ?? '',
        (named[2] ?? '').split(',').map((dim) => positive(dim, text)),
      );
    } else throw badOption('input-size', text, SIZE_FORMS);
  }
  return { hw, shapes };
}

function positive(digits: string | undefined, text: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value) || value <= 0) throw badOption('input-size', text, SIZE_FORMS);
  return value;
}

/** Lists may be written with commas or by repeating the option. */
export function names(texts: readonly string[] | undefined): readonly string[] | undefined {
  const all = texts?.flatMap((text) => text.split(',')).map((name) => name.trim());
  return all?.filter((name) => name !== '');
}

/** Tolerances and seed of a comparison. */
export function verifyOptions(args: {
  readonly rtol: string | undefined;
  readonly atol: string | undefined;
  readonly seed: string | undefined;
}): VerifyOptions {
  return { rtol: notNegative('rtol', args.rtol), atol: notNegative('atol', args.atol), seed: wholeNumber('seed', args.seed) };
}

/** A number >= 0, such as a tolerance. */
export function notNegative(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw badOption(option, text, 'a number of at least 0, such as 1e-5');
  return value;
}

/** A whole number from 0 to 2^32 - 1, such as a seed. */
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value >= 2 ** 32) throw badOption(option, text, 'a whole number from 0 to 4294967295');
  return value;
}
