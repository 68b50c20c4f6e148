/** The table of element types: ONNX's numbers, as in files and in attributes like Cast's `to`, and our names. */
import type { DType } from './types';

const NAMES: readonly (DType | undefined)[] = [
  undefined,
  'float',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'double',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
];

/** An unknown number is kept in the name. */
export const dtypeNumbered = (number: number): DType => NAMES[number] ?? `dtype${number}`;

export function dtypeNumber(dtype: DType): number {
  const known = NAMES.indexOf(dtype);
  return known > 0 ? known : Number(dtype.slice('dtype'.length));
}

export const isKnown = (dtype: DType): boolean => NAMES.includes(dtype);

/** The element type with this name, if there is one. */
export const dtypeNamed = (name: string): DType | undefined => NAMES.find((known) => known === name);
