/**
 * output-cells: one prediction per cell of the last feature map, the class activation map (`--head cell`).
 *
 *   Flatten<axis=1>(GlobalAveragePool(M))  as an output [N,K], possibly behind activations: Softmax, Sigmoid ...
 * becomes
 *   M  as the output [N,K,h,w]
 *
 * The average over the map equals the original's scores at every size, because `average-last` has moved the average behind everything that is affine.
 * Final activations are dropped: a map of probabilities would not average to the original's, so the map contains the scores in front of them.
 * Numbers: reordered (the original averages first).
 * Left alone: outputs that are not an average; the operator between the average and the output is named.
 */
import { isFinalActivation } from '../src/analysis/maps/scores';
import { type Motion, motionOf } from '../src/analysis/motion';
import { hasPlaces } from '../src/analysis/motion/positions';
import { isConst, type Node, type Value } from '../src/ir/types';
import { viewedBy } from '../src/ir/views';
import { isGlobalMean } from '../src/operators/pools';
import { definePass } from '../src/rewrite/pass';

export const outputCells = definePass({
  name: 'output-cells',
  role: 'gives cells',
  summary: 'drop the final average, so that every cell of the last map has its scores',
  numbers: 'reordered',
  run(graph, { remark }) {
    // A map can be an output only once.
    const given = new Set<Value>();
    const motion = motionOf(graph);
    graph.setOutputs(
      graph.outputs.map((output) => {
        const found = mapBehind(output, motion);
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

/** The input of the average, or the operator that prevents it. */
function mapBehind(output: Value, motion: Motion): { readonly map: Value } | { readonly reason: string; readonly node: Node | undefined } {
  for (let at: Value | undefined = output; at?.producer; ) {
    const node: Node = at.producer;
    const [input] = node.inputs;
    if (isGlobalMean(node) && input?.producer && !output.producer?.graph.isOutput(input)) return { map: input };
    const isPassed = viewedBy(node) !== undefined || isFinalActivation(node);
    if (!isPassed) return { reason: reasonFor(node, motion), node };
    at = input;
  }
  return { reason: 'it is not a result of the network', node: undefined };
}

/**
 * Reason why the output is not an average. Walks back as long as there is one value per channel: to averages, and to operators that combine the positions of
 * a map in another way, which explain more than the operators behind them.
 */
function reasonFor(node: Node, motion: Motion): string {
  const readers = new Map<Node, Node | undefined>([[node, undefined]]);
  const averages: Node[] = [];
  for (const [at] of readers) {
    if (isGlobalMean(at)) {
      averages.push(at);
      continue;
    }
    const map = at.inputs.find((input) => input && !isConst(input) && hasPlaces(input, motion));
    if (map)
      return isPool(at) || at.inputs.filter((input) => input && hasPlaces(input, motion)).length > 1
        ? `${at.op} '${at.name}' ${POOLED}`
        : PLACES;
    for (const input of at.inputs) if (input?.producer && !readers.has(input.producer)) readers.set(input.producer, at);
  }
  const [first] = averages;
  if (!first) return PLACES;
  let blamed = readers.get(first);
  while (blamed && MOVES.has(blamed.op) && readers.get(blamed)) blamed = readers.get(blamed);
  const sizes = new Set(averages.flatMap(({ inputs: [map] }) => (map?.type?.shape ? [map.type.shape.slice(2).join('x')] : [])));
  if (blamed && MEETING.has(blamed.op) && sizes.size > 1)
    return `${blamed.op} '${blamed.name}' brings together the averages of maps of ${[...sizes].join(' and ')} cells, so no map has cells for both`;
  return `${blamed?.op} '${blamed?.name}' stands between the average and the output and is not affine, so averaging the map would not give the original's scores`;
}

const PLACES = 'the classifier has no global average: its weights read the places of the map, so one cell alone has no prediction';
const POOLED = 'combines the positions of the map in another way than by their average, so the mean over the cells is not a prediction';

const isPool = ({ op }: Node): boolean => op.includes('Pool') || op.startsWith('Reduce');

/** Affine if all operands have the same cells. */
const MEETING = new Set(['Add', 'Sub', 'Sum', 'Mean', 'Concat']);
/** Operators that move elements without changing them. */
const MOVES = new Set(['Transpose', 'Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity']);
