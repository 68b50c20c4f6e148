/**
 * Measures where a cell of a map looks: perturbs a band of pixels and observes which cells change.
 *
 *   centre = sum of e(y, i) (y - i stride) / sum of e(y, i)        e(y, i): squared change of cell i when the band around y is perturbed
 *
 * The middle of the window is not accurate: layers that pad both sides of an even size equally shift their windows by up to half a stride, and the trained weights
 * may shift the centre further. Bands cover one stride, so that every phase of the layers' grids has the same weight.
 */
import { scaledSource } from '../sources/resample';
import { type Block, blockSource, cropBlock, likeData, product, type Source, wholeBox } from '../sources/source';
import { cellAt } from './grid';
import type { Encoding } from './preprocessing';
import { scan } from './scan';
import { areShares } from './scores';
import { imageOf, type MapNetwork, planView, type Shown } from './views';

/** Centre of cell 0 along each axis, in pixels of the network's input: pixel p covers p to p + 1. */
export type Centre = readonly number[];

/** `image` provides the content to perturb. Returns undefined if no cell changed. */
export async function measureCentre(network: MapNetwork, image: Source & Shown, encoding: Encoding): Promise<Centre | undefined> {
  const centre: number[] = [];
  for (const axis of image.lengths.keys()) {
    const along = await measureAlong(network, image, encoding, axis);
    if (along === undefined) return undefined;
    centre.push(along);
  }
  return centre;
}

async function measureAlong(network: MapNetwork, image: Source & Shown, encoding: Encoding, axis: number): Promise<number | undefined> {
  const { isPicture } = image;
  const wanted = probeSize(network, axis, image.lengths.length);
  const options = { pad: true, tile: 'none', memory: 0 } as const;
  const { padded } = planView(network, { lengths: wanted, isPicture }, 1, options, '');
  const ground = mirrored(await lent(image, padded), padded);
  const planned = planView(network, { lengths: padded, isPicture }, 1, options, '');
  const own = planned.tiling.along[axis];
  if (!own) return undefined;
  const { stride } = own;
  const respond = async (probe: Block): Promise<Float32Array> => {
    let cells = new Float32Array();
    await scan(
      {
        tiling: planned.tiling,
        plan: planned.plan,
        softmax: false,
        image: (spans) => imageOf(blockSource(probe), planned, encoding, spans),
        run: (numbers) => network.run(numbers),
      },
      ({ data }) => {
        cells = Float32Array.from(data);
      },
    );
    return cells;
  };
  const shape = { classes: planned.tiling.classes, counts: planned.tiling.along.map(({ cells }) => cells) };
  const base = await respond(ground);
  const length = padded[axis] ?? 1;
  const bands = network.window ? 2 : 4;
  const band = Math.max(1, Math.round(stride / bands));
  const noise = noiseFor(ground);
  let [weighted, total] = [0, 0];
  for (let round = 0; round < ROUNDS; round++)
    for (let phase = 0; phase * band < Math.max(stride, 1); phase++) {
      const start = Math.floor(length / 2 - stride / 2) + phase * band;
      const changes = energies(base, await respond(disturbed(ground, axis, start, band, round, noise)), shape, axis);
      changes.forEach((energy, cell) => {
        weighted += energy * (start + band / 2 - cell * stride);
        total += energy;
      });
    }
  return total > 0 ? weighted / total : undefined;
}

/** Number of noise patterns: what a single one happens to change is not a reliable measure. */
const ROUNDS = 2;

/** Probe size: long enough to contain everything that changes, and narrow, so that a probe costs about as much as a few windows. */
function probeSize({ window, strides }: MapNetwork, axis: number, axes: number): readonly number[] {
  const stride = strides ? Math.max(...strides) : 32;
  const own = (list: readonly number[], at: number): number => (axes === 2 ? Math.max(...list) : (list[at] ?? 1));
  return Array.from({ length: axes }, (_, at) => {
    const isLong = at === axis;
    if (window) return Math.round((isLong ? 2.5 : 1) * own(window, at));
    return isLong ? Math.max(14 * stride, 96) : Math.max(8 * stride, 32);
  });
}

/** A picture, scaled down just enough to cover the probe; of any other image, a part of its middle. */
async function lent(image: Source & Shown, size: readonly number[]): Promise<Block> {
  if (image.isPicture) {
    const zoom = Math.min(1, Math.max(...size.map((length, axis) => length / (image.lengths[axis] ?? 1))));
    const scaled = scaledSource(
      image,
      image.lengths.map((length) => (zoom < 1 ? Math.max(1, Math.round(length * zoom)) : length)),
    );
    return scaled.read(wholeBox(scaled));
  }
  const lengths = image.lengths.map((length, axis) => Math.min(length, size[axis] ?? 1));
  return image.read({ starts: lengths.map((length, axis) => Math.floor(((image.lengths[axis] ?? length) - length) / 2)), lengths });
}

/** Repeats the content by reflection until it fills `size`. */
function mirrored(block: Block, size: readonly number[]): Block {
  const { lengths, bands, data } = block;
  if (size.every((length, axis) => length <= (lengths[axis] ?? 0))) return cropBlock(block, { starts: size.map(() => 0), lengths: size });
  const fold = (at: number, length: number): number => {
    const place = at % (2 * length);
    return place < length ? place : 2 * length - 1 - place;
  };
  const count = product(size);
  const grid = size.map((length) => ({ start: 0, step: 1, count: length }));
  const filled = likeData(data, count * bands);
  for (let place = 0; place < count; place++) {
    const from = cellAt(place, grid).reduce((at, own, axis) => at * (lengths[axis] ?? 1) + fold(own, lengths[axis] ?? 1), 0);
    for (let c = 0; c < bands; c++) filled[place * bands + c] = data[from * bands + c] ?? 0;
  }
  return { lengths: size, bands, data: filled };
}

interface Noise {
  readonly size: number;
  readonly low: number;
  readonly high: number;
}

/** Amplitude of the noise: a quarter of the range for bytes; twice the deviation, unclipped, for other values. */
function noiseFor({ data }: Block): Noise {
  if (data instanceof Uint8Array) return { size: 60, low: 0, high: 255 };
  let [sum, squares] = [0, 0];
  for (const value of data) sum += value;
  const mean = sum / data.length;
  for (const value of data) squares += (value - mean) ** 2;
  const size = 2 * Math.sqrt(squares / data.length) || 1;
  return { size, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
}

/** Adds noise to a band; the noise does not depend on the image. */
function disturbed(block: Block, axis: number, start: number, band: number, round: number, { size, low, high }: Noise): Block {
  const { lengths, bands } = block;
  const data = block.data.slice();
  let state = 0x2545f491 + round;
  const inner = product(lengths.slice(axis + 1)) * bands;
  const length = lengths[axis] ?? 1;
  for (let place = 0; place < data.length; place++) {
    const at = Math.floor(place / inner) % length;
    if (at < start || at >= start + band) continue;
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = data[place] ?? 0;
    const by = state > 0x7fffffff ? size : -size;
    // Away from the nearer end of the range.
    data[place] = value + by > high || value + by < low ? value - by : value + by;
  }
  return { ...block, data };
}

/** Squared changes per cell along the axis, summed over classes and the other axes. Changes common to all cells carry no position and are removed. */
function energies(
  before: Float32Array,
  after: Float32Array,
  { classes, counts }: { readonly classes: number; readonly counts: readonly number[] },
  axis: number,
): Float64Array {
  const cells = product(counts);
  const first = Float64Array.from({ length: classes }, (_, k) => before[k * cells] ?? 0);
  // Probabilities near 0 or 1 hardly move. Their logarithms do: they are the underlying scores, up to a constant shared by all classes.
  const [was, is] = areShares(first) ? [logits(before, classes), logits(after, classes)] : [before, after];
  const along = counts[axis] ?? 1;
  const inner = product(counts.slice(axis + 1));
  const sums = new Float64Array(along);
  for (let at = 0; at < classes * cells; at++) {
    const change = (is[at] ?? 0) - (was[at] ?? 0);
    const cell = Math.floor(at / inner) % along;
    if (Number.isFinite(change)) sums[cell] = (sums[cell] ?? 0) + change * change;
  }
  const least = sums.length > 2 ? Math.min(...sums) : 0;
  return sums.map((sum) => sum - least);
}

function logits(shares: Float32Array, classes: number): Float32Array {
  const cells = shares.length / classes;
  const logs = shares.map((share) => Math.log(Math.max(share, 1e-30)));
  for (let cell = 0; cell < cells; cell++) {
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += logs[k * cells + cell] ?? 0;
    for (let k = 0; k < classes; k++) logs[k * cells + cell] = (logs[k * cells + cell] ?? 0) - sum / classes;
  }
  return logs;
}
