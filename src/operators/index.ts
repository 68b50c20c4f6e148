/** The operator registry. It covers every operator of ONNX's own domain: omitting one is a compile error. */
import { isOnnxOp, type OnnxOp } from '../ir/operators';
import { table } from '../ir/table';
import type { Node } from '../ir/types';
import { elementwise } from './elementwise';
import { integers, runtimeIntegers } from './integers';
import { uncounted } from './multiply-adds';
import type { OnIntegers } from './on-integers';
import { type Count, type Family, type Operator, unknown } from './operator';
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

const FOREIGN: Operator = unknown('is not an operator of ONNX, and how it moves with the image is not known', { multiplyAdds: uncounted });
const isOwn = (node: Node): boolean => node.domain === '' || node.domain === 'ai.onnx';
/** Registry entry of an ONNX Runtime operator (com.microsoft), if supported. */
const ofRuntime = (node: Node): Operator | undefined => (node.domain === 'com.microsoft' ? runtimeIntegers.get(node.opType) : undefined);

/** True if the operator is from an unsupported domain: neither ONNX's own nor one of ONNX Runtime's known integer operators. */
export const isForeign = (node: Node): boolean => !(isOwn(node) && isOnnxOp(node.opType)) && !ofRuntime(node);

/** Registry entry of the node's operator. */
export const operatorOf = (node: Node): Operator =>
  isOwn(node) && isOnnxOp(node.opType) ? operators[node.opType] : (ofRuntime(node) ?? FOREIGN);

/** ONNX Runtime's layers with a fused activation: not followed, but their slots and products are those of the layer. */
const FUSED: Readonly<Record<string, Operator>> = table({
  'com.microsoft.FusedConv': windows.Conv,
  'com.microsoft.FusedGemm': products.Gemm,
  // It may scale its product.
  'com.microsoft.FusedMatMul': { ...products.MatMul, onIntegers: undefined },
});
const layerOf = (node: Node): Operator => FUSED[node.op] ?? operatorOf(node);

/** Input slots that hold trained values; undefined if the operator does not determine them. */
export const weightSlots = (node: Node): readonly number[] | undefined => layerOf(node).weights;

/** Multiply-adds of the node; undefined if they are unknown. `count`: elements of a value with the given axes. */
export const multiplyAdds = (node: Node, count: Count): number | undefined => layerOf(node).multiplyAdds(node, count);

/** How large results of the node on integers can be; undefined if they are not exact. */
export const onIntegers = (node: Node): OnIntegers | undefined => layerOf(node).onIntegers;

/** Purpose of an operator of ONNX's own domain. */
export const familyOf = (op: string): Family => (isOnnxOp(op) ? operators[op].family : 'other');
