/**
 * A graph as a list of layers in PyTorch's notation, as a user would print the module that was exported.
 *
 * A layer is one node, or several that correspond to one PyTorch module: Flatten + Gemm and MatMul + Add are Linear(in -> out), x * Sigmoid(x) is SiLU().
 * Nodes that compute only on weights or on shapes are not layers; only their number is reported. Types must be inferred.
 */

import type { Graph } from '../ir/graph';
import { isNode } from '../ir/match';
import { table } from '../ir/table';
import type { Node, TensorType, Value } from '../ir/types';
import { rankOf } from '../ir/types';
import { viewedBy } from '../ir/views';
import { asProduct } from '../operators/layers';
import { type Notation, torch } from '../operators/notation';
import { carriesData, costs, dataValues, type NodeCost, total } from './cost';
import { linear, notationOf, spell } from './notation';

export interface Layer {
  /** Position in the list, from 0. */
  readonly index: number;
  /** Name of the node that determines the layer's kind. */
  readonly name: string;
  /** `Conv2d`, `Linear`, or an ONNX name. */
  readonly kind: string;
  /** `Linear(9216 -> 4096)`. */
  readonly notation: string;
  /** The nodes that make up the layer, in order. */
  readonly nodes: readonly Node[];
  /** Data sources: the index of a layer or the name of a graph input. */
  readonly reads: readonly (number | string)[];
  /** Outputs, without the omitted ones. */
  readonly outputs: readonly Value[];
  readonly parameters: number;
  /** undefined if unknown; see cost.ts. */
  readonly multiplyAdds: number | undefined;
}

export interface KindTotal {
  readonly kind: string;
  readonly layers: number;
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** False if `multiplyAdds` is only a lower bound. */
  readonly complete: boolean;
}

export interface LayerList {
  readonly layers: readonly Layer[];
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** False if `multiplyAdds` is only a lower bound, because the count of some layers is unknown. */
  readonly complete: boolean;
  /** Totals per kind, in order of first appearance. */
  readonly kinds: readonly KindTotal[];
  /** Number of nodes outside any layer, because they compute only on weights or on shapes. */
  readonly unlisted: number;
}

export function listLayers(graph: Graph): LayerList {
  const cost = costs(graph);
  const groups = groupNodes(graph);
  const layerOf = new Map<Node, number>();
  groups.forEach((group, index) => {
    for (const node of group.nodes) layerOf.set(node, index);
  });
  const data = dataValues(graph);
  const layers = groups.map((group, index): Layer => {
    const { parameters, multiplyAdds } = sum(group.nodes.map((node) => cost.get(node)));
    return {
      index,
      name: group.main.name,
      kind: group.notation.kind,
      notation: spell(group.notation),
      nodes: group.nodes,
      reads: sourcesOf(group.nodes, data, layerOf, index),
      outputs: group.nodes[group.nodes.length - 1]?.outputs.filter((output) => output.name !== '') ?? [],
      parameters,
      multiplyAdds,
    };
  });
  return { layers, ...total(layers), kinds: perKind(layers), unlisted: graph.nodes.filter((node) => !layerOf.has(node)).length };
}

/** Shape and type of a value as text: `[N, 64, 55, 55]`, with the element type if it is not float. */
export function shapeText(type: TensorType | undefined): string {
  if (!type) return '?';
  const prefix = type.dtype === 'float' ? '' : type.dtype;
  return `${prefix}[${type.shape ? type.shape.map((dim) => dim ?? '?').join(', ') : '...'}]`;
}

function perKind(layers: readonly Layer[]): KindTotal[] {
  const byKind = new Map<string, Layer[]>();
  for (const layer of layers) {
    const members = byKind.get(layer.kind);
    if (members) members.push(layer);
    else byKind.set(layer.kind, [layer]);
  }
  return [...byKind].map(([kind, members]) => ({ kind, layers: members.length, ...total(members) }));
}

function sum(parts: readonly (NodeCost | undefined)[]): NodeCost {
  const known = parts.filter((part): part is NodeCost => part !== undefined);
  const { parameters, multiplyAdds, complete } = total(known);
  return { parameters, multiplyAdds: complete ? multiplyAdds : undefined };
}

function sourcesOf(
  nodes: readonly Node[],
  data: ReadonlySet<Value>,
  layerOf: ReadonlyMap<Node, number>,
  self: number,
): (number | string)[] {
  const sources = new Set<number | string>();
  for (const node of nodes) {
    for (const value of node.inputs) {
      if (!value || !data.has(value)) continue;
      const source = value.producer ? layerOf.get(value.producer) : value.name;
      if (source !== undefined && source !== self) sources.add(source);
    }
  }
  return [...sources];
}

// ---- grouping nodes into layers ----

interface Group {
  readonly main: Node;
  /** In topological order; the last one produces the layer's output. */
  readonly nodes: readonly Node[];
  readonly notation: Notation;
}

function groupNodes(graph: Graph): Group[] {
  const data = dataValues(graph);
  const live = graph.nodes.filter((node) => carriesData(node, data));
  const taken = new Map<Node, Group>();
  for (const node of live) {
    const group = linearGroup(node, data) ?? gateGroup(node);
    if (group?.nodes.every((member) => !taken.has(member))) for (const member of group.nodes) taken.set(member, group);
  }
  const groups: Group[] = [];
  for (const node of live) {
    const group = taken.get(node) ?? { main: node, nodes: [node], notation: notationOf(node) };
    // A layer takes the position of its last node, so that it comes after everything it reads.
    if (group.nodes[group.nodes.length - 1] === node) groups.push(group);
  }
  return groups;
}

/** Gemm, MatMul or MatMul + Add with a weight on the right, including preceding views that only flatten. */
function linearGroup(node: Node, data: ReadonlySet<Value>): Group | undefined {
  const product = asProduct(node);
  if (!product?.isPlain) return undefined;
  const [x, weight] = node.inputs;
  if (!x || !weight || !data.has(x) || data.has(weight) || rankOf(weight) !== 2) return undefined;
  const bias = product.isGemm ? undefined : biasAfter(node, data);
  const shape = weight.type?.shape;
  return {
    main: node,
    nodes: [...flatteningBefore(x, node), node, ...(bias ? [bias] : [])],
    notation: linear(shape?.[product.transB ? 1 : 0], shape?.[product.transB ? 0 : 1], bias !== undefined || product.addend !== undefined),
  };
}

function biasAfter(matmul: Node, data: ReadonlySet<Value>): Node | undefined {
  const [product] = matmul.outputs;
  const reader = product && onlyReader(product);
  if (!isNode(reader, 'Add')) return undefined;
  const other = reader.inputs.find((input) => input !== product);
  return other && !data.has(other) && rankOf(other) === 1 ? reader : undefined;
}

/** Flatten, Reshape and Squeeze nodes whose result only this node reads; PyTorch's modules do not show them. */
function flatteningBefore(x: Value, reader: Node): Node[] {
  const chain: Node[] = [];
  let at: Value | undefined = x;
  let user = reader;
  while (at?.producer && !isNode(at.producer, 'Identity') && onlyReader(at) === user) {
    user = at.producer;
    const from: Value | undefined = viewedBy(user);
    if (!from || rankOf(from) === undefined) break;
    chain.unshift(user);
    at = from;
  }
  return chain;
}

/** x * Sigmoid(x) and x * Hardsigmoid(x). */
function gateGroup(node: Node): Group | undefined {
  const gated = GATED[notationOf(node).kind];
  const [x] = node.inputs;
  const [gate] = node.outputs;
  const reader = gate && onlyReader(gate);
  if (!gated || !x || !isNode(reader, 'Mul') || !reader.inputs.includes(x) || !reader.inputs.includes(gate)) return undefined;
  return { main: node, nodes: [node, reader], notation: torch(gated) };
}
const GATED: Readonly<Record<string, string>> = table({ Sigmoid: 'SiLU', Hardsigmoid: 'Hardswish' });

/** The only reader of the value; undefined if there are several. */
function onlyReader(value: Value): Node | undefined {
  const [use, ...others] = value.uses;
  return use && others.length === 0 && use.user.graph.isPrivateTo(value, use.user) ? use.user : undefined;
}
