/**
 * Constant evaluation: computes a node's outputs if everything it reads is constant.
 *
 * Covers integer arithmetic on shapes, data movement, and the elementwise and reducing arithmetic that exporters leave on weights (weight standardisation,
 * re-parameterised branches). Computes in double precision; each value is rounded once, when it is written. Results of any size are computed on demand,
 * so that no weight is read before the writer needs it. Integers, which determine shapes, are computed immediately, and so are the few floats that they are
 * computed from: these are rounded at every step, as the runtime does, or Floor(Mul(10, 1.3)) would be 12 here and 13 there.
 * Whatever has no result (an integer divided by zero, an index beyond the end) is left to the runtime.
 * Operators over images (convolution, pooling ...) are left to the runtime on purpose.
 */

import { assertInvariant } from '../diagnostics/compile-error';
import { BINARY, REDUCERS, ROWS, rowsOf, UNARY } from './arithmetic';
import { floatAttr, givenInt, intAttr, stringAttr, tensorAttr } from './attrs';
import { permOf } from './axis';
import { isAbsent } from './bytes';
import {
  batchNormalization,
  concat,
  gather,
  inRange,
  instanceNormalization,
  type Numbers,
  type Operand,
  pad,
  reduce,
  scatter,
  slice,
  spread,
  statistics,
  tile,
  where,
  zip,
} from './kernels';
import { byOperator, isNode } from './match';
import type { OnnxOp } from './operators';
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

/** Maximum number of elements of floats on their way to a shape. */
const FEW = 64;
/** Integers with more elements than this are data: they are only moved, and only on demand. */
const MANY = 2 ** 20;

/**
 * The outputs as tensors; undefined if the operator, its attributes or its types are not covered. Types must be inferred.
 * `take` is called with the number of elements before any is computed, and may throw.
 */
export function evaluate(node: Node, take: (elements: number) => void = () => {}): readonly Tensor[] | undefined {
  // The statistics output by a norm in training mode are for training only.
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
  const absent = inputs.find((tensor) => tensor && isAbsent(tensor.data));
  if (absent) return isFloatType(dtype) ? [absentTensor(dtype, shape, absent)] : undefined;
  const moved = moveWhole(node, inputs, shape);
  if (moved) return [moved];
  const kernel = kernelOf(node, dtype, shape);
  if (!kernel) return undefined;
  if (isNode(node, 'Gather') && !isGatherable(node, inputs)) return undefined;
  take(elementCount(shape));
  const read = isStep(node.op, dtype) ? readRounded : readOnce;
  const compute = (): Numbers => {
    // A tensor that is read twice is computed once.
    const known = new Map<Tensor, Float64Array>();
    const dataOf = (tensor: Tensor): Float64Array => {
      const data = known.get(tensor) ?? read(tensor);
      known.set(tensor, data);
      return data;
    };
    return kernel(inputs.map((tensor) => tensor && { shape: tensor.shape, data: dataOf(tensor) }));
  };
  const isAtMost = (limit: number): boolean => [{ shape }, ...inputs].every((tensor) => !tensor || elementCount(tensor.shape) <= limit);
  if (isFloatType(dtype)) return [isAtMost(FEW) ? fromNumbers(dtype, shape, compute()) : lazily(dtype, shape, inputs, compute)];
  if (!isAtMost(MANY)) return isMovement(node.op) ? [lazily(dtype, shape, inputs, compute)] : undefined;
  const numbers = compute();
  return every(numbers, isMovement(node.op) ? isKept : Number.isSafeInteger) ? [fromNumbers(dtype, shape, numbers)] : undefined;
}

/** A tensor computed from unreachable data is unreachable too, at the same location. */
function absentTensor(dtype: DType, shape: readonly number[], { data }: Tensor): Tensor {
  const [range] = data.kind === 'ranges' ? data.ranges.filter(({ source }) => source.isAbsent) : [];
  assertInvariant(range !== undefined, () => 'absent numbers are somewhere');
  const length = byteSize(dtype, elementCount(shape)) ?? 0;
  return { dtype, shape, data: { kind: 'ranges', encoding: 'raw', ranges: [{ source: range.source, offset: 0, length }] } };
}

/** Number of steps to compute each payload, including those of its inputs. */
const steps = new WeakMap<Tensor['data'], number>();
/** Steps per element beyond which inputs are no longer recomputed on demand: each Add(x, x) would double the work. */
const MOST_STEPS = 64;
const FEW_STEPS = 2 ** 26;

/** Computes the tensor on demand, or immediately if that would walk a chain of such tensors too often. */
function lazily(dtype: DType, shape: readonly number[], inputs: readonly (Tensor | undefined)[], compute: () => Numbers): Tensor {
  const own = elementCount(shape) + inputs.reduce((sum, tensor) => sum + (tensor ? elementCount(tensor.shape) : 0), 0);
  const all = inputs.reduce((sum, tensor) => sum + ((tensor && steps.get(tensor.data)) ?? 0), own);
  if (all > FEW_STEPS && all > MOST_STEPS * own) return fromNumbers(dtype, shape, compute());
  const tensor = computedTensor(dtype, shape, compute);
  steps.set(tensor.data, all);
  return tensor;
}

function every(numbers: Numbers, holds: (number: number) => boolean): boolean {
  for (let at = 0; at < numbers.length; at++) if (!holds(numbers[at] ?? 0)) return false;
  return true;
}

/** True for a number that a double holds exactly, or one of the limits of int64, which mean "as far as possible". */
const isKept = (number: number): boolean => Number.isSafeInteger(number) || Math.abs(number) === 2 ** 63;

const isMovement = (op: string): boolean =>
  ['Where', 'Gather', 'Slice', 'Concat', 'Expand', 'Tile', 'ConstantOfShape', 'Pad', 'Clip', 'Shape', 'Size'].includes(op);

/** True for operators with discontinuities: the input must be exactly the value that the runtime would read. */
const isStep = (op: string, dtype: DType): boolean => !isFloatType(dtype) || ['Cast', 'Ceil', 'Floor', 'Mod', 'Sign'].includes(op);
const readRounded = (tensor: Tensor): Float64Array => readNumbers({ ...tensor, data: { kind: 'bytes', bytes: tensorBytes(tensor) } });

/**
 * The last few computed weights, up to a total size: several operators of a chain read the same ones (the mean, the variance, the weights themselves).
 * Kernels do not write to their inputs.
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
  const length = data.shape[inRange(intAttr(node, 'axis'), data.shape.length)] ?? 0;
  return readNumbers(indices).every((index) => index >= -length && index < length);
}

type Whole = (node: Node, data: Tensor, shape: readonly number[]) => Tensor;
const reshapes: Whole = (_, data, shape) => reshaped(data, shape);

/** Movements that keep all bytes: they share or permute the payload, whatever its type. */
const wholeOf = byOperator<Whole>({
  Flatten: reshapes,
  Identity: (_, data) => data,
  Reshape: reshapes,
  Squeeze: reshapes,
  Transpose: (node, data) => permuted(data, permOf(node, data.shape.length)),
  Unsqueeze: reshapes,
});

function moveWhole(node: Node, [data]: readonly (Tensor | undefined)[], shape: readonly number[]): Tensor | undefined {
  return data && wholeOf(node)?.(node, data, shape);
}

type Kernel = (inputs: readonly (Operand | undefined)[]) => Numbers;

function kernelOf(node: Node, dtype: DType, shape: readonly number[]): Kernel | undefined {
  const unary = UNARY[node.op];
  if (unary) return ([x]) => need(x).data.map(unary);
  const isInteger = !isFloatType(node.inputs[0]?.type?.dtype ?? dtype);
  const binary = binaryOf(node)?.(node, isInteger) ?? BINARY[node.op];
  if (binary) {
    const along = (binary === BINARY[node.op] ? ROWS[node.op] : undefined) ?? rowsOf(binary);
    return (inputs) => inputs.slice(1).reduce<Operand>((a, b) => zip(a, need(b), along), need(inputs[0])).data;
  }
  const reducer = REDUCERS[node.op];
  if (reducer) {
    // The mean of integers is truncated; how the runtime rounds the root of integers is not documented.
    if (!isFloatType(dtype) && isNode(node, 'ReduceL2')) return undefined;
    const apply = isFloatType(dtype) ? reducer : (group: Float64Array) => Math.trunc(reducer(group));
    const noop = intAttr(node, 'noop_with_empty_axes') !== 0;
    return ([x, axes]) => reduce(need(x), axes?.data, noop, apply);
  }
  return kernelMaker(node)?.(node, dtype, shape);
}

type Binary = (a: number, b: number) => number;

/** Binary operators whose arithmetic depends on the type or on an attribute; undefined for the usual one. */
const binaryOf = byOperator<(node: Node, isInteger: boolean) => Binary | undefined>({
  Div: (_, isInteger) => (isInteger ? (a, b) => Math.trunc(a / b) : undefined),
  Mod: (node) => (intAttr(node, 'fmod') !== 0 ? (a, b) => a % b : undefined),
});

type KernelMaker = (node: Node, dtype: DType, shape: readonly number[]) => Kernel | undefined;

/** All other operators are left to the runtime. */
const kernelMaker = byOperator<KernelMaker>({
  BatchNormalization: (node) => (inputs) => {
    const operands = inputs.map(need);
    const trained = intAttr(node, 'training_mode') === 0 ? operands : [...operands.slice(0, 3), ...statistics(need(operands[0]))];
    return batchNormalization(trained, floatAttr(node, 'epsilon'));
  },
  Cast:
    (_, dtype) =>
    ([x]) =>
      castTo(dtype, need(x).data),
  Clip:
    () =>
    ([x, low, high]) =>
      need(x).data.map((number) => Math.min(Math.max(number, low?.data[0] ?? -Infinity), high?.data[0] ?? Infinity)),
  Concat: (node, _, shape) => (inputs) => concat(inputs.map(need), intAttr(node, 'axis'), shape),
  ConstantOfShape: (node, _, shape) => {
    const value = tensorAttr(node, 'value');
    return () => new Float64Array(elementCount(shape)).fill(value ? (readNumbers(value)[0] ?? 0) : 0);
  },
  Expand:
    (_, __, shape) =>
    ([x]) =>
      spread(need(x), shape),
  Gather:
    (node) =>
    ([x, indices]) =>
      gather(need(x), need(indices), intAttr(node, 'axis')),
  InstanceNormalization:
    (node) =>
    ([x, scale, bias]) =>
      instanceNormalization(need(x), need(scale).data, need(bias).data, floatAttr(node, 'epsilon')),
  Pad: (node, _, shape) =>
    stringAttr(node, 'mode') === 'constant'
      ? ([x, pads, value, axes]) => pad(need(x), need(pads).data, value?.data[0] ?? 0, axes?.data, shape)
      : undefined,
  Range:
    (_, __, shape) =>
    ([start, , step]) =>
      Float64Array.from({ length: shape[0] ?? 0 }, (___, index) => (need(start).data[0] ?? 0) + index * (need(step).data[0] ?? 1)),
  ScatterND: (node) =>
    stringAttr(node, 'reduction') === 'none' ? ([x, at, updates]) => scatter(need(x), need(at), need(updates)) : undefined,
  Shape: (node) => {
    const rank = node.inputs[0]?.constant?.shape.length ?? 0;
    return ([x]) => need(x).shape.slice(intAttr(node, 'start'), givenInt(node, 'end') ?? rank);
  },
  Size:
    () =>
    ([x]) => [elementCount(need(x).shape)],
  Slice:
    () =>
    ([x, starts, ends, axes, steps]) =>
      slice(need(x), need(starts).data, need(ends).data, axes?.data, steps?.data),
  Tile:
    (_, __, shape) =>
    ([x]) =>
      tile(need(x), shape),
  Where:
    (_, __, shape) =>
    ([condition, a, b]) =>
      where(need(condition), need(a), need(b), shape),
});

/** True if `evaluate` computes results of the operator. */
export const isEvaluated = (op: OnnxOp): boolean => {
  return [UNARY[op], BINARY[op], REDUCERS[op], wholeOf({ op }), kernelMaker({ op })].some((known) => known !== undefined);
};

/** Absent only if the model is malformed, which shape inference has already refused. */
function need(operand: Operand | undefined): Operand {
  if (!operand) throw new TypeError('a required input is absent');
  return operand;
}

function castTo(dtype: DType, numbers: Float64Array): Float64Array {
  if (dtype === 'bool') return numbers.map((x) => (x === 0 ? 0 : 1));
  // Rounding is the purpose of a cast.
  return isFloatType(dtype) ? readNumbers(fromNumbers(dtype, [numbers.length], numbers)) : numbers.map(Math.trunc);
}
