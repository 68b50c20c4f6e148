/** NumPy's file formats: one array (.npy), or several in a zip archive (.npz). */
import { unzipSync } from 'fflate';
import { inputFileBroken } from '../../../diagnostics/catalogue';
import { halfToNumber } from '../../../ir/half';
import { table } from '../../../ir/table';
import type { Numbers } from '../../onnx-runner';
import { transposed } from '../../pair/layout';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

interface Element {
  readonly dtype: string;
  readonly bytes: number;
  readonly read: (view: DataView, at: number, little: boolean) => number;
}

/** By the letter and width of NumPy's type strings. */
const ELEMENTS: Readonly<Record<string, Element>> = table({
  f4: { dtype: 'float', bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { dtype: 'double', bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  f2: { dtype: 'float16', bytes: 2, read: (view, at, little) => halfToNumber(view.getUint16(at, little)) },
  i1: { dtype: 'int8', bytes: 1, read: (view, at) => view.getInt8(at) },
  i2: { dtype: 'int16', bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  i4: { dtype: 'int32', bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  i8: { dtype: 'int64', bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  u1: { dtype: 'uint8', bytes: 1, read: (view, at) => view.getUint8(at) },
  u2: { dtype: 'uint16', bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  u4: { dtype: 'uint32', bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  u8: { dtype: 'uint64', bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  b1: { dtype: 'bool', bytes: 1, read: (view, at) => view.getUint8(at) },
});

/** Throws CompileError INPUT_FILE_BROKEN. */
export function readNpy(bytes: Uint8Array, file: string): Numbers {
  const fail = (reason: string): never => {
    throw inputFileBroken(file, reason);
  };
  if (bytes.length < 12 || !MAGIC.every((byte, at) => bytes[at] === byte)) fail('it does not begin as a .npy file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = (bytes[6] ?? 0) >= 2;
  const start = long ? 12 : 10;
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const [, order = '', code = ''] = /'descr':\s*'([<>|=])([a-z]\d+)'/.exec(header) ?? [];
  const [, dims] = /'shape':\s*\(([^)]*)\)/.exec(header) ?? [];
  const element = ELEMENTS[code] ?? fail(`its header ${JSON.stringify(header.trim().slice(0, 80))} has no type of number that is known`);
  if (dims === undefined) return fail('its header has no shape');
  const shape = dims
    .split(',')
    .map((dim) => dim.trim())
    .filter((dim) => dim !== '')
    .map(Number);
  if (shape.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) fail(`its shape (${dims}) is none`);
  const count = shape.reduce((product, dim) => product * dim, 1);
  const have = bytes.length - start - length;
  if (have !== count * element.bytes) fail(`it has ${have} bytes of numbers where shape (${dims}) needs ${count * element.bytes}`);
  const data =
    element.bytes <= 4 && element.dtype !== 'int32' && element.dtype !== 'uint32' ? new Float32Array(count) : new Float64Array(count);
  const little = order !== '>';
  for (let at = 0; at < count; at++) data[at] = element.read(view, start + length + at * element.bytes, little);
  if (!/'fortran_order':\s*True/.test(header)) return { dtype: element.dtype, shape, data };
  // Columns first: the same as the reversed axes, rows first.
  const reversed = shape.map((_, axis) => shape.length - 1 - axis);
  return transposed({ dtype: element.dtype, shape: [...shape].reverse(), data }, reversed);
}

/** Arrays by name. Throws CompileError INPUT_FILE_BROKEN. */
export function readNpz(bytes: Uint8Array, file: string): Map<string, Numbers> {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (error) {
    throw inputFileBroken(file, `it is no zip archive: ${error instanceof Error ? error.message : String(error)}`);
  }
  return new Map(
    Object.entries(entries)
      .filter(([name]) => name.endsWith('.npy'))
      .map(([name, content]) => [name.slice(0, -'.npy'.length), readNpy(content, `${file} (${name})`)]),
  );
}
