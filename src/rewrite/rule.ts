/**
 * A rule matches, decides, then builds.
 *
 *   match   the shape of the subgraph (pattern.ts); its captures are typed
 *   when    returns the facts that it established, a refusal with a reason for the user, or undefined if the rule does not concern this node.
 *           If omitted, the rule always applies, without facts
 *   build   constructs the replacement from captures and facts, and returns the value that replaces the root's output. It cannot refuse
 *
 * Roots with several outputs: by default only the first is replaced, and the rule is refused if another one is read. With `outputs: 'all'` the rule returns
 * a list with one value per output; undefined for an output that is not read.
 */
import type { Model } from '../ir/model';
import type { ShapeInference } from '../ir/shape-inference';
import type { Node, Value } from '../ir/types';
import type { Builder } from './builder';
import { type Match, matchAt, type Pattern, rootOps } from './pattern';

export type { Builder } from './builder';

/** Context available to `when` besides its captures. */
export interface RuleContext {
  readonly model: Model;
  readonly inference: ShapeInference;
  /** Receives the reason why a rule does not concern a node; only set if the reason is wanted. */
  mismatched?(reason: string): void;
}

/** A refusal with a reason for the user. */
export class Refusal {
  constructor(
    /** Continues "left alone because": `the bias is not one number per output`. */
    readonly reason: string,
    readonly where: Node | Value | undefined,
  ) {}
}

/** `where` is the value or node at fault; default: the root of the match. */
export const refuse = (reason: string, where?: Node | Value): Refusal => new Refusal(reason, where);

/** Result of `build`; see the file header. */
export type Replacement = Value | readonly (Value | undefined)[];
/** Result of `when` once it has agreed. */
export type Facts<W> = Exclude<W, Refusal | undefined>;

export interface RuleSpec<C, W> {
  readonly name: string;
  readonly match: Pattern<C>;
  readonly outputs?: 'first' | 'all';
  when?(captures: C, context: RuleContext): W;
  build(captures: C, make: Builder, facts: Facts<W>): Replacement;
}

/** A match that `when` accepted. */
export interface Accepted {
  readonly kind: 'accepted';
  /** Root first. */
  readonly nodes: readonly Node[];
  build(make: Builder): Replacement;
}
export interface NotApplied {
  /** `refused`: `when` refused, or an inner value has another reader. `near-miss`: root and an inner node matched, something else did not. */
  readonly kind: 'refused' | 'near-miss';
  readonly reason: string;
  readonly at: Node | Value;
}

export interface Rule {
  readonly name: string;
  readonly rootOps: readonly string[];
  readonly outputs: 'first' | 'all';
  /** Returns undefined if the rule does not concern this node. */
  attempt(root: Node, context: RuleContext): Accepted | NotApplied | undefined;
}

export function defineRule<C, W extends object | undefined = Record<never, never>>(spec: RuleSpec<C, W>): Rule {
  const { name, match, outputs = 'first' } = spec;
  return {
    name,
    rootOps: rootOps(match),
    outputs,
    attempt(root, context) {
      let refusal: NotApplied | undefined;
      const accept = ({ captures, nodes }: Match<C>): Accepted | undefined => {
        const facts = spec.when ? spec.when(captures, context) : NO_FACTS;
        if (facts instanceof Refusal) refusal ??= { kind: 'refused', reason: facts.reason, at: facts.where ?? root };
        if (!isFacts(facts)) return undefined;
        return { kind: 'accepted', nodes, build: (make) => spec.build(captures, make, facts) };
      };
      const { result, miss, mismatch } = matchAt(match, root, accept, context.mismatched !== undefined);
      if (!result && !refusal && !miss) context.mismatched?.(mismatch ?? 'its shape fits, but what it looks for is not there');
      return result ?? refusal ?? (miss && { kind: miss.shared ? 'refused' : 'near-miss', reason: miss.reason, at: miss.at });
    },
  };
}

const NO_FACTS = {};

function isFacts<W>(facts: W | Record<never, never>): facts is Facts<W> {
  return facts !== undefined && !(facts instanceof Refusal);
}
