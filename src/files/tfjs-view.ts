/**
 * A TensorFlow.js graph model as a Model for inspection, not for running: its nodes in the domain `tfjs`, its weights by type and shape, as in model.json.
 * Shards are not opened, and shapes of inner values are unknown: model.json does not contain them.
 */
import { notTfjs } from '../diagnostics/catalogue';
import { Graph } from '../ir/graph';
import { Model } from '../ir/model';
import { table } from '../ir/table';
import type { Attr, DType, Tensor, TensorType, Value } from '../ir/types';
import { aboutOf, readModelJson, signatureOutputs, storedBytes, type WeightEntry } from '../verify/tfjs/files';

export interface TfjsView {
  readonly model: Model;
  readonly weights: readonly WeightEntry[];
  /** Bytes in the shards. */
  readonly bytes: number;
  readonly shards: number;
  readonly madeBy: string;
}

/** Fields that are read of a GraphDef node in JSON. */
interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, GraphAttr>>;
}
interface GraphAttr {
  readonly i?: string | number;
  readonly f?: number | string;
  readonly b?: boolean;
  readonly s?: string;
  readonly type?: string;
  readonly shape?: { readonly dim?: readonly { readonly size: string | number }[]; readonly unknownRank?: boolean };
  readonly list?: { readonly i?: readonly (string | number)[]; readonly f?: readonly (number | string)[]; readonly s?: readonly string[] };
}

/** Reads the view. Throws CompileError TFJS_NOT_A_MODEL. */
export function readTfjsView(path: string): TfjsView {
  const json = readModelJson(path);
  const topology = json.modelTopology as { readonly node?: readonly GraphNode[] };
  const weights = json.weightsManifest.flatMap(({ weights: entries }) => entries);
  const byName = new Map(weights.map((weight) => [weight.name, weight]));
  const graph = new Graph('tfjs');
  const about = aboutOf(json);
  const values = new Map<string, Value>();
  const nodes = ordered(topology.node ?? [], path);
  // The number of outputs of a node can only be derived from its readers.
  const outputs = new Map<string, number>();
  const references = [...nodes.flatMap(({ input = [] }) => input), ...(signatureOutputs(json) ?? []).map(([, name]) => name)];
  for (const [name, slot] of references.map(split)) outputs.set(name, Math.max(outputs.get(name) ?? 1, slot + 1));
  for (const node of nodes) {
    const { name, op, attr = {} } = node;
    if (op === 'Placeholder') values.set(name, graph.addInput(name, typeOf(attr)));
    else if (op === 'Const') values.set(name, graph.addConstant(name, constantOf(name, byName.get(name))));
    else {
      const count = outputs.get(name) ?? 1;
      const made = graph.addNode({
        op,
        domain: 'tfjs',
        name,
        inputs: (node.input ?? []).filter((input) => !input.startsWith('^')).map((input) => values.get(keyOf(...split(input)))),
        attrs: new Map(Object.entries(attr).flatMap(([key, value]) => attributeOf(key, value))),
        outputs: Array.from({ length: count }, (_, at) => keyOf(name, at)),
        origin: about.origins?.[name] ?? [name],
      });
      made.outputs.forEach((value, at) => {
        values.set(keyOf(name, at), value);
      });
    }
  }
  const results = (signatureOutputs(json) ?? []).flatMap(([, name]) => values.get(keyOf(...split(name))) ?? []);
  graph.setOutputs([
    ...new Set(results.length > 0 ? results : graph.nodes.flatMap((node) => node.outputs).filter(({ uses }) => uses.length === 0)),
  ]);
  // Origins are shown at the nodes, and there are too many tensors to list.
  const { origins: _origins, values: _values, ...facts } = about;
  return {
    model: new Model({
      graph,
      opsets: new Map([['tfjs', 1]]),
      metadata: new Map(Object.entries(facts).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)])),
    }),
    weights,
    bytes: weights.reduce((sum, weight) => sum + (storedBytes(weight) ?? 0), 0),
    shards: json.weightsManifest.reduce((sum, { paths }) => sum + paths.length, 0),
    madeBy: [...new Set([json.generatedBy, json.convertedBy])].filter((part) => part).join(', '),
  };
}

/** `name:1` -> name, 1 */
function split(reference: string): [string, number] {
  const [, name = reference, slot = '0'] = /^\^?(.*?)(?::(\d+))?$/s.exec(reference) ?? [];
  return [name, Number(slot)];
}
const keyOf = (name: string, slot: number): string => (slot === 0 ? name : `${name}:${slot}`);

/** Sorts nodes so that each comes after its inputs; iterative. */
function ordered(nodes: readonly GraphNode[], path: string): GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const state = new Map<GraphNode, 'open' | 'done'>();
  const result: GraphNode[] = [];
  for (const root of nodes) {
    const stack = [root];
    for (let node = stack.at(-1); node; node = stack.at(-1)) {
      if (state.get(node) === 'done') {
        stack.pop();
        continue;
      }
      const waiting = (node.input ?? [])
        .map((input) => byName.get(split(input)[0]))
        .filter((source) => source && state.get(source) !== 'done');
      const [next] = waiting;
      if (next && state.get(node) === 'open' && state.get(next) === 'open') throw notTfjs(path, `has a cycle at node '${next.name}'`);
      state.set(node, next ? 'open' : 'done');
      if (next) stack.push(next);
      else result.push(node);
    }
  }
  return result;
}

const TYPES: Readonly<Record<string, DType>> = table({
  DT_FLOAT: 'float',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_BOOL: 'bool',
  DT_STRING: 'string',
  DT_HALF: 'float16',
  DT_UINT8: 'uint8',
  float32: 'float',
  int32: 'int32',
  bool: 'bool',
  string: 'string',
});

function typeOf({ dtype, shape }: Readonly<Record<string, GraphAttr>>): TensorType {
  const dims = shape?.shape?.dim?.map(({ size }) => (Number(size) < 0 ? undefined : Number(size)));
  return { dtype: TYPES[dtype?.type ?? ''] ?? 'float', ...(dims && !shape?.shape?.unknownRank && { shape: dims }) };
}

/** A constant with only type and shape: a picture does not need its values. */
function constantOf(name: string, weight: WeightEntry | undefined): Tensor {
  const compute = (): never => {
    throw new TypeError(`the numbers of '${name}' were not read`);
  };
  const byteLength = (weight && storedBytes(weight)) ?? 0;
  return { dtype: TYPES[weight?.dtype ?? ''] ?? 'float', shape: weight?.shape ?? [], data: { kind: 'computed', byteLength, compute } };
}

function attributeOf(key: string, { i, f, b, s, type, list }: GraphAttr): [string, Attr][] {
  const text = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
  if (i !== undefined) return [[key, { kind: 'int', value: Number(i) }]];
  if (f !== undefined) return [[key, { kind: 'float', value: Number(f) }]];
  if (b !== undefined) return [[key, { kind: 'string', value: String(b) }]];
  if (s !== undefined) return [[key, { kind: 'string', value: text(s) }]];
  if (type !== undefined) return [[key, { kind: 'string', value: type }]];
  if (list?.i) return [[key, { kind: 'ints', value: list.i.map(Number) }]];
  if (list?.f) return [[key, { kind: 'floats', value: list.f.map(Number) }]];
  if (list?.s) return [[key, { kind: 'strings', value: list.s.map(text) }]];
  return [];
}
