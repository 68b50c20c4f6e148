/** Opens an array or a recording for a model: finds which axes are spatial and which is the bands, selects bands, and resamples to the model's rate. */
import {
  arrayAxes,
  arrayBands,
  arrayDamaged,
  arrayNeeded,
  arrayNotFinite,
  badOption,
  rateNeeded,
  rateUnfit,
} from '../../diagnostics/catalogue';
import { chosenBands } from '../bands';
import { isNpy, npyHeader } from '../npy';
import { atRate } from '../rate';
import type { Source } from '../source';
import { type Bytes, type StoredArray, stepsOf, storedSource } from '../stored';
import { isWav, wavRecording } from '../wav';
import { fileBytes, STDIN, stdinBytes } from './bytes';
import { isZip, npzArrays } from './npz';

/** Input that a model takes. */
export interface Wanted {
  /** Name of the input. */
  readonly input: string;
  /** Number of spatial axes. */
  readonly axes: number;
  readonly channels: number;
  /** True if the channels are the last axis. */
  readonly channelsLast: boolean;
  /** Shape for messages: [N, C, T]. */
  readonly shape: string;
}

export interface ArrayOptions {
  /** Band numbers from 1, in the order in which they are fed; or 'mean'. */
  readonly bands?: readonly number[] | 'mean' | undefined;
  /** Name of the array in an archive. */
  readonly array?: string | undefined;
  /** Sampling rate in Hz that the model expects. */
  readonly rate?: number | undefined;
}

export interface OpenedArray {
  readonly source: Source;
  /** How the values were read from the file, in words. */
  readonly reading: readonly string[];
}

/** Maximum ratio between the two sampling rates. */
const FARTHEST = 64;

export type ArrayKind = 'npy' | 'npz' | 'wav';

/** Kind of an array file, by its first bytes; undefined if it is none of these. Throws CompileError CANNOT_READ. */
export function arrayKind(bytes: Bytes): ArrayKind | undefined {
  const start = bytes.read(0, Math.min(12, bytes.length));
  return isNpy(start) ? 'npy' : isZip(start) ? 'npz' : isWav(start) ? 'wav' : undefined;
}

/** The bytes of a file, or of standard input if the path is STDIN. */
export const openBytes = (path: string): Bytes => (path === STDIN ? stdinBytes() : fileBytes(path));

/** Throws CompileError ARRAY_AXES, ARRAY_BANDS, ARRAY_DAMAGED, ARRAY_NEEDED, ARRAY_TOO_LARGE, RATE_NEEDED, RATE_UNFIT, BAD_OPTION. */
export function openArray(kind: ArrayKind, bytes: Bytes, file: string, wanted: Wanted, options: ArrayOptions): OpenedArray {
  if (kind === 'wav') return openRecording(bytes, file, wanted, options);
  const content = kind === 'npz' ? fromArchive(bytes, file, wanted, options.array) : bytes;
  const name = kind === 'npz' && options.array !== undefined ? `${file} (${options.array})` : file;
  return openNpy(content, name, wanted, options);
}

function fromArchive(bytes: Bytes, file: string, { input }: Wanted, asked: string | undefined): Bytes {
  const arrays = npzArrays(bytes, file);
  const only = arrays.size === 1 ? [...arrays.values()][0] : undefined;
  const found = asked === undefined ? (arrays.get(input) ?? only) : arrays.get(asked);
  if (!found) throw arrayNeeded(file, [...arrays.keys()], asked ?? input);
  return found;
}

function openNpy(bytes: Bytes, file: string, wanted: Wanted, options: ArrayOptions): OpenedArray {
  const fail = (reason: string): never => {
    throw arrayDamaged(file, reason);
  };
  const { shape, fortran, ...header } = npyHeader((offset, length) => bytes.read(offset, length), bytes.length, fail);
  const stored: StoredArray = { ...header, bytes, shape, steps: stepsOf(shape, fortran) };
  const axes = axesOf(shape, file, wanted, options);
  const source = storedSource(stored, axes, (value, index) => {
    throw arrayNotFinite(file, value, index);
  });
  const units = options.rate !== undefined && wanted.axes === 1 ? [{ name: 'seconds', size: 1 / options.rate }] : undefined;
  const opened = inBands({ ...source, units }, file, wanted, options);
  const order =
    axes.bands !== undefined && source.bands > 1 && axes.bands > 0 !== wanted.channelsLast ? [`bands along axis ${axes.bands}`] : [];
  return { source: opened, reading: [...order, ...bandsText(source, options)] };
}

/**
 * Determines the spatial axes and the band axis: those of the model, with or without a batch of one. The band axis may be missing.
 * The bands may be at the other end, as in NumPy pictures, if only that fits.
 */
export function axesOf(
  shape: readonly number[],
  file: string,
  { axes, channels, channelsLast, shape: model }: Wanted,
  { bands }: ArrayOptions,
) {
  const from = (first: number): readonly number[] => Array.from({ length: axes }, (_, at) => first + at);
  if (shape.some((length) => length === 0)) throw arrayAxes(file, shape, `${model}, none of whose axes may be empty`);
  const batch = shape[0] === 1 && shape.length === axes + 2 ? 1 : 0;
  const rank = shape.length - batch;
  if (rank === axes) return { places: from(batch), bands: undefined };
  if (rank !== axes + 1) throw arrayAxes(file, shape, model);
  const [front, back] = [shape[batch], shape.at(-1)];
  const fits = (length: number | undefined): boolean => bands === undefined && length === channels;
  const last = fits(channelsLast ? back : front) ? channelsLast : fits(channelsLast ? front : back) ? !channelsLast : channelsLast;
  return last ? { places: from(batch), bands: shape.length - 1 } : { places: from(batch + 1), bands: batch };
}

function openRecording(bytes: Bytes, file: string, wanted: Wanted, options: ArrayOptions): OpenedArray {
  if (wanted.axes !== 1) throw arrayAxes(file, [], `${wanted.shape}: a recording has time alone`);
  const { stored, rate } = wavRecording(bytes, (reason) => {
    throw arrayDamaged(file, reason);
  });
  if (options.rate === undefined) throw rateNeeded(file, rate);
  const { rate: asked } = options;
  if (!Number.isSafeInteger(asked) || asked < 1) throw badOption('rate', String(asked), 'a whole number of samples a second');
  if (Math.max(asked / rate, rate / asked) > FARTHEST) throw rateUnfit(file, rate, asked);
  const all = storedSource(stored, { places: [0], bands: 1 }, (value, index) => {
    throw arrayNotFinite(file, value, index);
  });
  const source = inBands({ ...all, units: [{ name: 'seconds', size: 1 / rate }] }, file, wanted, options);
  const rates = asked === rate ? `${rate} Hz` : `${rate} Hz resampled to ${asked}`;
  return { source: atRate(source, rate, asked), reading: [rates, ...bandsText(all, options)] };
}

/** Selects the requested bands; there must be as many as the model takes. Throws CompileError ARRAY_BANDS, BAD_OPTION. */
export function inBands(source: Source, file: string, { channels }: Wanted, { bands }: ArrayOptions): Source {
  if (bands !== undefined && bands !== 'mean' && bands.some((band) => !Number.isSafeInteger(band) || band < 1 || band > source.bands))
    throw badOption('bands', bands.join(','), `numbers from 1 to ${source.bands}: so many bands there are`);
  if (bands !== undefined && bands !== 'mean' && bands.length !== channels)
    throw badOption('bands', bands.join(','), `${channels} number${channels === 1 ? '' : 's'}: the model takes so many bands`);
  const chosen = bands === undefined ? source : chosenBands(source, bands === 'mean' ? bands : bands.map((band) => band - 1));
  if (chosen.bands !== channels) throw arrayBands(file, chosen.bands, channels);
  return chosen;
}

export const bandsText = ({ bands: count }: Source, { bands }: ArrayOptions): readonly string[] =>
  bands === undefined || count === 1 ? [] : [bands === 'mean' ? `mean of ${count} bands` : `bands ${bands.join(', ')} of ${count}`];
