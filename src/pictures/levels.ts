/**
 * Converts the values of a picture file to bytes, given the values of black and white.
 *
 *   byte = 255 (v - black) / (white - black), clipped to 0..255
 *
 * Bytes are unchanged. Other values are converted without options only in unambiguous cases: the full 16-bit range, if the brightest pixel is near its end,
 * and fractions of 0..1. Anything else (12 bits stored in 16, photon counts) is an error: black pictures would silently give wrong classes.
 */
import { levelsUnknown } from '../diagnostics/catalogue';

export interface Levels {
  readonly black?: number | undefined;
  readonly white?: number | undefined;
  /** Alternatively, fractions of the pixels that may be clipped below and above. */
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
  // Values of 10-, 12- and 14-bit cameras stay below 16384.
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
