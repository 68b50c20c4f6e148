/** Sorts the nodes of a file topologically; an order that is already right is kept. Linear in the nodes and their inputs. */
import { badGraph, cyclicGraph } from '../diagnostics/catalogue';
import type { NodeProto } from './proto';

/** `scope`: names defined before the first node. Throws CompileError BAD_GRAPH, CYCLIC_GRAPH. */
export function inOrder(nodes: readonly NodeProto[], scope: ReadonlyMap<string, unknown>): readonly NodeProto[] {
  if (isInOrder(nodes, scope)) return nodes;
  const producers = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const output of node.output ?? []) if (output) producers.set(output, index);
  });
  const needs = nodes.map((node) =>
    [...reads(node)].flatMap((name) => {
      const producer = producers.get(name);
      if (producer !== undefined) return [producer];
      if (scope.has(name)) return [];
      throw badGraph(`${node.op_type} '${node.name || node.output?.[0]}' reads '${name}', which nothing makes`, {
        node: node.name ?? '',
        op: node.op_type ?? '',
        value: name,
      });
    }),
  );
  return depthFirst(nodes, needs);
}

/** Names that a node needs from outside, without duplicates. */
function reads(node: NodeProto): ReadonlySet<string> {
  const names = new Set((node.input ?? []).filter((input) => input !== ''));
  for (const attribute of node.attribute ?? []) {
    if (!attribute.g && !attribute.graphs?.length) continue;
    for (const graph of [...(attribute.g ? [attribute.g] : []), ...(attribute.graphs ?? [])]) {
      const own = new Set<string>([
        ...(graph.input ?? []).map(({ name }) => name ?? ''),
        ...(graph.initializer ?? []).map(({ name }) => name ?? ''),
        ...(graph.sparse_initializer ?? []).map(({ values }) => values?.name ?? ''),
        ...(graph.node ?? []).flatMap(({ output }) => output ?? []),
      ]);
      for (const inner of graph.node ?? []) for (const name of reads(inner)) if (!own.has(name)) names.add(name);
      for (const { name } of graph.output ?? []) if (name && !own.has(name)) names.add(name);
    }
  }
  return names;
}

/** Whether each node reads only names that are defined before it. */
function isInOrder(nodes: readonly NodeProto[], scope: ReadonlyMap<string, unknown>): boolean {
  const made = new Set<string>();
  for (const node of nodes) {
    for (const name of reads(node)) if (!made.has(name) && !scope.has(name)) return false;
    for (const output of node.output ?? []) made.add(output);
  }
  return true;
}

/** Iterative, in the file's order; throws when it reaches a node that is still being visited. `needs`: indices of the nodes that each reads from. */
function depthFirst(nodes: readonly NodeProto[], needs: readonly (readonly number[])[]): NodeProto[] {
  const done = new Set<number>();
  const waiting = new Set<number>();
  const result: NodeProto[] = [];
  for (const root of nodes.keys()) {
    if (done.has(root)) continue;
    const stack = [{ index: root, next: 0 }];
    waiting.add(root);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const need = needs[top.index]?.[top.next++];
      if (need === undefined) {
        const node = nodes[top.index];
        if (node) result.push(node);
        done.add(top.index);
        waiting.delete(top.index);
        stack.pop();
      } else if (waiting.has(need)) {
        const from = stack.findIndex(({ index }) => index === need);
        const cycle = [...stack.slice(from).map(({ index }) => index), need].reverse();
        throw cyclicGraph(cycle.map((at) => nodes[at]?.name || nodes[at]?.output?.[0] || String(at)));
      } else if (!done.has(need)) {
        stack.push({ index: need, next: 0 });
        waiting.add(need);
      }
    }
  }
  return result;
}
