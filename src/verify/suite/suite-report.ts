/** Verdicts on one pair of models or many, as a plain object that survives JSON: what every reporter prints, and `--merge` reads back. */
import type { Diagnostic } from '../../diagnostics/compile-error';
import type { Verdict, VerifyReport } from '../report';
import { worstVerdict } from '../verdict';

export const FORMAT = 'convolutionize verify';

export interface SuiteReport {
  readonly format: typeof FORMAT;
  /** Of the format. */
  readonly version: 1;
  /** The version of the program. */
  readonly program: string;
  /** Seconds since 1970, UTC: when it began. */
  readonly started: number;
  /** Where this is one of several parts. */
  readonly shard?: Shard | undefined;
  readonly pairs: readonly PairOutcome[];
}

export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly of: number;
  /** What is split: the samples of a pair, or the list of pairs. */
  readonly by: 'samples' | 'pairs';
}

export interface PairOutcome {
  readonly name: string;
  readonly original: string;
  readonly converted: string;
  /** Absent where the two could not be run or compared. */
  readonly report?: VerifyReport | undefined;
  readonly error?: Diagnostic | undefined;
}

export type Outcome = Verdict | 'error';

export const outcomeOf = ({ report }: PairOutcome): Outcome => report?.verdict ?? 'error';

/** What could not be judged is worse than a difference: nobody knows. */
export function suiteOutcome({ pairs }: SuiteReport): Outcome {
  const outcomes = pairs.map(outcomeOf);
  return outcomes.includes('error') ? 'error' : worstVerdict(...outcomes.filter((outcome) => outcome !== 'error'));
}

/** docs/schemas/verify-report.schema.json says what is in it. JSON has no NaN and no infinities: they are written as strings. */
export function reportToJson(report: SuiteReport | VerifyReport | undefined): string {
  return JSON.stringify(report, (_, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value), 2);
}

/** undefined: it is no such report. */
export function suiteFromJson(text: string): SuiteReport | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text, (key, each: unknown) =>
      (each === 'NaN' || each === 'Infinity' || each === '-Infinity') && key !== 'number' ? Number(each) : each,
    );
  } catch {
    return undefined;
  }
  return isSuite(value) ? value : undefined;
}

function isSuite(value: unknown): value is SuiteReport {
  if (typeof value !== 'object' || value === null || !('format' in value) || !('pairs' in value)) return false;
  return value.format === FORMAT && 'version' in value && value.version === 1 && Array.isArray(value.pairs);
}
