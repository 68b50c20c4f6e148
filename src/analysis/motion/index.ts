/**
 * Determines how every value of a network moves with the image, in a single fold over each operator's `form` and `reads` (src/operators).
 *
 * For each value and spatial axis of the image: stride, offset and window as exact fractions; direction; the smallest shift of the image after which cells
 * repeat; whether positions are counted from the far end; and the lengths for which this holds. A value that depends on positions or on the image size is
 * `tied`, and names the node that ties it. A value that cannot be followed is unknown, and names the first node at fault. Receptive fields, strides,
 * contracts and whether a network can slide are derived from this. Types must be inferred; static sizes give the most detail.
 */
import { imageInputs } from '../../ir/axis-roles';
import type { Graph } from '../../ir/graph';
import { isLetter } from '../../ir/spatial';
import type { Node, Value } from '../../ir/types';
import { isConst } from '../../ir/types';
import { operatorOf } from '../../operators';
import { isSpatial } from './digits';
import { type Edge, Edges } from './edges';
import { fixedState } from './fixed';
import { follow, type Notes } from './follow';
import { keepsSizes } from './sizes';
import { type Blame, FIXED, type State, unknownBy } from './state';
import { pixels, type Track } from './track';

export type { Blame, Moving, State } from './state';
export type { Track } from './track';

export interface Motion {
  of(value: Value): State;
  /** Nodes that read beyond the edge of a map. All lists are in graph order. */
  readonly padding: readonly Node[];
  /** Nodes that read beyond the edge at other lengths, if not at this one. */
  readonly mayPad: readonly Node[];
  /** Nodes that read beyond the edge along one spatial axis, at this length or at others. */
  paddingAlong(letter: string): ReadonlySet<Node>;
  /** Nodes that combine all positions of a map. */
  readonly global: readonly Node[];
  /** Nodes that cannot be followed, or that tie their result to positions or a size, without the nodes after them. */
  readonly unknown: readonly Blame[];
  /** Along a spatial axis: pixels at the near and at the far end that are cut off before a layer pads. */
  edge(letter: string): Edge;
  readonly tied: readonly Blame[];
}

export function motionOf(graph: Graph): Motion {
  const states = new Map<Value, State>();
  const notes: Notes = { padding: new Set(), paddingAlong: new Map(), mayPad: new Set(), global: new Set(), edges: new Edges() };
  const unknown: Blame[] = [];
  const tied: Blame[] = [];
  const { tied: still } = graph;
  for (const [image, roles] of imageInputs(graph)) {
    const shape = image.type?.shape ?? [];
    const tracks = new Map<string, Track>();
    // Positions along an axis that does not slide are told apart, like channels.
    const letters = roles.map((role) => (isLetter(role) && still.has(role) ? role.toLowerCase() : role));
    for (const [axis, role] of letters.entries()) {
      if (!isSpatial(role)) continue;
      tracks.set(role, pixels(shape[axis]));
      notes.edges.image(role, shape[axis]);
    }
    states.set(image, {
      kind: 'moving',
      axes: letters.map((letter, axis) => [{ letter, size: shape[axis], step: 1 }]),
      tracks,
      tied: undefined,
    });
  }
  const stateOf = (value: Value | undefined): State => (value && (states.get(value) ?? (isConst(value) ? FIXED : undefined))) ?? FIXED;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(stateOf);
    for (const [at, output] of node.outputs.entries()) {
      const state = derive(node, inputs, at, { states, notes });
      states.set(output, state);
      if (state.kind === 'unknown' && state.blame.node === node && unknown.at(-1)?.node !== node) unknown.push(state.blame);
      if (state.kind === 'moving' && state.tied?.node === node && tied.at(-1)?.node !== node) tied.push(state.tied);
    }
  }
  return {
    of: stateOf,
    padding: [...notes.padding],
    mayPad: [...notes.mayPad],
    paddingAlong: (letter) => notes.paddingAlong.get(letter) ?? new Set(),
    global: [...notes.global],
    edge: (letter) => notes.edges.of(letter),
    unknown,
    tied,
  };
}

function derive(
  node: Node,
  inputs: readonly State[],
  at: number,
  { states, notes }: { readonly states: ReadonlyMap<Value, State>; readonly notes: Notes },
): State {
  const operator = operatorOf(node);
  const first = inputs.find((state) => state.kind === 'unknown');
  // The size of a value may be known even if the value is unknown.
  if (keepsSizes(node, states)) return FIXED;
  if (operator.form === 'sizes') return { kind: 'sized', places: false, node };
  if (first) return first;
  if (capturesImage(node, states)) return unknownBy(node, 'computes with the image in a subgraph');
  if (!inputs.some((state) => state.kind === 'moving')) return fixedState(node, inputs, operator);
  return settingsMove(node, inputs, operator.settings) ?? follow(node, inputs, at, operator, notes);
}

/** Reports lengths or positions that are computed from pixels. */
function settingsMove(node: Node, inputs: readonly State[], settings: readonly number[]): State | undefined {
  return settings.some((slot) => inputs[slot]?.kind === 'moving')
    ? unknownBy(node, 'is given lengths or places that are computed from the image')
    : undefined;
}

/** True if a graph inside the node (a branch, the body of a loop) reads a value that moves. */
function capturesImage(node: Node, states: ReadonlyMap<Value, State>): boolean {
  const queue = [node];
  for (let next = queue.pop(); next; next = queue.pop()) {
    for (const attr of next.attrs.values()) {
      const graphs = attr.kind === 'graph' ? [attr.value] : attr.kind === 'graphs' ? attr.value : [];
      for (const inner of graphs) {
        const read = [...inner.outputs, ...inner.nodes.flatMap((own) => own.inputs)];
        if (read.some((value) => value && ['moving', 'unknown'].includes(states.get(value)?.kind ?? ''))) return true;
        queue.push(...inner.nodes);
      }
    }
  }
  return false;
}
