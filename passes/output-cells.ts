/**
 * output-cells: one prediction per cell of the last feature map, the class activation map (`--head cell`).
 *
 *   Flatten<axis=1>(GlobalAveragePool(M))  as an output [N,K], perhaps with a Softmax behind it
 * becomes
 *   M  as the output [N,K,h,w]
 *
 * The average over the map equals the original's scores at every size, since `average-last` has moved the average behind everything that is affine.
 * A final Softmax or LogSoftmax goes: a map of probabilities would not average to the original's, so the map holds the scores in front of it.
 * Numbers: reordered (the original averages first).
 * Left alone: outputs that are no average; the operator that stands between the average and the output is named.
 */
import type { Node, Value } from '../src/ir/types';
import { viewedBy } from '../src/ir/views';
import { definePass } from '../src/rewrite/pass';

export const outputCells = definePass({
  name: 'output-cells',
  summary: 'drop the final average, so that every cell of the last map has its scores',
  numbers: 'reordered',
  run(graph, { remark }) {
    // A map can be an output once only.
    const given = new Set<Value>();
    graph.setOutputs(
      graph.outputs.map((output) => {
        const found = mapBehind(output);
        if ('reason' in found) {
          const at = found.node;
          remark({
            kind: 'refused',
            reason: found.reason,
            at: { node: at?.name, op: at?.op, value: output.name, origin: at?.origin },
            origin: at?.origin ?? [],
          });
          return output;
        }
        const { name } = output;
        graph.rename(output, `${name}_mean`);
        const isGiven = given.has(found.map);
        given.add(found.map);
        const copy = isGiven
          ? graph.addNode({ op: 'Identity', inputs: [found.map], origin: output.producer?.origin }).outputs[0]
          : undefined;
        const map = copy ?? found.map;
        graph.rename(map, name);
        remark({ kind: 'applied', rule: 'cells', at: { value: name }, origin: output.producer?.origin ?? [] });
        return map;
      }),
    );
  },
});

/** What stands in front of the average, or the operator in the way. */
function mapBehind(output: Value): { readonly map: Value } | { readonly reason: string; readonly node: Node | undefined } {
  for (let at: Value | undefined = output; at?.producer; ) {
    const node: Node = at.producer;
    const [input] = node.inputs;
    if (node.op === 'GlobalAveragePool' && input?.producer && !output.producer?.graph.isOutput(input)) return { map: input };
    const isPassed = viewedBy(node) !== undefined || node.op === 'Softmax' || node.op === 'LogSoftmax';
    if (!isPassed) return { reason: reasonFor(node), node };
    at = input;
  }
  return { reason: 'it is no result of the network', node: undefined };
}

/** Walks back to the average, if there is one, to name the first operator behind it that does not commute with it. */
function reasonFor(node: Node): string {
  const readers = new Map<Node, Node | undefined>([[node, undefined]]);
  for (const [at] of readers) {
    if (at.op === 'GlobalAveragePool') {
      let blamed = readers.get(at);
      while (blamed && MOVES.has(blamed.op) && readers.get(blamed)) blamed = readers.get(blamed);
      return `${blamed?.op} '${blamed?.name}' stands between the average and the output and is not affine, so averaging the map would not give the original's scores (use --head window or image)`;
    }
    for (const input of at.inputs) if (input?.producer && !readers.has(input.producer)) readers.set(input.producer, at);
  }
  return 'the classifier has no global average: its weights read the places of the map, so one cell alone has no prediction (use --head window)';
}

/** Carry numbers to another place and change none. */
const MOVES = new Set(['Transpose', 'Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity']);
