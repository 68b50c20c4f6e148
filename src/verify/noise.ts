/** How far the original differs from itself, and the tolerance that follows from it. */
import { CompileError } from '../diagnostics/compile-error';
import { computedTensor, elementCount, isFloatType, readNumbers } from '../ir/tensor';
import { seededRandom } from './inputs';
import type { Numbers, Session } from './onnx-runner';
import { EPSILON } from './precision';
import type { Tolerance } from './report';
import { each, mapValues, type Results, type Sample, sampleOf, worstOf } from './results';
import { type Subject, weightBytes } from './subject';

/** Differences of this many times the original's own noise are of the same order; measured on the networks of the zoo (docs/verification.md). */
const NOISE_FACTOR = 8;
/** Two runtimes differ by what each of them differs from exact sums; so do two orders in one of them. Measured on the zoo (docs/verification.md). */
const ORDER_FACTOR = 4;
/** No noise measured still leaves rounding: a few units in the last place of the largest number. */
const FLOOR_ULPS = 16;
/** Half precision is computed in floats and rounded at the same nodes in both models: less is left over. */
const FLOOR_HALF_ULPS = 2;
/** The runtime's own optimised kernels add in other orders; beyond this their difference may be a fault of the optimiser, which must not buy tolerance. */
const MOST_KERNEL_ULPS = 128;

/** The same sample as one of a batch of two, where the model takes batches. */
export async function batched(subject: Subject, session: Session, samples: readonly Sample[]): Promise<Results | undefined> {
  const { inputs } = subject.request.original.model.graph;
  if (!inputs.every((input) => typeof input.type?.shape?.[0] !== 'number')) return undefined;
  const pair = mapValues(sampleOf(samples, 'normal').feeds, (numbers): Numbers => {
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
    // A batch may be declared and not supported; that is the model's own affair.
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** The original with each of its weights moved to a neighbour: what folding may do, which rounds weights anew. */
export async function withNudgedWeights(subject: Subject, samples: readonly Sample[]): Promise<readonly Results[] | undefined> {
  const { original, rounded } = subject.request;
  if (rounded === false || weightBytes(original.model) > MOST_NUDGED) return undefined;
  const model = original.model.clone();
  for (const constant of [...model.graph.constants]) {
    const { dtype, shape } = constant.constant;
    const isWeight = constant.uses.length > 0 && constant.uses.every(({ user }) => WEIGHTED.has(user.op));
    if (!isWeight || !isFloatType(dtype) || elementCount(shape) < 2) continue;
    const unit = EPSILON[dtype] ?? 2 ** -23;
    const neighbours = (): Float64Array => {
      const random = seededRandom(subject.seed);
      return readNumbers(constant.constant).map((number) => number * (1 + (random() < 0.5 ? -unit : unit)));
    };
    model.graph.replaceAllUses(constant, model.graph.addConstant(`${constant.name}_moved`, computedTensor(dtype, shape, neighbours)));
  }
  return subject.within(
    subject.request.place(model, 'moved'),
    'the original, its weights moved by a unit in the last place,',
    {},
    (session) => each(samples, ({ feeds }) => session.run(feeds)),
  );
}

export function toleranceFrom(
  subject: Subject,
  at: number,
  references: readonly Results[],
  nudges: readonly Results[],
  again: {
    readonly single: Results;
    readonly batched: Results | undefined;
    readonly optimised: readonly Results[] | undefined;
    readonly moved: readonly Results[] | undefined;
    /** Per sample; undefined: the converted model runs where the original runs. */
    readonly reordered: readonly number[] | undefined;
  },
): Tolerance {
  const { rtol, atol } = subject.request.options ?? {};
  const [reference, nudge] = [references[at] ?? new Map(), nudges[at] ?? new Map()];
  const kernels = again.optimised && worstOf(references, again.optimised);
  const noise = {
    threads: worstOf([reference], [again.single])?.maxRel ?? 0,
    nudge: worstOf([reference], [nudge])?.maxRel ?? 0,
    batch: again.batched && worstOf([reference], [again.batched])?.maxRel,
    kernels: kernels && kernels.broken === 0 ? kernels.maxRel : undefined,
    weights: again.moved && worstOf([reference], [again.moved[at] ?? new Map()])?.maxRel,
    ...(again.reordered && { order: again.reordered[at] }),
  };
  if (rtol !== undefined || atol !== undefined) return { relative: rtol ?? 0, absolute: atol ?? 0, noise, from: 'options' };
  const float = 2 ** -23;
  const floor = subject.epsilon > float ? FLOOR_HALF_ULPS * subject.epsilon : FLOOR_ULPS * float;
  const order = Math.min(NOISE_FACTOR * (noise.kernels ?? 0), MOST_KERNEL_ULPS * float);
  return {
    relative: Math.max(
      NOISE_FACTOR * Math.max(noise.threads, noise.nudge, noise.batch ?? 0, noise.weights ?? 0),
      ORDER_FACTOR * (noise.order ?? 0),
      order,
      floor,
    ),
    absolute: 0,
    noise,
    from: 'noise',
  };
}

/** An input on which the original is more sensitive than on the reference input is judged by its own noise. */
export function toleranceOf(
  sample: {
    readonly reference: Results | undefined;
    readonly nudge: Results | undefined;
    readonly moved: Results | undefined;
    readonly order: number | undefined;
  },
  base: Tolerance,
): Tolerance {
  if (base.from === 'options') return base;
  const { reference = new Map(), nudge, moved, order = 0 } = sample;
  const of = (other: Results | undefined): number => (other && worstOf([reference], [other])?.maxRel) ?? 0;
  return { ...base, relative: Math.max(base.relative, NOISE_FACTOR * Math.max(of(nudge), of(moved)), ORDER_FACTOR * order) };
}

/** How far the converted model differs from itself in a runtime of its own, when its sums are taken in another order: per sample. */
export async function orderNoise(
  subject: Subject,
  samples: readonly Sample[],
  results: readonly Results[],
): Promise<readonly number[] | undefined> {
  subject.progress('measuring the noise of the converted model');
  const again = await subject.withinReordered((session) => each(samples, async ({ feeds }) => subject.coarse(await session.run(feeds))));
  return again?.map((other, index) => worstOf([results[index] ?? new Map()], [other])?.maxRel ?? 0);
}

/** Operators whose constants are trained numbers. */
const WEIGHTED = new Set([
  'Conv',
  'ConvTranspose',
  'Gemm',
  'MatMul',
  'BatchNormalization',
  'LayerNormalization',
  'Mul',
  'Add',
  'Sub',
  'Div',
  'PRelu',
]);
/** Larger models are not copied for it. */
const MOST_NUDGED = 300e6;
