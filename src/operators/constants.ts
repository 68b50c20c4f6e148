import { isKnown, readNumbers } from '../ir/tensor';
import type { Node } from '../ir/types';

/** The numbers of an input that is a constant; undefined where it is left out or computed. */
export function constantInts(node: Node, slot: number): readonly number[] | undefined {
  const constant = node.inputs[slot]?.constant;
  return constant && isKnown(constant) ? [...readNumbers(constant)] : undefined;
}
