/** What a verification found: a plain object for machines; report-text.ts tells it to people. */
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
    | 'crops at that size';
  /** `partial`: equal as far as it went, which is not as far as the contract goes. `measured`: seen in full, and held to no bound. */
  readonly status: 'equal' | 'different' | 'measured' | 'informative' | 'partial' | 'skipped';
  /** Whether the contract speaks of it: "equal" needs it then. */
  readonly required?: boolean | undefined;
  /** Per output: the worst difference over all inputs of the check. */
  readonly outputs: Readonly<Record<string, Difference>>;
  /** Per output with classes: how often both models name the same. */
  readonly agreement?: Readonly<Record<string, Agreement>> | undefined;
  /** Sizes of the images, height x width. */
  readonly sizes: readonly string[];
  readonly cells: number;
  /** Share of cells whose best class is the same, where that is not implied. */
  readonly sameBest?: number | undefined;
  /** Why it was skipped, or what a reader should know. */
  readonly note?: string | undefined;
}

/**
 * `unverified`: equal at the original size, and beyond it something that the contract speaks of could not be looked at. `not reproducible`: no difference
 * was found, but the original differs from itself so much that this says little. `measured`: weights were stored in fewer bits, so that the numbers cannot be
 * those of the original; all was looked at, what that costs is in the report, and nothing is said of whether it is little enough.
 */
export type Verdict = 'equal' | 'different' | 'unverified' | 'not reproducible' | 'measured';

/** What the user calls close enough. */
export interface Criteria {
  /** Share of cases in which both models name the same best class, at least; over all inputs. */
  readonly minAgreement?: number | undefined;
  /** Of the scores, at least; on each input. */
  readonly cosine?: number | undefined;
}

/** Of a copy in integers of a float network. */
export interface QuantisedReport {
  /** `QDQ`: floats between quantisers; `integers`: operators that compute in integers; `dynamic`: scales are computed while it runs; `weights`: weights alone. */
  readonly kind: 'QDQ' | 'integers' | 'dynamic' | 'weights';
  /** Inputs that are quantised at once: what they are cut off at, and the share of the numbers they were fed that lies outside. */
  readonly ranges: readonly { readonly input: string; readonly low: number; readonly high: number; readonly outside: number }[];
}

export interface Tolerance {
  /** Largest difference allowed, as a share of the largest expected number. */
  readonly relative: number;
  readonly absolute: number;
  /** What is left to rounding where no noise was measured, as a share as well. */
  readonly floor?: number | undefined;
  /** Of outputs that end in an activation which the runtime computes with an error of its own, whatever the size of its result: an absolute difference. */
  readonly activation?: Readonly<Record<string, number>> | undefined;
  /** Of outputs that were given one of their own. */
  readonly outputs?: Readonly<Record<string, { readonly relative: number; readonly absolute: number }>> | undefined;
  /**
   * How the original differs from itself, as a share of its largest number: between numbers of threads, when its input moves by one unit in the last
   * place, between batch sizes, and between the runtime's plain and optimised kernels (which add in other orders).
   */
  readonly noise: {
    readonly threads: number;
    readonly nudge: number;
    readonly batch: number | undefined;
    readonly kernels: number | undefined;
    /** When its weights move by one unit in the last place, where the conversion rounded weights anew. */
    readonly weights?: number | undefined;
    /** When the means over rows and columns in its head, and those of its norms, are taken in double precision, where they are long. */
    readonly sums?: number | undefined;
    /** The converted model in a runtime of its own, when its sums are taken in another order. */
    readonly order?: number | undefined;
  };
  /** The type whose units in the last place the noise is measured in, where that is not float. */
  readonly unit?: string | undefined;
  /** What is asked in place of it, or beside it where `from` is `options`. */
  readonly criteria?: Criteria | undefined;
  /** `exact`: none, bit by bit. `criteria`: only outputs that these say nothing about are held to what was measured. `measured`: differences to the original are held to no bound. */
  readonly from: 'noise' | 'options' | 'exact' | 'criteria' | 'measured';
}

/** What a rule did: the source nodes that it made something of. */
export interface Rewrite {
  readonly pass: string;
  readonly rule: string | undefined;
  readonly origin: readonly string[];
}

/** The first node whose output departs while what it is computed from is equal. */
export interface Departure {
  readonly node: string;
  readonly op: string;
  /** The nodes of the original that it stands for. */
  readonly origin: readonly string[];
  readonly value: string;
  /** The value of the original that it was compared with. */
  readonly original: string | undefined;
  /** The input on which it was seen. */
  readonly sample: string;
  readonly difference: Difference;
  /** The difference that noise explains there, as a share of the largest number. */
  readonly allowed: number | undefined;
  /**
   * Where values are rounded to steps: the size of the difference as a share of the size of the value (root mean squares), and the share that steps explain; what
   * the value is cut off at, and the share of the original's numbers that lie outside.
   */
  readonly steps?:
    | {
        readonly error: number;
        readonly most: number;
        readonly range?: { readonly low: number; readonly high: number; readonly outside: number } | undefined;
      }
    | undefined;
  /** Numbers that are NaN or infinite in one model only are born here. */
  readonly notFinite: boolean;
  /** What it is computed from: equal values, and their largest difference as a share. */
  readonly inputs: readonly { readonly value: string; readonly difference: number }[];
  /** Nodes between those and this one that have no counterpart in the original. */
  readonly others: readonly { readonly node: string; readonly op: string }[];
  /** The passes and rules that made the node, where they are known. */
  readonly rewrites: readonly Rewrite[];
  /** Values that were looked at, of so many that have a counterpart in the original, in so many nodes. */
  readonly looked: number;
  readonly comparable: number;
  readonly of: number;
}

/** Where the original itself makes NaN or infinity of finite numbers. */
export interface NotFinite {
  readonly node: string;
  readonly op: string;
  readonly value: string;
  /** Values that it is computed from, all finite. */
  readonly inputs: readonly string[];
  readonly sample: string;
  /** The first of them: `NaN`, `Infinity`. */
  readonly number: string;
  readonly count: number;
  readonly of: number;
  /** Whether the input of the model has such numbers already. */
  readonly fed: boolean;
}

/** What a comparison on integers was about. */
export interface ExactReport {
  /** Each with other integers. */
  readonly rounds: number;
  /** Values of the converted model that were compared, bit by bit. */
  readonly compared: readonly string[];
  /** Nodes of the converted model that were run exactly, of so many. */
  readonly nodes: number;
  readonly of: number;
  /** Whether all outputs were among them. */
  readonly isWhole: boolean;
  /** Where it ended. */
  readonly stops: readonly { readonly node: string; readonly op: string; readonly reason: string }[];
  /** Weights that have other numbers than this conversion gives them. */
  readonly altered: readonly string[];
  /** Values that were taken modulo 16 or rounded down in both models, so that sums stay exact. */
  readonly reduced: number;
  /** The smallest share of numbers that are not zero, among what was compared. */
  readonly alive: number;
}

export interface VerifyReport {
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  readonly tolerance: Tolerance;
  readonly contract: Contract | undefined;
  /** What was held against what, for models that are no conversion of this program's. */
  readonly match?:
    | { readonly inputs: readonly PortMatch[]; readonly outputs: readonly (PortMatch & { readonly relation: Relation })[] }
    | undefined;
  /** Set where the converted model is a copy in integers of a float network. */
  readonly quantised?: QuantisedReport | undefined;
  /** Of a comparison on integers. */
  readonly exact?: ExactReport | undefined;
  /** Where they first part, if they differ and it was found; or why it was not looked for. */
  readonly departure?: Departure | undefined;
  readonly departureNote?: string | undefined;
  /** Set where the original gives NaN or infinity, of which both models may agree. */
  readonly notFinite?: NotFinite | undefined;
  /** Set where the runtime's own graph optimisations change the original by more than its noise: a fault of the runtime. */
  readonly runtimeFault: Difference | undefined;
  /** What was to be run to measure the noise of the original, and failed, with the reason. Nothing is known of it. */
  readonly unmeasured?: readonly string[] | undefined;
  readonly runtime: string;
  readonly seconds: number;
  /** How far the verification reached: the seconds that were planned for, and what was left out for want of them. */
  readonly budget?: { readonly seconds: number; readonly leftOut: readonly string[] } | undefined;
}

export { formatCheck, formatVerifyReport, noiseOf, toleranceText } from './report-text';
