/**
 * Which pixels a cell of a map looks at: for every value, per spatial axis, the window, the stride and where the window of cell 0 begins.
 *
 *   cell i of the value depends on pixels  offset + i * stride ... offset + i * stride + window - 1   along that axis
 *
 * A negative offset, or an end beyond the image, is padding. Branches that meet give the union of their windows. An axis along which everything is taken
 * together (global pools, norms over places, attention) is 'whole'. The windows are bounds: no pixel outside of one matters; a pixel inside may have weight zero.
 * Read off how values move with the image (motion/); what an unknown operator computes is not known, and so is all that reads it.
 */

import type { Graph } from '../ir/graph';
import { toNumber } from '../ir/ratio';
import { entriesOf, LETTERS, type PerPlaces, perPlaces } from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { type Motion, type Moving, motionOf, type Track } from './motion';
import { spreadOf } from './motion/digits';
import { settled } from './motion/state';

/** All in input pixels; fractions appear behind upsampling. */
export interface AxisField {
  readonly window: number;
  readonly stride: number;
  readonly offset: number;
}

/** Along each spatial axis of the image. */
export type ReceptiveField = PerPlaces<AxisField | 'whole'>;

export interface ReceptiveFields {
  /** undefined: the value does not depend on an image, or how is not known. */
  of(value: Value): ReceptiveField | undefined;
  /** Nodes that read beyond the edge of a map: zeros, minus infinity, repeated edges. In graph order, as the others. */
  readonly padding: readonly Node[];
  /** Nodes whose result depends on the whole image, through all places of a map. */
  readonly global: readonly Node[];
  /** Nodes that could not be followed; not those behind them. */
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

/** Of the cells as the value shows them: where an axis of its own counts them, and others what lies within one. */
function fieldAlong(state: Moving, letter: string): AxisField | 'whole' | undefined {
  const own = state.axes.findIndex((digits) => spreadOf(digits).some((digit) => digit.letter === letter));
  const track = (own < 0 ? undefined : settled(state, letter, own))?.tracks.get(letter) ?? state.tracks.get(letter);
  return track && plain(track);
}

const plain = (track: Track): AxisField | 'whole' =>
  track.whole ? 'whole' : { window: toNumber(track.window), stride: toNumber(track.stride), offset: toNumber(track.offset) };
