/**
 * Verifies the form in which a converted model is shipped (compile/form.ts) against the converted model itself, at the size and batch of the form;
 * and, if each cell is the original on a crop, against crops of the original. The converted model itself is verified beforehand (equivalence.ts).
 */
import type { Form } from '../compile/form';
import { windowLengths } from '../compile/input-size';
import type { Model } from '../ir/model';
import { sizeText } from '../ir/spatial';
import { cropsOfTheImage, Tally } from './checks';
import { type Claim, claimsOf } from './claim';
import { agreement, compareTensors, largestOf } from './compare';
import { runCrops } from './crops';
import { endDifference } from './form-ends';
import { HALF_FACTOR, HALF_FLOOR, runRounded } from './halves';
import { INPUT_KINDS } from './inputs';
import { computesInIntegers } from './integers';
import { measure } from './noise';
import type { Check, Tolerance, VerifyReport } from './report';
import { each, mapValues, type Results } from './results';
import type { Sample } from './samples';
import type { LargerImage } from './sizes';
import { Subject, type VerifyRequest } from './subject';
import { verdictOf, worstVerdict } from './verdict';

export interface FormedModel {
  /** File path or bytes, and the model in it, with shapes inferred. */
  readonly source: string | Uint8Array;
  readonly model: Model;
  readonly form: Form;
}

/** `report`: report of the converted model itself. The returned verdict covers both. */
export async function verifyForm(request: VerifyRequest, formed: FormedModel, report: VerifyReport): Promise<VerifyReport> {
  const started = performance.now();
  const subject = new Subject(request);
  const { converted, original } = request;
  const claims = claimsOf(subject);
  const sizes = sizesOf(subject, formed.form, claims);
  const shots = sizes.flatMap((lengths) => KINDS.map((kind) => ({ lengths, kind })));
  const samples = shots.map(({ kind, lengths }): Sample => ({ kind, feeds: subject.feeds(kind, lengths, formed.form.batch) }));
  const lengths = sizes.at(-1) ?? [];
  const exact = computesInIntegers(converted.model.graph) && computesInIntegers(formed.model.graph);
  subject.bench.progress('running the converted model at the size of the form');
  const measured = await measure(subject.bench, { ...converted, exact }, samples, async () => undefined);
  subject.bench.progress('running the model of this form');
  const image: LargerImage = { lengths, purpose: 'growing', feeds: samples.at(-KINDS.length)?.feeds ?? new Map() };
  const found = await subject.bench.within(formed.source, 'the model of this form', {}, (session) =>
    each(samples, ({ feeds }) =>
      session.run(mapValues(feeds, (numbers, input) => ({ ...numbers, dtype: inputType(formed, input) ?? numbers.dtype }))),
    ),
  );
  const { own: ownNoise, noise, tolerance: ownTolerance } = measured.judge();
  const { half } = formed.form;
  if (half) subject.bench.progress('rounding the converted model to float16');
  const rounded = half && (await runRounded(subject.bench, converted.model, samples));
  const price = rounded ? priceOf(measured.results, rounded) : new Map<string, number>();
  const cost = Math.max(0, ...price.values());
  const tolerance: Tolerance = half ? { ...ownTolerance, from: 'measured' } : ownTolerance;
  const own = ownNoise.map((each) => (half ? inHalves(each, price) : each));
  const tally = new Tally();
  for (const [at, results] of measured.results.entries())
    for (const [name, numbers] of results) {
      const [end, allowed] = [formed.form.ends?.[name], own[at]];
      if (!end || !allowed) {
        tally.add(name, compareTensors(numbers, found[at]?.get(name)), allowed, half && agreement(numbers, found[at]?.get(name)));
        continue;
      }
      const { relative, absolute } = allowed.outputs?.[name] ?? allowed;
      const largest = largestOf(numbers.data);
      const off = Math.max(absolute + relative * largest, allowed.activation?.[name] ?? 0);
      const seen = endDifference(numbers, end, shots[at]?.lengths ?? [], found[at]?.get(name), off);
      tally.add(name, seen.difference, { ...allowed, relative: 0, absolute: seen.allowed, activation: undefined, outputs: undefined });
    }
  const note = half && `float16 costs at least ${cost.toExponential(1)} of the largest number: the float32 model with every number rounded`;
  const about = { sizes: sizes.map(sizeText), cells: samples.length, note, required: true };
  const checks: Check[] = [tally.check(half ? 'half precision' : 'fixed form', about)];
  const isLarger = lengths.some((length, axis) => length > (subject.lengths[axis] ?? 0));
  if (subject.head === 'window' && isLarger && !formed.form.ends && !half) {
    subject.bench.progress('running the original on crops of that size');
    const crops = await subject.bench.within(original.source, 'the original', {}, (session) => runCrops(subject, claims, image, session));
    const results = found.at(-KINDS.length) ?? new Map();
    const given = new Map([[image, subject.cropsAreFine ? results : subject.coarse(results)]]);
    const isStrict = request.contract?.kind === 'everywhere';
    const noiseAt = (): number => Math.max(tolerance.relative, report.tolerance.relative) / 4;
    const check = cropsOfTheImage(
      { subject, claims, given, isCoarse: !subject.cropsAreFine, tolerance: report.tolerance, noiseAt },
      new Map([[image, crops]]),
      isStrict,
    );
    // One size only: that the map grows at two sizes is checked elsewhere.
    const whole = check.status === 'partial' ? ({ ...check, status: 'equal', note: undefined } as const) : check;
    checks.push({ ...whole, name: 'crops at that size' });
  }
  return {
    ...report,
    verdict: worstVerdict(report.verdict, verdictOf(checks, noise, tolerance)),
    checks: [...report.checks, ...checks],
    seconds: report.seconds + (performance.now() - started) / 1000,
  };
}

/** By output: the largest share of its largest number that rounding everything to float16 changes. */
function priceOf(exact: readonly Results[], rounded: readonly Results[]): ReadonlyMap<string, number> {
  const price = new Map<string, number>();
  for (const [at, results] of exact.entries())
    for (const [name, numbers] of results) {
      const { maxRel, broken } = compareTensors(numbers, rounded[at]?.get(name));
      price.set(name, Math.max(price.get(name) ?? 0, broken > 0 ? Number.POSITIVE_INFINITY : maxRel));
    }
  return price;
}

/** Tolerance of a float16 form: what rounding alone costs, several times over. */
function inHalves(allowed: Tolerance, price: ReadonlyMap<string, number>): Tolerance {
  const outputs = Object.fromEntries(
    [...price].map(([name, share]) => [name, { relative: Math.max(HALF_FACTOR * share, HALF_FLOOR), absolute: HALF_TINY }]),
  );
  return { ...allowed, relative: HALF_FLOOR, absolute: HALF_TINY, outputs, from: 'measured' };
}
/** Numbers near 0 are multiples of this in float16. */
const HALF_TINY = 2 ** -24;

const inputType = ({ model }: FormedModel, input: string): string | undefined =>
  model.graph.inputs.find(({ name }) => name === input)?.type?.dtype;

/** Photographs, noise and empty images: the paths through the network were checked beforehand. */
const KINDS = INPUT_KINDS.filter((kind) => ['normal', 'smooth', 'sparse'].includes(kind));

/** Lengths of the first image: those of the form; if it is free, the original's and larger ones that are multiples of nothing. */
function sizesOf(subject: Subject, { size }: Form, claims: readonly Claim[]): readonly (readonly number[])[] {
  const fixed = size?.get(subject.image.input);
  if (fixed) return [fixed];
  const own = windowLengths(subject.image);
  const isFree = subject.letters.length > 0 && subject.letters.every((letter) => subject.sizeName(letter) !== undefined);
  if (!isFree) return [own];
  const [claim] = claims;
  return [own, own.map((length, axis) => length + Math.ceil((3 + axis) * (claim?.axes[axis]?.stride ?? 8)) + 1)];
}
