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
import { judges } from './bench';
import { cropsOfTheImage, meansOfTheMap, originalSize, windowsOfTheMap } from './checks';
import { compareTensors } from './compare';
import { cropsOf, type Larger } from './larger';
import { nameOf, type Observed, tellDeparture, tellOnLarger, worstSample } from './locate';
import { notFiniteIn } from './locate/born';
import { meanOfCells } from './maps';
import { measure } from './noise';
import type { Session } from './onnx-runner';
import type { Tolerance, VerifyReport } from './report';
import { asCompileError, each, type Results, worstOf } from './results';
import type { Sample } from './samples';
import { scores as scoresOf } from './scores';
import { Subject, type VerifyRequest } from './subject';
import { headOnWindows, runTrunk } from './windows';

export type { VerifyOptions } from './bench';
export type { VerifyRequest } from './subject';

/** Throws CompileError where the models cannot be run or compared; a difference is a verdict, not an error. */
export async function verifyModels(request: VerifyRequest): Promise<VerifyReport> {
  const started = performance.now();
  const subject = new Subject(request);
  const { original, converted, contract } = request;
  const samples = subject.samples();
  const { plans, ...trunk } = await runTrunk(subject);
  const crops = plans.map((plan) => cropsOf(subject, plan));
  const judged = { source: original.source, model: original.model, rounded: request.rounded };
  const measured = await measure(subject.bench, judged, samples, (session) =>
    each(crops, (list) => each(list, (feeds) => session.run(feeds))),
  );
  const expectedWindows = subject.head === 'cell' ? 'a cell is no window of the original' : await headOnWindows(subject, plans, trunk);
  const scores = subject.head === 'cell' ? await scoresOf(subject, samples, plans) : undefined;
  subject.bench.progress('running the converted model');
  const actual = await subject.withinConverted(async (session) => {
    requireSameNames(request, session, measured.outputNames);
    return {
      results: await each(samples, async ({ feeds }) => subject.coarse(await session.run(feeds))),
      // The finer map at every cell, for the crops; what stands for the cells that it had, for the rest.
      fine: await each(plans, async (plan) => session.run(plan.feeds).catch((error: unknown) => asCompileError(error))),
    };
  });
  const larger = actual.fine.map((found) => (found instanceof CompileError ? found : subject.coarse(found)));
  subject.bench.progress('measuring the noise of the converted model');
  const reordered = await subject.withinReordered((session) =>
    each(samples, async ({ feeds }) => subject.coarse(await session.run(feeds))),
  );
  const order = reordered?.map((other, at) => worstOf([actual.results[at] ?? new Map()], [other])?.maxRel ?? 0);
  const { tolerance, own, fault } = measured.judge(order);
  const expected = scores?.small ?? measured.results;
  const found = scores ? actual.results.map((results) => meanOfCells(results, subject.isMap)) : actual.results;
  const checks = scores
    ? [originalSize(subject, samples, scores.small, found, own), meansOfTheMap(subject, plans, scores.larger, larger, tolerance)]
    : [
        originalSize(subject, samples, measured.results, actual.results, own),
        ...(subject.head === 'original' ? [] : [windowsOfTheMap(subject, plans, expectedWindows, larger, tolerance)]),
        ...(subject.head === 'window'
          ? [cropsOfTheImage(subject, plans, measured.more, subject.cropsAreFine ? actual.fine : larger, tolerance)]
          : []),
      ];
  const verdict = checks.some((check) => check.status === 'different') ? 'different' : 'equal';
  const departure = verdict === 'different' ? await departureOf(subject, samples, plans, expected, found, own) : undefined;
  return {
    verdict,
    checks,
    tolerance,
    ...departure,
    notFinite: await notFiniteIn(subject.bench, original.model, samples, measured.results),
    contract,
    runtimeFault: fault,
    runtime: judges(subject.bench, converted.runtime?.name),
    seconds: (performance.now() - started) / 1000,
  };
}

/** Where they part: at the original size if they do there, else on the first larger image. */
async function departureOf(
  subject: Subject,
  samples: readonly Sample[],
  plans: readonly Larger[],
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
        },
      ];
    }),
  );
  const worst = worstSample(observed);
  const feeds = worst && samples[worst.sample]?.feeds;
  const [plan] = plans;
  if (worst && feeds && worst.ends.size > 0)
    return tellDeparture({
      ...common,
      bench: subject.bench,
      original: original.model,
      feeds: { original: feeds, converted: feeds },
      sample: nameOf(samples, worst.sample),
      ends: worst.ends,
    });
  return plan ? tellOnLarger(subject, plan, common) : {};
}

function requireSameNames({ original }: VerifyRequest, session: Session, outputs: readonly string[]): void {
  const missing = outputs.filter((name) => !session.outputNames.includes(name));
  const kept = original.model.graph.outputs.map(({ name }) => name);
  if (missing.some((name) => kept.includes(name)))
    throw notComparable(`the converted model has no output '${missing[0]}' (it has ${session.outputNames.join(', ')})`);
}
