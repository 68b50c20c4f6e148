/**
 * How every value of a network moves with the image: the one fold over what src/operators says of each operator (`form` and `reads`).
 *
 * Per value and spatial axis of the image: stride, offset and window as exact fractions; direction; the least move of the image after which cells repeat; what
 * is counted from the far end; for which lengths that holds. A value that depends on where places are, or on how large the image is, is `tied`, with the
 * node that ties it. What cannot be followed is unknown, with the first node that is to blame. Receptive fields, strides, contracts and "can it slide?" are read
 * off this. Types must be inferred; static sizes give the most.
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
import { type Blame, FIXED, type State, unknownBy } from './state';
import { pixels, type Track } from './track';

export type { Blame, Moving, State } from './state';
export type { Track } from './track';

export interface Motion {
  of(value: Value): State;
  /** Nodes that read beyond the edge of a map, in graph order, as the others. */
  readonly padding: readonly Node[];
  /** Nodes that do so at other lengths, if not at this one. */
  readonly mayPad: readonly Node[];
  /** Nodes that read beyond the edge along one spatial axis, at this length or at others. */
  paddingAlong(letter: string): ReadonlySet<Node>;
  /** Nodes that take all places of a map together. */
  readonly global: readonly Node[];
  /** Nodes that could not be followed, or that tie their result to places or to a size; not those behind them. */
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
    // What lies along an axis that does not slide is told apart as channels are.
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
  // How large an unknown value is may be known all the same.
  if (operator.form === 'sizes') return { kind: 'sized', places: false, node };
  if (first) return first;
  if (capturesImage(node, states)) return unknownBy(node, 'computes with the image in a graph of its own');
  if (!inputs.some((state) => state.kind === 'moving')) return fixedState(node, inputs, operator);
  return settingsMove(node, inputs, operator.settings) ?? follow(node, inputs, at, operator, notes);
}

/** Lengths or places that are computed from pixels. */
function settingsMove(node: Node, inputs: readonly State[], settings: readonly number[]): State | undefined {
  return settings.some((slot) => inputs[slot]?.kind === 'moving')
    ? unknownBy(node, 'is given lengths or places that are computed from the image')
    : undefined;
}

/** Whether a graph inside of the node (a branch, the body of a loop) reads a value that moves. */
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
