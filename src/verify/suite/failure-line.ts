/** Reason for a failed check in one line: size of the difference, tolerance, position, and the first departing node. */
import type { Difference } from '../compare';
import type { Check, Tolerance, VerifyReport } from '../report';
import { agreesEnough, isWithin } from '../results';

export function failureLine(check: Check, { tolerance, departure, departureNote }: VerifyReport): string {
  const outputs = Object.entries(check.outputs).sort(([, a], [, b]) => b.broken - a.broken || b.maxRel - a.maxRel);
  const failed = outputs.filter(([output, difference]) => !isWithin(difference, tolerance, output, check.agreement?.[output]));
  const unlike = outputs.filter(([output]) => {
    const agreed = check.agreement?.[output];
    return agreed && !agreesEnough(agreed, tolerance);
  });
  // An input may have its own tolerance, so that no output fails here: the worst output is then reported.
  const [worst] = [...failed, ...unlike, ...outputs];
  const first = departure
    ? `first at ${departure.op} '${departure.node}'`
    : departureNote === undefined
      ? undefined
      : `where: ${departureNote}`;
  const lines = [
    worst && `${worst[0]} ${howFar(worst[1], worst[0], check, tolerance)}`,
    outputs.length > 1 && failed.length > 1 ? `${failed.length} of ${outputs.length} outputs differ` : undefined,
    worst ? undefined : check.note,
    first,
  ];
  return lines.filter((line) => line !== undefined).join('; ') || check.status;
}

function howFar({ broken, maxAbs, maxRel, worst, cosine }: Difference, output: string, check: Check, tolerance: Tolerance): string {
  const at = worst?.at ? ` at [${worst.at.join(', ')}]` : '';
  const numbers = worst ? `: expected ${short(worst.expected)}, got ${short(worst.actual)}` : '';
  if (broken > 0)
    return `has ${broken} number${broken === 1 ? '' : 's'} that ${broken === 1 ? 'is' : 'are'} NaN, infinite or missing on one side${at}${numbers}`;
  const { criteria } = tolerance;
  const agreed = check.agreement?.[output];
  const unmet = [
    ...(criteria?.cosine !== undefined && cosine < criteria.cosine
      ? [`has a cosine of ${cosine.toPrecision(4)}, at least ${criteria.cosine} is asked`]
      : []),
    ...(criteria?.minAgreement !== undefined && agreed && !agreesEnough(agreed, tolerance)
      ? [`names the same best class in ${share(agreed.sameBest)}, at least ${share(criteria.minAgreement)} is asked`]
      : []),
  ];
  if (unmet.length > 0) return unmet.join(', and ');
  const own = tolerance.outputs?.[output] ?? tolerance;
  const allowed = [
    ...(own.relative > 0 || own.absolute === 0 ? [`${own.relative.toExponential(1)} of it`] : []),
    ...(own.absolute > 0 ? [short(own.absolute)] : []),
  ].join(' and ');
  return `differs by ${short(maxAbs)}, ${maxRel.toExponential(1)} of its largest number (allowed: ${allowed})${at}${numbers}`;
}

const short = (number: number): string => (Number.isFinite(number) ? String(Number(number.toPrecision(4))) : String(number));
const share = (number: number): string => `${Number((100 * number).toPrecision(4))} %`;
