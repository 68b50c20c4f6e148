/** A change common to many operators: a list of integers moved from an attribute to an int64 input. */
import type { Node, Value } from '../../../ir/types';
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { exactInts, int64Tensor, intsAttribute, intsOf } from '../editor';

/**
 *   Op <attr = ints> (x)   <->   Op (x, constant ints)      from `since` on
 * Only the newer version can express a computed list.
 */
export function intsBecomeInput(op: string, since: number, attr: string, slot: number): Adapter {
  return {
    op,
    since,
    raise: (node, edit) => {
      const values = exactInts(node, attr);
      if (!values) return undefined;
      const input = edit.constant(node, attr, int64Tensor(values));
      edit.respell(node, { inputs: withInput(node, slot, input), attrs: { [attr]: undefined } });
      return undefined;
    },
    lower: (node, edit) => {
      if (!node.inputs[slot]) return undefined;
      const values = intsOf(node.inputs[slot]);
      if (!values) return refuse(`input ${slot} '${node.inputs[slot]?.name}' is computed`);
      edit.respell(node, { inputs: withInput(node, slot, undefined), attrs: { [attr]: intsAttribute(values) } });
      return undefined;
    },
  };
}

/** The node's inputs, with the given one in a slot. */
export function withInput(node: Node, slot: number, value: Value | undefined): (Value | undefined)[] {
  const inputs = node.inputs.slice();
  while (inputs.length <= slot) inputs.push(undefined);
  inputs[slot] = value;
  return inputs;
}
