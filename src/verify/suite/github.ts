/** Reports for GitHub Actions: annotations, which are lines of a job's output, and the job summary in Markdown. */
import { formatDiagnostic } from '../../diagnostics/format';
import { formatVerifyReport, type VerifyReport } from '../report';
import { failureLine } from './failure-line';
import { markdown } from './markdown';
import { outcomeOf, type PairOutcome, type SuiteReport } from './suite-report';

const TITLES = {
  equal: 'equal',
  different: 'different',
  measured: 'measured, held to no bound',
  unverified: 'not verified beyond the original size',
  'not reproducible': 'the original is not reproducible',
};

/** One line for each pair that is not equal, and one with the number of equal pairs. */
export function annotations(suite: SuiteReport): string[] {
  const equal = suite.pairs.filter((pair) => outcomeOf(pair) === 'equal').length;
  return [
    ...suite.pairs.filter((pair) => outcomeOf(pair) !== 'equal').map(annotation),
    command('notice', 'convolutionize verify', `${equal} of ${suite.pairs.length} pairs of models are equal`),
  ];
}

function annotation({ name, original, converted, report, error }: PairOutcome): string {
  if (!report) return command('error', `${name}: cannot be verified`, error ? formatDiagnostic(error) : '');
  return command(
    'error',
    `${name}: ${TITLES[report.verdict]}`,
    `${original} and ${converted}\n${whyNot(report)}${formatVerifyReport(report)}`,
  );
}

/** Summarises the difference in one line first, because GitHub shows only the first lines. */
function whyNot(report: VerifyReport): string {
  const failed = report.checks.find(({ status }) => status === 'different');
  return failed ? `${failed.name}: ${failureLine(failed, report)}\n` : '';
}

const command = (kind: 'error' | 'notice', title: string, message: string): string =>
  `::${kind} title=${property(title)}::${data(message)}`;

const data = (text: string): string => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
const property = (text: string): string => data(text).replace(/:/g, '%3A').replace(/,/g, '%2C');

/** Maximum size of the summary of one step, in bytes. */
const LIMIT = 1024 * 1024;

export function summary(suite: SuiteReport): string {
  const whole = markdown(suite);
  const bytes = new TextEncoder().encode(whole);
  if (bytes.length < LIMIT) return whole;
  const note = '\n\n... cut: a step may write one megabyte\n';
  return new TextDecoder().decode(bytes.slice(0, LIMIT - 100)) + note;
}
