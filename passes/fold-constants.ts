/**
 * fold-constants: compute once whatever is the same for every input.
 *
 *   Op(constants) -> constant
 *   If(constant) -> the nodes of the branch that is taken; also if sizes at the window decide
 *
 * Covers integer arithmetic on shapes, data movement, and elementwise and reducing arithmetic on weights (see src/ir/evaluate.ts).
 * Large results are computed while the output file is written, one at a time.
 * Numbers: rounding (in double precision, rounded once, whereas the runtime rounds after every operator).
 * A model whose constants compute far more elements than it stores is refused (src/ir/limits.ts).
 * Left alone: operators over images, random ones, strings; a constant that is a graph output.
 */

import { evaluate } from '../src/ir/evaluate';
import type { Graph } from '../src/ir/graph';
import { nestedGraphs } from '../src/ir/graph';
import { Room } from '../src/ir/limits';
import { isNode } from '../src/ir/match';
import type { ShapeInference } from '../src/ir/shape-inference';
import type { Node, Value } from '../src/ir/types';
import { definePass } from '../src/rewrite/pass';

export const foldConstants = definePass({
  name: 'fold-constants',
  role: 'evaluates',
  summary: 'compute what does not depend on the input',
  numbers: 'rounding',
  run: (graph, { inference, model }) => fold(graph, inference, new Room(graph, model.limits)),
});

function fold(graph: Graph, inference: ShapeInference, room: Room): void {
  const { edits } = graph;
  for (const node of graph.nodes) {
    if (isNode(node, 'If') && takeBranch(graph, node, inference)) continue;
    for (const nested of nestedGraphs(node)) fold(nested, inference, room);
    if (node.outputs.some((output) => graph.isOutput(output))) continue;
    // The results of this pass determine the shapes of what follows.
    if (graph.edits !== edits)
      inference.inferNode(node).forEach((type, index) => {
        const output = node.outputs[index];
        if (output) graph.setType(output, type);
      });
    const tensors = evaluate(node, (elements) => room.take(node, elements));
    if (!tensors) continue;
    tensors.forEach((tensor, index) => {
      const output = node.outputs[index];
      if (output) graph.replaceAllUses(output, graph.addConstant(`${output.name}_folded`, tensor));
    });
    graph.removeNode(node);
  }
}

/** Replaces an If by the branch that is taken. Exporters check the size of an axis before they squeeze it; once it is known, only one branch remains. */
function takeBranch(graph: Graph, node: Node, inference: ShapeInference): boolean {
  const [condition] = node.inputs;
  const decided = condition && inference.intsOf(condition)?.[0];
  if (typeof decided !== 'number' || node.outputs.some((output) => graph.isOutput(output))) return false;
  const taken = node.attrs.get(decided === 0 ? 'else_branch' : 'then_branch');
  // A file of an opset newer than all that are known is not checked: its branches may give less than the node has outputs.
  if (taken?.kind !== 'graph' || taken.value.outputs.length < node.outputs.length) return false;
  if (taken.value.nodes.some((inner) => nestedGraphs(inner).length > 0)) return false;
  const copies = new Map<Value, Value>();
  for (const constant of taken.value.constants) copies.set(constant, graph.addConstant(constant.name, constant.constant));
  for (const inner of taken.value.nodes) {
    const copy = graph.addNode({
      op: inner.opType,
      domain: inner.domain,
      inputs: inner.inputs.map((input) => input && (copies.get(input) ?? input)),
      attrs: inner.attrs,
      outputTypes: inner.outputs.map((output) => output.type),
      outputs: inner.outputs.map((output) => output.name),
      name: inner.name,
      origin: [...inner.origin, ...node.origin],
      before: node,
    });
    inner.outputs.forEach((output, at) => {
      const made = copy.outputs[at];
      if (made) copies.set(output, made);
    });
  }
  const results = taken.value.outputs.map((output) => copies.get(output) ?? output);
  node.outputs.forEach((output, at) => {
    const result = results[at];
    if (result) graph.replaceAllUses(output, result);
  });
  graph.removeNode(node);
  return true;
}
