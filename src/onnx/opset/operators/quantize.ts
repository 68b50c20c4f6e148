/** QuantizeLinear and DequantizeLinear: one scale for the whole tensor in opset 10, one per index of an axis since 13, one per block since 21. */
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { rankOf } from '../facts';

export const quantizeAdapters: readonly Adapter[] = ['QuantizeLinear', 'DequantizeLinear'].map((op) => ({
  op,
  since: 13,
  lower: (node, edit) => {
    if ((rankOf(node.inputs[1]) ?? 0) !== 0) return refuse('it has a scale per index of an axis');
    edit.setAttrs(node, { axis: undefined });
    return undefined;
  },
}));
