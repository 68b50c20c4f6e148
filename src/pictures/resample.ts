/**
 * Any rectangle of a picture at another size, without making the whole of it: large pictures are scaled tile by tile.
 *
 *   out[x] = sum over i of  w(i) in[i]        w(i) = max(0, 1 - |i + 0.5 - (x + 0.5) r| / max(r, 1)), made to add up to one;  r = in / out
 *
 * Along rows, then along columns, rounded to bytes each time (halves up): Pillow's and torchvision's antialiased bilinear filter. The pixels of a rectangle are those
 * that it has in the whole.
 */
import { cropPicture, type Picture, type Region, type Size } from './picture';

/** `region` of the picture as it would be at `size`. */
export function resample(picture: Picture, size: Size, region: Region = { top: 0, left: 0, ...size }): Picture {
  if (size.width === picture.width && size.height === picture.height) return cropPicture(picture, region);
  const { channels } = picture;
  const across = taps(picture.width, size.width, region.left, region.width);
  const down = taps(picture.height, size.height, region.top, region.height);
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
        narrow[(y - first) * line + x * channels + c] = sum + 0.5;
      }
    }
  }

  const data = new Uint8Array(region.height * line);
  for (let y = 0; y < region.height; y++) {
    const [start, count, weight] = [(down.starts[y] ?? 0) - first, down.counts[y] ?? 0, y * down.most];
    for (let x = 0; x < line; x++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += (down.weights[weight + i] ?? 0) * (narrow[(start + i) * line + x] ?? 0);
      data[y * line + x] = sum + 0.5;
    }
  }
  return { width: region.width, height: region.height, channels, data };
}

/** Which pixels each one of the result is made of: `counts` pixels from `starts` on, with weights of which there are `most` per pixel. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Float64Array;
  readonly most: number;
}

function taps(length: number, wanted: number, from: number, count: number): Taps {
  const ratio = length / wanted;
  const support = Math.max(ratio, 1);
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
      const weight = Math.max(0, 1 - Math.abs(i + 0.5 - centre) / support);
      weights[x * most + i - start] = weight;
      sum += weight;
    }
    for (let i = 0; i < end - start; i++) weights[x * most + i] = (weights[x * most + i] ?? 0) / sum;
    starts[x] = start;
    counts[x] = end - start;
  }
  return { starts, counts, weights, most };
}
