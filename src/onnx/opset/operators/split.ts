/** Split: sizes as optional second input (opset 1), as attribute (2), as input (13); without sizes, `num_outputs` is the number of parts (18). */
import { int, intAttr } from '../../../ir/attrs';
import type { Adapter } from '../adapter';
import { int64Tensor } from '../editor';
import { intsBecomeInput, withInput } from './attribute-to-input';
import { numbersOf } from './scalars';

export const splitAdapters: readonly Adapter[] = [
  {
    op: 'Split',
    since: 2,
    raise: (node, edit) => {
      const sizes = node.inputs[1];
      if (!sizes) return undefined;
      // In opset 1 sizes have the type of the data; in the newest spelling they are an input again.
      const numbers = numbersOf(sizes);
      const integers = numbers?.every(Number.isSafeInteger)
        ? edit.constant(node, 'split', int64Tensor(numbers))
        : edit.insert(node, 'Cast', [sizes], { attrs: { to: int(7) }, suffix: 'split' });
      edit.respell(node, { inputs: withInput(node, 1, integers) });
      return undefined;
    },
  },
  intsBecomeInput('Split', 13, 'split', 1),
  {
    op: 'Split',
    since: 18,
    raise: (node, edit) => {
      if (!node.inputs[1]) edit.setAttrs(node, { num_outputs: int(node.outputs.length) });
      return undefined;
    },
    lower: (node, edit) => {
      edit.setAttrs(node, { num_outputs: undefined });
      if (node.inputs[1]) return undefined;
      // Before opset 18, parts without sizes were equal; since then the last one may be smaller.
      const parts = node.outputs.length;
      const shape = node.inputs[0]?.type?.shape;
      const axis = intAttr(node, 'axis');
      const size = shape?.[axis < 0 ? axis + shape.length : axis];
      if (typeof size !== 'number' || size % parts === 0) return undefined;
      const part = Math.ceil(size / parts);
      const sizes = Array.from({ length: parts }, (_, index) => Math.min(part, size - part * index));
      edit.respell(node, { inputs: withInput(node, 1, edit.constant(node, 'split', int64Tensor(sizes))) });
      return undefined;
    },
  },
];
