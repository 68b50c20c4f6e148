/**
 * Seeded inputs of different statistics. One kind alone hides faults: inputs of all ones or uniform values never reveal a wrong padding value in
 * front of a maximum, and inputs without structure never activate the later layers.
 */
import type { Numbers } from './onnx-runner';

export const INPUT_KINDS = ['normal', 'smooth', 'uniform', 'negative', 'sparse', 'strokes', 'large'] as const;
/** Far outside the range that a network was made for: only these reveal an overflow or underflow in one of the models. */
export const EXTREME_KINDS = ['thousands', 'millions', 'tiny'] as const;
export type InputKind = (typeof INPUT_KINDS)[number] | (typeof EXTREME_KINDS)[number];
const ALL_KINDS: readonly InputKind[] = [...INPUT_KINDS, ...EXTREME_KINDS];
/** True for inputs whose results are so large that an absolute tolerance, which the user set for ordinary inputs, means nothing. */
export const isHuge = (kind: string): boolean => kind === 'thousands' || kind === 'millions';
export const isExtreme = (kind: string): boolean => EXTREME_KINDS.some((extreme) => extreme === kind);

/** xoshiro128**: the same sequence on every platform. The state is four numbers, without arrays, because inputs have millions of elements. */
export function seededRandom(seed: number): () => number {
  const begin = (word: number): number => Math.imul(word ^ (word >>> 16), 0x45d9f3b) | 0 || 1;
  let [a, b, c, d] = [begin(seed), begin(seed ^ 0x9e3779b9), begin(seed ^ 0x243f6a88), begin(seed ^ 0xb7e15162)];
  const next = (): number => {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return scrambled / 2 ** 32;
  };
  for (let warm = 0; warm < 16; warm++) next();
  return next;
}
const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** `axes`: the spatial axes of the shape, for inputs with structure. Integer types get 0 to 255 (int8: up to 127), booleans 0 and 1. */
export function makeInput(
  kind: InputKind,
  seed: number,
  dtype: string,
  shape: readonly number[],
  axes: readonly number[] = [2, 3],
): Numbers {
  const random = seededRandom(seed * 7919 + ALL_KINDS.indexOf(kind));
  const count = shape.reduce((product, dim) => product * dim, 1);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const data = new Float32Array(count);
  const fill = (draw: () => number): void => {
    for (let at = 0; at < count; at++) data[at] = draw();
  };
  switch (kind) {
    case 'normal':
      fill(normal);
      break;
    case 'uniform':
      fill(random);
      break;
    case 'negative':
      fill(() => -Math.abs(normal()) - 0.1);
      break;
    case 'large':
      fill(() => 8 * normal());
      break;
    case 'thousands':
    case 'millions':
    case 'tiny': {
      const scale = { thousands: 1e3, millions: 1e6, tiny: 1e-6 }[kind];
      fill(() => scale * normal());
      break;
    }
    case 'sparse':
      fill(() => (random() < 0.05 ? 4 * normal() : 0));
      break;
    case 'strokes':
      strokes(data, shape, axes, random);
      break;
    case 'smooth':
      smooth(data, shape, axes, random);
      break;
  }
  if (dtype === 'bool') return { dtype, shape, data: data.map((number) => (number > 0 ? 1 : 0)) };
  if (/int/.test(dtype))
    return {
      dtype,
      shape: [...shape],
      data: data.map((number) => Math.round(Math.min(Math.max(number * 64 + 128, 0), dtype === 'int8' ? 127 : 255))),
    };
  return { dtype, shape: [...shape], data };
}

/** Waves of a few wavelengths and an edge: structure that photographs have and noise does not. */
function smooth(data: Float32Array, shape: readonly number[], axes: readonly number[], random: () => number): void {
  const waves = Array.from({ length: 6 }, () => ({
    along: axes.map(() => (random() - 0.5) * 0.5),
    phase: random() * 6.28,
    size: random(),
  }));
  const edge = random() * (shape[axes.at(-1) ?? 0] ?? 1);
  const last = axes.length - 1;
  eachPlace(data.length, shape, axes, (at, place, other) => {
    let value = (place[last] ?? 0) > edge ? 0.7 : -0.4;
    for (const { along, phase, size } of waves) value += size * Math.sin(dot(along, place) + phase + (other % 97));
    data[at] = value + 0.05 * (random() - 0.5);
  });
}

/** A few thick lines on an empty background, as in writing, edges and silhouettes. */
function strokes(data: Float32Array, shape: readonly number[], axes: readonly number[], random: () => number): void {
  const lengths = axes.map((axis) => shape[axis] ?? 1);
  const point = (): readonly number[] => lengths.map((length) => random() * length);
  const lines = Array.from({ length: 2 + Math.floor(random() * 4) }, () => ({
    from: point(),
    to: point(),
    thick: (0.03 + 0.05 * random()) * Math.min(...lengths) + 0.5,
  }));
  const ways = lines.map(({ from, to }) => to.map((end, axis) => end - (from[axis] ?? 0)));
  const gone = axes.map(() => 0);
  eachPlace(data.length, shape, axes, (at, place) => {
    for (const [line, { from, thick }] of lines.entries()) {
      const way = ways[line] ?? [];
      for (let axis = 0; axis < gone.length; axis++) gone[axis] = (place[axis] ?? 0) - (from[axis] ?? 0);
      const along = Math.min(1, Math.max(0, dot(gone, way) / (dot(way, way) + 1e-9)));
      for (let axis = 0; axis < gone.length; axis++) gone[axis] = (gone[axis] ?? 0) - along * (way[axis] ?? 0);
      data[at] = Math.max(data[at] ?? 0, Math.min(1, Math.max(0, 1.5 - Math.sqrt(dot(gone, gone)) / thick)));
    }
  });
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}

/** Visits every element with its position along the spatial axes (one array, reused), and the rest of its index without them. */
function eachPlace(
  count: number,
  shape: readonly number[],
  axes: readonly number[],
  visit: (index: number, place: readonly number[], other: number) => void,
): void {
  const strides = axes.map((axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const lengths = axes.map((axis) => shape[axis] ?? 1);
  const place = axes.map(() => 0);
  for (let index = 0; index < count; index++) {
    let other = index;
    for (let axis = 0; axis < place.length; axis++) {
      const [stride = 1, length = 1] = [strides[axis], lengths[axis]];
      const at = Math.floor(index / stride) % length;
      place[axis] = at;
      other -= at * stride;
    }
    visit(index, place, other);
  }
}

/** Moves each float up or down to a neighbour, at random: of its own type, or of a coarser type whose unit in the last place at 1 is `epsilon`. */
export function nudged(numbers: Numbers, seed: number, epsilon = 2 ** -23): Numbers {
  if (/int|bool/.test(numbers.dtype)) return numbers;
  const random = seededRandom(seed);
  const data = Float32Array.from(numbers.data);
  const bits = new Int32Array(data.buffer);
  const step = epsilon / 2 ** -23;
  data.forEach((value, at) => {
    if (value !== 0 && Number.isFinite(value)) bits[at] = (bits[at] ?? 0) + (random() < 0.5 ? -step : step);
  });
  return { ...numbers, data };
}

/** Crops a box: `lengths` positions from each start, along these axes. Pixels beyond the image are 0. */
export function cropped(numbers: Numbers, axes: readonly number[], starts: readonly number[], lengths: readonly number[]): Numbers {
  const shape = numbers.shape.map((dim, axis) => lengths[axes.indexOf(axis)] ?? dim);
  const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  copyBlock(numbers.data, numbers.shape, data, shape, (axis) => starts[axes.indexOf(axis)] ?? 0);
  return { dtype: numbers.dtype, shape, data };
}

/** Pastes one image over another, with its first pixel at `starts`. Pixels beyond the background are dropped. */
export function pasted(ground: Numbers, patch: Numbers, axes: readonly number[], starts: readonly number[]): Numbers {
  const data = ground.data.slice();
  copyBlock(patch.data, patch.shape, data, ground.shape, (axis) => -(starts[axes.indexOf(axis)] ?? 0));
  return { ...ground, data };
}

/**
 * Copies the overlap of two arrays: element `index` of the second is element `index + offset` of the first. Copies whole runs of the last axis at a
 * time.
 */
function copyBlock(
  from: Numbers['data'],
  fromShape: readonly number[],
  to: Numbers['data'],
  toShape: readonly number[],
  offset: (axis: number) => number,
): void {
  const last = toShape.length - 1;
  const copy = (axis: number, fromBase: number, toBase: number): void => {
    const [own, other, shift] = [toShape[axis] ?? 1, fromShape[axis] ?? 1, axis < 0 ? 0 : offset(axis)];
    const [first, end] = [Math.max(0, -shift), Math.min(own, other - shift)];
    const [fromStart, toStart] = [fromBase * other + shift, toBase * own];
    if (axis < last) for (let index = first; index < end; index++) copy(axis + 1, fromStart + index, toStart + index);
    else if (end > first) to.set(from.subarray(fromStart + first, fromStart + end), toStart + first);
  };
  copy(last < 0 ? -1 : 0, 0, 0);
}
