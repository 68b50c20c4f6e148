/** Bytes of a file, of the standard input or of an archive, that can be read anywhere. A file is opened for each piece: none stays open, and a file that got shorter is noticed. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { arrayDamaged, arrayTooLarge, cannotRead } from '../../diagnostics/catalogue';
import { limitsFactor } from '../../files/limits';
import { noteRead } from '../../output';
import type { Bytes } from '../stored';

/** What the standard input is called where paths are: `-` on the command line. */
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
        let have = 0;
        while (have < length) {
          const got = readSync(file, bytes, have, length - have, offset + have);
          if (got === 0) break;
          have += got;
        }
        return { size: stat.size, bytes: bytes.subarray(0, have) };
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

/** Bytes of a stream, or of an archive when it is unpacked, that are held at once. */
export const mostHeld = (): number => 2 ** 31 * limitsFactor();

/** All of the standard input. Throws CompileError ARRAY_TOO_LARGE, CANNOT_READ. */
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
        // Nothing has come yet: the writer is slower.
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
