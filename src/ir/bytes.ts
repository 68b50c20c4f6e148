/**
 * A source of bytes: a file, a Buffer, or a browser's File read synchronously in a worker.
 * The compiler reads a source only if it needs the values; everything else travels as a range.
 */
export interface ByteSource {
  /** Name for messages: a path or another name that the user knows. */
  readonly name: string;
  /** True if only the name exists, without bytes: reading is an error. */
  readonly isAbsent?: true;
  /** Total number of bytes. */
  readonly size: number;
  /**
   * The bytes [offset, offset + length), possibly a view of memory that others read too: never write into it.
   * Throws CompileError if the source cannot deliver them (truncated, or changed since it was opened).
   */
  read(offset: number, length: number): Uint8Array;
  /** Like `read`, but into the first `length` bytes of a reusable buffer, if the source supports it. */
  readInto?(bytes: Uint8Array, offset: number, length: number): void;
}

/** A range of bytes in a source. */
export interface ByteRange {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** True if the payload cannot be reached. */
export const isAbsent = (data: { readonly kind: string; readonly ranges?: readonly ByteRange[] }): boolean =>
  data.ranges?.some(({ source }) => source.isAbsent === true) ?? false;

/** The same bytes, aligned for four-byte values; copied only if they are not. */
export const aligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes));

/** A source over bytes in memory. */
export function bufferSource(bytes: Uint8Array, name = 'buffer'): ByteSource {
  return { name, size: bytes.byteLength, read: (offset, length) => bytes.subarray(offset, offset + length) };
}
