/**
 * Constant evaluation: what a node gives when all it reads is constant.
 *
 * Integer arithmetic on shapes, data movement, and the elementwise and reducing arithmetic that exporters leave on weights (weight standardisation,
 * re-parameterised branches). In double precision, each number rounded once where it is written. Results of any size are made when asked for,
 * so that no weight is read before the writer needs it. Integers, which decide shapes, are made at once, and so are the few floats from which they are
 * computed: these are rounded at every step, as the runtime does, or Floor(Mul(10, 1.3)) would be 12 here and 13 there.
 * What has no answer (an integer divided by zero, an index beyond the end) is left to the runtime.
 * Operators over images (convolution, pooling ...) are left to the runtime on purpose.
 */
import { floatAttr, intAttr, intsAttr, stringAttr, tensorAttr } from './attrs';
import {
  byteSize,
  computedTensor,
  elementCount,
  fromNumbers,
  isFloatType,
  isNumeric,
  permuted,
  readNumbers,
  reshaped,
  tensorBytes,
} from './tensor';
import type { DType, Node, Tensor } from './types';
import { staticShape } from './types';

interface Operand {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
type Numbers = ArrayLike<number>;

/** Floats on their way to a shape are few. */
const FEW = 64;
/** Integers of more elements than this are data; only movements of them are made, when asked for. */
const MANY = 2 ** 20;

/** The outputs as tensors, or undefined where the operator, its attributes or its types are not covered. Types must be inferred. */
export function evaluate(node: Node): readonly Tensor[] | undefined {
  // Statistics that a norm in training mode would hand on are for training.
  const [, ...more] = node.outputs;
  if (node.domain !== '' || more.some((output) => output.name !== '' && (output.uses.length > 0 || node.graph.isOutput(output))))
    return undefined;
  const inputs: (Tensor | undefined)[] = [];
  for (const input of node.inputs) {
    if (input && !input.constant) return undefined;
    if (input?.constant && !isNumeric(input.constant.dtype)) return undefined;
    inputs.push(input?.constant);
  }
  const shape = staticShape(node.outputs[0]);
  const dtype = node.outputs[0]?.type?.dtype;
  if (!shape || !dtype || !isNumeric(dtype) || byteSize(dtype, 1) === undefined) return undefined;
  const moved = moveWhole(node, inputs, shape);
  if (moved) return [moved];
  const kernel = kernelOf(node, dtype, shape);
  if (!kernel) return undefined;
  if (node.op === 'Gather' && !isGatherable(node, inputs)) return undefined;
  const read = isStep(node.op, dtype) ? readRounded : readOnce;
  const compute = (): Numbers => kernel(inputs.map((tensor) => tensor && { shape: tensor.shape, data: read(tensor) }));
  const isAtMost = (limit: number): boolean => [{ shape }, ...inputs].every((tensor) => !tensor || elementCount(tensor.shape) <= limit);
  if (isFloatType(dtype)) return [isAtMost(FEW) ? fromNumbers(dtype, shape, compute()) : computedTensor(dtype, shape, compute)];
  if (!isAtMost(MANY)) return isMovement(node.op) ? [computedTensor(dtype, shape, compute)] : undefined;
  const numbers = compute();
  return Array.from(numbers).every(isMovement(node.op) ? isKept : Number.isSafeInteger) ? [fromNumbers(dtype, shape, numbers)] : undefined;
}

/** Doubles hold it, or it is one of the ends of int64, which are written for "as far as possible". */
const isKept = (number: number): boolean => Number.isSafeInteger(number) || Math.abs(number) === 2 ** 63;

const isMovement = (op: string): boolean =>
  ['Where', 'Gather', 'Slice', 'Concat', 'Expand', 'Tile', 'ConstantOfShape', 'Pad', 'Clip', 'Shape', 'Size'].includes(op);

/** Where the least difference of the input decides: what is read must be the number that the runtime would read. */
const isStep = (op: string, dtype: DType): boolean => !isFloatType(dtype) || ['Cast', 'Ceil', 'Floor', 'Mod', 'Sign'].includes(op);
const readRounded = (tensor: Tensor): Float64Array => readNumbers({ ...tensor, data: { kind: 'bytes', bytes: tensorBytes(tensor) } });

/**
 * Several operators of a chain read the same computed weights (their mean, their variance, themselves): the last few are kept, up to a size.
 * Kernels do not write to what they read.
 */
const recent = new Map<Tensor['data'], Float64Array>();
const MOST_RECENT = 3;
const MOST_KEPT = 2 ** 21;
function readOnce(tensor: Tensor): Float64Array {
  const { data } = tensor;
  if (data.kind !== 'computed' || elementCount(tensor.shape) > MOST_KEPT) return readNumbers(tensor);
  const numbers = recent.get(data) ?? readNumbers(tensor);
  recent.delete(data);
  recent.set(data, numbers);
  for (const key of recent.keys()) if (recent.size > MOST_RECENT) recent.delete(key);
  return numbers;
}

function isGatherable(node: Node, [data, indices]: readonly (Tensor | undefined)[]): boolean {
  if (!data || !indices) return false;
  const length = data.shape[inRange(intAttr(node, 'axis', 0), data.shape.length)] ?? 0;
  return readNumbers(indices).every((index) => index >= -length && index < length);
}

/** Movements that keep all bytes: share or permute the payload, whatever its type. */
function moveWhole(node: Node, inputs: readonly (Tensor | undefined)[], shape: readonly number[]): Tensor | undefined {
  const [data] = inputs;
  if (!data) return undefined;
  switch (node.op) {
    case 'Identity':
      return data;
    case 'Reshape':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze':
      return reshaped(data, shape);
    case 'Transpose':
      return permuted(data, intsAttr(node, 'perm') ?? data.shape.map((_, axis) => data.shape.length - 1 - axis));
    default:
      return undefined;
  }
}

type Kernel = (inputs: readonly (Operand | undefined)[]) => Numbers;

function kernelOf(node: Node, dtype: DType, shape: readonly number[]): Kernel | undefined {
  const unary = UNARY[node.op];
  if (unary) return ([x]) => need(x).data.map(unary);
  const binary = BINARY[node.op];
  if (binary) {
    const integer = !isFloatType(node.inputs[0]?.type?.dtype ?? dtype);
    const truncated = integer && node.op === 'Div' ? (a: number, b: number) => Math.trunc(a / b) : binary;
    const apply = node.op === 'Mod' && intAttr(node, 'fmod', 0) !== 0 ? (a: number, b: number) => a % b : truncated;
    const along = apply === binary ? (ROWS[node.op] ?? rowsOf(apply)) : rowsOf(apply);
    return (inputs) => inputs.slice(1).reduce<Operand>((a, b) => zip(a, need(b), along), need(inputs[0])).data;
  }
  const reducer = REDUCERS[node.op];
  if (reducer) {
    // The mean of integers is cut off; of their root the runtime's rounding is not documented.
    if (!isFloatType(dtype) && node.op === 'ReduceL2') return undefined;
    const apply = isFloatType(dtype) ? reducer : (group: Float64Array) => Math.trunc(reducer(group));
    return ([x, axes]) => reduce(node, need(x), axes?.data, apply);
  }
  switch (node.op) {
    case 'Shape': {
      const rank = node.inputs[0]?.constant?.shape.length ?? 0;
      return ([x]) => need(x).shape.slice(intAttr(node, 'start', 0), intAttr(node, 'end', rank));
    }
    case 'Size':
      return ([x]) => [elementCount(need(x).shape)];
    case 'Cast':
      return ([x]) => castTo(dtype, need(x).data);
    case 'Where':
      return ([condition, a, b]) => where(need(condition), need(a), need(b), shape);
    case 'Gather':
      return ([x, indices]) => gather(need(x), need(indices), intAttr(node, 'axis', 0));
    case 'Slice':
      return ([x, starts, ends, axes, steps]) => slice(need(x), need(starts).data, need(ends).data, axes?.data, steps?.data);
    case 'Concat':
      return (inputs) => concat(inputs.map(need), intAttr(node, 'axis', 0), shape);
    case 'Expand':
      return ([x]) => spread(need(x), shape);
    case 'Tile':
      return ([x]) => tile(need(x), shape);
    case 'ConstantOfShape': {
      const value = tensorAttr(node, 'value');
      return () => new Float64Array(elementCount(shape)).fill(value ? (readNumbers(value)[0] ?? 0) : 0);
    }
    case 'Range':
      return ([start, , step]) =>
        Float64Array.from({ length: shape[0] ?? 0 }, (_, index) => (need(start).data[0] ?? 0) + index * (need(step).data[0] ?? 1));
    case 'Clip':
      return ([x, low, high]) =>
        need(x).data.map((number) => Math.min(Math.max(number, low?.data[0] ?? -Infinity), high?.data[0] ?? Infinity));
    case 'BatchNormalization':
      return (inputs) => {
        const operands = inputs.map(need);
        const trained = intAttr(node, 'training_mode', 0) === 0 ? operands : [...operands.slice(0, 3), ...statistics(need(operands[0]))];
        return batchNormalization(trained, floatAttr(node, 'epsilon', 1e-5));
      };
    case 'ScatterND':
      return stringAttr(node, 'reduction', 'none') === 'none' ? ([x, at, updates]) => scatter(need(x), need(at), need(updates)) : undefined;
    case 'InstanceNormalization':
      return ([x, scale, bias]) => instanceNormalization(need(x), need(scale).data, need(bias).data, floatAttr(node, 'epsilon', 1e-5));
    case 'Pad':
      return stringAttr(node, 'mode', 'constant') === 'constant'
        ? ([x, pads, value, axes]) => pad(need(x), need(pads).data, value?.data[0] ?? 0, axes?.data, shape)
        : undefined;
    default:
      return undefined;
  }
}

/** Absent only if the model is malformed, which shape inference has refused before. */
function need(operand: Operand | undefined): Operand {
  if (!operand) throw new TypeError('a required input is absent');
  return operand;
}

const UNARY: Readonly<Record<string, (x: number) => number>> = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Cos: Math.cos,
  Exp: Math.exp,
  Floor: Math.floor,
  Log: Math.log,
  Neg: (x) => -x,
  Not: (x) => (x === 0 ? 1 : 0),
  Reciprocal: (x) => 1 / x,
  Relu: (x) => Math.max(x, 0),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Sign: Math.sign,
  Sin: Math.sin,
  Sqrt: Math.sqrt,
  Tanh: Math.tanh,
};

const BINARY: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  And: (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
  Div: (a, b) => a / b,
  Equal: (a, b) => (a === b ? 1 : 0),
  Greater: (a, b) => (a > b ? 1 : 0),
  GreaterOrEqual: (a, b) => (a >= b ? 1 : 0),
  Less: (a, b) => (a < b ? 1 : 0),
  LessOrEqual: (a, b) => (a <= b ? 1 : 0),
  Max: Math.max,
  Min: Math.min,
  Mod: (a, b) => a - b * Math.floor(a / b),
  Mul: (a, b) => a * b,
  Or: (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
  Pow: (a, b) => a ** b,
  Sub: (a, b) => a - b,
  Sum: (a, b) => a + b,
};

const REDUCERS: Readonly<Record<string, (group: Float64Array) => number>> = {
  ReduceL1: (group) => sumOf(group.map(Math.abs)),
  ReduceL2: (group) => Math.sqrt(sumOfSquares(group)),
  ReduceMax: (group) => group.reduce((a, b) => Math.max(a, b), -Infinity),
  ReduceMean: (group) => sumOf(group) / group.length,
  ReduceMin: (group) => group.reduce((a, b) => Math.min(a, b), Infinity),
  ReduceProd: (group) => group.reduce((product, x) => product * x, 1),
  ReduceSum: (group) => sumOf(group),
  ReduceSumSquare: (group) => sumOfSquares(group),
};

/** Plain loops: weights have millions of elements. */
function sumOf(group: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < group.length; at++) sum += group[at] ?? 0;
  return sum;
}
function sumOfSquares(group: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < group.length; at++) sum += (group[at] ?? 0) ** 2;
  return sum;
}

function castTo(dtype: DType, numbers: Float64Array): Float64Array {
  if (dtype === 'bool') return numbers.map((x) => (x === 0 ? 0 : 1));
  // A cast is there for its rounding.
  return isFloatType(dtype) ? readNumbers(fromNumbers(dtype, [numbers.length], numbers)) : numbers.map(Math.trunc);
}

/** Row-major strides of `shape` seen under a broadcast shape: 0 along axes of length one. */
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
  const at = new Array<number>(out.length).fill(0);
  const offsets = strides.map(() => 0);
  for (let index = 0; index < count; index++) {
    visit(index, offsets);
    for (let axis = out.length - 1; axis >= 0; axis--) {
      const next = (at[axis] ?? 0) + 1;
      const wraps = next === out[axis];
      for (const [operand, own] of strides.entries()) {
        offsets[operand] = (offsets[operand] ?? 0) + (wraps ? -(next - 1) * (own[axis] ?? 0) : (own[axis] ?? 0));
      }
      at[axis] = wraps ? 0 : next;
      if (!wraps) break;
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

/** `to[first + n] = x[i + n * u] op y[j + n * v]` for n below `length`. */
type Row = (
  to: Float64Array,
  first: number,
  length: number,
  x: Float64Array,
  i: number,
  u: number,
  y: Float64Array,
  j: number,
  v: number,
) => void;
const rowsOf =
  (apply: (a: number, b: number) => number): Row =>
  (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = apply(x[i + n * u] ?? 0, y[j + n * v] ?? 0);
  };
/** What exporters compute weights with, millions at a time: loops of their own, since a call for each element costs more than the arithmetic. */
const ROWS: Readonly<Record<string, Row>> = {
  Add: (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = (x[i + n * u] ?? 0) + (y[j + n * v] ?? 0);
  },
  Sub: (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = (x[i + n * u] ?? 0) - (y[j + n * v] ?? 0);
  },
  Mul: (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = (x[i + n * u] ?? 0) * (y[j + n * v] ?? 0);
  },
  Div: (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = (x[i + n * u] ?? 0) / (y[j + n * v] ?? 0);
  },
};

function zip(a: Operand, b: Operand, row: Row): Operand {
  const shape = broadcastShape(a.shape, b.shape);
  const data = new Float64Array(elementCount(shape));
  const [x, y] = [a.data, b.data];
  const [left, right] = [stridesUnder(a.shape, shape), stridesUnder(b.shape, shape)];
  // Trailing axes along which each operand either runs on or stands still are one: the usual weights then take one plain loop per row.
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

/** Whether the axis continues those behind it; an axis of one always does. */
const runsOn = (strides: readonly number[], axis: number, stride: number, shape: readonly number[]): boolean =>
  shape[axis] === 1 || strides[axis] === stride;

function where(condition: Operand, a: Operand, b: Operand, shape: readonly number[]): Float64Array {
  const data = new Float64Array(elementCount(shape));
  const strides = [condition, a, b].map((operand) => stridesUnder(operand.shape, shape));
  walk(shape, strides, (index, [c = 0, i = 0, j = 0]) => {
    data[index] = (condition.data[c] ?? 0) !== 0 ? (a.data[i] ?? 0) : (b.data[j] ?? 0);
  });
  return data;
}

function spread(x: Operand, shape: readonly number[]): Float64Array {
  const data = new Float64Array(elementCount(shape));
  walk(shape, [stridesUnder(x.shape, shape)], (index, [at = 0]) => {
    data[index] = x.data[at] ?? 0;
  });
  return data;
}

const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function reduce(node: Node, x: Operand, axes: Float64Array | undefined, reducer: (group: Float64Array) => number): Numbers {
  const rank = x.shape.length;
  if ((!axes || axes.length === 0) && intAttr(node, 'noop_with_empty_axes', 0) !== 0) return x.data;
  const reduced = new Set(axes && axes.length > 0 ? Array.from(axes, (axis) => inRange(axis, rank)) : x.shape.keys());
  const kept = x.shape.map((dim, axis) => (reduced.has(axis) ? 1 : dim));
  const inner = x.shape.map((dim, axis) => (reduced.has(axis) ? dim : 1));
  const strides = x.shape.map((_, axis) => elementCount(x.shape.slice(axis + 1)));
  const result = new Float64Array(elementCount(kept));
  const length = elementCount(inner);
  // Axes of one are reduced or not, as it suits.
  const first = x.shape.findIndex((dim, axis) => dim !== 1 && reduced.has(axis));
  const trailing = first >= 0 && x.shape.every((dim, axis) => axis < first || dim === 1 || reduced.has(axis));
  if (trailing) return result.map((_, row) => reducer(x.data.subarray(row * length, (row + 1) * length)));
  const group = new Float64Array(length);
  // Reduced axes that stand together: [outer, reduced, rest].
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

function gather(x: Operand, indices: Operand, axisAttr: number): Float64Array {
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

function slice(
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

function concat(inputs: readonly Operand[], axisAttr: number, shape: readonly number[]): Float64Array {
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

function tile(x: Operand, shape: readonly number[]): Float64Array {
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

function batchNormalization(inputs: readonly Operand[], epsilon: number): Float64Array {
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

/** Mean and variance per channel of the data itself: a norm in training mode, as weight standardisation is sometimes written. */
function statistics(x: Operand): readonly [Operand, Operand] {
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

/** The stretches of [N,C,...] that belong to one channel. */
function perChannel(x: Operand, visit: (channel: number, start: number, end: number) => void): void {
  const channels = x.shape[1] ?? 1;
  const inner = elementCount(x.shape.slice(2));
  for (let start = 0, stretch = 0; start < x.data.length; start += inner, stretch++) visit(stretch % channels, start, start + inner);
}

/** Rows of `at` name places of x, along its first axes; each gets its part of `updates`. */
function scatter(x: Operand, at: Operand, updates: Operand): Float64Array {
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

function instanceNormalization(x: Operand, scale: Float64Array, bias: Float64Array, epsilon: number): Float64Array {
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

function pad(x: Operand, pads: Float64Array, value: number, axes: Float64Array | undefined, shape: readonly number[]): Float64Array {
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
