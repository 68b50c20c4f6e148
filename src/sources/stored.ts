/**
 * An array stored at regular strides in bytes, as a source: .npy in either order, or the samples of a recording. Reads only what a region needs.
 *
 *   number at (i, j, ...) = bytes [offset + width (i step_i + j step_j + ...)]
 */
import { decode, type Element } from './element';
import { type Block, type Box, product, type Source } from './source';

/** Random access to bytes. */
export interface Bytes {
  readonly length: number;
  /** Reads exactly `length` bytes. Throws CompileError if they no longer exist. */
  read(offset: number, length: number): Uint8Array;
}

export interface StoredArray {
  readonly bytes: Bytes;
  readonly element: Element;
  readonly little: boolean;
  readonly offset: number;
  readonly shape: readonly number[];
  /** Stride of each axis, in elements. */
  readonly steps: readonly number[];
  /** A stored number represents the value (number - zero) * scale. */
  readonly zero?: number | undefined;
  readonly scale?: number | undefined;
}

/** Strides of an array in C or Fortran order. */
export const stepsOf = (shape: readonly number[], fortran: boolean): readonly number[] =>
  shape.map((_, axis) => product(fortran ? shape.slice(0, axis) : shape.slice(axis + 1)));

/** Spatial axes of the array and its band axis; undefined if it has no bands. */
export interface ArrayAxes {
  readonly places: readonly number[];
  readonly bands: number | undefined;
}

/**
 * Spans of up to SHORT_RUN elements are always read in one piece, including gaps.
 * Longer spans, up to LONG_RUN, are read in one piece only if they have at most COST elements per wanted one.
 */
const SHORT_RUN = 2 ** 12;
const LONG_RUN = 2 ** 18;
const COST = 8;
const isSparse = (span: number, wanted: number): boolean => span > LONG_RUN || (span > SHORT_RUN && span > COST * wanted);

/** `fail` is called with a NaN or an infinity and its index. */
export function storedSource(stored: StoredArray, axes: ArrayAxes, fail: (value: number, index: readonly number[]) => never): Source {
  const { shape, steps, element, zero = 0, scale = 1 } = stored;
  const along = (axis: number): number => shape[axis] ?? 1;
  const bands = axes.bands === undefined ? 1 : along(axes.bands);
  const { white } = element;
  const plain = zero === 0 && scale === 1;
  return {
    lengths: axes.places.map(along),
    bands,
    levels: white !== undefined && plain ? { black: 0, white } : undefined,
    read: (box) => readRegion(box),
  };

  function readRegion({ starts, lengths }: Box): Block {
    const data = element.single ? new Float32Array(product(lengths) * bands) : new Float64Array(product(lengths) * bands);
    // Lengths and strides in the file and in the result, one entry per axis, sorted by descending stride in the file.
    const all = lengths.map((length, at) => ({
      length,
      from: steps[axes.places[at] ?? 0] ?? 1,
      to: product(lengths.slice(at + 1)) * bands,
    }));
    if (axes.bands !== undefined) all.push({ length: bands, from: steps[axes.bands] ?? 1, to: 1 });
    // Axes of length 1 are dropped. Among equal strides the longest comes last, so that it is read at once.
    const ways = all.filter(({ length }) => length > 1).sort((a, b) => b.from - a.from || a.length - b.length);
    const begin = starts.reduce((sum, start, at) => sum + start * (steps[axes.places[at] ?? 0] ?? 1), 0);
    gather(0, begin, 0);
    return { lengths, bands, data };

    function gather(level: number, from: number, to: number): void {
      const rest = ways.slice(level);
      const span = rest.reduce((sum, way) => sum + (way.length - 1) * way.from, 1);
      const [way] = rest;
      // The last axis is always read in one piece.
      if (rest.length > 1 && way && isSparse(span, product(rest.map(({ length }) => length))))
        for (let at = 0; at < way.length; at++) gather(level + 1, from + at * way.from, to + at * way.to);
      else pick(level, numbersAt(from, span), 0, to, from);
    }

    function pick(level: number, numbers: ArrayLike<number>, at: number, to: number, from: number): void {
      const way = ways[level];
      if (!way) {
        const value = ((numbers[at] ?? 0) - zero) * scale;
        if (!Number.isFinite(value)) fail(value, indexOf(from + at));
        data[to] = value;
      } else if (level === ways.length - 1 && plain)
        for (let x = 0, i = at, o = to; x < way.length; x++, i += way.from, o += way.to) {
          const value = numbers[i] ?? 0;
          if (!Number.isFinite(value)) fail(value, indexOf(from + i));
          data[o] = value;
        }
      else for (let x = 0; x < way.length; x++) pick(level + 1, numbers, at + x * way.from, to + x * way.to, from);
    }
  }

  function numbersAt(from: number, count: number): ArrayLike<number> {
    const bytes = stored.bytes.read(stored.offset + from * element.bytes, count * element.bytes);
    return decode(element, bytes, count, stored.little);
  }

  /** Index in the array of an element, from its position in the file. */
  function indexOf(place: number): readonly number[] {
    let rest = place;
    const index = shape.map(() => 0);
    for (const axis of [...shape.keys()].sort((a, b) => (steps[b] ?? 0) - (steps[a] ?? 0))) {
      index[axis] = Math.floor(rest / (steps[axis] ?? 1));
      rest %= steps[axis] ?? 1;
    }
    return index;
  }
}
