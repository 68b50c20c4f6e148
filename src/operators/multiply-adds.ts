/** Multiply-adds of convolutions and matrix products. */
import { intAttr } from '../ir/attrs';
import { weightSlotOf } from '../ir/integer-operators';
import type { Dim, Node } from '../ir/types';
import type { Count, MultiplyAdds } from './operator';

const times = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a * b;

const result = (node: Node): readonly Dim[] | undefined => node.outputs[0]?.type?.shape;
/** Elements of a filter: the product of all axes of the weight but the first. */
const perFilter = (node: Node, count: Count): number | undefined => count(node.inputs[weightSlotOf(node)]?.type?.shape?.slice(1));

/** A convolution: a filter for each element of the result. */
export const perResult: MultiplyAdds = (node, count) => times(count(result(node)), perFilter(node, count));
/** A transposed convolution: a filter for each element of the operand. */
export const perOperand: MultiplyAdds = (node, count) => times(count(node.inputs[0]?.type?.shape), perFilter(node, count));

/** A matrix product: as many for each element of the result as the rows of the left operand are long. */
export const perRow: MultiplyAdds = (node, count) => {
  const shape = node.inputs[0]?.type?.shape;
  const turned = node.attrs.has('transA') && intAttr(node, 'transA') !== 0;
  return times(count(result(node)), count(shape && (turned ? shape.slice(-2, -1) : shape.slice(-1))));
};

/** For operators that hide their products. */
export const uncounted: MultiplyAdds = () => undefined;
