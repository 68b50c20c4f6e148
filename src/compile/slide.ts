/**
 * Determines the axes of its images along which a network slides: every one that it can, or the requested ones (`--slide`).
 *
 * A network slides along an axis if the conversion with all other axes fixed succeeds: any obstacle (parameters that differ from position to position,
 * attention, sizes that cannot be freed) is found by the same requirements that otherwise refuse the network. A network that slides along all its axes is
 * converted once. Otherwise each axis is tried alone, then all sets of axes, the largest first; the others keep their length, and the reason is reported.
 */
import { type ImageAxis, slideNote, unknownAxis } from '../diagnostics/catalogue';
import { CompileError, type Location } from '../diagnostics/compile-error';
import { imageInputs, type Roles } from '../ir/axis-roles';
import { namesOf } from '../ir/dims';
import type { Model } from '../ir/model';
import { type AxisName, axisName, isLetter, LETTERS, type Letter } from '../ir/spatial';
import type { Value } from '../ir/types';

/** An axis along which a network does not slide, with the reason. */
export interface TiedAxis {
  readonly axis: AxisName;
  /** Continues "it does not slide along the axis: ...". */
  readonly reason: string;
  /** Location of the obstacle; undefined if the axis was not requested to slide. */
  readonly at: Location | undefined;
}

/** Converts with these axes sliding. Throws CompileError if that is not possible. */
type Convert<T> = (sliding: readonly Letter[], isTrial: boolean) => T;

export interface Slid<T> {
  readonly result: T;
  readonly tied: readonly TiedAxis[];
}

/** Refusals about the positions of a map, which may concern one axis alone. */
const ABOUT_PLACES: readonly string[] = ['CANNOT_SLIDE', 'NOT_CONVERTIBLE'];

/** Converts along the `wanted` axes, given by names or indices; undefined: along every axis that can slide. */
export function alongAxes<T>(source: Model, wanted: readonly string[] | undefined, convert: Convert<T>): Slid<T> {
  const [image] = imageInputs(source.graph);
  const letters = image ? lettersIn(image[1]) : [];
  if (wanted && image) return asked(image, letters, wanted, convert);
  // A converted model slides along the same axes as before.
  const before = letters.filter((letter) => !source.graph.tied.has(letter));
  if (before.length < letters.length) return { result: convert(before, false), tied: stated(letters, before) };
  try {
    return { result: convert(letters, false), tied: [] };
  } catch (error) {
    if (letters.length < 2 || !isAboutPlaces(error)) throw error;
    return some(letters, error, convert);
  }
}

const lettersIn = (roles: Roles): readonly Letter[] => LETTERS.filter((letter) => roles.includes(letter));
const isAboutPlaces = (error: unknown): error is CompileError => error instanceof CompileError && ABOUT_PLACES.includes(error.code);

function asked<T>(
  [input, roles]: readonly [Value, Roles],
  letters: readonly Letter[],
  wanted: readonly string[],
  convert: Convert<T>,
): Slid<T> {
  const axes = letters.map((letter): ImageAxis => ({ name: axisName(letter), index: roles.indexOf(letter) }));
  const named = wanted.flatMap((text) => axisNamed(text, [input, roles], letters) ?? []);
  // The time axis of a spectrogram, which its file may not identify: it is the axis that can slide.
  const open = wanted.filter((text) => axisNamed(text, [input, roles], letters) === undefined);
  const [unknown] = open;
  const found = unknown === undefined ? [] : unknown.toLowerCase() === 'time' && named.length === 0 ? alone(letters, convert).sliding : [];
  if (unknown !== undefined && (open.length > 1 || found.length !== 1)) throw unknownAxis(unknown, input, axes, found.map(axisName));
  const sliding = letters.filter((letter) => named.includes(letter) || found.includes(letter));
  try {
    return { result: convert(sliding, false), tied: stated(letters, sliding) };
  } catch (error) {
    if (!isAboutPlaces(error)) throw error;
    const { diagnostic } = error;
    throw new CompileError({ ...diagnostic, notes: [...(diagnostic.notes ?? []), slideNote(sliding.map(axisName), axes)] });
  }
}

const stated = (letters: readonly Letter[], sliding: readonly Letter[]): TiedAxis[] =>
  letters
    .filter((letter) => !sliding.includes(letter))
    .map((letter) => ({ axis: axisName(letter), reason: 'it was not asked to', at: undefined }));

/** The spatial axes with these names; names of no axis are ignored. */
export function lettersNamed(source: Model, wanted: readonly string[]): readonly Letter[] {
  const [image] = imageInputs(source.graph);
  return image ? wanted.flatMap((text) => axisNamed(text, image, lettersIn(image[1])) ?? []) : [];
}

/** Finds an axis by its name, by its index among the axes of the input, or by the symbol that the file uses for its length. */
function axisNamed(text: string, [input, roles]: readonly [Value, Roles], letters: readonly Letter[]): Letter | undefined {
  const wanted = text.toLowerCase();
  const named = letters.find((letter) => axisName(letter) === wanted);
  if (named) return named;
  const at = /^-?\d+$/.test(text) ? Number(text) : -1 - roles.length;
  const role = roles[at < 0 ? at + roles.length : at];
  if (isLetter(role)) return role;
  const symbol = input.type?.shape?.findIndex((dim) => [...namesOf(dim)].some((name) => name === text || name.toLowerCase() === wanted));
  const own = symbol === undefined ? undefined : roles[symbol];
  return isLetter(own) ? own : undefined;
}

interface Alone {
  readonly sliding: readonly Letter[];
  readonly refusals: ReadonlyMap<Letter, CompileError>;
}

/** Determines which axes slide if all others are fixed. */
function alone<T>(letters: readonly Letter[], convert: Convert<T>): Alone {
  const refusals = new Map<Letter, CompileError>();
  const sliding = letters.filter((letter) => {
    try {
      convert([letter], true);
      return true;
    } catch (error) {
      if (!isAboutPlaces(error)) throw error;
      refusals.set(letter, error);
      return false;
    }
  });
  return { sliding, refusals };
}

/** Finds the largest set of axes that can slide together, outer ones first. `refusal`: the error with all of them. */
function some<T>(letters: readonly Letter[], refusal: CompileError, convert: Convert<T>): Slid<T> {
  const { refusals } = alone(letters, convert);
  // Also axes that do not slide alone: a map that has lost one axis may need both others.
  const sets = subsetsOf(letters).filter(
    (set) => set.length > 0 && set.length < letters.length && !(set.length === 1 && set.every((letter) => refusals.has(letter))),
  );
  let together = refusal;
  for (const set of sets) {
    try {
      // A trial first: only a conversion that succeeds calls the hooks. Single axes have been tried already.
      if (set.length > 1) convert(set, true);
    } catch (error) {
      if (!isAboutPlaces(error)) throw error;
      together = error;
      continue;
    }
    const tied = letters
      .filter((letter) => !set.includes(letter))
      .map((letter): TiedAxis => {
        const own = refusals.get(letter) ?? together;
        return { axis: axisName(letter), reason: reasonOf(own), at: own.diagnostic.at };
      });
    return { result: convert(set, false), tied };
  }
  throw refusal;
}

/** All subsets, larger ones first, then those of outer axes. */
const subsetsOf = (letters: readonly Letter[]): (readonly Letter[])[] =>
  Array.from({ length: 2 ** letters.length }, (_, set) => letters.filter((__, at) => (set >> at) & 1)).sort(
    (a, b) => b.length - a.length || letters.indexOf(a[0] ?? 'W') - letters.indexOf(b[0] ?? 'W'),
  );

/** Text after "this network cannot slide over a larger image:". */
const reasonOf = ({ diagnostic: { message } }: CompileError): string =>
  message.replace(/^this network cannot slide over a larger image: /, '');
