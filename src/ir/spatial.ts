/**
 * The axes of an image along which windows slide: one (a signal), two (an image) or three (a volume, a video). Anything per axis is a list in this order, or
 * an object keyed by these names; no code depends on their number.
 */

/** Role of a spatial axis, as one letter. */
export type Letter = 'T' | 'D' | 'H' | 'W';
/** Name of the axis in shapes and options. */
export type AxisName = 'time' | 'depth' | 'height' | 'width';
/** Unit counted along the axis. */
export type PlacesName = 'samples' | 'frames' | 'rows' | 'columns';

/** All letters, outermost first. */
export const LETTERS: readonly Letter[] = ['T', 'D', 'H', 'W'];

const NAMES: Readonly<Record<Letter, AxisName>> = { T: 'time', D: 'depth', H: 'height', W: 'width' };
const PLACES: Readonly<Record<Letter, PlacesName>> = { T: 'samples', D: 'frames', H: 'rows', W: 'columns' };
export const axisName = (letter: Letter): AxisName => NAMES[letter];
export const placesName = (letter: Letter): PlacesName => PLACES[letter];

/** Spatial axes of an image, by their number. */
const BY_COUNT: readonly (readonly Letter[])[] = [[], ['T'], ['H', 'W'], ['D', 'H', 'W']];
/** Spatial axes of an image with `count` of them; empty if unsupported. */
export const lettersFor = (count: number): readonly Letter[] => BY_COUNT[count] ?? [];

/** A value per spatial axis, keyed by the unit counted along it: `{ rows: 32, columns: 32 }`, `{ samples: 64 }`. */
export type PerPlaces<T> = Readonly<Partial<Record<PlacesName, T>>>;
/** A value per spatial axis, keyed by the name of the axis: `{ height: 224, width: 224 }`. */
export type PerAxis<T> = Readonly<Partial<Record<AxisName, T>>>;

const PLACES_NAMES: readonly PlacesName[] = LETTERS.map(placesName);
const AXIS_NAMES: readonly AxisName[] = LETTERS.map(axisName);

/** Builds an object keyed by name, in the order of the letters. */
export const perPlaces = <T>(letters: readonly Letter[], of: (letter: Letter, at: number) => T): PerPlaces<T> =>
  Object.fromEntries(letters.map((letter, at) => [placesName(letter), of(letter, at)]));
export const perAxis = <T>(letters: readonly Letter[], of: (letter: Letter, at: number) => T): PerAxis<T> =>
  Object.fromEntries(letters.map((letter, at) => [axisName(letter), of(letter, at)]));

/** Converts back to a list, outermost first. */
export const listOf = <T>(of: PerPlaces<T>): readonly T[] => PLACES_NAMES.flatMap((name) => of[name] ?? []);
export const lengthsOf = <T>(of: PerAxis<T>): readonly T[] => AXIS_NAMES.flatMap((name) => of[name] ?? []);
/** Letters of the axes that have a value. */
export const lettersIn = (of: PerAxis<unknown>): readonly Letter[] => LETTERS.filter((letter) => of[axisName(letter)] !== undefined);
export const entriesOf = <T>(of: PerPlaces<T>): readonly (readonly [PlacesName, T])[] =>
  PLACES_NAMES.flatMap((name): (readonly [PlacesName, T])[] => {
    const own = of[name];
    return own === undefined ? [] : [[name, own]];
  });

/** True if an axis with this role runs over positions of the image, possibly of several axes combined. */
export const isSpatialRole = (role: string | undefined): boolean => role !== undefined && /[TDHW]/.test(role);
/** True if the role consists of spatial axes only. */
export const isOnlySpatial = (role: string | undefined): boolean => role !== undefined && /^[TDHW]+$/.test(role);
/** True if the role is exactly one spatial axis. */
export const isLetter = (role: string | undefined): role is Letter => LETTERS.some((letter) => letter === role);

/** Unit of the image's positions, for messages: pixels if there are two axes. */
export const unitOf = (count: number): string => (count === 1 ? 'samples' : count === 2 ? 'pixels' : 'voxels');

/** `224x224`, `16000`, `16x112x112`. */
export const sizeText = (lengths: readonly number[]): string => lengths.join('x');
