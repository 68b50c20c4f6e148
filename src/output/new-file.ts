/** A file that is written from start to end, in a temporary place or in a stream. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** One system call takes so much at most. */
const LARGEST_WRITE = 1 << 30;

export class NewFile {
  private readonly descriptor: number;
  private isOpen = true;

  /** Creates the file; nothing may be there. Throws what the file system says. */
  constructor(path: string) {
    this.descriptor = openSync(path, 'wx');
  }

  /** The first `length` bytes. */
  write(bytes: Uint8Array, length = bytes.byteLength): void {
    for (let done = 0; done < length; ) done += writeSync(this.descriptor, bytes, done, Math.min(length - done, LARGEST_WRITE));
  }

  close(): void {
    if (this.isOpen) closeSync(this.descriptor);
    this.isOpen = false;
  }
}
