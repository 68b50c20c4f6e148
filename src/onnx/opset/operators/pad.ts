/** Pad: `paddings` (opset 1), `pads` and `value` as attributes (2), as inputs (11); an input for axes (18); mode wrap (19). */
import { stringAttr } from '../../../ir/attrs';
import type { AttrInt, Node } from '../../../ir/types';
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { type Editor, exactInts, int64Tensor, intsAttribute, intsOf } from '../editor';
import { rankOf } from '../facts';
import { attrFromScalar, scalarFromAttr } from './scalars';

export const padAdapters: readonly Adapter[] = [
  {
    op: 'Pad',
    since: 2,
    raise: (node, edit) => {
      edit.setAttrs(node, { pads: node.attrs.get('paddings'), paddings: undefined });
      return undefined;
    },
  },
  {
    op: 'Pad',
    since: 11,
    raise: (node, edit) => {
      const pads = exactInts(node, 'pads');
      const value = scalarFromAttr(node, 'value', node.inputs[0], edit);
      edit.respell(node, {
        inputs: [node.inputs[0], pads && edit.constant(node, 'pads', int64Tensor(pads)), value],
        attrs: { pads: undefined, value: undefined },
      });
      return undefined;
    },
    lower: (node, edit) => {
      const [data, pads, constant] = node.inputs;
      const amounts = intsOf(pads);
      if (!amounts) return refuse('its pads are computed');
      const value = attrFromScalar(constant);
      if (constant && !value) return refuse('its constant value is computed, or no float32');
      edit.respell(node, { inputs: [data], attrs: { pads: intsAttribute(amounts), value } });
      return undefined;
    },
  },
  {
    op: 'Pad',
    since: 18,
    lower: (node, edit) => (node.inputs[3] ? spellOutAxes(node, edit) : undefined),
  },
  {
    op: 'Pad',
    since: 19,
    lower: (node) => (stringAttr(node, 'mode') === 'wrap' ? refuse('mode wrap') : undefined),
  },
];

/** Expands pads of some axes to pads of all axes. */
function spellOutAxes(node: Node, edit: Editor): ReturnType<typeof refuse> {
  const [data, pads, constant, axesInput] = node.inputs;
  const rank = rankOf(data);
  const given = intsOf(pads);
  const axes = intsOf(axesInput)?.map(Number);
  if (rank === undefined || !given || !axes) return refuse('it pads only some axes');
  const all: AttrInt[] = new Array(2 * rank).fill(0);
  for (const [index, axis] of axes.entries()) {
    const at = axis < 0 ? axis + rank : axis;
    if (!(at >= 0 && at < rank)) return refuse(`axis ${axis} of ${rank}`);
    all[at] = given[index] ?? 0;
    all[at + rank] = given[index + axes.length] ?? 0;
  }
  edit.respell(node, { inputs: [data, edit.constant(node, 'pads', int64Tensor(all)), constant] });
  return undefined;
}
