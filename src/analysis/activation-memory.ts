/** Memory taken by the values between layers while a graph runs one node after another, with each value kept until its last reader is done. */
import type { Graph } from '../ir/graph';
import { byteSize, elementCount } from '../ir/tensor';
import type { Value } from '../ir/types';
import { isConst, staticShape } from '../ir/types';

/** Peak bytes, not counting weights; undefined if a shape is not static. */
export function activationBytes(graph: Graph): number | undefined {
  const lastUse = new Map<Value, number>();
  graph.nodes.forEach((node, at) => {
    for (const input of node.inputs) if (input) lastUse.set(input, at);
  });
  for (const output of graph.outputs) lastUse.set(output, graph.nodeCount);
  const dying: Value[][] = Array.from({ length: graph.nodeCount + 1 }, () => []);
  for (const [value, at] of lastUse) dying[at]?.push(value);
  let [live, most] = [0, 0];
  for (const input of graph.inputs) live += bytesOf(input) ?? Number.NaN;
  for (const [at, node] of graph.nodes.entries()) {
    for (const output of node.outputs) live += bytesOf(output) ?? Number.NaN;
    most = Math.max(most, live);
    if (Number.isNaN(live)) return undefined;
    for (const value of dying[at] ?? []) if (!isConst(value)) live -= bytesOf(value) ?? Number.NaN;
    for (const output of node.outputs) if (!lastUse.has(output)) live -= bytesOf(output) ?? 0;
  }
  return most;
}

function bytesOf(value: Value): number | undefined {
  const shape = staticShape(value);
  return shape && value.type && byteSize(value.type.dtype, elementCount(shape));
}
