/** Files that this run has read: they are never overwritten, under whatever name. The command line clears the record when a run begins. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

const read = new Set<string>();
const keyOf = ({ dev, ino }: FileIdentity): string => `${dev}:${ino}`;

/** Must be called for every opened file that a user named, or that such a file names. */
export function noteRead(file: FileIdentity): void {
  // On Windows the inode may be missing: then the caller compares names.
  if (isRemembering && file.ino !== 0) read.add(keyOf(file));
}

/** Reads a whole file and records it as an input. Throws the file system's error. */
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
/** Starts recording; files read before belong to another run. In the library nothing is recorded: a program may replace what it has read. */
export function rememberInputs(): void {
  read.clear();
  isRemembering = true;
}
