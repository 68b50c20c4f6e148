/** Formats the location of a departure as text. */
import type { Departure, NotFinite } from '../report';

/** Lines without indentation. */
export function departureLines(departure: Departure): string[] {
  const { node, op, origin, original, value, difference, inputs, others, rewrites, sample, allowed } = departure;
  const { worst, maxRel, broken } = difference;
  const { steps } = departure;
  const range = steps?.range;
  const at = worst?.at ? ` at [${worst.at.join(', ')}]` : '';
  const stands = origin.filter((name) => name !== node);
  const names = value === original || original === undefined ? `'${value}'` : `'${value}' (in the original '${original}')`;
  return [
    `${op} '${node}'${stands.length > 0 ? `, which stands for ${stands.map((name) => `'${name}'`).join(', ')}` : ''}`,
    departure.notFinite
      ? `${broken} numbers of ${names} are NaN, infinite or missing on one side: expected ${worst?.expected}, got ${worst?.actual}${at}`
      : steps
        ? `${names}: off by ${percent(steps.error)} of its size, where integers explain ${percent(steps.most)}; the largest difference is ${maxRel.toExponential(1)} of its largest number: expected ${worst?.expected}, got ${worst?.actual}${at}`
        : `${names} differs by ${maxRel.toExponential(1)} of its largest number${allowed === undefined ? '' : ` (noise explains ${allowed.toExponential(1)})`}: expected ${worst?.expected}, got ${worst?.actual}${at}`,
    ...(range && range.outside > 0
      ? [
          `${percent(range.outside)} of its numbers in the original lie outside of ${short(range.low)} to ${short(range.high)}, for which it was calibrated, and are cut off`,
        ]
      : []),
    inputs.length > 0
      ? `what it is computed from is ${steps === undefined ? 'equal' : 'near enough'}: ${inputs.map((input) => `'${input.value}'`).join(', ')}`
      : 'it is computed from the inputs of the model alone',
    ...(others.length > 0
      ? [
          `nodes in between without a counterpart: ${others
            .slice(0, 6)
            .map((other) => `${other.op} '${other.node}'`)
            .join(', ')}${others.length > 6 ? ` and ${others.length - 6} more` : ''}`,
        ]
      : []),
    ...(rewrites.length > 0
      ? [`made by ${rewrites.map(({ pass, rule }) => (rule === undefined || rule === pass ? pass : `${pass} (${rule})`)).join(', ')}`]
      : []),
    `seen on input '${sample}'; ${departure.looked} values were looked at, of ${departure.comparable} in ${departure.of} nodes that have a counterpart`,
  ];
}

const percent = (share: number): string => (share < 10 ? `${Number((100 * share).toPrecision(2))} %` : 'more than 1000 %');
const short = (number: number): string => String(Number(number.toPrecision(4)));

export const notFiniteText = ({ node, op, value, inputs, sample, number, count, of, fed }: NotFinite): string =>
  `the original gives ${number}: ${count} of ${of} numbers of '${value}' by ${op} '${node}', ${
    fed
      ? 'from an input that has such numbers already'
      : `of finite numbers${inputs.length > 0 ? ` (${inputs.map((name) => `'${name}'`).join(', ')})` : ''}`
  }; seen on input '${sample}'`;
