/** The registry: every operator of ONNX's own domain. One that is left out does not compile. */
import { isOnnxOp, type OnnxOp } from '../ir/operators';
import { table } from '../ir/table';
import type { Node } from '../ir/types';
import { elementwise } from './elementwise';
import { type Operator, unknown } from './operator';
import { others } from './others';
import { placesAndSizes } from './places';
import { products } from './products';
import { reductions } from './reductions';
import { shapes } from './shapes';
import { windows } from './windows';

export const operators: Record<OnnxOp, Operator> = {
  ...elementwise,
  ...windows,
  ...reductions,
  ...shapes,
  ...products,
  ...placesAndSizes,
  ...others,
};

const FOREIGN: Operator = unknown('is no operator of ONNX, and how it moves with the image is not known');
/** Whether the node's operator is of another domain than ONNX's own. */
export const isForeign = (node: Node): boolean => !(node.domain === '' || node.domain === 'ai.onnx') || !isOnnxOp(node.opType);

/** What is known of the node's operator. Those of other domains are not known, but for ONNX's own in another layout. */
export const operatorOf = (node: Node): Operator => (!isForeign(node) && isOnnxOp(node.opType) ? operators[node.opType] : FOREIGN);

/** Slots of the node's inputs that hold trained numbers; undefined: not told by the operator. */
export const weightSlots = (node: Node): readonly number[] | undefined => FUSED[node.op] ?? operatorOf(node).weights;

/** Of ONNX Runtime: a layer with its activation. */
const FUSED: Readonly<Record<string, readonly number[]>> = table({
  'com.microsoft.FusedConv': [1, 2],
  'com.microsoft.FusedGemm': [0, 1, 2],
  'com.microsoft.FusedMatMul': [0, 1],
});
