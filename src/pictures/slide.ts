/** Runs the network itself on crops, cell by cell: exact but slow. Maps of padded networks are compared with it. */
import { eachLine, product, type Source } from '../sources/source';
import type { Numbers } from '../verify/onnx-runner';
import { cellAt, type Peak } from './grid';
import type { Encoding } from './preprocessing';
import { imageOf, type MapNetwork, type PlannedView } from './views';

/** Runs one image of the window's size: [1, classes], or a map of one cell. */
export type RunWindow = (image: Numbers) => Promise<Numbers>;

/** A network that outputs the cells of `network`, each computed by running its own crop. `layout`: roles of the image's axes. */
export function sliding(network: MapNetwork, window: readonly number[], layout: string, runWindow: RunWindow): MapNetwork {
  return {
    ...network,
    async run(image) {
      const axes = spatialAxes(layout);
      // The last window of a padded map may extend beyond the image; the last window that fits is used instead.
      const begins = axes.map((axis, at) => startsAlong(image.shape[axis] ?? 0, window[at] ?? 1, network.strides?.[at] ?? 1));
      const counts = begins.map((own) => own.length);
      const grid = counts.map((count) => ({ start: 0, step: 1, count }));
      const cells = product(counts);
      let scores = new Float32Array();
      for (let cell = 0; cell < cells; cell++) {
        const at = cellAt(cell, grid);
        const starts = begins.map((own, axis) => own[at[axis] ?? 0] ?? 0);
        const { data } = await runWindow(crop(image, starts, window, axes));
        if (scores.length === 0) scores = new Float32Array(data.length * cells);
        for (let k = 0; k < data.length; k++) scores[k * cells + cell] = data[k] ?? 0;
      }
      const classes = scores.length / cells;
      const map: Numbers = { dtype: 'float', shape: [1, classes, ...counts], data: scores };
      return network.classesLast === true ? channelsLast(map) : map;
    },
  };
}

/** Indices of the spatial axes of the image. */
const spatialAxes = (layout: string): readonly number[] =>
  [...layout].flatMap((role, axis) => (role === 'N' || role === 'C' ? [] : [axis]));

function startsAlong(length: number, window: number, stride: number): readonly number[] {
  const count = Math.ceil((length - window) / stride) + 1;
  return Array.from({ length: Math.max(1, count) }, (_, at) => Math.max(0, Math.min(at * stride, length - window)));
}

function crop({ dtype, shape, data }: Numbers, starts: readonly number[], window: readonly number[], axes: readonly number[]): Numbers {
  const lengths = shape.map((length, axis) => (axes.includes(axis) ? (window[axes.indexOf(axis)] ?? 1) : length));
  const begin = shape.map((_, axis) => (axes.includes(axis) ? (starts[axes.indexOf(axis)] ?? 0) : 0));
  const wide = lengths.at(-1) ?? 1;
  const cut = new Float32Array(product(lengths));
  eachLine(shape, { starts: begin, lengths }, (from, line) => cut.set(data.subarray(from, from + wide), line * wide));
  return { dtype, shape: lengths, data: cut };
}

function channelsLast({ dtype, shape, data }: Numbers): Numbers {
  const [batch = 1, classes = 1, ...counts] = shape;
  const cells = product(counts);
  const turned = Float32Array.from({ length: data.length }, (_, at) => data[(at % classes) * cells + Math.floor(at / classes)] ?? 0);
  return { dtype, shape: [batch, ...counts, classes], data: turned };
}

/** The image within the window of a peak, as the network saw it in the view that produced the peak. */
export function cropOfPeak(
  source: Source,
  planned: PlannedView,
  encoding: Encoding,
  { cell }: Peak,
  window: readonly number[],
  strides: readonly number[],
): Promise<Numbers> {
  const last = cell.length - 1;
  const spans = cell.map((own, axis) => {
    const at = planned.flipped && axis === last ? (planned.tiling.along[axis]?.cells ?? 1) - 1 - own : own;
    const [stride, length, whole] = [strides[axis] ?? 1, window[axis] ?? 1, planned.padded[axis] ?? 1];
    const start = Math.max(0, Math.min(at * stride, whole - length));
    return { start, end: start + length, first: 0, last: 1, skip: 0 };
  });
  return imageOf(source, planned, encoding, spans);
}
