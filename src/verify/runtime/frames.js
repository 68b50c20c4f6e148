// @ts-check
/**
 * Messages between this process and the one that runs models: a header in JSON, followed by the bytes that it announces.
 *
 *   length of the header (4 bytes, little-endian) | header | bytes of the first part | bytes of the second part | ...
 *
 * Plain JavaScript, because the other process runs it without compilation, in tests as well.
 */

/** @typedef {{ readonly parts?: readonly number[], readonly [key: string]: unknown }} Header */

/** Maximum number of bytes written to a stream at a time. */
const PIECE = 1 << 26;

/**
 * @param {{ write(bytes: Uint8Array): unknown }} stream
 * @param {{ readonly [key: string]: unknown }} header
 * @param {readonly ArrayBufferView[]} parts
 */
function sendFrame(stream, header, parts = []) {
  const text = new TextEncoder().encode(JSON.stringify({ ...header, parts: parts.map((part) => part.byteLength) }));
  const start = new Uint8Array(4 + text.length);
  new DataView(start.buffer).setUint32(0, text.length, true);
  start.set(text, 4);
  stream.write(start);
  for (const part of parts)
    for (let at = 0; at < part.byteLength; at += PIECE)
      stream.write(new Uint8Array(part.buffer, part.byteOffset + at, Math.min(PIECE, part.byteLength - at)));
}

/** Assembles frames from incoming chunks of any size. Every part gets its own memory, so that its elements are aligned. */
class FrameReader {
  /** @param {(header: Header, parts: readonly ArrayBuffer[]) => void} onFrame */
  constructor(onFrame) {
    this.onFrame = onFrame;
    /** @type {Header | undefined} */
    this.header = undefined;
    /** @type {ArrayBuffer[]} */
    this.parts = [];
    /** @type {'length' | 'header' | 'part'} */
    this.what = 'length';
    this.target = new Uint8Array(4);
    this.filled = 0;
  }

  /**
   * @param {'length' | 'header' | 'part'} what
   * @param {Uint8Array<ArrayBuffer>} target
   */
  expect(what, target) {
    this.what = what;
    this.target = target;
    this.filled = 0;
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    let at = 0;
    while (at < bytes.length || this.filled === this.target.length) {
      const count = Math.min(bytes.length - at, this.target.length - this.filled);
      this.target.set(bytes.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (this.filled === this.target.length) this.advance();
    }
  }

  advance() {
    if (this.what === 'length') {
      this.expect('header', new Uint8Array(new DataView(this.target.buffer).getUint32(0, true)));
      return;
    }
    if (this.what === 'header') this.header = JSON.parse(new TextDecoder().decode(this.target));
    const { header = {}, parts } = this;
    const length = header.parts?.[parts.length];
    if (length !== undefined) {
      const memory = new ArrayBuffer(length);
      parts.push(memory);
      this.expect('part', new Uint8Array(memory));
      return;
    }
    this.parts = [];
    this.expect('length', new Uint8Array(4));
    this.onFrame(header, parts);
  }
}

module.exports = { sendFrame, FrameReader };
