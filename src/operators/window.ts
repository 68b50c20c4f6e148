/**
 * Convolutions and pools as windows over any number of spatial axes, with the schema's defaults filled in. Axis k of the window is axis k + 2 of the
 * data.
 */

import { intAttr, intsAttr, stringAttr } from '../ir/attrs';
import { weightSlotOf } from '../ir/integer-operators';
import type { Node } from '../ir/types';
import { dilationsOf, outputPaddingOf, padsOf, stridesOf } from '../ir/window-attrs';

export interface WindowAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding as written in the attributes. With `auto_pad` it follows from the sizes instead. */
  readonly before: number;
  readonly after: number;
  /** Extra output padding of a ConvTranspose; 0 for other operators. */
  readonly outputPadding: number;
}

export interface Window {
  readonly axes: readonly WindowAxis[];
  readonly autoPad: 'NOTSET' | 'VALID' | 'SAME_UPPER' | 'SAME_LOWER';
  /** Pools: whether a last window that extends beyond the data is kept. */
  readonly ceil: boolean;
  /** ConvTranspose: the output lengths are given and the padding follows. */
  readonly outputShape: readonly number[] | undefined;
}

/** Number of cells from the first to the last that one window reads, inclusive. */
export const extentOf = ({ kernel, dilation }: WindowAxis): number => (kernel - 1) * dilation + 1;

/** The node's window; undefined if the kernel has no static size. The node must be a convolution, or a pool with a `kernel_shape`. */
export function asWindow(node: Node): Window | undefined {
  const kernel = intsAttr(node, 'kernel_shape') ?? kernelOfWeight(node);
  if (!kernel) return undefined;
  const [strides, dilations, pads, extra] = [stridesOf, dilationsOf, padsOf, outputPaddingOf].map((of) => of(node, kernel.length));
  return {
    axes: kernel.map((size, at) => ({
      kernel: size,
      stride: strides?.[at] ?? 1,
      dilation: dilations?.[at] ?? 1,
      before: pads?.[at] ?? 0,
      after: pads?.[at + kernel.length] ?? 0,
      outputPadding: extra?.[at] ?? 0,
    })),
    autoPad: autoPadOf(node),
    ceil: node.attrs.has('ceil_mode') && intAttr(node, 'ceil_mode') !== 0,
    outputShape: intsAttr(node, 'output_shape'),
  };
}

function kernelOfWeight(node: Node): readonly number[] | undefined {
  const sizes = node.inputs[weightSlotOf(node)]?.type?.shape?.slice(2);
  return sizes?.every((size) => typeof size === 'number') ? sizes : undefined;
}

function autoPadOf(node: Node): Window['autoPad'] {
  const text = node.attrs.has('auto_pad') ? stringAttr(node, 'auto_pad') : 'NOTSET';
  return text === 'VALID' || text === 'SAME_UPPER' || text === 'SAME_LOWER' ? text : 'NOTSET';
}

/** Number of cells that SAME padding adds before a map of this length. */
export function samePadBefore({ autoPad }: Window, axis: WindowAxis, length: number): number {
  const total = Math.max((Math.ceil(length / axis.stride) - 1) * axis.stride + extentOf(axis) - length, 0);
  return autoPad === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2);
}
