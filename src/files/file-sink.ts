/**
 * Writes a file from start to end through one small buffer: small pieces are collected, ranges of files copied.
 * The buffer has 128 KB, because larger ones were measured slower and, on some kernels, several times slower.
 */
import { cannotWrite } from '../diagnostics/catalogue';
import type { ByteSource } from '../ir/bytes';
import type { ByteSink } from '../onnx/wire/segments';
import { NewFile } from '../output';
import { FileSource, reasonOf } from './file-source';

const BUFFER_SIZE = 128 * 1024;

export class FileSink implements ByteSink {
  private readonly buffer = Buffer.allocUnsafeSlow(BUFFER_SIZE);
  private readonly file: NewFile;
  private readonly checked = new Set<FileSource>();
  private filled = 0;
  /** Number of bytes accepted so far. */
  length = 0;

  /** Creates the file; it must not exist. */
  constructor(private readonly path: string) {
    this.file = this.guarded(() => new NewFile(path));
  }

  write(bytes: Uint8Array): void {
    this.length += bytes.byteLength;
    if (bytes.byteLength > BUFFER_SIZE - this.filled) {
      this.flush();
      if (bytes.byteLength >= BUFFER_SIZE) {
        this.out(bytes, bytes.byteLength);
        return;
      }
    }
    this.buffer.set(bytes, this.filled);
    this.filled += bytes.byteLength;
  }

  copy(source: ByteSource, offset: number, length: number): void {
    if (!(source instanceof FileSource)) {
      for (let done = 0; done < length; done += BUFFER_SIZE) this.write(source.read(offset + done, Math.min(BUFFER_SIZE, length - done)));
      return;
    }
    if (!this.checked.has(source)) {
      source.requireUnchanged();
      this.checked.add(source);
    }
    this.length += length;
    for (let done = 0; done < length; ) {
      if (this.filled === BUFFER_SIZE) this.flush();
      const count = Math.min(BUFFER_SIZE - this.filled, length - done);
      source.readInto(this.buffer.subarray(this.filled), offset + done, count);
      this.filled += count;
      done += count;
    }
  }

  /** Flushes and closes. A source that changed in the meantime is an error: the copy may be a mixture. */
  finish(): void {
    this.flush();
    for (const source of this.checked) source.requireUnchanged();
    this.close();
  }
  close(): void {
    this.guarded(() => this.file.close());
  }

  private flush(): void {
    const { filled } = this;
    this.filled = 0;
    this.out(this.buffer, filled);
  }
  private out(bytes: Uint8Array, length: number): void {
    this.guarded(() => this.file.write(bytes, length));
  }
  private guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw cannotWrite(this.path, reasonOf(error));
    }
  }
}

/** A new file that is written sequentially. */
export interface OpenFile {
  write(bytes: Uint8Array): void;
  /** Flushes and closes. */
  close(): void;
}
export function bufferedFile(path: string): OpenFile {
  const sink = new FileSink(path);
  return { write: (bytes) => sink.write(bytes), close: () => sink.finish() };
}
