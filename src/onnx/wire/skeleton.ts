/**
 * A model without its weights: the same protobuf message with every payload replaced by a placeholder, plus the locations of the payloads.
 *
 * Only headers are read. Messages that may contain tensors are descended into if they are larger than a threshold; all others are copied unchanged and
 * checked by the generated decoder. Placeholders carry a random mark, so that no file can forge one.
 */
import { malformed, metadataTooLarge, twoGraphs, twoPayloads } from '../../diagnostics/catalogue';
import type { ByteRange, ByteSource } from '../../ir/bytes';
import { Cursor } from './cursor';

export interface Payload {
  /** TensorProto field of the payload: 9 raw_data, 4 float_data, 5 int32_data, 7 int64_data, 10 double_data, 11 uint64_data. */
  readonly field: number;
  readonly ranges: readonly ByteRange[];
}

export interface Skeleton {
  /** Encoded ModelProto. */
  readonly bytes: Uint8Array;
  /** The payload that these bytes of raw_data represent, if they are a placeholder. */
  payloadOf(rawData: Uint8Array): Payload | undefined;
}

type Message =
  | 'ModelProto'
  | 'GraphProto'
  | 'NodeProto'
  | 'AttributeProto'
  | 'FunctionProto'
  | 'TensorProto'
  | 'SparseTensorProto'
  | 'TrainingInfoProto';

/** Fields that may contain tensors, by message. */
const PATHS: Readonly<Record<Exclude<Message, 'TensorProto'>, Readonly<Record<number, Message>>>> = {
  ModelProto: { 7: 'GraphProto', 20: 'TrainingInfoProto', 25: 'FunctionProto' },
  TrainingInfoProto: { 1: 'GraphProto', 2: 'GraphProto' },
  GraphProto: { 1: 'NodeProto', 5: 'TensorProto', 15: 'SparseTensorProto' },
  NodeProto: { 5: 'AttributeProto' },
  FunctionProto: { 7: 'NodeProto', 11: 'AttributeProto' },
  AttributeProto: {
    5: 'TensorProto',
    6: 'GraphProto',
    10: 'TensorProto',
    11: 'GraphProto',
    22: 'SparseTensorProto',
    23: 'SparseTensorProto',
  },
  SparseTensorProto: { 1: 'TensorProto', 2: 'TensorProto' },
};
const PAYLOADS = new Set([4, 5, 7, 9, 10, 11]);

const THRESHOLD = 1024;
const DEPTH_LIMIT = 100;
const SKELETON_LIMIT = 1 << 30;
const MARK_LENGTH = 16;

/** Throws CompileError MALFORMED_MODEL with a byte offset if the bytes are not a protobuf message. */
export function readSkeleton(source: ByteSource, random: (bytes: Uint8Array) => void = defaultRandom): Skeleton {
  const mark = new Uint8Array(MARK_LENGTH);
  random(mark);
  const builder = new SkeletonBuilder(source, mark);
  const bytes = builder.message('ModelProto', 0, source.size, 0);
  return {
    bytes,
    payloadOf(rawData) {
      if (rawData.length !== MARK_LENGTH + 4 || !mark.every((byte, at) => rawData[at] === byte)) return undefined;
      return builder.payloads[new DataView(rawData.buffer, rawData.byteOffset).getUint32(MARK_LENGTH, true)];
    },
  };
}

const defaultRandom = (bytes: Uint8Array): void => {
  // Different in every process, which is sufficient: a file cannot know it.
  for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(Math.random() * 256);
};

class SkeletonBuilder {
  readonly payloads: Payload[] = [];
  private readonly cursor: Cursor;
  private total = 0;

  constructor(
    private readonly source: ByteSource,
    private readonly mark: Uint8Array,
  ) {
    this.cursor = new Cursor(source);
  }

  message(kind: Message, start: number, end: number, depth: number): Uint8Array {
    if (depth > DEPTH_LIMIT) throw malformed(this.source.name, start, `messages are nested deeper than ${DEPTH_LIMIT}`);
    return kind === 'TensorProto' ? this.tensor(start, end) : this.walk(kind, start, end, depth);
  }

  private walk(kind: Exclude<Message, 'TensorProto'>, start: number, end: number, depth: number): Uint8Array {
    const { cursor } = this;
    const parts = new Parts();
    let graphs = 0;
    // End of the part that has been copied: adjacent fields are copied in one piece.
    let copied = start;
    cursor.at = start;
    while (cursor.at < end) {
      const fieldStart = cursor.at;
      const [field, wire] = cursor.tag(end, kind);
      const inner = PATHS[kind][field];
      const valueEnd = cursor.end(wire, end, kind, field);
      const valueStart = cursor.at;
      if (inner && wire !== 2) throw malformed(this.source.name, fieldStart, `${kind} field ${field} has wire type ${wire}, not 2`);
      if (kind === 'ModelProto' && field === 7 && ++graphs > 1) throw twoGraphs(this.source.name, fieldStart);
      if (inner && valueEnd - valueStart > THRESHOLD) {
        if (fieldStart > copied) parts.raw(this.copy(copied, fieldStart));
        parts.field(field, this.message(inner, valueStart, valueEnd, depth + 1));
        copied = valueEnd;
      }
      cursor.at = valueEnd;
    }
    if (end > copied) parts.raw(this.copy(copied, end));
    return parts.joined();
  }

  /** Everything but the payload, with a placeholder in raw_data. A packed field may be split into several records. */
  private tensor(start: number, end: number): Uint8Array {
    const { cursor, source } = this;
    const parts = new Parts();
    const ranges: ByteRange[] = [];
    let payloadField = 0;
    cursor.at = start;
    while (cursor.at < end) {
      const fieldStart = cursor.at;
      const [field, wire] = cursor.tag(end, 'TensorProto');
      const valueEnd = cursor.end(wire, end, 'TensorProto', field);
      if (PAYLOADS.has(field) && wire === 2) {
        if (payloadField !== 0 && (payloadField !== field || field === 9) && valueEnd > cursor.at)
          throw twoPayloads(source.name, fieldStart);
        payloadField = field;
        if (valueEnd > cursor.at) ranges.push({ source, offset: cursor.at, length: valueEnd - cursor.at });
      } else parts.raw(this.copy(fieldStart, valueEnd));
      cursor.at = valueEnd;
    }
    if (payloadField === 0) return parts.joined();
    const placeholder = new Uint8Array(MARK_LENGTH + 4);
    placeholder.set(this.mark);
    new DataView(placeholder.buffer).setUint32(MARK_LENGTH, this.payloads.length, true);
    this.payloads.push({ field: payloadField, ranges });
    parts.field(9, placeholder);
    return parts.joined();
  }

  private copy(from: number, to: number): Uint8Array {
    this.total += to - from;
    if (this.total > SKELETON_LIMIT) throw metadataTooLarge(this.source.name, SKELETON_LIMIT);
    return this.cursor.bytes(from, to).slice();
  }
}

/** Pieces of a message. */
class Parts {
  private readonly pieces: Uint8Array[] = [];
  private length = 0;

  raw(bytes: Uint8Array): void {
    this.pieces.push(bytes);
    this.length += bytes.length;
  }
  field(number: number, bytes: Uint8Array): void {
    this.raw(varint(number * 8 + 2));
    this.raw(varint(bytes.length));
    this.raw(bytes);
  }
  joined(): Uint8Array {
    const result = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      result.set(piece, at);
      at += piece.length;
    }
    return result;
  }
}

/** Encodes an unsigned number below 2^53 as protobuf does. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
