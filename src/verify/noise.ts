/** Measures the noise of the original and derives the tolerance from it. */

import { CompileError } from '../diagnostics/compile-error';
import { isNode } from '../ir/match';
import type { Model } from '../ir/model';
import { table } from '../ir/table';
import { computedTensor, elementCount, isFloatType, readNumbers } from '../ir/tensor';
import type { Node, Value } from '../ir/types';
import { weightSlots } from '../operators';
import type { Bench, PerOutput } from './bench';
import { type Difference, worse } from './compare';
import { withExactSums } from './exact-sums';
import { isExtreme, nudged, seededRandom } from './inputs';
import type { Numbers, Session } from './onnx-runner';
import { EPSILON } from './precision';
import type { Tolerance } from './report';
import { asCompileError, each, mapValues, type Results, worstOf } from './results';
import { withMovedRoundings } from './roundings';
import { referenceSample, type Sample, weightBytes } from './samples';

/** Differences up to this multiple of the original's own noise are of the same order; measured on the networks of the zoo (docs/verify.md). */
export const NOISE_FACTOR = 8;
/**
 * The difference between two runtimes comes from the error of each against exact sums; the same is true of two summation orders in one runtime.
 * Measured on the zoo (docs/verify.md).
 */
export const ORDER_FACTOR = 4;
/** A runtime of its own may round up to this multiple of what moving the values in front of quantisers shows on the samples: it runs on more images. */
export const ROUNDING_FACTOR = 2;
/** Even without measured noise, rounding remains: a few units in the last place of the largest value. */
const FLOOR_ULPS = 16;
/** Half precision is computed in floats and rounded at the same nodes in both models, so less rounding error remains. */
const FLOOR_HALF_ULPS = 2;
/**
 * The runtime's optimised kernels sum in a different order. A difference beyond this may be a fault of the optimiser, which must not increase the
 * tolerance.
 */
const MOST_KERNEL_ULPS = 128;

/** The model whose noise is measured. */
export interface Judged {
  readonly source: string | Uint8Array;
  readonly model: Model;
  /** Whether the other model's weights may have been recomputed; the noise of nudged weights then counts as well. Default: true. */
  readonly rounded?: boolean | undefined;
  /**
   * The other model runs in another runtime, whose sums round otherwise. Where they are quantised, some end on the other side of the boundary between two
   * steps; what that does is seen by moving the scales of quantised weights.
   */
  readonly elsewhere?: boolean | undefined;
  /** Every bit must be equal, because nothing is computed in floating point. */
  readonly exact?: boolean | undefined;
}

export interface Measured<T> {
  readonly results: readonly Results[];
  readonly outputNames: readonly string[];
  /** Result of the additional runs in the same session. */
  readonly more: T;
  /** Computes the allowed difference. `order`: per sample, how far the converted model differs from itself with its sums in a different order. */
  judge(order?: readonly number[]): Allowed;
}

export interface Allowed {
  readonly tolerance: Tolerance;
  /** Per sample: if the original is more sensitive on it than on the reference sample, its own noise applies. */
  readonly own: readonly Tolerance[];
  /** Median, over ordinary inputs, of how far the original differs from itself, as a share of its largest value. */
  readonly noise: number;
  /** Set if the runtime's optimiser changes the model by more than its noise. */
  readonly fault: Difference | undefined;
  /** Noise measurements that failed; they provide no information. */
  readonly unmeasured: readonly string[];
}

/** Runs the original on all samples, and again with each source of noise varied. */
export async function measure<T>(
  bench: Bench,
  judged: Judged,
  samples: readonly Sample[],
  more: (session: Session) => Promise<T>,
): Promise<Measured<T>> {
  const first = referenceSample(samples);
  const unmeasured: string[] = [];
  bench.progress('running the original');
  const { results, nudges, ...rest } = await bench.within(judged.source, 'the original', {}, async (session) => ({
    outputNames: session.outputNames,
    results: await each(samples, ({ feeds }) => session.run(feeds)),
    nudges: await each(samples, ({ feeds }) => session.run(mapValues(feeds, (numbers) => nudged(numbers, bench.seed, bench.epsilon)))),
    batched: await batched(judged, session, first),
    more: await more(session),
  }));
  bench.progress('measuring the noise of the original');
  const single = await bench.within(judged.source, 'the original', { threads: 1 }, (session) => session.run(first.feeds));
  const optimised = await bench
    .within(judged.source, 'the original', { optimise: true }, (session) => each(samples, ({ feeds }) => session.run(feeds)))
    .catch((error: unknown) => void unmeasured.push(`the runtime's own optimiser (${asCompileError(error).message})`));
  const moved = await withNudgedWeights(bench, judged, samples);
  const roundings = judged.elsewhere ? await withMovedRoundings(bench, judged.model, samples) : undefined;
  const sums = await withSumsInDouble(bench, judged, samples).catch(
    (error: unknown) => void unmeasured.push(`the original with its long sums in double precision (${asCompileError(error).message})`),
  );
  return {
    results,
    outputNames: rest.outputNames,
    more: rest.more,
    judge(order) {
      const allowed = judged.exact ? {} : activationNoise(judged.model);
      const ended = judged.model.graph.outputs.filter((output) => stepOf(output) > 0).map(({ name }) => name);
      const noise = noiseOn(allowed, results, nudges, {
        single,
        batched: rest.batched,
        optimised: optimised || undefined,
        moved,
        sums: sums || undefined,
        roundings: roundings?.map((run) => run.map((found) => without(ended, found))),
      });
      const found = toleranceFrom(bench, { ...noise, ...(order && { order: order[0] }) });
      const measured: Tolerance = judged.exact && found.from === 'noise' ? { ...found, relative: 0, floor: 0, from: 'exact' } : found;
      const activation = isMeasured(measured) ? withSteps(ended, allowed, results, roundings) : {};
      const tolerance: Tolerance = Object.keys(activation).length > 0 ? { ...measured, activation } : measured;
      const shares = samples.map((_, at) =>
        noiseOfSample({
          reference: results[at],
          nudge: nudges[at],
          moved: moved?.[at],
          sums: (sums || undefined)?.[at],
          order: order?.[at],
          allowed,
        }),
      );
      const own = shares.map((share) => toleranceOf(share, tolerance));
      const ordinary = shares.filter((_, at) => !isExtreme(samples[at]?.kind ?? ''));
      return {
        tolerance,
        own,
        noise: median((ordinary.length > 0 ? ordinary : shares).map(({ moving, adding }) => Math.max(moving, adding))),
        fault: optimised ? faultOf(judged.model, results, optimised, own) : undefined,
        unmeasured,
      };
    },
  };
}

/** Worst difference, over all inputs, beyond both the input's own noise and the error of the last operator itself. */
function faultOf(
  model: Model,
  results: readonly Results[],
  optimised: readonly Results[],
  own: readonly Tolerance[],
): Difference | undefined {
  const activation = activationNoise(model);
  const faults = optimised.flatMap((again, index) => {
    const found = worstOf([results[index] ?? new Map()], [again], activation);
    const allowed = Math.max(100 * (own[index]?.relative ?? 0), 1e-3);
    return found && (found.broken > 0 || found.maxRel > allowed) ? [found] : [];
  });
  return faults.reduce<Difference | undefined>(worse, undefined);
}

/** Largest step between neighbouring values of an output that is quantised at the end; 0 for other outputs. */
function stepOf(output: Value): number {
  const end = behindViews(output);
  const scale = end?.opType === 'DequantizeLinear' ? end.inputs[1]?.constant : undefined;
  return scale ? Math.max(...readNumbers(scale).map(Math.abs)) : 0;
}

/** The node that computes an output, skipping views and the like. */
function behindViews(output: Value): Node | undefined {
  let node = output.producer;
  while (node && VIEWS.has(node.op)) node = node.inputs[0]?.producer;
  return node;
}
const VIEWS: ReadonlySet<string> = new Set(['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity', 'Transpose', 'Concat']);

function noiseOn(
  allowed: Readonly<Record<string, number>>,
  results: readonly Results[],
  nudges: readonly Results[],
  again: {
    readonly single: Results;
    readonly batched: Results | undefined;
    readonly optimised: readonly Results[] | undefined;
    readonly moved: readonly Results[] | undefined;
    readonly sums: readonly Results[] | undefined;
    readonly roundings: readonly (readonly Results[])[] | undefined;
  },
): Tolerance['noise'] {
  const [reference, nudge] = [results[0] ?? new Map(), nudges[0] ?? new Map()];
  const kernels = again.optimised && worstOf(results, again.optimised, allowed);
  return {
    threads: worstOf([reference], [again.single], allowed)?.maxRel ?? 0,
    nudge: worstOf([reference], [nudge], allowed)?.maxRel ?? 0,
    batch: again.batched && worstOf([reference], [again.batched], allowed)?.maxRel,
    kernels: kernels && kernels.broken === 0 ? kernels.maxRel : undefined,
    weights: again.moved && worstOf([reference], [again.moved[0] ?? new Map()], allowed)?.maxRel,
    ...(again.sums && { sums: worstOf([reference], [again.sums[0] ?? new Map()], allowed)?.maxRel }),
    ...(again.roundings && { roundings: Math.max(0, ...again.roundings.map((run) => worstOf(run, results, allowed)?.maxRel ?? 0)) }),
  };
}

/** True if values are held to the tolerance measured on the original. */
export const isMeasured = ({ from }: Tolerance): boolean => from === 'noise' || from === 'criteria';

const FLOAT = 2 ** -23;
/** Minimum tolerance, as a share of the largest value. */
export const floorOf = (epsilon: number): number => (epsilon > FLOAT ? FLOOR_HALF_ULPS * epsilon : FLOOR_ULPS * FLOAT);

function toleranceFrom({ options, epsilon }: Bench, noise: Tolerance['noise']): Tolerance {
  const given = (of: PerOutput | undefined, output: string): number | undefined =>
    typeof of === 'object' ? of[output] : output === '' ? of : undefined;
  const floor = floorOf(epsilon);
  const order = Math.min(NOISE_FACTOR * (noise.kernels ?? 0), MOST_KERNEL_ULPS * FLOAT);
  const [rtol, atol] = [given(options.rtol, ''), given(options.atol, '')];
  const base = {
    relative: Math.max(
      NOISE_FACTOR * Math.max(noise.threads, noise.nudge, noise.batch ?? 0, noise.weights ?? 0),
      ORDER_FACTOR * Math.max(noise.order ?? 0, noise.sums ?? 0),
      ROUNDING_FACTOR * (noise.roundings ?? 0),
      order,
      floor,
    ),
    absolute: 0,
    floor,
  };
  const isGiven = rtol !== undefined || atol !== undefined;
  const named = [options.rtol, options.atol].flatMap((of) => (typeof of === 'object' ? Object.keys(of) : [])).filter((name) => name !== '');
  const outputs = Object.fromEntries(
    named.map((name) => [name, { relative: given(options.rtol, name) ?? 0, absolute: given(options.atol, name) ?? 0 }]),
  );
  const { minAgreement, cosine } = options;
  const asked = minAgreement !== undefined || cosine !== undefined;
  return {
    ...(isGiven ? { relative: rtol ?? 0, absolute: atol ?? 0, floor } : base),
    ...(named.length > 0 && { outputs }),
    noise,
    ...(asked && { criteria: { ...(minAgreement !== undefined && { minAgreement }), ...(cosine !== undefined && { cosine }) } }),
    from: isGiven ? 'options' : asked ? 'criteria' : 'noise',
  };
}

/** The same sample in a batch of two, if the model accepts batches. */
async function batched({ model }: Judged, session: Session, sample: Sample): Promise<Results | undefined> {
  const { inputs } = model.graph;
  if (!inputs.every((input) => typeof input.type?.shape?.[0] !== 'number')) return undefined;
  if ([...sample.feeds.values()].some(({ shape }) => shape[0] !== 1)) return undefined;
  const pair = mapValues(sample.feeds, (numbers): Numbers => {
    const data = new Float32Array(2 * numbers.data.length);
    data.set(numbers.data);
    data.set(
      numbers.data.map((number) => -number),
      numbers.data.length,
    );
    return { dtype: numbers.dtype, shape: [2, ...numbers.shape.slice(1)], data };
  });
  try {
    return mapValues(await session.run(pair), (numbers) => ({
      ...numbers,
      shape: [1, ...numbers.shape.slice(1)],
      data: numbers.data.slice(0, numbers.data.length / 2),
    }));
  } catch (error) {
    // A model may declare batches without supporting them; that is not a problem of the conversion.
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** The original with each weight moved to a neighbouring value, as folding may do by rounding weights again. */
async function withNudgedWeights(bench: Bench, judged: Judged, samples: readonly Sample[]): Promise<readonly Results[] | undefined> {
  if (judged.rounded === false || weightBytes(judged.model) > MOST_NUDGED) return undefined;
  const model = nudgedWeights(bench, judged.model, judged.elsewhere);
  return bench.within(bench.place(model, 'moved'), 'the original, its weights moved by a unit in the last place,', {}, (session) =>
    each(samples, ({ feeds }) => session.run(feeds)),
  );
}

/**
 * Moves each weight by one unit in the last place of its own type, or of the type of the computation if that is coarser. `scales`: those of quantised weights as
 * well, which moves the sums of a layer as another order of them does.
 */
export function nudgedWeights(bench: Bench, original: Model, scales = false): Model {
  const model = original.clone();
  for (const constant of [...model.graph.constants]) {
    const { dtype, shape } = constant.constant;
    const isWeight = constant.uses.length > 0 && constant.uses.every(({ user }) => takesWeights(user));
    const isScale = scales && constant.uses.length > 0 && constant.uses.every(({ user, slot }) => slot === 1 && isStored(user));
    if (!isFloatType(dtype) || !(isScale || (isWeight && elementCount(shape) > 1))) continue;
    const unit = Math.max(EPSILON[dtype] ?? 2 ** -23, bench.epsilon);
    const neighbours = (): Float64Array => {
      const random = seededRandom(bench.seed);
      return readNumbers(constant.constant).map((number) => number * (1 + (random() < 0.5 ? -unit : unit)));
    };
    model.graph.replaceAllUses(constant, model.graph.addConstant(`${constant.name}_moved`, computedTensor(dtype, shape, neighbours)));
  }
  return model;
}

/** The original with its long sums in double precision: shows how far the runtime is from exact sums. Another runtime may be as far from them. */
async function withSumsInDouble(bench: Bench, judged: Judged, samples: readonly Sample[]): Promise<readonly Results[] | undefined> {
  const model = weightBytes(judged.model) > MOST_NUDGED ? undefined : withExactSums(judged.model);
  if (!model) return undefined;
  return bench.within(bench.place(model, 'sums'), 'the original, its long sums in double precision,', {}, (session) =>
    each(samples, ({ feeds }) => session.run(feeds)),
  );
}

/** Noise of the original on one input. `moving`: its input or weights moved by one unit in the last place; `adding`: its sums in a different order. */
interface SampleNoise {
  readonly moving: number;
  readonly adding: number;
}

function noiseOfSample(sample: {
  readonly reference: Results | undefined;
  readonly nudge: Results | undefined;
  readonly moved: Results | undefined;
  readonly sums: Results | undefined;
  readonly order: number | undefined;
  readonly allowed: Readonly<Record<string, number>>;
}): SampleNoise {
  const { reference = new Map(), nudge, moved, sums, order = 0, allowed } = sample;
  const of = (other: Results | undefined): number => (other && worstOf([reference], [other], allowed)?.maxRel) ?? 0;
  return { moving: Math.max(of(nudge), of(moved)), adding: Math.max(order, of(sums)) };
}

/** If the original is more sensitive on an input than on the reference input, that input's own noise applies. */
function toleranceOf({ moving, adding }: SampleNoise, base: Tolerance): Tolerance {
  if (!isMeasured(base)) return base;
  return { ...base, relative: Math.max(base.relative, NOISE_FACTOR * moving, ORDER_FACTOR * adding) };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/**
 * Absolute error of the last operator, per output. The runtime computes Sigmoid as 1/2 plus a rational function of its argument: near 0 the result is
 * a difference of two halves, with an error of a few units in the last place of 1/2, however small the result is. Softmax and Tanh keep their
 * precision. An output that is quantised at the end may be off by one step wherever a sum is close to the boundary between two steps.
 */
export function activationNoise({ graph }: Model): Readonly<Record<string, number>> {
  const noise: Record<string, number> = table({});
  for (const output of graph.outputs) {
    const own = Math.max(isSigmoid(output) ? ACTIVATION_ULPS * FLOAT : 0, 1.01 * stepOf(output));
    if (own > 0) noise[output.name] = own;
  }
  return noise;
}
const ACTIVATION_ULPS = 4;

/** An output that is quantised at the end may be off by that last step, and by twice the steps that moving the values in front of quantisers shows. */
function withSteps(
  ended: readonly string[],
  allowed: Readonly<Record<string, number>>,
  results: readonly Results[],
  roundings: readonly (readonly Results[])[] | undefined,
): Readonly<Record<string, number>> {
  if (!roundings) return allowed;
  const most = (name: string): number => Math.max(0, ...roundings.map((run) => worstOf(only(results, name), only(run, name))?.maxAbs ?? 0));
  return table({ ...allowed, ...Object.fromEntries(ended.map((name) => [name, (allowed[name] ?? 0) + ROUNDING_FACTOR * most(name)])) });
}
const without = (names: readonly string[], results: Results): Results => new Map([...results].filter(([name]) => !names.includes(name)));
const only = (runs: readonly Results[], name: string): Results[] =>
  runs.map((results) => new Map([...results].filter(([output]) => output === name)));

const isSigmoid = (output: Value): boolean => isNode(behindViews(output), 'Sigmoid');

/** True if the node gives weights that are stored as integers. */
const isStored = ({ op, inputs }: Node): boolean => op === 'DequantizeLinear' && inputs[0]?.constant !== undefined;

/** True if the node's constants are trained weights: those of layers, and of the arithmetic that exporters write layers as. */
const takesWeights = (node: Node): boolean => ARITHMETIC.has(node.op) || (weightSlots(node)?.length ?? 0) > 0;
const ARITHMETIC = new Set(['Mul', 'Add', 'Sub', 'Div']);
/** Bytes of weights; larger models are not copied to measure noise. */
export const MOST_NUDGED = 300e6;
