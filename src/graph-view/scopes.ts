/**
 * Module in the source program that a node belongs to: `features`, and within it `features.0`.
 *
 * TorchScript's exporter writes it into the name (`/features/features.0/Conv`), dynamo into metadata. A node created by a rewrite keeps the beginning of
 * its source's name. Otherwise the names of weights are used (`layer1.0.conv1.weight`), and a node without any hint belongs where both its neighbours do.
 */
import type { Graph } from '../ir/graph';
import type { Node } from '../ir/types';
import { nodeMetadata } from '../onnx/node-metadata';

/** Names from the outermost scope inwards; none for a node at the top. */
export type Scope = readonly string[];

export function scopesOf(graph: Graph): ReadonlyMap<Node, Scope> {
  const told = new Map<Node, Scope>();
  for (const node of graph.nodes) {
    const scope = toldScope(node);
    if (scope) told.set(node, scope);
  }
  const scopes = new Map<Node, Scope>();
  for (const node of graph.nodes) scopes.set(node, told.get(node) ?? between(node, scopes, told));
  return scopes;
}

function toldScope(node: Node): Scope | undefined {
  const scopes = pythonList(nodeMetadata(node).get('pkg.torch.onnx.name_scopes') ?? '');
  // The outermost is the model itself, the innermost the function that was called.
  if (scopes) return scopes.slice(0, -1).filter((name) => name !== '');
  for (const name of [node.name, ...node.origin])
    if (name.includes('/'))
      return name
        .split('/')
        .filter((part) => part !== '')
        .slice(0, -1);
  return weightScope(node);
}

/** `layer1.0.conv1.weight` -> layer1, layer1.0, layer1.0.conv1 */
function weightScope({ inputs }: Node): Scope | undefined {
  const dotted = inputs.find((input) => input?.constant && /^[A-Za-z_]\w*(\.\w+)+$/.test(input.name));
  const parts = dotted?.name.split('.').slice(0, -1);
  return parts?.map((_, at) => parts.slice(0, at + 1).join('.'));
}

/** The common part of the scopes of its inputs and of its readers. */
function between(node: Node, before: ReadonlyMap<Node, Scope>, told: ReadonlyMap<Node, Scope>): Scope {
  const producer = node.inputs.map((input) => input?.producer && before.get(input.producer)).find((scope) => scope !== undefined);
  const reader = node.outputs
    .flatMap((output) => output.uses)
    .map(({ user }) => told.get(user))
    .find((scope) => scope !== undefined);
  if (!producer || !reader) return producer ?? reader ?? [];
  const end = producer.findIndex((name, at) => reader[at] !== name);
  return end < 0 ? producer : producer.slice(0, end);
}

/** Parses `['', 'features', 'conv2d']`, a list as Python prints it. */
function pythonList(text: string): string[] | undefined {
  if (!/^\[.*\]$/s.test(text)) return undefined;
  return [...text.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map(([, single, double]) => single ?? double ?? '');
}
