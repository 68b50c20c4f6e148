/**
 * The bytes of a weight in order, without the whole of it in memory: one that lies in its file, a permutation of such a one, and what is computed from
 * it number by number. A permuted weight is made in slabs.
 */
import { aligned, type ByteSource } from './bytes';
import { byteSize, elementCount, encodeNumbers, readNumbers, tensorByteLength, tensorBytes } from './tensor';
import type { Tensor } from './types';

/** What weights are made in, one after the other: memory that is used again need not be found, and zeroed, again. */
export class Memory {
  private bytes = new Uint8Array();
  private slab = new Uint32Array();

  /** Bytes of a source, good until the next reading. */
  read(source: ByteSource, offset: number, length: number): Uint8Array {
    if (!source.readInto) return source.read(offset, length);
    if (this.bytes.byteLength < length) this.bytes = new Uint8Array(length);
    source.readInto(this.bytes, offset, length);
    return this.bytes.subarray(0, length);
  }
  /** Numbers of any value. */
  words(count: number): Uint32Array {
    if (this.slab.length < count) this.slab = new Uint32Array(count);
    return this.slab.subarray(0, count);
  }
}

export interface StreamOptions {
  /** Bytes of a permuted weight that are made at a time, about. */
  readonly slab: number;
  /** Bytes that are read at a time. */
  readonly chunk: number;
}
/** Measured on the first linear layer of VGG19, 411 MB: larger slabs are no faster, though the source is run through fewer times. */
const DEFAULTS: StreamOptions = { slab: 72 * 2 ** 20, chunk: 7 * 2 ** 18 };

/** What `write` is given is good until it returns: the memory is used again. */
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

/**
 * The elements as doubles, in order, unrounded where they were computed; of a large tensor a stretch at a time. Each array is fresh: `use` may write into it.
 */
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
  // A stretch may end within a number.
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
 * The axis of the filters, ONNX's first, goes to the end: [M, rest] as [rest in some order, M]. Several filters are read at a time, so that what is written lies
 * side by side, and as many places of the result are made at a time as a slab holds, each from a run through the source.
 * Returns false for other permutations, which the tensor makes itself.
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
  // Slabs of one size, no more of them than needed: each costs a run through the source.
  const step = Math.ceil(row / Math.ceil((row * filters * 4) / Math.max(slab, filters * 4)));
  // Whole lines of the processor's cache, where it can be.
  const fit = Math.max(Math.floor(chunk / 4 / row), 1);
  const atOnce = fit < LINE ? fit : Math.min(fit - (fit % LINE), 4 * LINE);
  const space = memory.words(Math.min(step, row) * filters);
  for (let begin = 0; begin < row; begin += step) {
    const count = Math.min(step, row - begin);
    const made = space.subarray(0, count * filters);
    // Numbers of each filter that belong into this slab.
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

/** Numbers of four bytes. */
const LINE = 16;

/** Side by side in the source: nothing else of it need be read. */
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

/** For each number of a filter: which place of the result it has, the filters not counted. */
function placesOf(shape: readonly number[], after: readonly number[], perm: readonly number[]): Int32Array {
  const rest = shape.slice(1);
  const strides = after.slice(0, -1).map((_, axis) => elementCount(after.slice(axis + 1, -1)));
  const steps = rest.map((_, axis) => strides[perm.indexOf(axis + 1)] ?? 0);
  const places = new Int32Array(elementCount(rest));
  // Axis by axis from the innermost: what is there so far is repeated, each time one step on.
  let done = 1;
  for (let axis = rest.length - 1; axis >= 0; axis--) {
    const [length, step] = [rest[axis] ?? 1, steps[axis] ?? 0];
    for (let at = done; at < done * length; at++) places[at] = (places[at - done] ?? 0) + step;
    done *= length;
  }
  return places;
}
