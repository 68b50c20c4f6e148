/**
 * Reporters of verdicts and their files. A report of an earlier run is replaced, as CI needs; any other file only with --force.
 * Files that cannot be written are reported before anything is run.
 */
import { readFileSync, statSync } from 'node:fs';
import { badOption, usage } from '../diagnostics/catalogue';
import { formatDiagnostic, harmless, printable } from '../diagnostics/format';
import { appendText, checkPlace, writeOutput } from '../output';
import { formatVerifyReport } from '../verify/report';
import { annotations, summary } from '../verify/suite/github';
import { junit } from '../verify/suite/junit';
import { markdown } from '../verify/suite/markdown';
import { type PairOutcome, reportToJson, type SuiteReport } from '../verify/suite/suite-report';
import type { Terminal } from './terminal';

export const REPORTERS = ['text', 'json', 'junit', 'markdown', 'github'] as const;
export type ReporterName = (typeof REPORTERS)[number];

export interface Reporting {
  readonly name: ReporterName;
  /** undefined: print. */
  readonly file: string | undefined;
}

/** `--reporter junit=report.xml`, or `--reporter junit --output-file.junit report.xml`; in GitHub Actions, github is added automatically. */
export function reportersOf(
  texts: readonly string[] | undefined,
  files: Readonly<Partial<Record<ReporterName | '', string | undefined>>>,
  {
    inActions,
    json,
    inputs = [],
    force = false,
  }: { readonly inActions: boolean; readonly json: boolean; readonly inputs?: readonly string[]; readonly force?: boolean },
): readonly Reporting[] {
  const given = (texts ?? [])
    .flatMap((text) => (text.includes('=') ? [text] : text.split(',')))
    .map((text) => {
      const [, name = '', file] = /^([^=]*)(?:=(.+))?$/s.exec(text) ?? [];
      const known = REPORTERS.find((reporter) => reporter === name);
      if (!known) throw badOption('reporter', text, `${REPORTERS.join(', ')}, each perhaps with a file: junit=report.xml`);
      return { name: known, file: file ?? files[known] ?? (known === 'text' || known === 'github' ? undefined : files['']) };
    });
  for (const reporter of REPORTERS)
    if (files[reporter] !== undefined && !given.some(({ name }) => name === reporter))
      given.push({ name: reporter, file: files[reporter] });
  if (files[''] !== undefined && given.filter(({ file }) => file === files['']).length !== 1)
    throw usage('--output-file needs one --reporter that it is for; with several: --output-file.junit FILE', 'verify');
  // If no report would be printed for the user, the text is printed too.
  const isSilent =
    !json && given.every(({ name, file }) => file !== undefined || name === 'github') && !given.some(({ name }) => name === 'text');
  const list: Reporting[] = isSilent ? [{ name: 'text', file: undefined }, ...given] : given;
  if (list.filter(({ file, name }) => file === undefined && name !== 'github').length > 1)
    throw usage('two reporters would print at once; give one of them a file: --reporter junit=report.xml', 'verify');
  if (inActions && !list.some(({ name }) => name === 'github')) list.push({ name: 'github', file: undefined });
  const others: string[] = [];
  for (const { name, file } of list) {
    if (file === undefined) continue;
    checkPlace(file, { inputs, force, isOurs: isReport(name), others });
    others.push(file);
  }
  return list;
}

/** Text that every report of a kind contains. */
const MARKS: Readonly<Record<ReporterName, RegExp>> = {
  text: /^ {2}verdict {2,}\S|^error\[[A-Z_]+\]|pairs are equal/m,
  json: /"format": ?"convolutionize verify"/,
  junit: /^<\?xml[^>]*>\s*<testsuites>\s*(<testsuite [^>]*"convolutionize\.verify"|<\/testsuites>)/,
  markdown: /^## convolutionize verify: /,
  github: /^::notice title=convolutionize verify::/m,
};
const LARGEST_REPORT = 1 << 28;

/** Whether a file is a report of this kind from an earlier run. */
const isReport =
  (name: ReporterName) =>
  (file: string): boolean => {
    const { size } = statSync(file);
    return size > 0 && size < LARGEST_REPORT && MARKS[name].test(readFileSync(file, 'utf8'));
  };

export interface Telling {
  /** True if the suite is a single pair, given as two models. */
  readonly isAlone: boolean;
  readonly inputs: readonly string[];
  readonly force: boolean;
}

export function tellSuite(suite: SuiteReport, reporters: readonly Reporting[], terminal: Terminal, telling: Telling): void {
  const { isAlone } = telling;
  for (const reporter of reporters) {
    if (reporter.name === 'github') tellGithub(suite, reporter, reporters, terminal, telling);
    else {
      const text = { text: textOf, json: reportToJson, junit, markdown }[reporter.name](suite, isAlone);
      // The text may end up in a CI log.
      if (reporter.file !== undefined) write(reporter.name, reporter.file, reporter.name === 'text' ? harmless(text) : text, telling);
      else if (reporter.name === 'text') terminal.report(text.split('\n'));
      else terminal.result(text);
    }
  }
}

function tellGithub(suite: SuiteReport, { name, file }: Reporting, all: readonly Reporting[], terminal: Terminal, telling: Telling): void {
  const lines = annotations(suite);
  const isTaken = all.some((other) => other.file === undefined && other.name !== 'github' && other.name !== 'text');
  if (file !== undefined) write(name, file, lines.join('\n'), telling);
  // GitHub reads both streams; a machine-readable report on stdout must not be interleaved.
  else if (isTaken) terminal.commands(lines, 'stderr');
  else terminal.commands(lines, 'stdout');
  const page = terminal.variable('GITHUB_STEP_SUMMARY');
  if (page) appendText(page, `${summary(suite)}\n`);
}

const textOf = (suite: SuiteReport, isAlone: boolean): string => {
  const count = suite.pairs.filter(({ report }) => report?.verdict === 'equal').length;
  const part = suite.shard ? ` (part ${suite.shard.index} of ${suite.shard.of})` : '';
  return [...suite.pairs.map(pairText), ...(isAlone ? [] : [`${count} of ${suite.pairs.length} pairs are equal${part}`])].join('\n');
};

function pairText({ name, original, converted, report, error }: PairOutcome): string {
  const both = `${original} and ${converted}`;
  const title = name === both ? both : `${name}: ${both}`;
  return `${printable(title)}\n${report ? formatVerifyReport(report) : error ? formatDiagnostic(error) : ''}`;
}

const write = (name: ReporterName, file: string, text: string, { inputs, force }: Telling): void =>
  writeOutput(file, text.endsWith('\n') ? text : `${text}\n`, { inputs, force, isOurs: isReport(name) });
