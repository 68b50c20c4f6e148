/** Compares byte ranges of files, a few megabytes at a time. */

import { FileSource } from '../files/file-source';
import type { ByteRange } from '../ir/bytes';
import { streamTensor } from '../ir/stream';
import { table } from '../ir/table';
import { elementCount, permuted } from '../ir/tensor';
import type { DType, Tensor } from '../ir/types';
import type { Stretch, WeightRecord } from './format';

const STRETCH = 4 << 20;

/** The files of a model, each opened at most once. */
export class Files {
  private readonly open = new Map<number, FileSource>();
  private readonly buffer = Buffer.allocUnsafeSlow(STRETCH);
  constructor(private readonly paths: readonly string[]) {}

  /** Returns undefined if the file does not contain that range. The result is valid until the next call. */
  read(file: number, offset: number, length: number): Uint8Array | undefined {
    const source = this.source(file);
    if (!source || offset + length > source.size) return undefined;
    const bytes = this.buffer.subarray(0, length);
    source.readInto(bytes, offset, length);
    return bytes;
  }
  /** Returns undefined if there is no such file. */
  source(file: number): FileSource | undefined {
    const path = this.paths[file];
    if (path === undefined) return undefined;
    const source = this.open.get(file) ?? FileSource.open(path);
    this.open.set(file, source);
    return source;
  }
  close(): void {
    for (const source of this.open.values()) source.close();
  }
}

export const total = (list: readonly Stretch[]): number => list.reduce((sum, { length }) => sum + length, 0);

/** True if both lists of ranges, concatenated, contain the same bytes. */
export function sameBytes(a: Files, from: readonly Stretch[], b: Files, to: readonly Stretch[]): boolean {
  if (total(from) !== total(to)) return false;
  const [left, right] = [new Walk(from), new Walk(to)];
  for (;;) {
    const [one, other] = [left.here(), right.here()];
    if (!one || !other) return true;
    const length = Math.min(one.length, other.length, STRETCH);
    const [x, y] = [a.read(one.file, one.offset, length), b.read(other.file, other.offset, length)];
    if (!x || !y || Buffer.compare(x, y) !== 0) return false;
    left.step(length);
    right.step(length);
  }
}

/** True if the second list contains the bytes of the first with the axes permuted. */
export function holdsPermuted(
  a: Files,
  from: readonly Stretch[],
  { dtype, shape, perm }: NonNullable<WeightRecord['permutation']>,
  b: Files,
  to: readonly Stretch[],
): boolean {
  const isPermutation = [...perm].sort((x, y) => x - y).every((axis, at) => axis === at) && perm.length === shape.length;
  const width = WIDTHS[dtype];
  if (!isPermutation || width === undefined || total(from) !== total(to) || width * elementCount(shape) !== total(from)) return false;
  const ranges = from.flatMap(({ file, offset, length }): ByteRange[] => {
    const source = a.source(file);
    return source && offset + length <= source.size ? [{ source, offset, length }] : [];
  });
  if (ranges.length < from.length) return false;
  const tensor: Tensor = { dtype: dtype as DType, shape, data: { kind: 'ranges', ranges, encoding: 'raw' } };
  const walk = new Walk(to);
  let isSame = true;
  streamTensor(permuted(tensor, perm), (bytes) => {
    for (let done = 0; isSame && done < bytes.byteLength; ) {
      const here = walk.here();
      const length = Math.min(here?.length ?? 0, bytes.byteLength - done, STRETCH);
      const held = here && length > 0 ? b.read(here.file, here.offset, length) : undefined;
      isSame = held !== undefined && Buffer.compare(held, bytes.subarray(done, done + length)) === 0;
      walk.step(length);
      done += length;
    }
  });
  return isSame;
}

/** Bytes per element, for the types that TensorFlow.js has. */
const WIDTHS: Readonly<Record<string, number>> = table({ float: 4, int32: 4, bool: 1 });

/** Position in a list of byte ranges. */
class Walk {
  private at = 0;
  private done = 0;
  constructor(private readonly list: readonly Stretch[]) {}

  here(): Stretch | undefined {
    while (this.done >= (this.list[this.at]?.length ?? Number.POSITIVE_INFINITY)) {
      this.at++;
      this.done = 0;
    }
    const stretch = this.list[this.at];
    return stretch && { file: stretch.file, offset: stretch.offset + this.done, length: stretch.length - this.done };
  }
  step(length: number): void {
    this.done += length;
  }
}
