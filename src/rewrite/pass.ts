/**
 * Passes: one transformation of a model, with a name, a sentence, and a claim about the numbers that tests and `verify` hold it to.
 */
import type { Location } from '../diagnostics/compile-error';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import type { ShapeInference } from '../ir/shape-inference';
import { type Attempt, applyRules } from './apply';
import type { Rule } from './rule';

/**
 * What a pass may do to the numbers.
 * - `identical`: nothing; the same operations on the same numbers.
 * - `reordered`: the same products, perhaps summed in another order.
 * - `rounding`: something is computed that was not (folded weights), each result rounded once.
 */
export type Numbers = 'identical' | 'reordered' | 'rounding';

/**
 * The part that a pass plays in a conversion, where other code asks for it: a pass is known by its name only in passes/.
 * - `evaluates`: computes what depends on constants alone.
 * - `prepares`: brings fully connected layers into the form in which they become convolutions.
 * - `converts`: makes maps of predictions; `converts the rest`: of layers that have no form of their own over a map.
 * - `gives cells`, `gives means`: makes an output what `--head cell` or `--head image` promises.
 * - `folds`: makes the network smaller; what it leaves alone keeps nothing from becoming a map.
 * - `fits`: cuts images to a size at which all lengths meet. `frees`: makes height and width symbols.
 */
export type Role = 'evaluates' | 'prepares' | 'converts' | 'converts the rest' | 'gives cells' | 'gives means' | 'folds' | 'fits' | 'frees';

/** What a pass has to say about a place. */
export interface Remark {
  /** `refused`: it would have applied but for the reason. `near-miss`: part of the pattern was there. */
  readonly kind: 'applied' | 'refused' | 'near-miss';
  readonly pass: string;
  readonly rule?: string | undefined;
  /** Continues "left alone because". */
  readonly reason?: string | undefined;
  readonly at: Location;
  readonly origin: readonly string[];
}

export interface PassContext {
  readonly model: Model;
  readonly inference: ShapeInference;
  /** The manager puts in the name of the pass. */
  remark(remark: Omit<Remark, 'pass'> & Partial<Pick<Remark, 'pass'>>): void;
  /** To be called after each single rewrite of a pass that makes several: lets the manager blame the right one. */
  afterRule?(rule: { readonly name: string }, root: string): void;
  /** What the engine tells and asks of its work: see rewrite/apply.ts. */
  attempted?(attempt: Attempt): void;
  mayRewrite?(): boolean;
}

export interface Pass {
  /** kebab-case: file name, flag and test alike. */
  readonly name: string;
  /** Continues "this pass will ...". */
  readonly summary: string;
  readonly numbers: Numbers;
  readonly role?: Role | undefined;
  /** Edits the graph, or leaves it alone and says why. Never throws for a model that it dislikes. */
  run(graph: Graph, context: PassContext): void;
  /** The module that it comes from, where that is the user's: its mistakes are not ours. */
  readonly module?: string | undefined;
}

export const definePass = (pass: Pass): Pass => pass;

/** A pass that is a set of rules, applied until none matches. */
export interface RulePass extends Pass {
  readonly rules: readonly Rule[];
}

export const defineRulePass = ({ rules, ...pass }: Omit<RulePass, 'run'>): RulePass => ({
  ...pass,
  rules,
  run: (graph, context) => applyRules(graph, rules, context),
});
