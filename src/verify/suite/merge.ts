/** Merges the reports of several parts into one. */
import { mergeIncomplete, mergeMixed } from '../../diagnostics/catalogue';
import { table } from '../../ir/table';
import { agreeingOverall, worse } from '../compare';
import type { Check, Tolerance, VerifyReport } from '../report';
import { agreesEnough } from '../results';
import { verdictOf, worstVerdict } from '../verdict';
import type { PairOutcome, SuiteReport } from './suite-report';

/** Throws CompileError MERGE_INCOMPLETE if a part is missing or duplicated, MERGE_MIXED if parts are of different kinds. */
export function mergeSuites(files: readonly { readonly file: string; readonly suite: SuiteReport }[]): SuiteReport {
  const suites = files.map(({ suite }) => suite);
  const [first] = suites;
  if (!first) throw mergeIncomplete('there is no report', '');
  requireComplete(files);
  const pairs = new Map<string, PairOutcome>();
  for (const pair of suites.flatMap((suite) => suite.pairs)) {
    const key = JSON.stringify([pair.name, pair.original, pair.converted]);
    const known = pairs.get(key);
    pairs.set(key, known ? joined(known, pair) : pair);
  }
  return {
    format: first.format,
    version: first.version,
    program: first.program,
    started: Math.min(...suites.map(({ started }) => started)),
    pairs: [...pairs.values()],
  };
}

function requireComplete(files: readonly { readonly file: string; readonly suite: SuiteReport }[]): void {
  const shards = files.flatMap(({ file, suite }) => (suite.shard ? [{ file, ...suite.shard }] : []));
  const [first] = shards;
  if (!first) return;
  const other = shards.find(({ of, by }) => of !== first.of || by !== first.by);
  if (other || shards.length !== files.length) throw mergeMixed(other?.file ?? files.find(({ suite }) => !suite.shard)?.file ?? '');
  for (let index = 1; index <= first.of; index++) {
    const found = shards.filter((shard) => shard.index === index);
    if (found.length === 0) throw mergeIncomplete(`part ${index} of ${first.of} is missing`, first.file);
    if (found.length > 1) throw mergeIncomplete(`part ${index} of ${first.of} is there twice`, found[1]?.file ?? '');
  }
}

/** Merges two parts of one pair: the worse of both. */
function joined(a: PairOutcome, b: PairOutcome): PairOutcome {
  if (!a.report || !b.report) return a.report ? b : a;
  return { ...a, report: joinedReports(a.report, b.report) };
}

function joinedReports(a: VerifyReport, b: VerifyReport): VerifyReport {
  const wider = b.tolerance.relative > a.tolerance.relative ? b : a;
  const checks = a.checks.map((check, at) =>
    joinedChecks(check, b.checks.find(({ name }) => name === check.name) ?? b.checks[at], wider.tolerance),
  );
  // A criterion for the share of all inputs says nothing about a part of them, so the whole is judged again.
  const isAsked = wider.tolerance.from === 'criteria';
  return {
    ...a,
    verdict: isAsked ? verdictOf(checks, 0, wider.tolerance) : worstVerdict(a.verdict, b.verdict),
    checks,
    tolerance: wider.tolerance,
    departure: a.departure ?? b.departure,
    departureNote: a.departureNote ?? b.departureNote,
    notFinite: a.notFinite ?? b.notFinite,
    runtimeFault: a.runtimeFault && b.runtimeFault ? worse(a.runtimeFault, b.runtimeFault) : (a.runtimeFault ?? b.runtimeFault),
    ...((a.unmeasured || b.unmeasured) && { unmeasured: [...new Set([...(a.unmeasured ?? []), ...(b.unmeasured ?? [])])] }),
    seconds: a.seconds + b.seconds,
  };
}

const WORST_FIRST = ['different', 'informative', 'skipped', 'partial', 'measured', 'equal'] as const;

function joinedChecks(a: Check, b: Check | undefined, tolerance: Tolerance): Check {
  if (!b) return a;
  const status = WORST_FIRST.find((each) => each === a.status || each === b.status) ?? a.status;
  const names = new Set([...Object.keys(a.outputs), ...Object.keys(b.outputs)]);
  const outputs: Record<string, Check['outputs'][string]> = table({});
  const agreement: Record<string, NonNullable<Check['agreement']>[string]> = table({});
  for (const name of names) {
    const [one, other] = [a.outputs[name], b.outputs[name]];
    const both = one && other ? worse(one, other) : (one ?? other);
    if (both) outputs[name] = both;
    const agreed = agreeingOverall(a.agreement?.[name], b.agreement?.[name]);
    if (agreed) agreement[name] = agreed;
  }
  // Each part of the samples contains the first one, on which the noise is measured.
  const samples = a.name === 'outputs' || a.name === 'original size';
  const anew =
    samples && isAllAsked(outputs, agreement, tolerance) ? (meetsAll(outputs, agreement, tolerance) ? 'equal' : 'different') : status;
  return { ...a, status: anew, outputs, agreement, cells: samples ? a.cells + b.cells - 1 : a.cells };
}

/** True if the user's criteria alone decide the check. */
const isAllAsked = (outputs: Check['outputs'], agreement: NonNullable<Check['agreement']>, { from, criteria }: Tolerance): boolean =>
  from === 'criteria' && (criteria?.cosine !== undefined || Object.keys(outputs).every((name) => agreement[name]));

const meetsAll = (outputs: Check['outputs'], agreement: NonNullable<Check['agreement']>, tolerance: Tolerance): boolean =>
  Object.values(outputs).every(({ broken, cosine }) => broken === 0 && cosine >= (tolerance.criteria?.cosine ?? -1)) &&
  Object.values(agreement).every((agreed) => agreesEnough(agreed, tolerance));
