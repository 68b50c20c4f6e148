/**
 * Verifies a conversion against its original by running both, with graph optimisations disabled.
 *
 * With the original: its own size; its own head on windows of its own map at larger sizes (windows.ts), or its scores of the whole image (scores.ts);
 * the original on crops of larger images (crops.ts). Without it: the converted model on shifted images, on patches elsewhere, and in batches
 * (moved.ts).
 * The contract decides which of these must hold; docs/verify.md explains why they suffice together. If a required check could not run, the verdict is
 * "unverified".
 *
 * The tolerance is measured: how far the original differs from itself with one thread or several, with other batch sizes, with its input moved by one
 * unit in the last place, and with its long sums in double precision. If the converted model has a different runtime, also how far it differs from
 * itself there with its sums in a different order. Only one model is in memory at a time.
 */

import { notComparable } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { judges } from './bench';
import {
  cropsOfTheImage,
  fieldCheck,
  type Given,
  type LargerRequest,
  meansOfTheMap,
  movedCheck,
  originalSize,
  residuesCheck,
  skipped,
  windowsOfTheMap,
} from './checks';
import { type Claim, claimsOf } from './claim';
import { agreement, compareTensors } from './compare';
import { type ExpectedCrops, runCrops } from './crops';
import { withExactSums } from './exact-sums';
import { edgesOfTheField, type FieldSeen } from './field';
import { isExtreme } from './inputs';
import { addsInIntegers, computesInIntegers } from './integers';
import { nameOf, type Observed, tellDeparture, tellOnLarger, worstSample } from './locate';
import { notFiniteIn } from './locate/born';
import { meanOfCells } from './maps';
import { batches, type Moved, patchesElsewhere, shiftedImages } from './moved';
import { movingPart } from './moving-part';
import { activationNoise, MOST_NUDGED, measure } from './noise';
import type { Session } from './onnx-runner';
import { largerSizes } from './original-head';
import type { Check, Tolerance, VerifyReport } from './report';
import { everyResidue, type ResiduesSeen } from './residues';
import { asCompileError, each, type Results, worstOf } from './results';
import { type Sample, weightBytes } from './samples';
import { scores as scoresOf } from './scores';
import { type LargerImage, planSizes } from './sizes';
import { Subject, type VerifyRequest } from './subject';
import { verdictOf } from './verdict';
import { headOnWindows, runTrunk, type Trunk } from './windows';

export type { VerifyOptions } from './bench';
export type { VerifyRequest } from './subject';

/** Throws CompileError if the models cannot be run or compared; a difference is a verdict, not an error. */
export async function verifyModels(request: VerifyRequest): Promise<VerifyReport> {
  const started = performance.now();
  const subject = new Subject(request);
  const { original, converted, contract } = request;
  const samples = subject.samples();
  const claims = claimsOf(subject);
  const plan = planSizes(subject, claims, subject.budget);
  const isCells = subject.head === 'cell';
  const scores = isCells ? await scoresOf(subject, samples, plan.choices) : undefined;
  const trunk: Trunk = isCells ? { features: [] } : await runTrunk(subject, plan.choices, claims);
  const images = scores ? scores.larger.map(({ image }) => image) : trunk.features.map(({ image }) => image);
  const judged = {
    source: original.source,
    model: original.model,
    rounded: request.rounded,
    exact: isExact(request),
    elsewhere: converted.runtime !== undefined,
  };
  const measured = await measure(subject.bench, judged, samples, (session) => cropsIn(subject, claims, images, session));
  const windows = isCells ? 'a cell is not a window of the original' : await headOnWindows(subject, trunk, claims);
  const given = await runConverted(subject, claims, samples, images, measured.outputNames);
  subject.bench.progress('measuring the noise of the converted model');
  const reordered = await subject.withinReordered((session) =>
    each(samples, async ({ feeds }) => subject.coarse(await session.run(feeds))),
  );
  const sums = await withLongSumsInDouble(subject, samples, images);
  const activation = activationNoise(original.model);
  const order = ownOrder(activation, given.results, reordered, sums?.results);
  const { tolerance, own, noise, fault, unmeasured } = measured.judge(order);
  const expected = scores?.small ?? measured.results;
  const found = scores ? given.results.map((results) => meanOfCells(results, subject.isMap)) : given.results;
  // An overflow in the original itself says nothing about the other model.
  const judgeable = samples.map(({ kind }, at) => !isExtreme(kind) || allFinite(measured.results[at]));
  const kept = <T>(list: readonly T[]): T[] => list.filter((_, at) => judgeable[at]);
  const freed = trunk.features.some(({ own, results }) => results && !own) || scores?.larger.some(({ own }) => !own) === true;
  const needs = requiredBy(subject, claims, freed);
  const noiseAt = (image: LargerImage): number => noiseBetween(activation, given.coarse.get(image), sums?.larger.get(image));
  // The effect of fewer bits on the values is measured only; the map must still move with the image, as for any other model.
  const hasNoBound = request.options?.measure === true && tolerance.from === 'noise';
  const bound: Tolerance = hasNoBound ? { ...tolerance, ...UNBOUND } : tolerance;
  // The criteria for a copy do not apply to how the map moves.
  const still: Tolerance = tolerance.from === 'criteria' ? { ...tolerance, criteria: undefined, from: 'noise' } : tolerance;
  const larger: LargerRequest = { subject, claims, given: given.coarse, isCoarse: true, tolerance: bound, noiseAt };
  const checks: Check[] = [
    originalSize(
      subject,
      kept(samples),
      kept(expected),
      kept(found),
      kept(own.map((each) => (hasNoBound ? { ...each, ...UNBOUND } : each))),
    ),
  ];
  if (scores) checks.push(meansOfTheMap(larger, scores.larger, true));
  else if (subject.head === 'original') checks.push(...(await largerSizes(subject, bound)));
  else checks.push(windowsOfTheMap(larger, windows, needs.windows, needs.crops));
  if (subject.head === 'window' || needs.crops)
    checks.push(
      cropsOfTheImage(
        { ...larger, given: subject.cropsAreFine ? given.fine : given.coarse, isCoarse: !subject.cropsAreFine },
        measured.more,
        needs.crops,
      ),
    );
  const moved = (await movedPart(subject)) ?? given.moved;
  if (moved) {
    checks.push(movedCheck(moved.subject, moved.shifted, 'shifted images', still, needs.moved));
    checks.push(movedCheck(moved.subject, moved.patches, 'patches elsewhere', still, needs.moved));
    checks.push(fieldCheck(moved.field, still));
  } else if (needs.moved)
    for (const name of ['shifted images', 'patches elsewhere'] as const)
      checks.push(skipped(name, 'no part of the converted model can be moved by itself', true));
  const residues = [given.residues, ...(moved === given.moved ? [] : [moved?.residues])].filter((seen) => seen !== undefined);
  if (residues.length > 0) checks.push(residuesCheck(residues, still));
  checks.push(
    given.batched ? movedCheck(subject, given.batched, 'batches', still, false) : skipped('batches', 'the batch is of a fixed size'),
  );
  const withCrops = new Set([...measured.more.keys()].map(({ lengths }) => `${lengths}`));
  const isCropped = ({ image: { lengths } }: { readonly image: LargerImage }): boolean => withCrops.has(`${lengths}`);
  const together = typeof windows === 'string' ? windows : windows.filter(isCropped);
  settleByCrops(checks, () => windowsOfTheMap(larger, together, false, needs.crops));
  const verdict = verdictOf(checks, noise, bound, subject.head === 'original');
  const departure = verdict === 'different' ? await departureOf(subject, samples, images, expected, found, own) : undefined;
  const ordinary = samples.map(({ kind }) => !isExtreme(kind));
  return {
    verdict,
    checks,
    tolerance: bound,
    ...departure,
    notFinite: await notFiniteIn(
      subject.bench,
      original.model,
      samples.filter((_, at) => ordinary[at]),
      measured.results.filter((_, at) => ordinary[at]),
    ),
    contract,
    runtimeFault: fault,
    ...(unmeasured.length > 0 && { unmeasured }),
    runtime: judges(subject.bench, converted.runtime?.name),
    seconds: (performance.now() - started) / 1000,
    budget: { seconds: subject.budget.seconds, leftOut: plan.leftOut },
  };
}

/**
 * If each cell equals the original on its crop, an original that runs at larger sizes but means something else there (a mirrored or cropped map, a softmax
 * over all positions) is not the reference for its map. That shows where both were compared: if the windows differ only at sizes without crops, the
 * converted model is at fault. `together`: the windows at the sizes that have crops.
 */
function settleByCrops(checks: Check[], together: () => Check): void {
  if (!checks.some(({ name, required, status }) => name === 'crops of the image' && required && status === 'equal')) return;
  const at = checks.findIndex(({ name, status }) => name === 'windows of the map' && status === 'different');
  const check = checks[at];
  if (!check || together().status !== 'different') return;
  const note = 'on larger images the nodes of the original mean something else than on each crop';
  checks[at] = { ...check, status: 'informative', note };
}

/** Accepts any finite values. */
const UNBOUND = { relative: Number.MAX_VALUE, from: 'measured' } as const;

const allFinite = (results: Results | undefined): boolean =>
  [...(results?.values() ?? [])].every(({ data }) => data.every((number) => Number.isFinite(number)));

/**
 * Checks that the contract requires. Without padding, every cell is the original on its crop. With padding, a cell is the original's head on its
 * window of the original's map, and moves with the image. If cells depend on the whole image, only the original's own nodes are a reference; if these
 * do not run on larger images (`freed`), the freed trunk must move with the image while its gates are held fixed.
 */
function requiredBy(
  subject: Subject,
  claims: readonly Claim[],
  freed: boolean,
): { readonly windows: boolean; readonly crops: boolean; readonly moved: boolean } {
  const kind = subject.request.contract?.kind;
  const isLocal = kind === 'everywhere' || kind === 'border';
  const crops = kind === 'everywhere' && (subject.head === 'window' || meansOfCrops(subject, claims));
  return {
    // Crops give predictions; an output that is already a map in the original is compared as a map.
    windows: !crops || subject.request.converted.model.graph.outputs.some(({ name }) => subject.isMap(name)),
    crops,
    // Unknown operators may do anything, and only moving the image can test them. The mean over cells says nothing about the individual positions.
    moved:
      subject.head === 'image'
        ? freed && !crops
        : subject.head === 'cell' ||
          (subject.head !== 'original' && (isLocal || freed || (subject.request.contract?.unknown?.length ?? 0) > 0)),
  };
}

/** True if, for every prediction per image, the windows that it averages over are known. */
const meansOfCrops = (subject: Subject, claims: readonly Claim[]): boolean =>
  subject.head === 'image' &&
  subject.request.converted.model.graph.outputs.every(
    ({ name }) => subject.isMap(name) || claims.some(({ output, isMean }) => isMean && output === name),
  );

async function cropsIn(
  subject: Subject,
  claims: readonly Claim[],
  images: readonly LargerImage[],
  session: Session,
): Promise<ReadonlyMap<LargerImage, ExpectedCrops>> {
  const crops = new Map<LargerImage, ExpectedCrops>();
  const kind = subject.request.contract?.kind;
  if (subject.head !== 'window' && !(kind === 'everywhere' && meansOfCrops(subject, claims))) return crops;
  // With padding, crops only show how far its effects reach. A mean needs all crops of an image.
  const isWanted = (image: LargerImage): boolean => image.purpose === 'growing' || (kind === 'everywhere' && subject.head === 'window');
  for (const image of images) if (isWanted(image)) crops.set(image, await runCrops(subject, claims, image, session));
  return crops;
}

/** Per sample: how far the converted model differs from itself with its sums in a different order, or in double precision. */
function ownOrder(
  activation: Readonly<Record<string, number>>,
  results: readonly Results[],
  ...others: readonly (readonly (Results | undefined)[] | undefined)[]
): readonly number[] | undefined {
  const known = others.filter((other) => other !== undefined);
  if (known.length === 0) return undefined;
  return results.map((own, at) => Math.max(0, ...known.map((other) => noiseBetween(activation, own, other[at]))));
}

/** `activation`: error of the last operator itself, which is unrelated to sums. */
function noiseBetween(
  activation: Readonly<Record<string, number>>,
  one: Results | CompileError | undefined,
  other: Results | undefined,
): number {
  if (!one || !other || one instanceof CompileError) return 0;
  const found = worstOf([one], [other], activation);
  return found?.broken === 0 ? found.maxRel : 0;
}

/**
 * Runs the converted model with its long sums in double precision: a pool that slides over the map adds as many values as the original's global pool,
 * in a different kernel. Any fault in the model is present in both runs.
 */
async function withLongSumsInDouble(
  subject: Subject,
  samples: readonly Sample[],
  images: readonly LargerImage[],
): Promise<{ readonly results: readonly Results[]; readonly larger: ReadonlyMap<LargerImage, Results> } | undefined> {
  const { converted, place } = subject.request;
  const exact = converted.runtime || weightBytes(converted.model) > MOST_NUDGED ? undefined : withExactSums(converted.model);
  if (!exact) return undefined;
  const name = 'the converted model, its long sums in double precision,';
  return subject.bench
    .within(place(exact, 'converted-sums'), name, {}, async (session) => {
      const results = await each(samples, async ({ feeds }) => subject.coarse(await session.run(feeds)));
      const larger = new Map<LargerImage, Results>();
      for (const image of images) larger.set(image, subject.coarse(await session.run(image.feeds)));
      return { results, larger };
    })
    .catch((error: unknown) => void asCompileError(error));
}

interface ConvertedRuns {
  readonly results: readonly Results[];
  /** `fine`: every cell of the finer map. `coarse`: the cells that correspond to the network's own map. */
  readonly fine: Given;
  readonly coarse: Given;
  /** undefined if nothing can be moved. */
  readonly moved: MovedRuns | undefined;
  readonly residues: ResiduesSeen | CompileError | undefined;
  readonly batched: Moved | CompileError | undefined;
}

/** Checks that need no original. */
interface MovedRuns {
  readonly subject: Subject;
  readonly shifted: Moved | CompileError;
  readonly patches: Moved | CompileError;
  readonly field: FieldSeen | CompileError;
  readonly residues?: ResiduesSeen | CompileError | undefined;
}

/** Shares of the budget. */
const OF_FIELDS = 0.2;
const OF_RESIDUES = 0.1;

async function runMoved(subject: Subject, claims: readonly Claim[], session: Session): Promise<MovedRuns> {
  return {
    subject,
    shifted: await shiftedImages(subject, claims, session).catch(asCompileError),
    patches: await patchesElsewhere(subject, claims, session).catch(asCompileError),
    field: await edgesOfTheField(subject, claims, session, subject.budget.allowance(OF_FIELDS)).catch(asCompileError),
  };
}
const runResidues = (subject: Subject, claims: readonly Claim[], session: Session): Promise<ResiduesSeen | CompileError | undefined> =>
  everyResidue(subject, claims, session, subject.budget.allowance(OF_RESIDUES)).catch(asCompileError);

/** The same checks on the part that moves with the image, if the whole model does not. */
async function movedPart(subject: Subject): Promise<MovedRuns | undefined> {
  const part = movingPart(subject);
  if (!part) return undefined;
  subject.bench.progress('running the part of the converted model that moves with the image');
  try {
    return await part.within(async (session) => ({
      ...(await runMoved(part.subject, part.claims, session)),
      residues: await runResidues(part.subject, part.claims, session),
    }));
  } catch (error) {
    asCompileError(error);
    return undefined;
  }
}

/** All runs of the converted model. */
async function runConverted(
  subject: Subject,
  claims: readonly Claim[],
  samples: readonly Sample[],
  images: readonly LargerImage[],
  outputs: readonly string[],
): Promise<ConvertedRuns> {
  subject.bench.progress('running the converted model');
  return await subject.withinConverted(async (session) => {
    requireSameNames(subject.request, session, outputs);
    const results = await each(samples, async ({ feeds }) => subject.coarse(await session.run(feeds)));
    const fine = new Map<LargerImage, Results | CompileError>();
    for (const image of images) fine.set(image, await session.run(image.feeds).catch((error: unknown) => asCompileError(error)));
    const coarse = new Map(
      [...fine].map(([image, found]) => [image, found instanceof CompileError ? found : subject.coarse(found)] as const),
    );
    const slides = (subject.head === 'window' || subject.head === 'cell') && images.length > 0;
    const growing = images.filter(({ purpose }) => purpose === 'growing').slice(0, 1);
    subject.bench.progress('running the converted model on images that are moved');
    return {
      results,
      fine,
      coarse,
      moved: slides ? await runMoved(subject, claims, session) : undefined,
      residues: images.length > 0 ? await runResidues(subject, claims, session) : undefined,
      batched: subject.takesBatches
        ? await batches(subject, session, [subject.lengths, ...growing.map(({ lengths }) => lengths)]).catch(asCompileError)
        : undefined,
    };
  });
}

/** First departure: at the original size if the models differ there, otherwise on the first larger image. */
async function departureOf(
  subject: Subject,
  samples: readonly Sample[],
  images: readonly LargerImage[],
  expected: readonly Results[],
  actual: readonly Results[],
  own: readonly Tolerance[],
): Promise<Pick<VerifyReport, 'departure' | 'departureNote'>> {
  const { original, converted, rewrites, rounded, density } = subject.request;
  const common = {
    converted: subject.inside,
    rounded: rounded !== false,
    sameSizes: !density || Object.keys(density).length === 0,
    rewrites,
  };
  const observed = samples.flatMap((_, sample) =>
    [...(expected[sample] ?? [])].flatMap(([name, numbers]): Observed[] => {
      const isThere = converted.model.graph.outputs.some((candidate) => candidate.name === name);
      const allowed = own[sample];
      if (!isThere || !allowed) return [];
      return [
        {
          sample,
          output: name,
          allowed: { ...allowed, ...allowed.outputs?.[name] },
          difference: compareTensors(numbers, actual[sample]?.get(name)),
          agreed: allowed.criteria && agreement(numbers, actual[sample]?.get(name)),
        },
      ];
    }),
  );
  const worst = worstSample(observed);
  const feeds = worst && samples[worst.sample]?.feeds;
  const [image] = images;
  if (worst && feeds && worst.ends.size > 0)
    return tellDeparture({
      ...common,
      bench: subject.bench,
      original: original.model,
      feeds: { original: feeds, converted: feeds },
      sample: nameOf(samples, worst.sample),
      ends: worst.ends,
    });
  return image ? tellOnLarger(subject, image, common) : {};
}

function requireSameNames({ original }: VerifyRequest, session: Session, outputs: readonly string[]): void {
  const missing = outputs.filter((name) => !session.outputNames.includes(name));
  const kept = original.model.graph.outputs.map(({ name }) => name);
  if (missing.some((name) => kept.includes(name)))
    throw notComparable(`the converted model has no output '${missing[0]}' (it has ${session.outputNames.join(', ')})`);
}

/** Models that compute in integers are compared bit by bit. */
const isExact = ({ original, converted }: VerifyRequest): boolean =>
  converted.runtime
    ? addsInIntegers(original.model.graph)
    : computesInIntegers(original.model.graph) && computesInIntegers(converted.model.graph);
