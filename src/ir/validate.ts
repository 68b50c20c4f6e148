/** The invariants of the IR, each with a code. Checked between passes: a violation is our bug, caused by the preceding pass. Runs in linear time. */
import { InvariantError } from '../diagnostics/compile-error';
import { attributeViolations } from './conformance';
import { type Graph, nestedGraphs } from './graph';
import type { Model } from './model';
import { NEWEST_OPSET } from './operators';
import type { Node, Use, Value } from './types';

export interface Violation {
  readonly code:
    | 'UNDEFINED_INPUT'
    | 'WRONG_ORDER'
    | 'USE_MISSING'
    | 'USE_STALE'
    | 'DUPLICATE_VALUE_NAME'
    | 'DUPLICATE_NODE_NAME'
    | 'WRONG_PRODUCER'
    | 'UNDEFINED_OUTPUT'
    | 'EMPTY_ORIGIN'
    | 'UNKNOWN_ATTRIBUTE'
    | 'WRONG_ATTRIBUTE_KIND'
    | 'DUPLICATE_OUTPUT';
  readonly message: string;
}

/** All violations, in graph order. */
export function violations(model: Model): Violation[] {
  const checker = new Checker(knowsAttributes(model));
  checker.graph(model.graph, new Set());
  checker.staleUses();
  return checker.found;
}

/** Throws InvariantError with all violations, if there are any. */
export function validateModel(model: Model): void {
  const found = violations(model);
  if (found.length > 0) throw new InvariantError(found.map(({ code, message }) => `${code}: ${message}`).join('; '));
}

/** False for an opset newer than any known here: it may have unknown attributes. */
export const knowsAttributes = (model: Model): boolean => (model.opsets.get('') ?? 0) <= NEWEST_OPSET;

/** Readers of a value that are searched one by one. */
const FEW = 8;

function timesIn(uses: readonly Use[], user: Node, slot: number): number {
  let times = 0;
  for (const use of uses) if (use.user === user && use.slot === slot) times++;
  return times;
}

class Checker {
  readonly found: Violation[] = [];
  private readonly valueNames = new Set<string>();
  private readonly nodeNames = new Set<string>();
  private readonly values = new Set<Value>();
  private readonly nodes = new Set<Node>();
  private readonly uses = new Map<Value, Map<Node, Map<number, number>>>();

  constructor(private readonly knowsAttributes: boolean) {}

  graph(graph: Graph, outer: ReadonlySet<Value>): void {
    const defined = new Set<Value>(outer);
    const define = (value: Value): void => {
      if (value.name === '') return;
      if (this.valueNames.has(value.name) && !this.values.has(value))
        this.report('DUPLICATE_VALUE_NAME', `two values are named '${value.name}'`);
      this.valueNames.add(value.name);
      this.values.add(value);
      defined.add(value);
    };
    for (const value of graph.inputs) define(value);
    for (const value of graph.constants) define(value);
    const later = new Set<Value>(graph.nodes.flatMap((node) => node.outputs));
    for (const node of graph.nodes) {
      this.node(node, graph, defined, later);
      for (const nested of nestedGraphs(node)) this.graph(nested, defined);
      node.outputs.forEach((output) => {
        if (output.producer !== node)
          this.report('WRONG_PRODUCER', `'${output.name}' of '${node.name}' says that '${output.producer?.name}' makes it`);
        define(output);
      });
    }
    for (const output of graph.outputs)
      if (!defined.has(output)) this.report('UNDEFINED_OUTPUT', `output '${output.name}' of graph '${graph.name}' is made by nobody`);
    if (new Set(graph.outputs).size < graph.outputs.length)
      this.report('DUPLICATE_OUTPUT', `a value is two outputs of graph '${graph.name}'`);
  }

  private node(node: Node, graph: Graph, defined: ReadonlySet<Value>, later: ReadonlySet<Value>): void {
    this.nodes.add(node);
    if (this.nodeNames.has(node.name)) this.report('DUPLICATE_NODE_NAME', `two nodes are named '${node.name}'`);
    this.nodeNames.add(node.name);
    if (node.origin.length === 0) this.report('EMPTY_ORIGIN', `node '${node.name}' stands for nothing`);
    if (node.graph !== graph) this.report('WRONG_PRODUCER', `node '${node.name}' thinks that it is in graph '${node.graph.name}'`);
    node.inputs.forEach((input, slot) => {
      if (!input) return;
      if (!defined.has(input)) {
        if (later.has(input)) this.report('WRONG_ORDER', `node '${node.name}' reads '${input.name}' before it is made`);
        else this.report('UNDEFINED_INPUT', `node '${node.name}' reads '${input.name}', which nobody makes`);
      }
      const listed = this.listed(input, node, slot);
      if (listed !== 1) this.report('USE_MISSING', `'${input.name}' lists input ${slot} of '${node.name}' ${listed} times`);
    });
    if (this.knowsAttributes && node.attrs.size > 0) this.found.push(...attributeViolations(node));
  }

  /** Number of times the value lists this input as a use. A value may have many readers, so its list is walked only once. */
  private listed(value: Value, user: Node, slot: number): number {
    const { uses } = value;
    if (uses.length <= FEW) return timesIn(uses, user, slot);
    let counts = this.uses.get(value);
    if (!counts) {
      counts = new Map();
      for (const use of uses) {
        const slots = counts.get(use.user) ?? new Map<number, number>();
        slots.set(use.slot, (slots.get(use.slot) ?? 0) + 1);
        counts.set(use.user, slots);
      }
      this.uses.set(value, counts);
    }
    return counts.get(user)?.get(slot) ?? 0;
  }

  /** Reports uses by nodes that no longer exist. */
  staleUses(): void {
    for (const value of this.values) {
      for (const { user, slot } of value.uses) {
        if (!this.nodes.has(user) || user.inputs[slot] !== value)
          this.report('USE_STALE', `'${value.name}' thinks that '${user.name}' reads it`);
      }
    }
  }

  private report(code: Violation['code'], message: string): void {
    this.found.push({ code, message });
  }
}
