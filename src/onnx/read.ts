/**
 * ONNX bytes -> Model in normal form.
 *
 * The file is scanned, not decoded: weights stay in the file as byte ranges. Local functions are inlined, Constant nodes become constants,
 * initializers that IR version 3 also lists as inputs become constants only, unsorted graphs are sorted, and every operator is raised to its newest
 * spelling (opset/). Anything the IR does not model (documentation, metadata, quantisation, training, unknown fields) is kept in `extras`.
 */
import { badGraph, badModel, newerIr, newerOpset, notOnnx, repeatedOutput, unknownExternalKey } from '../diagnostics/catalogue';
import { CompileError, type Diagnostic, type Location } from '../diagnostics/compile-error';
import { type ByteSource, isAbsent } from '../ir/bytes';
import { requireConformance } from '../ir/conformance';
import { allNodes, Graph } from '../ir/graph';
import { mostNodes } from '../ir/limits';
import { Model } from '../ir/model';
import { NEWEST_OPSET } from '../ir/operators';
import { requireRoomForConstants } from '../ir/shape-inference/constants';
import { fromNumbers, isFloatType } from '../ir/tensor';
import type { Attr, AttrString, Tensor, TensorType, Value } from '../ir/types';
import { nameUnknownAxes } from '../ir/unknown-axes';
import { knowsAttributes } from '../ir/validate';
import { inlineFunctions } from './inline-functions';
import { raiseToNormalForm } from './opset';
import { inOrder } from './order';
import { originIn, originsIn, withoutOrigins } from './origins';
import { otherFormat } from './other-formats';
import {
  type AttributeProto,
  AttributeType,
  type DimensionProto,
  decodeModel,
  fromInt64,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './proto';
import { readSparseTensor } from './read-sparse';
import { readTensor, type TensorReader, unknownExternalKeys } from './read-tensor';
import { readType } from './read-type';
import { readSkeleton } from './wire/skeleton';

export interface ReadOptions {
  /** Opens an external data file by its location, relative to the model. */
  readonly openExternal?: ((location: string, tensor: string) => ByteSource) | undefined;
  /** Replacement for data that is missing or too short; undefined: that is an error. */
  readonly absent?: ((location: string, tensor: string, reason: CompileError) => ByteSource | undefined) | undefined;
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
  /** Keeps the operators in the file's own spelling: for tools that inspect the file, not for passes. */
  readonly keepOpset?: boolean | undefined;
  /** Factor for the limits on how far the file may expand (functions, sparse weights, constants): see ir/limits.ts. */
  readonly limits?: number | undefined;
}

/** Fields of a node, value, graph or model that are kept for the writer. */
export interface NodeExtras {
  readonly node: Pick<NodeProto, 'doc_string' | 'metadata_props' | 'device_configurations' | 'overload' | '$unknowns'>;
}
export interface ValueExtras {
  readonly info: Pick<ValueInfoProto, 'doc_string' | 'metadata_props' | 'type' | '$unknowns'>;
}
export interface GraphExtras {
  readonly graph: Pick<GraphProto, 'doc_string' | 'quantization_annotation' | 'metadata_props' | '$unknowns'>;
}
export interface ModelExtras {
  readonly model: Pick<ModelProto, 'domain' | 'model_version' | 'doc_string' | 'training_info' | 'configuration' | '$unknowns'>;
}

const NEWEST_IR = 14;
/** Far above any real version number. */
const LARGEST_VERSION = 2 ** 31;

/** Reads a model; payloads are not read. Throws CompileError if the source is not a valid model. */
export function readModel(source: ByteSource, options: ReadOptions = {}): Model {
  sniff(source);
  const skeleton = readSkeleton(source);
  const proto = decode(skeleton.bytes, source.name);
  const warn = options.warn ?? (() => {});
  if (!proto.graph)
    throw badModel(source.name, 'the model has no graph', 'the file may be damaged, or hold something other than an ONNX model');
  const irVersion = Number(fromInt64(proto.ir_version));
  if (irVersion < 1) throw badModel(source.name, 'the model has no ir_version');
  if (irVersion > LARGEST_VERSION) throw badModel(source.name, `the model has ir_version ${proto.ir_version}`);
  if (irVersion > NEWEST_IR) warn(newerIr(irVersion, NEWEST_IR, source.name));
  const { limits = 1 } = options;
  const graphProto = inlineFunctions(proto, mostNodes(skeleton.bytes.length, limits));
  const opsets = readOpsets(proto, irVersion, source.name, warn);
  const reader: TensorReader = { skeleton, file: source.name, openExternal: options.openExternal, absent: options.absent, limits };
  const graphs = new GraphReader(reader, originsIn(proto.metadata_props), warn);
  const graph = graphs.read(graphProto ?? {}, undefined, new Map());
  const model = new Model({
    graph,
    irVersion,
    opsets,
    metadata: new Map(withoutOrigins(proto.metadata_props).map(({ key, value }) => [key ?? '', value ?? ''])),
    producer: { name: proto.producer_name ?? '', version: proto.producer_version ?? '' },
    limits,
    mended: graphs.mended,
    extras: {
      model: pick(proto, ['domain', 'model_version', 'doc_string', 'training_info', 'configuration', '$unknowns']),
    } satisfies ModelExtras,
  });
  if (options.keepOpset) return model;
  raiseToNormalForm(model);
  nameUnknownAxes(model.graph);
  if (knowsAttributes(model)) allNodes(model.graph).forEach(requireConformance);
  requireRoomForConstants(model);
  return model;
}

function decode(bytes: Uint8Array, file: string): ModelProto {
  try {
    return decodeModel(bytes);
  } catch (error) {
    if (error instanceof CompileError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw notOnnx(
      file,
      /utf-?8/i.test(message) ? 'a name in it is not valid UTF-8' : message,
      'the file is damaged or cut short; copy or export it again',
    );
  }
}

/** Rejects other files that people pass by mistake. */
function sniff(source: ByteSource): void {
  if (source.size === 0) throw notOnnx(source.name, 'file is empty');
  const head = source.read(0, Math.min(64, source.size));
  const text = String.fromCharCode(...head);
  if (text.startsWith('version https://git-lfs')) throw notOnnx(source.name, 'this is a Git LFS pointer', 'run git lfs pull');
  const other = otherFormat(source);
  if (other) throw other;
  if (text.startsWith('PK'))
    throw notOnnx(source.name, 'this is a zip archive', 'unpack it; a PyTorch file (.pt, .pth) has to be exported with torch.onnx.export');
  if (head[0] === 0x1f && head[1] === 0x8b) throw notOnnx(source.name, 'this is gzip-compressed', 'run gunzip');
  if (/^\s*</.test(text) && /^\s*<(!doctype|html|\?xml)/i.test(text))
    throw notOnnx(source.name, 'this is a web page', 'download the file itself, not the page about it');
  if (/^\s*[{[]/.test(text)) throw notOnnx(source.name, 'this is JSON');
  if (head.length >= 8 && head.every((byte) => byte >= 9 && byte < 127)) throw notOnnx(source.name, 'this is text');
}

function readOpsets(proto: ModelProto, irVersion: number, file: string, warn: (warning: Diagnostic) => void): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of proto.opset_import ?? []) {
    const name = domain === 'ai.onnx' ? '' : (domain ?? '');
    const number = Number(fromInt64(version));
    if (opsets.has(name) && opsets.get(name) !== number)
      throw badModel(file, `the model imports two opsets of domain '${name || 'ai.onnx'}': ${opsets.get(name)} and ${number}`);
    if (Math.abs(number) > LARGEST_VERSION) throw badModel(file, `the model imports opset ${version} of domain '${name || 'ai.onnx'}'`);
    opsets.set(name, number);
  }
  // Before IR version 3 there were no imports, and only opset 1.
  if (irVersion < 3 && !opsets.has('')) opsets.set('', 1);
  const own = opsets.get('');
  if (opsets.size === 0) throw badModel(file, 'the model imports no opset');
  if (own !== undefined && own < 1) throw badModel(file, `the model imports opset ${own}`);
  if (own !== undefined && own > NEWEST_OPSET) warn(newerOpset(own, NEWEST_OPSET, file));
  return opsets;
}

class GraphReader {
  /** Whether the reader accepted something that runtimes refuse: two nodes with the same name, omitted trailing inputs, an input of length 0. */
  mended = false;
  private readonly nodeNames = new Set<string>();

  constructor(
    private readonly tensors: TensorReader,
    /** By node name. */
    private readonly origins: ReadonlyMap<string, readonly string[]>,
    private readonly warn: (warning: Diagnostic) => void,
  ) {}

  /** `outer`: values of the enclosing graphs by name. */
  read(proto: GraphProto, parent: Graph | undefined, outer: ReadonlyMap<string, Value>): Graph {
    const graph = new Graph(proto.name ?? '', parent);
    graph.extras = {
      graph: pick(proto, ['doc_string', 'quantization_annotation', 'metadata_props', '$unknowns']),
    } satisfies GraphExtras;
    const scope = new Map(outer);
    const own = new Map<string, NodeProto | string>();
    const claim = (name: string, by: NodeProto | string): void => {
      const before = own.get(name);
      if (before !== undefined)
        throw badGraph(`'${name}' is made twice: by ${maker(before, name)} and by ${maker(by, name)}`, { value: name });
      own.set(name, by);
    };
    const initializers = this.readInitializers(proto);
    const infos = new Map((proto.value_info ?? []).map((info) => [info.name ?? '', info]));
    const outputInfos = new Map((proto.output ?? []).map((info) => [info.name ?? '', info]));
    for (const info of proto.input ?? []) {
      const name = info.name ?? '';
      if (name === '') throw badGraph('an input of the graph has no name', {});
      if (initializers.has(name)) {
        infos.set(name, info);
        continue;
      }
      claim(name, 'a graph input');
      if (info.type?.tensor_type?.shape?.dim?.some(isEmptyAxis)) this.mended = true;
      scope.set(name, graph.addInput(name, readType(info.type, name), infoExtras(info)));
    }
    for (const [name, tensor] of initializers) {
      claim(name, 'an initializer');
      const info = infos.get(name);
      // Integers without data may determine shapes, so their values are as open as those of an input.
      const isOpen = isAbsent(tensor.data) && !isFloatType(tensor.dtype);
      const { dtype, shape } = tensor;
      scope.set(name, isOpen ? graph.addInput(name, { dtype, shape }) : graph.addConstant(name, tensor, info && infoExtras(info)));
    }
    const nodes = proto.node ?? [];
    for (const node of nodes) for (const output of node.output ?? []) if (output) claim(output, node);
    for (const node of inOrder(nodes, scope)) this.addNode(graph, node, scope, infos, outputInfos);
    graph.setOutputs(this.outputs(proto.output ?? [], graph, scope));
    return graph;
  }

  private outputs(infos: readonly ValueInfoProto[], graph: Graph, scope: ReadonlyMap<string, Value>): Value[] {
    const found = new Set<Value>();
    return infos.flatMap((info) => {
      const name = info.name ?? '';
      const value = scope.get(name);
      if (!value)
        throw badGraph(name === '' ? 'an output of the graph has no name' : `graph output '${name}' is made by no node`, { value: name });
      if (!value.type) graph.setType(value, readType(info.type, name));
      if (value.extras === undefined) graph.setExtras(value, infoExtras(info));
      if (!found.has(value)) {
        found.add(value);
        return [value];
      }
      // Outputs of a nested graph are identified by position, those of a model by name: one that is listed twice is the same output.
      if (graph.parent)
        return graph.addNode({ op: 'Identity', inputs: [value], outputs: [`${name}_again`], outputTypes: [value.type] }).outputs;
      this.warn(repeatedOutput(name));
      return [];
    });
  }

  private readInitializers(proto: GraphProto): Map<string, Tensor> {
    const found = new Map<string, Tensor>();
    for (const tensor of proto.initializer ?? []) {
      const name = tensor.name ?? '';
      if (!name) throw badGraph('an initializer has no name', {});
      if (found.has(name)) throw badGraph(`two initializers are named '${name}'`, { value: name });
      found.set(name, this.tensor(tensor, name));
    }
    for (const sparse of proto.sparse_initializer ?? []) {
      const name = sparse.values?.name ?? '';
      if (!name) throw badGraph('a sparse initializer has no name', {});
      if (found.has(name)) throw badGraph(`two initializers are named '${name}'`, { value: name });
      found.set(name, readSparseTensor(sparse, name, this.tensors));
    }
    return found;
  }

  private tensor(proto: TensorProto, name: string): Tensor {
    for (const key of unknownExternalKeys(proto)) this.warn(unknownExternalKey(name, key));
    return readTensor(proto, name, this.tensors);
  }

  private addNode(
    graph: Graph,
    node: NodeProto,
    scope: Map<string, Value>,
    infos: ReadonlyMap<string, ValueInfoProto>,
    outputInfos: ReadonlyMap<string, ValueInfoProto>,
  ): void {
    const domain = node.domain === 'ai.onnx' ? '' : (node.domain ?? '');
    const at: Location = { node: node.name || node.output?.[0] || '', op: node.op_type ?? '' };
    if (!node.op_type) throw badGraph(`node '${at.node}' has no operator`, at);
    const constant = domain === '' && node.op_type === 'Constant' ? this.constant(node, at) : undefined;
    const [name = ''] = node.output ?? [];
    if (constant && name) {
      const info = infos.get(name);
      scope.set(name, graph.addConstant(name, constant, info && infoExtras(info)));
      return;
    }
    const outputs = node.output ?? [];
    if (node.name && this.nodeNames.has(node.name)) this.mended = true;
    this.nodeNames.add(node.name ?? '');
    if (node.input?.at(-1) === '') this.mended = true;
    const added = graph.addNode({
      op: node.op_type,
      domain,
      inputs: (node.input ?? []).map((input) => (input === '' ? undefined : scope.get(input))),
      attrs: this.attributes(node, graph, scope, at),
      outputs,
      outputTypes: outputs.map((output): TensorType | undefined => readType((infos.get(output) ?? outputInfos.get(output))?.type, output)),
      name: node.name || undefined,
      origin: originIn(node.metadata_props) ?? this.origins.get(node.name ?? ''),
      extras: { node: pick(node, ['doc_string', 'metadata_props', 'device_configurations', 'overload', '$unknowns']) } satisfies NodeExtras,
    });
    added.outputs.forEach((value, index) => {
      const output = outputs[index];
      if (!output) return;
      const info = infos.get(output);
      if (info) graph.setExtras(value, infoExtras(info));
      scope.set(output, value);
    });
  }

  /** The tensor of a Constant node. */
  private constant(node: NodeProto, at: Location): Tensor | undefined {
    const name = node.output?.[0] ?? '';
    const [attribute] = node.attribute ?? [];
    if (!attribute || node.attribute?.length !== 1) return undefined;
    const ints = (attribute.ints ?? []).map((long) => BigInt(fromInt64(long)));
    switch (attribute.name) {
      case 'value':
        return attribute.t ? this.tensor(attribute.t, name) : undefined;
      case 'value_float':
        return fromNumbers('float', [], [attribute.f ?? 0]);
      case 'value_floats':
        return fromNumbers('float', [attribute.floats?.length ?? 0], attribute.floats ?? []);
      case 'value_int':
        return { dtype: 'int64', shape: [], data: { kind: 'bytes', bytes: int64Bytes([BigInt(fromInt64(attribute.i))]) } };
      case 'value_ints':
        return { dtype: 'int64', shape: [ints.length], data: { kind: 'bytes', bytes: int64Bytes(ints) } };
      case 'value_string':
        return { dtype: 'string', shape: [], data: { kind: 'strings', values: [attribute.s ?? new Uint8Array()] } };
      case 'value_strings':
        return { dtype: 'string', shape: [attribute.strings?.length ?? 0], data: { kind: 'strings', values: attribute.strings ?? [] } };
      case 'sparse_value':
        return attribute.sparse_tensor ? readSparseTensor(attribute.sparse_tensor, name, this.tensors) : undefined;
      default:
        throw badGraph(`Constant '${at.node}' has the unknown attribute '${attribute.name}'`, at);
    }
  }

  private attributes(node: NodeProto, graph: Graph, scope: ReadonlyMap<string, Value>, at: Location): Map<string, Attr> {
    const attrs = new Map<string, Attr>();
    for (const attribute of node.attribute ?? []) {
      const name = attribute.name ?? '';
      if (!name) throw badGraph(`node '${at.node}' has an attribute without a name`, at);
      if (attrs.has(name)) throw badGraph(`node '${at.node}' has the attribute '${name}' twice`, at);
      if (attribute.ref_attr_name)
        throw badGraph(`attribute '${name}' of node '${at.node}' refers to an attribute of a function, outside of a function`, at);
      attrs.set(name, this.attribute(attribute, name, graph, scope, at));
    }
    return attrs;
  }

  private attribute(proto: AttributeProto, name: string, graph: Graph, scope: ReadonlyMap<string, Value>, at: Location): Attr {
    let present: (typeof FIELDS)[number] | undefined;
    let declared: typeof present;
    for (const field of FIELDS) {
      if (field.type === proto.type) declared = field;
      if (!field.has(proto)) continue;
      if (present) throw badGraph(`attribute '${name}' of node '${at.node}' has values of two kinds`, at);
      present = field;
    }
    const kind = declared ?? (proto.type ? undefined : present);
    if (!kind)
      throw badGraph(`attribute '${name}' of node '${at.node}' has ${proto.type ? `the unknown kind ${proto.type}` : 'no value'}`, at);
    if (present && present !== kind)
      throw badGraph(`attribute '${name}' of node '${at.node}' says that it is of one kind and has a value of another`, at);
    const extras = proto.doc_string || proto.$unknowns?.length ? { extras: pick(proto, ['doc_string', '$unknowns']) } : {};
    const tensor = (value: TensorProto): Tensor => this.tensor(value, value.name || `${at.node}.${name}`);
    switch (kind.type) {
      case AttributeType.FLOAT:
        return { kind: 'float', value: proto.f ?? 0, ...extras };
      case AttributeType.INT:
        return { kind: 'int', value: fromInt64(proto.i), ...extras };
      case AttributeType.STRING:
        return { kind: 'string', value: readString(proto.s ?? new Uint8Array()), ...extras };
      case AttributeType.FLOATS:
        return { kind: 'floats', value: proto.floats ?? [], ...extras };
      case AttributeType.INTS:
        return { kind: 'ints', value: (proto.ints ?? []).map(fromInt64), ...extras };
      case AttributeType.STRINGS:
        return { kind: 'strings', value: (proto.strings ?? []).map(readString), ...extras };
      case AttributeType.TENSOR:
        return { kind: 'tensor', value: tensor(proto.t ?? {}), ...extras };
      case AttributeType.TENSORS:
        return { kind: 'tensors', value: (proto.tensors ?? []).map(tensor), ...extras };
      case AttributeType.GRAPH:
        return { kind: 'graph', value: this.read(proto.g ?? {}, graph, scope), ...extras };
      case AttributeType.GRAPHS:
        return { kind: 'graphs', value: (proto.graphs ?? []).map((inner) => this.read(inner, graph, scope)), ...extras };
      default:
        return { kind: 'opaque', value: proto };
    }
  }
}

const isEmptyAxis = ({ dim_param, dim_value }: DimensionProto): boolean =>
  !dim_param && dim_value !== undefined && dim_value !== null && fromInt64(dim_value) === 0;

const maker = (by: NodeProto | string, output: string): string => (typeof by === 'string' ? by : `${by.op_type} '${by.name || output}'`);

const filled = (list: ArrayLike<unknown> | null | undefined): boolean => list !== null && list !== undefined && list.length > 0;
const present = (value: unknown): boolean => value !== null && value !== undefined;
/** Own properties only: the generated prototypes have defaults. */
const own = (proto: AttributeProto, key: keyof AttributeProto): boolean => Object.hasOwn(proto, key) && present(proto[key]);
const FIELDS: readonly { readonly type: number; has(proto: AttributeProto): boolean }[] = [
  { type: AttributeType.FLOAT, has: (proto) => own(proto, 'f') },
  { type: AttributeType.INT, has: (proto) => own(proto, 'i') },
  { type: AttributeType.STRING, has: (proto) => own(proto, 's') },
  { type: AttributeType.TENSOR, has: (proto) => own(proto, 't') },
  { type: AttributeType.GRAPH, has: (proto) => own(proto, 'g') },
  { type: AttributeType.SPARSE_TENSOR, has: (proto) => own(proto, 'sparse_tensor') },
  { type: AttributeType.TYPE_PROTO, has: (proto) => own(proto, 'tp') },
  { type: AttributeType.FLOATS, has: (proto) => filled(proto.floats) },
  { type: AttributeType.INTS, has: (proto) => filled(proto.ints) },
  { type: AttributeType.STRINGS, has: (proto) => filled(proto.strings) },
  { type: AttributeType.TENSORS, has: (proto) => filled(proto.tensors) },
  { type: AttributeType.GRAPHS, has: (proto) => filled(proto.graphs) },
  { type: AttributeType.SPARSE_TENSORS, has: (proto) => filled(proto.sparse_tensors) },
  { type: AttributeType.TYPE_PROTOS, has: (proto) => filled(proto.type_protos) },
];

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function readString(bytes: Uint8Array): AttrString {
  try {
    return UTF8.decode(bytes);
  } catch {
    return bytes;
  }
}

const int64Bytes = (values: readonly bigint[]): Uint8Array => {
  const array = BigInt64Array.from(values);
  return new Uint8Array(array.buffer);
};

function infoExtras(info: ValueInfoProto): ValueExtras | undefined {
  const kept = pick(info, ['doc_string', 'metadata_props', '$unknowns']);
  const isTensor = readType(info.type, info.name ?? '') !== undefined;
  const extra = { ...kept, ...(!isTensor && info.type ? { type: info.type } : {}) };
  return Object.keys(extra).length > 0 ? { info: extra } : undefined;
}

/** The given keys whose fields are not empty. */
function pick<T extends object, K extends keyof T>(message: T, keys: readonly K[]): Pick<T, K> {
  const kept: Partial<Pick<T, K>> = {};
  for (const key of keys) {
    const value = Object.hasOwn(message, key) ? message[key] : undefined;
    if (present(value) && !(Array.isArray(value) && value.length === 0) && value !== '') kept[key] = value;
  }
  return kept as Pick<T, K>;
}
