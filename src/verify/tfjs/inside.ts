/**
 * Internal values of a TensorFlow.js model, for locating where it departs from its original.
 *
 * A model made by this program declares which tensor holds which value, in which order of axes, and which original nodes each of its nodes
 * corresponds to. A model made by another program only has node names; the following is known about such models:
 * - a bias, a norm or an activation may be fused into the node of one model and be separate in the other;
 * - maps are channels-last, and a flattened map has its values in that order: it cannot be compared, up to the next linear layer.
 */

import { readTfjsView } from '../../files/tfjs-view';
import type { Graph } from '../../ir/graph';
import { table } from '../../ir/table';
import type { Value } from '../../ir/types';
import type { TfjsAbout } from '../../tfjs/about';
import { using } from '../bench';
import { type Counterparts, counterparts } from '../locate/counterparts';
import type { Feeds, Side } from '../locate/side';
import type { Numbers } from '../onnx-runner';
import { transposed } from '../pair/layout';
import type { Results } from '../results';
import type { TfjsBackend } from './backend';
import { aboutOf, readModelJson, signatureOutputs } from './files';
import { type Fetched, openTfjsSession } from './runner';

/** Seed for the alternative order of sums. */
export const REORDER = 1;

/** Throws CompileError TFJS_NOT_A_MODEL. */
export function tfjsSide(path: string, backend: TfjsBackend): Side {
  const json = readModelJson(path);
  const about = aboutOf(json);
  const { graph } = readTfjsView(path).model;
  const outputs = new Map(signatureOutputs(json)?.map(([key, name]) => [key, name.replace(/:0$/, '')]));
  const byName = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value.name, value])));
  const isOurs = about.values !== undefined;
  const run =
    (reorder: number | undefined) =>
    (values: readonly Value[], feeds: Feeds): Promise<Results> => {
      const fetch = new Map(values.map(({ name }): [string, Fetched] => [name, fetched(about, name)]));
      return using(openTfjsSession(path, { backend, fetch, reorder }), (session) => session.run(feeds));
    };
  return {
    graph,
    counterparts: (original) => (isOurs ? declared(original, graph, about) : byNames(original, graph)),
    nameOf: ({ name }) => (isOurs ? about.values?.[name]?.is : undefined) ?? name,
    probe: run(undefined),
    probeReordered: run(REORDER),
    output: (name) => byName.get(outputs.get(name) ?? name),
    ...(!isOurs && { arrange: channelsFirst }),
  };
}

/** Instructions for reading the value that begins with this tensor. The metadata is validated because the file may have been edited. */
export function fetched({ values }: TfjsAbout, name: string): Fetched {
  const { perm, beside }: { readonly perm?: unknown; readonly beside?: unknown } = values?.[name] ?? {};
  return {
    tensor: name,
    perm: Array.isArray(perm) && perm.every((axis) => Number.isInteger(axis)) ? perm : undefined,
    beside: Array.isArray(beside) ? beside.filter((other) => typeof other === 'string') : undefined,
  };
}

/** Counterparts that the model declares, matched with the original in the same way as the values of a converted ONNX model. */
function declared(original: Graph, graph: Graph, { values = {} }: TfjsAbout): Counterparts {
  return counterparts(original, graph, ({ name }) => {
    const told = values[name];
    return told && { name: told.is ?? name, isLast: told.part !== true };
  });
}

/** Other programs often name nodes after the ONNX node, or after its output value. */
function byNames(original: Graph, graph: Graph): Counterparts {
  const named = new Map<string, Value>();
  for (const node of original.nodes) {
    const [only, more] = node.outputs.filter(({ name }) => name !== '');
    if (only && !more) named.set(node.name, only);
    for (const output of node.outputs) {
      named.set(output.name, output);
      // TensorFlow appends `:0` to tensor names.
      named.set(output.name.replace(/:0$/, ''), output);
    }
  }
  const found = new Map<Value, Value>();
  const flat = flattened(graph);
  for (const node of graph.nodes) {
    const [value, more] = node.outputs;
    const namesake = named.get(node.name);
    if (!value || more || !namesake) continue;
    const [to, from] = completed(value, namesake);
    if (to && from && !flat.has(to)) found.set(to, from);
  }
  return found;
}

type Half = Value | undefined;

/**
 * A node and its namesake do not always end at the same point: one may include a bias, a norm or an activation that is a separate node in the other
 * model.
 */
function completed(value: Value, namesake: Value): readonly [Half, Half] {
  const fused = value.producer?.attrs.get('fused_ops');
  const parts = fused?.kind === 'strings' ? fused.value.map(String) : [];
  if (!isSum(namesake)) return [value, behindActivation(namesake, parts)];
  const hasNorm = value.uses.some(({ user }) => /BatchNorm|^Mul$/.test(user.opType));
  let [to, from]: [Half, Half] = [value, namesake];
  const hasBias = namesake.producer?.inputs[2] !== undefined;
  if (parts.length === 0 && hasBias) to = follow(to, ['BiasAdd', 'Add', 'AddV2']);
  // Without a bias, the fused node's addition comes from a later node of the original.
  if (parts.includes('BiasAdd') && !hasBias) from = follow(from, ['Add', 'BatchNormalization']) ?? from;
  // A norm that is missing from the other graph was folded into the weights.
  if (!hasNorm && from && follow(from, ['BatchNormalization'])) {
    if (parts.length === 0 && !hasBias) to = follow(to, ['BiasAdd', 'Add', 'AddV2']);
    from = follow(from, ['BatchNormalization']);
  }
  return [to, from && behindActivation(from, parts)];
}

/** The value after a fused activation, which may be the value itself. */
function behindActivation(value: Value, parts: readonly string[]): Half {
  const [activation] = parts.filter((part) => part !== 'BiasAdd');
  const ops = activation === undefined ? [] : (ACTIVATIONS[activation] ?? [activation]);
  return activation === undefined || ops.includes(value.producer?.op ?? '') ? value : follow(value, ops);
}

const isSum = ({ producer }: Value): boolean => ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'].includes(producer?.op ?? '');

/** Output of the value's only reader, if that is one of these operators. */
function follow(value: Half, ops: readonly string[]): Half {
  const [use, another] = value?.uses ?? [];
  return use && !another && ops.includes(use.user.opType) ? use.user.outputs[0] : undefined;
}

/** ONNX operators that fused activations correspond to. */
const ACTIVATIONS: Readonly<Record<string, readonly string[]>> = table({ Relu6: ['Clip'], Prelu: ['PRelu'] });

/** Flattened maps, and values derived from them element by element. */
function flattened(graph: Graph): ReadonlySet<Value> {
  const found = new Set<Value>();
  for (const node of graph.nodes) {
    const carries = !/Conv|MatMul|Pool/.test(node.opType) && node.inputs.some((input) => input && found.has(input));
    if (carries || node.opType === 'Reshape') for (const output of node.outputs) found.add(output);
  }
  return found;
}

/** Tries channels-last first: equal sizes do not determine the layout. */
function channelsFirst(found: Numbers, wanted: Numbers): Numbers | undefined {
  const rank = found.shape.length;
  if (rank !== wanted.shape.length) return undefined;
  const fits = (perm: readonly number[]): boolean => perm.every((axis, at) => found.shape[axis] === wanted.shape[at]);
  const last = [0, rank - 1, ...found.shape.map((_, axis) => axis).slice(1, -1)];
  if (rank >= 3 && fits(last)) return transposed(found, last);
  return found.shape.every((dim, at) => dim === wanted.shape[at]) ? found : undefined;
}
