/**
 * Operators that compute in integers and take their scales and zero points as operands: ONNX's own, and those of ONNX Runtime's quantiser
 * (com.microsoft). Each represents an operator over real numbers, with the same axes and positions.
 */
import { table } from './table';
import type { Node } from './types';

const MEANS: Readonly<Record<string, string>> = table({
  QLinearConv: 'Conv',
  QLinearMatMul: 'MatMul',
  'com.microsoft.QGemm': 'Gemm',
  'com.microsoft.QLinearAdd': 'Add',
  'com.microsoft.QLinearAveragePool': 'AveragePool',
  'com.microsoft.QLinearConcat': 'Concat',
  'com.microsoft.QLinearGlobalAveragePool': 'GlobalAveragePool',
  'com.microsoft.QLinearLeakyRelu': 'LeakyRelu',
  'com.microsoft.QLinearMul': 'Mul',
  'com.microsoft.QLinearSigmoid': 'Sigmoid',
  'com.microsoft.QLinearSoftmax': 'Softmax',
});

/** The equivalent operator over real numbers: `Conv` for QLinearConv; for any other operator, its own name. */
export const meaningOf = (node: Node): string => MEANS[node.op] ?? node.op;

/** All integer operators, each with its equivalent. */
export const integerOperators: readonly (readonly [op: string, means: string])[] = Object.entries(MEANS);

/** The integer operator equivalent to one over real numbers; undefined if there is none. */
export const integerOperatorFor = (op: string): string | undefined => BY_MEANING[op];
const BY_MEANING: Readonly<Record<string, string>> = table(Object.fromEntries(integerOperators.map(([op, means]) => [means, op])));

/** Slot of a layer's weight: 1, or 3 after scale and zero point of the data. */
export const weightSlotOf = (node: Node): number => (MEANS[node.op] === undefined ? 1 : 3);
