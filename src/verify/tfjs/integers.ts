/**
 * A TensorFlow.js model of this program with integer weights, for bit-by-bit comparison.
 *
 * The conversion is repeated twice: on the original, and on the original with integer weights. A weight in the files that equals the result of the
 * first gets the corresponding result of the second; the same applies to numeric attributes (the slope of a LeakyRelu, the epsilon of a norm). The
 * nodes are those of the files. A weight that differs from the result of the conversion is reported, and values that depend on it are not judged.
 */
import { notExact } from '../../diagnostics/catalogue';
import type { Model } from '../../ir/model';
import { streamTensor } from '../../ir/stream';
import { readNumbers, tensorByteLength, tensorBytes } from '../../ir/tensor';
import type { Tensor, Value } from '../../ir/types';
import type { TfjsGraph } from '../../tfjs/graph';
import { using } from '../bench';
import { exactness, LARGEST_INPUT, type Reducer } from '../exact/bounds';
import { fingerprint } from '../exact/integers';
import type { IntegerSide, MakeSide } from '../exact/side';
import type { Substituted } from '../exact/substitute';
import { type GraphNode, reducedGraph } from '../exact/tfjs-reduce';
import { counterparts } from '../locate/counterparts';
import { isProbeable } from '../locate/probe';
import { each } from '../results';
import type { TfjsBackend } from './backend';
import { aboutOf, eachWeight, readModelJson, readTfjsFiles, type TfjsFiles } from './files';
import { fetched, tfjsSide } from './inside';
import { type Fetched, openTfjsSession } from './runner';

/** Result of a conversion: the compiled model, and the TensorFlow.js graph emitted for it. */
export interface Emitted {
  readonly model: Model;
  readonly graph: TfjsGraph;
}

/** Relation of a weight in the files to the result of the conversion: the same values, the same values in a different order, or other values. */
type Likeness = 'same' | 'moved' | 'other';

/**
 * Throws CompileError NOT_EXACT if weights cannot be traced: weights in fewer bits, a model of another program, or a conversion that cannot be
 * repeated.
 */
export function tfjsIntegers(
  path: string,
  original: Model,
  again: ((model: Model) => Emitted | undefined) | undefined,
  backend: TfjsBackend,
): MakeSide {
  const json = readModelJson(path);
  const specs = json.weightsManifest.flatMap(({ weights }) => weights);
  const small = specs.find(({ quantization }) => quantization);
  if (small) throw notExact(`the weights of the TensorFlow.js model are stored in fewer bits ('${small.name}')`, undefined);
  if (!again)
    throw notExact('the TensorFlow.js model was made by another program, which does not say where its weights come from', undefined);
  const real = again(original);
  if (!real) throw notExact('the conversion to the TensorFlow.js model cannot be done again', undefined);
  const likeness = likenessOf(readTfjsFiles(path), real.graph);
  return (left) => {
    const integers = again(left.model);
    if (!integers) throw notExact('the conversion cannot be done on integers', undefined);
    return sideOf(path, json, backend, left, { real: real.graph, integers, likeness });
  };
}

function sideOf(
  path: string,
  json: ReturnType<typeof readModelJson>,
  backend: TfjsBackend,
  left: Substituted,
  { real, integers, likeness }: { readonly real: TfjsGraph; readonly integers: Emitted; readonly likeness: ReadonlyMap<string, Likeness> },
): IntegerSide {
  const side = tfjsSide(path, backend);
  const pairs = new Map([...side.counterparts(left.model.graph)].filter(([, from]) => isProbeable(from)));
  const altered = [...likeness].flatMap(([name, like]) => (like === 'other' ? [name] : []));
  const untraced = behind(side.graph.constants.filter(({ name }) => likeness.get(name) !== 'same' && likeness.get(name) !== 'moved'));
  const byName = new Map(integers.model.graph.nodes.flatMap((node) => node.outputs.map((value) => [value.name, value])));
  let reducers: ReadonlyMap<string, Reducer> = new Map();
  return {
    graph: side.graph,
    pairs,
    altered,
    exactness(reducerOf) {
      const { graph } = integers.model;
      const sources = counterparts(left.model.graph, graph);
      // Only values that exist in the emitted graph can be reduced there.
      const there = new Map([...pairs].map(([to, from]) => [side.nameOf(to), from]));
      const known = new Map([...left.magnitudes].map(([{ name }, size]) => [name, size]));
      const { bounds, stops } = exactness(graph, {
        input: LARGEST_INPUT,
        magnitudes: new Map(
          graph.constants.flatMap((constant): [Value, number][] => {
            const size = known.get(constant.name);
            return size === undefined ? [] : [[constant, size]];
          }),
        ),
        untraced: new Set(),
        reducer(value) {
          const source = there.has(value.name) ? sources.get(value) : undefined;
          return source && reducerOf(source);
        },
      });
      return {
        isExact: (value) => {
          const compiled = byName.get(side.nameOf(value) ?? '');
          return compiled !== undefined && bounds.has(compiled) && !untraced.has(value);
        },
        stops,
      };
    },
    insert: (wanted) => {
      const { values = {} } = aboutOf(json);
      reducers = new Map(
        [...wanted].flatMap(([{ name }, reducer]) =>
          [name, ...(values[name]?.beside ?? [])].map((tensor): [string, Reducer] => [tensor, reducer]),
        ),
      );
    },
    run: (values, feeds) => {
      const files = onIntegers(readTfjsFiles(path), { real, integers: integers.graph, likeness, reducers });
      const fetch = new Map(values.map(({ name }): [string, Fetched] => [name, fetched(files.about, name)]));
      return using(openTfjsSession(files, { backend, fetch }), (session) => each(feeds, (one) => session.run(one)));
    },
  };
}

/** The constants and all values that depend on them. */
function behind(constants: readonly Value[]): ReadonlySet<Value> {
  const found = new Set<Value>(constants);
  for (const value of found) for (const { user } of value.uses) for (const output of user.outputs) found.add(output);
  return found;
}

/** Compares the weights in the files with the results of the conversion; only one weight is in memory at a time. */
function likenessOf(files: TfjsFiles, { weights }: TfjsGraph): ReadonlyMap<string, Likeness> {
  const made = new Map(weights.map(({ name, tensor }) => [name, tensor]));
  return new Map(
    eachWeight(files).map(([spec, bytes]): [string, Likeness] => {
      const tensor = made.get(spec.name);
      const held = bytes();
      if (!tensor || tensorByteLength(tensor) !== held.byteLength) return [spec.name, 'other'];
      if (isSame(tensor, held)) return [spec.name, 'same'];
      return [spec.name, tensor.dtype === 'float' && fingerprint(tensor) === fingerprint(tensorOf(held, tensor)) ? 'moved' : 'other'];
    }),
  );
}

function isSame(tensor: Tensor, held: Uint8Array): boolean {
  let [at, same] = [0, true];
  streamTensor(tensor, (bytes) => {
    same &&= Buffer.compare(bytes, held.subarray(at, at + bytes.byteLength)) === 0;
    at += bytes.byteLength;
  });
  return same;
}

const tensorOf = (bytes: Uint8Array, { dtype, shape }: Tensor): Tensor => ({ dtype, shape, data: { kind: 'bytes', bytes } });

interface Integers {
  readonly real: TfjsGraph;
  readonly integers: TfjsGraph;
  readonly likeness: ReadonlyMap<string, Likeness>;
  readonly reducers: ReadonlyMap<string, Reducer>;
}

/** The files with integer weights. */
function onIntegers(files: TfjsFiles, { real, integers, likeness, reducers }: Integers): TfjsFiles {
  const [before, after] = [real, integers].map((graph) => new Map(graph.weights.map(({ name, tensor }) => [name, tensor])));
  const shards: ArrayBuffer[] = [];
  for (const [spec, bytes] of eachWeight(files)) {
    const [numbers, made] = [before?.get(spec.name), after?.get(spec.name)];
    const like = likeness.get(spec.name);
    const isFitting = made && numbers && tensorByteLength(made) === tensorByteLength(numbers);
    const own =
      isFitting && like === 'same'
        ? new Uint8Array(tensorBytes(made))
        : isFitting && like === 'moved'
          ? moved(bytes(), numbers, made)
          : bytes();
    shards.push(own.buffer as ArrayBuffer);
  }
  const topology = files.json.modelTopology as { readonly node: readonly GraphNode[] };
  const { nodes, weights } = reducedGraph(
    topology.node.map((node) => withAttributesOf(node, real, integers)),
    reducers,
  );
  return {
    ...files,
    json: { ...files.json, modelTopology: { ...topology, node: nodes } },
    weightSpecs: [...files.weightSpecs, ...weights.map(({ spec }) => spec)],
    shards: [...shards, ...weights.map(({ bytes }) => bytes)],
  };
}

/** For values stored in a different order than the conversion's: replaces each value with its integer. */
function moved(held: Uint8Array, numbers: Tensor, made: Tensor): Uint8Array {
  const [keys, values] = [new Uint32Array(new Uint8Array(tensorBytes(numbers)).buffer), readNumbers(made)];
  const known = new Map([...keys].map((key, at) => [key, values[at] ?? 0]));
  const result = Float32Array.from(new Uint32Array(held.buffer), (key) => known.get(key) ?? Number.NaN);
  return new Uint8Array(result.buffer);
}

/** Replaces each attribute that equals the result of the conversion with the result of the conversion on integers. */
function withAttributesOf(node: GraphNode, real: TfjsGraph, integers: TfjsGraph): GraphNode {
  const [mine, theirs] = [real, integers].map((graph) => graph.nodes.find(({ name, op }) => name === node.name && op === node.op));
  if (!mine || !theirs || !node.attr) return node;
  const attr = Object.fromEntries(
    Object.entries(node.attr).map(([key, value]) => [
      key,
      JSON.stringify(value) === JSON.stringify(mine.attr[key]) ? (theirs.attr[key] ?? value) : value,
    ]),
  );
  return { ...node, attr };
}
