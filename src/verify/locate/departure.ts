/** Finds where two models first depart: the node with equal inputs and a different output. */
import type { Model } from '../../ir/model';
import type { Node, Value } from '../../ir/types';
import type { Bench } from '../bench';
import { compareTensors, type Difference, errorOf } from '../compare';
import { nudged } from '../inputs';
import { floorOf, MOST_NUDGED, NOISE_FACTOR, nudgedWeights, ORDER_FACTOR } from '../noise';
import type { Numbers } from '../onnx-runner';
import { turnedTo } from '../pair/layout';
import type { Departure, Rewrite } from '../report';
import { mapValues, type Results } from '../results';
import { weightBytes } from '../samples';
import type { Counterparts } from './counterparts';
import { isProbeable, probe } from './probe';
import type { Side } from './side';
import { firstDeparting } from './walk';

export interface LocateRequest {
  readonly bench: Bench;
  readonly original: Model;
  readonly converted: Side;
  /** Inputs of both models: the sample on which they differ most. */
  readonly feeds: { readonly original: ReadonlyMap<string, Numbers>; readonly converted: ReadonlyMap<string, Numbers> };
  /** Name of that sample. */
  readonly sample: string;
  /** Departing values of the converted model, with their differences. */
  readonly ends: ReadonlyMap<Value, Difference>;
  /** True if weights may have been recomputed. */
  readonly rounded: boolean;
  /** True if corresponding values have the same number of elements, which is not the case if a map was made finer. */
  readonly sameSizes: boolean;
  /** Rewrites made by the rules, if known. */
  readonly rewrites?: (() => readonly Rewrite[]) | undefined;
}

/** Bytes of values in memory at a time. */
const BUDGET = 64e6;
const AT_ONCE = 8;

interface Verdict {
  readonly departs: boolean;
  readonly difference: Difference;
  readonly allowed: number | undefined;
  readonly steps?: Departure['steps'];
}

export async function locate(request: LocateRequest): Promise<Departure | undefined> {
  const { bench, original, converted, feeds } = request;
  bench.progress('looking for the node at which the models part');
  const pairs = converted.counterparts(original.graph);
  const candidates = new Set(
    [...pairs].filter(([to, from]) => (converted.isProbeable ?? isProbeable)(to) && isProbeable(from)).map(([to]) => to),
  );
  if (candidates.size === 0) return undefined;
  const verdicts = new Map<Value, Verdict>();
  const moved = request.rounded && weightBytes(original) <= MOST_NUDGED ? nudgedWeights(bench, original) : undefined;
  const nudge = mapValues(feeds.original, (numbers) => nudged(numbers, bench.seed, bench.epsilon));

  const examineGroup = async (values: readonly Value[]): Promise<void> => {
    const sources = values.map((value) => pairs.get(value)).filter((value): value is Value => value !== undefined);
    const reference = await probe(bench, original, sources, feeds.original, 'a part of the original');
    const again = [await probe(bench, original, sources, nudge, 'a part of the original')];
    if (moved)
      again.push(
        await probe(
          bench,
          moved,
          sources.map((value) => namesake(moved, value)),
          feeds.original,
          'a part of the original',
        ),
      );
    const found = await converted.probe(values, feeds.converted);
    const judgeAll = (order?: Results): void => {
      for (const value of values) {
        const source = pairs.get(value);
        const verdict = source && judge({ value, source, reference, found, again, order }, request);
        if (verdict) verdicts.set(value, verdict);
      }
    };
    judgeAll();
    // The reordered model is run only if it could change the verdict.
    if (converted.probeReordered && values.some((value) => verdicts.get(value)?.departs))
      judgeAll(await converted.probeReordered(values, feeds.converted));
  };
  const [end] = [...request.ends].sort(([, a], [, b]) => b.broken - a.broken || b.maxRel - a.maxRel)[0] ?? [];
  if (!end) return undefined;
  const isBroken = (request.ends.get(end)?.broken ?? 0) > 0;
  const { value, before, looked } = await firstDeparting(
    converted.graph,
    end,
    candidates,
    async (values) => {
      for (const group of grouped(values, pairs)) await examineGroup(group);
      // NaN and infinity are traced to the node that first produces them, whatever else differs.
      return new Map(values.map((each) => [each, isBroken ? brokenIn(verdicts.get(each)) : verdicts.get(each)?.departs]));
    },
    AT_ONCE,
  );
  if (value !== end && !verdicts.has(value)) return undefined;
  return describe(request, { value, before, looked, verdicts, source: pairs.get(value), comparable: candidates.size });
}

/** Share of values outside the range by more than rounding. */
function shareOutside({ data }: Numbers, { low, high }: { readonly low: number; readonly high: number }): number {
  const slack = (high - low) / 255;
  let outside = 0;
  for (const number of data) if (number < low - slack || number > high + slack) outside++;
  return outside / Math.max(1, data.length);
}

const brokenIn = (verdict: Verdict | undefined): boolean | undefined => verdict && verdict.difference.broken > 0;

interface Looked {
  readonly value: Value;
  readonly source: Value;
  readonly reference: Results;
  readonly found: Results;
  readonly again: readonly Results[];
  /** Results of the converted model with its sums in a different order. */
  readonly order: Results | undefined;
}

/** Returns undefined if the values cannot be compared. */
function judge({ value, source, reference, found, again, order }: Looked, request: LocateRequest): Verdict | undefined {
  const { bench } = request;
  const wanted = reference.get(source.name);
  const actual = wanted && arranged(wanted, found.get(value.name), value, source, request);
  if (!wanted || !actual) return undefined;
  const difference = compareTensors(wanted, actual);
  const { mostError } = request.converted;
  if (mostError !== undefined) {
    const range = request.converted.quantisedBy?.(value)?.range;
    const error = errorOf(wanted, actual);
    const steps = { error, most: mostError, ...(range && { range: { ...range, outside: shareOutside(wanted, range) } }) };
    return { departs: difference.broken > 0 || error > mostError, difference, allowed: undefined, steps };
  }
  const noise = Math.max(...again.map((results) => compareTensors(wanted, results.get(source.name)).maxRel));
  const other = order && arranged(wanted, order.get(value.name), value, source, request);
  const reordered = other ? compareTensors(actual, other).maxRel : 0;
  const allowed = Math.max(NOISE_FACTOR * noise, ORDER_FACTOR * reordered, floorOf(bench.epsilon));
  return { departs: difference.broken > 0 || difference.maxRel > allowed, difference, allowed };
}

/**
 * Permutes the axes of a value to those of its counterpart. If the rank is the same but the sizes differ, a value of the same name is a real
 * difference. Otherwise the values are not comparable: among several nodes made from the same source nodes, the last one need not compute the same
 * value as the sources.
 */
function arranged(
  wanted: Numbers,
  found: Numbers | undefined,
  value: Value,
  source: Value,
  { converted, sameSizes }: LocateRequest,
): Numbers | undefined {
  if (!found) return undefined;
  if (wanted.data.length !== found.data.length)
    return sameSizes && wanted.shape.length === found.shape.length && converted.nameOf(value) === source.name ? found : undefined;
  return converted.arrange ? converted.arrange(found, wanted, value) : turnedTo(found, wanted);
}

/** Splits the values into groups small enough to be held in memory. */
function grouped(values: readonly Value[], pairs: Counterparts): readonly (readonly Value[])[] {
  const groups: Value[][] = [];
  let room = 0;
  for (const value of values) {
    const bytes =
      4 *
      (value.type?.shape ?? pairs.get(value)?.type?.shape ?? []).reduce<number>(
        (product, dim) => product * (typeof dim === 'number' ? dim : 1),
        1,
      );
    // Four times, to include the values that it is compared with.
    if (groups.length === 0 || room < 4 * bytes) {
      groups.push([]);
      room = BUDGET;
    }
    groups.at(-1)?.push(value);
    room -= 4 * bytes;
  }
  return groups;
}

const namesake = (model: Model, value: Value): Value =>
  model.graph.nodes.flatMap((node) => node.outputs).find(({ name }) => name === value.name) ?? value;

interface Outcome {
  readonly value: Value;
  readonly before: readonly Value[];
  readonly looked: number;
  readonly verdicts: ReadonlyMap<Value, Verdict>;
  readonly source: Value | undefined;
  readonly comparable: number;
}

function describe(
  { converted, ends, sample, rewrites }: LocateRequest,
  { value, before, looked, verdicts, source, comparable }: Outcome,
): Departure | undefined {
  const node = converted.quantisedBy?.(value)?.node ?? value.producer;
  const steps = verdicts.get(value)?.steps;
  const difference = verdicts.get(value)?.difference ?? ends.get(value);
  if (!node || !difference) return undefined;
  const between = nodesBetween(value, new Set(before)).filter((other) => other !== node);
  const origin = new Set([node, ...between].flatMap((each) => each.origin));
  const made = (rewrites?.() ?? []).filter(
    ({ origin: from }) => from.some((name) => node.origin.includes(name)) && from.every((name) => origin.has(name)),
  );
  return {
    node: node.name,
    op: opOf(node),
    origin: node.origin,
    value: value.name,
    original: source?.name,
    sample,
    difference,
    allowed: verdicts.get(value)?.allowed,
    notFinite: difference.broken > 0,
    ...(steps && { steps }),
    inputs: before.map((each) => ({ value: each.name, difference: verdicts.get(each)?.difference.maxRel ?? 0 })),
    others: between.map((each) => ({ node: each.name, op: opOf(each) })),
    rewrites: distinct(made),
    looked,
    comparable,
    of: converted.graph.nodeCount,
  };
}

/** Operator name in the model's own format. */
export const opOf = ({ domain, op, opType }: Node): string => (domain === 'tfjs' ? opType : op);

/** Nodes between a value and the equal values before it. */
function nodesBetween(value: Value, stop: ReadonlySet<Value>): Node[] {
  const found = new Set<Node>();
  const queue = [value];
  for (let at = queue.pop(); at; at = queue.pop()) {
    const { producer } = at;
    if (!producer || found.has(producer)) continue;
    found.add(producer);
    for (const input of producer.inputs) if (input && !stop.has(input)) queue.push(input);
  }
  return [...found];
}

const distinct = (rewrites: readonly Rewrite[]): readonly Rewrite[] => [
  ...new Map(rewrites.map((rewrite) => [`${rewrite.pass} ${rewrite.rule}`, rewrite])).values(),
];
