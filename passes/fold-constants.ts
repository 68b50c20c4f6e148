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
import type { ShapeInference } from '../src/ir/shape-inference';
import { definePass } from '../src/pass/pass';

export const foldConstants = definePass({
  name: 'fold-constants',
  summary: 'compute what does not depend on the input',
  numbers: 'rounding',
  run: (graph, { inference }) => fold(graph, inference),
});

function fold(graph: Graph, inference: ShapeInference): void {
  for (const node of graph.nodes) {
    for (const nested of nestedGraphs(node)) fold(nested, inference);
    if (node.outputs.some((output) => graph.isOutput(output))) continue;
    // What was folded just before tells the shape of what follows.
    inference.inferNode(node).forEach((type, index) => {
      const output = node.outputs[index];
      if (output) graph.setType(output, type);
    });
    const tensors = evaluate(node);
    if (!tensors) continue;
    tensors.forEach((tensor, index) => {
      const output = node.outputs[index];
      if (output) graph.replaceAllUses(output, graph.addConstant(`${output.name}_folded`, tensor));
    });
    graph.removeNode(node);
  }
}
