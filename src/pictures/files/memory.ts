/** Array inputs of the library API: a file, or values in memory with their shape. */
import { arrayNotFinite, badOption } from '../../diagnostics/catalogue';
import { ELEMENTS } from '../../sources/element';
import { memoryBytes } from '../../sources/files/bytes';
import { axesOf, bandsText, inBands } from '../../sources/files/open';
import { product } from '../../sources/source';
import { stepsOf, storedSource } from '../../sources/stored';
import { type ShownOptions, shown, wantedBy } from './arrays';
import type { Image } from './image';
import type { PictureModel } from './picture-model';

export type NumbersInMemory = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** A file (.npy, .npz, .wav, TIFF), or values in memory in C order (last axis fastest). The axes are the model's; the batch and a single channel may be omitted. */
export type ArrayInput =
  | { readonly file: string }
  | {
      readonly data: NumbersInMemory;
      readonly shape: readonly number[];
      /** Sampling rate in Hz; with it, positions are also given in seconds. */
      readonly rate?: number | undefined;
    };

/** Throws CompileError BAD_OPTION, ARRAY_AXES, ARRAY_BANDS. */
export function openMemory(input: Exclude<ArrayInput, { readonly file: string }>, model: PictureModel, options: ShownOptions): Image {
  const { data, shape, rate } = input;
  const element = elementOf(data);
  if (!element || !shape.every((length) => Number.isSafeInteger(length) && length > 0) || product(shape) !== data.length)
    throw badOption(
      'array',
      `[${shape.join(', ')}] with ${data?.length} numbers`,
      'a typed array with as many numbers as its shape has places',
    );
  const wanted = wantedBy(model);
  const axes = axesOf(shape, 'the array', wanted, options);
  const bytes = memoryBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const stored = { bytes, element, little: LITTLE, offset: 0, shape, steps: stepsOf(shape, false) };
  const all = storedSource(stored, axes, (value, index) => {
    throw arrayNotFinite('the array', value, index);
  });
  const units = rate !== undefined && wanted.axes === 1 ? [{ name: 'seconds', size: 1 / rate }] : undefined;
  return shown({ source: inBands({ ...all, units }, 'the array', wanted, options), reading: bandsText(all, options) }, options);
}

/** Byte order of this machine. */
const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function elementOf(data: NumbersInMemory) {
  const kinds = [
    [Float32Array, 'f4'],
    [Float64Array, 'f8'],
    [Int8Array, 'i1'],
    [Uint8Array, 'u1'],
    [Int16Array, 'i2'],
    [Uint16Array, 'u2'],
    [Int32Array, 'i4'],
    [Uint32Array, 'u4'],
  ] as const;
  const found = kinds.find(([kind]) => data instanceof kind);
  return found && ELEMENTS[found[1]];
}
