/**
 * Any rectangle of a picture at another size, without making the whole of it: large pictures are scaled tile by tile.
 *
 *   out[x] = sum over i of  w(i) in[i]        w(i) = f((i + 0.5 - (x + 0.5) r) / max(r, 1)), made to add up to one;  r = in / out
 *
 * where f is the filter: 1 - |t| for the bilinear one. Along rows, then along columns, rounded to bytes each time (halves up), as Pillow does it, and torchvision
 * with antialiasing. The pixels of a rectangle are those that it has in the whole.
 */
import { cropPicture, type Picture, type Region, type Size } from './picture';

export const FILTERS = ['bilinear', 'bicubic', 'nearest', 'lanczos', 'box', 'hamming'] as const;
export type Filter = (typeof FILTERS)[number];

/** The filters of Pillow: how far each reaches, and its weight at a distance. */
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

/** `region` of the picture as it would be at `size`. */
export function resample(
  picture: Picture,
  size: Size,
  region: Region = { top: 0, left: 0, ...size },
  filter: Filter = 'bilinear',
): Picture {
  if (size.width === picture.width && size.height === picture.height) return cropPicture(picture, region);
  const { channels } = picture;
  const across = taps(picture.width, size.width, region.left, region.width, filter);
  const down = taps(picture.height, size.height, region.top, region.height, filter);
  const first = down.starts[0] ?? 0;
  const last = (down.starts[region.height - 1] ?? 0) + (down.counts[region.height - 1] ?? 0);
  const line = region.width * channels;

  const narrow = new Uint8Array((last - first) * line);
  for (let y = first; y < last; y++) {
    for (let x = 0; x < region.width; x++) {
      const [start, count, weight] = [across.starts[x] ?? 0, across.counts[x] ?? 0, x * across.most];
      const from = (y * picture.width + start) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += (across.weights[weight + i] ?? 0) * (picture.data[from + i * channels + c] ?? 0);
        narrow[(y - first) * line + x * channels + c] = byte(sum);
      }
    }
  }

  const data = new Uint8Array(region.height * line);
  for (let y = 0; y < region.height; y++) {
    const [start, count, weight] = [(down.starts[y] ?? 0) - first, down.counts[y] ?? 0, y * down.most];
    for (let x = 0; x < line; x++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += (down.weights[weight + i] ?? 0) * (narrow[(start + i) * line + x] ?? 0);
      data[y * line + x] = byte(sum);
    }
  }
  return { width: region.width, height: region.height, channels, data };
}

/** Filters with negative weights may leave the range of a byte. */
const byte = (value: number): number => Math.min(255, Math.max(0, value + 0.5));

/** Which pixels each one of the result is made of: `counts` pixels from `starts` on, with weights of which there are `most` per pixel. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Float64Array;
  readonly most: number;
}

function taps(length: number, wanted: number, from: number, count: number, filter: Filter): Taps {
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
