/** Operators that work on each element, or that keep the shape for another reason. */
import { intAttr } from '../attrs';
import { broadcastingOps, unaryElementwiseOps } from '../operator-traits';
import type { DType } from '../types';
import { broadcastShapes, dtypeOf, type Infer, inRange, shapeOf, typed } from './context';

const DTYPE_BY_NUMBER: Readonly<Record<number, DType>> = {
  1: 'float',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'double',
  12: 'uint32',
  13: 'uint64',
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
  24: 'float8e8m0',
  25: 'uint2',
  26: 'int2',
};
/** The element type that an attribute like Cast's `to` names. */
export const dtypeNumbered = (number: number): DType => DTYPE_BY_NUMBER[number] ?? `dtype${number}`;

const COMPARISONS = new Set(['And', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Not', 'Or', 'Xor', 'IsInf', 'IsNaN']);

const same: Infer = (node) => [typed(COMPARISONS.has(node.op) ? 'bool' : dtypeOf(node), shapeOf(node))];
const broadcast: Infer = (node) => {
  const shapes = node.inputs.map((input) => input?.type?.shape);
  const dtype = COMPARISONS.has(node.op) ? 'bool' : node.op === 'Where' ? dtypeOf(node, 1) : dtypeOf(node);
  return [typed(dtype, broadcastShapes(node.op === 'PRelu' ? shapes.slice(0, 1) : shapes, node))];
};
const cast: Infer = (node) => [typed(dtypeNumbered(intAttr(node, 'to', 0)), shapeOf(node))];
/** All outputs as the first input, the others unknown. */
const firstOnly: Infer = (node) => [typed(dtypeOf(node), shapeOf(node))];

const layerNormalization: Infer = (node) => {
  const shape = shapeOf(node);
  const axis = shape && inRange(intAttr(node, 'axis', -1), shape.length);
  const stats = typed(
    'float',
    shape?.map((dim, at) => (axis !== undefined && at >= axis ? 1 : dim)),
  );
  return [typed(dtypeOf(node), shape), ...node.outputs.slice(1).map(() => stats)];
};

const batchNormalization: Infer = (node) => [
  typed(dtypeOf(node), shapeOf(node)),
  ...node.outputs.slice(1).map((_, index) => typed(dtypeOf(node, 3 + (index % 2)), shapeOf(node, 3 + (index % 2)))),
];

const dropout: Infer = (node) => [typed(dtypeOf(node), shapeOf(node)), ...(node.outputs.length > 1 ? [typed('bool', shapeOf(node))] : [])];

const quantize: Infer = (node) => [
  typed(dtypeOf(node, 2) ?? (intAttr(node, 'output_dtype', 0) ? dtypeNumbered(intAttr(node, 'output_dtype', 0)) : 'uint8'), shapeOf(node)),
];
const dequantize: Infer = (node) => [typed(dtypeOf(node, 1), shapeOf(node))];

const randomLike: Infer = (node) => [
  typed(intAttr(node, 'dtype', 0) ? dtypeNumbered(intAttr(node, 'dtype', 0)) : dtypeOf(node), shapeOf(node)),
];

const each = (ops: readonly string[], infer: Infer): Readonly<Record<string, Infer>> => Object.fromEntries(ops.map((op) => [op, infer]));

export const pointwise: Readonly<Record<string, Infer>> = {
  ...each(unaryElementwiseOps, same),
  ...each(broadcastingOps, broadcast),
  ...each(
    [
      'BitwiseNot',
      'CumSum',
      'GroupNormalization',
      'Hardmax',
      'InstanceNormalization',
      'LRN',
      'LogSoftmax',
      'LpNormalization',
      'MeanVarianceNormalization',
      'ReverseSequence',
      'Softmax',
      'Trilu',
      'ImageDecoder',
    ],
    same,
  ),
  ...each(['com.microsoft.Gelu', 'com.microsoft.FastGelu', 'com.microsoft.QuickGelu', 'com.microsoft.BiasGelu'], firstOnly),
  BatchNormalization: batchNormalization,
  Bernoulli: randomLike,
  Cast: cast,
  CastLike: (node) => [typed(dtypeOf(node, 1), shapeOf(node))],
  DequantizeLinear: dequantize,
  Dropout: dropout,
  DynamicQuantizeLinear: (node) => [typed('uint8', shapeOf(node)), typed('float', []), typed('uint8', [])],
  EyeLike: randomLike,
  LayerNormalization: layerNormalization,
  QuantizeLinear: quantize,
  RandomNormalLike: randomLike,
  RandomUniformLike: randomLike,
  RMSNormalization: firstOnly,
  ScatterElements: firstOnly,
  ScatterND: firstOnly,
  'com.microsoft.SkipLayerNormalization': firstOnly,
};
