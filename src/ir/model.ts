/** Model: a main graph and the metadata that ONNX attaches to it. */
import { Graph, nestedGraphs } from './graph';
import { tiedIn } from './tied';
import type { Attr, Node, Value } from './types';

export interface ModelInit {
  readonly graph: Graph;
  readonly irVersion?: number | undefined;
  /** Domain to version; '' is ONNX's own. In normal form after reading: see src/onnx/opset. */
  readonly opsets?: ReadonlyMap<string, number> | undefined;
  readonly metadata?: ReadonlyMap<string, string> | undefined;
  readonly producer?: { readonly name: string; readonly version: string } | undefined;
  readonly extras?: unknown;
  readonly upgradedFrom?: number | undefined;
  readonly limits?: number | undefined;
  readonly mended?: boolean | undefined;
}

export class Model {
  readonly graph: Graph;
  irVersion: number;
  /**
   * Versions that the written file declares. Nodes of the domain '' are always in normal form (the newest spelling we know);
   * the writer converts them to this version, and raises it if a node cannot be expressed in it.
   */
  readonly opsets: Map<string, number>;
  /** metadata_props of the model. */
  readonly metadata: Map<string, string>;
  producer: { readonly name: string; readonly version: string };
  /** Opaque data of the file format about the model. */
  extras: unknown;
  /** The opset of ONNX's own domain that the file declared, if it is too old to be written or run. */
  upgradedFrom: number | undefined;
  /** Factor on the limits for how far the model may expand: see limits.ts. */
  readonly limits: number;
  /**
   * True if the file contains something that no runtime accepts and was read as intended: the file itself cannot be run, but the model can be written
   * correctly.
   */
  readonly mended: boolean;

  constructor(init: ModelInit) {
    this.graph = init.graph;
    this.irVersion = init.irVersion ?? 10;
    this.opsets = new Map(init.opsets ?? [['', 21]]);
    this.metadata = new Map(init.metadata ?? []);
    const tied = tiedIn(this.metadata);
    if (tied) this.graph.tie(tied);
    this.producer = init.producer ?? { name: '', version: '' };
    this.extras = init.extras;
    this.upgradedFrom = init.upgradedFrom;
    this.limits = init.limits ?? 1;
    this.mended = init.mended ?? false;
  }

  /** A copy whose graph can be edited independently; payloads and extras are shared. */
  clone(): Model {
    return new Model({
      graph: cloneGraph(this.graph, undefined, new Map()),
      irVersion: this.irVersion,
      opsets: this.opsets,
      metadata: this.metadata,
      producer: this.producer,
      extras: this.extras,
      upgradedFrom: this.upgradedFrom,
      limits: this.limits,
      mended: this.mended,
    });
  }
}

/** Copies a graph. `values` maps outer values to their copies and receives the inner ones. Names and origins are kept. */
export function cloneGraph(source: Graph, parent: Graph | undefined, values: Map<Value, Value>, nodes = new Map<Node, Node>()): Graph {
  const graph = new Graph(source.name, parent);
  graph.extras = source.extras;
  if (!parent && source.tied.size > 0) graph.tie(source.tied);
  for (const input of source.inputs) values.set(input, graph.addInput(input.name, input.type, input.extras));
  for (const constant of source.constants) values.set(constant, graph.addConstant(constant.name, constant.constant, constant.extras));
  for (const node of source.nodes) {
    const copy = graph.addNode({
      op: node.opType,
      domain: node.domain,
      inputs: node.inputs.map((value) => value && (values.get(value) ?? value)),
      attrs: copiedAttrs(node, graph, values, nodes),
      outputs: node.outputs.map((output) => output.name),
      outputTypes: node.outputs.map((output) => output.type),
      name: node.name,
      origin: node.origin,
      extras: node.extras,
    });
    nodes.set(node, copy);
    node.outputs.forEach((output, index) => {
      const value = copy.outputs[index];
      if (!value) return;
      graph.setExtras(value, output.extras);
      values.set(output, value);
    });
  }
  graph.setOutputs(source.outputs.map((output) => values.get(output) ?? output));
  return graph;
}

/** The attributes of a node for a copy of it in `graph`, with copies of its nested graphs. `values`: as in `cloneGraph`. */
export function copiedAttrs(node: Node, graph: Graph, values: Map<Value, Value>, nodes = new Map<Node, Node>()): Node['attrs'] {
  if (nestedGraphs(node).length === 0) return node.attrs;
  const copyOf = (nested: Graph): Graph => cloneGraph(nested, graph, values, nodes);
  return new Map(
    [...node.attrs].map(([name, attr]): [string, Attr] => {
      if (attr.kind === 'graph') return [name, { ...attr, value: copyOf(attr.value) }];
      return [name, attr.kind === 'graphs' ? { ...attr, value: attr.value.map(copyOf) } : attr];
    }),
  );
}
