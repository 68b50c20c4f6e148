/**
 * Random access to the bytes of a file, of standard input or of an archive. A file is opened anew for each read, so no handle stays open
 * and truncation is noticed.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { arrayDamaged, arrayTooLarge, cannotRead } from '../../diagnostics/catalogue';
import { readFully } from '../../files/file-source';
import { limitsFactor } from '../../files/limits';
import { noteRead } from '../../output';
import type { Bytes } from '../stored';

/** Path that represents standard input; `-` on the command line. */
export const STDIN = 'stdin:';

/** Throws CompileError CANNOT_READ. */
export function fileBytes(path: string): Bytes {
  const read = (offset: number, length: number): { readonly size: number; readonly bytes: Uint8Array } => {
    try {
      const file = openSync(path, 'r');
      try {
        const stat = fstatSync(file);
        if (stat.isDirectory()) throw new Error('it is a folder');
        noteRead(stat);
        const bytes = new Uint8Array(length);
        return { size: stat.size, bytes: bytes.subarray(0, readFully(file, bytes, offset, length)) };
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw cannotRead(path, error instanceof Error ? error.message : String(error));
    }
  };
  return {
    length: read(0, 0).size,
    read(offset, length) {
      const { bytes } = read(offset, length);
      if (bytes.length < length) throw arrayDamaged(path, 'it got shorter while it was read');
      return bytes;
    },
  };
}

export const memoryBytes = (bytes: Uint8Array): Bytes => ({
  length: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

/** Maximum number of bytes of a stream or an unpacked archive held in memory. */
export const mostHeld = (): number => 2 ** 31 * limitsFactor();

/** Reads all of standard input. Throws CompileError ARRAY_TOO_LARGE, CANNOT_READ. */
export function stdinBytes(): Bytes {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const part = Buffer.alloc(2 ** 20);
    let got: number;
    try {
      got = readSync(0, part, 0, part.length, null);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EAGAIN') {
        // No data yet: the writer is slower.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        continue;
      }
      if (code === 'EOF') break;
      throw cannotRead('the standard input', error instanceof Error ? error.message : String(error));
    }
    if (got === 0) break;
    total += got;
    if (total > mostHeld())
      throw arrayTooLarge('the standard input', `it has more than ${mostHeld()} bytes`, 'save it to a file, which is read piece by piece');
    parts.push(part.subarray(0, got));
  }
  const all = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return memoryBytes(all);
}
