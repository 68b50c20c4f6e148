/** Compares payloads without holding them: a megabyte of each at a time. */
import { type ByteSource, isAbsent } from './bytes';
import { tensorByteLength, tensorBytes } from './tensor';
import type { Tensor } from './types';

const STRETCH = 1 << 20;

/** True if two tensors have the same element type and the same bytes, whatever their shapes. */
export function samePayload(a: Tensor, b: Tensor): boolean {
  if (a.data === b.data && a.dtype === b.dtype) return true;
  if (a.dtype !== b.dtype || tensorByteLength(a) !== tensorByteLength(b)) return false;
  if (a.data.kind === 'strings' || b.data.kind === 'strings') return sameStrings(a, b);
  if (sameRanges(a, b)) return true;
  // Unreachable payloads are compared by their location alone.
  if (isAbsent(a.data) || isAbsent(b.data)) return samePlaces(a, b);
  const [left, right] = [stretches(a), stretches(b)];
  let one: Uint8Array = new Uint8Array();
  let other: Uint8Array = new Uint8Array();
  for (;;) {
    if (one.length === 0) one = left.next().value ?? one;
    if (other.length === 0) other = right.next().value ?? other;
    const length = Math.min(one.length, other.length);
    if (length === 0) return one.length === other.length;
    for (let at = 0; at < length; at++) if (one[at] !== other[at]) return false;
    [one, other] = [one.subarray(length), other.subarray(length)];
  }
}

function* stretches(tensor: Tensor): Generator<Uint8Array, undefined> {
  const { data } = tensor;
  if (data.kind !== 'ranges' || data.encoding !== 'raw') {
    yield tensorBytes(tensor);
    return;
  }
  for (const { source, offset, length } of data.ranges)
    for (let at = 0; at < length; at += STRETCH) yield source.read(offset + at, Math.min(STRETCH, length - at));
}

/** True for the same location in the same file, which need not be read. */
const sameRanges = (a: Tensor, b: Tensor): boolean => sameStretches(a, b, (one, other) => one === other);
/** True for the same location in files of the same name. */
const samePlaces = (a: Tensor, b: Tensor): boolean => sameStretches(a, b, (one, other) => one.name === other.name);

function sameStretches({ data: a }: Tensor, { data: b }: Tensor, same: (one: ByteSource, other: ByteSource) => boolean): boolean {
  if (a.kind !== 'ranges' || b.kind !== 'ranges' || a.encoding !== b.encoding || a.ranges.length !== b.ranges.length) return false;
  return a.ranges.every((range, at) => {
    const other = b.ranges[at];
    return other !== undefined && same(range.source, other.source) && range.offset === other.offset && range.length === other.length;
  });
}

function sameStrings({ data: a }: Tensor, { data: b }: Tensor): boolean {
  if (a.kind !== 'strings' || b.kind !== 'strings' || a.values.length !== b.values.length) return false;
  return a.values.every((value, at) => {
    const other = b.values[at] ?? new Uint8Array();
    return value.length === other.length && value.every((byte, index) => byte === other[index]);
  });
}
