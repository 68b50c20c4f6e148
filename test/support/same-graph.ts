/**
 * Whether two graphs are the same but for the names of inner values and the spelling of defaults.
 * Names of inputs, outputs and of constants that `kept` names must agree; all others must correspond one to one.
 */
import { type Graph, nestedGraphs } from '../../src/ir/graph';
import { attrDefault } from '../../src/ir/operators';
import type { Attr, Node, Value } from '../../src/ir/types';
import { printNode } from '../../src/onnx/text/printer';

/** undefined: they are the same. Else what is not, for a sentence. */
export function difference(actual: Graph, expected: Graph, kept: ReadonlySet<string>): string | undefined {
  const [a, b] = [actual, expected].map((graph) => [...graph.inputs, ...graph.outputs].map((value) => value.name).join(', '));
  return a === b ? new Comparison(kept).graphs(actual, expected) : `inputs and outputs ${b} expected, ${a} found`;
}

class Comparison {
  private readonly there = new Map<Value, Value>();
  private readonly back = new Map<Value, Value>();

  constructor(private readonly kept: ReadonlySet<string>) {}

  graphs(actual: Graph, expected: Graph): string | undefined {
    const count = Math.min(actual.nodes.length, expected.nodes.length);
    for (let index = 0; index < count; index++) {
      const [a, b] = [actual.nodes[index], expected.nodes[index]];
      const problem = a && b && this.nodes(a, b);
      if (a && b && problem) return `node ${index}: ${problem}\n  expected  ${printNode(b)}\n  actual    ${printNode(a)}`;
    }
    if (actual.nodes.length !== expected.nodes.length) return `${expected.nodes.length} nodes expected, ${actual.nodes.length} found`;
    return this.lists('output of the graph', actual.outputs, expected.outputs);
  }

  private nodes(actual: Node, expected: Node): string | undefined {
    if (actual.op !== expected.op) return `${expected.op} expected, ${actual.op} found`;
    const inputs = this.lists('input', actual.inputs, expected.inputs);
    if (inputs) return inputs;
    const names = new Set([...actual.attrs.keys(), ...expected.attrs.keys()]);
    for (const name of names) {
      const [a, b] = [actual, expected].map((node) => attrText(node.attrs.get(name) ?? attrDefault(node.op, name)));
      if (a !== b) return `attribute ${name} = ${b} expected, ${a} found`;
    }
    const [a, b] = [nestedGraphs(actual), nestedGraphs(expected)];
    for (const [index, graph] of a.entries()) {
      const other = b[index];
      const problem = other && this.graphs(graph, other);
      if (problem) return problem;
    }
    return this.lists('output', actual.outputs, expected.outputs);
  }

  private lists(what: string, actual: readonly (Value | undefined)[], expected: readonly (Value | undefined)[]): string | undefined {
    if (actual.length !== expected.length) return `${expected.length} ${what}s expected, ${actual.length} found`;
    for (const [slot, value] of actual.entries()) {
      const other = expected[slot];
      if ((value && value.name !== '') !== (other && other.name !== '')) return `${what} ${slot} is left out in one`;
      if (value && other && value.name !== '' && !this.values(value, other))
        return `${what} ${slot}: '${other.name}' expected, '${value.name}' found`;
    }
    return undefined;
  }

  private values(actual: Value, expected: Value): boolean {
    const known = this.there.get(actual);
    if (known !== undefined || this.back.has(expected)) return known === expected;
    if ((isPublic(actual) || this.kept.has(actual.name) || this.kept.has(expected.name)) && actual.name !== expected.name) return false;
    this.there.set(actual, expected);
    this.back.set(expected, actual);
    return true;
  }
}

const isPublic = (value: Value): boolean => value.constant === undefined && value.producer === undefined;

const attrText = (attr: Attr | undefined): string => {
  if (!attr) return '(none)';
  if (attr.kind === 'graph' || attr.kind === 'graphs') return attr.kind;
  return JSON.stringify({ kind: attr.kind, value: attr.value }, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part));
};
