/** Which files this run has read: they are never written, under whatever name. The command line forgets them when a run begins. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

const read = new Set<string>();
const keyOf = ({ dev, ino }: FileIdentity): string => `${dev}:${ino}`;

/** To be called by whatever opens a file that a user named, or that such a file names. */
export function noteRead(file: FileIdentity): void {
  // Windows may not tell: then names are compared by the caller.
  if (isRemembering && file.ino !== 0) read.add(keyOf(file));
}

/** Reads a file whole, and notes it. Throws what the file system says. */
export function readInput(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    noteRead(fstatSync(file));
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

export const wasRead = (file: FileIdentity): boolean => read.has(keyOf(file));

let isRemembering = false;
/** From now on; what was read before belongs to another run. In the library nothing is remembered: a program may replace what it has read. */
export function rememberInputs(): void {
  read.clear();
  isRemembering = true;
}
