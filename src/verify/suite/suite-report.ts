/** Verdicts on one pair of models or many, as a plain object that survives JSON: what every reporter prints, and `--merge` reads back. */
import { notAReport } from '../../diagnostics/catalogue';
import type { Diagnostic } from '../../diagnostics/compile-error';
import { parseJson } from '../../formats/json';
import { misfit } from '../../formats/schemas';
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

/** Reads what `reportToJson` wrote. `file` is for messages. Throws CompileError NOT_A_REPORT. */
export function suiteFromJson(text: string, file: string): SuiteReport {
  let written: unknown;
  try {
    written = parseJson(text);
  } catch (error) {
    throw notAReport(file, `it is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  const wrong = misfit('verifySuite', written);
  if (wrong) throw notAReport(file, wrong.message);
  // Numbers that JSON has no word for. Lists hold none; fields of texts are known by name, since a node may be called NaN.
  return JSON.parse(text.replace(/^\ufeff/, ''), function (this: unknown, key: string, each: unknown) {
    return isNumberWord(each) && !TEXTS.has(key) && !Array.isArray(this) ? Number(each) : each;
  });
}

const isNumberWord = (value: unknown): value is string => value === 'NaN' || value === 'Infinity' || value === '-Infinity';
const TEXTS = new Set([
  ...['number', 'node', 'op', 'value', 'original', 'converted', 'name', 'sample', 'pass', 'rule', 'note', 'message', 'meaning', 'reason'],
  ...['unit', 'kind', 'input', 'runtime', 'departureNote', 'program', 'code', 'hint', 'file', 'relation'],
]);
