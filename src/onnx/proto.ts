/**
 * The only module that uses protobuf. Messages are encoded and decoded by code generated from proto/onnx-ml.proto (generated/README.md); unknown fields are
 * kept, strings are verified UTF-8.
 */
import type Long from 'long';
import protobuf from 'protobufjs/minimal';
import { onnx } from './generated/onnx';

export type AttributeProto = onnx.AttributeProto.$Properties;
export type DimensionProto = onnx.TensorShapeProto.Dimension.$Properties;
export type FunctionProto = onnx.FunctionProto.$Properties;
export type GraphProto = onnx.GraphProto.$Properties;
export type ModelProto = onnx.ModelProto.$Properties;
export type NodeProto = onnx.NodeProto.$Properties;
export type SparseTensorProto = onnx.SparseTensorProto.$Properties;
export type TensorProto = onnx.TensorProto.$Properties;
export type TypeProto = onnx.TypeProto.$Properties;
export type ValueInfoProto = onnx.ValueInfoProto.$Properties;

export const AttributeType = onnx.AttributeProto.AttributeType;

/** int64 on the wire: `Long`, or a number if the runtime lacks it. */
export type Int64 = number | { toNumber(): number; toString(): string };

/** A safe integer as number, any other as bigint. */
export function fromInt64(value: Int64 | null | undefined): number | bigint {
  if (value === null || value === undefined) return 0;
  if (typeof value === 'number') return value;
  const number = value.toNumber();
  return Number.isSafeInteger(number) ? number : BigInt(value.toString());
}

/** Two's complement halves, which the encoder accepts as a `Long`. */
export function toInt64(value: number | bigint): Long {
  if (typeof value === 'number' && value === (value | 0)) return { low: value, high: value < 0 ? -1 : 0, unsigned: false } as Long;
  const exact = BigInt(value);
  return { low: Number(BigInt.asIntN(32, exact)), high: Number(BigInt.asIntN(32, exact >> 32n)), unsigned: false } as Long;
}

export function decodeModel(bytes: Uint8Array): ModelProto {
  const reader = protobuf.Reader.create(bytes);
  reader.discardUnknown = false;
  return onnx.ModelProto.decode(reader);
}

export const decodeTensor = (bytes: Uint8Array): TensorProto => onnx.TensorProto.decode(bytes);

const encoders = {
  attribute: onnx.AttributeProto,
  graph: onnx.GraphProto,
  model: onnx.ModelProto,
  node: onnx.NodeProto,
  tensor: onnx.TensorProto,
};

/** One message without its surrounding tag and length. */
export const encodeAttribute = (message: AttributeProto): Uint8Array => encoders.attribute.encode(message).finish();
export const encodeGraph = (message: GraphProto): Uint8Array => encoders.graph.encode(message).finish();
export const encodeModel = (message: ModelProto): Uint8Array => encoders.model.encode(message).finish();
export const encodeNode = (message: NodeProto): Uint8Array => encoders.node.encode(message).finish();
export const encodeTensor = (message: TensorProto): Uint8Array => encoders.tensor.encode(message).finish();
