/** Attributes whose defaults or allowed words changed. */
import { int, string, stringAttr } from '../../../ir/attrs';
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { int64Tensor, intsOf } from '../editor';
import { rankOf } from '../facts';
import { attrBefore, stringBefore } from '../old-attributes';
import { withInput } from './attribute-to-input';

/** Modes of GridSample-16, and their names in GridSample-20. */
const SAMPLING = [
  ['bilinear', 'linear'],
  ['bicubic', 'cubic'],
] as const;

export const renamedWordAdapters: readonly Adapter[] = [
  {
    // The constants of opset 1 have four digits.
    op: 'Selu',
    since: 6,
    raise: (node, edit) => {
      edit.setAttrs(node, {
        alpha: attrBefore(6, node, 'alpha', 'float'),
        gamma: attrBefore(6, node, 'gamma', 'float'),
      });
      return undefined;
    },
  },
  {
    op: 'GridSample',
    since: 20,
    raise: (node, edit) => {
      const word = SAMPLING.find(([old]) => old === stringBefore(20, node, 'mode'));
      if (word) edit.setAttrs(node, { mode: string(word[1]) });
      return undefined;
    },
    lower: (node, edit) => {
      if ((rankOf(node.inputs[0]) ?? 4) !== 4) return refuse('it samples no image');
      const word = SAMPLING.find(([, recent]) => recent === stringAttr(node, 'mode'));
      if (word) edit.setAttrs(node, { mode: string(word[0]) });
      return undefined;
    },
  },
  {
    // Opset 10 does not shift by half a pixel; later opsets do so by default.
    op: 'RoiAlign',
    since: 16,
    raise: (node, edit) => {
      edit.setAttrs(node, { coordinate_transformation_mode: string('output_half_pixel') });
      return undefined;
    },
    lower: (node, edit) => {
      if (stringAttr(node, 'coordinate_transformation_mode') !== 'output_half_pixel') return refuse('it shifts by half a pixel');
      edit.setAttrs(node, { coordinate_transformation_mode: undefined });
      return undefined;
    },
  },
  {
    op: 'DFT',
    since: 20,
    raise: (node, edit) => {
      const axis = node.attrs.get('axis');
      const value = int64Tensor([axis?.kind === 'int' ? axis.value : 1]);
      edit.respell(node, { inputs: withInput(node, 2, edit.constant(node, 'axis', { ...value, shape: [] })), attrs: { axis: undefined } });
      return undefined;
    },
    lower: (node, edit) => {
      const [axis] = node.inputs[2] ? (intsOf(node.inputs[2]) ?? []) : [-2];
      if (axis === undefined) return refuse('its axis is computed');
      edit.respell(node, { inputs: node.inputs.slice(0, 2), attrs: { axis: int(Number(axis)) } });
      return undefined;
    },
  },
  {
    // Floored division of floats was added in opset 28.
    op: 'Mod',
    since: 28,
    lower: (node) => {
      const dtype = node.inputs[0]?.type?.dtype;
      const fmod = node.attrs.get('fmod');
      const floored = fmod?.kind !== 'int' || Number(fmod.value) === 0;
      return floored && dtype !== undefined && !/^u?int/.test(dtype) ? refuse('floored remainder of floats') : undefined;
    },
  },
];
