/**
 * Attributes of convolutions and pools whose default has one value per spatial axis of the window, whatever their number.
 * `asWindow` (src/operators/window.ts) returns all of them together, by axis.
 */
import { intAttr, intsAttr, stringAttr } from './attrs';
import type { Node } from './types';

const repeated = (value: number, count: number): readonly number[] => new Array<number>(count).fill(value);

export const stridesOf = (node: Node, axes: number): readonly number[] => intsAttr(node, 'strides') ?? repeated(1, axes);
export const dilationsOf = (node: Node, axes: number): readonly number[] => intsAttr(node, 'dilations') ?? repeated(1, axes);
/** As written in the attributes, all begins before all ends. With `auto_pad` they follow from the sizes instead. */
export const padsOf = (node: Node, axes: number): readonly number[] => intsAttr(node, 'pads') ?? repeated(0, 2 * axes);
export const outputPaddingOf = (node: Node, axes: number): readonly number[] => intsAttr(node, 'output_padding') ?? repeated(0, axes);

export const isStrided = (node: Node): boolean => intsAttr(node, 'strides')?.some((stride) => stride !== 1) ?? false;
export const isDilated = (node: Node): boolean => intsAttr(node, 'dilations')?.some((dilation) => dilation !== 1) ?? false;
/** True if there is padding, whether given by `pads` or by the size. With VALID, runtimes ignore any `pads`. */
export function isPadded(node: Node): boolean {
  const autoPad = stringAttr(node, 'auto_pad');
  if (autoPad.startsWith('SAME')) return true;
  return autoPad === 'NOTSET' && (intsAttr(node, 'pads')?.some((pad) => pad !== 0) ?? false);
}

/** True if every window is within the map and reads neighbouring cells: no padding, no dilation, sizes rounded down. */
export const isPlainPool = (node: Node): boolean => !isPadded(node) && !isDilated(node) && intAttr(node, 'ceil_mode') === 0;
