/**
 * Reads a ByteSource field by field. The window is small after a jump and doubles during sequential reading, so that skipping a weight costs
 * one short read and reading nodes in sequence costs few.
 */
import { malformed } from '../../diagnostics/catalogue';
import type { ByteSource } from '../../ir/bytes';

const SMALLEST = 16 * 1024;
const LARGEST = 256 * 1024;

export class Cursor {
  private window: Uint8Array = new Uint8Array(0);
  private start = 0;
  private size = SMALLEST;

  constructor(
    readonly source: ByteSource,
    public at = 0,
  ) {}

  /** Reads the byte at `at` and advances. */
  private byte(limit: number, what: string): number {
    if (this.at >= limit) throw malformed(this.source.name, this.at, `${what} ends in the middle of a number`);
    const inside = this.at - this.start;
    const known = inside >= 0 ? this.window[inside] : undefined;
    if (known !== undefined) {
      this.at++;
      return known;
    }
    this.size = this.at === this.start + this.window.length && this.window.length > 0 ? Math.min(LARGEST, this.size * 2) : SMALLEST;
    this.window = this.source.read(this.at, Math.min(this.size, this.source.size - this.at));
    this.start = this.at;
    return this.byte(limit, what);
  }

  /** Reads a varint that fits into 53 bits; larger ones (negative int64) are skipped and returned as Infinity. */
  varint(limit: number, what: string): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.byte(limit, what);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : Number.POSITIVE_INFINITY;
      scale *= 128;
    }
    throw malformed(this.source.name, this.at, `${what} has a varint longer than 10 bytes`);
  }

  /** Reads a tag as [field number, wire type]. */
  tag(limit: number, what: string): readonly [number, number] {
    const at = this.at;
    const tag = this.varint(limit, what);
    const field = Math.floor(tag / 8);
    if (tag > 0xffffffff || field === 0) throw malformed(this.source.name, at, `${what} has an illegal field tag`);
    return [field, tag % 8];
  }

  /** End of a value of this wire type that begins here; for length-delimited values, `at` is then at the first byte. */
  end(wire: number, limit: number, what: string, field: number): number {
    const at = this.at;
    switch (wire) {
      case 0:
        this.varint(limit, what);
        return this.at;
      case 1:
      case 5: {
        const end = at + (wire === 1 ? 8 : 4);
        if (end > limit)
          throw malformed(this.source.name, at, `${what} field ${field}: ${end - at} bytes exceed the ${limit - at} bytes left`);
        return end;
      }
      case 2: {
        const length = this.varint(limit, what);
        if (length > limit - this.at)
          throw malformed(this.source.name, at, `${what} field ${field}: length ${length} exceeds the ${limit - this.at} bytes left`);
        return this.at + length;
      }
      default:
        throw malformed(this.source.name, at, `${what} field ${field}: unsupported wire type ${wire}`);
    }
  }

  /** Bytes of the source from `from` up to `to`. */
  bytes(from: number, to: number): Uint8Array {
    if (from >= this.start && to <= this.start + this.window.length) return this.window.subarray(from - this.start, to - this.start);
    return this.source.read(from, to - from);
  }
}
