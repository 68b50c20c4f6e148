/**
 * Axis order that the readers of a graph input prefer: that of the first operator over maps that it reaches, through operators that work in any order.
 * A network that is channels-last itself begins with a Transpose: its input is kept as it is.
 */

import { permOf } from '../../ir/axis';
import { isBroadcasting, isUnaryElementwise } from '../../ir/operator-traits';
import type { Value } from '../../ir/types';
import { arranged, channelsLast, identity, type Order } from './order';
import { isOverMaps } from './rules';

const KEEPS_ORDER = new Set(['QuantizeLinear', 'DequantizeLinear', 'Concat', 'Pad', 'Slice', 'Split', 'Gather', 'Dropout', 'Identity']);
const REACH = 200;

/** undefined: no reader asks for an order other than ONNX's. */
export function demandedOrder(input: Value): Order | undefined {
  const rank = input.type?.shape?.length;
  if (rank === undefined) return undefined;
  // Breadth first. `names[axis]`: the axis of the input that an axis of the value corresponds to.
  const queue: { readonly value: Value; readonly names: Order }[] = [{ value: input, names: identity(rank) }];
  const seen = new Set<Value>();
  for (let at = queue.shift(); at && seen.size < REACH; at = queue.shift()) {
    const { value, names } = at;
    if (seen.has(value)) continue;
    seen.add(value);
    for (const { user, slot } of value.uses) {
      if (isOverMaps(user.op)) {
        if (slot === 0) return arranged(names, channelsLast(names.length));
        continue;
      }
      const [next] = user.outputs;
      if (!next || next.type?.shape?.length !== names.length) continue;
      if (user.op === 'Transpose') {
        const perm = permOf(user, names.length);
        queue.push({ value: next, names: arranged(names, perm) });
      } else if (isUnaryElementwise(user.op) || isBroadcasting(user.op) || KEEPS_ORDER.has(user.op)) queue.push({ value: next, names });
    }
  }
  return undefined;
}
