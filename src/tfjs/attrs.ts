/** Attributes as TensorFlow writes them in JSON, and TensorFlow's names of element types. */
import type { Dim, DType } from '../ir/types';
import type { TfjsAttr, TfjsType } from './graph';

/** TensorFlow stores strings as bytes, and JSON encodes bytes in base64. */
export const text = (value: string): TfjsAttr => ({ s: btoa(value) });
export const texts = (values: readonly string[]): TfjsAttr => ({ list: { s: values.map((value) => btoa(value)) } });
export const int = (value: number): TfjsAttr => ({ i: String(value) });
export const ints = (values: readonly number[]): TfjsAttr => ({ list: { i: values.map(String) } });
export const float = (value: number): TfjsAttr => ({ f: value });
export const bool = (value: boolean): TfjsAttr => ({ b: value });
export const type = (value: TfjsType): TfjsAttr => ({ type: value });
export const shape = (dims: readonly Dim[]): TfjsAttr => ({ shape: sizes(dims) });
export const sizes = (dims: readonly Dim[]): { readonly dim: readonly { readonly size: string }[] } => ({
  dim: dims.map((dim) => ({ size: String(typeof dim === 'number' ? dim : -1) })),
});

/** Nearest of TensorFlow.js's element types. undefined for bfloat16: it rounds too coarsely for a float to replace it. */
export function tfjsType(dtype: DType | undefined): TfjsType | undefined {
  switch (dtype) {
    case 'float':
    case 'double':
    case 'float16':
      return 'DT_FLOAT';
    case 'int64':
    case 'int32':
    case 'int16':
    case 'int8':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'uint64':
      return 'DT_INT32';
    case 'bool':
      return 'DT_BOOL';
    default:
      return undefined;
  }
}
