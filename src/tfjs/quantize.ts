/** Weights stored in fewer bits. TensorFlow.js decodes them to float32 when it loads the model: a smaller download, not a faster model. */
import { elementCount, encodeNumbers, readNumbers } from '../ir/tensor';
import type { TfjsWeight } from './graph';

export type Quantised = 'float16' | 'uint16' | 'uint8';

/** Which weights are stored in which type: names that match one of the patterns (`*` for any characters); true: all. float16 first, then uint16, uint8. */
export type Quantisation = Readonly<Partial<Record<Quantised, readonly string[] | true>>>;

export type QuantisationEntry =
  | { readonly dtype: 'float16'; readonly original_dtype: 'float32' }
  | { readonly dtype: 'uint16' | 'uint8'; readonly original_dtype: 'float32'; readonly scale: number; readonly min: number };

const TYPES: readonly Quantised[] = ['float16', 'uint16', 'uint8'];

/** The type for a weight, or undefined. Integers, and single numbers, stay what they are: sizes and bounds must be exact. */
export function quantisedType({ name, dtype, tensor }: TfjsWeight, quantisation: Quantisation): Quantised | undefined {
  if (dtype !== 'float32' || elementCount(tensor.shape) < 2) return undefined;
  return TYPES.find((type) => {
    const patterns = quantisation[type];
    return patterns === true || patterns?.some((pattern) => matches(pattern, name));
  });
}

function matches(pattern: string, name: string): boolean {
  const text = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${text}$`, 's').test(name);
}

export interface QuantisedWeight {
  readonly bytes: Uint8Array;
  readonly entry: QuantisationEntry;
  /** Largest distance of a stored number from the one that it stands for. */
  readonly error: number;
}

/** Bytes as they are stored. Zero is stored exactly, as TensorFlow's converter does it. */
export function quantise({ tensor }: TfjsWeight, type: Quantised): QuantisedWeight {
  const numbers = readNumbers(tensor);
  if (type === 'float16') {
    const bytes = encodeNumbers('float16', numbers);
    const stored = readNumbers({ dtype: 'float16', shape: tensor.shape, data: { kind: 'bytes', bytes } });
    return { bytes, entry: { dtype: 'float16', original_dtype: 'float32' }, error: distance(numbers, stored) };
  }
  const levels = type === 'uint8' ? 255 : 65535;
  const { scale, min } = range(numbers, levels);
  const stored = numbers.map((number) => Math.min(Math.max(Math.round((number - min) / scale), 0), levels));
  const back = stored.map((level) => level * scale + min);
  return {
    bytes: encodeNumbers(type, stored),
    entry: { dtype: type, original_dtype: 'float32', scale, min },
    error: distance(numbers, back),
  };
}

/** One step, and where level 0 lies: a whole number of steps from zero where the numbers are on both sides of it. */
function range(numbers: Float64Array, levels: number): { readonly scale: number; readonly min: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const number of numbers) {
    if (number < low) low = number;
    if (number > high) high = number;
  }
  if (!(high > low)) return { scale: 1, min: Number.isFinite(low) ? low : 0 };
  const scale = (high - low) / levels;
  if (low > 0 || high < 0) return { scale, min: low };
  return { scale, min: -Math.round(-low / scale) * scale };
}

const distance = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, number, at) => (Number.isFinite(number) ? Math.max(most, Math.abs(number - (b[at] ?? 0))) : most), 0);
