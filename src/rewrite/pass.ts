/**
 * A pass is one transformation of a model, with a name, a one-sentence summary, and a claim about the numbers that tests and `verify` enforce.
 */
import type { Location } from '../diagnostics/compile-error';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import type { ShapeInference } from '../ir/shape-inference';
import { type Attempt, applyRules } from './apply';
import type { Rule } from './rule';

/**
 * Effect of a pass on the numbers.
 * - `identical`: none; the same operations on the same values.
 * - `reordered`: the same products, possibly summed in another order.
 * - `rounding`: new values are computed (folded weights), each rounded once.
 */
export type Numbers = 'identical' | 'reordered' | 'rounding';

/**
 * Role of a pass in a conversion, for other code: only passes/ knows passes by name.
 * - `evaluates`: computes whatever depends on constants alone.
 * - `prepares`: brings fully connected layers into the form from which they become convolutions.
 * - `converts`: makes maps of predictions; `converts the rest`: does so for layers that have no form of their own over a map.
 * - `gives cells`, `gives means`: makes an output what `--head cell` or `--head image` promises.
 * - `folds`: makes the network smaller; layers that it leaves alone can still become maps.
 * - `fits`: cuts images to a size at which all lengths match. `frees`: makes height and width symbols.
 */
export type Role = 'evaluates' | 'prepares' | 'converts' | 'converts the rest' | 'gives cells' | 'gives means' | 'folds' | 'fits' | 'frees';

/** A report of a pass about one location. */
export interface Remark {
  /** `refused`: would have applied but for the reason. `near-miss`: part of the pattern matched. */
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
  /** The manager adds the name of the pass. */
  remark(remark: Omit<Remark, 'pass'> & Partial<Pick<Remark, 'pass'>>): void;
  /** Call this after each single rewrite if the pass makes several: lets the manager blame the right one. */
  afterRule?(rule: { readonly name: string }, root: string): void;
  /** Callbacks of the engine: see rewrite/apply.ts. */
  attempted?(attempt: Attempt): void;
  mayRewrite?(): boolean;
}

export interface Pass {
  /** In kebab-case; also the name of its file, flag and test. */
  readonly name: string;
  /** Continues "this pass will ...". */
  readonly summary: string;
  readonly numbers: Numbers;
  readonly role?: Role | undefined;
  /** Edits the graph, or leaves it alone and gives a reason. Never throws for a model that it cannot handle. */
  run(graph: Graph, context: PassContext): void;
  /** Module that provides the pass, if it is the user's: its errors are not ours. */
  readonly module?: string | undefined;
}

export const definePass = (pass: Pass): Pass => pass;

/** A pass that consists of rules, applied until none matches. */
export interface RulePass extends Pass {
  readonly rules: readonly Rule[];
}

export const defineRulePass = ({ rules, ...pass }: Omit<RulePass, 'run'>): RulePass => ({
  ...pass,
  rules,
  run: (graph, context) => applyRules(graph, rules, context),
});
