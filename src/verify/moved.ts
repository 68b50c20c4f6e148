/**
 * Checks that need no original and share nothing with the rewriter: the defining properties of a map of predictions can be tested on the converted
 * model alone.
 *
 *   shifted images      moving the image by one period moves the map by the corresponding cells, wherever the field of a cell is inside both images
 *   patches elsewhere   the same patch (the pixels that a cell depends on), in another image of another size at another position, gives the same cell:
 *                       nothing outside the patch matters, and neither does the size of the image or the position in it
 *   batches             three images at once give the same results as each of them alone
 *
 * A trunk that goes down and up again (every second cell has another phase), a mirrored branch, rows sliced at fixed positions, coordinates and
 * position embeddings fail the first two, whatever the compiler believes. If a cell depends on many pixels, images are strips: they are moved along
 * one axis and stay as they are along the other.
 */

import { type ImageWindow, windowAxes } from '../compile/input-size';
import { type PlacesName, sizeText, unitOf } from '../ir/spatial';
import { table } from '../ir/table';
import { elementCount } from '../ir/tensor';
import { type AxisClaim, type Claim, commonMultiple } from './claim';
import { compare, type Difference, worse } from './compare';
import { cropped, pasted } from './inputs';
import type { Numbers, Session } from './onnx-runner';
import type { Check } from './report';
import type { Results } from './results';
import type { Subject } from './subject';

export type Feeds = ReadonlyMap<string, Numbers>;

/** Runs of the converted model in which certain values must be equal. */
interface Twins {
  readonly size: string;
  readonly images: readonly (() => Feeds)[];
  /** Per output: the values that must be equal, and the number of cells that they come from. */
  same(results: readonly Results[]): ReadonlyMap<string, Pairs>;
}

interface Pairs {
  readonly expected: number[];
  readonly actual: number[];
  cells: number;
}

export interface Moved {
  readonly name: Check['name'];
  readonly outputs: Readonly<Record<string, Difference>>;
  readonly sizes: readonly string[];
  readonly cells: number;
  /** Outputs that could not be checked, and the reason. */
  readonly skipped: ReadonlyMap<string, string>;
}

/** Index of a spatial axis, outermost first. */
type Axis = number;
/** Axes along which an image may be longer. */
const axesOf = (subject: Subject): readonly Axis[] => [...subject.lengths.keys()].filter((axis) => !subject.isFixed(axis));

/** Maximum number of elements of a generated image: 32 million take 128 MB. */
const MOST_NUMBERS = 2 ** 25;

/** Geometry of moving one output along one axis. */
export interface Track {
  readonly axis: Axis;
  /** Unit along the axis. */
  readonly name: PlacesName;
  readonly output: string;
  /** First pixel of cell 0's field, and length of the field, in pixels. */
  readonly start: number;
  readonly extent: number;
  readonly stride: number;
  /** True if the field was rounded to whole pixels. */
  readonly isRounded: boolean;
  /** Pixels that the image is moved by, and cells that the map then moves by. */
  readonly period: number;
  readonly cells: number;
  /** Pixels cut off at the near and at the far end before a layer pads: cells that read closer to an end than this see padding. */
  readonly edges: readonly [number, number];
  /** The contract holds between sizes that differ by multiples of `congruent`; `grain` is the common multiple with the period. */
  readonly congruent: number;
  readonly grain: number;
}

/** Tracks of the outputs that can be moved along one axis; for the others, adds the reason to `skipped`. */
export function tracksOf(subject: Subject, claims: readonly Claim[], axis: Axis, skipped: Map<string, string>): Track[] {
  return claims.flatMap((claim): Track[] => {
    const own: AxisClaim | undefined = claim.axes[axis];
    const skip = (why: string): Track[] => {
      skipped.set(claim.output, why);
      return [];
    };
    if (own?.field === undefined) return skip(`what a cell of '${claim.output}' depends on is not known`);
    if (own.field === 'whole') return skip(`every cell of '${claim.output}' depends on the whole image along its ${own.name}`);
    const cells = own.period / own.stride;
    if (!Number.isInteger(own.period) || own.period < 1 || Math.abs(cells - Math.round(cells)) > 1e-9)
      return skip(`the stride of '${claim.output}' is not a whole number of ${unitOf(subject.lengths.length)}`);
    const track: Track = {
      axis,
      name: own.name,
      output: claim.output,
      start: own.field.start,
      extent: own.field.extent,
      isRounded: own.field.isRounded === true,
      stride: own.stride,
      period: own.period,
      cells: Math.round(cells),
      edges: own.edges,
      congruent: own.congruent,
      grain: commonMultiple(own.period, own.congruent),
    };
    const across = elementCount(subject.lengths.filter((_, other) => other !== axis));
    if (lengthFor(track, sizeOf(subject, axis), 3) * across * (subject.image.channels ?? 3) > MOST_NUMBERS)
      return skip(`a cell of '${claim.output}' depends on ${track.extent} ${own.name}, too many to make them up`);
    return [track];
  });
}

/** First cell whose field begins inside the image. */
export const firstInside = ({ start, stride, edges: [near] }: Track): number => Math.max(0, Math.ceil((near - start) / stride - 1e-9));
/** Last cell whose field ends inside an image of this size. */
export const lastInside = ({ start, extent, stride, edges: [, far] }: Track, size: number): number =>
  Math.floor((size - far - extent - start) / stride + 1e-9);

/**
 * Length in pixels of an image with that many periods of cells inside. It exceeds the original's by a multiple of `grain`, so that the phases are the
 * same.
 */
export function lengthFor(track: Track, own: number, periods: number): number {
  const first = firstInside(track) * track.stride;
  // A cell may use less than its window, but exists only where the window fits.
  const needed = Math.max(track.start + first + track.extent + track.edges[1], own + first) + periods * track.period;
  return own + Math.max(0, Math.ceil((needed - own) / track.grain)) * track.grain;
}

export const sizeOf = (subject: Subject, axis: Axis): number => subject.lengths[axis] ?? 1;
/** `along` on one axis, and the lengths of `across` on the others. */
export const sizesFor = (along: number, across: readonly number[], axis: Axis): readonly number[] =>
  across.map((length, other) => (other === axis ? along : length));
/** The offset `at` along one axis, 0 along the others. */
const startAt = (at: number, subject: Subject, axis: Axis): readonly number[] =>
  sizesFor(
    at,
    subject.lengths.map(() => 0),
    axis,
  );

/** Lengths for the axes along which images are not moved: two cells, where the period is known. */
export const acrossOf = (subject: Subject, claims: readonly Claim[]): readonly number[] =>
  subject.lengths.map((length, axis) => {
    if (subject.isFixed(axis)) return length;
    const periods = claims
      .map(({ axes }) => commonMultiple(axes[axis]?.period ?? 1, axes[axis]?.congruent ?? 1))
      .filter((period) => Number.isInteger(period) && period <= length);
    return length + Math.max(0, ...periods);
  });

/** Moves the image by one period along each axis, for each output. */
export async function shiftedImages(subject: Subject, claims: readonly Claim[], session: Session): Promise<Moved> {
  const skipped = new Map<string, string>();
  const twins = axesOf(subject).flatMap((axis) =>
    grouped(tracksOf(subject, claims, axis, skipped)).map((tracks): Twins => {
      const [{ period }] = tracks;
      const along = Math.max(...tracks.map((track) => lengthFor(track, sizeOf(subject, axis), 3)));
      const lengths = sizesFor(along, acrossOf(subject, claims), axis);
      const whole = (): Feeds => subject.feeds('normal', sizesFor(along + period, lengths, axis), 1, 5);
      const part = (at: number) => (): Feeds =>
        mapImages(subject, whole(), (numbers, window) =>
          cropped(numbers, windowAxes(window), startAt(at, subject, axis), subject.grown(window, lengths)),
        );
      return {
        size: sizeText(lengths),
        images: [part(0), part(period)],
        same: ([still = new Map(), moved = new Map()]) =>
          new Map(
            tracks.map((track) => [
              track.output,
              samePlaces(
                still.get(track.output),
                moved.get(track.output),
                axis,
                firstInside(track),
                lastInside(track, along) - track.cells,
                (cell) => cell + track.cells,
              ),
            ]),
          ),
      };
    }),
  );
  return told('shifted images', await runTwins(twins, session, skipped), skipped);
}

/** Puts the patch that a cell depends on into another image, at another position. */
export async function patchesElsewhere(subject: Subject, claims: readonly Claim[], session: Session): Promise<Moved> {
  const skipped = new Map<string, string>();
  const twins = axesOf(subject).flatMap((axis) =>
    tracksOf(subject, claims, axis, skipped).map((track): Twins => {
      const own = sizeOf(subject, axis);
      const across = acrossOf(subject, claims);
      const [along, longer] = [lengthFor(track, own, 1), lengthFor(track, own, 4)];
      const [from, to] = [firstInside(track), firstInside(track) + 3 * track.cells];
      const top = (cell: number): readonly number[] => startAt(Math.floor(track.start + cell * track.stride + 1e-9), subject, axis);
      const source = (): Feeds => subject.feeds('normal', sizesFor(along, across, axis), 1, 6);
      const lengths = sizesFor(longer, across, axis);
      const target = (): Feeds => {
        const patches = source();
        // Other inputs of the network stay the same.
        const grounds = new Map(
          [...subject.feeds('uniform', lengths, 1, 7)].map(([name, ground]) => [
            name,
            subject.windowOf(name) ? ground : (patches.get(name) ?? ground),
          ]),
        );
        return mapImages(subject, grounds, (ground, window) => {
          const patch = patches.get(window.input);
          if (!patch) return ground;
          const axes = windowAxes(window);
          const cut = cropped(patch, axes, top(from), subject.grown(window, sizesFor(track.extent, across, axis)));
          return pasted(ground, cut, axes, top(to));
        });
      };
      return {
        size: sizeText(lengths),
        images: [source, target],
        same: ([here = new Map(), there = new Map()]) =>
          new Map([
            [track.output, samePlaces(there.get(track.output), here.get(track.output), axis, from, from, (cell) => cell + 3 * track.cells)],
          ]),
      };
    }),
  );
  return told('patches elsewhere', await runTwins(twins, session, skipped), skipped);
}

/** Three images at once against each alone, at the original size and at a larger one. */
export async function batches(subject: Subject, session: Session, sizes: readonly (readonly number[])[]): Promise<Moved> {
  const twins = sizes.map((lengths): Twins => {
    const kinds = ['normal', 'strokes', 'large'] as const;
    const one = (at: number) => (): Feeds => subject.feeds(kinds[at] ?? 'normal', lengths, 1, 8 + at);
    const all = (): Feeds => {
      const each = kinds.map((_, at) => one(at)());
      return new Map(
        [...(each[0] ?? new Map<string, Numbers>())].map(([name, first]) => [name, stacked(each.map((feeds) => feeds.get(name) ?? first))]),
      );
    };
    return {
      size: sizeText(lengths),
      images: [all, one(0), one(1), one(2)],
      same: ([whole = new Map(), ...alone]) =>
        new Map(
          [...whole].map(([name, numbers]) => {
            const expected = alone.flatMap((results) => [...(results.get(name)?.data ?? [])]);
            return [name, { expected, actual: [...numbers.data], cells: kinds.length }];
          }),
        ),
    };
  });
  const skipped = new Map<string, string>();
  return told('batches', await runTwins(twins, session, skipped), skipped);
}

function stacked(list: readonly Numbers[]): Numbers {
  const [first] = list;
  const size = first?.data.length ?? 0;
  const data = new Float32Array(size * list.length);
  for (const [at, { data: own }] of list.entries()) data.set(own, at * size);
  return { dtype: first?.dtype ?? 'float', shape: [list.length * (first?.shape[0] ?? 1), ...(first?.shape.slice(1) ?? [])], data };
}

/** Outputs with the same period are checked on the same images. */
function grouped(tracks: readonly Track[]): readonly (readonly [Track, ...Track[]])[] {
  const groups = new Map<number, [Track, ...Track[]]>();
  for (const track of tracks) {
    const group = groups.get(track.period);
    if (group) group.push(track);
    else groups.set(track.period, [track]);
  }
  return [...groups.values()];
}

export const mapImages = (subject: Subject, feeds: Feeds, change: (numbers: Numbers, window: ImageWindow) => Numbers): Feeds =>
  new Map(
    [...feeds].map(([name, numbers]) => {
      const window = subject.windowOf(name);
      return [name, window ? change(numbers, window) : numbers];
    }),
  );

/** Pairs the cells of one map along an axis with those cells of another map that see the same pixels. */
function samePlaces(
  still: Numbers | undefined,
  moved: Numbers | undefined,
  axis: Axis,
  first: number,
  last: number,
  counterpart: (cell: number) => number,
): Pairs {
  const pairs: Pairs = { expected: [], actual: [], cells: 0 };
  const at = axis + 2;
  if (!still || !moved || still.shape.length !== moved.shape.length || at >= still.shape.length) return pairs;
  const [length = 0, otherLength = 0] = [still.shape[at], moved.shape[at]];
  for (let cell = first; cell <= last; cell++) {
    const other = counterpart(cell);
    if (cell >= otherLength || other >= length) continue;
    const cut = (numbers: Numbers, place: number): Numbers => cropped(numbers, [at], [place], [1]);
    pairs.expected.push(...cut(still, other).data);
    pairs.actual.push(...cut(moved, cell).data);
    pairs.cells++;
  }
  return pairs;
}

interface Ran {
  readonly outputs: Record<string, Difference>;
  readonly sizes: string[];
  readonly cells: number;
}

/** Outputs without any compared cells are added to `skipped`. */
async function runTwins(twins: readonly Twins[], session: Session, skipped: Map<string, string>): Promise<Ran> {
  const outputs: Record<string, Difference> = table({});
  const sizes: string[] = [];
  let cells = 0;
  for (const { size, images, same } of twins) {
    const results: Results[] = [];
    for (const image of images) results.push(await session.run(image()));
    sizes.push(size);
    for (const [name, pairs] of same(results)) {
      if (pairs.cells === 0) {
        skipped.set(name, `no two cells of '${name}' that look at the same ${unitOf(size.split('x').length)} were found at ${size}`);
        continue;
      }
      cells += pairs.cells;
      outputs[name] = worse(outputs[name], compare(pairs.expected, pairs.actual));
    }
  }
  return { outputs, sizes, cells };
}

const told = (name: Check['name'], ran: Ran, skipped: ReadonlyMap<string, string>): Moved => ({ name, ...ran, skipped });
