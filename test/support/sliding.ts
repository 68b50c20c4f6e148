/** The meaning of a prediction map, tried out: the original runs on crops of a larger image, the converted model on the image. */

import { type CompileOptions, compile } from '../../src/compile';
import { pictureSize } from '../../src/compile/input-size';
import { imageInputs } from '../../src/ir/axis-roles';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { pixelStride } from '../../src/operators/pixel-stride';
import { parseGraph } from './expect-pass';
import { type Feeds, runModel } from './run';
import { seededTensor } from './seeded';

export interface SlidingOptions {
  /** How many rows and columns the image has more than the window, for each image that is tried. */
  readonly beyond?: readonly (readonly [rows: number, columns: number])[];
  /** Places at the edge of the map that are not compared: padding is not what the crop saw. */
  readonly margin?: number;
  /** How the model is converted. */
  readonly options?: CompileOptions;
}

/** Rejects where a cell of the converted model's map is not what the original says of its crop, or where a window has no cell. */
export async function expectSliding(
  source: string | Model,
  { beyond = GROWTH, margin = 0, options = {} }: SlidingOptions = {},
): Promise<Model> {
  const original = typeof source === 'string' ? parseGraph(source) : source;
  const { model, report } = compile(original, options);
  const window = pictureSize(report.windows[0]);
  const output = model.graph.outputs[0];
  if (!window || !output) throw new Error('no image, or no output');
  const [rowStep = 1, columnStep = 1] = pixelStride(output);
  const layouts = imageInputs(model.graph);
  for (const [moreRows, moreColumns] of beyond) {
    const [height, width] = [window.height + moreRows, window.width + moreColumns];
    const images: Feeds = new Map(
      [...layouts].map(([input, roles], at) => {
        const shape = (input.type?.shape ?? []).map((dim, axis) =>
          roles[axis] === 'H' ? height : roles[axis] === 'W' ? width : typeof dim === 'number' ? dim : 1,
        );
        return [input.name, seededTensor('float', shape, 100 + at + height * 31 + width)];
      }),
    );
    const map = (await runModel(model, images)).get(output.name);
    if (!map) throw new Error(`no output '${output.name}'`);
    const [, channels = 0, rows = 0, columns = 0] = map.shape;
    const wanted = [Math.floor(moreRows / rowStep) + 1, Math.floor(moreColumns / columnStep) + 1] as const;
    if (rows < wanted[0] || columns < wanted[1])
      throw new Error(`${height}x${width} pixels have ${wanted.join('x')} windows, the map has ${rows}x${columns} cells`);
    const numbers = readNumbers(map);
    for (let row = margin; row < wanted[0] - margin; row++)
      for (let column = margin; column < wanted[1] - margin; column++) {
        const crops = new Map(
          [...layouts].map(([input, roles]) => [
            input.name,
            cropped(images.get(input.name), roles, [row * rowStep, column * columnStep], [window.height, window.width]),
          ]),
        );
        const scores = readNumbers((await runModel(original, crops)).get(output.name) ?? map);
        const largest = scores.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
        scores.forEach((score, channel) => {
          const cell = numbers[(channel * rows + row) * columns + column] ?? Number.NaN;
          if (channel < channels && !(Math.abs(cell - score) <= 1e-5 * largest))
            throw new Error(`${height}x${width}: cell (${row}, ${column}) of channel ${channel} is ${cell}, its crop gives ${score}`);
        });
      }
  }
  return model;
}
const GROWTH = [
  [0, 0],
  [1, 2],
  [3, 0],
  [2, 5],
] as const;

function cropped(
  image: Tensor | undefined,
  roles: readonly string[],
  [top, left]: readonly [number, number],
  [height, width]: readonly [number, number],
): Tensor {
  if (!image) throw new Error('no image');
  const shape = image.shape.map((length, axis) => (roles[axis] === 'H' ? height : roles[axis] === 'W' ? width : length));
  const first = roles.map((role) => (role === 'H' ? top : role === 'W' ? left : 0));
  const numbers = readNumbers(image);
  const count = shape.reduce((product, length) => product * length, 1);
  return fromNumbers(
    image.dtype,
    shape,
    Array.from({ length: count }, (_, index) => {
      let [rest, from, step] = [index, 0, 1];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const length = shape[axis] ?? 1;
        from += ((rest % length) + (first[axis] ?? 0)) * step;
        rest = Math.floor(rest / length);
        step *= image.shape[axis] ?? 1;
      }
      return numbers[from] ?? Number.NaN;
    }),
  );
}
