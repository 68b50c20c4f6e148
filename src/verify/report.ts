/** Result of a verification: a plain object for machines; report-text.ts formats it for people. */
import type { Contract } from '../analysis/contract';
import type { Agreement, Difference } from './compare';
import type { PortMatch } from './pair/ports';
import type { Relation } from './pair/relation';

export interface Check {
  readonly name:
    | 'outputs'
    | 'integers'
    | 'original size'
    | 'larger sizes'
    | 'windows of the map'
    | 'mean of the map'
    | 'crops of the image'
    | 'shifted images'
    | 'patches elsewhere'
    | 'edges of the field'
    | 'stride residues'
    | 'batches'
    | 'fixed form'
    | 'half precision'
    | 'crops at that size';
  /** `partial`: equal as far as the check went, which is less than the contract covers. `measured`: checked in full, but held to no bound. */
  readonly status: 'equal' | 'different' | 'measured' | 'informative' | 'partial' | 'skipped';
  /** True if the contract covers this check; the verdict "equal" then requires it. */
  readonly required?: boolean | undefined;
  /** Per output: the worst difference over all inputs of the check. */
  readonly outputs: Readonly<Record<string, Difference>>;
  /** Per output with classes: how often both models predict the same class. */
  readonly agreement?: Readonly<Record<string, Agreement>> | undefined;
  /** Image sizes, height x width. */
  readonly sizes: readonly string[];
  readonly cells: number;
  /** Share of cells with the same best class, where that is not implied. */
  readonly sameBest?: number | undefined;
  /** Reason for skipping the check, or a remark for the reader. */
  readonly note?: string | undefined;
}

/**
 * `unverified`: equal at the original size, but something that the contract covers beyond it could not be checked. `not reproducible`: no difference
 * was found, but the original differs from itself so much that this means little. `measured`: weights were stored in fewer bits, so the values cannot
 * equal those of the original; everything was checked, the report gives the resulting differences, and no judgement is made whether they are small
 * enough.
 */
export type Verdict = 'equal' | 'different' | 'unverified' | 'not reproducible' | 'measured';

/** The user's criteria for "close enough". */
export interface Criteria {
  /** Minimum share of cases, over all inputs, in which both models predict the same best class. */
  readonly minAgreement?: number | undefined;
  /** Minimum cosine similarity of the scores, on each input. */
  readonly cosine?: number | undefined;
}

/** Report on an integer copy of a float network. */
export interface QuantisedReport {
  /**
   * `QDQ`: floats between quantisers; `integers`: operators that compute in integers; `dynamic`: scales computed at run time; `weights`: only the
   * weights are quantised.
   */
  readonly kind: 'QDQ' | 'integers' | 'dynamic' | 'weights';
  /** Inputs that are quantised immediately: their clipping range, and the share of the values fed that fall outside it. */
  readonly ranges: readonly { readonly input: string; readonly low: number; readonly high: number; readonly outside: number }[];
}

export interface Tolerance {
  /** Largest difference allowed, as a share of the largest expected value. */
  readonly relative: number;
  readonly absolute: number;
  /** Minimum tolerance for rounding when no noise was measured, also as a share of the largest expected value. */
  readonly floor?: number | undefined;
  /**
   * Per output whose last activation the runtime computes with an error that does not depend on the size of the result: that error, as an absolute
   * difference.
   */
  readonly activation?: Readonly<Record<string, number>> | undefined;
  /** Per output with a tolerance of its own. */
  readonly outputs?: Readonly<Record<string, { readonly relative: number; readonly absolute: number }>> | undefined;
  /**
   * Noise of the original, as a share of its largest value: with other thread counts, with its input moved by one unit in the last place, with other
   * batch sizes, and between the runtime's plain and optimised kernels (which sum in a different order).
   */
  readonly noise: {
    readonly threads: number;
    readonly nudge: number;
    readonly batch: number | undefined;
    readonly kernels: number | undefined;
    /** With its weights moved by one unit in the last place; set if the conversion recomputed weights. */
    readonly weights?: number | undefined;
    /** With long means (over rows and columns in its head, and in its norms) taken in double precision. */
    readonly sums?: number | undefined;
    /** With its values in front of quantisers moved by some units in the last place; measured for a runtime of its own. */
    readonly roundings?: number | undefined;
    /** The converted model against itself: with its sums in a different order, in a runtime of its own, or with its long sums in double precision. */
    readonly order?: number | undefined;
  };
  /** Type whose units in the last place the noise is measured in, if not float. */
  readonly unit?: string | undefined;
  /** Criteria that replace the tolerance, or apply in addition to it if `from` is `options`. */
  readonly criteria?: Criteria | undefined;
  /**
   * `exact`: no tolerance, bit by bit. `criteria`: the measured tolerance applies only to outputs that the criteria do not cover. `measured`:
   * differences from the original are held to no bound.
   */
  readonly from: 'noise' | 'options' | 'exact' | 'criteria' | 'measured';
}

/** Effect of a rule: the source nodes that it rewrote. */
export interface Rewrite {
  readonly pass: string;
  readonly rule: string | undefined;
  readonly origin: readonly string[];
}

/** The first node whose output differs although its inputs are equal. */
export interface Departure {
  readonly node: string;
  readonly op: string;
  /** Nodes of the original that it corresponds to. */
  readonly origin: readonly string[];
  readonly value: string;
  /** Value of the original that it was compared with. */
  readonly original: string | undefined;
  /** Input on which the difference was seen. */
  readonly sample: string;
  readonly difference: Difference;
  /** Difference that noise explains at this node, as a share of the largest value. */
  readonly allowed: number | undefined;
  /**
   * Set if values are quantised: size of the difference as a share of the size of the value (root mean squares), and the share that quantisation
   * steps explain; the clipping range of the value, and the share of the original's values outside it.
   */
  readonly steps?:
    | {
        readonly error: number;
        readonly most: number;
        readonly range?: { readonly low: number; readonly high: number; readonly outside: number } | undefined;
      }
    | undefined;
  /** True if this node is the first with values that are NaN or infinite in one model only. */
  readonly notFinite: boolean;
  /** Its inputs: equal values, and their largest difference as a share. */
  readonly inputs: readonly { readonly value: string; readonly difference: number }[];
  /** Nodes between those inputs and this node that have no counterpart in the original. */
  readonly others: readonly { readonly node: string; readonly op: string }[];
  /** Passes and rules that made the node, where known. */
  readonly rewrites: readonly Rewrite[];
  /** Number of values compared, number of values with a counterpart in the original, and number of nodes. */
  readonly looked: number;
  readonly comparable: number;
  readonly of: number;
}

/** Node at which the original itself turns finite values into NaN or infinity. */
export interface NotFinite {
  readonly node: string;
  readonly op: string;
  readonly value: string;
  /** Its input values, all finite. */
  readonly inputs: readonly string[];
  readonly sample: string;
  /** The first such value: `NaN`, `Infinity`. */
  readonly number: string;
  readonly count: number;
  readonly of: number;
  /** True if the input of the model already contains such values. */
  readonly fed: boolean;
}

/** Scope of a comparison on integers. */
export interface ExactReport {
  /** Number of rounds, each with different integers. */
  readonly rounds: number;
  /** Values of the converted model that were compared, bit by bit. */
  readonly compared: readonly string[];
  /** Number of nodes of the converted model that were run exactly, and total number of nodes. */
  readonly nodes: number;
  readonly of: number;
  /** True if all outputs were among the compared values. */
  readonly isWhole: boolean;
  /** Nodes at which exact computation ended. */
  readonly stops: readonly { readonly node: string; readonly op: string; readonly reason: string }[];
  /** Weights whose values differ from those that this conversion produces. */
  readonly altered: readonly string[];
  /** Number of values that were taken modulo 16 or rounded down in both models, to keep sums exact. */
  readonly reduced: number;
  /** Smallest share of nonzero numbers among the compared values. */
  readonly alive: number;
}

export interface PicturesRead {
  readonly count: number;
  /** Name of the preprocessing. */
  readonly pixels: string;
  readonly assumed: boolean;
}

export interface VerifyReport {
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  readonly tolerance: Tolerance;
  readonly contract: Contract | undefined;
  /** Inputs and outputs that were matched, for models that are not conversions by this program. */
  readonly match?:
    | { readonly inputs: readonly PortMatch[]; readonly outputs: readonly (PortMatch & { readonly relation: Relation })[] }
    | undefined;
  /** Set if the converted model is an integer copy of a float network. */
  readonly quantised?: QuantisedReport | undefined;
  /** Set if inputs were pictures: their number, and how they were prepared; `assumed` if neither the user nor a model says. */
  readonly pictures?: PicturesRead | undefined;
  /** Set for a comparison on integers. */
  readonly exact?: ExactReport | undefined;
  /** First departure, if the models differ and it was found; otherwise the note says why it was not searched for or not found. */
  readonly departure?: Departure | undefined;
  readonly departureNote?: string | undefined;
  /** Set if the original produces NaN or infinity, even if both models agree on it. */
  readonly notFinite?: NotFinite | undefined;
  /** Set if the runtime's own graph optimisations change the original by more than its noise, which is a fault of the runtime. */
  readonly runtimeFault: Difference | undefined;
  /** Runs for measuring the noise of the original that failed, with the reason. They provide no information. */
  readonly unmeasured?: readonly string[] | undefined;
  readonly runtime: string;
  readonly seconds: number;
  /** Time budget of the verification in seconds, and the checks omitted to stay within it. */
  readonly budget?: { readonly seconds: number; readonly leftOut: readonly string[] } | undefined;
}

export { formatCheck, formatVerifyReport, noiseOf, toleranceText } from './report-text';
