/**
 * Models exactly as they are written, old spellings included: parsing without raising, encoding without lowering (by onnx-proto, which shares
 * no code with us), running, and comparing spellings.
 */
import { onnx } from 'onnx-proto';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { dtypeNumber } from '../../../src/ir/dtypes';
import { type Graph, nestedGraphs } from '../../../src/ir/graph';
import type { Model } from '../../../src/ir/model';
import { operatorSchema } from '../../../src/ir/operators';
import { tensorByteLength, tensorBytes } from '../../../src/ir/tensor';
import type { Attr, AttrInt, AttrString, Dim, DType, Node, Tensor, TensorType, Value } from '../../../src/ir/types';
import { parseModel } from '../../../src/onnx/text/parser';
import { hash, random } from '../../support/seeded';

/** `body` is a graph in ONNX text, in the spelling of `opset`. */
export const written = (opset: number, body: string): Model =>
  parseModel(`<ir_version: ${opset < 7 ? 3 : 10}, opset_import: ["" : ${opset}, "com.microsoft" : 1]>\n${body}`, { asWritten: true });

// ---- encoding ----

export function encode(model: Model): Uint8Array {
  return onnx.ModelProto.encode({
    irVersion: model.irVersion,
    opsetImport: [...model.opsets].map(([domain, version]) => ({ domain, version })),
    graph: graphProto(model.graph),
  }).finish();
}

const graphProto = (graph: Graph): onnx.IGraphProto => ({
  name: graph.name,
  input: graph.inputs.map(valueInfo),
  output: graph.outputs.map(valueInfo),
  initializer: graph.constants.map((value) => ({ name: value.name, ...tensorProto(value.constant) })),
  node: graph.nodes.map((node) => ({
    name: node.name,
    opType: node.opType,
    domain: node.domain,
    input: node.inputs.map((input) => input?.name ?? ''),
    output: node.outputs.map((output) => output.name),
    attribute: [...node.attrs].map(([name, attr]) => ({ name, ...attributeProto(attr) })),
  })),
});

const valueInfo = ({ name, type }: Value): onnx.IValueInfoProto => ({ name, type: type ? { tensorType: tensorType(type) } : null });
const tensorType = ({ dtype, shape }: TensorType): onnx.TypeProto.ITensor => ({
  elemType: dtypeNumber(dtype),
  shape: shape ? { dim: shape.map(dimension) } : null,
});
const dimension = (dim: Dim): onnx.TensorShapeProto.IDimension =>
  typeof dim === 'number' ? { dimValue: dim } : typeof dim === 'string' ? { dimParam: dim } : {};
const tensorProto = (tensor: Tensor): onnx.ITensorProto => ({
  dataType: dtypeNumber(tensor.dtype),
  dims: [...tensor.shape],
  rawData: tensorBytes(tensor),
});

function attributeProto(attr: Attr): onnx.IAttributeProto {
  const types = onnx.AttributeProto.AttributeType;
  switch (attr.kind) {
    case 'int':
      return { type: types.INT, i: long(attr.value) };
    case 'ints':
      return { type: types.INTS, ints: attr.value.map(long) };
    case 'float':
      return { type: types.FLOAT, f: attr.value };
    case 'floats':
      return { type: types.FLOATS, floats: [...attr.value] };
    case 'string':
      return { type: types.STRING, s: utf8(attr.value) };
    case 'strings':
      return { type: types.STRINGS, strings: attr.value.map(utf8) };
    case 'tensor':
      return { type: types.TENSOR, t: tensorProto(attr.value) };
    case 'graph':
      return { type: types.GRAPH, g: graphProto(attr.value) };
    default:
      throw new Error(`cannot encode an attribute of kind ${attr.kind}`);
  }
}

const utf8 = (value: AttrString): Uint8Array => (typeof value === 'string' ? new TextEncoder().encode(value) : value);
/** protobufjs takes the halves of a 64-bit number. */
const long = (value: AttrInt): never => {
  const bits = BigInt.asUintN(64, BigInt(value));
  return { low: Number(bits & 0xffffffffn) | 0, high: Number(bits >> 32n) | 0, unsigned: false } as never;
};

// ---- running ----

const ORT_TYPES: Partial<Record<DType, OrtTensor.Type>> = {
  float: 'float32',
  double: 'float64',
  int32: 'int32',
  int64: 'int64',
  bool: 'bool',
  int8: 'int8',
  uint8: 'uint8',
};
const ARRAYS: Partial<Record<DType, (numbers: number[]) => ArrayBufferView>> = {
  float: (numbers) => Float32Array.from(numbers),
  double: (numbers) => Float64Array.from(numbers),
  int32: (numbers) => Int32Array.from(numbers),
  int64: (numbers) => BigInt64Array.from(numbers.map(BigInt)),
  bool: (numbers) => Uint8Array.from(numbers),
  int8: (numbers) => Int8Array.from(numbers),
  uint8: (numbers) => Uint8Array.from(numbers),
};

export interface Result {
  readonly type: string;
  readonly dims: readonly number[];
  readonly bytes: Buffer;
  readonly numbers: readonly number[];
}

/** Runs the model as it is spelled, on inputs seeded by their names: floats between -3 and 3, integers between 0 and 3. */
export async function run(model: Model): Promise<Record<string, Result>> {
  const session = await load(model);
  try {
    const feeds = Object.fromEntries(model.graph.inputs.map((input) => [input.name, feed(input)]));
    const results = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]) => {
        const view = data as Float32Array;
        const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
        return [name, { type, dims, bytes: Buffer.from(bytes), numbers: Array.from(view, Number) }];
      }),
    );
  } finally {
    await session.release();
  }
}

/** Rejects where the runtime does not take the model for legal. */
export const load = (model: Model): Promise<InferenceSession> =>
  InferenceSession.create(encode(model), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });

function feed({ name, type }: Value): OrtTensor {
  const shape = type?.shape?.map((dim) => (typeof dim === 'number' ? dim : 2));
  const array = type && ARRAYS[type.dtype];
  if (!shape || !array) throw new Error(`cannot feed '${name}'`);
  const next = random(hash(name));
  const integral = type.dtype !== 'float' && type.dtype !== 'double';
  const most = type.dtype === 'bool' ? 2 : 4;
  const numbers = Array.from({ length: shape.reduce((product, dim) => product * dim, 1) }, () =>
    integral ? Math.floor(next() * most) : next() * 6 - 3,
  );
  return new OrtTensor(ORT_TYPES[type.dtype] as 'float32', array(numbers) as Float32Array, shape);
}

// ---- comparing ----

/**
 * The spelling of a graph, one line per node, for comparison: constants by their contents, since their names are nobody's business;
 * attributes with the defaults of that opset, since leaving one out says the same.
 */
export function spelling(model: Model): string[] {
  return graphLines(model.graph, model.opsets.get('') ?? 0);
}

const graphLines = (graph: Graph, opset: number): string[] => [
  `inputs ${graph.inputs.map((input) => input.name)}`,
  ...graph.nodes.flatMap((node) => [
    `${node.name}: ${node.outputs.map((output) => output.name)} = ${node.op}(${node.inputs.map(valueText)}) ${attributesText(node, opset)}`,
    ...nestedGraphs(node).flatMap((nested) => graphLines(nested, opset).map((line) => `  ${line}`)),
  ]),
  `outputs ${graph.outputs.map((output) => output.name)}`,
];

const valueText = (value: Value | undefined): string => {
  const tensor = value?.constant;
  return tensor ? `${tensor.dtype}[${tensor.shape}]#${payloadText(tensor)}` : (value?.name ?? '');
};

/** Weights that lie in a file are told apart by their place in it. */
function payloadText(tensor: Tensor): string {
  const { data } = tensor;
  if (data.kind === 'ranges' && tensorByteLength(tensor) > 1024)
    return data.ranges.map(({ source, offset, length }) => `${source.name}@${offset}+${length}`).join();
  return Buffer.from(tensorBytes(tensor)).toString('hex');
}

function attributesText(node: Node, opset: number): string {
  const all = new Map<string, Attr>();
  for (const [name, { default: value }] of operatorSchema(node.opType, opset)?.attributes ?? []) if (value) all.set(name, value);
  for (const [name, attr] of node.attrs) all.set(name, attr);
  const text = ([name, attr]: [string, Attr]): string => `${name}=${attr.kind === 'graph' ? 'graph' : String(attr.value)}`;
  return [...all].map(text).sort().join(' ');
}
