/** The registry: every operator of ONNX's own domain. One that is left out does not compile. */
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

const FOREIGN: Operator = unknown('is no operator of ONNX, and how it moves with the image is not known');
const isOwn = (node: Node): boolean => node.domain === '' || node.domain === 'ai.onnx';
/** Operators of ONNX Runtime that are known. */
const ofRuntime = (node: Node): Operator | undefined => (node.domain === 'com.microsoft' ? runtimeIntegers.get(node.opType) : undefined);

/** Whether the node's operator is of a domain that is not known here: neither ONNX's own nor the integer operators of ONNX Runtime. */
export const isForeign = (node: Node): boolean => !(isOwn(node) && isOnnxOp(node.opType)) && !ofRuntime(node);

/** What is known of the node's operator. */
export const operatorOf = (node: Node): Operator =>
  isOwn(node) && isOnnxOp(node.opType) ? operators[node.opType] : (ofRuntime(node) ?? FOREIGN);

/** Slots of the node's inputs that hold trained numbers; undefined: not told by the operator. */
export const weightSlots = (node: Node): readonly number[] | undefined => FUSED[node.op] ?? operatorOf(node).weights;

/** Of ONNX Runtime: a layer with its activation. */
const FUSED: Readonly<Record<string, readonly number[]>> = table({
  'com.microsoft.FusedConv': [1, 2],
  'com.microsoft.FusedGemm': [0, 1, 2],
  'com.microsoft.FusedMatMul': [0, 1],
});
