/**
 * Elements of tensors in the textual syntax.
 *
 * As in ONNX's own parser, float16, bfloat16 and the 8-bit floats are written as the integers of their bit patterns, complex numbers as two floats, and
 * types smaller than a byte as the integers of their packed bytes.
 */

import { table } from '../../ir/table';
import { byteSize, elementCount, tensorBytes } from '../../ir/tensor';
import type { DType, Tensor } from '../../ir/types';
import { quoted } from './names';

export interface ElementFormat {
  readonly kind: 'float' | 'int' | 'string';
  /** Bytes per literal. */
  readonly width: number;
  /** For integers: whether they are signed. */
  readonly signed: boolean;
}

const FORMATS: Readonly<Record<string, ElementFormat>> = table({
  float: { kind: 'float', width: 4, signed: true },
  complex64: { kind: 'float', width: 4, signed: true },
  double: { kind: 'float', width: 8, signed: true },
  complex128: { kind: 'float', width: 8, signed: true },
  int8: { kind: 'int', width: 1, signed: true },
  int16: { kind: 'int', width: 2, signed: true },
  int32: { kind: 'int', width: 4, signed: true },
  int64: { kind: 'int', width: 8, signed: true },
  uint16: { kind: 'int', width: 2, signed: false },
  uint32: { kind: 'int', width: 4, signed: false },
  uint64: { kind: 'int', width: 8, signed: false },
  float16: { kind: 'int', width: 2, signed: false },
  bfloat16: { kind: 'int', width: 2, signed: false },
  string: { kind: 'string', width: 0, signed: false },
});
/** uint8, bool, the 8-bit floats, and the packed bytes of smaller types. */
const BYTES: ElementFormat = { kind: 'int', width: 1, signed: false };

/** undefined: an element type that this version does not know. */
export const elementFormat = (dtype: DType): ElementFormat | undefined =>
  FORMATS[dtype] ?? (byteSize(dtype, 1) === undefined ? undefined : BYTES);

/** Number of literals for a tensor of that shape. */
export function literalCount(dtype: DType, shape: readonly number[]): number {
  const count = elementCount(shape);
  const { width } = elementFormat(dtype) ?? BYTES;
  return width === 0 ? count : (byteSize(dtype, count) ?? count) / width;
}

/** Value of an integer literal, or undefined if it does not fit. */
export function integerLiteral(text: string, { width, signed }: ElementFormat): bigint | undefined {
  const value = BigInt(text);
  const bits = width * 8;
  return value === (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) ? value : undefined;
}

/** Encodes integers as little-endian bytes. */
export function integerBytes(values: readonly bigint[], { width }: ElementFormat): Uint8Array {
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) {
    if (width === 8) view.setBigUint64(index * 8, BigInt.asUintN(64, value), true);
    else if (width === 4) view.setUint32(index * 4, Number(BigInt.asUintN(32, value)), true);
    else if (width === 2) view.setUint16(index * 2, Number(BigInt.asUintN(16, value)), true);
    else view.setUint8(index, Number(BigInt.asUintN(8, value)));
  }
  return bytes;
}

/** Encodes floats as little-endian bytes. */
export function floatBytes(values: readonly number[], { width }: ElementFormat): Uint8Array {
  return new Uint8Array((width === 4 ? Float32Array.from(values) : Float64Array.from(values)).buffer);
}

/** Literals of a tensor, or undefined if its type has none. Reads the payload. */
export function literals(tensor: Tensor): string[] | undefined {
  if (tensor.data.kind === 'strings') return tensor.data.values.map((value) => quoted(new TextDecoder().decode(value)));
  const format = elementFormat(tensor.dtype);
  if (!format || format.kind === 'string') return undefined;
  const bytes = tensorBytes(tensor);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { kind, width, signed } = format;
  return Array.from({ length: bytes.byteLength / width }, (_, index) => {
    const at = index * width;
    if (kind === 'float') return width === 4 ? float32Text(view.getFloat32(at, true)) : floatText(view.getFloat64(at, true));
    if (width === 8) return `${signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true)}`;
    if (width === 4) return `${signed ? view.getInt32(at, true) : view.getUint32(at, true)}`;
    if (width === 2) return `${signed ? view.getInt16(at, true) : view.getUint16(at, true)}`;
    return `${signed ? view.getInt8(at) : view.getUint8(at)}`;
  });
}

/** The shortest decimal that parses to the same float32. */
export function float32Text(value: number): string {
  if (!Number.isFinite(value) || value === 0) return floatText(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return floatText(text);
  }
  return floatText(Number(value.toPrecision(9)));
}

export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  return Object.is(value, -0) ? '-0' : `${value}`;
}
