/** Operators that work on each element separately, or that keep the shape for another reason. */
import { givenInt, intAttr } from '../attrs';
import { dtypeNumbered } from '../dtypes';
import { broadcastingOps, unaryElementwiseOps } from '../operator-traits';
import { table } from '../table';
import type { DType, Node, TensorType } from '../types';
import { agree, axisOf, broadcastShapes, dtypeOf, type Infer, shapeOf, typed } from './context';

const PREDICATES = new Set(['And', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Not', 'Or', 'Xor', 'IsInf', 'IsNaN']);
const resultType = (node: Node, slot: number): DType | undefined => (PREDICATES.has(node.op) ? 'bool' : dtypeOf(node, slot));

const first = (node: Node): TensorType | undefined => typed(resultType(node, 0), shapeOf(node));
const same: Infer = (node) => [first(node)];

/** An axis that the data does not have is an error of the file, reported here rather than by a later reader. */
const alongAxis: Infer = (node, context) => {
  const rank = shapeOf(node)?.length ?? 0;
  if (rank > 0) axisOf(intAttr(node, 'axis'), rank, node);
  return same(node, context);
};

/** `slot`: an input of the result's type. */
const broadcastFrom =
  (slot: number): Infer =>
  (node) => [
    typed(
      resultType(node, slot),
      broadcastShapes(
        node.inputs.map((input) => input?.type?.shape),
        node,
      ),
    ),
  ];
const broadcast = broadcastFrom(0);

/** The element type given by an attribute, or else that of an input. */
const attrType = (node: Node, name: string, slot: number): DType | undefined => {
  const number = givenInt(node, name) ?? 0;
  return number === 0 ? dtypeOf(node, slot) : dtypeNumbered(number);
};

const layerNormalization: Infer = (node) => {
  const shape = shapeOf(node);
  const axis = shape && axisOf(intAttr(node, 'axis'), shape.length, node);
  const stats = shape?.map((dim, at) => (axis !== undefined && at >= axis ? 1 : dim));
  return [first(node), ...node.outputs.slice(1).map(() => typed(dtypeNumbered(intAttr(node, 'stash_type')), stats))];
};

const skipLayerNormalization: Infer = (node) => [first(node), undefined, undefined, ...(node.outputs.length > 3 ? [first(node)] : [])];

/** One scale and one shift per channel; the training statistics keep their types. */
const batchNormalization: Infer = (node) => {
  const shape = shapeOf(node);
  if (shape && shape.length > 1)
    for (const slot of [1, 2, 3, 4]) agree(shape[1], shapeOf(node, slot)?.[0], node, 'channels and its parameters');
  return [first(node), ...node.outputs.slice(1).map((_, index) => typed(dtypeOf(node, 3 + (index % 2)), shapeOf(node, 3 + (index % 2))))];
};

const instanceNormalization: Infer = (node) => {
  const channels = shapeOf(node)?.[1];
  for (const slot of [1, 2]) agree(channels, shapeOf(node, slot)?.[0], node, 'channels and its parameters');
  return [first(node)];
};

const randomLike: Infer = (node) => [typed(attrType(node, 'dtype', 0), shapeOf(node))];
/** The zero point, input `slot`, has the type of the result. */
const quantized =
  (slot: number): Infer =>
  (node) => [typed(dtypeOf(node, slot), shapeOf(node))];
const quantizedSum: Infer = (node) => [typed(dtypeOf(node, 7) ?? dtypeOf(node), broadcastShapes([shapeOf(node), shapeOf(node, 3)], node))];

const all = (ops: readonly string[], infer: Infer): Readonly<Record<string, Infer>> => Object.fromEntries(ops.map((op) => [op, infer]));

export const pointwise: Readonly<Record<string, Infer>> = table({
  ...all(unaryElementwiseOps, same),
  ...all(broadcastingOps, broadcast),
  // The first input is the condition.
  Where: broadcastFrom(1),
  ...all(
    [
      'CumProd',
      'CumSum',
      'GroupNormalization',
      'LRN',
      'MeanVarianceNormalization',
      'PRelu',
      'ReverseSequence',
      'RMSNormalization',
      'RotaryEmbedding',
      'ScatterElements',
      'ScatterND',
      'TensorScatter',
      'Trilu',
      'com.microsoft.BiasGelu',
      'com.microsoft.FastGelu',
      'com.microsoft.Gelu',
      'com.microsoft.GroupNorm',
      'com.microsoft.QuickGelu',
      'com.microsoft.Trilu',
    ],
    same,
  ),
  ...all(['Hardmax', 'LogSoftmax', 'LpNormalization', 'Softmax'], alongAxis),
  BatchNormalization: batchNormalization,
  Bernoulli: randomLike,
  Cast: (node) => [typed(dtypeNumbered(intAttr(node, 'to')), shapeOf(node))],
  CastLike: (node) => [typed(dtypeOf(node, 1), shapeOf(node))],
  DequantizeLinear: (node) => [typed(attrType(node, 'output_dtype', 1), shapeOf(node))],
  Dropout: (node) => [first(node), ...(node.outputs.length > 1 ? [typed('bool', shapeOf(node))] : [])],
  DynamicQuantizeLinear: (node) => [typed('uint8', shapeOf(node)), typed('float', []), typed('uint8', [])],
  EyeLike: randomLike,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  QuantizeLinear: (node) => [typed(dtypeOf(node, 2) ?? attrType(node, 'output_dtype', -1) ?? 'uint8', shapeOf(node))],
  RandomNormalLike: randomLike,
  RandomUniformLike: randomLike,
  'com.microsoft.DequantizeLinear': (node) => [typed(dtypeOf(node, 1), shapeOf(node))],
  'com.microsoft.QLinearAdd': quantizedSum,
  'com.microsoft.QLinearLeakyRelu': quantized(4),
  'com.microsoft.QLinearMul': quantizedSum,
  'com.microsoft.QLinearSigmoid': quantized(4),
  'com.microsoft.QLinearSoftmax': quantized(4),
  'com.microsoft.QuantizeLinear': (node) => [typed(dtypeOf(node, 2) ?? 'uint8', shapeOf(node))],
  'com.microsoft.SkipLayerNormalization': skipLayerNormalization,
});
