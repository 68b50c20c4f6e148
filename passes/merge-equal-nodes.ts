/**
 * merge-equal-nodes: compute once what is computed twice.
 *
 *   Y = Op<a>(X), Z = Op<a>(X)   ->   Y for both
 *
 * Numbers: identical.
 * Left alone: random operators, nodes with nested graphs, a second node whose result is a graph output (its name is public).
 */
import { type Graph, nestedGraphs } from '../src/ir/graph';
import { elementCount, isNumeric, readNumbers } from '../src/ir/tensor';
import type { Attr, Node } from '../src/ir/types';
import { definePass } from '../src/rewrite/pass';

const RANDOM = /^(Random|Multinomial|Bernoulli|Dropout)/;

export const mergeEqualNodes = definePass({
  name: 'merge-equal-nodes',
  summary: 'compute once what is written twice',
  numbers: 'identical',
  run(graph, { remark }) {
    merge(graph, (node, kept) => remark({ kind: 'applied', rule: node.op, at: { node: kept.name, op: node.op }, origin: node.origin }));
  },
});

/** Nodes are in topological order: the inputs of a node have been merged before the node is compared. */
function merge(graph: Graph, applied: (node: Node, kept: Node) => void): void {
  const ids = new Map<object, number>();
  const idOf = (value: object): number => {
    const id = ids.get(value) ?? ids.size;
    ids.set(value, id);
    return id;
  };
  const seen = new Map<string, Node>();
  for (const node of graph.nodes) {
    const nested = nestedGraphs(node);
    for (const inner of nested) merge(inner, applied);
    if (nested.length > 0 || RANDOM.test(node.op)) continue;
    const attrs = [...node.attrs].map(attrText);
    if (attrs.some((text) => text === undefined)) continue;
    const inputs = node.inputs.map((input) => (input ? idOf(input) : '-'));
    // An omitted output cannot replace one that is read.
    const outputs = node.outputs.map(({ name }) => (name === '' ? '-' : '+'));
    const key = `${node.op}(${inputs.join()})[${outputs.join('')}]${attrs.sort().join(';')}`;
    const kept = seen.get(key);
    if (!kept || node.outputs.some((output) => graph.isOutput(output))) {
      if (!kept) seen.set(key, node);
      continue;
    }
    node.outputs.forEach((output, index) => {
      const same = kept.outputs[index];
      if (same) graph.replaceAllUses(output, same);
    });
    graph.addOrigin(kept, node.origin);
    graph.removeNode(node);
    applied(node, kept);
  }
}

/** The attribute as text; undefined if its text does not identify it. */
function attrText([name, attr]: readonly [string, Attr]): string | undefined {
  switch (attr.kind) {
    case 'tensor': {
      const { dtype, shape } = attr.value;
      if (!isNumeric(dtype) || elementCount(shape) > SMALL) return undefined;
      return `${name}=${dtype}[${shape}]{${[...readNumbers(attr.value)].join()}}`;
    }
    case 'tensors':
    case 'graph':
    case 'graphs':
    case 'opaque':
      return undefined;
    default:
      return `${name}=${attr.kind}:${[attr.value].flat().map(String).join()}`;
  }
}
/** Maximum number of elements of a tensor in an attribute (ConstantOfShape has one). */
const SMALL = 64;
