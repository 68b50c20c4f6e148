/**
 * Cost of a graph: trained parameters and multiply-adds per node.
 *
 * Parameters are the elements of the constants that a trained layer holds: weights and biases, not shapes, bounds or running statistics.
 * A constant shared by two nodes counts once, at the first. One that reaches its reader through other nodes (Identity, weight standardisation,
 * DequantizeLinear) counts at the node that combines it with data.
 *
 * Multiply-adds are those of convolutions and matrix products, as papers count them: biases, activations, normalisation and pooling are left out.
 * A symbolic batch counts as 1. `undefined` means unknown, because a dimension is unknown or because the operator hides its products.
 */

import { evaluateDim, namesOf } from '../ir/dims';
import { type Graph, nestedGraphs, readBy } from '../ir/graph';
import { tellsSize } from '../ir/operator-traits';
import { elementCount, isFloatType } from '../ir/tensor';
import type { ConstValue, Dim, Node, Value } from '../ir/types';
import { isConst } from '../ir/types';
import { multiplyAdds as layerProducts, weightSlots } from '../operators';

export interface NodeCost {
  readonly parameters: number;
  readonly multiplyAdds: number | undefined;
}

/** Costs of all nodes of a graph whose types are inferred. Nodes that compute only on weights or on shapes have no cost of their own. */
export function costs(graph: Graph): ReadonlyMap<Node, NodeCost> {
  const data = dataValues(graph);
  const batch = batchNames(graph);
  const counted = new Set<Value>();
  const result = new Map<Node, NodeCost>();
  for (const node of graph.nodes) {
    if (!carriesData(node, data)) continue;
    let parameters = 0;
    for (const constant of parametersOf(node, data)) {
      if (counted.has(constant)) continue;
      counted.add(constant);
      parameters += elementCount(constant.constant.shape);
    }
    result.set(node, { parameters, multiplyAdds: multiplyAdds(node, batch) });
  }
  return result;
}

/** Sum of the known costs. `complete` is true if none is unknown. */
export function total(all: Iterable<NodeCost>): { readonly parameters: number; readonly multiplyAdds: number; readonly complete: boolean } {
  let parameters = 0;
  let products = 0;
  let complete = true;
  for (const cost of all) {
    parameters += cost.parameters;
    products += cost.multiplyAdds ?? 0;
    complete &&= cost.multiplyAdds !== undefined;
  }
  return { parameters, multiplyAdds: products, complete };
}

/** Values that depend on the contents of the model's inputs, not just on their shapes. */
export function dataValues(graph: Graph): ReadonlySet<Value> {
  const data = new Set<Value>(graph.inputs);
  for (const node of graph.nodes) if (carriesData(node, data)) for (const output of node.outputs) data.add(output);
  return data;
}

/** True if the node computes on data, not only on weights or shapes. */
export function carriesData(node: Node, data: ReadonlySet<Value>): boolean {
  if (tellsSize(node.op)) return false;
  for (const value of readBy(node)) if (data.has(value)) return true;
  // The node is itself a source of data: random values, or an unknown node without inputs.
  return node.op.startsWith('Random') || (node.inputs.length === 0 && node.op !== 'Constant' && nestedGraphs(node).length === 0);
}

// ---- parameters ----

function parametersOf(node: Node, data: ReadonlySet<Value>): ConstValue[] {
  const found: ConstValue[] = [];
  const seen = new Set<Node>();
  const nested = new Set<Node>();
  const visit = (value: Value, slot: number, reader: Node): void => {
    if (data.has(value)) return;
    if (isConst(value)) {
      if (reader === node || nested.has(reader) ? isParameter(value, slot, reader) : isIngredient(value, slot, reader)) found.push(value);
      return;
    }
    const { producer } = value;
    if (!producer || seen.has(producer) || tellsSize(producer.op)) return;
    seen.add(producer);
    producer.inputs.forEach((input, at) => {
      if (input) visit(input, at, producer);
    });
  };
  const visitNode = (reader: Node): void => {
    reader.inputs.forEach((input, slot) => {
      if (input) visit(input, slot, reader);
    });
    for (const graph of nestedGraphs(reader)) {
      for (const inner of graph.nodes) {
        nested.add(inner);
        visitNode(inner);
      }
    }
  };
  visitNode(node);
  return found;
}

function isParameter(value: ConstValue, slot: number, reader: Node): boolean {
  const slots = weightSlots(reader);
  return slots ? slots.includes(slot) : isFloatType(value.constant.dtype) && elementCount(value.constant.shape) > 1;
}

/** True for a parameter of a node that computes a weight; there, the first operand counts as well. */
const isIngredient = (value: ConstValue, slot: number, reader: Node): boolean =>
  isParameter(value, slot, reader) || (slot === 0 && isFloatType(value.constant.dtype) && elementCount(value.constant.shape) > 1);

// ---- multiply-adds ----

function multiplyAdds(node: Node, batch: ReadonlyMap<string, number>): number | undefined {
  if (HARMLESS.has(node.domain)) return 0;
  return layerProducts(node, (shape) => product(shape, batch));
}

/** Domains whose operators multiply nothing, or are those of a graph that is being lowered. */
const HARMLESS: ReadonlySet<string> = new Set(['ai.onnx.ml', 'nhwc']);

function product(shape: readonly Dim[] | undefined, batch: ReadonlyMap<string, number>): number | undefined {
  let result: number | undefined = shape && 1;
  for (const dim of shape ?? []) {
    const size = evaluateDim(dim, batch);
    result = size !== undefined && result !== undefined ? result * size : undefined;
  }
  return result;
}

/** Symbolic batch sizes (first axis of the graph inputs), each counted as 1. */
function batchNames(graph: Graph): ReadonlyMap<string, number> {
  return new Map(graph.inputs.flatMap((input) => [...namesOf(input.type?.shape?.[0])].map((name) => [name, 1])));
}
