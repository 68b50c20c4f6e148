/** Weights stored with fewer bits. TensorFlow.js decodes them to float32 when it loads the model: a smaller download, not a faster model. */
import { noWeightMatches } from '../diagnostics/catalogue';
import { aligned } from '../ir/bytes';
import { halfToNumber, toHalves } from '../ir/half';
import { Memory, streamTensor } from '../ir/stream';
import { elementCount } from '../ir/tensor';
import type { Tensor } from '../ir/types';
import type { TfjsWeight } from './graph';

export type Quantised = 'float16' | 'uint16' | 'uint8';

/** Weights to store in each type: names that match one of the patterns (`*` for any characters); true: all. float16 takes precedence, then uint16, uint8. */
export type Quantisation = Readonly<Partial<Record<Quantised, readonly string[] | true>>>;

export type QuantisationEntry =
  | { readonly dtype: 'float16'; readonly original_dtype: 'float32' }
  | { readonly dtype: 'uint16' | 'uint8'; readonly original_dtype: 'float32'; readonly scale: number; readonly min: number };

const TYPES: readonly Quantised[] = ['float16', 'uint16', 'uint8'];

/** Storage type of a weight, or undefined. Integers and scalars are kept as they are: sizes and bounds must be exact. */
export function quantisedType(weight: TfjsWeight, quantisation: Quantisation): Quantised | undefined {
  // A quantised network's own codes already have the fewest bits, without any error.
  if (weight.grid) return 'uint8';
  if (!isQuantisable(weight)) return undefined;
  return TYPES.find((type) => {
    const patterns = quantisation[type];
    return patterns === true || patterns?.some((pattern) => matches(pattern, weight.name));
  });
}
const isQuantisable = ({ dtype, tensor }: TfjsWeight): boolean => dtype === 'float32' && elementCount(tensor.shape) >= 2;

/** A pattern that matches no weight is treated as a typo. Throws CompileError NO_WEIGHT_MATCHES. */
export function requireMatches(weights: readonly TfjsWeight[], quantisation: Quantisation): void {
  const names = weights.filter(isQuantisable).map(({ name }) => name);
  for (const type of TYPES) {
    const patterns = quantisation[type];
    const idle = patterns === true ? undefined : patterns?.find((pattern) => !names.some((name) => matches(pattern, name)));
    if (idle !== undefined && idle !== '*') throw noWeightMatches(type, idle, names);
  }
}

function matches(pattern: string, name: string): boolean {
  const text = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${text}$`, 's').test(name);
}

export interface QuantisedWeight {
  readonly entry: QuantisationEntry;
  /** Largest difference between a stored value and the original. */
  readonly error: number;
}

/** Writes the weight in its storage type, piece by piece. Zero is stored exactly, as in TensorFlow's converter. */
export function quantise(
  { tensor, grid }: TfjsWeight,
  type: Quantised,
  write: (bytes: Uint8Array) => void,
  memory = new Memory(),
): QuantisedWeight {
  let error = 0;
  const compare = (numbers: Float32Array, decoded: (at: number) => number): void => {
    for (let at = 0; at < numbers.length; at++) {
      const number = numbers[at] ?? 0;
      // Decoded in double, rounded to float.
      if (Number.isFinite(number)) error = Math.max(error, Math.abs(number - Math.fround(decoded(at))));
    }
  };
  if (type === 'float16') {
    const decoded = Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
    pieces(tensor, memory, (numbers) => {
      const stored = toHalves(numbers);
      compare(numbers, (at) => decoded[stored[at] ?? 0] ?? 0);
      write(new Uint8Array(stored.buffer));
    });
    return { entry: { dtype: 'float16', original_dtype: 'float32' }, error };
  }
  const levels = type === 'uint8' ? 255 : 65535;
  const { scale, min } = grid ?? range(tensor, levels, memory);
  pieces(tensor, memory, (numbers) => {
    const stored = type === 'uint8' ? new Uint8Array(numbers.length) : new Uint16Array(numbers.length);
    for (let at = 0; at < numbers.length; at++) stored[at] = Math.min(Math.max(Math.round(((numbers[at] ?? 0) - min) / scale), 0), levels);
    compare(numbers, (at) => (stored[at] ?? 0) * scale + min);
    write(new Uint8Array(stored.buffer));
  });
  return { entry: { dtype: type, original_dtype: 'float32', scale, min }, error };
}

/** Number of elements processed at a time. */
const PIECE = 2 ** 18;

function pieces(tensor: Tensor, memory: Memory, use: (numbers: Float32Array) => void): void {
  const look = (bytes: Uint8Array): void => {
    const { buffer, byteOffset, byteLength } = aligned(bytes);
    const numbers = new Float32Array(buffer, byteOffset, byteLength / 4);
    for (let at = 0; at < numbers.length; at += PIECE) use(numbers.subarray(at, at + PIECE));
  };
  streamTensor(tensor, look, memory);
}

/** Step size, and the value of level 0: an integer number of steps from zero if there are values on both sides of it. */
function range(tensor: Tensor, levels: number, memory: Memory): { readonly scale: number; readonly min: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  pieces(tensor, memory, (numbers) => {
    for (const number of numbers) {
      if (number < low) low = number;
      if (number > high) high = number;
    }
  });
  if (!(high > low)) return { scale: 1, min: Number.isFinite(low) ? low : 0 };
  const scale = (high - low) / levels;
  if (low > 0 || high < 0) return { scale, min: low };
  return { scale, min: -Math.round(-low / scale) * scale };
}
