/** State of a value: how it moves with the image, or that it does not. */
import type { Dim, Node } from '../../ir/types';
import { channels, copies, type Digits, isAlike, isSpatial, lowBlock, spreadOf } from './digits';
import { grouped, repeated, type Track } from './track';

/** The node that prevents something, and why. `why` completes "it ...". */
export interface Blame {
  readonly node: Node;
  readonly why: string;
}

/** State of a value computed from pixels. */
export interface Moving {
  readonly kind: 'moving';
  readonly axes: readonly Digits[];
  /** Tracks by spatial axis of the image. */
  readonly tracks: ReadonlyMap<string, Track>;
  /** The node that makes its values depend on their position in the image or on the image size. */
  readonly tied: Blame | undefined;
}
export type State =
  | Moving
  /** Constants and other inputs. `grows`: it has one value per position of the image, all equal. */
  | { readonly kind: 'fixed'; readonly grows: boolean }
  /** Computed from the image size. `places`: it has a separate value for each position. */
  | { readonly kind: 'sized'; readonly places: boolean; readonly node: Node }
  | { readonly kind: 'unknown'; readonly blame: Blame };

export const FIXED: State = { kind: 'fixed', grows: false };
export const GROWN: State = { kind: 'fixed', grows: true };
export const unknownBy = (node: Node, why: string): State & { readonly kind: 'unknown' } => ({ kind: 'unknown', blame: { node, why } });

export const isSpread = ({ axes }: Moving): boolean => axes.some((digits) => spreadOf(digits).length > 0);

/** Digits of one letter that run over more than one position, in whichever axes. */
export const digitsOf = ({ axes }: Moving, letter: string): Digits =>
  axes.flatMap((digits) => spreadOf(digits).filter((digit) => digit.letter === letter));

/**
 * The same state with one digit for the letter, alone in its axis. `by` neighbouring cells told apart along channels count as one cell; channels that
 * subdivide a cell turn it into several. undefined if the positions are split in any other way.
 */
export function settled(state: Moving, letter: string, axis: number): Moving | undefined {
  const track = state.tracks.get(letter);
  const own = state.axes[axis] ?? [];
  const spread = own.filter((digit) => isSpatial(digit.letter) && digit.size !== 1);
  const [high] = spread;
  if (!track) return undefined;
  if (high && (spread.length > 1 || high.letter !== letter)) return undefined;
  const others = digitsOf(state, letter).filter((digit) => digit !== high);
  let next = track;
  let axes = state.axes;
  if (others.length > 0) {
    const by = lowBlock(others);
    if (!high || by === undefined || high.step !== by) return undefined;
    next = grouped(next, by, high.size);
    axes = axes.map((digits) =>
      digits.map((digit) => (digit === high ? { ...high, step: 1 } : others.includes(digit) ? { ...digit, letter: 'C', step: 1 } : digit)),
    );
  } else if (high && high.step !== 1) return undefined;
  // Channels after the cells: each cell is repeated several times.
  const now = axes[axis] ?? [];
  const at = now.findIndex((digit) => digit.letter === letter && digit.size !== 1);
  if (at >= 0) {
    if (now.slice(0, at).some(({ size }) => size !== 1)) return undefined;
    const behind = now.slice(at + 1).filter(({ size }) => size !== 1);
    let by = 1;
    for (const { size } of behind) {
      if (typeof size !== 'number') return undefined;
      by *= size;
    }
    if (by > 1) {
      const cells = now[at]?.size;
      const size: Dim = typeof cells === 'number' ? cells * by : undefined;
      next = repeated(next, by, size);
      axes = axes.map((digits, index) => (index === axis ? [{ letter, size, step: 1 }] : digits));
    }
  }
  return { ...state, axes, tracks: new Map(state.tracks).set(letter, next) };
}

/** `stay`: the axis is unchanged. `pooled`: one value remains. `filtered`: the axis counts something else. */
export type Leaves = 'stay' | 'pooled' | 'filtered';

/** Follows a node that combines everything along an axis. `whole` is true if that is the whole image; a string is the reason why it cannot be followed. */
export function taken(
  state: Moving,
  axis: number,
  node: Node,
  leaves: Leaves,
): { readonly state: Moving; readonly whole: boolean } | string {
  const own = state.axes[axis] ?? [];
  let next = state;
  let whole = false;
  for (const letter of new Set(own.filter((digit) => isSpatial(digit.letter)).map((digit) => digit.letter))) {
    const track = next.tracks.get(letter);
    if (!track) continue;
    const mine = spreadOf(next.axes[axis] ?? []).filter((digit) => digit.letter === letter);
    const all = digitsOf(next, letter);
    if (mine.length === 0) {
      // One cell at this size, several on a larger image.
      if (leaves === 'pooled' && all.length === 0)
        next = { ...next, tracks: new Map(next.tracks).set(letter, { ...track, pooled: track.pooled ?? node }) };
      continue;
    }
    const block = mine.length < all.length ? lowBlock(mine) : undefined;
    if (block !== undefined) {
      const step = (digit: Digits[number]): Dim => (typeof digit.step === 'number' ? digit.step / block : undefined);
      const high = all.filter((digit) => !mine.includes(digit));
      const cells = typeof track.cells === 'number' ? track.cells / block : undefined;
      next = {
        ...next,
        axes: next.axes.map((digits) =>
          digits.map((digit) =>
            mine.includes(digit) ? { ...digit, letter: 'C', step: 1 } : high.includes(digit) ? { ...digit, step: step(digit) } : digit,
          ),
        ),
        tracks: new Map(next.tracks).set(letter, grouped(track, block, cells)),
      };
      continue;
    }
    if (leaves !== 'stay' && mine.length < all.length) return 'takes together places of the map that lie far from each other';
    whole = true;
    const pooled = leaves === 'pooled' ? node : track.pooled;
    next = { ...next, tracks: new Map(next.tracks).set(letter, { ...track, whole: track.whole ?? node, pooled }) };
  }
  return { state: next, whole };
}

/** Replaces the digits of one axis. */
export const replaced = (axes: readonly Digits[], axis: number, digits: Digits): readonly Digits[] =>
  axes.map((own, at) => (at === axis ? digits : own));

export const counted = (size: Dim): Digits => (size === 1 ? [] : channels(size));

/** Changes the size of one axis; copies remain copies. */
export const recounted = (state: Moving, axis: number, size: Dim): Moving => {
  const own = state.axes[axis] ?? [];
  return { ...state, axes: replaced(state.axes, axis, isAlike(own) && own.length > 0 ? copies(size) : counted(size)) };
};
