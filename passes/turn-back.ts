/**
 * turn-back: put the cells of a branch that reads the mirrored or transposed image back in the order of the other branches.
 *
 *   Add(A, B)   where B is computed from Slice<columns, step -1>(X)
 * becomes
 *   Add(A, Slice<columns, step -1>(B))          Transpose(B) if rows and columns are exchanged
 *
 * Over a larger image, cell j of B is the original on the mirrored crop n - 1 - j. At the original size there is one cell, which does not move.
 * The same in front of an output. (fit-images makes sure that the cells of both branches are on one grid.)
 * Numbers: identical at the original size.
 * Left alone: branches that all run the same way, and values that become one value for the whole image.
 */

import { mayTurn, Orientations } from '../src/analysis/maps/orientation';
import { scoresOf } from '../src/analysis/maps/scores';
import type { Graph } from '../src/ir/graph';
import { isNode } from '../src/ir/match';
import { isBroadcasting } from '../src/ir/operator-traits';
import type { Node, Value } from '../src/ir/types';
import { viewChain } from '../src/ir/views';
import { builderAt } from '../src/rewrite/builder';
import { definePass, type PassContext } from '../src/rewrite/pass';

const TO_THE_START = -(2 ** 63);

/** For heads whose map has one cell at the original size. */
export const turnBack = definePass({
  name: 'turn-back',
  summary: 'put the cells of branches that look at the mirrored or transposed image in the order of the others',
  numbers: 'identical',
  run: (graph, context) => turn(graph, context, (output, orientations) => isOneCell(output, orientations)),
});

/**
 * For maps of many cells of which only the average is promised: those in front of the averages that give the outputs. A map that the original itself gives
 * in the order of the mirrored image keeps it.
 */
export const turnBackCells = definePass({
  ...turnBack,
  name: 'turn-back-cells',
  numbers: 'reordered',
  run: (graph, context) => turn(graph, context, () => false, finalAverages(graph)),
});

function finalAverages(graph: Graph): ReadonlySet<Node> {
  const averages = new Set<Node>();
  for (const output of graph.outputs) {
    const { value } = scoresOf(output);
    const ends = [value, ...viewChain(value)].flatMap(({ producer }) => (producer?.op === 'GlobalAveragePool' ? [producer] : []));
    for (const average of ends) averages.add(average);
  }
  return averages;
}

function turn(
  graph: Graph,
  context: PassContext,
  isTurnable: (output: Value, orientations: Orientations) => boolean,
  averages: ReadonlySet<Node> = new Set(),
): void {
  if (!mayTurn(graph)) return;
  const orientations = new Orientations(graph);
  const straight = (value: Value): boolean =>
    !orientations.isTurned(value) && orientations.letters.every((letter) => !orientations.of(value)[letter]);
  for (const node of graph.nodes) {
    if (isBroadcasting(node.op) || isNode(node, 'Concat')) {
      const met = [...new Set(orientations.letters.flatMap((letter) => orientations.meeting(node, letter)))];
      if (met.some(straight))
        for (const value of met) {
          if (straight(value)) continue;
          const back = turnedBack(value, node, node, orientations, context);
          for (const [slot, input] of node.inputs.entries()) if (input === value) graph.replaceInput(node, slot, back);
          context.remark({
            kind: 'applied',
            at: { node: node.name, op: node.op, value: value.name, origin: node.origin },
            origin: node.origin,
          });
        }
    }
    const [map] = node.inputs;
    if (averages.has(node) && map && !straight(map)) {
      graph.replaceInput(node, 0, turnedBack(map, node, node, orientations, context));
      context.remark({ kind: 'applied', at: { node: node.name, op: node.op, value: map.name, origin: node.origin }, origin: node.origin });
    }
    orientations.follow(node);
  }
  for (const output of graph.outputs) {
    const { producer } = output;
    if (!producer || straight(output) || !isTurnable(output, orientations)) continue;
    const back = turnedBack(output, undefined, producer, orientations, context);
    const { name, extras } = output;
    graph.rename(output, `${name}_turned`);
    graph.rename(back, name);
    graph.setExtras(back, extras);
    graph.setOutputs(graph.outputs.map((value) => (value === output ? back : value)));
    context.remark({ kind: 'applied', at: { value: name, origin: producer.origin }, origin: producer.origin });
  }
}

const isOneCell = (value: Value, orientations: Orientations): boolean =>
  orientations.letters.every((letter) => value.type?.shape?.[orientations.axisOf(value, letter) ?? -1] === 1);

/** The value with its spatial axes unmirrored and in order, built in front of `before`. */
function turnedBack(value: Value, before: Node | undefined, root: Node, orientations: Orientations, { inference }: PassContext): Value {
  const make = builderAt({ graph: root.graph, before, origin: root.origin, root: `${root.name}_back`, inference });
  const axes = orientations.letters.flatMap((letter) => (orientations.of(value)[letter] ? (orientations.axisOf(value, letter) ?? []) : []));
  const ints = (name: string, number: number): Value =>
    make.int64s(
      `${root.name}_${name}`,
      axes.map(() => number),
    );
  const flipped =
    axes.length === 0
      ? value
      : make.op('Slice', [value, ints('last', -1), ints('first', TO_THE_START), make.int64s(`${root.name}_axes`, axes), ints('step', -1)]);
  if (!orientations.isTurned(value)) return flipped;
  // The positions of the spatial axes, in order, are assigned to the axes in their current order.
  const own = orientations.letters.flatMap((letter) => orientations.axisOf(value, letter) ?? []);
  const places = [...own].sort((a, b) => a - b);
  const rank = value.type?.shape?.length ?? 0;
  const perm = Array.from({ length: rank }, (_, axis) => own[places.indexOf(axis)] ?? axis);
  return make.op('Transpose', [flipped], { perm });
}
