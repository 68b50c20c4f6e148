/**
 * remove-dead-nodes: drop nodes and constants that no output depends on.
 *
 * Numbers: identical.
 * Left alone: graph inputs, which are the model's interface.
 */
import type { Graph } from '../src/ir/graph';
import { nestedGraphs } from '../src/ir/graph';
import { definePass } from '../src/rewrite/pass';

export const removeDeadNodes = definePass({
  name: 'remove-dead-nodes',
  summary: 'drop nodes and constants that no output depends on',
  numbers: 'identical',
  run: (graph) => sweep(graph),
});

function sweep(graph: Graph): void {
  // Backwards: the readers of a node come after it, so dead readers are removed before the node is checked.
  for (const node of [...graph.nodes].reverse()) {
    if (node.outputs.every((output) => output.uses.length === 0 && !graph.isOutput(output))) graph.removeNode(node);
    else for (const nested of nestedGraphs(node)) sweep(nested);
  }
  for (const constant of graph.constants) {
    if (constant.uses.length === 0 && !graph.isOutput(constant)) graph.removeConstant(constant);
  }
}
