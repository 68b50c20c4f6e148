/** The smallest network that still fails: nodes are taken out one by one, as long as the failure stays. */

import { sameType } from '../../src/ir/graph';
import type { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import type { Value } from '../../src/ir/types';

/** `fails` must not change what it is given. */
export async function shrunk(model: Model, fails: (candidate: Model) => Promise<boolean>): Promise<Model> {
  let smallest = model;
  for (let improved = true; improved; ) {
    improved = false;
    for (const candidate of candidates(smallest)) {
      if (candidate === smallest || !(await fails(candidate).catch(() => false))) continue;
      smallest = candidate;
      improved = true;
      break;
    }
  }
  return smallest;
}

/** Fewer outputs; an earlier value as the output; a node bypassed. Smaller ones first. */
function* candidates(model: Model): Generator<Model> {
  const { nodes, outputs } = model.graph;
  if (outputs.length > 1) for (const at of outputs.keys()) yield tidied(model, (own) => [own.graph.outputs[at]]);
  for (const at of nodes.keys()) yield tidied(model, (own) => own.graph.nodes[at]?.outputs ?? []);
  for (const at of nodes.keys()) {
    const candidate = tidied(model, (own) => {
      const node = own.graph.nodes[at];
      const [output] = node?.outputs ?? [];
      const same = node?.inputs.find((input) => input && !input.constant && sameType(input.type, output?.type));
      if (!node || !output || !same || own.graph.isOutput(output)) return [];
      own.graph.replaceAllUses(output, same);
      return own.graph.outputs;
    });
    yield candidate;
  }
}

function tidied(model: Model, edit: (own: Model) => readonly (Value | undefined)[]): Model {
  const own = model.clone();
  const wanted = edit(own).filter((value): value is Value => value?.producer !== undefined);
  if (wanted.length === 0) return model;
  own.graph.setOutputs(wanted);
  for (const node of [...own.graph.nodes].reverse())
    if (node.outputs.every((output) => output.uses.length === 0 && !own.graph.isOutput(output))) own.graph.removeNode(node);
  for (const constant of [...own.graph.constants]) if (constant.uses.length === 0) own.graph.removeConstant(constant);
  if (own.graph.nodeCount >= model.graph.nodeCount && own.graph.outputs.length >= model.graph.outputs.length) return model;
  inferShapes(own);
  return own;
}
