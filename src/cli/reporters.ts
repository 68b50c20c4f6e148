/** Where verdicts go: reporters and their files. Files are replaced, as reports in CI are; one that cannot be written is told before anything is run. */
import { appendFileSync, existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { badOption, cannotWrite, usage } from '../diagnostics/catalogue';
import { formatDiagnostic, printable } from '../diagnostics/format';
import { reasonOf } from '../files/file-source';
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
  /** undefined: printed. */
  readonly file: string | undefined;
}

/** `--reporter junit=report.xml`, or `--reporter junit --output-file.junit report.xml`; github by itself in GitHub Actions. */
export function reportersOf(
  texts: readonly string[] | undefined,
  files: Readonly<Partial<Record<ReporterName | '', string | undefined>>>,
  { inActions, json }: { readonly inActions: boolean; readonly json: boolean },
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
  // What stands in a file says nothing to who looks on.
  const isSilent =
    !json && given.every(({ name, file }) => file !== undefined || name === 'github') && !given.some(({ name }) => name === 'text');
  const list: Reporting[] = isSilent ? [{ name: 'text', file: undefined }, ...given] : given;
  if (list.filter(({ file, name }) => file === undefined && name !== 'github').length > 1)
    throw usage('two reporters would print at once; give one of them a file: --reporter junit=report.xml', 'verify');
  if (inActions && !list.some(({ name }) => name === 'github')) list.push({ name: 'github', file: undefined });
  for (const { file } of list) if (file !== undefined) requireWritable(file);
  return list;
}

function requireWritable(file: string): void {
  if (!existsSync(dirname(file))) throw cannotWrite(file, 'its directory does not exist');
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw cannotWrite(file, 'it is a directory');
}

export function tellSuite(suite: SuiteReport, reporters: readonly Reporting[], terminal: Terminal, isAlone: boolean): void {
  for (const reporter of reporters) {
    if (reporter.name === 'github') tellGithub(suite, reporter, reporters, terminal);
    else {
      const text = { text: textOf, json: reportToJson, junit, markdown }[reporter.name](suite, isAlone);
      if (reporter.file !== undefined) write(reporter.file, text);
      else if (reporter.name === 'text') terminal.report(text.split('\n'));
      else terminal.result(text);
    }
  }
}

function tellGithub(suite: SuiteReport, { file }: Reporting, all: readonly Reporting[], terminal: Terminal): void {
  const lines = annotations(suite);
  const isTaken = all.some((other) => other.file === undefined && other.name !== 'github' && other.name !== 'text');
  if (file !== undefined) write(file, lines.join('\n'));
  // GitHub reads both streams; what a machine reads on one of them stays whole.
  else if (isTaken) terminal.aside(lines.join('\n'));
  else terminal.result(lines.join('\n'));
  const page = terminal.variable('GITHUB_STEP_SUMMARY');
  if (page) orCannotWrite(page, () => appendFileSync(page, `${summary(suite)}\n`));
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

/** Whole or not there. */
function write(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    orCannotWrite(file, () => {
      writeFileSync(temporary, text.endsWith('\n') ? text : `${text}\n`);
      renameSync(temporary, file);
    });
  } finally {
    rmSync(temporary, { force: true });
  }
}

function orCannotWrite(file: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw cannotWrite(file, reasonOf(error));
  }
}
