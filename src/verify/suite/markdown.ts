/** Formats verdicts as Markdown: a table of all pairs, then the differing ones in full. For job summaries, issues and pull requests. */
import { formatDiagnostic } from '../../diagnostics/format';
import type { Difference } from '../compare';
import { formatVerifyReport, toleranceText, type VerifyReport } from '../report';
import { block, code, inline } from './markdown-text';
import { outcomeOf, type PairOutcome, type SuiteReport, suiteOutcome } from './suite-report';

const MARKS = {
  equal: '✅ equal',
  different: '❌ different',
  measured: '📏 measured, held to no bound',
  unverified: '❔ not verified beyond the original size',
  'not reproducible': '❔ the original is not reproducible',
  error: '⚠️ error',
} as const;

export function markdown(suite: SuiteReport): string {
  const { pairs, shard } = suite;
  const equal = pairs.filter((pair) => outcomeOf(pair) === 'equal').length;
  const part = shard ? `, part ${shard.index} of ${shard.of}` : '';
  const rows = pairs.map((pair) => [
    MARKS[outcomeOf(pair)],
    inline(pair.name),
    pair.report ? inline(largest(pair.report)) : inline(pair.error?.message ?? ''),
    pair.report ? (pair.report.tolerance.from === 'measured' ? 'measured' : pair.report.tolerance.relative.toExponential(1)) : '',
    pair.report ? classes(pair.report) : '',
    pair.report ? `${pair.report.seconds.toFixed(1)} s` : '',
  ]);
  const failed = pairs.filter((pair) => outcomeOf(pair) !== 'equal');
  return [
    `## convolutionize verify: ${suiteOutcome(suite) === 'equal' ? 'equal' : suiteOutcome(suite)} (${equal} of ${pairs.length}${part})`,
    '',
    '| | pair | largest difference | allowed | same best class | time |',
    '|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    ...failed.flatMap(details),
    '',
  ].join('\n');
}

function details(pair: PairOutcome): string[] {
  const { report, error } = pair;
  const body = report ? formatVerifyReport(report) : error ? formatDiagnostic(error) : '';
  const departure = report?.departure;
  return [
    '',
    `### ${inline(pair.name)}`,
    '',
    `${code(pair.original)} and ${code(pair.converted)}`,
    ...(departure ? ['', `First departs at **${inline(departure.op)} ${code(departure.node)}**.`] : []),
    ...(report ? ['', `Allowed: ${inline(toleranceText(report.tolerance))}`] : []),
    '',
    ...block(body),
  ];
}

/** The worst difference of the checks that count for the verdict. */
function largest({ checks }: VerifyReport): string {
  const counted = checks
    .filter(({ status }) => status === 'equal' || status === 'measured' || status === 'partial' || status === 'different')
    .flatMap(({ outputs }) => Object.entries(outputs));
  const [worst] = counted.sort(([, a], [, b]) => b.broken - a.broken || b.maxRel - a.maxRel);
  if (!worst) return '';
  const [output, difference]: [string, Difference] = worst;
  return difference.broken > 0
    ? `${difference.broken} numbers of ${output} not finite or missing`
    : `${difference.maxRel.toExponential(1)} (${output})`;
}

function classes({ checks }: VerifyReport): string {
  const shares = checks.flatMap(({ agreement }) => Object.values(agreement ?? {}).map(({ sameBest }) => sameBest));
  return shares.length === 0 ? '' : `${Number((100 * Math.min(...shares)).toFixed(1))} %`;
}
