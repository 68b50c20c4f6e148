/** A file that is written from start to end, in a temporary location or as a stream. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** Maximum number of bytes per system call. */
const LARGEST_WRITE = 1 << 30;

export class NewFile {
  private readonly descriptor: number;
  private isOpen = true;

  /** Creates the file, which must not exist. Throws the file system's error. */
  constructor(path: string) {
    this.descriptor = openSync(path, 'wx');
  }

  /** Writes the first `length` bytes. */
  write(bytes: Uint8Array, length = bytes.byteLength): void {
    for (let done = 0; done < length; ) done += writeSync(this.descriptor, bytes, done, Math.min(length - done, LARGEST_WRITE));
  }

  close(): void {
    if (this.isOpen) closeSync(this.descriptor);
    this.isOpen = false;
  }
}
