/**
 * The rewrite engine: applies rules until none matches any more.
 *
 * - Nodes are visited in order, nested graphs before the node that contains them. At each node rules are tried in list order, and the first that applies wins.
 *   The walk continues with the nodes that it built, then with the rest. Rounds over the whole graph follow until one changes nothing.
 * - The replacement must have the type of the old value (element type, rank, static dimensions); where its type is less specific, the old type is kept.
 * - The replacement takes the old name, so that a value of the result can be compared with its namesake in the source. If an output of the graph would
 *   become a graph input, a constant or another output, an Identity is inserted.
 * - Whatever the rewrite leaves without readers is removed: matched nodes, their producers, constants.
 * - Refusals and near misses of the last round are reported as remarks.
 */

import { locate, locateValue } from '../diagnostics/catalogue';
import { assertInvariant, CompileError, InvariantError, type Location } from '../diagnostics/compile-error';
import { Graph, nestedGraphs } from '../ir/graph';
import { isNode } from '../ir/match';
import { type Dim, isConst, type Node, type TensorType, type Value } from '../ir/types';
import { builderAt, type RecordingBuilder } from './builder';
import type { Accepted, NotApplied, Replacement, Rule, RuleContext } from './rule';

export interface RuleRemark {
  readonly kind: 'applied' | NotApplied['kind'];
  readonly rule: string;
  readonly reason?: string;
  readonly at: Location;
  readonly origin: readonly string[];
}

/** One attempt to apply a rule at a node, and its outcome; `no-match`: the rule does not concern this node. */
export interface Attempt {
  readonly rule: string;
  readonly node: Node;
  readonly outcome: 'applied' | NotApplied['kind'] | 'no-match';
  readonly reason?: string | undefined;
  /** Location of what caused the outcome. */
  readonly at?: Location | undefined;
  /** Nodes matched; only if the rule was applied. */
  readonly matched?: readonly Node[] | undefined;
}

export interface RewriteContext extends RuleContext {
  remark(remark: RuleRemark): void;
  /** Called for every attempt of every round. `node` is the node before the rewrite. */
  attempted?(attempt: Attempt): void;
  /** Called before each application; if false, the application is skipped as if the rule did not match. */
  mayRewrite?(): boolean;
  /** Called after each application, to validate rule by rule. */
  afterRule?(rule: Rule, root: string): void;
}

/** Applies the rules to the graph and all nested graphs until nothing changes. Throws InvariantError if rules undo each other. */
export function applyRules(graph: Graph, rules: readonly Rule[], context: RewriteContext): void {
  const byOp = new Map<string, Rule[]>();
  for (const rule of rules) {
    for (const op of rule.rootOps) byOp.set(op, [...(byOp.get(op) ?? []), rule]);
  }
  const engine = new Engine(byOp, context, limitOf(graph));
  for (;;) {
    const before = engine.applications;
    engine.refusals.length = 0;
    engine.visitGraph(graph);
    if (engine.applications === before) break;
  }
  for (const refusal of engine.refusals) context.remark(refusal);
}

/** Upper bound on rewrites: no sane set of rules rewrites every node this often. */
const limitOf = (graph: Graph): number => 1000 + 20 * graph.nodeCount;

class Engine {
  applications = 0;
  readonly refusals: RuleRemark[] = [];

  constructor(
    private readonly rules: ReadonlyMap<string, readonly Rule[]>,
    private readonly context: RewriteContext,
    private readonly limit: number,
  ) {}

  visitGraph(graph: Graph): void {
    // A stack with the next node on top: the nodes that a rule builds come before the rest.
    const stack = [...graph.nodes].reverse();
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (!graph.has(node)) continue;
      for (const nested of nestedGraphs(node)) this.visitGraph(nested);
      const built = this.visit(node);
      for (let index = built.length - 1; index >= 0; index--) {
        const fresh = built[index];
        if (fresh) stack.push(fresh);
      }
    }
  }

  /** Returns the nodes that a rule built in place of `root`; empty if no rule applied, or if the rule only removed nodes. */
  private visit(root: Node): readonly Node[] {
    for (const rule of this.rules.get(root.op) ?? []) {
      const place = (): string => `rule '${rule.name}' at ${root.op} '${root.name}'`;
      let mismatch: string | undefined;
      const { attempted } = this.context;
      // Only on request, because composing the reasons costs time.
      const context: RuleContext = attempted ? { ...this.context, mismatched: (reason) => (mismatch = reason) } : this.context;
      const attempt = blaming(place, () => rule.attempt(root, context));
      if (!attempt) attempted?.({ rule: rule.name, node: root, outcome: 'no-match', reason: mismatch });
      if (attempt?.kind === 'accepted') {
        if (this.context.mayRewrite?.() === false) continue;
        const outcome = blaming(place, () => rewrite(root, rule, attempt, this.context));
        if ('built' in outcome) {
          this.applied(rule, root, attempt);
          return outcome.built;
        }
        this.refused(rule, root, outcome);
      } else if (attempt) {
        this.refused(rule, root, attempt);
      }
    }
    return [];
  }

  private applied(rule: Rule, root: Node, { nodes }: Accepted): void {
    this.context.attempted?.({ rule: rule.name, node: root, outcome: 'applied', matched: nodes });
    this.context.remark({ kind: 'applied', rule: rule.name, at: locate(root), origin: originOf(nodes) });
    this.context.afterRule?.(rule, root.name);
    this.applications++;
    assertInvariant(
      this.applications < this.limit,
      () => `the rules do not come to an end: '${rule.name}' still applies after ${this.applications} rewrites`,
    );
  }
  private refused(rule: Rule, root: Node, { kind, reason, at }: NotApplied): void {
    const where = 'opType' in at ? locate(at) : locateValue(at);
    this.context.attempted?.({ rule: rule.name, node: root, outcome: kind, reason, at: where });
    this.refusals.push({ kind, rule: rule.name, reason, at: where, origin: root.origin });
  }
}

interface Done {
  readonly built: readonly Node[];
}

function rewrite(root: Node, rule: Rule, accepted: Accepted, { inference }: RuleContext): Done | NotApplied {
  const { graph } = root;
  const extra =
    rule.outputs === 'first' ? root.outputs.slice(1).find((output) => output.uses.length > 0 || graph.isOutput(output)) : undefined;
  if (extra) return { kind: 'refused', reason: `its output '${extra.name}' is read as well`, at: root };
  const make = builderAt({ graph, before: root, origin: originOf(accepted.nodes), root: root.name, inference });
  const pairs = pairUp(root, rule, accepted.build(make));
  const problem = obstacle(root, pairs);
  if (problem) {
    takeBack(graph, make);
    return problem;
  }
  for (const { old, fresh } of pairs) {
    agree(old, fresh, make);
    const replacement = graph.canReplace(old, fresh) ? fresh : make.op('Identity', [fresh]);
    const { name } = old;
    graph.replaceAllUses(old, replacement);
    if (graph.isOutput(replacement) || !replacement.producer || !make.nodes.includes(replacement.producer)) continue;
    graph.rename(old, `${name}_replaced`);
    graph.rename(replacement, name);
  }
  const gone = sweep([root, ...[...make.nodes].reverse()], make.constants);
  const built = make.nodes.filter((node) => graph.has(node));
  // The rule may have absorbed nodes beyond its pattern (a layer in front of the norm that it matched): record their origins as well.
  const origin = originOf(gone);
  for (const node of built) graph.addOrigin(node, origin);
  return { built };
}

interface Pair {
  readonly old: Value;
  readonly fresh: Value;
}

const isList = (replacement: Replacement): replacement is readonly (Value | undefined)[] => Array.isArray(replacement);

function pairUp(root: Node, rule: Rule, replacement: Replacement): Pair[] {
  assertInvariant(isList(replacement) === (rule.outputs === 'all'), () => "a rule returns a list if and only if it says `outputs: 'all'`");
  const values = isList(replacement) ? replacement : [replacement];
  return root.outputs.flatMap((old, index) => {
    const fresh = values[index];
    if (fresh) return fresh === old ? [] : [{ old, fresh }];
    assertInvariant(old.uses.length === 0 && !root.graph.isOutput(old), () => `nothing replaces '${old.name}', which is read`);
    return [];
  });
}

/** Refuses to remove an Identity between two public names: `rewrite` would insert a new one each time. At other roots, it inserts an Identity. */
function obstacle(root: Node, pairs: readonly Pair[]): NotApplied | undefined {
  if (!isNode(root, 'Identity') || pairs.every(({ old, fresh }) => root.graph.canReplace(old, fresh))) return undefined;
  return {
    kind: 'refused',
    reason: 'it joins an output of the graph to an input, a constant or another output, and both names are public',
    at: root,
  };
}

/** Checks that the types agree, and gives a newly built value everything known about either type. */
function agree(old: Value, fresh: Value, make: RecordingBuilder): void {
  const type = commonType(old.type, fresh.type);
  assertInvariant(
    type !== 'contradiction',
    () => `'${old.name}' would change its type from ${typeText(old.type)} to ${typeText(fresh.type)}`,
  );
  const { producer } = fresh;
  if (producer && make.nodes.includes(producer)) producer.graph.setType(fresh, type);
}

function commonType(old: TensorType | undefined, fresh: TensorType | undefined): TensorType | undefined | 'contradiction' {
  if (!old || !fresh) return fresh ?? old;
  if (old.dtype !== fresh.dtype) return 'contradiction';
  if (!old.shape || !fresh.shape) return { dtype: old.dtype, shape: fresh.shape ?? old.shape };
  if (old.shape.length !== fresh.shape.length) return 'contradiction';
  const shape: Dim[] = [];
  for (const [axis, dim] of fresh.shape.entries()) {
    const before = old.shape[axis];
    if (typeof dim === 'number' && typeof before === 'number' && dim !== before) return 'contradiction';
    shape.push(typeof dim === 'number' ? dim : (before ?? dim));
  }
  return { dtype: old.dtype, shape };
}

const typeText = (type: TensorType | undefined): string =>
  type ? `${type.dtype}${type.shape ? `[${type.shape.map((dim) => dim ?? '?').join(', ')}]` : '[...]'}` : 'unknown';

function takeBack(graph: Graph, make: RecordingBuilder): void {
  for (const node of [...make.nodes].reverse()) graph.removeNode(node);
  for (const constant of make.constants) graph.removeConstant(constant);
}

/** Removes unread nodes among `suspects`, then whatever was read only by removed nodes. Returns the removed nodes. */
function sweep(suspects: readonly Node[], constants: readonly Value[]): readonly Node[] {
  const removed: Node[] = [];
  const isIdle = (value: Value): boolean => value.uses.length === 0 && !Graph.ownerOf(value).isOutput(value);
  const gone = new Set<Value>();
  const stack = [...suspects].reverse();
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (!node.graph.has(node) || !node.outputs.every(isIdle)) continue;
    const inputs = node.inputs;
    node.graph.removeNode(node);
    removed.push(node);
    for (const value of inputs) {
      if (value?.producer) stack.push(value.producer);
      else if (value) sweepConstant(value);
    }
  }
  constants.forEach(sweepConstant);
  return removed;

  function sweepConstant(value: Value): void {
    if (!isConst(value) || !isIdle(value) || gone.has(value)) return;
    gone.add(value);
    Graph.ownerOf(value).removeConstant(value);
  }
}

const originOf = (nodes: readonly Node[]): string[] => [...new Set(nodes.flatMap((node) => node.origin))];

/** Adds the name of the rule to our own errors; errors caused by the model pass through. */
function blaming<T>(place: () => string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof CompileError) throw error;
    throw new InvariantError(`${place()}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
