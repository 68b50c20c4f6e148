/**
 * Compares two models node by node, matching nodes by origin: shows what a conversion did.
 *
 * The counterpart of a later node is the first of its origins with the same operator, or else its first origin (the root of what a rule matched). If several
 * nodes claim the same counterpart, the closest match keeps it and the others count as added. The remaining origins of a node count as merged into it.
 * Types of both graphs must be inferred at the same image size, so that shapes can be compared.
 *
 *   unchanged  same operator, attributes, weights and shapes, reading the counterparts of the same nodes
 *   moved      same operator, attributes and weights, but other shapes or other sources
 *   rewritten  has a counterpart, but differs in any other way
 *   added      has no counterpart
 *   removed    a node of the first model that is nobody's counterpart
 */

import type { Graph } from '../ir/graph';
import { attrDefault } from '../ir/operators';
import { samePayload } from '../ir/payload';
import type { ConstValue, Node, Value } from '../ir/types';
import { isConst } from '../ir/types';
import { attrText } from './attr-text';
import { dataValues } from './cost';
import { shapeText } from './layers';

export type DiffStatus = 'unchanged' | 'moved' | 'rewritten' | 'added' | 'removed';

export interface WeightChange {
  /** undefined if the weight did not exist before (`before`) or no longer exists (`after`). */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Types before and after, such as `float[120, 256]`. */
  readonly types: readonly [string | undefined, string | undefined];
  readonly bytes: 'same' | 'changed' | 'added' | 'removed';
}

export interface NodeDiff {
  readonly status: DiffStatus;
  readonly before: Node | undefined;
  readonly after: Node | undefined;
  /** Other nodes of the first model that were merged into `after`, besides its counterpart. */
  readonly merged: readonly Node[];
  /** For a removed node: the node that now represents it. */
  readonly into: Node | undefined;
  readonly attributes: readonly { readonly name: string; readonly before: string | undefined; readonly after: string | undefined }[];
  readonly weights: readonly WeightChange[];
  /** Shapes of the first output before and after, if they differ. */
  readonly shapes: readonly [string, string] | undefined;
  /** Sources it reads before and after, if they differ. */
  readonly sources: readonly [string, string] | undefined;
  /** For a removed node: true if it computed only on weights or shapes. */
  readonly isConstant: boolean;
}

export interface GraphDiff {
  /** Nodes in the order of the second graph; removed nodes at their position in the first. */
  readonly nodes: readonly NodeDiff[];
  readonly counts: Readonly<Record<DiffStatus, number>>;
  readonly weights: Readonly<Record<WeightChange['bytes'], number>>;
  /** Counterpart of a node of the first graph. */
  counterpart(before: Node): Node | undefined;
}

export function diffGraphs(before: Graph, after: Graph): GraphDiff {
  const match = new Matching(before, after);
  const data = dataValues(before);
  const compared = after.nodes.map((node) => compare(node, match));
  const gone = before.nodes.filter((node) => !match.after(node));
  const lost = gone.map(
    (node): NodeDiff => ({
      ...NOTHING,
      status: 'removed',
      before: node,
      into: match.into(node),
      isConstant: !node.outputs.some((output) => data.has(output)),
    }),
  );
  const nodes = woven(before, compared, lost);
  const counts: Record<DiffStatus, number> = { unchanged: 0, moved: 0, rewritten: 0, added: 0, removed: 0 };
  const weights: Record<WeightChange['bytes'], number> = { same: 0, changed: 0, added: 0, removed: 0 };
  for (const { status } of nodes) counts[status]++;
  for (const change of nodes.flatMap((node) => node.weights)) weights[change.bytes]++;
  return { nodes, counts, weights, counterpart: (node) => match.after(node) };
}

const NOTHING = {
  before: undefined,
  after: undefined,
  merged: [],
  into: undefined,
  attributes: [],
  weights: [],
  shapes: undefined,
  sources: undefined,
  isConstant: false,
} as const;

/** Inserts each removed node after the counterpart of the last preceding node that has one. */
function woven(before: Graph, compared: readonly NodeDiff[], lost: readonly NodeDiff[]): NodeDiff[] {
  const behind = new Map<Node | undefined, NodeDiff[]>();
  const removed = new Map(lost.map((diff) => [diff.before, diff]));
  let last: Node | undefined;
  for (const node of before.nodes) {
    const diff = removed.get(node);
    if (!diff) last = node;
    else if (behind.has(last)) behind.get(last)?.push(diff);
    else behind.set(last, [diff]);
  }
  return [...(behind.get(undefined) ?? []), ...compared.flatMap((diff) => [diff, ...(diff.before ? (behind.get(diff.before) ?? []) : [])])];
}

// ---- matching nodes ----

class Matching {
  private readonly forward = new Map<Node, Node>();
  private readonly back = new Map<Node, Node>();
  private readonly bySource = new Map<string, Node>();
  private readonly users = new Map<string, Node[]>();

  constructor(before: Graph, after: Graph) {
    // The nodes of an already converted model carry names of an earlier model first; their own names come second.
    for (const node of before.nodes)
      for (const name of [node.origin[0] ?? '', node.name]) if (!this.bySource.has(name)) this.bySource.set(name, node);
    const claims = new Map<Node, Node[]>();
    for (const node of after.nodes) {
      for (const name of node.origin) this.users.set(name, [...(this.users.get(name) ?? []), node]);
      const sources = node.origin.flatMap((name) => this.bySource.get(name) ?? []);
      const source = sources.find(({ op }) => op === node.op) ?? sources[0];
      if (source) claims.set(source, [...(claims.get(source) ?? []), node]);
    }
    for (const [source, nodes] of claims) {
      const nearest =
        nodes.find((node) => node.name === source.name && node.op === source.op) ??
        nodes.find(sharesOutput(source)) ??
        nodes.find(({ op }) => op === source.op) ??
        nodes[0];
      if (!nearest) continue;
      this.forward.set(source, nearest);
      this.back.set(nearest, source);
    }
  }

  after(node: Node): Node | undefined {
    return this.forward.get(node);
  }
  before(node: Node): Node | undefined {
    return this.back.get(node);
  }
  /** Other origins of the node that are nobody's counterpart. */
  mergedInto(node: Node): Node[] {
    const sources = new Set(node.origin.map((name) => this.bySource.get(name)));
    return [...sources].filter((source): source is Node => source !== undefined && !this.forward.has(source) && this.into(source) === node);
  }
  /** The first node that lists it as an origin: later ones inherited it from there. */
  into(node: Node): Node | undefined {
    return this.users.get(node.name)?.[0] ?? this.users.get(node.origin[0] ?? '')?.[0];
  }
}

const sharesOutput =
  (source: Node) =>
  (node: Node): boolean =>
    node.outputs.some(({ name }) => name !== '' && source.outputs.some((output) => output.name === name));

// ---- comparing one node ----

function compare(after: Node, match: Matching): NodeDiff {
  const before = match.before(after);
  if (!before) return { ...NOTHING, status: 'added', after, merged: match.mergedInto(after), weights: addedWeights(after) };
  const attributes = attributeChanges(before, after);
  const merged = match.mergedInto(after);
  const weights = weightChanges([before, ...merged], after);
  const [was, is] = [shapeText(before.outputs[0]?.type), shapeText(after.outputs[0]?.type)];
  const shapes = was === is ? undefined : ([was, is] as const);
  const sources = sourceChange(before, after, match);
  const same =
    before.op === after.op && attributes.length === 0 && weights.every(({ bytes, types }) => bytes === 'same' && types[0] === types[1]);
  const status = !same || merged.length > 0 ? 'rewritten' : shapes || sources ? 'moved' : 'unchanged';
  return { ...NOTHING, status, before, after, merged, attributes, weights, shapes, sources };
}

/** Changed attributes. Writing out a default is not a change. */
function attributeChanges(before: Node, after: Node): NodeDiff['attributes'] {
  const names = new Set([...before.attrs.keys(), ...after.attrs.keys()]);
  const text = (node: Node, name: string): string | undefined => {
    const attr = node.attrs.get(name) ?? attrDefault(node.op, name);
    return attr && attrText(attr);
  };
  return [...names]
    .map((name) => ({ name, before: text(before, name), after: text(after, name) }))
    .filter((change) => change.before !== change.after);
}

const weightsOf = (node: Node): readonly ConstValue[] => node.inputs.filter(isConst);
const weightType = ({ constant }: ConstValue): string => `${constant.dtype}[${constant.shape.join(', ')}]`;

const addedWeights = (node: Node): WeightChange[] =>
  weightsOf(node).map((weight) => ({ before: undefined, after: weight.name, types: [undefined, weightType(weight)], bytes: 'added' }));

/** Pairs weights by name, then by identical bytes, then by input slot. */
function weightChanges(before: readonly Node[], after: Node): WeightChange[] {
  const left = new Set(before.flatMap(weightsOf));
  const pairs = new Map<ConstValue, ConstValue>();
  const pair = (fits: (was: ConstValue, is: ConstValue) => boolean): void => {
    for (const is of weightsOf(after)) {
      const was = pairs.has(is) ? undefined : [...left].find((candidate) => fits(candidate, is));
      if (!was) continue;
      pairs.set(is, was);
      left.delete(was);
    }
  };
  const slot = (nodes: readonly Node[], weight: Value): number => nodes[0]?.inputs.indexOf(weight) ?? -1;
  pair((was, is) => was.name === is.name);
  pair((was, is) => samePayload(was.constant, is.constant));
  pair((was, is) => slot(before, was) === slot([after], is));
  return [
    ...weightsOf(after).map((is): WeightChange => {
      const was = pairs.get(is);
      if (!was) return { before: undefined, after: is.name, types: [undefined, weightType(is)], bytes: 'added' };
      return {
        before: was.name,
        after: is.name,
        types: [weightType(was), weightType(is)],
        bytes: samePayload(was.constant, is.constant) ? 'same' : 'changed',
      };
    }),
    ...[...left].map(
      (was): WeightChange => ({ before: was.name, after: undefined, types: [weightType(was), undefined], bytes: 'removed' }),
    ),
  ];
}

/** Producers of its inputs before and after, both named as in the second graph; undefined if they are the same. */
function sourceChange(before: Node, after: Node, match: Matching): NodeDiff['sources'] {
  const now = after.inputs.flatMap((input) => (input && !isConst(input) ? [input.producer?.name ?? input.name] : []));
  const then = before.inputs.flatMap((input) => (input && !isConst(input) ? [nameNow(input, match)] : []));
  return now.join(', ') === then.join(', ') ? undefined : [then.join(', '), now.join(', ')];
}

function nameNow({ producer, name }: Value, match: Matching): string {
  return producer ? (match.after(producer)?.name ?? producer.name) : name;
}
