/**
 * window-sizes: make a classifier that computes with the size of its map use the size of one window.
 *
 *   ReduceSum(X) / (Shape(X)[2] * Shape(X)[3])          X [N,C,h,w]
 * becomes
 *   ReduceSum(X) / (h * w)
 *
 * At the original size both are the same. On a larger image a prediction is about a window of the original size, and so is its number of positions.
 * Only if no later value has rows or columns any more: before that, sizes are those of the image.
 * Numbers: identical.
 * Left alone: sizes used by a Reshape, a Resize or a Slice, which follow the image; the size of the batch.
 */

import { isHead } from '../src/analysis/maps/global-pools';
import { axisRolesOf } from '../src/ir/axis-roles';
import { evaluate } from '../src/ir/evaluate';
import type { Graph } from '../src/ir/graph';
import { isBroadcasting, tellsSize } from '../src/ir/operator-traits';
import type { ShapeInference } from '../src/ir/shape-inference';
import { fromNumbers } from '../src/ir/tensor';
import { isConst, type Tensor, type Value } from '../src/ir/types';
import { builderAt } from '../src/rewrite/builder';
import { definePass } from '../src/rewrite/pass';

export const windowSizes = definePass({
  name: 'window-sizes',
  summary: 'compute with the size of the window where a classifier asks for the size of its map',
  numbers: 'identical',
  run(graph, { inference, remark }) {
    const sizes = sizesOf(graph);
    const roles = axisRolesOf(graph);
    const wanted = graph.nodes.filter(
      (node) =>
        isBroadcasting(node.op) &&
        node.inputs.some((input) => input && sizes.has(input)) &&
        node.inputs.some((input) => input && !isConst(input) && !sizes.has(input)) &&
        isHead(node, roles),
    );
    for (const node of wanted)
      node.inputs.forEach((input, slot) => {
        const tensor = input && sizes.has(input) ? numbersOf(input, graph, inference) : undefined;
        if (!input || !tensor) return;
        graph.replaceInput(node, slot, graph.addConstant(`${input.name}_of_window`, tensor));
        remark({ kind: 'applied', rule: 'size', at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin });
      });
  },
});

/** Values that depend only on sizes and constants. */
function sizesOf(graph: Graph): ReadonlySet<Value> {
  const sizes = new Set<Value>();
  for (const node of graph.nodes) {
    const follows =
      tellsSize(node.op) ||
      (node.inputs.some((input) => input && sizes.has(input)) &&
        node.inputs.every((input) => !input || isConst(input) || sizes.has(input)));
    if (follows) for (const output of node.outputs) sizes.add(output);
  }
  return sizes;
}

/** The value at the size of the window; undefined if it depends on the batch. */
function numbersOf(value: Value, graph: Graph, inference: ShapeInference): Tensor | undefined {
  if (isConst(value)) return value.constant;
  const shape = value.type?.shape;
  const dtype = value.type?.dtype;
  const known = inference.intsOf(value);
  if (known && dtype && shape?.every((dim) => typeof dim === 'number') && known.every((number) => typeof number === 'number'))
    return fromNumbers(dtype, shape.map(Number), known.map(Number));
  const { producer } = value;
  if (!producer || tellsSize(producer.op)) return undefined;
  const inputs = producer.inputs.map((input) => input && numbersOf(input, graph, inference));
  if (producer.inputs.some((input, slot) => input && !inputs[slot])) return undefined;
  const make = builderAt({ graph, before: producer, origin: producer.origin, root: producer.name, inference });
  const made = make.ops(
    producer.op,
    inputs.map((tensor, slot) => tensor && make.constant(`${producer.name}_${slot}`, tensor)),
    producer.attrs,
    producer.outputs.length,
  );
  const [node] = make.nodes;
  const result = node && evaluate(node)?.[producer.outputs.indexOf(value)];
  if (node) graph.removeNode(node);
  for (const constant of make.constants) graph.removeConstant(constant);
  return made.length > 0 ? result : undefined;
}
