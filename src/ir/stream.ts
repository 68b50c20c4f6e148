/**
 * Streams the bytes of a weight in order, without holding all of it in memory: a weight in its file, a permutation of one, or one computed from it element
 * by element. A permuted weight is produced in slabs.
 */
import { aligned, type ByteSource } from './bytes';
import { byteSize, elementCount, encodeNumbers, readNumbers, tensorByteLength, tensorBytes } from './tensor';
import type { Tensor } from './types';

/** Reusable buffers in which weights are produced one after another, so that memory is not allocated and zeroed again. */
export class Memory {
  private bytes = new Uint8Array();
  private slab = new Uint32Array();

  /** Bytes of a source, valid until the next read. */
  read(source: ByteSource, offset: number, length: number): Uint8Array {
    if (!source.readInto) return source.read(offset, length);
    if (this.bytes.byteLength < length) this.bytes = new Uint8Array(length);
    source.readInto(this.bytes, offset, length);
    return this.bytes.subarray(0, length);
  }
  /** Uninitialised words. */
  words(count: number): Uint32Array {
    if (this.slab.length < count) this.slab = new Uint32Array(count);
    return this.slab.subarray(0, count);
  }
}

export interface StreamOptions {
  /** Approximate number of bytes of a permuted weight to produce at a time. */
  readonly slab: number;
  /** Number of bytes to read at a time. */
  readonly chunk: number;
}
/** Measured on the first linear layer of VGG19, 411 MB: larger slabs are no faster, although they need fewer passes over the source. */
const DEFAULTS: StreamOptions = { slab: 72 * 2 ** 20, chunk: 7 * 2 ** 18 };

/** Streams the payload. The bytes passed to `write` are valid only until it returns, since the memory is reused. */
export function streamTensor(tensor: Tensor, write: (bytes: Uint8Array) => void, memory = new Memory(), options = DEFAULTS): void {
  const { data } = tensor;
  if (data.kind === 'ranges' && data.encoding === 'raw') {
    for (const { source, offset, length } of data.ranges)
      for (let done = 0; done < length; done += options.chunk)
        write(memory.read(source, offset + done, Math.min(options.chunk, length - done)));
    return;
  }
  const permutation = data.kind === 'computed' ? data.permutation : undefined;
  if (permutation && streamPermuted(tensor, permutation.of, permutation.perm, write, memory, options)) return;
  if (data.kind === 'computed' && data.each && data.byteLength > options.slab)
    data.each((numbers) => write(encodeNumbers(tensor.dtype, numbers)), options);
  else write(tensorBytes(tensor));
}

/** Streams the elements as doubles, in order; computed ones come unrounded. A large tensor comes in pieces. Each array is fresh, so `use` may write into it. */
export function eachNumber(tensor: Tensor, use: (numbers: Float64Array) => void, options: StreamOptions = DEFAULTS): void {
  const { data, dtype } = tensor;
  const width = byteSize(dtype, 1) ?? 0;
  const isWhole = tensorByteLength(tensor) <= options.slab || byteSize(dtype, 2) !== 2 * width;
  const computed = data.kind === 'computed' ? data : undefined;
  if (!isWhole && computed?.each) {
    computed.each(use, options);
    return;
  }
  if (isWhole || computed?.numbers) {
    use(readNumbers(tensor));
    return;
  }
  // A piece may end in the middle of an element.
  let rest: Uint8Array = new Uint8Array();
  streamTensor(
    tensor,
    (slab) => {
      for (let at = 0; at < slab.length; at += options.chunk) {
        const bytes = slab.subarray(at, at + options.chunk);
        const joined = new Uint8Array(rest.length + bytes.length);
        joined.set(rest);
        joined.set(bytes, rest.length);
        const count = Math.floor(joined.length / width);
        rest = joined.slice(count * width);
        use(readNumbers({ dtype, shape: [count], data: { kind: 'bytes', bytes: joined.subarray(0, count * width) } }));
      }
    },
    new Memory(),
    options,
  );
}

/**
 * Moves the filter axis, ONNX's first, to the end: [M, rest] becomes [rest in some order, M]. Several filters are read at a time, so that writes are
 * contiguous. Each slab of the result needs one pass over the source.
 * Returns false for other permutations, which the tensor computes itself.
 */
function streamPermuted(
  tensor: Tensor,
  from: Tensor,
  perm: readonly number[],
  write: (bytes: Uint8Array) => void,
  memory: Memory,
  { slab, chunk }: StreamOptions,
): boolean {
  const { data } = from;
  const [range] = data.kind === 'ranges' && data.encoding === 'raw' && data.ranges.length === 1 ? data.ranges : [];
  const filters = from.shape[0] ?? 0;
  const row = elementCount(from.shape.slice(1));
  if (!range || byteSize(from.dtype, 1) !== 4 || perm[perm.length - 1] !== 0 || elementCount(tensor.shape) === 0) return false;
  const places = placesOf(
    from.shape,
    perm.map((axis) => from.shape[axis] ?? 0),
    perm,
  );
  // Slabs of equal size, as few as possible: each costs a pass over the source.
  const step = Math.ceil(row / Math.ceil((row * filters * 4) / Math.max(slab, filters * 4)));
  // Whole lines of the processor's cache, if possible.
  const fit = Math.max(Math.floor(chunk / 4 / row), 1);
  const atOnce = fit < LINE ? fit : Math.min(fit - (fit % LINE), 4 * LINE);
  const space = memory.words(Math.min(step, row) * filters);
  for (let begin = 0; begin < row; begin += step) {
    const count = Math.min(step, row - begin);
    const made = space.subarray(0, count * filters);
    // Elements of each filter that belong in this slab.
    const inside = step >= row ? undefined : within(places, begin, begin + count);
    if (inside && isStretch(inside)) {
      const [from = 0] = inside;
      for (let filter = 0; filter < filters; filter++) {
        const numbers = words(memory.read(range.source, range.offset + (filter * row + from) * 4, count * 4));
        for (let index = 0; index < count; index++) made[((places[from + index] ?? 0) - begin) * filters + filter] = numbers[index] ?? 0;
      }
      write(new Uint8Array(made.buffer, 0, made.byteLength));
      continue;
    }
    for (let first = 0; first < filters; first += atOnce) {
      const several = Math.min(atOnce, filters - first);
      const numbers = words(memory.read(range.source, range.offset + first * row * 4, several * row * 4));
      const length = inside?.length ?? row;
      for (let index = 0; index < length; index++) {
        const at = inside ? (inside[index] ?? 0) : index;
        const to = ((places[at] ?? 0) - begin) * filters + first;
        for (let filter = 0; filter < several; filter++) made[to + filter] = numbers[filter * row + at] ?? 0;
      }
    }
    write(new Uint8Array(made.buffer, 0, made.byteLength));
  }
  return true;
}

/** Four-byte elements per cache line. */
const LINE = 16;

/** True if they are contiguous in the source, so that nothing else needs to be read. */
const isStretch = (inside: Int32Array): boolean => (inside[inside.length - 1] ?? 0) - (inside[0] ?? 0) === inside.length - 1;

function within(places: Int32Array, begin: number, end: number): Int32Array {
  const found = new Int32Array(places.length);
  let count = 0;
  for (let at = 0; at < places.length; at++) {
    const place = places[at] ?? 0;
    if (place >= begin && place < end) found[count++] = at;
  }
  return found.subarray(0, count);
}

function words(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes);
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

/** Position in the result of each element of a filter, not counting filters. */
function placesOf(shape: readonly number[], after: readonly number[], perm: readonly number[]): Int32Array {
  const rest = shape.slice(1);
  const strides = after.slice(0, -1).map((_, axis) => elementCount(after.slice(axis + 1, -1)));
  const steps = rest.map((_, axis) => strides[perm.indexOf(axis + 1)] ?? 0);
  const places = new Int32Array(elementCount(rest));
  // Axis by axis from the innermost: the positions so far are repeated, each time one step further.
  let done = 1;
  for (let axis = rest.length - 1; axis >= 0; axis--) {
    const [length, step] = [rest[axis] ?? 1, steps[axis] ?? 0];
    for (let at = done; at < done * length; at++) places[at] = (places[at - done] ?? 0) + step;
    done *= length;
  }
  return places;
}
