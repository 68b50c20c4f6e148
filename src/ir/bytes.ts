/**
 * Where bytes come from. A file, a Buffer or a browser's File read synchronously in a worker can all serve.
 * The compiler reads a source only where it needs the numbers; everything else travels as a range.
 */
export interface ByteSource {
  /** For messages: a path or another name that the user knows. */
  readonly name: string;
  /** There is a name, and no bytes: reading them is an error. */
  readonly isAbsent?: true;
  /** Bytes in all. */
  readonly size: number;
  /**
   * The bytes [offset, offset + length), possibly a view of memory that others read too: never write into it.
   * Throws CompileError when the source cannot deliver them (truncated, changed since it was opened).
   */
  read(offset: number, length: number): Uint8Array;
  /** The same into the first `length` bytes of memory that is used again and again, where a source can. */
  readInto?(bytes: Uint8Array, offset: number, length: number): void;
}

/** A stretch of a source. */
export interface ByteRange {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** Whether the payload is somewhere that cannot be reached. */
export const isAbsent = (data: { readonly kind: string; readonly ranges?: readonly ByteRange[] }): boolean =>
  data.ranges?.some(({ source }) => source.isAbsent === true) ?? false;

/** The same bytes where numbers of four bytes may lie; a copy only where they do not. */
export const aligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes));

/** A source over bytes in memory. */
export function bufferSource(bytes: Uint8Array, name = 'buffer'): ByteSource {
  return { name, size: bytes.byteLength, read: (offset, length) => bytes.subarray(offset, offset + length) };
}
