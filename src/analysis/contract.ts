/**
 * What holds between a converted network and its original, read off the graph:
 * - `everywhere`: every cell equals the original on its crop, since nothing looks beyond the crop or pads;
 * - `border`: equal at the original size; elsewhere a cell inside the image sees real pixels where the crop saw padding;
 * - `whole-image`: predictions depend on the whole image, through nodes that are global by design, or whose operator is not known here.
 * - `original`: the same function of the same inputs, at every size that the original takes: nothing was converted, only folded.
 * In the first three, each cell equals the original's own head applied to its window of the feature map.
 */

import { imageInputs, lettersOf } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import { commonMultiple } from '../ir/ratio';
import { entriesOf, type Letter, listOf, type PerPlaces, perPlaces, placesName, unitOf } from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { leadingTo } from './fixed-positions';
import { type Motion, motionOf, type Track } from './motion';
import { hasPhases } from './motion/track';
import { type AxisField, fieldsIn, type ReceptiveField } from './receptive-field';

export interface Contract {
  readonly kind: 'everywhere' | 'border' | 'whole-image' | 'original';
  /** Names of the source nodes that pad their input, or whose windows stick out of it. */
  readonly padded: readonly string[];
  /** Names of the source nodes that look at the whole map. */
  readonly global: readonly string[];
  /** Names of the source nodes whose operator is not known here: they may do either. */
  readonly unknown?: readonly string[] | undefined;
  /** How many pixels beyond its window a cell can see, on the farthest side; undefined where that is the whole image or not known. */
  readonly reach?: PerPlaces<number> | undefined;
  /** By how many pixels the image must move for cells to repeat, where that is more than their stride: cells between see it in another phase. */
  readonly period?: PerPlaces<number> | undefined;
  /** It holds for images whose lengths leave the same rest by these as the window's. */
  readonly congruent?: PerPlaces<number> | undefined;
  /** Per output: the pixels that cell 0 depends on, and how far on the next cell looks; `whole` along an axis where that is the whole image. */
  readonly fields?: Readonly<Record<string, ReceptiveField>> | undefined;
  /** The contract in words, as a conversion wrote it down, where the graph that it was read off is not at hand. */
  readonly meaning?: string | undefined;
}

/** The graph must be convolutional already and still have the window's static sizes. */
export function contractOf(graph: Graph, motion: Motion = motionOf(graph)): Contract {
  const fields = fieldsIn(motion);
  const leading = leadingTo(graph.outputs);
  const pads = new Set([...motion.padding, ...motion.mayPad]);
  const named = (nodes: readonly Node[]): string[] => nodes.filter((node) => leading.has(node)).map(sourceName);
  const [padded, global, unknown] = [named(graph.nodes.filter((node) => pads.has(node))), named(fields.global), named(fields.unknown)];
  const kind = global.length + unknown.length > 0 ? 'whole-image' : padded.length > 0 ? 'border' : 'everywhere';
  const reach = kind === 'whole-image' ? undefined : reachOf(graph, fields.of);
  const tracks = graph.outputs.flatMap((output) => {
    const state = motion.of(output);
    return state.kind === 'moving' ? [state.tracks] : [];
  });
  const letters = lettersOf(imageInputs(graph));
  const period = common(tracks, letters, (track) => (hasPhases(track) && !track.whole ? track.period : 1));
  const congruent = common(tracks, letters, (track) => (track.whole ? 1 : track.congruent));
  return {
    kind,
    padded,
    global,
    ...(unknown.length > 0 && { unknown }),
    ...(reach && { reach }),
    ...(period && { period }),
    ...(congruent && { congruent }),
    fields: fieldsOf(graph, fields.of),
  };
}

/** The least common multiple over all outputs, along each axis; undefined where it is 1. */
function common(
  tracks: readonly ReadonlyMap<string, Track>[],
  letters: readonly Letter[],
  of: (track: Track) => number,
): PerPlaces<number> | undefined {
  const all = perPlaces(letters, (letter) =>
    tracks.reduce((multiple, own) => {
      const track = own.get(letter);
      return track ? commonMultiple(multiple, of(track)) : multiple;
    }, 1),
  );
  return listOf(all).every((multiple) => multiple === 1) ? undefined : all;
}

const fieldsOf = (graph: Graph, fieldOf: (value: Value) => ReceptiveField | undefined): Contract['fields'] =>
  Object.fromEntries(
    graph.outputs.flatMap((output) => {
      const field = fieldOf(output);
      return field ? [[output.name, field] as const] : [];
    }),
  );

/** Of a model that was folded only. */
export const originalContract: Contract = { kind: 'original', padded: [], global: [] };

/** One sentence for people. */
export function describeContract(contract: Contract): string {
  const { meaning, period, congruent } = contract;
  if (meaning !== undefined) return meaning;
  const phases = period ? `; cells repeat every ${describeReach(period)}: those between see the image in another phase` : '';
  const sizes = congruent ? `; at sizes that differ from the original's by multiples of ${describeReach(congruent)}` : '';
  return `${meaningOf(contract)}${phases}${sizes}`;
}

function meaningOf({ kind, padded, global, unknown = [], reach }: Contract): string {
  switch (kind) {
    case 'original':
      return 'equal to the original at every size that it takes';
    case 'everywhere':
      return 'every cell equals the original on its crop, at every size';
    case 'border': {
      const far = reach && Math.max(...listOf(reach)) > 0 ? `, up to ${describeReach(reach)} beyond their window` : '';
      return `equal at the original size; elsewhere cells see real pixels where crops are padded${far}, by ${listed(padded, 'padded layer')}`;
    }
    case 'whole-image': {
      const causes = [
        ...(global.length > 0 ? [listed(global, 'node')] : []),
        ...(unknown.length > 0 ? [`${listed(unknown, 'node')} whose operator is not known here`] : []),
      ];
      return `equal at the original size; elsewhere predictions depend on the whole image, by ${causes.join(' and ')}`;
    }
  }
}

/** `6 pixels`, `6 rows and 4 columns`, `64 samples`. */
function describeReach(reach: PerPlaces<number>): string {
  const all = entriesOf(reach);
  const [first] = all;
  if (first && all.every(([, number]) => number === first[1])) return `${first[1]} ${unitOf(all.length)}`;
  const parts = all.map(([name, number]) => `${number} ${name}`);
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

const listed = (names: readonly string[], what: string): string =>
  `${names.length} ${what}${names.length === 1 ? '' : 's'} (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''})`;

const sourceName = (node: Node): string => node.origin[0] ?? node.name;

/** Cell 0 of an output against the image, which is as large as its window. */
function reachOf(graph: Graph, fieldOf: (value: Value) => ReceptiveField | undefined): Contract['reach'] {
  const letters = lettersOf(imageInputs(graph));
  const reach = new Map(letters.map((letter) => [letter, 0]));
  for (const output of graph.outputs) {
    const field = fieldOf(output);
    for (const letter of letters) {
      const [own, length] = [field?.[placesName(letter)], imageLength(graph, letter)];
      if (own === undefined || own === 'whole' || length === undefined) return undefined;
      reach.set(letter, Math.max(reach.get(letter) ?? 0, beyond(own, length)));
    }
  }
  return perPlaces(letters, (letter) => reach.get(letter) ?? 0);
}

const beyond = ({ offset, window }: AxisField, size: number): number => Math.ceil(Math.max(-offset, offset + window - size, 0));

function imageLength(graph: Graph, letter: Letter): number | undefined {
  const [image] = imageInputs(graph);
  const dim = image?.[0].type?.shape?.[image[1].indexOf(letter)];
  return typeof dim === 'number' ? dim : undefined;
}
