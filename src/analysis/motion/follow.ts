/** One step of the fold: computes the state of a node's result from its inputs' states, at least one of which moves with the image. */

import { permOf } from '../../ir/axis';
import { meaningOf } from '../../ir/integer-operators';
import { isNode } from '../../ir/match';
import { ONE, ZERO } from '../../ir/ratio';
import type { Node, Value } from '../../ir/types';
import { asAxis } from '../../operators/axes';
import type { Operator, Reads, Step } from '../../operators/operator';
import { asPool } from '../../operators/pools';
import { asRecurrent } from '../../operators/recurrent';
import { asReduce } from '../../operators/reduce';
import { copies, isAlike, isSpatial, regrouped, spreadOf } from './digits';
import type { Edges } from './edges';
import { combined } from './meet';
import { product } from './product';
import { counted, isSpread, type Moving, recounted, replaced, type State, settled, taken, unknownBy } from './state';
import { walked } from './track';

/** Findings collected during the fold. */
export interface Notes {
  readonly padding: Set<Node>;
  /** By spatial axis: nodes that read beyond the edge of a map along it, at this length or at others. */
  readonly paddingAlong: Map<string, Set<Node>>;
  readonly mayPad: Set<Node>;
  readonly global: Set<Node>;
  /** By spatial axis: pixels that a padded map omits at the near and at the far end of the image. */
  readonly edges: Edges;
}

const STAY: Step = { start: ZERO, stride: ONE, extent: ONE, pads: false };
const NOT_SHAPED = 'has a shape that is not known';

export function follow(node: Node, inputs: readonly State[], at: number, operator: Operator, notes: Notes): State {
  const output = node.outputs[at];
  const shape = output?.type?.shape;
  const { form } = operator;
  const [data] = inputs;
  if (form === 'each' && inputs.length === 1 && data?.kind === 'moving' && data.axes.length === shape?.length) return data;
  if (form === 'each' || form === 'joined' || form === 'spread') return combined(node, inputs, operator);
  if (form === 'product') return product(node, inputs, notes);
  if (form === 'unknown') return unknown(node, inputs, operator);
  if (form === 'places') return unknownBy(node, 'tells where places of the map are');
  if (data?.kind !== 'moving' || inputs.slice(1).some((state, slot) => state.kind === 'moving' && !operator.settings.includes(slot + 1)))
    return otherMoves(node);
  switch (form) {
    case 'same':
      return at > 0 && asPool(node) ? { kind: 'sized', places: true, node } : axisByAxis(node, data, operator, output, notes);
    case 'reduced': {
      const own = asReduce(node);
      const next = axisByAxis(node, data, operator, output, notes);
      if (!own || next.kind !== 'moving') return next;
      const axes = own.keepsAxes
        ? next.axes.map((digits, axis) => (own.axes.includes(axis) ? [] : digits))
        : next.axes.filter((_, axis) => !own.axes.includes(axis));
      return { ...next, axes };
    }
    case 'view': {
      const axes = shape && regrouped(data.axes, shape);
      if (axes) return { ...data, axes };
      return isSpread(data) ? unknownBy(node, shape ? regroups(node) : NOT_SHAPED) : { ...data, axes: (shape ?? []).map(counted) };
    }
    case 'transposed':
      return { ...data, axes: permOf(node, data.axes.length).map((axis) => data.axes[axis] ?? []) };
    case 'recurrent': {
      const own = asRecurrent(node);
      const next = axisByAxis(node, data, operator, output, notes);
      if (next.kind !== 'moving') return next;
      const images = next.axes[own.batch] ?? [];
      const batchAt = at === 0 ? (own.batch === 1 ? 2 : 0) : own.batch;
      return { ...next, axes: (shape ?? []).map((size, axis) => (axis === batchAt ? images : counted(size))) };
    }
    case 'gathered': {
      const next = axisByAxis(node, data, operator, output, notes);
      const axis = asAxis(node, data.axes.length);
      const rank = node.inputs[1]?.type?.shape?.length;
      if (next.kind !== 'moving') return next;
      if (axis === undefined || rank === undefined) return unknownBy(node, NOT_SHAPED);
      return {
        ...next,
        axes: next.axes.flatMap((digits, own) => (own === axis ? (shape ?? []).slice(axis, axis + rank).map(counted) : [digits])),
      };
    }
    default:
      return unknownBy(node, 'gives one number everywhere, as often as the image says');
  }
}

const regroups = (node: Node): string => {
  const [from, to] = [node.inputs[0]?.type?.shape, node.outputs[0]?.type?.shape];
  return `takes the numbers of a map [${from?.join(', ')}] for one of [${to?.join(', ')}], in which rows and columns are no longer rows and columns`;
};

/** Global context is a vector, so whatever is computed from it is the same for all positions. */
function unknown(node: Node, inputs: readonly State[], operator: Operator): State {
  const moving = inputs.filter((state) => state.kind === 'moving');
  const isContext = moving.every((state) => !isSpread(state) && [...state.tracks.values()].every(({ whole }) => whole !== undefined));
  const shape = node.outputs[0]?.type?.shape;
  const [first] = moving;
  if (isContext && first && shape) return { ...first, axes: shape.map(counted) };
  const reads = operator.reads(node, 0);
  return unknownBy(node, reads.kind === 'unknown' ? reads.why : 'is not known');
}

function otherMoves(node: Node): State {
  return unknownBy(
    node,
    node.op.startsWith('Conv') ? 'has a kernel that is computed from the image' : 'has weights that are computed from the image',
  );
}

/** Follows operators that keep the axes of their data, axis by axis. */
function axisByAxis(node: Node, data: Moving, operator: Operator, output: Value | undefined, notes: Notes): State {
  const to = output?.type?.shape;
  const leaves = operator.form === 'reduced' || meaningOf(node).startsWith('Global');
  let state = data;
  for (let axis = 0; axis < data.axes.length; axis++) {
    const reads = operator.reads(node, axis);
    const size = operator.form === 'same' ? to?.[axis] : undefined;
    const next = alongAxis(node, state, axis, reads, { size, leaves, notes });
    if (typeof next === 'string') return unknownBy(node, next);
    state = next;
  }
  if (operator.form === 'same' && to && to.length !== state.axes.length) return unknownBy(node, NOT_SHAPED);
  return state;
}

interface Along {
  /** Size of the result along the axis. */
  readonly size: number | string | undefined;
  readonly leaves: boolean;
  readonly notes: Notes;
}

/** The state after following one axis, or the reason why it cannot be followed. */
function alongAxis(node: Node, state: Moving, axis: number, reads: Reads, { size, leaves, notes }: Along): Moving | string {
  const before = node.inputs[0]?.type?.shape?.[axis];
  if (reads.kind === 'point' && (size === undefined || size === before)) return state;
  const own = state.axes[axis] ?? [];
  const spread = spreadOf(own);
  switch (reads.kind) {
    case 'point':
      // The map is cut off at the far end.
      if (spread.length > 0 && size !== undefined && size !== before)
        return alongAxis(node, state, axis, { kind: 'window', step: STAY }, { size, leaves, notes });
      // Copies of one cell are the same everywhere.
      return size !== undefined && size !== before && spread.length === 0 && before !== 1 ? recounted(state, axis, size) : state;
    case 'unknown':
      return own.some(({ letter }) => isSpatial(letter) && state.tracks.get(letter)?.whole === undefined)
        ? reads.why
        : recounted(state, axis, size);
    case 'in order':
    case 'picks':
      return spread.length > 0 ? reads.why : size !== undefined && size !== before ? recounted(state, axis, size) : state;
    case 'together':
    case 'filters': {
      const filters = reads.kind === 'filters';
      const found = taken(state, axis, node, filters ? 'filtered' : leaves ? 'pooled' : 'stay');
      if (typeof found === 'string') return found;
      if (found.whole) notes.global.add(node);
      if (filters) return withCount(found.state, axis, size);
      return leaves ? { ...found.state, axes: replaced(found.state.axes, axis, []) } : found.state;
    }
    case 'window': {
      const letters = new Set(own.filter((digit) => isSpatial(digit.letter)).map((digit) => digit.letter));
      const [letter] = letters;
      if (letter === undefined) {
        // A single value resized or sliced is the same everywhere; padded, it is not.
        const alike = isAlike(own) && (isNode(node, 'Resize') || !reads.step.pads);
        return alike ? { ...state, axes: replaced(state.axes, axis, copies(size)) } : recounted(state, axis, size);
      }
      const ready = letters.size === 1 ? settled(state, letter, axis) : undefined;
      const track = ready?.tracks.get(letter);
      if (!ready || !track) return 'looks through windows over places that are not neighbours on the image';
      if (reads.step.pads) notes.padding.add(node);
      if (reads.step.mayPad) notes.mayPad.add(node);
      if (reads.step.pads || reads.step.mayPad) {
        notes.edges.found(letter, track);
        const along = notes.paddingAlong.get(letter);
        if (along) along.add(node);
        else notes.paddingAlong.set(letter, new Set([node]));
      }
      const next: Moving = {
        ...ready,
        axes: replaced(ready.axes, axis, [{ letter, size, step: 1 }]),
        tracks: new Map(ready.tracks).set(letter, walked(track, reads.step, size)),
      };
      const { depends } = reads.step;
      return depends === undefined || next.tied ? next : { ...next, tied: { node, why: depends } };
    }
  }
}

const withCount = (state: Moving, axis: number, size: number | string | undefined): Moving => ({
  ...state,
  axes: replaced(state.axes, axis, size === undefined ? [] : counted(size)),
});
