/**
 * Graph: the only class that edits a graph. Uses, producers, names and order stay consistent because nothing else can change them.
 *
 * Invariants (checked by validate.ts):
 * - every input of a node is a graph input, a constant, an earlier node's output, or a value of an enclosing graph;
 * - `uses` lists each (node, slot) that reads a value exactly once;
 * - value names are unique across all nested graphs, and so are node names;
 * - every node has an origin: `origin` is never empty.
 */
import { cyclicGraph } from '../diagnostics/catalogue';
import { assertInvariant } from '../diagnostics/compile-error';
import type { Letter } from './spatial';
import type { Attr, ConstValue, Node, Tensor, TensorType, Use, Value } from './types';

class MutableValue implements Value {
  readonly uses: Use[] = [];
  constructor(
    public name: string,
    public type: TensorType | undefined,
    public producer: Node | undefined,
    public constant: Tensor | undefined,
    public extras: unknown,
    public owner: Graph,
  ) {}
}

class MutableNode implements Node {
  prev: MutableNode | undefined;
  next: MutableNode | undefined;
  alive = true;
  readonly outputs: MutableValue[] = [];
  /** Cached, since every walk asks for it at every node. */
  nested: readonly Graph[];
  /** Only of a node that took over the origin of others. */
  private origins: Set<string> | undefined;
  private originList: readonly string[] | undefined;
  constructor(
    public name: string,
    public domain: string,
    public opType: string,
    readonly inputs: (MutableValue | undefined)[],
    public attrs: ReadonlyMap<string, Attr>,
    origin: readonly string[],
    readonly extras: unknown,
    readonly graph: Graph,
  ) {
    this.nested = graphsIn(attrs);
    this.originList = origin.length < 2 ? origin : [...new Set(origin)];
  }
  get origin(): readonly string[] {
    this.originList ??= [...(this.origins ?? [])];
    return this.originList;
  }
  /** Efficient for a node that accumulates thousands of origins one by one. */
  addOrigin(names: readonly string[]): void {
    this.origins ??= new Set(this.originList);
    for (const name of names) this.origins.add(name);
    this.originList = undefined;
  }
  get op(): string {
    return this.domain === '' ? this.opType : `${this.domain}.${this.opType}`;
  }
}

export interface NodeSpec {
  /** `Conv`, or `domain.Op`; if `domain` is given, the bare operator. */
  readonly op: string;
  readonly domain?: string | undefined;
  readonly inputs: readonly (Value | undefined)[];
  /** Stored as given; must not be changed afterwards. */
  readonly attrs?: ReadonlyMap<string, Attr> | undefined;
  /** One name per output; a suffix resolves clashes. '' omits an optional output. Default: one output named after the node. */
  readonly outputs?: readonly string[] | undefined;
  readonly outputTypes?: readonly (TensorType | undefined)[] | undefined;
  readonly name?: string | undefined;
  /** Default: the node's own name. */
  readonly origin?: readonly string[] | undefined;
  readonly extras?: unknown;
  /** Inserts before this node; default: at the end. */
  readonly before?: Node | undefined;
}

/** Names of one model, shared by a graph and its nested graphs. */
class Names {
  readonly values = new Set<string>();
  readonly nodes = new Set<string>();
  private readonly next = new Map<string, number>();

  /** Returns `wanted` if it is free, otherwise with the first free suffix. */
  mint(taken: Set<string>, wanted: string): string {
    let name = wanted;
    for (let n = this.next.get(wanted) ?? 1; taken.has(name); n++) {
      name = `${wanted}_${n}`;
      this.next.set(wanted, n + 1);
    }
    taken.add(name);
    return name;
  }
}

/** Changes made by `Graph.respell`; absent entries stay as they are. */
export interface Respelling {
  readonly domain?: string | undefined;
  readonly opType?: string | undefined;
  readonly inputs?: readonly (Value | undefined)[] | undefined;
  readonly attrs?: ReadonlyMap<string, Attr> | undefined;
  /** Number of outputs. Removed outputs must have no readers; added ones get fresh names. */
  readonly outputs?: number | undefined;
}

export class Graph {
  readonly parent: Graph | undefined;
  /** Opaque data of the file format about the graph itself. */
  extras: unknown;
  private readonly names: Names;
  private first: MutableNode | undefined;
  private last: MutableNode | undefined;
  private snapshot: readonly Node[] | undefined;
  private count = 0;
  private editCount = 0;
  private readonly inputList: MutableValue[] = [];
  private outputList: MutableValue[] = [];
  private outputSet = new Set<Value>();
  private readonly constantSet = new Set<MutableValue>();
  private tiedLetters: ReadonlySet<Letter> = new Set();

  constructor(
    readonly name: string,
    parent?: Graph,
  ) {
    this.parent = parent;
    this.names = parent ? parent.names : new Names();
  }

  get inputs(): readonly Value[] {
    return this.inputList;
  }
  get outputs(): readonly Value[] {
    return this.outputList;
  }
  /** Nodes in topological order. The array is a snapshot: safe to walk while editing. */
  get nodes(): readonly Node[] {
    if (!this.snapshot) {
      const nodes: Node[] = [];
      for (let node = this.first; node; node = node.next) nodes.push(node);
      this.snapshot = nodes;
    }
    return this.snapshot;
  }
  get nodeCount(): number {
    return this.count;
  }
  /** Constants of this graph in order of creation, including those without uses. */
  get constants(): readonly ConstValue[] {
    return [...this.constantSet].filter((value): value is MutableValue & ConstValue => value.constant !== undefined);
  }
  /** Number of edits of the root graph, including nested graphs: shows whether a pass actually changed anything. */
  get edits(): number {
    return this.root.editCount;
  }
  /** The main graph that contains this one, or this graph itself. */
  get root(): Graph {
    return this.parent ? this.parent.root : this;
  }
  /** Spatial axes of the images along which nothing slides: their lengths are fixed. All others are assumed to slide. */
  get tied(): ReadonlySet<Letter> {
    return this.root.tiedLetters;
  }
  /** Declares which spatial axes do not slide. */
  tie(letters: Iterable<Letter>): void {
    this.root.tiedLetters = new Set(letters);
    this.touch();
  }
  private touch(): void {
    this.snapshot = undefined;
    this.root.editCount++;
  }

  has(node: Node): boolean {
    return node.graph === this && asNode(node).alive;
  }
  isOutput(value: Value): boolean {
    return this.outputSet.has(value);
  }
  /** True if only `user` reads the value (any number of times), and it is not a graph output. */
  isPrivateTo(value: Value, user: Node): boolean {
    return value.uses.every((use) => use.user === user) && !ownerOf(value).isOutput(value);
  }
  /** The graph that contains the value. */
  static ownerOf(value: Value): Graph {
    return ownerOf(value);
  }

  addInput(name: string, type: TensorType | undefined, extras?: unknown): Value {
    const value = this.newValue(name, type, undefined, undefined, extras);
    this.inputList.push(value);
    this.touch();
    return value;
  }

  addConstant(name: string, tensor: Tensor, extras?: unknown): ConstValue {
    const value = this.newValue(name, { dtype: tensor.dtype, shape: tensor.shape }, undefined, tensor, extras);
    this.constantSet.add(value);
    this.touch();
    assertConst(value);
    return value;
  }

  addNode(spec: NodeSpec): Node {
    const cut = spec.domain === undefined ? spec.op.lastIndexOf('.') : -1;
    const domain = spec.domain ?? (cut < 0 ? '' : spec.op.slice(0, cut));
    const opType = cut < 0 ? spec.op : spec.op.slice(cut + 1);
    const name = this.names.mint(this.names.nodes, spec.name || spec.outputs?.find((output) => output !== '') || opType);
    const inputs = [...spec.inputs];
    while (inputs.length > 0 && inputs[inputs.length - 1] === undefined) inputs.pop();
    const node = new MutableNode(
      name,
      domain,
      opType,
      inputs.map(asOptionalValue),
      spec.attrs ?? NO_ATTRS,
      spec.origin?.length ? spec.origin : [name],
      spec.extras,
      this,
    );
    node.inputs.forEach((value, slot) => {
      if (value) this.nameWhatIsRead(value);
      value?.uses.push({ user: node, slot });
    });
    (spec.outputs ?? [name]).forEach((output, index) => {
      const value =
        output === ''
          ? new MutableValue('', undefined, undefined, undefined, undefined, this)
          : this.newValue(output, undefined, undefined, undefined, undefined);
      value.type = spec.outputTypes?.[index];
      value.producer = node;
      node.outputs.push(value);
    });
    this.link(node, spec.before);
    this.touch();
    return node;
  }

  /**
   * Sets the graph outputs. A value of an enclosing graph is passed through an Identity: outputs are not uses, so nothing would show that the value is needed.
   * (ONNX Runtime requires the same of nested graphs.)
   */
  setOutputs(values: readonly Value[]): void {
    const outputs = values.map((value) => (this.isOuter(value) ? this.handedOut(value) : asValue(value)));
    if (outputs.length === this.outputList.length && outputs.every((output, at) => output === this.outputList[at])) return;
    for (const output of outputs) this.nameWhatIsRead(output);
    this.outputList = outputs;
    this.outputSet = new Set(outputs);
    this.touch();
  }
  /** Names an omitted output ('') once something reads it. */
  private nameWhatIsRead(value: MutableValue): void {
    if (value.name === '') value.name = this.names.mint(this.names.values, `${value.producer?.name ?? 'value'}_output`);
  }
  private isOuter(value: Value): boolean {
    for (let graph = this.parent; graph; graph = graph.parent) if (ownerOf(value) === graph) return true;
    return false;
  }
  private handedOut(value: Value): MutableValue {
    const { outputs } = this.addNode({
      op: 'Identity',
      inputs: [value],
      outputs: [`${value.name}_handed_out`],
      outputTypes: [value.type],
    });
    const [output] = outputs;
    assertInvariant(output, () => 'an Identity has an output');
    return asValue(output);
  }
  /** Removes a graph input, which must have no readers. */
  removeInput(value: Value): void {
    assertInvariant(value.uses.length === 0 && !this.isOutput(value), () => `input '${value.name}' is still read`);
    const index = this.inputList.indexOf(asValue(value));
    assertInvariant(index >= 0, () => `'${value.name}' is not an input of graph '${this.name}'`);
    this.inputList.splice(index, 1);
    this.names.values.delete(value.name);
    this.touch();
  }
  /** Removes a constant, which must have no readers. */
  removeConstant(value: ConstValue): void {
    const mutable = asValue(value);
    assertInvariant(value.uses.length === 0 && !this.isOutput(value), () => `constant '${value.name}' is still read`);
    assertInvariant(this.constantSet.delete(mutable), () => `'${value.name}' is not a constant of graph '${this.name}'`);
    this.names.values.delete(value.name);
    this.touch();
  }
  /** Removes a node, none of whose outputs may have readers or be public. */
  removeNode(node: Node): void {
    const mutable = asNode(node);
    assertInvariant(this.has(node), () => `node '${node.name}' is not in graph '${this.name}'`);
    for (const output of mutable.outputs) {
      assertInvariant(output.uses.length === 0 && !this.isOutput(output), () => `'${output.name}' of node '${node.name}' is still read`);
    }
    mutable.inputs.forEach((value, slot) => {
      if (value) dropUse(value, node, slot);
    });
    for (const nested of nestedGraphs(node)) nested.releaseCaptures();
    for (const output of mutable.outputs) this.names.values.delete(output.name);
    this.names.nodes.delete(node.name);
    this.unlink(mutable);
    mutable.alive = false;
    this.touch();
  }
  /** Removes the uses of outer values by the nodes of a graph that is about to be removed. */
  private releaseCaptures(): void {
    for (let node = this.first; node; node = node.next) {
      node.inputs.forEach((value, slot) => {
        if (value && node) dropUse(value, node, slot);
      });
      for (const nested of nestedGraphs(node)) nested.releaseCaptures();
    }
  }

  replaceInput(node: Node, slot: number, value: Value | undefined): void {
    const mutable = asNode(node);
    const old = mutable.inputs[slot];
    if (old === value) return;
    if (old) dropUse(old, node, slot);
    while (mutable.inputs.length <= slot) mutable.inputs.push(undefined);
    if (value) this.nameWhatIsRead(asValue(value));
    mutable.inputs[slot] = asOptionalValue(value);
    asOptionalValue(value)?.uses.push({ user: node, slot });
    while (mutable.inputs.length > 0 && mutable.inputs[mutable.inputs.length - 1] === undefined) mutable.inputs.pop();
    this.touch();
  }

  /**
   * Whether `replaceAllUses` is possible: a public output keeps its name, so its replacement must be a node's output in the same graph that is not itself
   * public.
   */
  canReplace(old: Value, replacement: Value): boolean {
    const owner = ownerOf(old);
    return !owner.isOutput(old) || (replacement.producer !== undefined && ownerOf(replacement) === owner && !owner.isOutput(replacement));
  }

  /** Redirects every reader of `old`, including graph outputs, to `replacement`. A public name moves along. */
  replaceAllUses(old: Value, replacement: Value): void {
    if (old === replacement) return;
    assertInvariant(this.canReplace(old, replacement), () => `output '${old.name}' cannot be replaced by '${replacement.name}'`);
    const from = asValue(old);
    const to = asValue(replacement);
    if (from.uses.length > 0) this.nameWhatIsRead(to);
    for (const use of from.uses.splice(0)) {
      asNode(use.user).inputs[use.slot] = to;
      to.uses.push(use);
    }
    const owner = ownerOf(old);
    if (owner.isOutput(old)) {
      owner.outputList = owner.outputList.map((output) => (output === from ? to : output));
      owner.outputSet.delete(from);
      owner.outputSet.add(to);
      const name = from.name;
      from.name = this.names.mint(this.names.values, `${name}_replaced`);
      this.names.values.delete(to.name);
      to.name = name;
      to.extras = from.extras;
    }
    this.touch();
  }

  /** Renames a value; a suffix resolves clashes. */
  rename(value: Value, name: string): void {
    const mutable = asValue(value);
    if (mutable.name === name) return;
    this.names.values.delete(mutable.name);
    mutable.name = this.names.mint(this.names.values, name);
    this.touch();
  }
  setType(value: Value, type: TensorType | undefined): void {
    if (sameType(value.type, type)) return;
    asValue(value).type = type;
    this.touch();
  }
  setExtras(value: Value, extras: unknown): void {
    asValue(value).extras = extras;
  }
  /**
   * Rewrites a node in the spelling of another operator set: its name, position, origin, outputs and readers stay.
   * For src/onnx/opset only; a rewrite creates a new node.
   */
  respell(node: Node, spelling: Respelling): void {
    const mutable = asNode(node);
    assertInvariant(this.has(node), () => `node '${node.name}' is not in graph '${this.name}'`);
    mutable.domain = spelling.domain ?? mutable.domain;
    mutable.opType = spelling.opType ?? mutable.opType;
    const { inputs, attrs, outputs } = spelling;
    if (inputs) {
      for (let slot = Math.max(inputs.length, mutable.inputs.length) - 1; slot >= 0; slot--) this.replaceInput(node, slot, inputs[slot]);
    }
    // A new attribute map, since results cached for the node refer to the old one.
    if (attrs) {
      mutable.attrs = attrs;
      mutable.nested = graphsIn(attrs);
    }
    for (const output of outputs === undefined ? [] : mutable.outputs.splice(outputs)) {
      assertInvariant(output.uses.length === 0 && !this.isOutput(output), () => `'${output.name}' of node '${node.name}' is still read`);
      this.names.values.delete(output.name);
    }
    while (mutable.outputs.length < (outputs ?? 0)) {
      mutable.outputs.push(this.newValue(`${node.name}_output_${mutable.outputs.length}`, undefined, node, undefined, undefined));
    }
    this.touch();
  }
  /** Adds origins to a node. */
  addOrigin(node: Node, origin: readonly string[]): void {
    asNode(node).addOrigin(origin);
  }

  /**
   * Sorts the nodes topologically, keeping the present order where it is already valid (Kahn's algorithm, iterative).
   * Throws CompileError CYCLIC_GRAPH with the names along the cycle.
   */
  sort(): void {
    const nodes = this.nodes.map(asNode);
    const position = new Map(nodes.map((node, index) => [node, index]));
    const waiting = new Map<MutableNode, number>();
    const readers = new Map<MutableNode, MutableNode[]>();
    for (const node of nodes) {
      const producers = new Set<MutableNode>();
      for (const value of readBy(node)) {
        const producer = value.producer ? asNode(value.producer) : undefined;
        if (producer && producer !== undefined && position.has(producer)) producers.add(producer);
      }
      waiting.set(node, producers.size);
      for (const producer of producers) {
        const known = readers.get(producer);
        if (known) known.push(node);
        else readers.set(producer, [node]);
      }
    }
    if (inOrder(nodes, position)) return;
    const ready = new MinHeap(nodes.flatMap((node, index) => (waiting.get(node) === 0 ? [index] : [])));
    const sorted: MutableNode[] = [];
    for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
      const node = nodes[index];
      if (!node) break;
      sorted.push(node);
      for (const reader of readers.get(node) ?? []) {
        const left = (waiting.get(reader) ?? 0) - 1;
        waiting.set(reader, left);
        if (left === 0) ready.push(position.get(reader) ?? 0);
      }
    }
    if (sorted.length < nodes.length) throw cyclicGraph(findCycle(nodes.filter((node) => (waiting.get(node) ?? 0) > 0)));
    this.first = undefined;
    this.last = undefined;
    this.count = 0;
    for (const node of sorted) {
      node.prev = undefined;
      node.next = undefined;
      this.link(node, undefined);
    }
    this.touch();
  }

  /** A free name for a future value; it is reserved only once a value uses it. */
  freshName(wanted: string): string {
    const name = this.names.mint(this.names.values, wanted);
    this.names.values.delete(name);
    return name;
  }

  private newValue(
    name: string,
    type: TensorType | undefined,
    producer: Node | undefined,
    constant: Tensor | undefined,
    extras: unknown,
  ): MutableValue {
    return new MutableValue(this.names.mint(this.names.values, name || 'value'), type, producer, constant, extras, this);
  }
  private link(node: MutableNode, before: Node | undefined): void {
    const next = before ? asNode(before) : undefined;
    assertInvariant(!before || this.has(before), () => `node '${before?.name}' is not in graph '${this.name}'`);
    node.next = next;
    node.prev = next ? next.prev : this.last;
    if (node.prev) node.prev.next = node;
    else this.first = node;
    if (next) next.prev = node;
    else this.last = node;
    this.count++;
  }
  private unlink(node: MutableNode): void {
    if (node.prev) node.prev.next = node.next;
    else this.first = node.next;
    if (node.next) node.next.prev = node.prev;
    else this.last = node.prev;
    this.count--;
  }
}

/** The graphs that a node holds as attributes (If, Loop, Scan). */
export const nestedGraphs = (node: Node): readonly Graph[] => asNode(node).nested;

const NONE: readonly Graph[] = [];
const NO_ATTRS: ReadonlyMap<string, Attr> = new Map();
function graphsIn(attrs: ReadonlyMap<string, Attr>): readonly Graph[] {
  let graphs = NONE;
  for (const attr of attrs.values()) {
    if (attr.kind === 'graph') graphs = [...graphs, attr.value];
    else if (attr.kind === 'graphs') graphs = [...graphs, ...attr.value];
  }
  return graphs;
}

/** Values that a node reads, directly or inside its nested graphs. */
export function* readBy(node: Node): Generator<Value> {
  for (const value of node.inputs) if (value) yield value;
  for (const nested of nestedGraphs(node)) {
    for (const inner of nested.nodes) yield* readBy(inner);
    for (const output of nested.outputs) yield output;
  }
}

/** Every node of the graph and of its nested graphs. A snapshot: safe to walk while editing. */
export function allNodes(graph: Graph): readonly Node[] {
  const { nodes } = graph;
  if (nodes.every((node) => nestedGraphs(node).length === 0)) return nodes;
  return nodes.flatMap((node) => [node, ...nestedGraphs(node).flatMap(allNodes)]);
}

export function sameType(a: TensorType | undefined, b: TensorType | undefined): boolean {
  if (a === b) return true;
  if (!a || !b || a.dtype !== b.dtype || a.shape?.length !== b.shape?.length) return false;
  return a.shape === b.shape || (a.shape?.every((dim, axis) => dim === b.shape?.[axis]) ?? false);
}

// Values and nodes are passed around as read-only interfaces; only this file creates them, so these casts are safe.
const asValue = (value: Value): MutableValue => value as MutableValue;
const asOptionalValue = (value: Value | undefined): MutableValue | undefined => value as MutableValue | undefined;
const asNode = (node: Node): MutableNode => node as MutableNode;
const ownerOf = (value: Value): Graph => asValue(value).owner;

function assertConst(value: Value): asserts value is ConstValue {
  assertInvariant(value.constant !== undefined, () => `'${value.name}' is not a constant`);
}

function dropUse(value: MutableValue, user: Node, slot: number): void {
  const index = indexOfUse(value.uses, user, slot);
  assertInvariant(index !== undefined, () => `'${value.name}' does not know that '${user.name}' reads it`);
  value.uses.splice(index, 1);
}

/** From both ends: thousands of uses are dropped in their order, or against it. */
function indexOfUse(uses: readonly Use[], user: Node, slot: number): number | undefined {
  for (let front = 0, back = uses.length - 1; front <= back; front++, back--)
    for (const at of [front, back]) {
      const use = uses[at];
      if (use?.user === user && use.slot === slot) return at;
    }
  return undefined;
}

function inOrder(nodes: readonly MutableNode[], position: ReadonlyMap<MutableNode, number>): boolean {
  return nodes.every((node, index) => {
    for (const value of readBy(node)) {
      const at = value.producer ? position.get(asNode(value.producer)) : undefined;
      if (at !== undefined && at >= index) return false;
    }
    return true;
  });
}

/** Walks backwards through nodes that all wait for each other until one repeats. */
function findCycle(stuck: readonly MutableNode[]): string[] {
  const members = new Set<Node>(stuck);
  const path: Node[] = [];
  const seen = new Map<Node, number>();
  let node: Node | undefined = stuck[0];
  while (node && !seen.has(node)) {
    seen.set(node, path.length);
    path.push(node);
    let producer: Node | undefined;
    for (const value of readBy(node)) if (value.producer && members.has(value.producer)) producer = value.producer;
    node = producer;
  }
  const cycle = path.slice(node ? seen.get(node) : 0).reverse();
  return [...cycle, ...(cycle[0] ? [cycle[0]] : [])].map((member) => member.name);
}

/** Min-heap of indices: smallest first, so that sorting is stable. */
class MinHeap {
  constructor(private readonly items: number[]) {
    items.sort((a, b) => a - b);
  }
  push(item: number): void {
    const { items } = this;
    let at = items.push(item) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if ((items[up] ?? 0) <= item) break;
      items[at] = items[up] ?? 0;
      at = up;
    }
    items[at] = item;
  }
  pop(): number | undefined {
    const { items } = this;
    const top = items[0];
    const tail = items.pop();
    if (tail === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= items.length) break;
      if (down + 1 < items.length && (items[down + 1] ?? 0) < (items[down] ?? 0)) down++;
      if ((items[down] ?? 0) >= tail) break;
      items[at] = items[down] ?? 0;
      at = down;
    }
    items[at] = tail;
    return top;
  }
}
