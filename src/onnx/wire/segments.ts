/**
 * A protobuf message as a list of segments, so that a model can be written without ever being in memory: small pieces as bytes, weights as tensors whose
 * payload is fetched when its turn comes. Lengths are known before anything is fetched.
 */
import type { ByteSource } from '../../ir/bytes';
import { streamTensor } from '../../ir/stream';
import { tensorByteLength } from '../../ir/tensor';
import type { Tensor } from '../../ir/types';
import { varint } from './skeleton';

export type Segment = Uint8Array | Tensor;

/** Where bytes go to, in order. */
export interface ByteSink {
  /** What is given is good until this returns: its memory is used again. */
  write(bytes: Uint8Array): void;
  /** A stretch of a source; a sink that can may copy it without passing it on in pieces. */
  copy(source: ByteSource, offset: number, length: number): void;
}

export const segmentLength = (segment: Segment): number => (segment instanceof Uint8Array ? segment.byteLength : tensorByteLength(segment));

export class Message {
  readonly segments: Segment[] = [];
  length = 0;

  /** Encoded fields as they are. */
  raw(bytes: Uint8Array): this {
    if (bytes.length > 0) this.push(bytes);
    return this;
  }
  /** A nested message. */
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
  /** A payload that is fetched while writing. */
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

/** Sends one segment to the sink. Computed payloads live only as long as this call. */
export function sendSegment(segment: Segment, sink: ByteSink): void {
  if (segment instanceof Uint8Array) sink.write(segment);
  else if (segment.data.kind === 'ranges' && segment.data.encoding === 'raw')
    for (const range of segment.data.ranges) sink.copy(range.source, range.offset, range.length);
  else streamTensor(segment, (bytes) => sink.write(bytes));
}
