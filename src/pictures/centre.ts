/**
 * Where a cell of a map looks, measured: a band of pixels is disturbed, and the cells that change say where from they are seen.
 *
 *   centre = sum of e(y, i) (y - i stride) / sum of e(y, i)        e(y, i): how much cell i changes (squared) when the band around y does
 *
 * The middle of a window is not that place: a network whose layers pad both sides of an even size by the same amount sees its windows off their middle, by up to half a
 * stride, and what it learnt may move it further. Bands cover one stride, so that every phase of the layers' grids counts alike.
 */
import type { Numbers } from '../verify/onnx-runner';
import type { Picture, Size } from './picture';
import type { Encoding } from './preprocessing';
import { resample } from './resample';
import { scan } from './scan';
import { areShares } from './scores';
import { imageOf, type MapNetwork, planView } from './views';

/** Of cell 0, in pixels of the image that the network sees: pixel p reaches from p to p + 1. */
export interface Centre {
  readonly rows: number;
  readonly columns: number;
}

/** `picture` lends its content. undefined: no cell changed. */
export async function measureCentre(network: MapNetwork, picture: Picture, encoding: Encoding): Promise<Centre | undefined> {
  const rows = await along(network, picture, encoding, 'rows');
  const columns = await along(network, picture, encoding, 'columns');
  return rows === undefined || columns === undefined ? undefined : { rows, columns };
}

async function along(network: MapNetwork, picture: Picture, encoding: Encoding, axis: 'rows' | 'columns'): Promise<number | undefined> {
  const wanted = probeSize(network, axis);
  const options = { pad: true, tile: 'none', memory: 0 } as const;
  const { padded } = planView(network, { ...picture, ...wanted }, 1, options, '');
  const ground = mirrored(picture, padded);
  const planned = planView(network, ground, 1, options, '');
  const { stride } = planned.tiling[axis];
  const respond = async (probe: Picture): Promise<Float32Array> => {
    let cells = new Float32Array();
    await scan(
      {
        tiling: planned.tiling,
        plan: planned.plan,
        softmax: false,
        image: (high, wide): Numbers => imageOf(probe, planned, encoding, high, wide),
        run: (image) => network.run(image),
      },
      ({ data }) => {
        cells = Float32Array.from(data);
      },
    );
    return cells;
  };
  const shape = { classes: planned.tiling.classes, rows: planned.tiling.rows.cells, columns: planned.tiling.columns.cells };
  const base = await respond(ground);
  const length = axis === 'rows' ? padded.height : padded.width;
  const bands = network.window ? 2 : 4;
  const band = Math.max(1, Math.round(stride / bands));
  let [weighted, total] = [0, 0];
  for (let round = 0; round < ROUNDS; round++)
    for (let phase = 0; phase * band < Math.max(stride, 1); phase++) {
      const start = Math.floor(length / 2 - stride / 2) + phase * band;
      const changes = energies(base, await respond(disturbed(ground, axis, start, band, round)), shape, axis);
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
function probeSize({ window, strides }: MapNetwork, axis: 'rows' | 'columns'): Size {
  const stride = strides ? Math.max(strides.rows, strides.columns) : 32;
  const [long, narrow] = window
    ? [2.5 * Math.max(window.height, window.width), Math.max(window.height, window.width)]
    : [Math.max(14 * stride, 96), Math.max(8 * stride, 32)];
  const size = (length: number): number => Math.round(length);
  return axis === 'rows' ? { height: size(long), width: size(narrow) } : { height: size(narrow), width: size(long) };
}

/** The picture at its middle size, repeated in mirrors until it fills `size`. */
function mirrored(picture: Picture, size: Size): Picture {
  const zoom = Math.min(1, Math.max(size.height / picture.height, size.width / picture.width));
  const scaled = zoom < 1 ? resample(picture, zoomed(picture, zoom)) : picture;
  const { width, height, channels, data } = scaled;
  const fold = (at: number, length: number): number => {
    const place = at % (2 * length);
    return place < length ? place : 2 * length - 1 - place;
  };
  const filled = new Uint8Array(size.width * size.height * channels);
  for (let y = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++) {
      const from = (fold(y, height) * width + fold(x, width)) * channels;
      for (let c = 0; c < channels; c++) filled[(y * size.width + x) * channels + c] = data[from + c] ?? 0;
    }
  return { ...size, channels, data: filled };
}

const zoomed = ({ height, width }: Size, zoom: number): Size => ({
  height: Math.max(1, Math.round(height * zoom)),
  width: Math.max(1, Math.round(width * zoom)),
});

const NOISE = 60;

/** Noise added to a band; the same noise whatever the picture. */
function disturbed(picture: Picture, axis: 'rows' | 'columns', start: number, band: number, round: number): Picture {
  const { width, height, channels } = picture;
  const data = picture.data.slice();
  let state = 0x2545f491 + round;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = axis === 'rows' ? y : x;
      if (at < start || at >= start + band) continue;
      for (let c = 0; c < channels; c++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const place = (y * width + x) * channels + c;
        const value = data[place] ?? 0;
        const by = state > 0x7fffffff ? NOISE : -NOISE;
        // Away from the end that is near.
        data[place] = value + by > 255 || value + by < 0 ? value - by : value + by;
      }
    }
  return { ...picture, data };
}

/** Per cell along the axis: squared changes, all classes and the other axis together; what all cells share is no place. */
function energies(
  before: Float32Array,
  after: Float32Array,
  { classes, rows, columns }: { readonly classes: number; readonly rows: number; readonly columns: number },
  axis: 'rows' | 'columns',
): Float64Array {
  const cells = rows * columns;
  const first = Float64Array.from({ length: classes }, (_, k) => before[k * cells] ?? 0);
  // Probabilities hardly move where they are nearly 0 or 1; what they were made of does: their logarithms, but for a number that all classes share.
  const [was, is] = areShares(first) ? [logits(before, classes), logits(after, classes)] : [before, after];
  const sums = new Float64Array(axis === 'rows' ? rows : columns);
  for (let k = 0; k < classes; k++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const at = (k * rows + row) * columns + column;
        const change = (is[at] ?? 0) - (was[at] ?? 0);
        const cell = axis === 'rows' ? row : column;
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
