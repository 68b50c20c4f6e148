/**
 * average-last: classify every cell, then average.
 *
 *   Op(GlobalAveragePool(X))                            Op affine at each position: 1x1 convolution, batch normalisation, per-channel scale and shift
 * becomes
 *   GlobalAveragePool(Op(X))
 *
 * Exact at every size, because an average commutes with an affine map. The input of the average is then the class activation map (`--head cell`).
 * Multiplies the multiply-adds by the number of cells of the map; `average-first` is the inverse.
 * Numbers: reordered.
 * Left alone: operators that are not affine, each named in a refusal.
 */

import { affineOperand } from '../src/analysis/maps/affine';
import { intAttr } from '../src/ir/attrs';
import { wrapAxis } from '../src/ir/axis';
import { mapRank } from '../src/ir/axis-roles';
import type { Graph } from '../src/ir/graph';
import { isNode, producedBy } from '../src/ir/match';
import type { Node, Value } from '../src/ir/types';
import { builderAt } from '../src/rewrite/builder';
import { definePass, type PassContext } from '../src/rewrite/pass';

export const averageLast = definePass({
  name: 'average-last',
  summary: 'move the global average behind the affine classifier that follows it',
  numbers: 'reordered',
  run(graph, context) {
    for (const node of graph.nodes) {
      if (!graph.has(node)) continue;
      const pools = node.inputs.map((input) => producedBy(input, 'GlobalAveragePool'));
      if (!pools.some((pool) => pool !== undefined)) continue;
      const maps = mapsBehind(node, pools);
      if (maps) swap(graph, node, maps, context);
    }
  },
});

/** The inputs of the node with each average replaced by its map; undefined if the node does not commute with the average. */
function mapsBehind(node: Node, pools: readonly (Node | undefined)[]): readonly (Value | undefined)[] | undefined {
  const affine = affineOperand(node);
  if (affine) return node.inputs.map((input, slot) => (slot === affine.slot ? pools[slot]?.inputs[0] : input));
  // Averages that are concatenated along a spatial axis are two positions of a map, not the average of one.
  if (isNode(node, 'Concat') && wrapAxis(intAttr(node, 'axis'), mapRank(node.graph)) !== 1) return undefined;
  if (!['Add', 'Sub', 'Sum', 'Mean', 'Concat'].includes(node.op) || !pools.every((pool) => pool !== undefined)) return undefined;
  const maps = pools.map((pool) => pool?.inputs[0]);
  const [first] = maps;
  const sameCells = maps.every((map) =>
    first?.type?.shape?.every((dim, axis) => axis === 1 || (dim !== undefined && map?.type?.shape?.[axis] === dim)),
  );
  return sameCells ? maps : undefined;
}

function swap(graph: Graph, node: Node, maps: readonly (Value | undefined)[], context: PassContext): void {
  const [output] = node.outputs;
  if (!output) return;
  const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference: context.inference });
  const average = make.op('GlobalAveragePool', [make.op(node.op, maps, node.attrs)]);
  graph.replaceAllUses(output, average);
  graph.removeNode(node);
  // Remove the old averages, unless they have other readers.
  for (const pool of new Set(node.inputs.flatMap((input) => producedBy(input, 'GlobalAveragePool') ?? []))) {
    if (pool.outputs.every((value) => value.uses.length === 0 && !graph.isOutput(value))) graph.removeNode(pool);
  }
  context.remark({ kind: 'applied', rule: node.op, at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin });
}
