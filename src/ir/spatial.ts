/**
 * The axes of an image along which windows slide: one (a signal), two (an image) or three (a volume, a video). Everything that is said per axis is a list in
 * this order, or an object by these names; nothing knows how many there are.
 */

/** The role of a spatial axis, one letter. */
export type Letter = 'T' | 'D' | 'H' | 'W';
/** The axis, as it is named in shapes and options. */
export type AxisName = 'time' | 'depth' | 'height' | 'width';
/** What is counted along the axis. */
export type PlacesName = 'samples' | 'frames' | 'rows' | 'columns';

/** Outermost first. */
export const LETTERS: readonly Letter[] = ['T', 'D', 'H', 'W'];

const NAMES: Readonly<Record<Letter, AxisName>> = { T: 'time', D: 'depth', H: 'height', W: 'width' };
const PLACES: Readonly<Record<Letter, PlacesName>> = { T: 'samples', D: 'frames', H: 'rows', W: 'columns' };
export const axisName = (letter: Letter): AxisName => NAMES[letter];
export const placesName = (letter: Letter): PlacesName => PLACES[letter];

/** The spatial axes of an image of so many. */
const BY_COUNT: readonly (readonly Letter[])[] = [[], ['T'], ['H', 'W'], ['D', 'H', 'W']];
/** None where no network has so many. */
export const lettersFor = (count: number): readonly Letter[] => BY_COUNT[count] ?? [];

/** Something for each spatial axis, by what is counted along it: `{ rows: 32, columns: 32 }`, `{ samples: 64 }`. */
export type PerPlaces<T> = Readonly<Partial<Record<PlacesName, T>>>;
/** The same by the name of the axis: `{ height: 224, width: 224 }`. */
export type PerAxis<T> = Readonly<Partial<Record<AxisName, T>>>;

const PLACES_NAMES: readonly PlacesName[] = LETTERS.map(placesName);
const AXIS_NAMES: readonly AxisName[] = LETTERS.map(axisName);
const LETTER_OF: ReadonlyMap<PlacesName, Letter> = new Map(LETTERS.map((letter) => [placesName(letter), letter]));

/** By name, from a list in the order of the letters. */
export const perPlaces = <T>(letters: readonly Letter[], of: (letter: Letter, at: number) => T): PerPlaces<T> =>
  Object.fromEntries(letters.map((letter, at) => [placesName(letter), of(letter, at)]));
export const perAxis = <T>(letters: readonly Letter[], of: (letter: Letter, at: number) => T): PerAxis<T> =>
  Object.fromEntries(letters.map((letter, at) => [axisName(letter), of(letter, at)]));

/** As a list again, outermost first. */
export const listOf = <T>(of: PerPlaces<T>): readonly T[] => PLACES_NAMES.flatMap((name) => of[name] ?? []);
export const lengthsOf = <T>(of: PerAxis<T>): readonly T[] => AXIS_NAMES.flatMap((name) => of[name] ?? []);
/** Which axes are named. */
export const lettersIn = (of: PerAxis<unknown>): readonly Letter[] => LETTERS.filter((letter) => of[axisName(letter)] !== undefined);
export const entriesOf = <T>(of: PerPlaces<T>): readonly (readonly [PlacesName, T])[] =>
  PLACES_NAMES.flatMap((name): (readonly [PlacesName, T])[] => {
    const own = of[name];
    return own === undefined ? [] : [[name, own]];
  });
export const axisOfPlaces = (name: PlacesName): AxisName => axisName(LETTER_OF.get(name) ?? 'T');

/** Whether an axis of this role runs over places of the image, perhaps of several axes in one. */
export const isSpatialRole = (role: string | undefined): boolean => role !== undefined && /[TDHW]/.test(role);
/** Over places alone. */
export const isOnlySpatial = (role: string | undefined): boolean => role !== undefined && /^[TDHW]+$/.test(role);
/** Whether it runs over the places of one axis of the image, and nothing else. */
export const isLetter = (role: string | undefined): role is Letter => LETTERS.some((letter) => letter === role);

/** What the image is made of, for people: pixels of two axes. */
export const unitOf = (count: number): string => (count === 1 ? 'samples' : count === 2 ? 'pixels' : 'voxels');

/** `224x224`, `16000`, `16x112x112`. */
export const sizeText = (lengths: readonly number[]): string => lengths.join('x');
