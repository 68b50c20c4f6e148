/**
 * Input data of a network: values on a grid of positions, read region by region. Pictures in memory, arrays in files, recordings and
 * stacks of pages are all sources; code that tiles, scales or draws uses only this interface.
 *
 *   source.read({ starts: [100, 0], lengths: [64, 64] })     rows 100 to 163, columns 0 to 63, all bands
 *
 * Axes are listed outermost first: [time], [height, width] or [depth, height, width].
 */

/** A region: its start and length along every axis. */
export interface Box {
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
}

/** Pictures stay bytes, since their encoding is a table of 256 entries. Everything else is float, as measured. */
export type BlockData = Uint8Array | Float32Array | Float64Array;

/** Values of a region: [...lengths, bands], with the bands of a position interleaved. */
export interface Block {
  readonly lengths: readonly number[];
  readonly bands: number;
  readonly data: BlockData;
}

/** Physical size of one position along an axis: 1/44100 s, 0.7 mm. */
export interface Unit {
  readonly name: string;
  readonly size: number;
}

export interface Source {
  readonly lengths: readonly number[];
  readonly bands: number;
  /** Unit of each axis, where known. */
  readonly units?: readonly (Unit | undefined)[] | undefined;
  /** Values of black and white, if the number type implies them: 0 and 65535 for 16 bits. */
  readonly levels?: { readonly black: number; readonly white: number } | undefined;
  /** Throws CompileError if the underlying file is damaged or contains a NaN or an infinity. */
  read(box: Box): Block | Promise<Block>;
}

export const wholeBox = ({ lengths }: Pick<Source, 'lengths'>): Box => ({ starts: lengths.map(() => 0), lengths });

export const product = (lengths: readonly number[]): number => lengths.reduce((all, length) => all * length, 1);

export const sameLengths = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((length, at) => length === b[at]);

/** Allocates an array of the same type. */
export const likeData = (data: BlockData, count: number): BlockData =>
  data instanceof Uint8Array ? new Uint8Array(count) : data instanceof Float32Array ? new Float32Array(count) : new Float64Array(count);

/** Calls `visit` for each line along the last axis of a region, in order, with its start in an array of shape `lengths` (counted in positions) and its index. */
export function eachLine(lengths: readonly number[], { starts, lengths: wanted }: Box, visit: (from: number, line: number) => void): void {
  const last = lengths.length - 1;
  const steps = lengths.map((_, axis) => product(lengths.slice(axis + 1)));
  const count = product(wanted.slice(0, last));
  const at = new Array<number>(Math.max(last, 0)).fill(0);
  for (let line = 0; line < count; line++) {
    let from = starts[last] ?? 0;
    for (let axis = 0; axis < last; axis++) from += ((starts[axis] ?? 0) + (at[axis] ?? 0)) * (steps[axis] ?? 1);
    visit(from, line);
    for (let axis = last - 1; axis >= 0; axis--) {
      at[axis] = (at[axis] ?? 0) + 1;
      if ((at[axis] ?? 0) < (wanted[axis] ?? 1)) break;
      at[axis] = 0;
    }
  }
}

/** Copies a region of a block into a block of its own, or returns the block itself if the region is all of it. */
export function cropBlock({ lengths, bands, data }: Block, box: Box): Block {
  if (sameLengths(lengths, box.lengths)) return { lengths, bands, data };
  const wide = (box.lengths.at(-1) ?? 1) * bands;
  const cut = likeData(data, product(box.lengths) * bands);
  eachLine(lengths, box, (from, line) => cut.set(data.subarray(from * bands, from * bands + wide), line * wide));
  return { lengths: box.lengths, bands, data: cut };
}

/** Reverses the last axis. */
export function mirrorBlock({ lengths, bands, data }: Block): Block {
  const width = lengths.at(-1) ?? 1;
  const mirrored = likeData(data, data.length);
  for (let line = 0; line < data.length; line += width * bands)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < bands; c++) mirrored[line + x * bands + c] = data[line + (width - 1 - x) * bands + c] ?? 0;
  return { lengths, bands, data: mirrored };
}

/** A block in memory as a source. */
export const blockSource = (block: Block, about: Omit<Partial<Source>, 'read' | 'lengths' | 'bands'> = {}): Source => ({
  ...about,
  lengths: block.lengths,
  bands: block.bands,
  read: (box) => cropBlock(block, box),
});

/** A region of a source as a source. */
export function partOf(source: Source, part: Box): Source {
  if (sameLengths(source.lengths, part.lengths)) return source;
  return {
    ...source,
    lengths: part.lengths,
    read: ({ starts, lengths }) => source.read({ starts: starts.map((start, axis) => start + (part.starts[axis] ?? 0)), lengths }),
  };
}

/** Number of values read at once when a whole source is traversed. */
const PIECE = 2 ** 22;

/** Regions of bounded size that cover the source in order: slabs along the outermost axes that do not fit whole. */
export function piecesOf(source: Source, most = PIECE): readonly Box[] {
  const { lengths, bands } = source;
  const pieces: Box[] = [];
  const split = (axis: number, starts: readonly number[], sizes: readonly number[]): void => {
    const rest = product(lengths.slice(axis + 1)) * bands;
    const own = lengths[axis];
    if (own === undefined) pieces.push({ starts, lengths: sizes });
    else {
      const fitting = Math.floor(most / Math.max(rest, 1));
      if (fitting >= 1 || axis === lengths.length - 1)
        for (let start = 0; start < own; start += Math.max(fitting, 1))
          pieces.push({
            starts: [...starts, start, ...lengths.slice(axis + 1).map(() => 0)],
            lengths: [...sizes, Math.min(Math.max(fitting, 1), own - start), ...lengths.slice(axis + 1)],
          });
      else for (let start = 0; start < own; start++) split(axis + 1, [...starts, start], [...sizes, 1]);
    }
  };
  split(0, [], []);
  return pieces;
}
