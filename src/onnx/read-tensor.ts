/** TensorProto -> Tensor: shape, type and the location of the bytes. Nothing large is read. */
import { badExternalData, badTensor } from '../diagnostics/catalogue';
import type { CompileError } from '../diagnostics/compile-error';
import type { ByteSource } from '../ir/bytes';
import { dtypeNumbered } from '../ir/dtypes';
import { byteSize, tensorByteLength } from '../ir/tensor';
import type { DType, Tensor, TensorData } from '../ir/types';
import { fromInt64, type TensorProto } from './proto';
import type { Skeleton } from './wire/skeleton';

/** Fields that the IR does not model, and that the writer puts back. */
export interface TensorExtras {
  readonly proto: Pick<TensorProto, 'doc_string' | 'metadata_props' | '$unknowns'>;
}

export interface TensorReader {
  readonly skeleton: Pick<Skeleton, 'payloadOf'>;
  readonly file: string;
  /** Opens the file of an external tensor; absent if external data cannot be reached. */
  readonly openExternal?: ((location: string, tensor: string) => ByteSource) | undefined;
  /** Replacement for data that is missing or too short; undefined: that is an error. */
  readonly absent?: ((location: string, tensor: string, reason: CompileError) => ByteSource | undefined) | undefined;
  /** Factor for the limits on how far a file may expand: see ir/limits.ts. */
  readonly limits?: number | undefined;
}

/** Throws CompileError BAD_TENSOR or BAD_EXTERNAL_DATA. */
export function readTensor(proto: TensorProto, name: string, reader: TensorReader): Tensor {
  const shape = readShape(proto.dims, name, reader.file);
  const dtype = dtypeNumbered(proto.data_type ?? 0);
  if (!proto.data_type) throw badTensor(name, 'it has no element type', reader.file);
  const data = readData(proto, name, dtype, shape, reader);
  const tensor: Tensor = { dtype, shape, data, ...keptExtras(proto) };
  checkLength(tensor, name, reader.file);
  return tensor;
}

/** Throws CompileError BAD_TENSOR. */
export function readShape(dims: TensorProto['dims'], name: string, file: string): number[] {
  let count = 1;
  return (dims ?? []).map((long) => {
    const dim = fromInt64(long);
    if (dim < 0) throw badTensor(name, `negative dimension ${dim}`, file);
    count *= Number(dim);
    if (typeof dim === 'bigint' || count > Number.MAX_SAFE_INTEGER) throw badTensor(name, 'its element count overflows', file);
    return dim;
  });
}

function readData(proto: TensorProto, name: string, dtype: DType, shape: readonly number[], reader: TensorReader): TensorData {
  const filled = [
    proto.raw_data,
    proto.float_data,
    proto.int32_data,
    proto.int64_data,
    proto.double_data,
    proto.uint64_data,
    proto.string_data,
  ].filter((field) => field && field.length > 0);
  if (filled.length > 1) throw badTensor(name, 'it has data in two fields', reader.file);
  if (proto.data_location === 1) {
    if (filled.length > 0) throw badTensor(name, 'it has inline data but declares external data', reader.file);
    return externalData(proto, name, dtype, shape, reader);
  }
  if (dtype === 'string') {
    if (proto.raw_data && proto.raw_data.length > 0) throw badTensor(name, 'strings cannot stand in raw_data', reader.file);
    const values = [...(proto.string_data ?? [])];
    if (values.length !== shape.reduce((product, dim) => product * dim, 1))
      throw badTensor(name, `it has ${values.length} strings for shape [${shape}]`, reader.file);
    return { kind: 'strings', values };
  }
  // Decoded messages have an empty array if the file has none.
  if (proto.raw_data?.length) {
    const payload = reader.skeleton.payloadOf(proto.raw_data);
    if (!payload) return { kind: 'bytes', bytes: new Uint8Array(proto.raw_data) };
    const isVarint = payload.field === 5 || payload.field === 7 || payload.field === 11;
    return { kind: 'ranges', ranges: payload.ranges, encoding: isVarint ? 'varint' : 'raw' };
  }
  return { kind: 'bytes', bytes: fieldBytes(proto, dtype) };
}

/** Small typed fields, converted to the bytes that raw_data would have. */
function fieldBytes(proto: TensorProto, dtype: DType): Uint8Array {
  const view = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (proto.float_data?.length) return view(Float32Array.from(proto.float_data));
  if (proto.double_data?.length) return view(Float64Array.from(proto.double_data));
  if (proto.int64_data?.length) return view(BigInt64Array.from(proto.int64_data.map((long) => BigInt(fromInt64(long)))));
  if (proto.uint64_data?.length) {
    const numbers = proto.uint64_data.map((long) => BigInt(long.toString()));
    return dtype === 'uint32' ? view(Uint32Array.from(numbers.map(Number))) : view(BigUint64Array.from(numbers));
  }
  const numbers = proto.int32_data ?? [];
  switch (dtype) {
    case 'int32':
      return view(Int32Array.from(numbers));
    case 'float16':
    case 'bfloat16':
    case 'uint16':
    case 'int16':
      return view(Uint16Array.from(numbers));
    default:
      return view(Uint8Array.from(numbers));
  }
}

const EXTERNAL_KEYS = new Set(['location', 'offset', 'length', 'checksum', 'basepath']);

function externalData(proto: TensorProto, name: string, dtype: DType, shape: readonly number[], reader: TensorReader): TensorData {
  const entries = new Map<string, string>();
  for (const { key = '', value = '' } of proto.external_data ?? []) {
    if (entries.has(key ?? '')) throw badExternalData(name, `it has the key '${key}' twice`);
    entries.set(key ?? '', value ?? '');
  }
  const location = entries.get('location');
  if (!location) throw badExternalData(name, 'it has no location');
  if (!reader.openExternal)
    throw badExternalData(name, `it lies in '${location}', which cannot be reached from here`, 'read the model from its file');
  const opened = reader.openExternal(location, name);
  const offset = natural(entries.get('offset') ?? '0', name, 'offset');
  const expected = byteSize(
    dtype,
    shape.reduce((product, dim) => product * dim, 1),
  );
  const rest = Math.max(0, opened.size - offset);
  const length = natural(entries.get('length') ?? String(entries.has('length') ? 0 : (expected ?? rest)), name, 'length');
  const source = offset + length > opened.size ? tooShort(opened, offset, length) : opened;
  if (expected !== undefined && length !== expected)
    throw badExternalData(name, `length ${length} does not match its shape [${shape}] and type ${dtype} (${expected} bytes)`);
  return { kind: 'ranges', ranges: [{ source, offset, length }], encoding: 'raw' };

  function tooShort({ size }: ByteSource, from: number, wanted: number): ByteSource {
    const reason =
      from > size
        ? badExternalData(name, `offset ${from} is past the end of '${location}' (${size} bytes)`)
        : badExternalData(name, `'${location}' has only ${size - from} of its ${wanted} bytes at offset ${from}`);
    const absent = reader.absent?.(location ?? '', name, reason);
    if (!absent) throw reason;
    return absent;
  }
}

/** Keys of external data that this version does not know. */
export const unknownExternalKeys = (proto: TensorProto): string[] =>
  (proto.external_data ?? []).flatMap(({ key }) => (key && !EXTERNAL_KEYS.has(key) ? [key] : []));

function natural(text: string, name: string, key: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number))
    throw badExternalData(name, `its ${key} '${text}' is not a non-negative integer`);
  return number;
}

function checkLength(tensor: Tensor, name: string, file: string): void {
  const { dtype, shape, data } = tensor;
  const expected = byteSize(
    dtype,
    shape.reduce((product, dim) => product * dim, 1),
  );
  if (data.kind === 'strings' || expected === undefined) return;
  if (data.kind === 'ranges' && data.encoding === 'varint') {
    const packed = data.ranges.reduce((sum, range) => sum + range.length, 0);
    const count = shape.reduce((product, dim) => product * dim, 1);
    if (packed > count * 10) throw badTensor(name, `${packed} bytes of packed integers are too many for shape [${shape}]`, file);
    return;
  }
  const actual = tensorByteLength(tensor);
  if (actual !== expected)
    throw badTensor(name, `it has ${actual} bytes of data, its shape [${shape}] and type ${dtype} need ${expected}`, file);
}

function keptExtras({ doc_string, metadata_props, $unknowns }: TensorProto): { extras: TensorExtras } | undefined {
  if (!doc_string && !metadata_props?.length && !$unknowns?.length) return undefined;
  return {
    extras: {
      proto: {
        ...(doc_string && { doc_string }),
        ...(metadata_props?.length && { metadata_props }),
        ...($unknowns?.length && { $unknowns }),
      },
    },
  };
}
