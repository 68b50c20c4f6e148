/** Reads a .npy file as NumPy documents the format, by other means than it is written with. */
import { readFileSync } from 'node:fs';

export interface Npy {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export function readNpy(path: string): Npy {
  const bytes = readFileSync(path);
  if (bytes.toString('latin1', 0, 8) !== '\x93NUMPY\x01\x00') throw new Error('no magic of version 1.0');
  const length = bytes.readUInt16LE(8);
  if ((10 + length) % 64 !== 0) throw new Error('the data is not aligned to 64 bytes');
  const header = bytes.toString('latin1', 10, 10 + length);
  const found = /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(([\d, ]+)\), \} *\n$/.exec(header);
  if (!found) throw new Error(`the header cannot be read: ${header}`);
  const shape = (found[1] ?? '').split(',').flatMap((dim) => (dim.trim() === '' ? [] : [Number(dim)]));
  const body = Uint8Array.from(bytes.subarray(10 + length));
  return { shape, data: new Float32Array(body.buffer) };
}
