import { isKnown, readNumbers } from '../ir/tensor';
import type { Node } from '../ir/types';

/** Values of a constant input; undefined if the input is omitted or computed. */
export function constantInts(node: Node, slot: number): readonly number[] | undefined {
  const constant = node.inputs[slot]?.constant;
  return constant && isKnown(constant) ? [...readNumbers(constant)] : undefined;
}
