/** The operator registry. It covers every operator of ONNX's own domain: omitting one is a compile error. */
import { isOnnxOp, type OnnxOp } from '../ir/operators';
import { table } from '../ir/table';
import type { Node } from '../ir/types';
import { elementwise } from './elementwise';
import { integers, runtimeIntegers } from './integers';
import { type Operator, unknown } from './operator';
import { others } from './others';
import { placesAndSizes } from './places';
import { products } from './products';
import { recurrent } from './recurrent';
import { reductions } from './reductions';
import { shapes } from './shapes';
import { windows } from './windows';

export const operators: Record<OnnxOp, Operator> = {
  ...elementwise,
  ...windows,
  ...reductions,
  ...shapes,
  ...products,
  ...integers,
  ...placesAndSizes,
  ...recurrent,
  ...others,
};

const FOREIGN: Operator = unknown('is not an operator of ONNX, and how it moves with the image is not known');
const isOwn = (node: Node): boolean => node.domain === '' || node.domain === 'ai.onnx';
/** Registry entry of an ONNX Runtime operator (com.microsoft), if supported. */
const ofRuntime = (node: Node): Operator | undefined => (node.domain === 'com.microsoft' ? runtimeIntegers.get(node.opType) : undefined);

/** True if the operator is from an unsupported domain: neither ONNX's own nor one of ONNX Runtime's known integer operators. */
export const isForeign = (node: Node): boolean => !(isOwn(node) && isOnnxOp(node.opType)) && !ofRuntime(node);

/** Registry entry of the node's operator. */
export const operatorOf = (node: Node): Operator =>
  isOwn(node) && isOnnxOp(node.opType) ? operators[node.opType] : (ofRuntime(node) ?? FOREIGN);

/** Input slots that hold trained values; undefined if the operator does not determine them. */
export const weightSlots = (node: Node): readonly number[] | undefined => FUSED[node.op] ?? operatorOf(node).weights;

/** ONNX Runtime's layers with a fused activation. */
const FUSED: Readonly<Record<string, readonly number[]>> = table({
  'com.microsoft.FusedConv': [1, 2],
  'com.microsoft.FusedGemm': [0, 1, 2],
  'com.microsoft.FusedMatMul': [0, 1],
});
