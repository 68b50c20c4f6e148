/** Slice: since opset 10 starts, ends and axes are inputs, and steps exist. */
import type { Value } from '../../../ir/types';
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { exactInts, int64Tensor, intsAttribute, intsOf } from '../editor';

const PARTS = ['starts', 'ends', 'axes'];

export const sliceAdapters: readonly Adapter[] = [
  {
    op: 'Slice',
    since: 10,
    raise: (node, edit) => {
      const inputs: (Value | undefined)[] = [node.inputs[0]];
      for (const part of PARTS) {
        const values = exactInts(node, part);
        inputs.push(values && edit.constant(node, part, int64Tensor(values)));
      }
      edit.respell(node, { inputs, attrs: { starts: undefined, ends: undefined, axes: undefined } });
      return undefined;
    },
    lower: (node, edit) => {
      const [data, starts, ends, axes, steps] = node.inputs;
      if (steps && !intsOf(steps)?.every((step) => Number(step) === 1)) return refuse('it has steps');
      const lists = [starts, ends, axes].map((value) => intsOf(value));
      if (!lists[0] || !lists[1] || (axes && !lists[2])) return refuse('its bounds are computed');
      const attrs = Object.fromEntries(PARTS.map((part, index) => [part, lists[index] && intsAttribute(lists[index])]));
      edit.respell(node, { inputs: [data], attrs });
      return undefined;
    },
  },
];
