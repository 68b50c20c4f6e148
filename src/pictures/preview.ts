/** Renders a source for display: values become bytes between its darkest and brightest, and large sources are reduced. Read in pieces. */
import { type Block, type Box, piecesOf, product, type Source } from '../sources/source';
import type { Picture } from './picture';

/** Fractions of the values that are clipped below and above. */
const [DARKEST, BRIGHTEST] = [0.001, 0.999];

/** Values shown as black and white. */
export type Ends = readonly [black: number, white: number];

/** The last two axes of a block, which has length 1 along all others, as a picture. Three bands are colours; otherwise the first band is shown in grey. */
export function pictureOfBlock({ lengths, bands, data }: Block, ends?: Ends): Picture {
  const [height = 1, width = 1] = lengths.slice(-2);
  const channels = bands === 3 ? 3 : 1;
  const places = height * width;
  const values = Float64Array.from(
    { length: places * channels },
    (_, at) => data[Math.floor(at / channels) * bands + (at % channels)] ?? 0,
  );
  const [low, high] = ends ?? endsOf(values);
  const bytes = Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round(((value - low) * 255) / (high - low || 1)))));
  return { width, height, channels, data: bytes };
}

/** The darkest and brightest values, ignoring outliers. */
export function endsOf(values: ArrayLike<number>): Ends {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  return [at(DARKEST), at(BRIGHTEST)];
}

/**
 * Reduces a region: every `factors` positions along each axis become one, by their mean or maximum. A factor at least as large as the region gives a projection.
 */
export async function reduced(source: Source, box: Box, factors: readonly number[], how: 'mean' | 'max'): Promise<Block> {
  const { bands } = source;
  const lengths = box.lengths.map((length, axis) => Math.ceil(length / (factors[axis] ?? 1)));
  const sums = new Float64Array(product(lengths) * bands).fill(how === 'max' ? Number.NEGATIVE_INFINITY : 0);
  const counts = new Float64Array(product(lengths));
  for (const piece of piecesOf({ ...source, lengths: box.lengths })) {
    const { data } = await source.read({
      starts: piece.starts.map((start, axis) => start + (box.starts[axis] ?? 0)),
      lengths: piece.lengths,
    });
    const at = piece.lengths.map(() => 0);
    for (let place = 0; place < data.length / bands; place++) {
      let to = 0;
      for (let axis = 0; axis < at.length; axis++)
        to = to * (lengths[axis] ?? 1) + Math.floor(((piece.starts[axis] ?? 0) + (at[axis] ?? 0)) / (factors[axis] ?? 1));
      counts[to] = (counts[to] ?? 0) + 1;
      for (let band = 0; band < bands; band++) {
        const [value, own] = [data[place * bands + band] ?? 0, to * bands + band];
        sums[own] = how === 'max' ? Math.max(sums[own] ?? value, value) : (sums[own] ?? 0) + value;
      }
      for (let axis = at.length - 1; axis >= 0; axis--) {
        at[axis] = (at[axis] ?? 0) + 1;
        if ((at[axis] ?? 0) < (piece.lengths[axis] ?? 1)) break;
        at[axis] = 0;
      }
    }
  }
  if (how === 'mean') for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] ?? 0) / (counts[Math.floor(at / bands)] ?? 1);
  return { lengths, bands, data: sums };
}

/** Minimum and maximum of each band in each of a number of equal stretches of a signal. */
export interface Envelope {
  readonly low: readonly Float64Array[];
  readonly high: readonly Float64Array[];
}

export async function envelopeOf(source: Source, stretches: number): Promise<Envelope> {
  const [length = 1] = source.lengths;
  const { bands } = source;
  const count = Math.min(stretches, length);
  const made = (value: number) => Array.from({ length: bands }, () => new Float64Array(count).fill(value));
  const [low, high] = [made(Number.POSITIVE_INFINITY), made(Number.NEGATIVE_INFINITY)];
  for (const piece of piecesOf(source)) {
    const { data } = await source.read(piece);
    const [start = 0] = piece.starts;
    for (let at = 0; at < data.length; at++) {
      const [place, band] = [start + Math.floor(at / bands), at % bands];
      const stretch = Math.min(count - 1, Math.floor((place * count) / length));
      const [lowest, highest, value] = [low[band], high[band], data[at] ?? 0];
      if (lowest && value < (lowest[stretch] ?? 0)) lowest[stretch] = value;
      if (highest && value > (highest[stretch] ?? 0)) highest[stretch] = value;
    }
  }
  return { low, high };
}
