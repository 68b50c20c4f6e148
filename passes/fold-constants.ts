/**
 * fold-constants: compute once what is the same for every input.
 *
 *   Op(constants) -> constant
 *
 * Covers integer arithmetic on shapes, data movement, and elementwise and reducing arithmetic on weights (see src/ir/evaluate.ts).
 * Large results are computed while the output file is written, one at a time.
 * Numbers: rounding (in double precision, rounded once, where the runtime rounds after every operator).
 * Left alone: operators over images, random ones, strings; a constant that is a graph output.
 */
import { evaluate } from '../src/ir/evaluate';
import type { Graph } from '../src/ir/graph';
import { nestedGraphs } from '../src/ir/graph';
import { definePass } from '../src/pass/pass';

export const foldConstants = definePass({
  name: 'fold-constants',
  summary: 'compute what does not depend on the input',
  numbers: 'rounding',
  run: (graph) => fold(graph),
});

function fold(graph: Graph): void {
  for (const node of graph.nodes) {
    for (const nested of nestedGraphs(node)) fold(nested);
    if (node.outputs.some((output) => graph.isOutput(output))) continue;
    const tensors = evaluate(node);
    if (!tensors) continue;
    tensors.forEach((tensor, index) => {
      const output = node.outputs[index];
      if (output) graph.replaceAllUses(output, graph.addConstant(`${output.name}_folded`, tensor));
    });
    graph.removeNode(node);
  }
}
