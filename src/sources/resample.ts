/**
 * Resamples any region of a source to another size without computing the whole, so that large sources are scaled tile by tile.
 *
 *   out[x] = sum over i of  w(i) in[i]        w(i) = f((i + 0.5 - (x + 0.5) r) / max(r, 1)), normalised to sum to one;  r = in / out
 *
 * where f is the filter: 1 - |t| for bilinear. The last axis is resampled first, then the ones before it. Bytes are rounded after each axis (halves up), as in Pillow
 * and in torchvision with antialiasing; other values are not rounded. A region has exactly the values that it has in the whole.
 */
import { type Block, type BlockData, type Box, likeData, product, type Source, sameLengths } from './source';

export const FILTERS = ['bilinear', 'bicubic', 'nearest', 'lanczos', 'box', 'hamming'] as const;
export type Filter = (typeof FILTERS)[number];

/** Pillow's filters: the radius of each, and its weight at a distance. */
const KERNELS: Readonly<Record<Exclude<Filter, 'nearest'>, readonly [support: number, weight: (t: number) => number]>> = {
  bilinear: [1, (t) => Math.max(0, 1 - Math.abs(t))],
  bicubic: [2, cubic],
  lanczos: [3, (t) => (Math.abs(t) < 3 ? sinc(t) * sinc(t / 3) : 0)],
  box: [0.5, (t) => (t > -0.5 && t <= 0.5 ? 1 : 0)],
  hamming: [1, (t) => (Math.abs(t) < 1 ? sinc(t) * (0.54 + 0.46 * Math.cos(Math.PI * t)) : 0)],
};

/** Keys' cubic with a = -0.5. */
function cubic(t: number): number {
  const x = Math.abs(t);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

const sinc = (t: number): number => (t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t));

/** The source resampled to other lengths. */
export function scaledSource(source: Source, lengths: readonly number[], filter: Filter = 'bilinear'): Source {
  if (sameLengths(lengths, source.lengths)) return source;
  return {
    ...source,
    lengths,
    units: source.units?.map((unit, axis) => unit && { ...unit, size: (unit.size * (source.lengths[axis] ?? 1)) / (lengths[axis] ?? 1) }),
    read(box) {
      const taps = lengths.map((length, axis) =>
        tapsOf(source.lengths[axis] ?? 1, length, box.starts[axis] ?? 0, box.lengths[axis] ?? 0, filter),
      );
      const needed = { starts: taps.map(({ first }) => first), lengths: taps.map(({ first, last }) => last - first) };
      const block = source.read(needed);
      return block instanceof Promise ? block.then((read) => resampled(read, taps, box)) : resampled(block, taps, box);
    },
  };
}

function resampled(block: Block, taps: readonly Taps[], box: Box): Block {
  let { data } = block;
  const lengths = [...block.lengths];
  for (let axis = lengths.length - 1; axis >= 0; axis--) {
    const own = taps[axis];
    const wanted = box.lengths[axis] ?? 0;
    if (!own) continue;
    if (!own.same)
      data = along(data, product(lengths.slice(0, axis)), lengths[axis] ?? 1, product(lengths.slice(axis + 1)) * block.bands, own);
    lengths[axis] = wanted;
  }
  return { lengths, bands: block.bands, data };
}

/** Resamples data [outer, length, inner] along its middle axis. */
function along(data: BlockData, outer: number, length: number, inner: number, taps: Taps): BlockData {
  const { starts, counts, weights, most, first } = taps;
  const wanted = starts.length;
  const made = likeData(data, outer * wanted * inner);
  const isBytes = made instanceof Uint8Array;
  for (let o = 0; o < outer; o++)
    for (let x = 0; x < wanted; x++) {
      const count = counts[x] ?? 0;
      const weight = x * most;
      const from = (o * length + (starts[x] ?? 0) - first) * inner;
      const to = (o * wanted + x) * inner;
      for (let c = 0; c < inner; c++) {
        let sum = 0;
        for (let i = 0, at = from + c; i < count; i++, at += inner) sum += (weights[weight + i] ?? 0) * (data[at] ?? 0);
        // Filters with negative weights may exceed the range of a byte.
        made[to + c] = isBytes ? Math.min(255, Math.max(0, sum + 0.5)) : sum;
      }
    }
  return made;
}

/** Inputs of each output position: `counts` positions from `starts` on, with their weights; `weights` has `most` entries per output position. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Float64Array;
  readonly most: number;
  /** All inputs are from `first` to `last` - 1. */
  readonly first: number;
  readonly last: number;
  /** The axis keeps its length, so it is not resampled. */
  readonly same: boolean;
}

function tapsOf(length: number, wanted: number, from: number, count: number, filter: Filter): Taps {
  const made = length === wanted ? plainTaps(from, count) : weighed(length, wanted, from, count, filter);
  const end = count - 1;
  return {
    ...made,
    first: made.starts[0] ?? 0,
    last: count === 0 ? (made.starts[0] ?? 0) : (made.starts[end] ?? 0) + (made.counts[end] ?? 0),
    same: length === wanted,
  };
}

const plainTaps = (from: number, count: number) => ({
  starts: Int32Array.from({ length: count }, (_, x) => from + x),
  counts: new Int32Array(count).fill(1),
  weights: new Float64Array(count).fill(1),
  most: 1,
});

function weighed(length: number, wanted: number, from: number, count: number, filter: Filter) {
  const ratio = length / wanted;
  if (filter === 'nearest') {
    const starts = Int32Array.from({ length: count }, (_, x) => Math.min(length - 1, Math.floor((from + x + 0.5) * ratio)));
    return { starts, counts: new Int32Array(count).fill(1), weights: new Float64Array(count).fill(1), most: 1 };
  }
  const [reach, weigh] = KERNELS[filter];
  const stretch = Math.max(ratio, 1);
  const support = reach * stretch;
  const most = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Float64Array(count * most);
  for (let x = 0; x < count; x++) {
    const centre = (from + x + 0.5) * ratio;
    const start = Math.max(Math.floor(centre - support + 0.5), 0);
    const end = Math.min(Math.floor(centre + support + 0.5), length);
    let sum = 0;
    for (let i = start; i < end; i++) {
      const weight = weigh((i + 0.5 - centre) / stretch);
      weights[x * most + i - start] = weight;
      sum += weight;
    }
    for (let i = 0; i < end - start; i++) weights[x * most + i] = (weights[x * most + i] ?? 0) / sum;
    starts[x] = start;
    counts[x] = end - start;
  }
  return { starts, counts, weights, most };
}
