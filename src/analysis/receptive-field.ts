/**
 * Receptive fields: for every value and spatial axis, the window of pixels that a cell depends on, the stride, and where the window of cell 0 begins.
 *
 *   cell i of the value depends on pixels  offset + i * stride ... offset + i * stride + window - 1   along that axis
 *
 * A negative offset, or an end beyond the image, is padding. Where branches meet, the result is the union of their windows. An axis that is read as a whole
 * (global pools, norms over positions, attention) is 'whole'. The windows are bounds: no pixel outside matters, but a pixel inside may have weight zero.
 * Derived from how values move with the image (motion/). The result of an unknown operator has no receptive field, and neither does anything that reads it.
 */

import type { Graph } from '../ir/graph';
import { toNumber } from '../ir/ratio';
import { entriesOf, LETTERS, type PerPlaces, perPlaces } from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { type Motion, type Moving, motionOf, type Track } from './motion';
import { spreadOf } from './motion/digits';
import { settled } from './motion/state';

/** All in input pixels; fractions occur after upsampling. */
export interface AxisField {
  readonly window: number;
  readonly stride: number;
  readonly offset: number;
}

/** Field along each spatial axis of the image. */
export type ReceptiveField = PerPlaces<AxisField | 'whole'>;

export interface ReceptiveFields {
  /** undefined if the value does not depend on an image, or if it is unknown how. */
  of(value: Value): ReceptiveField | undefined;
  /** Nodes that read beyond the edge of a map (zeros, minus infinity, repeated edges). All lists are in graph order. */
  readonly padding: readonly Node[];
  /** Nodes whose result depends on the whole image, through all positions of a map. */
  readonly global: readonly Node[];
  /** Nodes that could not be followed, without those that only read their results. */
  readonly unknown: readonly Node[];
}

export const receptiveFields = (graph: Graph): ReceptiveFields => fieldsIn(motionOf(graph));

export const fieldsIn = (motion: Motion): ReceptiveFields => ({
  of(value) {
    const state = motion.of(value);
    if (state.kind !== 'moving') return undefined;
    const letters = LETTERS.filter((letter) => state.tracks.has(letter));
    const fields = perPlaces(letters, (letter) => fieldAlong(state, letter));
    const known = entriesOf(fields).flatMap(([name, field]) => (field ? [[name, field] as const] : []));
    return known.length === letters.length ? Object.fromEntries(known) : undefined;
  },
  padding: motion.padding,
  global: motion.global,
  unknown: motion.unknown.map(({ node }) => node),
});

/** Field of the cells that the value's own axis counts; other axes may hold positions within a cell. */
function fieldAlong(state: Moving, letter: string): AxisField | 'whole' | undefined {
  const own = state.axes.findIndex((digits) => spreadOf(digits).some((digit) => digit.letter === letter));
  const track = (own < 0 ? undefined : settled(state, letter, own))?.tracks.get(letter) ?? state.tracks.get(letter);
  return track && plain(track);
}

const plain = (track: Track): AxisField | 'whole' =>
  track.whole ? 'whole' : { window: toNumber(track.window), stride: toNumber(track.stride), offset: toNumber(track.offset) };
