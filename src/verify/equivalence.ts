/**
 * Proof by running both: the converted model against its original in ONNX Runtime, graph optimisations disabled.
 *
 * Three checks, each with a status of its own:
 * (a) original size: the map has one cell, which equals the original's output, over seeded inputs of different statistics;
 * (b) windows of the map: at two larger sizes, not square, one odd, every cell equals the original's own head applied to that window of the original's
 *     own feature map (the original is cut at its last map): exact whatever the padding;
 * (c) crops of the image: cells against the original run on the matching crops: equal for a network without padding, else a report of border effects.
 *
 * The tolerance is measured: how far the original differs from itself between one and more threads, between batch sizes, and when its input moves by one
 * unit in the last place; and, where the converted model is run by another runtime, how far it differs from itself there when its sums are taken in
 * another order. One model is in memory at a time.
 */
import { notComparable } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { cropsOfTheImage, meansOfTheMap, originalSize, windowsOfTheMap } from './checks';
import { type Difference, worse } from './compare';
import { INPUT_KINDS, nudged } from './inputs';
import { cropsOf } from './larger';
import { meanOfCells } from './maps';
import { batched, orderNoise, toleranceFrom, toleranceOf, withNudgedWeights } from './noise';
import type { Session } from './onnx-runner';
import type { VerifyReport } from './report';
import { asCompileError, each, mapValues, sampleOf, worstOf } from './results';
import { scores as scoresOf } from './scores';
import { Subject, type VerifyRequest } from './subject';
import { headOnWindows, runTrunk } from './windows';

export type { VerifyOptions, VerifyRequest } from './subject';

/** Throws CompileError where the models cannot be run or compared; a difference is a verdict, not an error. */
export async function verifyModels(request: VerifyRequest): Promise<VerifyReport> {
  const started = performance.now();
  const subject = new Subject(request);
  const { original, converted, contract } = request;
  const samples = subject.samples();
  const { plans, ...trunk } = await runTrunk(subject);
  const crops = plans.map((plan) => cropsOf(subject, plan));
  subject.progress('running the original');
  const reference = await subject.within(original.source, 'the original', {}, async (session) => ({
    outputs: session.outputNames,
    results: await each(samples, ({ feeds }) => session.run(feeds)),
    nudges: await each(samples, ({ feeds }) => session.run(mapValues(feeds, (numbers) => nudged(numbers, subject.seed, subject.epsilon)))),
    batched: await batched(subject, session, samples),
    crops: await each(crops, (list) => each(list, (feeds) => session.run(feeds))),
  }));
  subject.progress('measuring the noise of the original');
  const single = await subject.within(original.source, 'the original', { threads: 1 }, (session) =>
    session.run(sampleOf(samples, 'normal').feeds),
  );
  const optimised = await subject
    .within(original.source, 'the original', { optimise: true }, (session) => each(samples, ({ feeds }) => session.run(feeds)))
    .catch((error: unknown) => {
      if (error instanceof CompileError) return undefined;
      throw error;
    });
  const moved = await withNudgedWeights(subject, samples);
  const expectedWindows = subject.head === 'cell' ? 'a cell is no window of the original' : await headOnWindows(subject, plans, trunk);
  const scores = subject.head === 'cell' ? await scoresOf(subject, samples, plans) : undefined;
  subject.progress('running the converted model');
  const actual = await subject.withinConverted(async (session) => {
    requireSameNames(request, session, reference.outputs);
    return {
      results: await each(samples, async ({ feeds }) => subject.coarse(await session.run(feeds))),
      // The finer map at every cell, for the crops; what stands for the cells that it had, for the rest.
      fine: await each(plans, async (plan) => session.run(plan.feeds).catch((error: unknown) => asCompileError(error))),
    };
  });
  const larger = actual.fine.map((found) => (found instanceof CompileError ? found : subject.coarse(found)));
  const reordered = await orderNoise(subject, samples, actual.results);
  const tolerance = toleranceFrom(subject, INPUT_KINDS.indexOf('normal'), reference.results, reference.nudges, {
    single,
    batched: reference.batched,
    optimised,
    moved,
    reordered,
  });
  const own = samples.map((_, index) =>
    toleranceOf(
      { reference: reference.results[index], nudge: reference.nudges[index], moved: moved?.[index], order: reordered?.[index] },
      tolerance,
    ),
  );
  const checks = scores
    ? [
        originalSize(subject, samples, scores.small, actual.results.map(meanOfCells), own),
        meansOfTheMap(plans, scores.larger, larger, tolerance),
      ]
    : [
        originalSize(subject, samples, reference.results, actual.results, own),
        ...(subject.head === 'original' ? [] : [windowsOfTheMap(subject, plans, expectedWindows, larger, tolerance)]),
        ...(subject.head === 'window'
          ? [cropsOfTheImage(subject, plans, reference.crops, subject.cropsAreFine ? actual.fine : larger, tolerance)]
          : []),
      ];
  // Per input, beyond what its own noise explains.
  const faults = (optimised ?? []).flatMap((results, index) => {
    const found = worstOf([reference.results[index] ?? new Map()], [results]);
    return found && (found.broken > 0 || found.maxRel > Math.max(100 * (own[index]?.relative ?? 0), 1e-3)) ? [found] : [];
  });
  const fault = faults.reduce<Difference | undefined>(worse, undefined);
  return {
    verdict: checks.some((check) => check.status === 'different') ? 'different' : 'equal',
    checks,
    tolerance,
    contract,
    runtimeFault: fault,
    runtime: `${converted.runtime ? `${converted.runtime.name}, the original in ` : ''}ONNX Runtime, graph optimisations disabled`,
    seconds: (performance.now() - started) / 1000,
  };
}

function requireSameNames({ original }: VerifyRequest, session: Session, outputs: readonly string[]): void {
  const missing = outputs.filter((name) => !session.outputNames.includes(name));
  const kept = original.model.graph.outputs.map(({ name }) => name);
  if (missing.some((name) => kept.includes(name)))
    throw notComparable(`the converted model has no output '${missing[0]}' (it has ${session.outputNames.join(', ')})`);
}
