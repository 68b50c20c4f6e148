/** Each cell of a converted network against the original on its crop, along every axis that slides, by running both. */
import { type CompileOptions, compile } from '../../src/compile';
import { windowAxes, windowLengths, windowLetters } from '../../src/compile/input-size';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { pixelStride } from '../../src/operators/pixel-stride';
import { cropped } from '../../src/verify/inputs';
import { parseGraph } from './expect-pass';
import { runModel } from './run';
import { seededTensor } from './seeded';

/** Returns the converted model. */
export async function expectCrops(text: string, options: CompileOptions = {}): Promise<Model> {
  const original = parseGraph(text);
  const { model, report } = compile(original, options);
  const [window] = report.windows;
  const [output] = model.graph.outputs;
  const [input] = model.graph.inputs;
  if (!window || !output || !input) throw new Error('no image, or no output');
  const [axes, lengths] = [windowAxes(window), windowLengths(window)];
  const strides = pixelStride(output);
  expect(strides).toHaveLength(lengths.length);
  const isStill = windowLetters(window).map((letter) => model.graph.tied.has(letter));
  const larger = lengths.map((length, axis) =>
    isStill[axis] ? length : length + (strides[axis] ?? 1) * (axis + 1) + (axis === 0 ? 1 : 0),
  );
  const shape = (original.graph.inputs[0]?.type?.shape ?? []).map(
    (dim, axis) => larger[axes.indexOf(axis)] ?? (typeof dim === 'number' ? dim : 1),
  );
  const image = seededTensor('float', shape, 7);
  const map = (await runModel(model, new Map([[input.name, image]]))).get(output.name);
  if (!map) throw new Error('no map');
  const counts = larger.map((length, axis) => Math.floor((length - (lengths[axis] ?? 1)) / (strides[axis] ?? 1)) + 1);
  expect(counts.some((count, axis) => isStill[axis] || count > 1)).toBe(true);
  // Cells of less than a window, where a stride leaves samples over, may come after these.
  expect(map.shape.slice(2).map((count, axis) => Math.min(count, counts[axis] ?? 0))).toEqual(counts);
  const cells = counts.reduce((product, count) => product * count, 1);
  for (let cell = 0; cell < cells; cell++) {
    const place = placeOf(cell, counts);
    const crop = cropOf(
      image,
      axes,
      place.map((at, axis) => at * (strides[axis] ?? 1)),
      lengths,
    );
    const wanted = (await runModel(original, new Map([[input.name, crop]]))).get(output.name);
    const found = cropOf(
      map,
      counts.map((_, axis) => axis + 2),
      place,
      counts.map(() => 1),
    );
    const [a, b] = [readNumbers(wanted ?? map), readNumbers(found)];
    expect(b).toHaveLength(a.length);
    for (const [at, number] of a.entries()) expect(Math.abs(number - (b[at] ?? Number.NaN))).toBeLessThan(1e-4);
  }
  return model;
}

function placeOf(cell: number, counts: readonly number[]): number[] {
  let rest = cell;
  return [...counts]
    .reverse()
    .map((count) => {
      const at = rest % count;
      rest = Math.floor(rest / count);
      return at;
    })
    .reverse();
}

function cropOf(tensor: Tensor, axes: readonly number[], starts: readonly number[], lengths: readonly number[]): Tensor {
  const numbers = { dtype: tensor.dtype, shape: tensor.shape, data: Float32Array.from(readNumbers(tensor)) };
  const part = cropped(numbers, axes, starts, lengths);
  return fromNumbers('float', part.shape, part.data);
}
