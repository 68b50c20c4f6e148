/**
 * Values computed from constants alone have a known size before anything runs, and any runtime would compute them. A model that produces far more elements
 * than it stores is refused when it is read.
 */
import type { Graph } from '../graph';
import { nestedGraphs } from '../graph';
import { Room } from '../limits';
import type { Model } from '../model';
import { elementCount } from '../tensor';
import { type Node, staticShape, type Value } from '../types';
import { ShapeInference } from '.';

/** Throws CompileError EXPANDS_TOO_FAR, or any error of shape inference. */
export function requireRoomForConstants(model: Model): void {
  const nodes = fromConstants(model.graph);
  if (nodes.length === 0) return;
  const room = new Room(model.graph, model.limits);
  // Works on a clone, so that types stay as the file declares them; the compiler decides when to apply inference rules.
  const work = model.clone();
  const inference = new ShapeInference(work);
  for (const node of fromConstants(work.graph)) {
    inference.inferNode(node).forEach((type, index) => {
      const output = node.outputs[index];
      if (!output || !type) return;
      node.graph.setType(output, type);
      const shape = staticShape(output);
      if (shape) room.take(node, elementCount(shape));
    });
  }
}

/** Nodes computed from constants only, in order. Those with nested graphs are left to the runtime. */
function fromConstants(graph: Graph): readonly Node[] {
  const known = new Set<Value>();
  return graph.nodes.filter((node) => {
    if (node.inputs.length === 0 || nestedGraphs(node).length > 0) return false;
    if (!node.inputs.every((input) => !input || input.constant !== undefined || known.has(input))) return false;
    for (const output of node.outputs) known.add(output);
    return true;
  });
}
