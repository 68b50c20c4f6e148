/** Extracts parts of a graph as models: values from outside become inputs, values that are read outside become outputs. */
import { nestedGraphs, readBy } from '../ir/graph';
import type { Model } from '../ir/model';
import type { Node, Value } from '../ir/types';

/** Keeps only the nodes with these names. Undefined if nothing would be left, or if an input has an unknown type. Types must be inferred. */
export function partOf(model: Model, names: ReadonlySet<string>): Model | undefined {
  const part = model.clone();
  const { graph } = part;
  const kept = graph.nodes.filter(({ name }) => names.has(name));
  const members = new Set<Node>(kept);
  const outputs = kept
    .flatMap((node) => node.outputs)
    .filter((value) => isPublic(value) || value.uses.some(({ user }) => !members.has(outer(user, graph.nodes))));
  if (outputs.length === 0) return undefined;
  for (const node of kept)
    for (const value of new Set(readBy(node))) {
      const { producer } = value;
      if (!producer || members.has(producer) || producer.graph !== graph) continue;
      if (!value.type?.shape || nestedGraphs(node).length > 0) return undefined;
      // A temporary name, until its namesake is removed.
      const input = graph.addInput(`${value.name}_given`, value.type);
      for (const { user, slot } of [...value.uses]) if (members.has(user)) graph.replaceInput(user, slot, input);
    }
  graph.setOutputs(outputs);
  tidy(part);
  return part;

  function isPublic(value: Value): boolean {
    return graph.isOutput(value);
  }
}

/** The node of the graph itself that contains the reader, for a reader within a nested graph. */
function outer(user: Node, nodes: readonly Node[]): Node {
  return nodes.includes(user)
    ? user
    : (nodes.find((node) => [...readBy(node)].some((value) => value.uses.some((use) => use.user === user))) ?? user);
}

/** A copy with only these outputs and whatever they need. */
export function withOutputs(model: Model, names: readonly string[]): Model {
  const part = model.clone();
  part.graph.setOutputs(part.graph.outputs.filter(({ name }) => names.includes(name)));
  tidy(part);
  return part;
}

/** Removes nodes, constants and inputs that nothing depends on. */
function tidy({ graph }: Model): void {
  for (const node of [...graph.nodes].reverse())
    if (node.outputs.every((output) => output.uses.length === 0 && !graph.isOutput(output))) graph.removeNode(node);
  for (const constant of [...graph.constants]) if (constant.uses.length === 0 && !graph.isOutput(constant)) graph.removeConstant(constant);
  for (const input of [...graph.inputs]) if (input.uses.length === 0 && !graph.isOutput(input)) graph.removeInput(input);
}
