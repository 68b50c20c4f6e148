/**
 * Compares two models that should give the same results, whatever their source: the output of another optimiser, a copy in half precision or with
 * channels last, or a model with different names.
 *
 * Inputs and outputs are matched (ports.ts), inputs are converted to the layout and type of the other model, and outputs to a common shape
 * (relation.ts).
 * The tolerance is measured on the original, with its input and weights moved by one unit in the last place of the coarsest type that either model
 * computes in.
 */
import type { Model } from '../../ir/model';
import { table } from '../../ir/table';
import { judges, makeBench, using, type VerifyOptions } from '../bench';
import { agreeingOverall, agreement, compareTensors, errorOf, worse } from '../compare';
import { nameOf, type Observed, tellDeparture, worstSample } from '../locate';
import { notFiniteIn } from '../locate/born';
import { onnxSide } from '../locate/side';
import { measure } from '../noise';
import type { Numbers, OpenSession, Session } from '../onnx-runner';
import { coarsestType, EPSILON } from '../precision';
import type { Check, Tolerance, VerifyReport } from '../report';
import { agreesEnough, each, isWithin, type Results, worstOf } from '../results';
import { describeSamples, type Sample } from '../samples';
import type { OtherRuntime } from '../subject';
import { verdictOf } from '../verdict';
import { fittingPermutation, transposed } from './layout';
import { matchPorts, type PortMatch, requireKnown } from './ports';
import { MOST_ERROR, quantisedCopy, quantisedReport, quantisedSide } from './quantised';
import { type Relation, relate } from './relation';

export interface PairRequest {
  /** File path or bytes, and the model read from it, with shapes inferred and inputs of static size. */
  readonly original: { readonly source: string | Uint8Array; readonly model: Model };
  /** `runtime`: the runtime, if it is not ONNX Runtime. */
  readonly converted: { readonly source: string | Uint8Array; readonly model: Model; readonly runtime?: OtherRuntime | undefined };
  /** By the original's input names. */
  readonly samples: readonly Sample[];
  /** Maps names of the original's inputs and outputs to those of the other model, where they differ. */
  readonly map?: ReadonlyMap<string, string> | undefined;
  /** Relation of all outputs; default: derived from their shapes. */
  readonly relation?: Relation | undefined;
  /** Opens sessions that run models. */
  readonly open: OpenSession;
  readonly place: (model: Model, name: string) => string | Uint8Array;
  readonly options?: VerifyOptions | undefined;
}

/** Matches names and axes of one model with those of the other. */
export interface Correspondence {
  readonly inputs: readonly PortMatch[];
  readonly outputs: readonly PortMatch[];
  /** Converts inputs of the original to inputs of the converted model. */
  feeds(feeds: ReadonlyMap<string, Numbers>): ReadonlyMap<string, Numbers>;
}

/** Throws CompileError if the models cannot be run or compared; a difference is a verdict. */
export async function verifyPair(request: PairRequest): Promise<VerifyReport> {
  const started = performance.now();
  const { original, converted, samples, options = {} } = request;
  const match = correspondence(original.model, converted.model, request.map);
  const epsilon = Math.max(...[original, converted].map(({ model }) => EPSILON[coarsestType(model)] ?? 2 ** -23));
  const coarsest = [original, converted].map(({ model }) => coarsestType(model)).find((type) => EPSILON[type] === epsilon);
  const bench = makeBench({ options, open: request.open, place: request.place, epsilon, files: [original.source, converted.source] });
  const measured = await measure(bench, original, samples, async () => undefined);
  bench.progress('running the converted model');
  const run = (session: Session): Promise<Results[]> => each(samples, ({ feeds }) => session.run(match.feeds(feeds)));
  const { runtime } = converted;
  const found = await (runtime ? using(runtime.open(), run) : bench.within(converted.source, 'the converted model', {}, run));
  const reordered = runtime && (await using(runtime.openReordered(), run));
  const allowed = measured.judge(reordered?.map((other, at) => worstOf([found[at] ?? new Map()], [other])?.maxRel ?? 0));
  const { check, relations, observed, errors } = compareOutputs(samples, measured.results, found, match, allowed.own, request, coarsest);
  const quantised = quantisedCopy(original.model.graph, converted.model.graph);
  const worst = check.status === 'different' ? worstSample(observed) : undefined;
  const isNear =
    quantised && worst && [...worst.ends.values()].every(({ broken }) => broken === 0) && (errors[worst.sample] ?? 0) <= MOST_ERROR;
  const departure = isNear
    ? { departureNote: 'no node stands out: what is rounded to the steps of integers adds up over the layers' }
    : worst &&
      (await tellDeparture({
        bench,
        original: original.model,
        converted: () =>
          runtime ? runtime.inside() : quantised ? quantisedSide(bench, converted.model) : onnxSide(bench, converted.model),
        feeds: feedsOf(samples[worst.sample], match),
        sample: nameOf(samples, worst.sample),
        ends: worst.ends,
        rounded: true,
        sameSizes: true,
      }));
  return {
    verdict: verdictOf([check], allowed.noise, allowed.tolerance),
    checks: [check],
    tolerance: { ...allowed.tolerance, ...(coarsest !== undefined && coarsest !== 'float' && { unit: coarsest }) },
    ...departure,
    notFinite: await notFiniteIn(bench, original.model, samples, measured.results),
    contract: undefined,
    match: {
      inputs: match.inputs,
      outputs: match.outputs.map((output) => ({ ...output, relation: relations.get(output.original) ?? 'same' })),
    },
    ...(quantised && { quantised: quantisedReport(quantised, match.inputs, samples) }),
    runtimeFault: allowed.fault,
    ...(allowed.unmeasured.length > 0 && { unmeasured: allowed.unmeasured }),
    runtime: judges(bench, runtime?.name),
    seconds: (performance.now() - started) / 1000,
  };
}

const feedsOf = (
  sample: Sample | undefined,
  match: Correspondence,
): { readonly original: Sample['feeds']; readonly converted: Sample['feeds'] } => {
  const original = sample?.feeds ?? new Map();
  return { original, converted: match.feeds(original) };
};

/** Throws CompileError CANNOT_MATCH, UNKNOWN_MAPPING. */
export function correspondence(original: Model, converted: Model, map: ReadonlyMap<string, string> = new Map()): Correspondence {
  const [a, b] = [original.graph, converted.graph];
  requireKnown(map, [...a.inputs, ...a.outputs], [...b.inputs, ...b.outputs]);
  const inputs = matchPorts('input', a.inputs, b.inputs, map);
  const outputs = matchPorts('output', a.outputs, b.outputs, map);
  return {
    inputs,
    outputs,
    feeds: (feeds) =>
      new Map(
        inputs.flatMap(({ original: from, converted: to }): [string, Numbers][] => {
          const numbers = feeds.get(from);
          if (!numbers) return [];
          const type = b.inputs.find(({ name }) => name === to)?.type;
          const perm = type?.shape && fittingPermutation(numbers.shape, type.shape);
          const turned = perm ? transposed(numbers, perm) : numbers;
          return [[to, { ...turned, dtype: type?.dtype ?? numbers.dtype }]];
        }),
      ),
  };
}

function compareOutputs(
  samples: readonly Sample[],
  expected: readonly Results[],
  actual: readonly Results[],
  { outputs: matches }: Correspondence,
  own: readonly Tolerance[],
  { converted, relation: given }: PairRequest,
  coarsest: string | undefined,
): {
  readonly check: Check;
  readonly relations: ReadonlyMap<string, Relation>;
  readonly observed: readonly Observed[];
  readonly errors: readonly number[];
} {
  const relations = new Map<string, Relation>();
  const outputs: Record<string, Check['outputs'][string]> = table({});
  const agreements: Record<string, NonNullable<Check['agreement']>[string]> = table({});
  const observed: Observed[] = [];
  const errors: number[] = [];
  let equal = true;
  samples.forEach((_, at) => {
    for (const { original, converted: counterpart } of matches) {
      const [wanted, found] = [expected[at]?.get(original), actual[at]?.get(counterpart)];
      const tolerance = own[at];
      if (!wanted || !found || !tolerance) {
        equal = false;
        continue;
      }
      const related = relate(original, wanted, found, given);
      relations.set(original, related.relation);
      const difference = compareTensors(related.expected, related.actual, coarsest);
      errors[at] = Math.max(errors[at] ?? 0, errorOf(related.expected, related.actual));
      const ranked = agreement(related.expected, related.actual);
      equal &&= isWithin(difference, tolerance, original, ranked);
      if (converted.model.graph.outputs.some(({ name }) => name === counterpart))
        observed.push({
          sample: at,
          output: counterpart,
          difference,
          agreed: ranked,
          allowed: tolerance.outputs?.[original] ? { ...tolerance, ...tolerance.outputs[original] } : tolerance,
        });
      outputs[original] = worse(outputs[original], difference);
      const agreed = agreeingOverall(agreements[original], ranked);
      if (agreed) agreements[original] = agreed;
    }
  });
  const [first] = own;
  equal &&= Object.values(agreements).every((agreed) => !first || agreesEnough(agreed, first));
  return {
    check: {
      name: 'outputs',
      status: equal ? 'equal' : 'different',
      outputs,
      agreement: agreements,
      sizes: [],
      cells: samples.length,
      note: describeSamples(samples),
    },
    relations,
    observed,
    errors,
  };
}
