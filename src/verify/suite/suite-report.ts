/** Verdicts on one or several pairs of models, as a plain object that can be written as JSON: all reporters print it, and `--merge` reads it back. */
import { notAReport } from '../../diagnostics/catalogue';
import type { Diagnostic } from '../../diagnostics/compile-error';
import { parseJson } from '../../formats/json';
import { misfit } from '../../formats/schemas';
import type { Verdict, VerifyReport } from '../report';
import { worstVerdict } from '../verdict';

export const FORMAT = 'convolutionize verify';

export interface SuiteReport {
  readonly format: typeof FORMAT;
  /** Format version. */
  readonly version: 1;
  /** Version of this program. */
  readonly program: string;
  /** Start time in seconds since 1970, UTC. */
  readonly started: number;
  /** Set if this report is one of several parts. */
  readonly shard?: Shard | undefined;
  readonly pairs: readonly PairOutcome[];
}

export interface Shard {
  /** Counted from 1. */
  readonly index: number;
  readonly of: number;
  /** Unit of splitting: the samples of a pair, or the list of pairs. */
  readonly by: 'samples' | 'pairs';
}

export interface PairOutcome {
  readonly name: string;
  readonly original: string;
  readonly converted: string;
  /** Absent if the two models could not be run or compared. */
  readonly report?: VerifyReport | undefined;
  readonly error?: Diagnostic | undefined;
}

export type Outcome = Verdict | 'error';

export const outcomeOf = ({ report }: PairOutcome): Outcome => report?.verdict ?? 'error';

/** An error is worse than a difference, because the outcome is unknown. */
export function suiteOutcome({ pairs }: SuiteReport): Outcome {
  const outcomes = pairs.map(outcomeOf);
  return outcomes.includes('error') ? 'error' : worstVerdict(...outcomes.filter((outcome) => outcome !== 'error'));
}

/** Writes a report as JSON, described by docs/schemas/verify-report.schema.json. JSON has no NaN or infinity: they are written as strings. */
export function reportToJson(report: SuiteReport | VerifyReport | undefined): string {
  return JSON.stringify(report, (_, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value), 2);
}

/** Reads the output of `reportToJson`. `file` is used in messages. Throws CompileError NOT_A_REPORT. */
export function suiteFromJson(text: string, file: string): SuiteReport {
  let written: unknown;
  try {
    written = parseJson(text);
  } catch (error) {
    throw notAReport(file, `it is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  const wrong = misfit('verifySuite', written);
  if (wrong) throw notAReport(file, wrong.message);
  // Restores numbers that JSON cannot represent. Lists contain none; text fields are excluded by name, because a node may be called NaN.
  return JSON.parse(text.replace(/^\ufeff/, ''), function (this: unknown, key: string, each: unknown) {
    return isNumberWord(each) && !TEXTS.has(key) && !Array.isArray(this) ? Number(each) : each;
  });
}

const isNumberWord = (value: unknown): value is string => value === 'NaN' || value === 'Infinity' || value === '-Infinity';
const TEXTS = new Set([
  ...['number', 'node', 'op', 'value', 'original', 'converted', 'name', 'sample', 'pass', 'rule', 'note', 'message', 'meaning', 'reason'],
  ...['unit', 'kind', 'input', 'runtime', 'departureNote', 'program', 'code', 'hint', 'file', 'relation'],
]);
