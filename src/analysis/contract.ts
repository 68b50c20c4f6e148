/**
 * What holds between a converted network and its original, read off the graph:
 * - `everywhere`: every cell equals the original on its crop, since nothing looks beyond the crop or pads;
 * - `border`: equal at the original size; elsewhere a cell inside the image sees real pixels where the crop saw padding;
 * - `whole-image`: predictions depend on the whole image, through nodes that are global by design, or whose operator is not known here.
 * - `original`: the same function of the same inputs, at every size that the original takes: nothing was converted, only folded.
 * Of the heads `window` and `image` the first three speak of the predictions of windows: each equals the original's own head applied to its window of the feature
 * map. Head `image` gives their mean. Of head `cell` they say what a cell depends on; what holds of all cells together is that their mean is the original's scores.
 */

import { imageInputs, lettersOf } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import { commonMultiple } from '../ir/ratio';
import { entriesOf, type Letter, listOf, type PerAxis, type PerPlaces, perAxis, perPlaces, placesName, unitOf } from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { viewedBy } from '../ir/views';
import { asPad } from '../operators/pad';
import { leadingTo } from './fixed-positions';
import { type Motion, motionOf, type Track } from './motion';
import type { Edge } from './motion/edges';
import { hasPhases } from './motion/track';
import { type AxisField, fieldsIn, type ReceptiveField } from './receptive-field';

export interface Contract {
  /** Of which head it is the contract: `window` where it is left out. */
  readonly head?: 'cell' | 'image' | undefined;
  /** Head `cell`: the original ends in a softmax, which the map is in front of. */
  readonly softmax?: boolean | undefined;
  readonly kind: 'everywhere' | 'border' | 'whole-image' | 'original';
  /** Names of the source nodes that pad their input, or whose windows stick out of it. */
  readonly padded: readonly string[];
  /** Of these, the ones that continue the map with its other end. */
  readonly wraps?: readonly string[] | undefined;
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
  /** Pixels at the near and at the far end that are cut off before a layer pads: cells that look at less than this see padding. */
  readonly edges?: PerPlaces<Edge> | undefined;
  /** Per output: the pixels that cell 0 depends on, and how far on the next cell looks; `whole` along an axis where that is the whole image. */
  readonly fields?: Readonly<Record<string, ReceptiveField>> | undefined;
  /** Types that weights are stored in, in place of their own: what the contract says then holds nearly. */
  readonly fewerBits?: readonly string[] | undefined;
  /** What holds along each spatial axis. `fixed`: nothing slides along it, images keep the length that they have. */
  readonly axes?: PerAxis<AxisContract> | undefined;
  /** The contract in words, as a conversion wrote it down, where the graph that it was read off is not at hand. */
  readonly meaning?: string | undefined;
}

/** What holds along one axis. */
export type AxisContract = 'everywhere' | 'border' | 'whole-image' | 'fixed';

/** What is asked of whom. */
export interface ContractRequest {
  readonly head?: 'window' | 'cell' | 'image' | 'original' | undefined;
  /** The network that was converted. */
  readonly original?: Graph | undefined;
  readonly motion?: Motion | undefined;
}

/** The graph must be convolutional already and still have the window's static sizes. */
export function contractOf(graph: Graph, { head = 'window', original, motion = motionOf(graph) }: ContractRequest = {}): Contract {
  const fields = fieldsIn(motion);
  const leading = leadingTo(graph.outputs);
  const pads = new Set([...motion.padding, ...motion.mayPad]);
  const named = (nodes: readonly Node[]): string[] => nodes.filter((node) => leading.has(node)).map(sourceName);
  const [padded, global, unknown] = [named(graph.nodes.filter((node) => pads.has(node))), named(fields.global), named(fields.unknown)];
  const kind = global.length + unknown.length > 0 ? 'whole-image' : padded.length > 0 ? 'border' : 'everywhere';
  const wraps = named(graph.nodes.filter((node) => node.op === 'Pad' && asPad(node).mode === 'wrap'));
  const reach = kind === 'whole-image' ? undefined : reachOf(graph, fields.of);
  const tracks = graph.outputs.flatMap((output) => {
    const state = motion.of(output);
    return state.kind === 'moving' ? [state.tracks] : [];
  });
  const letters = lettersOf(imageInputs(graph));
  const period = common(tracks, letters, (track) => (hasPhases(track) && !track.pooled ? track.period : 1));
  const congruent = common(tracks, letters, (track) => (track.pooled ? 1 : track.congruent));
  const edges = perPlaces(letters, (letter) => motion.edge(letter));
  return {
    ...((head === 'cell' || head === 'image') && { head }),
    ...(head === 'cell' && original?.outputs.some(endsInSoftmax) && { softmax: true }),
    kind,
    padded,
    ...(wraps.length > 0 && { wraps }),
    global,
    ...(unknown.length > 0 && { unknown }),
    ...(reach && { reach }),
    ...(period && { period }),
    ...(congruent && { congruent }),
    ...(entriesOf(edges).some(([, edge]) => edge.some((pixels) => pixels > 0)) && { edges }),
    fields: fieldsOf(graph, fields.of),
    axes: axesOf(graph, motion, kind),
  };
}

/** Along each axis alone. What is not known along which axis concerns all. */
function axesOf(graph: Graph, motion: Motion, kind: Contract['kind']): PerAxis<AxisContract> {
  const leading = leadingTo(graph.outputs);
  const values = graph.nodes.filter((node) => leading.has(node)).flatMap(({ outputs }) => outputs);
  const isWhole = (letter: Letter): boolean =>
    values.some((value) => {
      const state = motion.of(value);
      return state.kind === 'moving' && state.tracks.get(letter)?.whole !== undefined;
    });
  const letters = lettersOf(imageInputs(graph));
  const whole = kind === 'whole-image' ? letters.filter((letter) => !graph.tied.has(letter) && isWhole(letter)) : [];
  const isUnknown = kind === 'whole-image' && (whole.length === 0 || motion.unknown.some(({ node }) => leading.has(node)));
  return perAxis(letters, (letter): AxisContract => {
    if (graph.tied.has(letter)) return 'fixed';
    if (isUnknown || whole.includes(letter)) return 'whole-image';
    return [...motion.paddingAlong(letter)].some((node) => leading.has(node)) ? 'border' : 'everywhere';
  });
}

/** Where not all axes have the same, what each has. */
export function unequalAxes({ axes }: Contract): PerAxis<AxisContract> | undefined {
  return axes && new Set(Object.values(axes)).size > 1 ? axes : undefined;
}

function endsInSoftmax(output: Value): boolean {
  let at: Value | undefined = output;
  while (at?.producer && viewedBy(at.producer)) at = viewedBy(at.producer);
  return at?.producer?.op === 'Softmax' || at?.producer?.op === 'LogSoftmax';
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
  const ends = contract.wraps ? `; at its border the image is continued with its other end, by ${listed(contract.wraps, 'layer')}` : '';
  const bits = contract.fewerBits?.length ? `nearly, since weights are stored in ${contract.fewerBits.join(' and ')}: ` : '';
  return `${bits}${meaningOf(contract)}${ends}${phases}${sizes}${alongAxes(contract)}`;
}

/** What holds along each axis, where that differs. */
function alongAxes(contract: Contract): string {
  const axes = Object.entries(unequalAxes(contract) ?? {});
  return axes.length === 0 ? '' : `; along each axis: ${axes.map(([name, kind]) => `${name} ${kind}`).join(', ')}`;
}

function meaningOf(contract: Contract): string {
  const { kind, head, softmax, padded, reach } = contract;
  if (kind === 'original') return 'equal to the original at every size that it takes';
  if (head === 'cell') {
    const scores = softmax ? "the original's scores in front of its softmax" : "the original's scores";
    const sees: Readonly<Record<typeof kind, () => string>> = {
      everywhere: () => 'each cell depends on the pixels that it looks at alone',
      border: () => `cells at the border of the image see padding, by ${listed(padded, 'padded layer')}`,
      'whole-image': () => `each cell depends on the whole image, by ${causesOf(contract)}`,
    };
    return `the mean over the map is ${scores} of the whole image, at every size that it takes whole; ${sees[kind]()}`;
  }
  const isMean = head === 'image';
  const [mean, cell] = isMean ? ['the mean over the predictions of all windows; ', 'window'] : ['', 'cell'];
  switch (kind) {
    case 'everywhere':
      return `${mean}every ${cell} equals the original on its crop, at every size`;
    case 'border': {
      const far =
        reach && Math.max(...listOf(reach)) > 0 ? `, up to ${describeReach(reach)} beyond their ${isMean ? 'edges' : 'window'}` : '';
      return `${mean}equal at the original size; elsewhere ${cell}s see real pixels where crops are padded${far}, by ${listed(padded, 'padded layer')}`;
    }
    case 'whole-image':
      return `${mean}equal at the original size; elsewhere ${isMean ? 'these ' : ''}predictions depend on the whole image, by ${causesOf(contract)}`;
  }
}

/** The nodes through which a prediction depends on the whole image. */
export function causesOf({ global, unknown = [] }: Contract): string {
  return [
    ...(global.length > 0 ? [listed(global, 'node')] : []),
    ...(unknown.length > 0 ? [`${listed(unknown, 'node')} whose operator is not known here`] : []),
  ].join(' and ');
}

/** `6 pixels`, `6 rows and 4 columns`, `64 samples`. */
function describeReach(reach: PerPlaces<number>): string {
  const all = entriesOf(reach);
  const [first] = all;
  if (first && all.length === 1) return `${first[1]} ${first[0]}`;
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
      if (graph.tied.has(letter)) continue;
      const [own, length] = [field?.[placesName(letter)], imageLength(graph, letter)];
      if (own === undefined || own === 'whole' || length === undefined) return undefined;
      reach.set(letter, Math.max(reach.get(letter) ?? 0, beyond(own, length)));
    }
  }
  return perPlaces(
    letters.filter((letter) => !graph.tied.has(letter)),
    (letter) => reach.get(letter) ?? 0,
  );
}

const beyond = ({ offset, window }: AxisField, size: number): number => Math.ceil(Math.max(-offset, offset + window - size, 0));

function imageLength(graph: Graph, letter: Letter): number | undefined {
  const [image] = imageInputs(graph);
  const dim = image?.[0].type?.shape?.[image[1].indexOf(letter)];
  return typeof dim === 'number' ? dim : undefined;
}
