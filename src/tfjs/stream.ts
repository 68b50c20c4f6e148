/**
 * The bytes of a weight in order, without the whole of it in memory. A permuted weight that still lies in its file is made in slabs: each is filled from one
 * run through the source.
 */
import { byteSize, elementCount, tensorBytes } from '../ir/tensor';
import type { Tensor } from '../ir/types';

/** Bytes that are held at a time, about. */
const SLAB = 48 * 2 ** 20;
const CHUNK = 2 ** 20;

export function streamTensor(tensor: Tensor, write: (bytes: Uint8Array) => void): void {
  const { data } = tensor;
  if (data.kind === 'ranges' && data.encoding === 'raw') {
    for (const { source, offset, length } of data.ranges)
      for (let done = 0; done < length; done += CHUNK) write(source.read(offset + done, Math.min(CHUNK, length - done)));
    return;
  }
  const permutation = data.kind === 'computed' ? data.permutation : undefined;
  if (permutation && streamPermuted(tensor, permutation.of, permutation.perm, write)) return;
  write(tensorBytes(tensor));
}

/** Returns false where it is as well to make the tensor at once. */
function streamPermuted(tensor: Tensor, from: Tensor, perm: readonly number[], write: (bytes: Uint8Array) => void): boolean {
  const { data } = from;
  const total = byteSize(from.dtype, elementCount(from.shape)) ?? 0;
  const [range] = data.kind === 'ranges' && data.encoding === 'raw' && data.ranges.length === 1 ? data.ranges : [];
  if (!range || byteSize(from.dtype, 1) !== 4 || total <= SLAB || tensor.shape.includes(0)) return false;
  // The axis of the source that comes first in the result is cut into slabs, and so are those behind it while one place of it is too large.
  const slabs = slabsOf(tensor.shape, SLAB / 4);
  for (const { begin, count } of slabs) {
    const slab = new Uint32Array(count);
    fill(slab, begin, tensor.shape, perm, from, (offset, length) => range.source.read(range.offset + offset * 4, length * 4));
    write(new Uint8Array(slab.buffer));
  }
  return true;
}

function slabsOf(shape: readonly number[], elements: number): { readonly begin: number; readonly count: number }[] {
  const total = elementCount(shape);
  // Whole places of the outermost axes, as many as fit.
  let unit = total;
  for (const dim of shape) {
    if (unit <= elements) break;
    unit /= dim;
  }
  const step = Math.max(Math.floor(elements / unit), 1) * unit;
  return Array.from({ length: Math.ceil(total / step) }, (_, at) => ({ begin: at * step, count: Math.min(step, total - at * step) }));
}

/** Runs through the source once, in rows of its innermost axes, and puts what belongs into the slab to its place. */
function fill(
  slab: Uint32Array,
  begin: number,
  shape: readonly number[],
  perm: readonly number[],
  from: Tensor,
  read: (offset: number, length: number) => Uint8Array,
): void {
  const outStrides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  /** For each axis of the source: how far one step along it goes in the result. */
  const steps = from.shape.map((_, axis) => outStrides[perm.indexOf(axis)] ?? 0);
  const end = begin + slab.length;
  const total = elementCount(from.shape);
  const rank = from.shape.length;
  const index = new Array<number>(rank).fill(0);
  let to = 0;
  for (let offset = 0; offset < total; ) {
    const length = Math.min(CHUNK, total - offset);
    const bytes = read(offset, length);
    const numbers = new Uint32Array(bytes.buffer, bytes.byteOffset, length);
    for (let at = 0; at < length; at++) {
      if (to >= begin && to < end) slab[to - begin] = numbers[at] ?? 0;
      for (let axis = rank - 1; axis >= 0; axis--) {
        const next = (index[axis] ?? 0) + 1;
        if (next < (from.shape[axis] ?? 0)) {
          index[axis] = next;
          to += steps[axis] ?? 0;
          break;
        }
        to -= (next - 1) * (steps[axis] ?? 0);
        index[axis] = 0;
      }
    }
    offset += length;
  }
}
