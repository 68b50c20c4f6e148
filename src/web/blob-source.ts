/**
 * A Blob, such as a file that was dropped on a page, as a ByteSource. In a worker it is read piece by piece, so that weights which no pass needs are never
 * in memory; a page itself has no synchronous reads, so there the Blob is read once, whole.
 */
import { cannotRead, inputChanged, malformed } from '../diagnostics/catalogue';
import type { ByteSource } from '../ir/bytes';

/** What a browser's workers have, and pages have not. */
interface SyncReader {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}

export class BlobSource implements ByteSource {
  private constructor(
    readonly name: string,
    readonly blob: Blob,
    private readonly reader: SyncReader | undefined,
    private readonly whole: Uint8Array | undefined,
  ) {}

  static async open(from: Blob | Uint8Array, name: string): Promise<BlobSource> {
    if (from instanceof Uint8Array) return new BlobSource(name, new Blob([from as Uint8Array<ArrayBuffer>]), undefined, from);
    const reader = syncReader();
    if (reader) return new BlobSource(name, from, reader, undefined);
    return new BlobSource(name, from, undefined, await bytesOf(from, name));
  }

  get size(): number {
    return this.blob.size;
  }

  read(offset: number, length: number): Uint8Array {
    if (this.whole) return this.whole.subarray(offset, offset + length);
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(this.reader?.readAsArrayBuffer(this.blob.slice(offset, offset + length)) ?? new ArrayBuffer(0));
    } catch (error) {
      throw unreadable(this.name, error);
    }
    if (bytes.byteLength < length)
      throw malformed(this.name, offset + bytes.byteLength, `the file ends ${length - bytes.byteLength} bytes early`);
    return bytes;
  }

  /** The same range as a Blob, for writers that copy it. */
  slice(offset: number, length: number): Blob {
    return this.blob.slice(offset, offset + length);
  }
}

/** All bytes of a Blob. Throws CompileError CANNOT_READ or INPUT_CHANGED. */
export async function bytesOf(blob: Blob | Uint8Array, name: string): Promise<Uint8Array> {
  if (blob instanceof Uint8Array) return blob;
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw unreadable(name, error);
  }
}

/** A file that was changed after it was chosen can no longer be read: browsers report that as NotReadableError. */
const unreadable = (name: string, error: unknown): Error =>
  error instanceof Error && error.name === 'NotReadableError'
    ? inputChanged(name)
    : cannotRead(name, error instanceof Error ? error.message : String(error));

function syncReader(): SyncReader | undefined {
  const Reader: unknown = Reflect.get(globalThis, 'FileReaderSync');
  return typeof Reader === 'function' ? (Reflect.construct(Reader, []) as SyncReader) : undefined;
}
