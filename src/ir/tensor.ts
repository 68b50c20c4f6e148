/**
 * Tensors: sizes of element types, construction, and reading of values.
 * Nothing here touches a payload before its elements are requested.
 */
import { assertInvariant } from '../diagnostics/compile-error';
import { isAbsent } from './bytes';
import { halfToNumber, toHalves } from './half';
import { table } from './table';
import type { DType, EachNumber, Tensor, TensorData } from './types';

/** Bits per element; undefined for strings and unknown types. */
const BITS: Readonly<Record<string, number>> = table({
  float: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  bool: 8,
  float16: 16,
  double: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  float8e8m0: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  uint2: 2,
  int2: 2,
});

/** Product of the dimensions; 1 for a scalar. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

/** Bytes of `count` elements, with sub-byte types packed; undefined if the type has no fixed size. */
export function byteSize(dtype: DType, count: number): number | undefined {
  const bits = BITS[dtype];
  return bits === undefined ? undefined : Math.ceil((count * bits) / 8);
}

export const isFloatType = (dtype: DType): boolean =>
  dtype === 'float' || dtype === 'double' || dtype === 'float16' || dtype === 'bfloat16';
export const isIntType = (dtype: DType): boolean => /^u?int(8|16|32|64)$/.test(dtype);

/** The payload as little-endian bytes, aligned for every typed array; copied only if necessary. Not for strings. */
export function tensorBytes(tensor: Tensor): Uint8Array {
  const bytes = payload(tensor.data, tensor);
  // Not `slice`: on a Buffer, it returns a view.
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
}

function payload(data: TensorData, tensor: Tensor): Uint8Array {
  switch (data.kind) {
    case 'bytes':
      return data.bytes;
    case 'computed':
      return data.compute();
    case 'ranges': {
      const parts = data.ranges.map((range) => range.source.read(range.offset, range.length));
      const joined = parts.length === 1 && parts[0] ? parts[0] : concat(parts);
      return data.encoding === 'raw' ? joined : decodeVarints(joined, tensor);
    }
    case 'strings':
      throw new TypeError('a string tensor has no numeric payload');
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}

/** Decodes protobuf-packed int32_data, int64_data and uint64_data into elements of the tensor's own width. */
function decodeVarints(packed: Uint8Array, tensor: Tensor): Uint8Array {
  // Sub-byte types are stored packed: one integer per byte.
  const width = Math.max(1, (BITS[tensor.dtype] ?? 8) / 8);
  const count = (byteSize(tensor.dtype, elementCount(tensor.shape)) ?? 0) / width;
  const out = new Uint8Array(count * width);
  const view = new DataView(out.buffer);
  let at = 0;
  let index = 0;
  while (at < packed.length && index < count) {
    let low = 0n;
    let shift = 0n;
    for (;;) {
      const byte = packed[at++] ?? 0;
      low |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80 || at >= packed.length) break;
    }
    if (width === 8) view.setBigUint64(index * 8, BigInt.asUintN(64, low), true);
    else if (width === 4) view.setUint32(index * 4, Number(BigInt.asUintN(32, low)), true);
    else if (width === 2) view.setUint16(index * 2, Number(BigInt.asUintN(16, low)), true);
    else view.setUint8(index, Number(BigInt.asUintN(8, low)));
    index++;
  }
  return out;
}

const WORD = new DataView(new ArrayBuffer(4));

function bfloat16ToNumber(bits: number): number {
  WORD.setUint32(0, bits * 65536);
  return WORD.getFloat32(0);
}

function numberToBfloat16(value: number): number {
  WORD.setFloat32(0, value);
  const bits = WORD.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Elements of a numeric or bool tensor as doubles (int64 beyond 2^53 is rounded), in a fresh array. Computed values come unrounded. */
export function readNumbers(tensor: Tensor): Float64Array {
  if (tensor.data.kind === 'computed' && tensor.data.numbers) return tensor.data.numbers();
  const bytes = tensorBytes(tensor);
  const count = elementCount(tensor.shape);
  const { buffer, byteOffset } = bytes;
  switch (tensor.dtype) {
    case 'float':
      return new Float64Array(new Float32Array(buffer, byteOffset, count));
    case 'double':
      return new Float64Array(new Float64Array(buffer, byteOffset, count));
    case 'float16':
      return Float64Array.from(new Uint16Array(buffer, byteOffset, count), halfToNumber);
    case 'bfloat16':
      return Float64Array.from(new Uint16Array(buffer, byteOffset, count), bfloat16ToNumber);
    case 'int64':
      return Float64Array.from(new BigInt64Array(buffer, byteOffset, count) as Iterable<bigint>, Number);
    case 'uint64':
      return Float64Array.from(new BigUint64Array(buffer, byteOffset, count) as Iterable<bigint>, Number);
    case 'int32':
      return new Float64Array(new Int32Array(buffer, byteOffset, count));
    case 'uint32':
      return new Float64Array(new Uint32Array(buffer, byteOffset, count));
    case 'int16':
      return new Float64Array(new Int16Array(buffer, byteOffset, count));
    case 'uint16':
      return new Float64Array(new Uint16Array(buffer, byteOffset, count));
    case 'int8':
      return new Float64Array(new Int8Array(buffer, byteOffset, count));
    case 'uint8':
    case 'bool':
      return new Float64Array(new Uint8Array(buffer, byteOffset, count));
    default:
      throw new TypeError(`cannot read elements of type ${tensor.dtype}`);
  }
}

/** Whether `readNumbers` and `fromNumbers` support the type. */
export const isNumeric = (dtype: DType): boolean => isFloatType(dtype) || isIntType(dtype) || dtype === 'bool';

/** True if its values can be read: it is numeric, and its payload can be reached. */
export const isKnown = (tensor: Tensor): boolean => isNumeric(tensor.dtype) && !isAbsent(tensor.data);

/** Doubles as little-endian elements of `dtype`, each rounded once. */
export function encodeNumbers(dtype: DType, numbers: ArrayLike<number>): Uint8Array {
  const bytes = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  switch (dtype) {
    case 'float':
      return bytes(new Float32Array(numbers));
    case 'double':
      return bytes(new Float64Array(numbers));
    case 'float16':
      return bytes(toHalves(numbers));
    case 'bfloat16':
      return bytes(Uint16Array.from(numbers, numberToBfloat16));
    case 'int64':
      return bytes(BigInt64Array.from(Array.from(numbers, (value) => toInt64(value))));
    case 'uint64':
      return bytes(BigUint64Array.from(Array.from(numbers, BigInt)));
    case 'int32':
      return bytes(new Int32Array(numbers));
    case 'uint32':
      return bytes(new Uint32Array(numbers));
    case 'int16':
      return bytes(new Int16Array(numbers));
    case 'uint16':
      return bytes(new Uint16Array(numbers));
    case 'int8':
      return bytes(new Int8Array(numbers));
    case 'uint8':
    case 'bool':
      return bytes(new Uint8Array(numbers));
    default:
      throw new TypeError(`cannot write elements of type ${dtype}`);
  }
}

/** 2^63 does not exist as int64: exporters write INT64_MAX for "to the end", which a double rounds up. */
function toInt64(value: number): bigint {
  const exact = BigInt(value);
  const max = 2n ** 63n - 1n;
  return exact > max ? max : exact < -max - 1n ? -max - 1n : exact;
}

/** A tensor in memory from doubles, each rounded once to `dtype`. */
export const fromNumbers = (dtype: DType, shape: readonly number[], numbers: ArrayLike<number>): Tensor => {
  assertInvariant(elementCount(shape) === numbers.length, () => `shape [${shape}] does not hold ${numbers.length} elements`);
  return { dtype, shape: [...shape], data: { kind: 'bytes', bytes: encodeNumbers(dtype, numbers) } };
};

/** A 1-D int64 tensor, as ONNX represents shapes and axes. */
export const int64s = (values: readonly number[]): Tensor => fromNumbers('int64', [values.length], values);
/** A tensor without axes. */
export const scalar = (dtype: DType, value: number): Tensor => fromNumbers(dtype, [], [value]);

/**
 * A tensor whose elements are computed when the writer asks for them, and not kept. `compute` returns doubles, which are rounded once.
 * `encode`: a faster way to the same values, already rounded. `each`: the same values in pieces.
 */
export function computedTensor(
  dtype: DType,
  shape: readonly number[],
  compute: () => ArrayLike<number>,
  encode?: () => Uint8Array,
  each?: EachNumber,
): Tensor {
  const count = elementCount(shape);
  const byteLength = byteSize(dtype, count);
  assertInvariant(byteLength !== undefined, () => `type ${dtype} cannot be computed`);
  const exact = (): ArrayLike<number> => {
    const numbers = compute();
    assertInvariant(numbers.length === count, () => `computed ${numbers.length} elements for shape [${shape}]`);
    return numbers;
  };
  return {
    dtype,
    shape: [...shape],
    data: {
      kind: 'computed',
      byteLength,
      compute: encode ?? (() => encodeNumbers(dtype, exact())),
      numbers: () => new Float64Array(exact()),
      each,
    },
  };
}

/** The same elements in another shape; shares the payload. */
export function reshaped(tensor: Tensor, shape: readonly number[]): Tensor {
  assertInvariant(elementCount(shape) === elementCount(tensor.shape), () => `cannot reshape [${tensor.shape}] to [${shape}]`);
  return { dtype: tensor.dtype, shape: [...shape], data: tensor.data };
}

/** Permutes axes like ONNX's Transpose: out.shape[i] = shape[perm[i]]. Lazy; works on the bytes of any whole-byte type. */
export function permuted(tensor: Tensor, perm: readonly number[]): Tensor {
  const shape = perm.map((axis) => tensor.shape[axis] ?? 0);
  const width = (BITS[tensor.dtype] ?? 0) / 8;
  assertInvariant(width >= 1 && perm.length === tensor.shape.length, () => `cannot permute ${tensor.dtype}[${tensor.shape}] by [${perm}]`);
  const byteLength = elementCount(shape) * width;
  // Two successive permutations combine into one.
  const permutation = composed(tensor, perm) ?? { of: tensor, perm };
  return {
    dtype: tensor.dtype,
    shape,
    data: {
      kind: 'computed',
      byteLength,
      compute: () => permuteBytes(tensorBytes(permutation.of), permutation.of.shape, permutation.perm, width),
      permutation,
    },
  };
}

/** Combined permutation of a tensor that is itself a permutation, possibly with neighbouring axes merged since. */
function composed(tensor: Tensor, perm: readonly number[]): { readonly of: Tensor; readonly perm: readonly number[] } | undefined {
  const first = tensor.data.kind === 'computed' ? tensor.data.permutation : undefined;
  if (!first) return undefined;
  const fine = first.perm.map((axis) => first.of.shape[axis] ?? 0);
  const groups: number[][] = [];
  let next = 0;
  for (const dim of tensor.shape) {
    const group: number[] = [];
    for (let size = 1; size < dim && next < fine.length; next++) {
      size *= fine[next] ?? 0;
      group.push(next);
      if (size > dim) return undefined;
    }
    groups.push(group);
  }
  // Axes of length 1 may be at any position.
  const left = fine.flatMap((dim, axis) => (groups.some((group) => group.includes(axis)) ? [] : [{ dim, axis }]));
  if (left.some(({ dim }) => dim !== 1) || elementCount(fine) === 0) return undefined;
  const whole = [...left.map(({ axis }) => axis), ...perm.flatMap((axis) => groups[axis] ?? [])];
  return { of: first.of, perm: whole.map((axis) => first.perm[axis] ?? 0) };
}

function permuteBytes(from: Uint8Array, shape: readonly number[], perm: readonly number[], width: number): Uint8Array {
  const count = elementCount(shape);
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const outShape = perm.map((axis) => shape[axis] ?? 0);
  const outStrides = perm.map((axis) => strides[axis] ?? 0);
  const out = new Uint8Array(count * width);
  if (count === 0) return out;
  // Row by row along the last axis of the result, with an odometer over the others.
  const last = perm.length - 1;
  const [length, stride] = last < 0 ? [1, 1] : [outShape[last] ?? 1, outStrides[last] ?? 1];
  const rows = (copy: (to: number, at: number) => void): void => {
    const index = new Array<number>(perm.length).fill(0);
    let at = 0;
    for (let to = 0; to < count; to += length) {
      copy(to, at);
      for (let axis = last - 1; axis >= 0; axis--) {
        const next = (index[axis] ?? 0) + 1;
        if (next < (outShape[axis] ?? 0)) {
          index[axis] = next;
          at += outStrides[axis] ?? 0;
          break;
        }
        at -= (next - 1) * (outStrides[axis] ?? 0);
        index[axis] = 0;
      }
    }
  };
  if (last > 0 && width === 4 && stride !== 1 && outStrides[last - 1] === 1 && from.byteOffset % 4 === 0)
    transposeTiles(new Uint32Array(from.buffer, from.byteOffset, count), new Uint32Array(out.buffer), outShape, outStrides);
  else if (stride === 1) rows((to, at) => out.set(from.subarray(at * width, (at + length) * width), to * width));
  else if (width === 4 && from.byteOffset % 4 === 0) {
    const a = new Uint32Array(from.buffer, from.byteOffset, count);
    const b = new Uint32Array(out.buffer);
    rows((to, at) => {
      for (let n = 0; n < length; n++) b[to + n] = a[at + n * stride] ?? 0;
    });
  } else {
    rows((to, at) => {
      for (let n = 0; n < length; n++) {
        const first = (at + n * stride) * width;
        out.set(from.subarray(first, first + width), (to + n) * width);
      }
    });
  }
  return out;
}

/** Transposes in tiles, so that both sides stay in the cache: the last two axes of the result have the opposite order in the source. */
function transposeTiles(from: Uint32Array, to: Uint32Array, shape: readonly number[], strides: readonly number[]): void {
  const rank = shape.length;
  const [rows = 1, columns = 1] = shape.slice(-2);
  const stride = strides[rank - 1] ?? 1;
  const outer = shape.slice(0, -2);
  for (let block = 0; block * rows * columns < to.length; block++) {
    let [at, rest] = [0, block];
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      at += (rest % (outer[axis] ?? 1)) * (strides[axis] ?? 0);
      rest = Math.floor(rest / (outer[axis] ?? 1));
    }
    const first = block * rows * columns;
    for (let top = 0; top < rows; top += TILE) {
      for (let left = 0; left < columns; left += TILE) {
        const [bottom, right] = [Math.min(top + TILE, rows), Math.min(left + TILE, columns)];
        for (let row = top; row < bottom; row++)
          for (let column = left; column < right; column++) to[first + row * columns + column] = from[at + row + column * stride] ?? 0;
      }
    }
  }
}
const TILE = 32;

/** The range [start, start + length) of one axis. If the payload is still in its source, only its location is recorded. */
export function slicedAlong(tensor: Tensor, axis: number, start: number, length: number): Tensor {
  const width = (BITS[tensor.dtype] ?? 0) / 8;
  assertInvariant(width >= 1, () => `cannot cut ${tensor.dtype}[${tensor.shape}]`);
  const shape = tensor.shape.map((dim, at) => (at === axis ? length : dim));
  const outer = elementCount(tensor.shape.slice(0, axis));
  const inner = elementCount(tensor.shape.slice(axis + 1)) * width;
  const step = (tensor.shape[axis] ?? 0) * inner;
  const stretches = Array.from({ length: outer }, (_, row) => row * step + start * inner);
  const { data } = tensor;
  const [range] = data.kind === 'ranges' && data.encoding === 'raw' && data.ranges.length === 1 ? data.ranges : [];
  if (range) {
    const ranges = stretches.map((at) => ({ source: range.source, offset: range.offset + at, length: length * inner }));
    return { dtype: tensor.dtype, shape, data: { kind: 'ranges', ranges, encoding: 'raw' } };
  }
  const compute = (): Uint8Array => {
    const bytes = tensorBytes(tensor);
    const cut = new Uint8Array(outer * length * inner);
    for (const [row, at] of stretches.entries()) cut.set(bytes.subarray(at, at + length * inner), row * length * inner);
    return cut;
  };
  return { dtype: tensor.dtype, shape, data: { kind: 'computed', byteLength: outer * length * inner, compute } };
}

/** Size of the payload in bytes, as raw_data. */
export function tensorByteLength(tensor: Tensor): number {
  const { data } = tensor;
  switch (data.kind) {
    case 'bytes':
      return data.bytes.byteLength;
    case 'computed':
      return data.byteLength;
    case 'strings':
      return data.values.reduce((sum, value) => sum + value.byteLength, 0);
    case 'ranges':
      return data.encoding === 'raw'
        ? data.ranges.reduce((sum, range) => sum + range.length, 0)
        : (byteSize(tensor.dtype, elementCount(tensor.shape)) ?? 0);
  }
}
