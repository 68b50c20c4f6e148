/**
 * The relation between a converted network and its original, derived from the graph:
 * - `everywhere`: every cell equals the original on its crop, since nothing reads beyond the crop or pads;
 * - `border`: equal at the original size; at other sizes, a cell inside the image sees real pixels where the crop saw padding;
 * - `whole-image`: predictions depend on the whole image, through nodes that are global by design or whose operator is unknown;
 * - `original`: the same function of the same inputs, at every size the original accepts (nothing was converted, only folded).
 * For heads `window` and `image`, the first three describe the predictions of windows: each equals the original's own head applied to its window of the
 * feature map. Head `image` returns their mean. For head `cell`, they describe what a cell depends on; the cells together only satisfy that their mean is
 * the original's scores.
 */

import { imageInputs, lettersOf } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import { commonMultiple } from '../ir/ratio';
import type { ImageSizes } from '../ir/sizes/taken';
import {
  axisName,
  entriesOf,
  LETTERS,
  type Letter,
  listOf,
  type PerAxis,
  type PerPlaces,
  perAxis,
  perPlaces,
  placesName,
  unitOf,
} from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { asPad } from '../operators/pad';
import { finalScores } from './final-scores';
import { leadingTo } from './fixed-positions';
import { type Motion, motionOf, type Track } from './motion';
import type { Edge } from './motion/edges';
import { hasPhases } from './motion/track';
import { type AxisField, fieldsIn, type ReceptiveField } from './receptive-field';

export interface Contract {
  /** The head that the contract is for; `window` if omitted. */
  readonly head?: 'cell' | 'image' | undefined;
  /** Head `cell`: the operators of the activations that the original ends in. The map holds the scores in front of them. */
  readonly activations?: readonly string[] | undefined;
  readonly kind: 'everywhere' | 'border' | 'whole-image' | 'original';
  /** Names of the source nodes that pad their input, or whose windows extend beyond it. */
  readonly padded: readonly string[];
  /** The padded nodes that continue the map with its opposite end. */
  readonly wraps?: readonly string[] | undefined;
  /** Names of the source nodes that read the whole map. */
  readonly global: readonly string[];
  /** Names of the source nodes whose operator is unknown: they may pad or read the whole map. */
  readonly unknown?: readonly string[] | undefined;
  /** Largest distance in pixels that a cell can see beyond its window; undefined if that is the whole image or unknown. */
  readonly reach?: PerPlaces<number> | undefined;
  /** Shift of the image in pixels after which cells repeat, if larger than their stride: cells in between see it in another phase. */
  readonly period?: PerPlaces<number> | undefined;
  /** Moduli in pixels: the contract holds for images whose lengths have the same remainders as the window's. */
  readonly congruent?: PerPlaces<number> | undefined;
  /** Pixels cut off at the near and at the far end before a layer pads: cells that read closer to an end than this see padding. */
  readonly edges?: PerPlaces<Edge> | undefined;
  /** Per output: the pixels that cell 0 depends on, and the distance to the next cell's; `whole` along an axis if that is the whole image. */
  readonly fields?: Readonly<Record<string, ReceptiveField>> | undefined;
  /** Reduced-precision types in which weights are stored; the contract then holds only approximately. */
  readonly fewerBits?: readonly string[] | undefined;
  /** Contract along each spatial axis. `fixed`: nothing slides along it, so images keep their length. */
  readonly axes?: PerAxis<AxisContract> | undefined;
  /** The contract in words, as recorded by a conversion, when the graph it was derived from is not available. */
  readonly meaning?: string | undefined;
}

/** Contract along one axis. */
export type AxisContract = 'everywhere' | 'border' | 'whole-image' | 'fixed';

/** Options of `contractOf`. */
export interface ContractRequest {
  readonly head?: 'window' | 'cell' | 'image' | 'original' | undefined;
  /** The network before its conversion. */
  readonly original?: Graph | undefined;
  readonly motion?: Motion | undefined;
}

/** Derives the contract. The graph must already be convolutional and still have the window's static sizes. */
export function contractOf(graph: Graph, { head = 'window', original, motion = motionOf(graph) }: ContractRequest = {}): Contract {
  const fields = fieldsIn(motion);
  const leading = leadingTo(graph.outputs);
  const pads = new Set([...motion.padding, ...motion.mayPad]);
  const named = (nodes: readonly Node[]): string[] => nodes.filter((node) => leading.has(node)).map(sourceName);
  const [padded, global, unknown] = [named(graph.nodes.filter((node) => pads.has(node))), named(fields.global), named(fields.unknown)];
  const kind = global.length + unknown.length > 0 ? 'whole-image' : padded.length > 0 ? 'border' : 'everywhere';
  const wraps = named(graph.nodes.filter((node) => asPad(node)?.mode === 'wrap'));
  const reach = kind === 'whole-image' ? undefined : reachOf(graph, fields.of);
  const tracks = graph.outputs.flatMap((output) => {
    const state = motion.of(output);
    return state.kind === 'moving' ? [state.tracks] : [];
  });
  const letters = lettersOf(imageInputs(graph));
  const period = common(tracks, letters, (track) => (hasPhases(track) && !track.pooled ? track.period : 1));
  const congruent = common(tracks, letters, (track) => (track.pooled ? 1 : track.congruent));
  const edges = perPlaces(letters, (letter) => motion.edge(letter));
  const ends = head === 'cell' && original ? finalScores(original).flatMap(({ activation }) => activation?.op ?? []) : [];
  const activations = [...new Set(ends)];
  return {
    ...((head === 'cell' || head === 'image') && { head }),
    ...(activations.length > 0 && { activations }),
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

/** The contract of a network that cuts its images to these sizes: its claims hold at every size if they hold at all of these. */
export function contractAtSizes(contract: Contract, sizes: ImageSizes | undefined): Contract {
  const { congruent, ...others } = contract;
  if (!congruent || !sizes) return contract;
  const letters = LETTERS.filter((letter) => congruent[placesName(letter)] !== undefined);
  const left = perPlaces(letters, (letter) => {
    const own = congruent[placesName(letter)] ?? 1;
    return (sizes[axisName(letter)]?.multiple ?? 1) % own === 0 ? 1 : own;
  });
  return entriesOf(left).every(([, own]) => own === 1) ? others : { ...contract, congruent: left };
}

/** Contract along each axis separately. A cause whose axis is unknown applies to all axes. */
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

/** Contract along each axis, if they differ; otherwise undefined. */
export function unequalAxes({ axes }: Contract): PerAxis<AxisContract> | undefined {
  return axes && new Set(Object.values(axes)).size > 1 ? axes : undefined;
}

/** Least common multiple over all outputs, along each axis; undefined if it is 1 along all of them. */
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

/** Contract of a model that was only folded. */
export const originalContract: Contract = { kind: 'original', padded: [], global: [] };

/** The contract as one human-readable sentence. */
export function describeContract(contract: Contract): string {
  const { meaning, period, congruent } = contract;
  if (meaning !== undefined) return meaning;
  const phases = period ? `; cells repeat every ${describeReach(period)}: those between see the image in another phase` : '';
  const sizes = congruent ? `; at sizes that differ from the original's by multiples of ${describeReach(congruent)}` : '';
  const ends = contract.wraps ? `; at its border the image is continued with its other end, by ${listed(contract.wraps, 'layer')}` : '';
  const bits = contract.fewerBits?.length ? `nearly, since weights are stored in ${contract.fewerBits.join(' and ')}: ` : '';
  return `${bits}${meaningOf(contract)}${ends}${phases}${sizes}${alongAxes(contract)}`;
}

/** Text for the contract along each axis, if they differ. */
function alongAxes(contract: Contract): string {
  const axes = Object.entries(unequalAxes(contract) ?? {});
  return axes.length === 0 ? '' : `; along each axis: ${axes.map(([name, kind]) => `${name} ${kind}`).join(', ')}`;
}

function meaningOf(contract: Contract): string {
  const { kind, head, activations = [], padded, reach } = contract;
  const places = placesOf(contract);
  if (kind === 'original') return 'equal to the original at every size that it takes';
  if (head === 'cell') {
    const scores = `the original's scores${activations.length > 0 ? ` in front of its ${activations.join(' and ')}` : ''}`;
    const sees: Readonly<Record<typeof kind, () => string>> = {
      everywhere: () => `each cell depends on the ${places} that it looks at alone`,
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
      return `${mean}equal at the original size; elsewhere ${cell}s see real ${places} where crops are padded${far}, by ${listed(padded, 'padded layer')}`;
    }
    case 'whole-image':
      return `${mean}equal at the original size; elsewhere ${isMean ? 'these ' : ''}predictions depend on the whole image, by ${causesOf(contract)}`;
  }
}

/** Unit of the image's positions. A contract without axes is of a picture. */
const placesOf = ({ axes = {} }: Contract): string => unitOf(Object.keys(axes).length || 2);

/** Text listing the nodes that make predictions depend on the whole image. */
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

/** Reach of cell 0 of each output. The image is as large as its window. */
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
