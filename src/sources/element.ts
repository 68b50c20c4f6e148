/** Number types of array files, keyed by the letter and width of NumPy's type strings. */
import { halfToNumber } from '../ir/half';
import { table } from '../ir/table';
import type { DType } from '../ir/types';

export interface Element {
  /** ONNX's name for the type; ONNX has no 3-byte type. */
  readonly dtype: DType;
  readonly bytes: number;
  /** Whether float32 represents every value of the type exactly. */
  readonly single: boolean;
  /** Value of white, if the type implies it: its maximum. */
  readonly white?: number | undefined;
  readonly read: (view: DataView, at: number, little: boolean) => number;
}

export const ELEMENTS: Readonly<Record<string, Element>> = table<Element>({
  f4: { dtype: 'float', bytes: 4, single: true, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { dtype: 'double', bytes: 8, single: false, read: (view, at, little) => view.getFloat64(at, little) },
  f2: { dtype: 'float16', bytes: 2, single: true, read: (view, at, little) => halfToNumber(view.getUint16(at, little)) },
  i1: { dtype: 'int8', bytes: 1, single: true, read: (view, at) => view.getInt8(at) },
  i2: { dtype: 'int16', bytes: 2, single: true, read: (view, at, little) => view.getInt16(at, little) },
  i3: { dtype: 'int32', bytes: 3, single: true, read: int24 },
  i4: { dtype: 'int32', bytes: 4, single: false, read: (view, at, little) => view.getInt32(at, little) },
  i8: { dtype: 'int64', bytes: 8, single: false, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  u1: { dtype: 'uint8', bytes: 1, single: true, white: 255, read: (view, at) => view.getUint8(at) },
  u2: { dtype: 'uint16', bytes: 2, single: true, white: 65535, read: (view, at, little) => view.getUint16(at, little) },
  u4: { dtype: 'uint32', bytes: 4, single: false, read: (view, at, little) => view.getUint32(at, little) },
  u8: { dtype: 'uint64', bytes: 8, single: false, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  b1: { dtype: 'bool', bytes: 1, single: true, read: (view, at) => view.getUint8(at) },
});

function int24(view: DataView, at: number, little: boolean): number {
  const [low, middle, high] = little
    ? [view.getUint8(at), view.getUint8(at + 1), view.getInt8(at + 2)]
    : [view.getUint8(at + 2), view.getUint8(at + 1), view.getInt8(at)];
  return high * 65536 + middle * 256 + low;
}

/** Decodes `count` values from the start of the bytes. */
export function decode(
  { bytes: width, single, read }: Element,
  bytes: Uint8Array,
  count: number,
  little: boolean,
): Float32Array | Float64Array {
  const numbers = single ? new Float32Array(count) : new Float64Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < count; at++) numbers[at] = read(view, at * width, little);
  return numbers;
}
