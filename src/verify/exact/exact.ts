/**
 * Compares two models on integers, bit by bit.
 *
 * Weights and inputs of both models are replaced with small integers, equal values with equal integers, so that every sum is exact in float32 in any
 * order. Every bit must then be equal: a wrong index, pad, stride or layout cannot hide behind rounding. The comparison ends at nodes that are not
 * exact on integers; the report lists them and how much of the network was run.
 */
import { notExact } from '../../diagnostics/catalogue';
import type { Graph } from '../../ir/graph';
import type { Model } from '../../ir/model';
import { table } from '../../ir/table';
import { elementCount } from '../../ir/tensor';
import { type Node, staticShape, type Value } from '../../ir/types';
import { type Bench, judges, makeBench, type VerifyOptions } from '../bench';
import { compareTensors, type Difference } from '../compare';
import { seededRandom } from '../inputs';
import { opOf } from '../locate/departure';
import { probeEach } from '../locate/probe';
import { firstDeparting } from '../locate/walk';
import type { Numbers, OpenSession } from '../onnx-runner';
import { turnedTo } from '../pair/layout';
import type { Correspondence } from '../pair/pair';
import type { Departure, ExactReport, VerifyReport } from '../report';
import { weightBytes } from '../samples';
import { exactness, halfPart, LARGEST_INPUT, type Reducer, type Stop } from './bounds';
import { insertReducers } from './reduce';
import type { IntegerSide, MakeSide } from './side';
import { integerModel } from './substitute';
import { judgedText } from './text';

export interface ExactRequest {
  readonly original: Model;
  readonly converted: MakeSide;
  readonly match: Pick<Correspondence, 'feeds'>;
  /** Opens sessions that run models. */
  readonly open: OpenSession;
  readonly place: (model: Model, name: string) => string | Uint8Array;
  /** Shape of each input of the original. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Name of the runtime of the converted model, if it is not ONNX Runtime. */
  readonly runtime?: string | undefined;
  readonly options?: VerifyOptions | undefined;
}

const AT_ONCE = 8;

/** Throws CompileError NOT_EXACT if nothing can be compared. */
export async function verifyExactly(request: ExactRequest): Promise<VerifyReport> {
  const started = performance.now();
  const { original, open, place, options = {} } = request;
  const bench = makeBench({ options, open, place, epsilon: 2 ** -23, files: [] });
  const rounds = options.samples ?? usualRounds(original);
  const outcomes: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    bench.progress(`running both on integers, round ${round + 1} of ${rounds}`);
    const outcome = await runRound(request, bench, bench.seed + 31 * round);
    outcomes.push(outcome);
    if (outcome.departure) break;
  }
  const [first] = outcomes;
  if (!first) throw notExact('there is nothing to run', undefined);
  const different = outcomes.find(({ departure }) => departure);
  const outputs: Record<string, Difference> = table({});
  for (const outcome of outcomes)
    for (const [name, difference] of Object.entries(outcome.differences)) outputs[name] = worst(outputs[name], difference);
  const exact: ExactReport = {
    rounds: outcomes.length,
    compared: Object.keys(first.differences),
    nodes: first.nodes,
    of: first.of,
    isWhole: first.isWhole,
    stops: first.stops.map(({ node, reason }) => ({ node: node.name, op: node.op, reason })),
    altered: first.altered,
    reduced: first.reduced,
    alive: Math.min(...outcomes.map(({ alive }) => alive)),
  };
  const status = !different && first.altered.length === 0 ? 'equal' : 'different';
  return {
    verdict: status,
    checks: [{ name: 'integers', status, outputs, sizes: [], cells: outcomes.length, note: judgedText(exact) }],
    tolerance: { relative: 0, absolute: 0, noise: { threads: 0, nudge: 0, batch: undefined, kernels: undefined }, from: 'exact' },
    contract: undefined,
    exact,
    departure: different?.departure,
    runtimeFault: undefined,
    runtime: judges(bench, request.runtime),
    seconds: (performance.now() - started) / 1000,
  };
}

/** One input may not expose a fault that another does. */
const usualInputs = (model: Model): number => (weightBytes(model) < 50e6 ? 8 : 4);

/** Each round uses different integers; neighbouring floats get the same integer in one round of six. */
function usualRounds(model: Model): number {
  const bytes = weightBytes(model);
  return bytes < 50e6 ? 8 : bytes < 200e6 ? 4 : 2;
}

interface Round {
  readonly differences: Readonly<Record<string, Difference>>;
  readonly departure: Departure | undefined;
  readonly stops: readonly Stop[];
  readonly altered: readonly string[];
  readonly nodes: number;
  readonly of: number;
  readonly isWhole: boolean;
  readonly reduced: number;
  readonly alive: number;
}

async function runRound(request: ExactRequest, bench: Bench, seed: number): Promise<Round> {
  const left = integerModel(request.original, seed);
  const a = left.model;
  const b = request.converted(left, seed, bench);
  const { graph, pairs } = b;
  const nodes = graph.nodeCount;
  const back = new Map([...pairs].map(([to, from]) => [from, to]));
  const plan = new Map<Value, Reducer>();
  const ours = exactness(a.graph, {
    input: LARGEST_INPUT,
    ...left,
    reducer(value, wanted) {
      if (wanted && back.has(value) && !plan.has(value)) plan.set(value, wanted);
      return plan.get(value);
    },
  });
  const theirs = b.exactness((source) => plan.get(source));
  const exactPairs = new Map([...pairs].filter(([to, from]) => ours.bounds.has(from) && theirs.isExact(to)));
  const ends = frontier(graph, exactPairs);
  const [stop] = theirs.stops.length > 0 ? theirs.stops : ours.stops;
  if (ends.length === 0)
    throw notExact(stop ? `${stop.node.op} '${stop.node.name}': ${stop.reason}` : 'no value of one model is one of the other', stop?.node);
  const reached = nodesBehind(ends);
  // A value that replaces another must have its own name when both models are cut.
  insertReducers(a, plan);
  b.insert(
    new Map([...pairs].flatMap(([to, from]): [Value, Reducer][] => (plan.has(from) ? [[to, plan.get(from) ?? { kind: 'modulo' }]] : []))),
  );
  const feeds = Array.from({ length: usualInputs(request.original) }, (_, at) => integerFeeds(request, seed + 1009 * at));
  const run = { bench, a, b, pairs: exactPairs, plan, nodes, feeds: { a: feeds, b: feeds.map((one) => request.match.feeds(one)) } };
  const inside = insideOf(exactPairs, ends);
  const found = await compareAt(run, [...ends, ...inside]);
  const differences = Object.fromEntries(ends.map((end) => [end.name, found.get(end)?.difference ?? compareTensors(EMPTY, EMPTY)]));
  const wrong = [...ends, ...inside].find((end) => found.get(end)?.equal === false);
  return {
    differences,
    departure: wrong && (await departureFrom(run, wrong, found)),
    stops: [...ours.stops, ...theirs.stops].filter(({ node }, at, all) => all.findIndex((other) => other.node.name === node.name) === at),
    altered: b.altered,
    nodes: reached,
    of: nodes,
    isWhole: graph.outputs.every((output) => exactPairs.has(output)),
    reduced: plan.size,
    alive: Math.min(...ends.map((end) => found.get(end)?.alive ?? 0)),
  };
}

const EMPTY: Numbers = { dtype: 'float', shape: [0], data: new Float32Array() };

interface Run {
  readonly bench: Bench;
  readonly a: Model;
  readonly b: IntegerSide;
  readonly pairs: ReadonlyMap<Value, Value>;
  /** Operations inserted after values of the original and after their counterparts. */
  readonly plan: ReadonlyMap<Value, Reducer>;
  /** Number of nodes of the converted model. */
  readonly nodes: number;
  readonly feeds: { readonly a: readonly ReadonlyMap<string, Numbers>[]; readonly b: readonly ReadonlyMap<string, Numbers>[] };
}

interface Compared {
  readonly equal: boolean;
  readonly difference: Difference;
  /** Share of nonzero values: zeros show nothing. */
  readonly alive: number;
}

/** Only one model is in memory at a time. */
async function compareAt({ bench, a, b, pairs, plan, feeds }: Run, values: readonly Value[]): Promise<ReadonlyMap<Value, Compared>> {
  const sources = values.flatMap((value) => pairs.get(value) ?? []);
  const expected = await probeEach(bench, a, sources, feeds.a, 'the original on integers');
  const actual = await b.run(values, feeds.b);
  const found = new Map<Value, Compared>();
  for (const value of values) {
    const source = pairs.get(value);
    const reducer = source && plan.get(source);
    expected.forEach((results, at) => {
      const [wanted, got] = [results.get(source?.name ?? ''), actual[at]?.get(value.name)];
      if (wanted && got) found.set(value, joined(found.get(value), compared(rounded(wanted, reducer), rounded(got, reducer))));
    });
  }
  return found;
}

/** An average is exact once it is rounded, which is how its readers see it. */
const rounded = (numbers: Numbers, reducer: Reducer | undefined): Numbers =>
  reducer?.kind === 'floor'
    ? { ...numbers, data: numbers.data.map((number) => Math.floor(Math.fround(number + halfPart(reducer.cells)))) }
    : numbers;

function compared(wanted: Numbers, got: Numbers): Compared {
  const turned = turnedTo(got, wanted);
  const equal = wanted.data.length === turned.data.length && wanted.data.every((number, at) => number === turned.data[at]);
  const alive = Array.from(wanted.data).filter((number) => number !== 0).length / Math.max(1, wanted.data.length);
  return { equal, difference: compareTensors(wanted, turned), alive };
}

const joined = (a: Compared | undefined, b: Compared): Compared =>
  a ? { equal: a.equal && b.equal, difference: worst(a.difference, b.difference), alive: Math.max(a.alive, b.alive) } : b;

/** Also compares small internal sums: a later activation or maximum may hide their faults. */
function insideOf(pairs: ReadonlyMap<Value, Value>, ends: readonly Value[]): readonly Value[] {
  const isSmall = (value: Value): boolean => elementCount(staticShape(value) ?? [SMALL + 1]) <= SMALL;
  return [...pairs].flatMap(([to, from]) => (!ends.includes(to) && SUMS.test(to.producer?.opType ?? '') && isSmall(from) ? [to] : []));
}
const SMALL = 50_000;
const SUMS = /Conv|Gemm|MatMul/;

async function departureFrom(run: Run, end: Value, first: ReadonlyMap<Value, Compared>): Promise<Departure | undefined> {
  const seen = new Map(first);
  const { value, before, looked } = await firstDeparting(
    run.b.graph,
    end,
    new Set(run.pairs.keys()),
    async (values) => {
      const found = await compareAt(run, values);
      for (const [each, compared] of found) seen.set(each, compared);
      return new Map(values.map((each) => [each, found.has(each) ? found.get(each)?.equal === false : undefined]));
    },
    AT_ONCE,
  );
  const node = value.producer;
  const difference = seen.get(value)?.difference;
  if (!node || !difference) return undefined;
  return {
    node: node.name,
    op: opOf(node),
    origin: node.origin,
    value: value.name,
    original: run.pairs.get(value)?.name,
    sample: 'integers',
    difference,
    allowed: 0,
    notFinite: difference.broken > 0,
    inputs: before.map((each) => ({ value: each.name, difference: 0 })),
    others: [],
    rewrites: [],
    looked,
    comparable: run.pairs.size,
    of: run.nodes,
  };
}

/** Number of nodes that contribute to these values. */
function nodesBehind(values: readonly Value[]): number {
  const seen = new Set<Node>();
  const queue = [...values];
  for (let at = queue.pop(); at; at = queue.pop()) {
    if (!at.producer || seen.has(at.producer)) continue;
    seen.add(at.producer);
    for (const input of at.producer.inputs) if (input) queue.push(input);
  }
  return seen.size;
}

/** The last comparable values: those with no other comparable value behind them. */
function frontier(graph: Graph, pairs: ReadonlyMap<Value, Value>): readonly Value[] {
  const leads = new Set<Value>();
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => pairs.has(output) || leads.has(output))) continue;
    for (const input of node.inputs) if (input) leads.add(input);
  }
  return [...pairs.keys()].filter((value) => !leads.has(value));
}

function integerFeeds({ shapes, original }: ExactRequest, seed: number): ReadonlyMap<string, Numbers> {
  const random = seededRandom(seed + 7);
  return new Map(
    original.graph.inputs.map((input): [string, Numbers] => {
      const shape = shapes.get(input.name) ?? [];
      const count = elementCount(shape);
      const least = input.type?.dtype.startsWith('u') ? 0 : -LARGEST_INPUT;
      const data = Float32Array.from({ length: count }, () => least + Math.floor(random() * (LARGEST_INPUT - least + 1)));
      return [input.name, { dtype: input.type?.dtype ?? 'float', shape, data }];
    }),
  );
}

const worst = (a: Difference | undefined, b: Difference): Difference => (!a || b.broken > a.broken || b.maxAbs > a.maxAbs ? b : a);
