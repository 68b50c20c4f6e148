/** A file as a ByteSource: opened once, read by range, and checked for changes between opening and reading. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { cannotRead, inputChanged, malformed } from '../diagnostics/catalogue';
import type { ByteSource } from '../ir/bytes';
import { table } from '../ir/table';
import { noteRead } from '../output';

/** Maximum number of bytes per system call. */
const LARGEST_READ = 1 << 30;

/** Fills the first `length` bytes of `bytes` from an open file; returns how many there were before it ended. */
export function readFully(descriptor: number, bytes: Uint8Array, offset: number, length: number): number {
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, Math.min(length - done, LARGEST_READ), offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

export class FileSource implements ByteSource {
  readonly size: number;
  private readonly mtime: number;
  readonly device: number;
  readonly inode: number;

  private constructor(
    readonly name: string,
    readonly descriptor: number,
  ) {
    const stat = fstatSync(descriptor);
    this.size = stat.size;
    this.mtime = stat.mtimeMs;
    noteRead(stat);
    this.device = stat.dev;
    this.inode = stat.ino;
  }

  /** Throws CompileError CANNOT_READ unless it is a readable plain file. `flags`: further open(2) flags. */
  static open(path: string, flags = 0): FileSource {
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | flags);
    } catch (error) {
      throw cannotRead(path, reasonOf(error));
    }
    if (!fstatSync(descriptor).isFile()) {
      closeSync(descriptor);
      throw cannotRead(path, 'it is not a plain file');
    }
    return new FileSource(path, descriptor);
  }

  read(offset: number, length: number): Uint8Array {
    // A separate buffer, so that typed arrays over it are aligned.
    const bytes = Buffer.allocUnsafeSlow(length);
    this.readInto(bytes, offset, length);
    return bytes;
  }

  /** Fills the first `length` bytes of `bytes`. Throws if the file has become shorter. */
  readInto(bytes: Uint8Array, offset: number, length: number): void {
    const done = readFully(this.descriptor, bytes, offset, length);
    if (done === length) return;
    this.requireUnchanged();
    throw malformed(this.name, offset + done, `the file ends ${length - done} bytes early`);
  }

  /** Call before copying bytes that were located earlier. Throws if the file has changed. */
  requireUnchanged(): void {
    const stat = fstatSync(this.descriptor);
    if (stat.size !== this.size || stat.mtimeMs !== this.mtime) throw inputChanged(this.name);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** The operating system's error, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known: Readonly<Record<string, string>> = table({
    ENOENT: 'no such file',
    ENOTDIR: 'a part of the path is not a directory',
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    EISDIR: 'it is a directory',
    ENOSPC: 'no space left on the disk',
    EDQUOT: 'the disk quota is used up',
    EROFS: 'the file system is read-only',
    EMFILE: 'too many open files',
    EADDRINUSE: 'another program uses it',
    ELOOP: 'it is a symbolic link',
  });
  return known[code] ?? (error instanceof Error ? error.message : String(error));
}
