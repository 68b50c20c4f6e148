/**
 * The promise of an unpadded network, by ONNX Runtime alone: each cell of the converted map is what the original says of the crop that begins there.
 *
 *   await expectCrops(`g (float[1, 3, 10, 9] X) => (float[1, 4] Y) <...> { ... }`)
 *
 * At the original size and at two larger ones that are not square, one of them odd. Other inputs get the same numbers in both models.
 */
import { type CompileOptions, compile } from '../../src/compile';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { strideBySize } from '../../src/operators/pixel-stride';
import { parseGraph } from './expect-pass';
import { feedsFor, runModel } from './run';

const GROWTH: readonly (readonly [number, number])[] = [
  [0, 0],
  [7, 4],
  [4, 13],
];

export interface Crops {
  /** Pixels between neighbouring cells. */
  readonly stride: readonly [number, number];
  readonly converted: Model;
}

export async function expectCrops(
  text: string,
  options: CompileOptions = {},
  tolerance = 2e-5,
  {
    mayHaveMore = false,
  }: { /** Cells whose windows stick out, by pixels that the network does not look at. */ readonly mayHaveMore?: boolean } = {},
): Promise<Crops> {
  const original = parseGraph(text);
  const { model: converted } = compile(original, options);
  const [image] = original.graph.inputs;
  const [, , height = 0, width = 0] = image?.type?.shape?.map(Number) ?? [];
  const [output] = converted.graph.outputs;
  const [down, across] = (output && strideBySize(output)) ?? [];
  if (!image || down === undefined || across === undefined || !output) throw new Error('the map does not grow with the image');
  for (const [rows, columns] of GROWTH) {
    const feeds = feedsFor(converted.graph.inputs, { sizes: { N: 2, height: height + rows, width: width + columns } });
    const map = (await runModel(converted, feeds)).get(output.name);
    const pixels = feeds.get(image.name);
    if (!map || !pixels) throw new Error('nothing was computed');
    const cells = [Math.floor(rows / down) + 1, Math.floor(columns / across) + 1];
    if (mayHaveMore) expect(map.shape.slice(2).every((count, axis) => count >= (cells[axis] ?? 1))).toBe(true);
    else expect(map.shape.slice(2)).toEqual(cells);
    for (const i of [0, (cells[0] ?? 1) - 1])
      for (const j of [0, (cells[1] ?? 1) - 1]) {
        const crop = cropOf(pixels, [i * down, j * across], [height, width]);
        const wanted = (await runModel(original, new Map([...feeds, [image.name, crop]]))).get(output.name);
        expectClose(cellOf(map, i, j), wanted ? [...readNumbers(wanted)] : [], tolerance);
      }
  }
  return { stride: [down, across], converted };
}

function cropOf(pixels: Tensor, [top = 0, left = 0]: readonly number[], [height = 0, width = 0]: readonly number[]): Tensor {
  const [images = 0, channels = 0, rows = 0, columns = 0] = pixels.shape;
  const numbers = readNumbers(pixels);
  const crop: number[] = [];
  for (let plane = 0; plane < images * channels; plane++)
    for (let y = top; y < top + height; y++)
      for (let x = left; x < left + width; x++) crop.push(numbers[(plane * rows + y) * columns + x] ?? Number.NaN);
  return fromNumbers(pixels.dtype, [images, channels, height, width], crop);
}

/** All numbers of one cell, image by image. */
function cellOf(map: Tensor, i: number, j: number): number[] {
  const [images = 0, channels = 0, rows = 0, columns = 0] = map.shape;
  const numbers = readNumbers(map);
  return Array.from({ length: images * channels }, (_, plane) => numbers[(plane * rows + i) * columns + j] ?? Number.NaN);
}

function expectClose(actual: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(wanted.length);
  const scale = Math.max(...wanted.map(Math.abs), 1e-3);
  const worst = Math.max(...actual.map((number, at) => Math.abs(number - (wanted[at] ?? Number.NaN)) / scale));
  expect(worst).toBeLessThanOrEqual(tolerance);
}

/**
 * The promise of the heads `cell` and `image` for an unpadded network, by ONNX Runtime alone: the mean over the cells of each window is what the original says of
 * the crop; and the one prediction is the mean of what the original says of all crops.
 */
export async function expectMeans(text: string, head: 'cell' | 'image', tolerance = 1e-4): Promise<void> {
  const original = parseGraph(text);
  const { model: converted } = compile(original, { head });
  const [image] = original.graph.inputs;
  const [output] = converted.graph.outputs;
  const [windows] = compile(original).model.graph.outputs;
  const steps = windows && strideBySize(windows);
  const own = head === 'cell' && output ? strideBySize(output) : undefined;
  const [, , height = 0, width = 0] = image?.type?.shape?.map(Number) ?? [];
  if (!image || !output || !steps) throw new Error('the map does not grow with the image');
  let block: readonly number[] = [];
  for (const grown of GROWTH_OF_MEANS) {
    const feeds = feedsFor(converted.graph.inputs, { sizes: { N: 1, height: height + grown[0], width: width + grown[1] } });
    const pixels = feeds.get(image.name);
    const result = (await runModel(converted, feeds)).get(output.name);
    if (!pixels || !result) throw new Error('nothing was computed');
    const counts = steps.map((step, axis) => Math.floor((grown[axis] ?? 0) / (step ?? 1)) + 1);
    if (block.length === 0) block = result.shape.slice(2);
    const said: number[][] = [];
    for (let i = 0; i < (counts[0] ?? 1); i++)
      for (let j = 0; j < (counts[1] ?? 1); j++) {
        const start = [i * (steps[0] ?? 1), j * (steps[1] ?? 1)] as const;
        const crop = cropOf(pixels, start, [height, width]);
        const wanted = (await runModel(original, new Map([...feeds, [image.name, crop]]))).get(output.name);
        const numbers = wanted ? [...readNumbers(wanted)] : [];
        if (own)
          expectClose(
            meanOf(
              result,
              start.map((at, axis) => at / (own[axis] ?? 1)),
              block,
            ),
            numbers,
            tolerance,
          );
        else said.push(numbers);
      }
    if (!own) {
      const mean = said[0]?.map((_, at) => said.reduce((sum, numbers) => sum + (numbers[at] ?? Number.NaN), 0) / said.length) ?? [];
      expectClose([...readNumbers(result)], mean, tolerance);
    }
  }
}
const GROWTH_OF_MEANS = [
  [0, 0],
  [3, 4],
] as const;

/** Of the cells of a block that begins here, channel by channel. */
function meanOf(map: Tensor, [top = 0, left = 0]: readonly number[], [rows = 1, columns = 1]: readonly number[]): number[] {
  const block = cropOf(map, [top, left], [rows, columns]);
  const numbers = readNumbers(block);
  const cells = rows * columns;
  return Array.from(
    { length: numbers.length / cells },
    (_, plane) => numbers.slice(plane * cells, (plane + 1) * cells).reduce((a, b) => a + b, 0) / cells,
  );
}
