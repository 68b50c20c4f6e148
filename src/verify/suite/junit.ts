/**
 * JUnit XML in the schema of Apache Ant's reports, which CI systems read: a suite per pair, a case per check.
 * A difference is a failure; a pair that could not be run or compared is an error; a check that was not made is skipped.
 */

import { formatDiagnostic } from '../../diagnostics/format';
import { xmlCharacters } from '../../diagnostics/hidden';
import { judgedText } from '../exact/text';
import { type Check, formatCheck, formatVerifyReport } from '../report';
import { failureLine } from './failure-line';
import type { PairOutcome, SuiteReport } from './suite-report';

export function junit(suite: SuiteReport): string {
  const suites = suite.pairs.map((pair, id) => suiteXml(pair, id, suite));
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites, '</testsuites>', ''].join('\n');
}

function suiteXml(pair: PairOutcome, id: number, { program, started }: SuiteReport): string {
  const checks = pair.report?.checks ?? [];
  const seconds = pair.report?.seconds ?? 0;
  const attributes = {
    package: 'convolutionize.verify',
    id,
    name: token(pair.name),
    // The schema requires a timestamp without a time zone; this is UTC.
    timestamp: new Date(started * 1000).toISOString().slice(0, 19),
    hostname: 'localhost',
    tests: pair.report ? checks.length : 1,
    failures: checks.filter(isFailure).length,
    errors: pair.report ? 0 : 1,
    skipped: checks.filter((check) => check.status === 'skipped' && !isFailure(check)).length,
    time: seconds.toFixed(3),
  };
  const properties = {
    original: pair.original,
    converted: pair.converted,
    'convolutionize.version': program,
    ...(pair.report && { 'convolutionize.verdict': pair.report.verdict }),
    ...(pair.report?.exact && { 'convolutionize.judged': judgedText(pair.report.exact) }),
  };
  const cases = pair.report
    ? checks.map((check) => caseXml(pair, check, seconds / Math.max(1, checks.length)))
    : [
        element(
          'testcase',
          caseAttributes(pair, 'run', 0),
          element(
            'error',
            { message: pair.error?.message ?? '', type: pair.error?.code ?? 'error' },
            text(pair.error ? formatDiagnostic(pair.error) : ''),
          ),
        ),
      ];
  return element(
    'testsuite',
    attributes,
    [
      element(
        'properties',
        {},
        Object.entries(properties)
          .map(([name, value]) => element('property', { name, value }))
          .join('\n'),
      ),
      ...cases,
      element('system-out', {}, text(pair.report ? formatVerifyReport(pair.report) : '')),
      element('system-err', {}),
    ].join('\n'),
  );
}

/** True for differences, and for checks that the verdict requires but that could not be completed. */
const isFailure = ({ status, required }: Check): boolean =>
  status === 'different' || (required === true && status !== 'equal' && status !== 'measured');

const caseAttributes = (pair: PairOutcome, name: string, seconds: number): Attributes => ({
  name: token(name),
  classname: token(pair.name),
  time: seconds.toFixed(3),
});

function caseXml(pair: PairOutcome, check: Check, seconds: number): string {
  const lines = formatCheck(check).map((line) => line.trim());
  const inside =
    check.status === 'different'
      ? element(
          'failure',
          { message: token(pair.report ? failureLine(check, pair.report) : (lines[0] ?? '')), type: 'different' },
          text(pair.report ? formatVerifyReport(pair.report) : lines.join('\n')),
        )
      : isFailure(check)
        ? element('failure', { message: token(`not verified: ${lines[0] ?? ''}`), type: 'unverified' }, text(lines.join('\n')))
        : check.status === 'skipped'
          ? element('skipped', { message: check.note ?? '' })
          : '';
  return element('testcase', caseAttributes(pair, check.name, seconds), inside);
}

type Attributes = Readonly<Record<string, string | number>>;

function element(name: string, attributes: Attributes, content = ''): string {
  const opening = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${text(String(value))}"`)].join(' ');
  if (content === '') return `<${opening}/>`;
  const isText = !content.startsWith('<');
  return isText ? `<${opening}>${content}</${name}>` : `<${opening}>\n${content}\n</${name}>`;
}

/** Collapses white space; an empty name becomes '-'. */
const token = (value: string): string => value.replace(/\s+/g, ' ').trim() || '-';

/** XML forbids control characters, even escaped ones. */
const text = (value: string): string =>
  xmlCharacters(value, '\t\n\r')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/\n/g, '&#10;')
    .replace(/\r/g, '&#13;');
