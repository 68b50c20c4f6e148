/** What a verification found: a plain object for machines, and as text for people. */
import { type Contract, describeContract } from '../analysis/contract';
import type { Agreement, Difference } from './compare';
import { exactLines } from './exact/text';
import { departureLines, notFiniteText } from './locate/text';
import type { PortMatch } from './pair/ports';
import type { Relation } from './pair/relation';

export interface Check {
  readonly name: 'outputs' | 'integers' | 'original size' | 'windows of the map' | 'mean of the map' | 'crops of the image';
  readonly status: 'equal' | 'different' | 'informative' | 'skipped';
  /** Per output: the worst difference over all inputs of the check. */
  readonly outputs: Readonly<Record<string, Difference>>;
  /** Per output with classes: how often both models name the same. */
  readonly agreement?: Readonly<Record<string, Agreement>> | undefined;
  /** Sizes of the images, height x width. */
  readonly sizes: readonly string[];
  readonly cells: number;
  /** Share of cells whose best class is the same, where that is not implied. */
  readonly sameBest?: number | undefined;
  /** Why it was skipped, or what a reader should know. */
  readonly note?: string | undefined;
}

export interface Tolerance {
  /** Largest difference allowed, as a share of the largest expected number. */
  readonly relative: number;
  readonly absolute: number;
  /** What is left to rounding where no noise was measured, as a share as well. */
  readonly floor?: number | undefined;
  /** Of outputs that were given one of their own. */
  readonly outputs?: Readonly<Record<string, { readonly relative: number; readonly absolute: number }>> | undefined;
  /**
   * How the original differs from itself, as a share of its largest number: between numbers of threads, when its input moves by one unit in the last
   * place, between batch sizes, and between the runtime's plain and optimised kernels (which add in other orders).
   */
  readonly noise: {
    readonly threads: number;
    readonly nudge: number;
    readonly batch: number | undefined;
    readonly kernels: number | undefined;
    /** When its weights move by one unit in the last place, where the conversion rounded weights anew. */
    readonly weights?: number | undefined;
    /** The converted model in a runtime of its own, when its sums are taken in another order. */
    readonly order?: number | undefined;
  };
  /** `exact`: none, bit by bit. */
  readonly from: 'noise' | 'options' | 'exact';
}

/** What a rule did: the source nodes that it made something of. */
export interface Rewrite {
  readonly pass: string;
  readonly rule: string | undefined;
  readonly origin: readonly string[];
}

/** The first node whose output departs while what it is computed from is equal. */
export interface Departure {
  readonly node: string;
  readonly op: string;
  /** The nodes of the original that it stands for. */
  readonly origin: readonly string[];
  readonly value: string;
  /** The value of the original that it was compared with. */
  readonly original: string | undefined;
  /** The input on which it was seen. */
  readonly sample: string;
  readonly difference: Difference;
  /** The difference that noise explains there, as a share of the largest number. */
  readonly allowed: number | undefined;
  /** Numbers that are NaN or infinite in one model only are born here. */
  readonly notFinite: boolean;
  /** What it is computed from: equal values, and their largest difference as a share. */
  readonly inputs: readonly { readonly value: string; readonly difference: number }[];
  /** Nodes between those and this one that have no counterpart in the original. */
  readonly others: readonly { readonly node: string; readonly op: string }[];
  /** The passes and rules that made the node, where they are known. */
  readonly rewrites: readonly Rewrite[];
  /** Values that were looked at, of so many nodes. */
  readonly looked: number;
  readonly of: number;
}

/** Where the original itself makes NaN or infinity of finite numbers. */
export interface NotFinite {
  readonly node: string;
  readonly op: string;
  readonly value: string;
  /** Values that it is computed from, all finite. */
  readonly inputs: readonly string[];
  readonly sample: string;
  /** The first of them: `NaN`, `Infinity`. */
  readonly number: string;
  readonly count: number;
  readonly of: number;
  /** Whether the input of the model has such numbers already. */
  readonly fed: boolean;
}

/** What a comparison on integers was about. */
export interface ExactReport {
  /** Each with other integers. */
  readonly rounds: number;
  /** Values of the converted model that were compared, bit by bit. */
  readonly compared: readonly string[];
  /** Nodes of the converted model that were run exactly, of so many. */
  readonly nodes: number;
  readonly of: number;
  /** Whether all outputs were among them. */
  readonly isWhole: boolean;
  /** Where it ended. */
  readonly stops: readonly { readonly node: string; readonly op: string; readonly reason: string }[];
  /** Weights that have other numbers than this conversion gives them. */
  readonly altered: readonly string[];
  /** Values that were taken modulo 16 or rounded down in both models, so that sums stay exact. */
  readonly reduced: number;
  /** The smallest share of numbers that are not zero, among what was compared. */
  readonly alive: number;
}

export interface VerifyReport {
  readonly verdict: 'equal' | 'different';
  readonly checks: readonly Check[];
  readonly tolerance: Tolerance;
  readonly contract: Contract | undefined;
  /** What was held against what, for models that are no conversion of this program's. */
  readonly match?:
    | { readonly inputs: readonly PortMatch[]; readonly outputs: readonly (PortMatch & { readonly relation: Relation })[] }
    | undefined;
  /** Of a comparison on integers. */
  readonly exact?: ExactReport | undefined;
  /** Where they first part, if they differ and it was found; or why it was not looked for. */
  readonly departure?: Departure | undefined;
  readonly departureNote?: string | undefined;
  /** Set where the original gives NaN or infinity, of which both models may agree. */
  readonly notFinite?: NotFinite | undefined;
  /** Set where the runtime's own graph optimisations change the original by more than its noise: a fault of the runtime. */
  readonly runtimeFault: Difference | undefined;
  readonly runtime: string;
  readonly seconds: number;
}

export function formatVerifyReport(report: VerifyReport): string {
  const { contract, match } = report;
  const lines = [...(match ? [row('matched', matchText(match))] : []), ...report.checks.flatMap(formatCheck)];
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
  lines.push(
    row('verdict', `${report.verdict === 'equal' ? 'equal' : 'NOT EQUIVALENT'} (${report.seconds.toFixed(1)} s, ${report.runtime})`),
  );
  return lines.join('\n');
}

const departureText = (departure: Departure): string[] =>
  departureLines(departure).map((line, at) => (at === 0 ? row('parts at', line) : row('', `  ${line}`)));

const row = (name: string, text: string): string => `  ${name.padEnd(19)}${text}`;
const share = (number: number): string => number.toExponential(1);

/** How the tolerance follows from the noise, or that it was given. */
export function toleranceText(tolerance: Tolerance): string {
  const { noise, relative, outputs } = tolerance;
  const named = Object.entries(outputs ?? {}).map(([name, own]) => `; ${name}: rtol ${share(own.relative)}, atol ${share(own.absolute)}`);
  if (tolerance.from === 'exact') return 'none: every bit';
  if (tolerance.from === 'options') return `rtol ${share(relative)}, atol ${share(tolerance.absolute)} as given${named.join('')}`;
  const sources: readonly (readonly [string, number | undefined])[] = [
    ['other threads', noise.threads],
    ['its input moved by one unit in the last place', noise.nudge],
    ['in a batch', noise.batch],
    ['its weights moved by one unit', noise.weights],
    ['other kernels', noise.kernels],
  ];
  const [name, largest] = sources.reduce((a, b) => ((b[1] ?? 0) > (a[1] ?? 0) ? b : a));
  const byOrder = noise.order !== undefined && 4 * noise.order >= relative;
  const why =
    tolerance.floor !== undefined && relative <= tolerance.floor
      ? 'what rounding leaves'
      : byOrder
        ? '4 times what the converted model differs from itself in another order of its sums'
        : `8 times what it differs from itself${(largest ?? 0) > 0 ? ` (${name})` : ''}`;
  return `${share(relative)} of the largest score: ${why}; the original differs from itself by ${share(noiseOf(tolerance))}${noise.order === undefined ? '' : `, the converted model by ${share(noise.order)} in another order of its sums`}${named.join('')}`;
}

function matchText({ inputs, outputs }: NonNullable<VerifyReport['match']>): string {
  const pair = ({ original, converted }: PortMatch): string => (original === converted ? original : `${original} = ${converted}`);
  return [...inputs.map(pair), ...outputs.map((output) => `${pair(output)} (${output.relation})`)].join(', ');
}

/** The largest of what was measured on the original itself. */
export const noiseOf = ({ noise }: Tolerance): number =>
  Math.max(noise.threads, noise.nudge, noise.batch ?? 0, noise.kernels ?? 0, noise.weights ?? 0);

export function formatCheck(check: Check): string[] {
  if (check.status === 'skipped') return [row(check.name, `skipped: ${check.note}`)];
  const where =
    check.name === 'outputs'
      ? `${check.cells} input${check.cells === 1 ? '' : 's'}`
      : check.name === 'integers'
        ? `${check.cells} round${check.cells === 1 ? '' : 's'} of other integers`
        : cellsText(check);
  const agreement = check.sameBest === undefined ? '' : `, same best class in ${(100 * check.sameBest).toFixed(0)} %`;
  const status = check.status === 'informative' ? 'border effects' : check.status;
  const outputs = Object.entries(check.outputs);
  const one = outputs.length === 1 && check.name !== 'outputs';
  const short = one ? `; ${outputs.map(([output, difference]) => `${output}: ${describe(difference)}`).join('')}` : '';
  return [
    row(check.name, `${status}: ${where}${agreement}${short}${check.note ? ` (${check.note})` : ''}`),
    ...(one ? [] : outputs.map(([output, difference]) => row('', `${output}: ${describe(difference)}`))),
    ...outputs.flatMap(([output, difference]) => details(difference, check, output).map((text) => row('', text))),
  ];
}

const cellsText = ({ cells, sizes }: Check): string => `${cells} cell${cells === 1 ? '' : 's'} at ${sizes.join(', ')}`;

function describe({ maxAbs, maxRel, broken, worst }: Difference): string {
  if (broken > 0)
    return `${broken} numbers are NaN, infinite or missing on one side${worst ? ` (expected ${worst.expected}, got ${worst.actual}${placeText(worst)})` : ''}`;
  if (maxAbs === 0) return 'the same numbers';
  return `largest difference ${maxAbs.toPrecision(2)} (${maxRel.toExponential(1)} of the largest)`;
}

/** Where the worst element is, for outputs that differ and for pairs that nobody knows yet. */
function details({ broken, worst, cosine, elementwise }: Difference, check: Check, output: string): string[] {
  if (check.status !== 'different' && check.name !== 'outputs') return [];
  const lines: string[] = [];
  if (worst?.at && broken === 0 && worst.expected !== worst.actual)
    lines.push(
      `at [${worst.at.join(', ')}]: expected ${number(worst.expected)}, got ${number(worst.actual)}, ${count(worst.ulps ?? 0)} units in the last place`,
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
