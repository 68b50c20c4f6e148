/** Larger images to try both models on, and the crops of them that cells of the map stand for. */
import { ceilDivideDim, evaluateDim } from '../ir/dims';
import type { Dim, Value } from '../ir/types';
import { lastMaps } from './cut';
import { cropped } from './inputs';
import type { Numbers } from './onnx-runner';
import type { Subject } from './subject';

export interface Larger {
  readonly height: number;
  readonly width: number;
  readonly strides: readonly [number, number];
  readonly feeds: ReadonlyMap<string, Numbers>;
}
/** Two larger sizes, 2 x 3 cells and 3 x 2 cells, one side of each odd; each with a second choice, since skip connections can ask for multiples of the stride. */
export function larger(subject: Subject): (readonly Larger[])[] {
  if (subject.head === 'original') return [];
  const steps = strides(subject);
  if (!steps) return [];
  const [y, x] = steps;
  const { height, width } = subject.image;
  const odd = (size: number): number => (size % 2 === 0 ? size + 1 : size);
  const plan = (rows: number, columns: number): Larger => ({
    height: rows,
    width: columns,
    strides: steps,
    feeds: subject.feeds('normal', rows, columns),
  });
  return [
    [plan(odd(height + y), width + 2 * x), plan(height + y, width + 2 * x)],
    [plan(height + 2 * y, odd(width + x)), plan(height + 2 * y, width + x)],
  ];
}

/** How many pixels further the next cell looks, from the symbolic sizes of the first map among the converted outputs. */
function strides(subject: Subject): readonly [number, number] | undefined {
  const { graph } = subject.request.converted.model;
  const input = graph.inputs.find(({ name }) => name === subject.image.input);
  const predicts = (value: Value): boolean => value.type?.shape?.length === 4 && !subject.isMap(value.name);
  const output = subject.head === 'window' ? graph.outputs.find(predicts) : undefined;
  if (subject.head !== 'window') return mapStrides(subject);
  const [rows, columns] = subject.axes.map((axis) => input?.type?.shape?.[axis]);
  if (typeof rows !== 'string' || typeof columns !== 'string' || !output) return undefined;
  const { height, width } = subject.image;
  // Of the cells that stand for one of the coarse map: a finer map of SAME padding grows by several cells at a time.
  const [ky, kx] = subject.request.density?.[output.name] ?? [1, 1];
  const [y, x] = [
    stepOf(ceilDivideDim(output.type?.shape?.[2], ky), rows, height),
    stepOf(ceilDivideDim(output.type?.shape?.[3], kx), columns, width),
  ];
  return y && x ? [y, x] : undefined;
}

/** Pixels between the cells of the original's last map, where the converted model has no map of windows to tell. */
function mapStrides(subject: Subject): readonly [number, number] | undefined {
  const maps = lastMaps(subject.whole, subject.whole.graph.outputs);
  const widest = (axis: 0 | 1): number => Math.max(...(maps ?? []).map(({ stride }) => stride[axis]));
  return maps && Number.isInteger(widest(0)) && Number.isInteger(widest(1)) ? [widest(0), widest(1)] : undefined;
}

export function cropsOf(subject: Subject, { feeds, strides, height, width }: Larger): ReadonlyMap<string, Numbers>[] {
  const crops: ReadonlyMap<string, Numbers>[] = [];
  const [stepY, stepX] = cropSteps(subject, strides);
  for (let top = 0; top + subject.image.height <= height; top += stepY) {
    for (let left = 0; left + subject.image.width <= width; left += stepX) {
      crops.push(
        new Map(
          [...feeds].map(([name, numbers]) => [
            name,
            subject.isImage(name) ? cropped(numbers, subject.axes, top, left, subject.image.height, subject.image.width) : numbers,
          ]),
        ),
      );
    }
  }
  return crops;
}
export function cropSteps(subject: Subject, [y, x]: readonly [number, number]): readonly [number, number] {
  const [ky, kx] = subject.cropsAreFine ? subject.densest : [1, 1];
  return [y / ky, x / kx];
}

/** Distance between the sizes at which a second and a third cell appear. */
function stepOf(dim: Dim, symbol: string, size: number): number | undefined {
  const cells = (at: number): number | undefined => evaluateDim(dim, { [symbol]: at });
  const first = cells(size);
  if (typeof dim !== 'string' || first === undefined) return undefined;
  const appears = (more: number): number | undefined => {
    for (let extra = 0; extra <= 4096; extra++) if ((cells(size + extra) ?? 0) >= first + more) return extra;
    return undefined;
  };
  const [second, third] = [appears(1), appears(2)];
  return second !== undefined && third !== undefined ? third - second : undefined;
}
