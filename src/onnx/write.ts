/**
 * Model -> ONNX bytes, as segments that can be streamed.
 *
 * The graph is spelled for the opset that the model declares (opset/). `place` decides whether each weight goes inline, into an external data file, or
 * becomes a reference to the bytes where they already are (an external file that is kept, or a range of the source model).
 */
import { outputTooLarge } from '../diagnostics/catalogue';
import { assertInvariant } from '../diagnostics/compile-error';
import type { ByteSource } from '../ir/bytes';
import { dtypeNumber } from '../ir/dtypes';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { elementCount, tensorByteLength } from '../ir/tensor';
import type { Attr, AttrString, Dim, Node, Tensor, TensorType, Value } from '../ir/types';
import { lowerFromNormalForm } from './opset';
import { modelOrigins, propsWithOrigin } from './origins';
import {
  type AttributeProto,
  AttributeType,
  type DimensionProto,
  encodeAttribute,
  encodeGraph,
  encodeModel,
  encodeNode,
  encodeTensor,
  type NodeProto,
  type TensorProto,
  type TypeProto,
  toInt64,
} from './proto';
import type { GraphExtras, ModelExtras, NodeExtras, ValueExtras } from './read';
import type { TensorExtras } from './read-tensor';
import { type ByteSink, Message, type Segment, sendSegment } from './wire/segments';

/** Maximum size of a protobuf message. */
export const FILE_LIMIT = 2 ** 31 - 1;

export interface WriteOptions {
  /** Writes weights of 1 KB and more to a second file of this name, next to the model. */
  readonly externalData?: string | undefined;
  /** Location, relative to the output, by which a source can be referenced; undefined: copy its bytes. */
  readonly locate?: ((source: ByteSource) => string | undefined) | undefined;
}

export interface WritePlan {
  readonly onnx: readonly Segment[];
  readonly onnxLength: number;
  /** Content of the external data file, if any. */
  readonly data: readonly Segment[] | undefined;
  readonly dataLength: number;
}

/** Before IR version 4 every weight also had to be listed as an input; here weights are constants only. Older opsets are valid with this IR version. */
const LEAST_IR = 4;
const EXTERNAL_THRESHOLD = 1024;
/** ONNX recommends alignment to pages, and to 64 KB for large tensors, which Windows requires to map them. */
const SMALL_ALIGNMENT = 4096;
const LARGE_ALIGNMENT = 65536;
const LARGE = 1 << 20;

/** Plans everything but the bytes of the weights. Throws CompileError OUTPUT_TOO_LARGE before anything is written. */
export function planModel(model: Model, options: WriteOptions = {}): WritePlan {
  const writer = new ModelWriter(options);
  const message = writer.model(lowerFromNormalForm(model));
  if (message.length > FILE_LIMIT) throw outputTooLarge(message.length);
  return {
    onnx: message.segments,
    onnxLength: message.length,
    data: options.externalData === undefined ? undefined : writer.data,
    dataLength: writer.dataLength,
  };
}

export function sendPlan(segments: readonly Segment[], sink: ByteSink): void {
  for (const segment of segments) sendSegment(segment, sink);
}

/** The whole model in memory, with weights inline. For small models and tests. */
export function modelToBytes(model: Model): Uint8Array {
  const plan = planModel(model);
  const bytes = new Uint8Array(plan.onnxLength);
  let at = 0;
  const write = (piece: Uint8Array): void => {
    bytes.set(piece, at);
    at += piece.length;
  };
  sendPlan(plan.onnx, { write, copy: (source, offset, length) => write(source.read(offset, length)) });
  return bytes;
}

class ModelWriter {
  readonly data: Segment[] = [];
  dataLength = 0;
  private irVersion = 0;

  constructor(private readonly options: WriteOptions) {}

  model(model: Model): Message {
    this.irVersion = model.irVersion;
    const kept = isModelExtras(model.extras) ? model.extras.model : {};
    const before = encodeModel({
      ir_version: toInt64(Math.max(model.irVersion, LEAST_IR)),
      ...(model.producer.name && { producer_name: model.producer.name }),
      ...(model.producer.version && { producer_version: model.producer.version }),
      ...(kept.domain && { domain: kept.domain }),
      ...(kept.model_version !== undefined && { model_version: kept.model_version }),
      ...(kept.doc_string && { doc_string: kept.doc_string }),
    });
    const after = encodeModel({
      opset_import: [...model.opsets].map(([domain, version]) => ({ ...(domain !== '' && { domain }), version: toInt64(version) })),
      metadata_props: [...[...model.metadata].map(([key, value]) => ({ key, value })), ...modelOrigins(model.graph, model.irVersion)],
      ...(kept.training_info && { training_info: kept.training_info }),
      ...(kept.configuration && { configuration: kept.configuration }),
      ...(kept.$unknowns && { $unknowns: kept.$unknowns }),
    });
    return new Message().raw(before).message(7, this.graph(model.graph)).raw(after);
  }

  /** Fields are in the order of their numbers, as in protobuf's own writers. */
  private graph(graph: Graph): Message {
    const kept = isGraphExtras(graph.extras) ? graph.extras.graph : {};
    const message = new Message();
    for (const node of graph.nodes) message.message(1, this.node(node));
    message.raw(encodeGraph({ name: graph.name }));
    for (const constant of graph.constants) message.message(5, this.tensor(constant.constant, constant.name));
    const produced = graph.nodes.flatMap((node) => node.outputs).filter((value) => value.name !== '' && !graph.isOutput(value));
    const described = produced.filter((value) => value.type !== undefined || value.extras !== undefined);
    message.raw(
      encodeGraph({
        ...(kept.doc_string && { doc_string: kept.doc_string }),
        input: graph.inputs.map(valueInfo),
        output: graph.outputs.map(valueInfo),
        value_info: described.map(valueInfo),
        ...(kept.quantization_annotation && { quantization_annotation: kept.quantization_annotation }),
        ...(kept.metadata_props && { metadata_props: kept.metadata_props }),
        ...(kept.$unknowns && { $unknowns: kept.$unknowns }),
      }),
    );
    return message;
  }

  private node(node: Node): Message {
    assertInvariant(node.domain !== 'nhwc', () => `'${node.name}' is written channels-last, which no runtime for ONNX reads`);
    const kept = isNodeExtras(node.extras) ? node.extras.node : {};
    const metadata = propsWithOrigin(node, kept.metadata_props, this.irVersion);
    const message = new Message();
    const inputs = node.inputs.map((input) => input?.name ?? '');
    const head: NodeProto = {
      input: inputs,
      output: trimmed(node.outputs.map((output) => output.name)),
      name: node.name,
      op_type: node.opType,
    };
    const tail: NodeProto = {
      ...(kept.doc_string && { doc_string: kept.doc_string }),
      ...(node.domain && { domain: node.domain }),
      ...(kept.overload && { overload: kept.overload }),
      ...(metadata && { metadata_props: metadata }),
      ...(kept.device_configurations && { device_configurations: kept.device_configurations }),
      ...(kept.$unknowns && { $unknowns: kept.$unknowns }),
    };
    const attributes = [...node.attrs];
    const small = attributes.flatMap(([name, attr]) => smallAttribute(name, attr) ?? []);
    // Most nodes are a single piece.
    if (small.length === attributes.length) return message.raw(encodeNode({ ...head, attribute: small, ...tail }));
    message.raw(encodeNode(head));
    for (const [name, attr] of attributes) message.message(5, this.attribute(name, attr));
    return message.raw(encodeNode(tail));
  }

  private attribute(name: string, attr: Attr): Message {
    const message = new Message();
    const whole = smallAttribute(name, attr);
    if (whole) return message.raw(encodeAttribute(whole));
    const kept = attributeExtras(attr);
    const base: AttributeProto = { name, ...(kept.doc_string && { doc_string: kept.doc_string }) };
    const typeOf = (type: number): Uint8Array => encodeAttribute({ type });
    const unknowns = (): Message => (kept.$unknowns ? message.raw(encodeAttribute({ $unknowns: kept.$unknowns })) : message);
    switch (attr.kind) {
      case 'tensor':
        message.raw(encodeAttribute(base)).message(5, this.tensor(attr.value, '')).raw(typeOf(AttributeType.TENSOR));
        return unknowns();
      case 'tensors':
        message.raw(encodeAttribute(base));
        for (const tensor of attr.value) message.message(10, this.tensor(tensor, ''));
        message.raw(typeOf(AttributeType.TENSORS));
        return unknowns();
      case 'graph':
        message.raw(encodeAttribute(base)).message(6, this.graph(attr.value)).raw(typeOf(AttributeType.GRAPH));
        return unknowns();
      case 'graphs':
        message.raw(encodeAttribute(base));
        for (const graph of attr.value) message.message(11, this.graph(graph));
        message.raw(typeOf(AttributeType.GRAPHS));
        return unknowns();
      default:
        return message.raw(encodeAttribute(base));
    }
  }

  private tensor(tensor: Tensor, name: string): Message {
    const kept: TensorProto = isTensorExtras(tensor.extras) ? tensor.extras.proto : {};
    const message = new Message();
    const head: TensorProto = { dims: tensor.shape.map(toInt64), data_type: dtypeNumber(tensor.dtype) };
    const named: TensorProto = { ...(name && { name }) };
    const tail: TensorProto = {
      ...(kept.doc_string && { doc_string: kept.doc_string }),
      ...(kept.metadata_props && { metadata_props: kept.metadata_props }),
      ...(kept.$unknowns && { $unknowns: kept.$unknowns }),
    };
    const { data } = tensor;
    if (data.kind === 'strings') return message.raw(encodeTensor({ ...head, string_data: [...data.values], ...named, ...tail }));
    const place = this.placeOutside(tensor);
    message.raw(encodeTensor({ ...head, ...named }));
    if (place) {
      const entries = [
        { key: 'location', value: place.location },
        { key: 'offset', value: String(place.offset) },
        { key: 'length', value: String(place.length) },
      ];
      return message.raw(encodeTensor({ ...tail, external_data: entries, data_location: 1 }));
    }
    if (tensorByteLength(tensor) > 0 || elementCount(tensor.shape) === 0) message.payload(9, tensor);
    return message.raw(encodeTensor(tail));
  }

  private placeOutside(tensor: Tensor): { readonly location: string; readonly offset: number; readonly length: number } | undefined {
    const length = tensorByteLength(tensor);
    if (length < EXTERNAL_THRESHOLD) return undefined;
    const { data } = tensor;
    if (data.kind === 'ranges' && data.encoding === 'raw' && data.ranges.length === 1 && this.options.locate) {
      const [range] = data.ranges;
      const location = range && this.options.locate(range.source);
      if (range && location !== undefined) return { location, offset: range.offset, length };
    }
    if (this.options.externalData === undefined) return undefined;
    const alignment = length >= LARGE ? LARGE_ALIGNMENT : SMALL_ALIGNMENT;
    const offset = Math.ceil(this.dataLength / alignment) * alignment;
    if (offset > this.dataLength) this.data.push(new Uint8Array(offset - this.dataLength));
    this.data.push(tensor);
    this.dataLength = offset + length;
    return { location: this.options.externalData, offset, length };
  }
}

const attributeExtras = ({ extras }: Attr): Pick<AttributeProto, 'doc_string' | '$unknowns'> => (isAttributeExtras(extras) ? extras : {});

/** An attribute that contains neither tensors nor graphs; undefined otherwise. */
function smallAttribute(name: string, attr: Attr): AttributeProto | undefined {
  const kept = attributeExtras(attr);
  const base: AttributeProto = { name, ...(kept.doc_string && { doc_string: kept.doc_string }), ...withUnknowns(kept) };
  switch (attr.kind) {
    case 'float':
      return { ...base, f: attr.value, type: AttributeType.FLOAT };
    case 'int':
      return { ...base, i: toInt64(attr.value), type: AttributeType.INT };
    case 'string':
      return { ...base, s: stringBytes(attr.value), type: AttributeType.STRING };
    case 'floats':
      return { ...base, floats: [...attr.value], type: AttributeType.FLOATS };
    case 'ints':
      return { ...base, ints: attr.value.map(toInt64), type: AttributeType.INTS };
    case 'strings':
      return { ...base, strings: attr.value.map(stringBytes), type: AttributeType.STRINGS };
    case 'opaque':
      return isAttributeProto(attr.value) ? attr.value : base;
    default:
      return undefined;
  }
}

const withUnknowns = (kept: Pick<AttributeProto, '$unknowns'>): Pick<AttributeProto, '$unknowns'> =>
  kept.$unknowns ? { $unknowns: kept.$unknowns } : {};

/** Removes omitted optional names at the end. */
function trimmed(names: readonly string[]): string[] {
  const end = names.findLastIndex((name) => name !== '');
  return names.slice(0, end + 1);
}

function valueInfo(value: Value): { name: string; type?: TypeProto } {
  const kept = isValueExtras(value.extras) ? value.extras.info : {};
  const type = value.type ? typeProto(value.type) : kept.type;
  return {
    name: value.name,
    ...(type && { type }),
    ...(kept.doc_string && { doc_string: kept.doc_string }),
    ...(kept.metadata_props && { metadata_props: kept.metadata_props }),
    ...(kept.$unknowns && { $unknowns: kept.$unknowns }),
  };
}

const typeProto = ({ dtype, shape }: TensorType): TypeProto => ({
  tensor_type: { elem_type: dtypeNumber(dtype), ...(shape ? { shape: { dim: shape.map(dimension) } } : {}) },
});

const dimension = (dim: Dim): DimensionProto =>
  typeof dim === 'number' ? { dim_value: toInt64(dim) } : dim === undefined ? {} : { dim_param: dim };

const UTF8 = new TextEncoder();
const stringBytes = (value: AttrString): Uint8Array => (typeof value === 'string' ? UTF8.encode(value) : value);

// `extras` is opaque to all other code: if it has these keys, read.ts put them there.
const hasKey = (extras: unknown, key: string): boolean => typeof extras === 'object' && extras !== null && key in extras;
const isModelExtras = (extras: unknown): extras is ModelExtras => hasKey(extras, 'model');
const isGraphExtras = (extras: unknown): extras is GraphExtras => hasKey(extras, 'graph');
const isNodeExtras = (extras: unknown): extras is NodeExtras => hasKey(extras, 'node');
const isValueExtras = (extras: unknown): extras is ValueExtras => hasKey(extras, 'info');
const isTensorExtras = (extras: unknown): extras is TensorExtras => hasKey(extras, 'proto');
const isAttributeExtras = (extras: unknown): extras is Pick<AttributeProto, 'doc_string' | '$unknowns'> =>
  typeof extras === 'object' && extras !== null;
const isAttributeProto = (value: unknown): value is AttributeProto => hasKey(value, 'name');
