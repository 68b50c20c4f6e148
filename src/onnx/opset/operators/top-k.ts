/** TopK: since opset 10 k is an input; `largest` and `sorted` (11) default to the previous behaviour. */
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { int64Tensor, intsOf } from '../editor';

export const topKAdapters: readonly Adapter[] = [
  {
    op: 'TopK',
    since: 10,
    raise: (node, edit) => {
      const k = node.attrs.get('k');
      const input = edit.constant(node, 'k', int64Tensor(k?.kind === 'int' ? [k.value] : []));
      edit.respell(node, { inputs: [node.inputs[0], input], attrs: { k: undefined } });
      return undefined;
    },
    lower: (node, edit) => {
      const [k] = intsOf(node.inputs[1]) ?? [];
      if (k === undefined) return refuse('k is computed');
      edit.respell(node, { inputs: [node.inputs[0]], attrs: { k: { kind: 'int', value: k } } });
      return undefined;
    },
  },
];
