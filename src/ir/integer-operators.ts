/**
 * Operators that compute in integers and name their scales and zero points among their operands: ONNX's own, and those of ONNX Runtime's quantiser
 * (com.microsoft). Each stands for an operator over real numbers, whose axes and places it has.
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

/** The operator over real numbers that the node stands for: `Conv` for QLinearConv; its own name where it is none of these. */
export const meaningOf = (node: Node): string => MEANS[node.op] ?? node.op;

/** All of them, each with what it stands for. */
export const integerOperators: readonly (readonly [op: string, means: string])[] = Object.entries(MEANS);

/** The integer operator that stands for one over real numbers, or undefined. */
export const integerOperatorFor = (op: string): string | undefined => BY_MEANING[op];
const BY_MEANING: Readonly<Record<string, string>> = table(Object.fromEntries(integerOperators.map(([op, means]) => [means, op])));

/** Where a layer has its weight: slot 1, or behind scale and zero point of the data. */
export const weightSlotOf = (node: Node): number => (MEANS[node.op] === undefined ? 1 : 3);
