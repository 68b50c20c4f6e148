/** Formats the result of a verification as text for people. */
import { describeContract } from '../analysis/contract';
import { printable } from '../diagnostics/format';
import { unitOf } from '../ir/spatial';
import type { Difference } from './compare';
import { exactLines, judgedText } from './exact/text';
import { HALF_FACTOR } from './halves';
import { departureLines, notFiniteText } from './locate/text';
import type { PortMatch } from './pair/ports';
import type { Check, Departure, PicturesRead, QuantisedReport, Tolerance, VerifyReport } from './report';
import { VERDICT_TEXT } from './verdict';

export function formatVerifyReport(report: VerifyReport): string {
  const { contract, match } = report;
  const lines = [
    ...(match ? [row('matched', matchText(match))] : []),
    ...report.checks.flatMap((check) => formatCheck(check, report.tolerance.from === 'criteria')),
  ];
  if (report.pictures) lines.push(row('pictures', picturesText(report.pictures)));
  if (report.quantised) lines.push(...quantisedText(report.quantised).map((line, at) => row(at === 0 ? 'quantised' : '', line)));
  if (report.exact) lines.push(...exactLines(report.exact).map((line, at) => row(at === 0 ? 'exact' : '', at === 0 ? line : `  ${line}`)));
  if (report.departure) lines.push(...departureText(report.departure));
  if (report.notFinite) lines.push(row('not finite', notFiniteText(report.notFinite)));
  if (report.departureNote) lines.push(row('parts at', report.departureNote));
  lines.push(row('tolerance', toleranceText(report.tolerance)));
  if (contract) lines.push(row('contract', describeContract(contract)));
  if (report.runtimeFault) {
    lines.push(
      row(
        'warning',
        `ONNX Runtime's own optimiser changes the original by ${share(report.runtimeFault.maxRel)} of the largest score: a fault of the runtime; it was not used here`,
      ),
    );
  }
  for (const what of report.unmeasured ?? []) lines.push(row('NOT MEASURED', `${what}: nothing is known of it`));
  if (report.budget && report.budget.leftOut.length > 0)
    lines.push(
      row('left out', `for want of time (${report.budget.seconds} s): ${report.budget.leftOut.join(', ')}; --verify-budget gives more`),
    );
  lines.push(
    row(
      'verdict',
      `${verdictText(report)}${askedText(report)}${priceText(report)}${missingText(report)}${report.exact ? `, ${judgedText(report.exact)}` : ''} (${report.seconds.toFixed(1)} s, ${report.runtime})`,
    ),
  );
  if (report.quantised && report.verdict === 'different' && !report.tolerance.criteria) lines.push(row('', PRICE));
  return lines.map(printable).join('\n');
}

/** A float16 form is held to a bound: a multiple of what rounding to float16 costs. */
const verdictText = ({ verdict, checks }: VerifyReport): string =>
  verdict === 'measured' && checks.some(({ name }) => name === 'half precision')
    ? `MEASURED, within ${HALF_FACTOR} times what float16 must cost`
    : VERDICT_TEXT[verdict];

const picturesText = ({ count, pixels, assumed }: PicturesRead): string =>
  `${count} picture${count === 1 ? '' : 's'}, pixels ${pixels}${assumed ? ', assumed; --preset changes it' : ''}`;

const PRICE = 'a copy in integers never has the same numbers: --cosine 0.999 and --min-agreement 0.99 say how close it must be';

const KINDS: Readonly<Record<QuantisedReport['kind'], string>> = {
  QDQ: 'floats between QuantizeLinear and DequantizeLinear',
  integers: 'operators that compute in integers',
  dynamic: 'scales are computed while it runs',
  weights: 'the weights alone are integers',
};

function quantisedText({ kind, ranges }: QuantisedReport): string[] {
  const range = ({ input, low, high, outside }: QuantisedReport['ranges'][number]): string =>
    `'${input}' is cut off at ${Number(low.toPrecision(4))} and ${Number(high.toPrecision(4))}: ${outside === 0 ? 'no number of the inputs lies outside' : `${percent(outside)} of the numbers of the inputs lie outside`}`;
  return [`the converted model (${KINDS[kind]}); the differences are the price`, ...ranges.map(range)];
}

/** Names the criterion of equality, if it is not the tolerance. */
function askedText({ verdict, tolerance }: VerifyReport): string {
  return tolerance.criteria && (verdict === 'equal' || verdict === 'different') ? ' by what was asked' : '';
}

/** `same best class in at least 99 %, cosine at least 0.999`. */
function criteriaText({ minAgreement, cosine }: NonNullable<Tolerance['criteria']>): string {
  const asked = [
    ...(minAgreement === undefined ? [] : [`same best class in at least ${Number((100 * minAgreement).toPrecision(6))} %`]),
    ...(cosine === undefined ? [] : [`cosine at least ${cosine}`]),
  ];
  return `as asked: ${asked.join(', ')}`;
}

/** Cost of storing weights in fewer bits, for the verdict `measured`. */
function priceText({ verdict, checks }: VerifyReport): string {
  if (verdict !== 'measured') return '';
  const seen = checks.filter(({ status }) => status === 'measured');
  const worst = Math.max(0, ...seen.flatMap(({ outputs }) => Object.values(outputs).map(({ maxRel }) => maxRel)));
  const shares = seen.flatMap(({ agreement, name, cells }) =>
    Object.values(agreement ?? {}).map(
      ({ sameBest }) => `${percent(sameBest)} of ${cells} ${name === 'original size' ? 'random inputs' : `cells (${name})`}`,
    ),
  );
  return `: scores differ by up to ${share(worst)} of the largest${shares.length > 0 ? `; the best class is the same in ${shares.join(', ')}` : ''}`;
}

/** Required checks that could not be completed, for the verdict `unverified`. */
function missingText({ verdict, checks }: VerifyReport): string {
  if (verdict !== 'unverified') return '';
  const missing = checks.filter(({ required, status }) => required && status !== 'equal' && status !== 'measured').map(({ name }) => name);
  return missing.length > 0 ? `: ${missing.join(', ')} could not be looked at in full` : '';
}

const departureText = (departure: Departure): string[] =>
  departureLines(departure).map((line, at) => (at === 0 ? row('parts at', line) : row('', `  ${line}`)));

const row = (name: string, text: string): string => `  ${name.padEnd(19)}${text}`;
const share = (number: number): string => number.toExponential(1);

/** Explains how the tolerance was derived from the noise, or that it was given. */
export function toleranceText(tolerance: Tolerance): string {
  const { noise, relative, outputs } = tolerance;
  const named = Object.entries(outputs ?? {}).map(([name, own]) => `; ${name}: rtol ${share(own.relative)}, atol ${share(own.absolute)}`);
  if (tolerance.from === 'exact') return 'none: every bit';
  if (tolerance.from === 'measured')
    return `none: weights are in fewer bits, so differences are measured; the original's noise is ${share(noiseOf(tolerance))}`;
  const asked = tolerance.criteria && criteriaText(tolerance.criteria);
  if (tolerance.from === 'options')
    return `rtol ${share(relative)}, atol ${share(tolerance.absolute)} as given${named.join('')}${asked ? `; ${asked}` : ''}`;
  if (tolerance.from === 'criteria' && asked) return asked;
  const of = tolerance.unit === undefined ? '' : ` of ${tolerance.unit}`;
  const sources: readonly (readonly [string, number | undefined])[] = [
    ['other threads', noise.threads],
    [`its input moved by one unit in the last place${of}`, noise.nudge],
    ['in a batch', noise.batch],
    [`its weights moved by one unit in the last place${of}`, noise.weights],
    ['other kernels', noise.kernels],
  ];
  const [name, largest] = sources.reduce((a, b) => ((b[1] ?? 0) > (a[1] ?? 0) ? b : a));
  const byOrder = noise.order !== undefined && 4 * noise.order >= relative;
  const bySums = noise.sums !== undefined && 4 * noise.sums >= relative;
  const byRoundings = noise.roundings !== undefined && 2 * noise.roundings >= relative;
  const why =
    tolerance.floor !== undefined && relative <= tolerance.floor
      ? 'what rounding leaves'
      : byOrder
        ? '4 times the noise of the converted model when its sums are reordered'
        : bySums
          ? '4 times the noise of the original against long sums in double precision'
          : byRoundings
            ? '2 times the noise of the original when its values are moved in front of quantisers'
            : `8 times the noise of the original${(largest ?? 0) > 0 ? ` (${name})` : ''}`;
  return `${share(relative)} of the largest score: ${why}; the original's noise is ${share(noiseOf(tolerance))}${noise.order === undefined ? '' : `, the converted model's ${share(noise.order)} in another order of its sums`}${stepsText(tolerance)}${named.join('')}`;
}

/** Outputs that may be off by whole steps of their quantiser. */
const stepsText = ({ noise, activation }: Tolerance): string =>
  noise.roundings === undefined
    ? ''
    : Object.entries(activation ?? {})
        .map(([name, own]) => `; ${name}: ${share(own)}, the steps that values between two steps may move it`)
        .join('');

function matchText({ inputs, outputs }: NonNullable<VerifyReport['match']>): string {
  const pair = ({ original, converted }: PortMatch): string => (original === converted ? original : `${original} = ${converted}`);
  return [...inputs.map(pair), ...outputs.map((output) => `${pair(output)} (${output.relation})`)].join(', ');
}

/** The largest noise measured on the original itself. */
export const noiseOf = ({ noise }: Tolerance): number =>
  Math.max(noise.threads, noise.nudge, noise.batch ?? 0, noise.kernels ?? 0, noise.weights ?? 0, noise.sums ?? 0, noise.roundings ?? 0);

/** `asked`: values may differ, as long as the user's criteria are met. */
export function formatCheck(check: Check, asked = false): string[] {
  if (check.status === 'skipped') return [row(check.name, `${check.required ? 'NOT LOOKED AT' : 'skipped'}: ${check.note}`)];
  const where =
    check.name === 'outputs'
      ? `${check.cells} input${check.cells === 1 ? '' : 's'}`
      : check.name === 'integers'
        ? `${check.cells} round${check.cells === 1 ? '' : 's'} of other integers`
        : cellsText(check);
  const isBorder = check.status === 'informative' && check.name.startsWith('crops ');
  const agreement =
    check.sameBest === undefined ? '' : `, same best class in ${(100 * check.sameBest).toFixed(0)} %${isBorder ? ' of random images' : ''}`;
  const status =
    check.status === 'informative'
      ? isBorder
        ? 'border effects'
        : check.name === 'edges of the field'
          ? 'nothing outside matters; the field may be smaller than stated'
          : 'decides nothing'
      : check.status === 'partial'
        ? 'equal as far as it went'
        : check.status === 'equal' && asked
          ? 'close enough'
          : check.status;
  const outputs = Object.entries(check.outputs);
  const one = outputs.length === 1 && check.name !== 'outputs';
  const short = one ? `; ${outputs.map(([output, difference]) => `${output}: ${describe(difference)}`).join('')}` : '';
  return [
    row(check.name, `${status}: ${where}${agreement}${short}${check.note ? ` (${check.note})` : ''}`),
    ...(one ? [] : outputs.map(([output, difference]) => row('', `${output}: ${describe(difference)}`))),
    ...(isBorder ? [row('', ownPictures(check.sizes[0] ?? ''))] : []),
    ...outputs.flatMap(([output, difference]) => details(difference, check, output).map((text) => row('', text))),
  ];
}

/** Measurements on trained networks are in docs/pictures.md. */
function ownPictures(size: string): string {
  const axes = size.split('x').length;
  const [image, own] = axes === 1 ? ['signal', 'recordings'] : axes === 2 ? ['image', 'pictures'] : ['volume', 'volumes'];
  return `not a fault: inside a larger ${image} cells see real ${unitOf(axes)} where a crop is padded. On your own ${own}: heatmap ORIGINAL ${own === 'recordings' ? 'RECORDING' : axes === 2 ? 'PICTURE' : 'VOLUME'} --slide peaks`;
}

const cellsText = ({ cells, sizes }: Check): string => {
  const shown =
    sizes.length > 4 ? `${sizes.slice(0, 3).join(', ')} and ${sizes.length - 3} more sizes up to ${largestOf(sizes)}` : sizes.join(', ');
  return `${cells} cell${cells === 1 ? '' : 's'} at ${shown}`;
};
const largestOf = (sizes: readonly string[]): string => {
  const area = (size: string): number => size.split('x').reduce((product, side) => product * Number(side), 1);
  return [...sizes].sort((a, b) => area(b) - area(a))[0] ?? '';
};

function describe({ maxAbs, maxRel, broken, worst }: Difference): string {
  if (broken > 0)
    return `${broken} numbers are NaN, infinite or missing on one side${worst ? ` (expected ${worst.expected}, got ${worst.actual}${placeText(worst)})` : ''}`;
  if (maxAbs === 0) return 'the same numbers';
  return `largest difference ${maxAbs.toPrecision(2)} (${maxRel.toExponential(1)} of the largest)`;
}

/** Position and size of the worst element, for differing outputs and for pairs that are not conversions. */
function details({ broken, worst, cosine, elementwise }: Difference, check: Check, output: string): string[] {
  if (check.status !== 'different' && check.name !== 'outputs') return [];
  const lines: string[] = [];
  if (worst?.at && broken === 0 && worst.expected !== worst.actual)
    lines.push(
      `at [${worst.at.join(', ')}]: expected ${number(worst.expected)}, got ${number(worst.actual)}, ${count(worst.ulps ?? 0)} units in the last place${worst.unit === undefined ? '' : ` of ${worst.unit}`}`,
    );
  if (elementwise?.at && broken === 0 && elementwise.relative > 0)
    lines.push(
      `largest as a share of its own number: ${share(elementwise.relative)} at [${elementwise.at.join(', ')}]: expected ${number(elementwise.expected)}, got ${number(elementwise.actual)}`,
    );
  const agreed = check.agreement?.[output];
  const classes = agreed
    ? `; same best class in ${percent(agreed.sameBest)}${agreed.sameTopFive === undefined ? '' : `, same five best in ${percent(agreed.sameTopFive)}`}`
    : '';
  lines.push(`cosine ${cosine > 1 - 5e-10 ? '1' : cosine.toFixed(9)}${classes}`);
  return lines.map((line) => `  ${line}`);
}

const placeText = ({ at }: { readonly at?: readonly number[] }): string => (at ? ` at [${at.join(', ')}]` : '');
const number = (value: number): string => String(Number(value.toPrecision(7)));
const count = (value: number): string =>
  value < 10 ? String(Number(value.toPrecision(2))) : value < 1e6 ? value.toFixed(0) : value.toExponential(1);
const percent = (value: number): string => `${(100 * value).toFixed(value === 1 || value === 0 ? 0 : 1)} %`;
