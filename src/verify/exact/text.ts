/** Formats the scope of a comparison on integers. */
import type { ExactReport } from '../report';

const MANY = 4;

/** Share of the network that a verdict covers, as text. */
export const judgedText = ({ nodes, of }: Pick<ExactReport, 'nodes' | 'of'>): string => `${nodes} of ${of} nodes judged`;

export function exactLines({ nodes, of, isWhole, compared, stops, altered, reduced, alive }: ExactReport): string[] {
  const some = (list: readonly string[]): string =>
    list.slice(0, MANY).join(', ') + (list.length > MANY ? ` and ${list.length - MANY} more` : '');
  return [
    `${isWhole ? 'the whole network' : `${nodes} of ${of} nodes`}, compared at ${some(compared.map((name) => `'${name}'`))}`,
    ...(stops.length > 0 ? [`ends at ${some(stops.map(({ op, node, reason }) => `${op} '${node}' (${reason})`))}`] : []),
    ...(altered.length > 0 ? [`weights with other numbers than this conversion gives: ${some(altered.map((name) => `'${name}'`))}`] : []),
    ...(reduced > 0 ? [`${reduced} values were taken modulo 16 or rounded down in both models, so that sums stay exact`] : []),
    ...(alive < 0.05 ? [`only ${(100 * alive).toFixed(1)} % of the numbers compared are not zero: little could be seen`] : []),
  ];
}
