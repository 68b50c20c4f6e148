/**
 * A protobuf message as a list of segments, so that a model can be written without ever being in memory: small pieces as bytes, weights as tensors whose
 * payload is fetched just before it is written. Lengths are known before anything is fetched.
 */
import type { ByteSource } from '../../ir/bytes';
import { streamTensor } from '../../ir/stream';
import { tensorByteLength } from '../../ir/tensor';
import type { Tensor } from '../../ir/types';
import { varint } from './skeleton';

export type Segment = Uint8Array | Tensor;

/** Receives bytes in order. */
export interface ByteSink {
  /** `bytes` is valid only until this returns: its memory is reused. */
  write(bytes: Uint8Array): void;
  /** Copies a range of a source; a sink may do so without passing the bytes on in pieces. */
  copy(source: ByteSource, offset: number, length: number): void;
}

export const segmentLength = (segment: Segment): number => (segment instanceof Uint8Array ? segment.byteLength : tensorByteLength(segment));

export class Message {
  readonly segments: Segment[] = [];
  length = 0;

  /** Appends encoded fields unchanged. */
  raw(bytes: Uint8Array): this {
    if (bytes.length > 0) this.push(bytes);
    return this;
  }
  /** Appends a nested message. */
  message(field: number, inner: Message): this {
    this.header(field, inner.length);
    for (const segment of inner.segments) this.segments.push(segment);
    this.length += inner.length;
    return this;
  }
  bytes(field: number, bytes: Uint8Array): this {
    this.header(field, bytes.length);
    return this.raw(bytes);
  }
  /** Appends a payload that is fetched while writing. */
  payload(field: number, tensor: Tensor): this {
    this.header(field, tensorByteLength(tensor));
    this.push(tensor);
    return this;
  }

  private header(field: number, length: number): void {
    this.push(varint(field * 8 + 2));
    this.push(varint(length));
  }
  private push(segment: Segment): void {
    this.segments.push(segment);
    this.length += segmentLength(segment);
  }
}

/** Sends one segment to the sink. Computed payloads exist only during this call. */
export function sendSegment(segment: Segment, sink: ByteSink): void {
  if (segment instanceof Uint8Array) sink.write(segment);
  else if (segment.data.kind === 'ranges' && segment.data.encoding === 'raw')
    for (const range of segment.data.ranges) sink.copy(range.source, range.offset, range.length);
  else streamTensor(segment, (bytes) => sink.write(bytes));
}
