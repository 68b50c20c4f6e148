/** The network itself on crops, cell by cell: exact and slow. What a map of a padded network is compared with. */
import type { Numbers } from '../verify/onnx-runner';
import type { Peak } from './grid';
import type { Picture, Size } from './picture';
import type { Encoding } from './preprocessing';
import { imageOf, type MapNetwork, type PlannedView } from './views';

/** Runs one image of the window's size: [1, classes], or a map of one cell. */
export type RunWindow = (image: Numbers) => Promise<Numbers>;

/** A network with the cells of `network`, each of them from a run on its own crop. */
export function sliding(network: MapNetwork, window: Size, layout: 'NCHW' | 'NHWC', runWindow: RunWindow): MapNetwork {
  return {
    ...network,
    async run(image) {
      const strides = network.strides ?? { rows: 1, columns: 1 };
      const [height = 0, width = 0] = layout === 'NCHW' ? image.shape.slice(2) : image.shape.slice(1, 3);
      // A padded map may have a last window that sticks out: the last that does not stands for it.
      const rows = starts(height, window.height, strides.rows);
      const columns = starts(width, window.width, strides.columns);
      let scores = new Float32Array();
      for (const [row, top] of rows.entries())
        for (const [column, left] of columns.entries()) {
          const { data } = await runWindow(crop(image, { top, left, ...window }, layout));
          if (scores.length === 0) scores = new Float32Array(data.length * rows.length * columns.length);
          for (let k = 0; k < data.length; k++) scores[(k * rows.length + row) * columns.length + column] = data[k] ?? 0;
        }
      const classes = scores.length / (rows.length * columns.length);
      return network.classesLast === true
        ? channelsLast({ dtype: 'float', shape: [1, classes, rows.length, columns.length], data: scores })
        : { dtype: 'float', shape: [1, classes, rows.length, columns.length], data: scores };
    },
  };
}

function starts(length: number, window: number, stride: number): readonly number[] {
  const count = Math.ceil((length - window) / stride) + 1;
  return Array.from({ length: Math.max(1, count) }, (_, at) => Math.max(0, Math.min(at * stride, length - window)));
}

function crop(image: Numbers, { top, left, height, width }: Size & { top: number; left: number }, layout: 'NCHW' | 'NHWC'): Numbers {
  const { shape, data } = image;
  const [planes, line, pixel] = layout === 'NCHW' ? [shape[1] ?? 1, shape[3] ?? 1, 1] : [1, shape[2] ?? 1, shape[3] ?? 1];
  const plane = (layout === 'NCHW' ? (shape[2] ?? 1) : (shape[1] ?? 1)) * line * pixel;
  const cut = new Float32Array(planes * height * width * pixel);
  let at = 0;
  for (let p = 0; p < planes; p++)
    for (let y = 0; y < height; y++) {
      const from = p * plane + ((top + y) * line + left) * pixel;
      for (let x = 0; x < width * pixel; x++) cut[at++] = data[from + x] ?? 0;
    }
  return { dtype: image.dtype, shape: layout === 'NCHW' ? [1, planes, height, width] : [1, height, width, pixel], data: cut };
}

function channelsLast({ dtype, shape, data }: Numbers): Numbers {
  const [, classes = 1, rows = 1, columns = 1] = shape;
  const cells = rows * columns;
  const turned = Float32Array.from({ length: data.length }, (_, at) => data[(at % classes) * cells + Math.floor(at / classes)] ?? 0);
  return { dtype, shape: [1, rows, columns, classes], data: turned };
}

/** The image of the window of a peak, as the network saw it in the view that the peak is due to. */
export function cropOfPeak(
  picture: Picture,
  planned: PlannedView,
  encoding: Encoding,
  { cell }: Peak,
  window: Size,
  strides: { readonly rows: number; readonly columns: number },
): Numbers {
  const column = planned.flipped ? planned.tiling.columns.cells - 1 - cell.column : cell.column;
  const span = (at: number, stride: number, length: number, whole: number) => {
    const start = Math.max(0, Math.min(at * stride, whole - length));
    return { start, end: start + length, first: 0, last: 1, skip: 0 };
  };
  return imageOf(
    picture,
    planned,
    encoding,
    span(cell.row, strides.rows, window.height, planned.padded.height),
    span(column, strides.columns, window.width, planned.padded.width),
  );
}
