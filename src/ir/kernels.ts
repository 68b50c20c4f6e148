/**
 * The arithmetic behind `evaluate`: takes tensors of doubles and returns numbers. Shapes come from shape inference; nothing here reads or rounds a payload.
 * Kernels do not write to their inputs.
 */
import type { Row } from './arithmetic';
import { elementCount } from './tensor';

/** In row-major order. */
export interface Operand {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
export type Numbers = ArrayLike<number>;

/** Row-major strides of `shape` under a broadcast shape: 0 along axes of length one. */
function stridesUnder(shape: readonly number[], out: readonly number[]): number[] {
  const lead = out.length - shape.length;
  return out.map((_, axis) => {
    const own = axis - lead;
    return own < 0 || shape[own] === 1 ? 0 : elementCount(shape.slice(own + 1));
  });
}

/** Calls `visit(flat index, offset per operand)` for each element of `out` in row-major order. */
function walk(
  out: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (index: number, offsets: readonly number[]) => void,
): void {
  const count = elementCount(out);
  const last = out.length - 1;
  const length = out[last] ?? 1;
  const at = new Array<number>(out.length).fill(0);
  const offsets = strides.map(() => 0);
  const forward = (axis: number, steps: number): void => {
    for (let operand = 0; operand < offsets.length; operand++)
      offsets[operand] = (offsets[operand] ?? 0) + steps * (strides[operand]?.[axis] ?? 0);
  };
  for (let index = 0; index < count; ) {
    for (let n = 0; n < length; n++, index++) {
      visit(index, offsets);
      forward(last, 1);
    }
    forward(last, -length);
    for (let axis = last - 1; axis >= 0; axis--) {
      const next = (at[axis] ?? 0) + 1;
      if (next < (out[axis] ?? 0)) {
        at[axis] = next;
        forward(axis, 1);
        break;
      }
      at[axis] = 0;
      forward(axis, 1 - next);
    }
  }
}

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    return x === 1 ? y : x;
  });
}

export function zip(a: Operand, b: Operand, row: Row): Operand {
  const shape = broadcastShape(a.shape, b.shape);
  const data = new Float64Array(elementCount(shape));
  const [x, y] = [a.data, b.data];
  const [left, right] = [stridesUnder(a.shape, shape), stridesUnder(b.shape, shape)];
  // Merges trailing axes along which each operand is either contiguous or constant: typical weights then need one plain loop per row.
  let [rows, length] = [shape.length, 1];
  const last = shape.findLastIndex((dim) => dim !== 1);
  const [u, v] = [left[last] ?? 0, right[last] ?? 0];
  while (rows > 0 && runsOn(left, rows - 1, u * length, shape) && runsOn(right, rows - 1, v * length, shape)) {
    rows--;
    length *= shape[rows] ?? 1;
  }
  let index = 0;
  walk(shape.slice(0, rows), [left.slice(0, rows), right.slice(0, rows)], (_, [i = 0, j = 0]) => {
    row(data, index, length, x, i, u, y, j, v);
    index += length;
  });
  return { shape, data };
}

/** True if the axis is contiguous with those after it; an axis of length 1 always is. */
const runsOn = (strides: readonly number[], axis: number, stride: number, shape: readonly number[]): boolean =>
  shape[axis] === 1 || strides[axis] === stride;

export function where(condition: Operand, a: Operand, b: Operand, shape: readonly number[]): Float64Array {
  const data = new Float64Array(elementCount(shape));
  const strides = [condition, a, b].map((operand) => stridesUnder(operand.shape, shape));
  walk(shape, strides, (index, [c = 0, i = 0, j = 0]) => {
    data[index] = (condition.data[c] ?? 0) !== 0 ? (a.data[i] ?? 0) : (b.data[j] ?? 0);
  });
  return data;
}

export function spread(x: Operand, shape: readonly number[]): Float64Array {
  const data = new Float64Array(elementCount(shape));
  walk(shape, [stridesUnder(x.shape, shape)], (index, [at = 0]) => {
    data[index] = x.data[at] ?? 0;
  });
  return data;
}

export const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** If `axes` is absent or empty, reduces over all axes, or over none if `noopWithoutAxes`. */
export function reduce(
  x: Operand,
  axes: Float64Array | undefined,
  noopWithoutAxes: boolean,
  reducer: (group: Float64Array) => number,
): Numbers {
  const rank = x.shape.length;
  if ((!axes || axes.length === 0) && noopWithoutAxes) return x.data;
  const reduced = new Set(axes && axes.length > 0 ? Array.from(axes, (axis) => inRange(axis, rank)) : x.shape.keys());
  const kept = x.shape.map((dim, axis) => (reduced.has(axis) ? 1 : dim));
  const inner = x.shape.map((dim, axis) => (reduced.has(axis) ? dim : 1));
  const strides = x.shape.map((_, axis) => elementCount(x.shape.slice(axis + 1)));
  const result = new Float64Array(elementCount(kept));
  const length = elementCount(inner);
  // Axes of length 1 count as reduced or not, whichever is simpler.
  const first = x.shape.findIndex((dim, axis) => dim !== 1 && reduced.has(axis));
  const trailing = first >= 0 && x.shape.every((dim, axis) => axis < first || dim === 1 || reduced.has(axis));
  if (trailing) return result.map((_, row) => reducer(x.data.subarray(row * length, (row + 1) * length)));
  const group = new Float64Array(length);
  // Adjacent reduced axes: [outer, reduced, rest].
  const end = x.shape.findLastIndex((dim, axis) => dim !== 1 && reduced.has(axis)) + 1;
  if (first >= 0 && x.shape.slice(first, end).every((dim, at) => dim === 1 || reduced.has(first + at))) {
    const rest = elementCount(x.shape.slice(end));
    for (let index = 0; index < result.length; index++) {
      const base = Math.floor(index / rest) * length * rest + (index % rest);
      for (let at = 0; at < length; at++) group[at] = x.data[base + at * rest] ?? 0;
      result[index] = reducer(group);
    }
    return result;
  }
  walk(kept, [strides], (index, [base = 0]) => {
    walk(inner, [strides], (at, [offset = 0]) => {
      group[at] = x.data[base + offset] ?? 0;
    });
    result[index] = reducer(group);
  });
  return result;
}

export function gather(x: Operand, indices: Operand, axisAttr: number): Float64Array {
  const axis = inRange(axisAttr, x.shape.length);
  const length = x.shape[axis] ?? 1;
  const outer = elementCount(x.shape.slice(0, axis));
  const inner = elementCount(x.shape.slice(axis + 1));
  const data = new Float64Array(outer * indices.data.length * inner);
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of indices.data) {
      const from = (o * length + inRange(index, length)) * inner;
      data.set(x.data.subarray(from, from + inner), to);
      to += inner;
    }
  }
  return data;
}

export function slice(
  x: Operand,
  starts: Float64Array,
  ends: Float64Array,
  axes: Float64Array | undefined,
  steps: Float64Array | undefined,
): Float64Array {
  const rank = x.shape.length;
  const first = x.shape.map(() => 0);
  const step = x.shape.map(() => 1);
  const out = [...x.shape];
  starts.forEach((rawStart, at) => {
    const axis = inRange(axes?.[at] ?? at, rank);
    const length = x.shape[axis] ?? 0;
    const by = steps?.[at] ?? 1;
    const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value < 0 ? value + length : value, low), high);
    const start = by > 0 ? clamp(rawStart, 0, length) : clamp(rawStart, 0, length - 1);
    const end = by > 0 ? clamp(ends[at] ?? 0, 0, length) : clamp(ends[at] ?? 0, -1, length - 1);
    first[axis] = start;
    step[axis] = by;
    out[axis] = Math.max(0, Math.ceil((end - start) / by));
  });
  const strides = x.shape.map((_, axis) => elementCount(x.shape.slice(axis + 1)));
  const base = first.reduce((sum, start, axis) => sum + start * (strides[axis] ?? 0), 0);
  const data = new Float64Array(elementCount(out));
  const moves = strides.map((stride, axis) => stride * (step[axis] ?? 1));
  walk(out, [moves], (index, [offset = 0]) => {
    data[index] = x.data[base + offset] ?? 0;
  });
  return data;
}

export function concat(inputs: readonly Operand[], axisAttr: number, shape: readonly number[]): Float64Array {
  const axis = inRange(axisAttr, shape.length);
  const outer = elementCount(shape.slice(0, axis));
  const data = new Float64Array(elementCount(shape));
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const input of inputs) {
      const run = elementCount(input.shape.slice(axis));
      data.set(input.data.subarray(o * run, (o + 1) * run), to);
      to += run;
    }
  }
  return data;
}

export function tile(x: Operand, shape: readonly number[]): Float64Array {
  const strides = x.shape.map((_, axis) => elementCount(x.shape.slice(axis + 1)));
  const data = new Float64Array(elementCount(shape));
  const outStrides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  for (let index = 0; index < data.length; index++) {
    let from = 0;
    for (const [axis, own] of strides.entries())
      from += ((Math.floor(index / (outStrides[axis] ?? 1)) % (shape[axis] ?? 1)) % (x.shape[axis] ?? 1)) * own;
    data[index] = x.data[from] ?? 0;
  }
  return data;
}

export function batchNormalization(inputs: readonly Operand[], epsilon: number): Float64Array {
  const [x, scale, bias, mean, variance] = inputs;
  const data = new Float64Array(x?.data.length ?? 0);
  if (!x) return data;
  perChannel(x, (c, start, end) => {
    const [m, deviation] = [mean?.data[c] ?? 0, Math.sqrt((variance?.data[c] ?? 0) + epsilon)];
    const [k, b] = [scale?.data[c] ?? 1, bias?.data[c] ?? 0];
    for (let at = start; at < end; at++) data[at] = (((x.data[at] ?? 0) - m) / deviation) * k + b;
  });
  return data;
}

/** Mean and variance per channel of the data itself: a norm in training mode, as some exporters write weight standardisation. */
export function statistics(x: Operand): readonly [Operand, Operand] {
  const channels = x.shape[1] ?? 1;
  const [mean, variance] = [new Float64Array(channels), new Float64Array(channels)];
  const share = channels / x.data.length;
  perChannel(x, (c, start, end) => {
    let sum = 0;
    for (let at = start; at < end; at++) sum += x.data[at] ?? 0;
    mean[c] = (mean[c] ?? 0) + sum * share;
  });
  perChannel(x, (c, start, end) => {
    const m = mean[c] ?? 0;
    let sum = 0;
    for (let at = start; at < end; at++) sum += ((x.data[at] ?? 0) - m) ** 2;
    variance[c] = (variance[c] ?? 0) + sum * share;
  });
  return [
    { shape: [channels], data: mean },
    { shape: [channels], data: variance },
  ];
}

/** The ranges of [N,C,...] that belong to one channel. */
function perChannel(x: Operand, visit: (channel: number, start: number, end: number) => void): void {
  const channels = x.shape[1] ?? 1;
  const inner = elementCount(x.shape.slice(2));
  for (let start = 0, stretch = 0; start < x.data.length; start += inner, stretch++) visit(stretch % channels, start, start + inner);
}

/** Rows of `at` index positions of x along its first axes; each position receives its part of `updates`. */
export function scatter(x: Operand, at: Operand, updates: Operand): Float64Array {
  const data = x.data.slice();
  const depth = at.shape.at(-1) ?? 0;
  const size = elementCount(x.shape.slice(depth));
  for (let row = 0; row * depth < at.data.length; row++) {
    let place = 0;
    for (let axis = 0; axis < depth; axis++) {
      const length = x.shape[axis] ?? 1;
      place = place * length + inRange(at.data[row * depth + axis] ?? 0, length);
    }
    data.set(updates.data.subarray(row * size, (row + 1) * size), place * size);
  }
  return data;
}

export function instanceNormalization(x: Operand, scale: Float64Array, bias: Float64Array, epsilon: number): Float64Array {
  const inner = elementCount(x.shape.slice(2));
  const channels = x.shape[1] ?? 1;
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += inner) {
    const group = x.data.subarray(start, start + inner);
    const mean = group.reduce((sum, number) => sum + number, 0) / inner;
    const variance = group.reduce((sum, number) => sum + (number - mean) ** 2, 0) / inner;
    const c = (start / inner) % channels;
    const k = (scale[c] ?? 1) / Math.sqrt(variance + epsilon);
    for (let at = 0; at < inner; at++) data[start + at] = ((group[at] ?? 0) - mean) * k + (bias[c] ?? 0);
  }
  return data;
}

export function pad(x: Operand, pads: Float64Array, value: number, axes: Float64Array | undefined, shape: readonly number[]): Float64Array {
  const rank = x.shape.length;
  const before = x.shape.map(() => 0);
  const named = axes ? Array.from(axes, (axis) => inRange(axis, rank)) : [...x.shape.keys()];
  named.forEach((axis, at) => {
    before[axis] = pads[at] ?? 0;
  });
  const strides = x.shape.map((_, axis) => elementCount(x.shape.slice(axis + 1)));
  const outStrides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const data = new Float64Array(elementCount(shape)).fill(value);
  for (let index = 0; index < data.length; index++) {
    let from = 0;
    let inside = true;
    for (let axis = 0; axis < rank; axis++) {
      const at = (Math.floor(index / (outStrides[axis] ?? 1)) % (shape[axis] ?? 1)) - (before[axis] ?? 0);
      if (at < 0 || at >= (x.shape[axis] ?? 0)) inside = false;
      from += at * (strides[axis] ?? 0);
    }
    if (inside) data[index] = x.data[from] ?? 0;
  }
  return data;
}
