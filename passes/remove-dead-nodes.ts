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
  // Backwards: a node's readers come after it, so they are gone before it is looked at.
  for (const node of [...graph.nodes].reverse()) {
    if (node.outputs.every((output) => output.uses.length === 0 && !graph.isOutput(output))) graph.removeNode(node);
    else for (const nested of nestedGraphs(node)) sweep(nested);
  }
  for (const constant of graph.constants) {
    if (constant.uses.length === 0 && !graph.isOutput(constant)) graph.removeConstant(constant);
  }
}
