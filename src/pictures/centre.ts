/**
 * Where a cell of a map looks, measured: a band of pixels is disturbed, and the cells that change say where from they are seen.
 *
 *   centre = sum of e(y, i) (y - i stride) / sum of e(y, i)        e(y, i): how much cell i changes (squared) when the band around y does
 *
 * The middle of a window is not that place: a network whose layers pad both sides of an even size by the same amount sees its windows off their middle, by up to half a
 * stride, and what it learnt may move it further. Bands cover one stride, so that every phase of the layers' grids counts alike.
 */
import { scaledSource } from '../sources/resample';
import { type Block, blockSource, cropBlock, likeData, product, type Source, wholeBox } from '../sources/source';
import { cellAt } from './grid';
import type { Encoding } from './preprocessing';
import { scan } from './scan';
import { areShares } from './scores';
import { imageOf, type MapNetwork, planView, type Shown } from './views';

/** Where cell 0 looks along each axis, in pixels of the image that the network sees: pixel p reaches from p to p + 1. */
export type Centre = readonly number[];

/** `image` lends its content. undefined: no cell changed. */
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

/** What one noise or one picture happens to change is not what the network sees. */
const ROUNDS = 2;

/** Long enough that what changes lies within, and narrow: a probe costs about as much as a few windows. */
function probeSize({ window, strides }: MapNetwork, axis: number, axes: number): readonly number[] {
  const stride = strides ? Math.max(...strides) : 32;
  const own = (list: readonly number[], at: number): number => (axes === 2 ? Math.max(...list) : (list[at] ?? 1));
  return Array.from({ length: axes }, (_, at) => {
    const isLong = at === axis;
    if (window) return Math.round((isLong ? 2.5 : 1) * own(window, at));
    return isLong ? Math.max(14 * stride, 96) : Math.max(8 * stride, 32);
  });
}

/** A picture at its middle size; of other images a part in the middle. */
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

/** Repeated in mirrors until it fills `size`. */
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

/** Of bytes a quarter of what there is; of other numbers twice the deviation, without ends. */
function noiseFor({ data }: Block): Noise {
  if (data instanceof Uint8Array) return { size: 60, low: 0, high: 255 };
  let [sum, squares] = [0, 0];
  for (const value of data) sum += value;
  const mean = sum / data.length;
  for (const value of data) squares += (value - mean) ** 2;
  const size = 2 * Math.sqrt(squares / data.length) || 1;
  return { size, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
}

/** Noise added to a band; the same noise whatever the image. */
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
    // Away from the end that is near.
    data[place] = value + by > high || value + by < low ? value - by : value + by;
  }
  return { ...block, data };
}

/** Per cell along the axis: squared changes, all classes and the other axes together; what all cells share is no place. */
function energies(
  before: Float32Array,
  after: Float32Array,
  { classes, counts }: { readonly classes: number; readonly counts: readonly number[] },
  axis: number,
): Float64Array {
  const cells = product(counts);
  const first = Float64Array.from({ length: classes }, (_, k) => before[k * cells] ?? 0);
  // Probabilities hardly move where they are nearly 0 or 1; what they were made of does: their logarithms, but for a number that all classes share.
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
