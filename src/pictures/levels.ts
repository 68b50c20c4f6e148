/**
 * From the numbers of a picture file to bytes: which number is black, and which is white.
 *
 *   byte = 255 (v - black) / (white - black), cut to 0..255
 *
 * Bytes stay what they are. Of other numbers only those that are certain are taken by themselves: all of 16 bits, where the brightest pixel is not far below their end,
 * and fractions of 0..1. Twelve bits in sixteen, or counts of photons, are an error: black pictures give wrong classes without a word.
 */
import { levelsUnknown } from '../diagnostics/catalogue';

export interface Levels {
  readonly black?: number | undefined;
  readonly white?: number | undefined;
  /** Shares of the pixels that may be cut off below and above, instead. */
  readonly shares?: readonly [low: number, high: number] | undefined;
}

export type Depth = 'uchar' | 'ushort' | 'short' | 'uint' | 'int' | 'float';

/** Throws CompileError LEVELS_UNKNOWN. */
export function toBytes(values: ArrayLike<number>, depth: Depth, { black, white, shares }: Levels, file: string): Uint8Array {
  const [low, high] = extremes(values);
  let [from, to] = [black, white];
  if (shares) {
    const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
    [from, to] = [at(shares[0]), at(shares[1])];
  } else if (to === undefined) {
    to = usualWhite(depth, low, high);
    if (to === undefined) throw levelsUnknown(file, depth, low, high);
  }
  from ??= 0;
  const span = to - from;
  const zero = from;
  return Uint8Array.from(values, (value) => {
    const byte = Math.round(((value - zero) * 255) / span);
    return Number.isFinite(byte) ? Math.min(255, Math.max(0, byte)) : 0;
  });
}

function usualWhite(depth: Depth, low: number, high: number): number | undefined {
  if (depth === 'uchar') return 255;
  // Cameras of 10, 12 and 14 bits leave the upper quarters empty.
  if (depth === 'ushort') return high >= 16384 || high === 0 ? 65535 : undefined;
  return depth === 'float' && low >= 0 && high <= 1 ? 1 : undefined;
}

function extremes(values: ArrayLike<number>): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
