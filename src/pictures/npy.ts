/** NumPy's file formats: one array (.npy: version 1.0, little-endian floats, C order) and archives of named arrays (.npz). */
import { zipSync } from 'fflate';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];

/** Bytes of a file that `numpy.load` reads as an array of float32 or float64 of the given shape. */
export function npyBytes(shape: readonly number[], data: Float32Array | Float64Array): Uint8Array {
  const width = data.BYTES_PER_ELEMENT;
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<f${width}', 'fortran_order': False, 'shape': (${dims}), }`;
  // The data must start at a multiple of 64 bytes.
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + header.length + data.length * width);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, header.length, true);
  bytes.set(new TextEncoder().encode(header), 10);
  const start = 10 + header.length;
  if (width === 4) for (const [at, value] of data.entries()) view.setFloat32(start + at * 4, value, true);
  else for (const [at, value] of data.entries()) view.setFloat64(start + at * 8, value, true);
  return bytes;
}

/** Bytes of an archive that `numpy.load` reads, of .npy files by the names of their arrays. The same arrays give the same bytes. */
export const npzBytes = (arrays: Readonly<Record<string, Uint8Array>>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes])), { mtime: new Date(1980, 0, 1) });
