/** RNN, GRU, LSTM: since opset 7 the presence of an output indicates whether the sequence is wanted; before, `output_sequence` did. */
import { string } from '../../../ir/attrs';
import type { Adapter } from '../adapter';
import { stringBefore } from '../old-attributes';

export const recurrentAdapters: readonly Adapter[] = ['RNN', 'GRU', 'LSTM'].map((op) => ({
  op,
  since: 7,
  raise: (node, edit) => {
    // The definition of GRU-1 misspells its default.
    const direction = stringBefore(7, node, 'direction') === 'foward' ? string('forward') : node.attrs.get('direction');
    edit.setAttrs(node, { output_sequence: undefined, direction });
    return undefined;
  },
}));
