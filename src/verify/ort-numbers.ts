/** Numbers in the arrays that ONNX Runtime takes and gives, and its messages without what is of no use to a user. */
import { halfToNumber, toHalves } from '../ir/half';
import type { Numbers } from './onnx-runner';

/** An input or output with its type and size, without its elements. */
export interface Port {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
}

/** Removes the name of a temporary file and the runtime's own source location, which are of no use to a user. */
export const inShort = (message: string): string =>
  message
    .replace(/^Load model from .*? failed:\s*/s, '')
    .replace(/^\/?\S*onnxruntime\S*\.cc:\d+ /, '')
    .trim();

/** Names of element types in ONNX Runtime's JavaScript interface. */
export type OrtType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool';
export type OrtData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** The elements as ONNX Runtime takes them. */
export function encodeNumbers({ dtype, shape, data }: Numbers): [OrtType, OrtData, number[]] {
  const dims = [...shape];
  switch (dtype) {
    case 'double':
      return ['float64', Float64Array.from(data), dims];
    case 'float16':
      return ['float16', toHalves(data), dims];
    case 'uint8':
      return ['uint8', Uint8Array.from(data), dims];
    case 'int8':
      return ['int8', Int8Array.from(data), dims];
    case 'uint16':
      return ['uint16', Uint16Array.from(data), dims];
    case 'int16':
      return ['int16', Int16Array.from(data), dims];
    case 'int32':
      return ['int32', Int32Array.from(data), dims];
    case 'uint32':
      return ['uint32', Uint32Array.from(data), dims];
    case 'int64':
      return ['int64', BigInt64Array.from(Array.from(data, (number) => BigInt(Math.trunc(number)))), dims];
    case 'uint64':
      return ['uint64', BigUint64Array.from(Array.from(data, (number) => BigInt(Math.trunc(number)))), dims];
    case 'bool':
      return ['bool', Uint8Array.from(data), dims];
    default:
      return ['float32', data instanceof Float32Array ? data : Float32Array.from(data), dims];
  }
}

export function decodeNumbers({ type, dims }: Port, memory: ArrayBuffer): Numbers {
  const shape = [...dims];
  const wide = (numbers: ArrayLike<number>): Numbers => ({ dtype: type, shape, data: Float64Array.from(numbers) });
  switch (type) {
    case 'float32':
      return { dtype: 'float', shape, data: new Float32Array(memory) };
    case 'float64':
      return { dtype: 'double', shape, data: new Float64Array(memory) };
    case 'float16':
      return { dtype: 'float16', shape, data: Float32Array.from(new Uint16Array(memory), halfToNumber) };
    case 'int64':
      return { dtype: type, shape, data: Float64Array.from(new BigInt64Array(memory), Number) };
    case 'uint64':
      return { dtype: type, shape, data: Float64Array.from(new BigUint64Array(memory), Number) };
    case 'int32':
      return wide(new Int32Array(memory));
    case 'uint32':
      return wide(new Uint32Array(memory));
    case 'int16':
      return wide(new Int16Array(memory));
    case 'uint16':
      return wide(new Uint16Array(memory));
    case 'int8':
      return wide(new Int8Array(memory));
    case 'uint8':
    case 'bool':
      return wide(new Uint8Array(memory));
    default:
      return wide([]);
  }
}
