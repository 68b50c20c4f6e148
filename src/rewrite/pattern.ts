/**
 * A pattern describes the shape of a subgraph and names its parts.
 *
 *   node('Gemm', [node('Flatten', [value('x')], { attrs: { axis: 1 } }), constant('w'), optional(constant('b'))], { as: 'gemm' })
 *
 * The captures of a pattern are part of its type: matching this one yields `{ x: Value; w: ConstValue; b?: ConstValue; gemm: Node }`.
 *
 * - Matching runs backwards from a root node, whose outputs are replaced.
 * - The same name used twice must bind the same object.
 * - All outputs of an inner node must feed only the match, and none may be a graph output, because the rewrite removes the node. `shared: true` lifts
 *   this where computing the node for other readers as well costs nothing (Flatten).
 * - A node has exactly the inputs that the pattern lists; `optional` slots may be absent, `moreInputs: true` allows further inputs.
 * - Attributes are compared with literals; an absent attribute has its operator's default.
 * - If a pattern can match in several ways (`oneOf`, `commutative`), each is tried until one is accepted.
 * - A match never crosses the border of a nested graph: outer values are matched by `value` and `constant` only.
 */
import { assertInvariant } from '../diagnostics/compile-error';
import { type AttrLiteral, attributes } from '../ir/attrs';
import { elementCount, fromNumbers, isFloatType, isNumeric, readNumbers } from '../ir/tensor';
import { type Attr, type ConstValue, isConst, type Node, type Value } from '../ir/types';
import { attributeMismatch } from './attribute-match';

/** Never present at run time: carries the type of the captures. */
declare const CAPTURES: unique symbol;
interface Typed<C> {
  readonly [CAPTURES]?: C;
}

interface ValuePattern {
  readonly kind: 'value';
  readonly as: string | undefined;
}
interface ConstantPattern {
  readonly kind: 'constant';
  readonly as: string | undefined;
}
interface LiteralPattern {
  readonly kind: 'literal';
  readonly number: number;
}
interface OptionalPattern {
  readonly kind: 'optional';
  readonly inner: AnyPattern;
}
interface OneOfPattern {
  readonly kind: 'oneOf';
  readonly choices: readonly AnyPattern[];
}
interface NodePattern {
  readonly kind: 'node';
  readonly ops: readonly string[];
  readonly inputs: readonly AnyPattern[];
  readonly as: string | undefined;
  readonly attrs: ReadonlyMap<string, Attr>;
  readonly shared: boolean;
  readonly commutative: boolean;
  readonly moreInputs: boolean;
  readonly output: number | 'any';
}
type AnyPattern = ValuePattern | ConstantPattern | LiteralPattern | OptionalPattern | OneOfPattern | NodePattern;

/** A pattern whose match binds the captures `C`. */
export type Pattern<C = unknown> = AnyPattern & Typed<C>;

type CapturesOf<P> = P extends Typed<infer C> ? C : never;
type Named<N extends string | undefined, T> = N extends string ? { readonly [K in N]: T } : unknown;
type Flat<T> = { [K in keyof T]: T[K] };
/** All slots bind: an intersection, slot by slot, so that a union within one slot stays a union. */
type Together<P extends readonly unknown[]> = P extends readonly [infer First, ...infer Rest]
  ? CapturesOf<First> & Together<Rest>
  : unknown;
/** One of the choices binds: names that all choices have are required, the others optional. */
type KeysOf<U> = U extends unknown ? keyof U : never;
type Entry<U, K extends PropertyKey> = U extends unknown ? (K extends keyof U ? U[K] : never) : never;
type Either<U> = { readonly [K in KeysOf<U> & keyof U]: Entry<U, K> } & {
  readonly [K in Exclude<KeysOf<U>, keyof U>]?: Entry<U, K> | undefined;
};
type Maybe<C> = { readonly [K in keyof C]?: C[K] | undefined };

/** Any value that is present; captured under `as` if given. */
export const value = <const N extends string | undefined = undefined>(as?: N): Pattern<Named<N, Value>> => ({ kind: 'value', as });

/** A value whose data is in the model. */
export const constant = <const N extends string | undefined = undefined>(as?: N): Pattern<Named<N, ConstValue>> => ({
  kind: 'constant',
  as,
});

/** A constant with one element, equal to `number` after rounding to its type. */
export const literal = (number: number): Pattern => ({ kind: 'literal', number });

/** An input that may be absent; if present, it must match. */
export const optional = <C>(inner: Pattern<C>): Pattern<Maybe<C>> => ({ kind: 'optional', inner });

/** The first choice that leads to a match. */
export const oneOf = <const P extends readonly [Pattern, ...Pattern[]]>(...choices: P): Pattern<Either<CapturesOf<P[number]>>> => ({
  kind: 'oneOf',
  choices,
});

export interface NodeOptions<A extends string | undefined> {
  /** Captures the node itself. */
  readonly as?: A;
  /** Literals that the attributes must equal: numbers, strings, lists of numbers. A number matches both int and float. */
  readonly attrs?: Readonly<Record<string, AttrLiteral>>;
  /** Allows other readers: the node is kept for them. */
  readonly shared?: boolean;
  /** Matches two inputs in either order. */
  readonly commutative?: boolean;
  /** Allows inputs beyond those listed. */
  readonly moreInputs?: boolean;
  /** Index of the output that is the matched value, for an inner node; default 0. */
  readonly output?: number | 'any';
}

/** A node with one of these operators (`Conv`, `com.microsoft.FusedConv`). */
export function node<const P extends readonly Pattern[], const A extends string | undefined = undefined>(
  op: string | readonly string[],
  inputs: P,
  options: NodeOptions<A> = {},
): Pattern<Flat<Together<P> & Named<A, Node>>> {
  const { as, attrs = {}, shared = false, commutative = false, moreInputs = false, output = 0 } = options;
  const ops = typeof op === 'string' ? [op] : op;
  assertInvariant(ops.length > 0, () => 'a node pattern needs an operator');
  assertInvariant(!commutative || inputs.length === 2, () => `only two inputs can be commutative: ${ops.join(', ')}`);
  return { kind: 'node', ops, inputs, as, attrs: attributes(attrs, ops[0]), shared, commutative, moreInputs, output };
}

/** Operators that a root of this pattern can have. */
export function rootOps(pattern: Pattern): readonly string[] {
  if (pattern.kind === 'oneOf') return [...new Set(pattern.choices.flatMap(rootOps))];
  assertInvariant(pattern.kind === 'node', () => `a rule matches a node, not a ${pattern.kind}`);
  return pattern.ops;
}

export interface Match<C> {
  readonly captures: C;
  readonly root: Node;
  /** Every node of the match, root first, without repeats. */
  readonly nodes: readonly Node[];
}
/** Reason why a pattern did not match although its root and at least one inner node did. */
export interface Miss {
  readonly reason: string;
  readonly at: Node | Value;
  /** True if the shape matched, but an inner node has another reader. */
  readonly shared: boolean;
}
export interface MatchOutcome<R> {
  readonly result: R | undefined;
  readonly miss: Miss | undefined;
  /** With `explain`: the first mismatch, however early; undefined if the shape fits. */
  readonly mismatch: string | undefined;
}

/** Tries each way in which `pattern` matches at `root` until `accept` returns something. */
export function matchAt<C, R>(
  pattern: Pattern<C>,
  root: Node,
  accept: (match: Match<C>) => R | undefined,
  explain = false,
): MatchOutcome<R> {
  if (!explain && isHopeless(pattern, root)) return NOTHING;
  const search = new Search(root, explain);
  const result = search.node(pattern, root, EMPTY, (state) => {
    if (!search.isSelfContained(state)) return undefined;
    // The captures were bound by the pattern that `C` was computed from.
    return accept({ captures: Object.fromEntries(state.bound) as C, root, nodes: state.nodes });
  });
  return { result, miss: result === undefined ? search.miss : undefined, mismatch: search.mismatch };
}

const NOTHING: MatchOutcome<never> = { result: undefined, miss: undefined, mismatch: undefined };

/** Cheap early exit, taken by most attempts: something does not match, and no inner node does, so that there is no near miss to report either. */
function isHopeless(pattern: AnyPattern, root: Node): boolean {
  if (pattern.kind !== 'node') return false;
  let fits = true;
  for (const [slot, inner] of pattern.inputs.entries()) {
    if (inner.kind !== 'node' && inner.kind !== 'constant' && inner.kind !== 'value') return false;
    for (const value of pattern.commutative ? root.inputs : [root.inputs[slot]])
      if (inner.kind === 'node' && value?.producer && inner.ops.includes(value.producer.op)) return false;
    if (pattern.commutative) continue;
    const value = root.inputs[slot];
    if (!value || inner.kind === 'node' || (inner.kind === 'constant' && !isConst(value))) fits = false;
  }
  return pattern.commutative ? pattern.inputs.some((inner) => inner.kind === 'node') : !fits;
}

/** Bindings so far. Immutable, so that a failed alternative leaves no trace. */
interface State {
  readonly bound: ReadonlyMap<string, Value | Node>;
  readonly nodes: readonly Node[];
  /** Inner nodes that must feed only the match. */
  readonly owned: readonly Node[];
}
const EMPTY: State = { bound: new Map(), nodes: [], owned: [] };

/** Matches the rest of the pattern; returns undefined if that is impossible with the current bindings. */
type Next<R> = (state: State) => R | undefined;

/** Backtracking search by continuations; recursion is as deep as the pattern, not the graph. */
class Search {
  miss: Miss | undefined;
  mismatch: string | undefined;
  private missDepth = 1;
  private mismatchDepth = 0;

  constructor(
    private readonly root: Node,
    private readonly explain: boolean,
  ) {}

  node<R>(pattern: AnyPattern, node: Node, state: State, next: Next<R>): R | undefined {
    if (pattern.kind === 'oneOf') return first(pattern.choices, (choice) => this.node(choice, node, state, next));
    if (pattern.kind !== 'node' || !pattern.ops.includes(node.op)) return undefined;
    const found = bind(state, pattern.as, node);
    if (!found) return undefined;
    const entered: State = {
      bound: found.bound,
      nodes: state.nodes.includes(node) ? state.nodes : [...state.nodes, node],
      owned: pattern.shared || node === this.root || state.owned.includes(node) ? state.owned : [...state.owned, node],
    };
    if (node.inputs.length > pattern.inputs.length && !pattern.moreInputs) {
      return this.fail(entered, node, () => `${name(node)} has ${node.inputs.length} inputs, not ${pattern.inputs.length}`);
    }
    // After the inputs, so that an attribute mismatch counts as a near miss only if the shape matches.
    const attributesFit: Next<R> = (matched) => {
      const mismatch = pattern.attrs.size > 0 ? attributeMismatch(node, pattern.attrs) : undefined;
      return mismatch === undefined ? next(matched) : this.fail(matched, node, () => `${name(node)} has ${mismatch}`);
    };
    const straight = this.inputs(pattern.inputs, node, 0, entered, attributesFit);
    if (straight !== undefined || !pattern.commutative) return straight;
    return this.inputs([...pattern.inputs].reverse(), node, 0, entered, attributesFit);
  }

  private inputs<R>(patterns: readonly AnyPattern[], node: Node, slot: number, state: State, next: Next<R>): R | undefined {
    const pattern = patterns[slot];
    if (!pattern) return next(state);
    return this.value(pattern, node.inputs[slot], node, slot, state, (after) => this.inputs(patterns, node, slot + 1, after, next));
  }

  private value<R>(pattern: AnyPattern, value: Value | undefined, user: Node, slot: number, state: State, next: Next<R>): R | undefined {
    if (pattern.kind === 'optional') return value ? this.value(pattern.inner, value, user, slot, state, next) : next(state);
    if (!value) return this.fail(state, user, () => `${name(user)} has no input ${slot}`);
    switch (pattern.kind) {
      case 'value':
        return this.bound(pattern.as, value, state, next);
      case 'constant':
        if (!isConst(value)) return this.fail(state, user, () => `input ${slot} of ${name(user)}, '${value.name}', is not constant`);
        return this.bound(pattern.as, value, state, next);
      case 'literal':
        if (!isNumber(value, pattern.number))
          return this.fail(state, user, () => `input ${slot} of ${name(user)} is not ${pattern.number}`);
        return next(state);
      case 'oneOf':
        return first(pattern.choices, (choice) => this.value(choice, value, user, slot, state, next));
      case 'node': {
        const { producer } = value;
        if (!producer || producer.graph !== this.root.graph || !pattern.ops.includes(producer.op)) {
          return this.fail(state, user, () => `input ${slot} of ${name(user)} is not the result of ${pattern.ops.join(' or ')}`);
        }
        if (pattern.output !== 'any' && producer.outputs[pattern.output] !== value) return undefined;
        return this.node(pattern, producer, state, next);
      }
    }
  }

  private bound<R>(as: string | undefined, found: Value, state: State, next: Next<R>): R | undefined {
    const after = bind(state, as, found);
    return after
      ? next(after)
      : this.fail(state, found, () => `'${found.name}' and '${state.bound.get(as ?? '')?.name}' are not the same value`);
  }

  /** Whether all inner nodes can be removed by the rewrite. */
  isSelfContained(state: State): boolean {
    for (const inner of state.owned) {
      for (const output of inner.outputs) {
        if (inner.graph.isOutput(output)) return this.reject(inner, `'${output.name}' is also an output of the graph`);
        const other = output.uses.find((use) => !state.nodes.includes(use.user));
        if (other) return this.reject(inner, `'${output.name}' is also read by ${name(other.user)}`);
      }
    }
    return true;
  }

  private reject(at: Node, reason: string): false {
    if (!this.miss?.shared) this.miss = { reason, at, shared: true };
    this.missDepth = Number.POSITIVE_INFINITY;
    return false;
  }
  /** Records the failure that got furthest; failures before the first inner node are not worth reporting. */
  private fail(state: State, at: Node | Value, reason: () => string): undefined {
    if (this.explain && state.nodes.length > this.mismatchDepth) {
      this.mismatchDepth = state.nodes.length;
      this.mismatch = reason();
    }
    if (state.nodes.length <= this.missDepth) return undefined;
    this.missDepth = state.nodes.length;
    this.miss = { reason: reason(), at, shared: false };
    return undefined;
  }
}

function bind(state: State, as: string | undefined, found: Value | Node): State | undefined {
  if (as === undefined) return state;
  const before = state.bound.get(as);
  if (before !== undefined) return before === found ? state : undefined;
  return { ...state, bound: new Map(state.bound).set(as, found) };
}

function first<T, R>(choices: readonly T[], attempt: (choice: T) => R | undefined): R | undefined {
  for (const choice of choices) {
    const result = attempt(choice);
    if (result !== undefined) return result;
  }
  return undefined;
}

function isNumber(value: Value, number: number): boolean {
  const tensor = value.constant;
  if (!tensor || elementCount(tensor.shape) !== 1 || !isNumeric(tensor.dtype)) return false;
  if (!isFloatType(tensor.dtype) && !Number.isInteger(number)) return false;
  return readNumbers(tensor)[0] === readNumbers(fromNumbers(tensor.dtype, [1], [number]))[0];
}

const name = (node: Node): string => `${node.op} '${node.name}'`;
