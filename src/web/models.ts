/** Models from and to Blobs. */
import { badExternalData } from '../diagnostics/catalogue';
import type { Diagnostic } from '../diagnostics/compile-error';
import type { ByteSource } from '../ir/bytes';
import type { Model } from '../ir/model';
import { streamTensor } from '../ir/stream';
import { readModel as readBytes } from '../onnx/read';
import type { Segment } from '../onnx/wire/segments';
import { planModel, type WritePlan } from '../onnx/write';
import { BlobSource } from './blob-source';

export interface ReadWebOptions {
  /** Files with weights that the model refers to, by the location that it names, relative to the model. */
  readonly externalData?: Readonly<Record<string, Blob | Uint8Array>> | undefined;
  /** Name of the model for messages. Default: that of the File, if it is one. */
  readonly name?: string | undefined;
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
  /** Called for weights that were not given, instead of an error: for pages that show the graph. Reading their values is still an error. */
  readonly onMissing?: ((tensor: string, location: string) => void) | undefined;
  /** Keeps the operators in the file's own spelling. */
  readonly keepOpset?: boolean | undefined;
}

/** Name of a File; any other Blob has none. */
export const nameOf = (file: Blob | Uint8Array): string => {
  const name: unknown = Reflect.get(file, 'name');
  return typeof name === 'string' && name !== '' ? name : 'model.onnx';
};

/**
 * Reads an ONNX model of any opset and IR version. In a worker, weights stay in the Blob until their values are needed; on the page itself, the Blob is
 * read into memory. Throws CompileError if it is not a model or violates the ONNX specification.
 */
export async function readModel(file: Blob | Uint8Array, options: ReadWebOptions = {}): Promise<Model> {
  const source = await BlobSource.open(file, options.name ?? nameOf(file));
  const external = new Map<string, BlobSource>();
  for (const [location, blob] of Object.entries(options.externalData ?? {}))
    external.set(locationKey(location), await BlobSource.open(blob, location));
  return readBytes(source, {
    openExternal(location, tensor) {
      const found = external.get(locationKey(location));
      if (found) return found;
      const reason = badExternalData(tensor, `'${location}' was not given`, 'give the weights along with the model');
      if (!options.onMissing) throw reason;
      options.onMissing(tensor, location);
      return absent(location, reason);
    },
    absent: (location, tensor, reason) => {
      if (!options.onMissing) return undefined;
      options.onMissing(tensor, location);
      return absent(location, reason);
    },
    warn: options.warn,
    keepOpset: options.keepOpset,
  });
}

/** `./weights.data` is `weights.data`. */
export const locationKey = (location: string): string => location.replace(/^(\.\/)+/, '');

const absent = (name: string, reason: Error): ByteSource => ({
  name,
  size: Number.MAX_SAFE_INTEGER,
  isAbsent: true,
  read() {
    throw reason;
  },
});

/** Small pieces are collected to this size. */
const PIECE = 1 << 16;
/** Ranges of a Blob are read in pieces of this size. */
const CHUNK = 1 << 20;

/**
 * The bytes of an ONNX file, piece by piece as they are asked for: at most one weight that a pass computed is in memory, and of the others one megabyte.
 * Throws CompileError OUTPUT_TOO_LARGE beyond 2 GB. Errors while reading the source reach the reader of the stream.
 */
export function writeModel(model: Model): ReadableStream<Uint8Array> {
  const pieces = piecesOf(planModel(model));
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

async function* piecesOf({ onnx }: WritePlan): AsyncGenerator<Uint8Array, undefined> {
  let small: Uint8Array[] = [];
  let length = 0;
  for (const segment of onnx)
    for (const part of partsOf(segment)) {
      const bytes = part instanceof Uint8Array ? part : undefined;
      if (bytes && bytes.byteLength < PIECE) {
        small.push(bytes);
        length += bytes.byteLength;
        if (length < PIECE) continue;
      }
      if (length > 0) yield joined(small, length);
      if (length > 0) [small, length] = [[], 0];
      if (bytes && bytes.byteLength >= PIECE) yield bytes;
      if (part instanceof Uint8Array) continue;
      for (let at = 0; at < part.length; at += CHUNK) {
        const { source } = part;
        const count = Math.min(CHUNK, part.length - at);
        yield source instanceof BlobSource
          ? new Uint8Array(await source.slice(part.offset + at, count).arrayBuffer())
          : source.read(part.offset + at, count).slice();
      }
    }
  if (length > 0) yield joined(small, length);
  return undefined;
}

/** The bytes of an ONNX file as a Blob. Weights that no pass changed are slices of the Blob that the model was read from, and take no memory. */
export function modelBlob(model: Model): Blob {
  const parts: BlobPart[] = [];
  for (const segment of planModel(model).onnx)
    for (const part of partsOf(segment)) {
      if (part instanceof Uint8Array) parts.push(part as Uint8Array<ArrayBuffer>);
      else if (part.source instanceof BlobSource) parts.push(part.source.slice(part.offset, part.length));
      else parts.push(part.source.read(part.offset, part.length) as Uint8Array<ArrayBuffer>);
    }
  return new Blob(parts, { type: 'application/octet-stream' });
}

type BlobPart = Blob | Uint8Array<ArrayBuffer>;

interface Range {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** A segment as bytes of its own, or as ranges of what was read. */
function partsOf(segment: Segment): readonly (Uint8Array | Range)[] {
  if (segment instanceof Uint8Array) return [segment];
  if (segment.data.kind === 'ranges' && segment.data.encoding === 'raw') return segment.data.ranges;
  const parts: Uint8Array[] = [];
  // The memory that it passes is used again.
  streamTensor(segment, (bytes) => void parts.push(bytes.slice()));
  return parts;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
