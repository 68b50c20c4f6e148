/**
 * Upsample: scales of two axes (opset 1), of all as attribute (7), as input (9); renamed to Resize (10).
 * Resize: Upsample's coordinates, x / scale (10); many coordinate transformations, sizes, a required region of interest (11),
 * an optional one (13); antialiasing, axes and aspect ratio (18); half_pixel_symmetric (19).
 *
 * The rounding of the old nearest mode is not specified; ONNX Runtime rounds down when enlarging and up when shrinking.
 */
import { intAttr, string, stringAttr } from '../../../ir/attrs';
import { elementCount, fromNumbers } from '../../../ir/tensor';
import type { Attr, Value } from '../../../ir/types';
import type { Adapter } from '../adapter';
import { pin, refuse } from '../adapter';
import { stringBefore } from '../old-attributes';
import { withInput } from './attribute-to-input';
import { numbersOf } from './scalars';

export const resizeAdapters: readonly Adapter[] = [
  {
    op: 'Upsample',
    since: 7,
    raise: (node, edit) => {
      const scale = (name: string): number => {
        const attr = node.attrs.get(name);
        return attr?.kind === 'float' ? attr.value : 1;
      };
      const mode = stringBefore(7, node, 'mode');
      edit.setAttrs(node, {
        scales: { kind: 'floats', value: [1, 1, scale('height_scale'), scale('width_scale')] },
        height_scale: undefined,
        width_scale: undefined,
        mode: string(mode === 'bilinear' ? 'linear' : mode),
      });
      return undefined;
    },
  },
  {
    op: 'Upsample',
    since: 9,
    raise: (node, edit) => {
      const scales = node.attrs.get('scales');
      const values = scales?.kind === 'floats' ? scales.value : [];
      const input = edit.constant(node, 'scales', fromNumbers('float', [values.length], values));
      edit.respell(node, { inputs: [node.inputs[0], input], attrs: { scales: undefined } });
      return undefined;
    },
    lower: (node, edit) => {
      const scales = numbersOf(node.inputs[1]);
      if (!scales) return refuse('its scales are computed');
      edit.respell(node, { inputs: [node.inputs[0]], attrs: { scales: { kind: 'floats', value: scales } } });
      return undefined;
    },
  },
  {
    op: 'Resize',
    since: 10,
    formerly: 'Upsample',
    raise: (node, edit) => {
      // Upsample never shrinks: its nearest mode rounds down, whatever the scales are at run time.
      edit.respell(node, { op: 'Resize', inputs: [node.inputs[0], undefined, node.inputs[1]], attrs: asymmetric(node.attrs, 'floor') });
      return 'done';
    },
    lower: (node, edit) => {
      if (numbersOf(node.inputs[1])?.some((scale) => scale < 1)) return refuse('it shrinks');
      edit.respell(node, { op: 'Upsample' });
      return undefined;
    },
  },
  {
    op: 'Resize',
    since: 11,
    raise: (node, edit) => {
      const [data, scales] = node.inputs;
      const nearest = stringBefore(11, node, 'mode') === 'nearest';
      const rounding = roundingOf(numbersOf(scales));
      if (nearest && !rounding) return pin('its nearest mode depends on whether it enlarges or shrinks');
      edit.respell(node, { inputs: [data, undefined, scales], attrs: asymmetric(node.attrs, nearest ? rounding : undefined) });
      return undefined;
    },
    lower: (node, edit) => {
      const [data, , scales, sizes] = node.inputs;
      if (sizes && !isEmpty(sizes)) return refuse('it has sizes');
      if (stringAttr(node, 'coordinate_transformation_mode') !== 'asymmetric') return refuse('its coordinates are not asymmetric');
      if (intAttr(node, 'exclude_outside') !== 0) return refuse('it excludes what lies outside');
      const mode = stringAttr(node, 'mode');
      if (mode === 'cubic') return refuse('mode cubic');
      if (mode === 'nearest') {
        const wanted = stringAttr(node, 'nearest_mode');
        const numbers = numbersOf(scales);
        // Below opset 10 this becomes Upsample, which cannot shrink.
        const agrees = numbers ? numbers.every((scale) => scale === 1) || roundingOf(numbers) === wanted : edit.target < 10;
        if (!agrees || (wanted !== 'floor' && wanted !== 'ceil')) return refuse(`nearest mode ${wanted}`);
      }
      edit.respell(node, {
        inputs: [data, scales],
        attrs: {
          coordinate_transformation_mode: undefined,
          nearest_mode: undefined,
          cubic_coeff_a: undefined,
          exclude_outside: undefined,
          extrapolation_value: undefined,
        },
      });
      return undefined;
    },
  },
  {
    op: 'Resize',
    since: 13,
    raise: (node, edit) => {
      const coordinates = stringBefore(13, node, 'coordinate_transformation_mode');
      if (coordinates === 'tf_half_pixel_for_nn') return pin(`coordinates ${coordinates}`);
      edit.respell(node, { inputs: node.inputs.map((input, slot) => (slot > 0 && isEmpty(input) ? undefined : input)) });
      return undefined;
    },
    lower: (node, edit) => {
      for (const [slot, name] of ['', 'roi', 'scales'].entries()) {
        if (slot > 0 && !node.inputs[slot]) {
          edit.respell(node, { inputs: withInput(node, slot, edit.constant(node, name, fromNumbers('float', [0], []))) });
        }
      }
      return undefined;
    },
  },
  {
    op: 'Resize',
    since: 19,
    lower: (node) =>
      stringAttr(node, 'coordinate_transformation_mode') === 'half_pixel_symmetric'
        ? refuse('coordinates half_pixel_symmetric')
        : undefined,
  },
];

const asymmetric = (attrs: ReadonlyMap<string, Attr>, rounding: string | undefined): Record<string, Attr | undefined> => ({
  mode: attrs.get('mode'),
  coordinate_transformation_mode: string('asymmetric'),
  nearest_mode: rounding === undefined ? undefined : string(rounding),
});

/** Rounding of the old nearest mode with these scales; undefined if it rounds some axes down and others up, or if the scales are unknown. */
function roundingOf(scales: readonly number[] | undefined): 'floor' | 'ceil' | undefined {
  if (!scales) return undefined;
  if (scales.every((scale) => scale >= 1)) return 'floor';
  return scales.every((scale) => scale <= 1) ? 'ceil' : undefined;
}

const isEmpty = (value: Value | undefined): boolean => value?.constant !== undefined && elementCount(value.constant.shape) === 0;
