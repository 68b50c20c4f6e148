/**
 * What a converted model must do whatever its original looks like, by ONNX Runtime alone: say what the original says at its size (head `cell`: on average, in front of a
 * softmax); have as many cells as it declares; and give the same cell for the same pixels in another image, elsewhere.
 */
import { type CompileOptions, compile } from '../../src/compile';
import { windowLengths } from '../../src/compile/input-size';
import { evaluateDim } from '../../src/ir/dims';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { strideBySize } from '../../src/operators/pixel-stride';
import { parseGraph } from './expect-pass';
import { type Feeds, feedsFor, runModel } from './run';

const TOLERANCE = 3e-4;

/** Throws where the network is not converted. */
export async function expectMoves(text: string, options: CompileOptions): Promise<void> {
  const original = parseGraph(text);
  const { model, report } = compile(original, options);
  const window = report.windows[0];
  const lengths = window ? windowLengths(window) : [];
  const own = sized(original, lengths);
  const [before, after] = [await runModel(original, own), await runModel(model, own)];
  for (const { name } of model.graph.outputs) expectSame(after.get(name), before.get(name));
  if (options.head === 'image') return;
  const [output] = model.graph.outputs;
  const strides = (output && strideBySize(output)) ?? [];
  const period = periodOf(model);
  const steps = lengths.map((_, axis) => lcm(Math.max(1, Math.ceil(strides[axis] ?? 1)), period[axis] ?? 1));
  // The cell in the middle sees no border.
  const reach = Object.values(report.contract?.reach ?? {}).map(Number);
  const small = lengths.map(
    (length, axis) => length + 2 * (Math.ceil((reach[axis] ?? 0) / (steps[axis] ?? 1)) + 2) * (steps[axis] ?? 1) + 1,
  );
  const large = small.map((length, axis) => length + (axis + 2) * (steps[axis] ?? 1));
  const [here, ground] = [sized(model, small), sized(model, large, 7)];
  const there = new Map([...here].map(([name, pixels]) => [name, pasted(ground.get(name) ?? pixels, pixels, steps)]));
  const [first, second] = [await runModel(model, here), await runModel(model, there)];
  for (const { name, type } of model.graph.outputs) {
    const [a, b] = [first.get(name), second.get(name)];
    if (!a || !b || a.shape.length < 4) continue;
    for (const [map, sizes] of [
      [a, small],
      [b, large],
    ] as const)
      expect(map.shape.slice(2)).toEqual(
        type?.shape?.slice(2).map((dim) => evaluateDim(dim, { height: sizes[0] ?? 0, width: sizes[1] ?? 0 })),
      );
    // What the whole image gates does not stay.
    if (report.contract?.kind === 'whole-image') continue;
    const middle = a.shape.slice(2).map((cells) => Math.floor((cells - 1) / 2));
    const moved = middle.map((cell, axis) => cell + Math.round((steps[axis] ?? 1) / (strides[axis] ?? 1)));
    expectClose(cellOf(b, moved), cellOf(a, middle));
  }
}

const sized = (model: Model, [height = 0, width = 0]: readonly number[], seed = 1): Feeds =>
  feedsFor(model.graph.inputs, { sizes: { N: 1, height, width }, seed });

function periodOf({ metadata }: Model): readonly number[] {
  const told: unknown = JSON.parse(metadata.get('convolutionize.moves') ?? '{}');
  const period = typeof told === 'object' && told !== null && 'period' in told ? told.period : undefined;
  return typeof period === 'object' && period !== null ? Object.values(period).map(Number) : [];
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const lcm = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** The small image laid over the large one, at these rows and columns; what is no image stays what it was. */
function pasted(ground: Tensor, patch: Tensor, [top = 0, left = 0]: readonly number[]): Tensor {
  if (patch.shape.length !== 4) return patch;
  const [, , rows = 0, columns = 0] = patch.shape;
  const [, , wide = 0, long = 0] = ground.shape;
  const numbers = [...readNumbers(ground)];
  for (const [at, number] of readNumbers(patch).entries()) {
    const [plane, place] = [Math.floor(at / (rows * columns)), at % (rows * columns)];
    numbers[(plane * wide + Math.floor(place / columns) + top) * long + (place % columns) + left] = number;
  }
  return fromNumbers(ground.dtype, ground.shape, numbers);
}

function cellOf(map: Tensor, [row = 0, column = 0]: readonly number[]): number[] {
  const [images = 0, channels = 0, rows = 0, columns = 0] = map.shape;
  const numbers = readNumbers(map);
  return Array.from({ length: images * channels }, (_, plane) => numbers[(plane * rows + row) * columns + column] ?? Number.NaN);
}

/** A map is compared by the mean of its cells, with the scores or with what a softmax makes of it. */
function expectSame(map: Tensor | undefined, scores: Tensor | undefined): void {
  if (!map || !scores) throw new Error('nothing was computed');
  const wanted = [...readNumbers(scores)];
  const all = [...readNumbers(map)];
  const cells = Math.max(1, all.length / wanted.length);
  const means = wanted.map((_, at) => all.slice(at * cells, (at + 1) * cells).reduce((a, b) => a + b, 0) / cells);
  if (cells === 1 || differenceOf(means, wanted) <= TOLERANCE) expectClose(means, wanted);
  else {
    const powers = means.map((score) => Math.exp(score - Math.max(...means)));
    const total = powers.reduce((a, b) => a + b, 0);
    expectClose(
      powers.map((power) => power / total),
      wanted,
    );
  }
}

function differenceOf(actual: readonly number[], wanted: readonly number[]): number {
  const scale = Math.max(...wanted.map(Math.abs), 1e-3);
  return Math.max(...actual.map((number, at) => Math.abs(number - (wanted[at] ?? Number.NaN)) / scale));
}

function expectClose(actual: readonly number[], wanted: readonly number[]): void {
  expect(actual).toHaveLength(wanted.length);
  expect(differenceOf(actual, wanted)).toBeLessThanOrEqual(TOLERANCE);
}
