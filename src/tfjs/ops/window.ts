/** Strides, dilations and pads of an operator over maps [N, rows, columns, C], and what auto_pad makes of them. */
import { intAttr, intsAttr, stringAttr } from '../../ir/attrs';
import type { Dim, Node } from '../../ir/types';
import { Unsupported } from '../emitter';

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Per axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** The pads are those that TensorFlow's SAME would choose, at any size. */
  readonly isSame: boolean;
  readonly isCeil: boolean;
}

/** `lengths`: of the axes that the window slides along. */
export function windowOf(node: Node, kernel: readonly number[], lengths: readonly Dim[]): Window {
  const ones = kernel.map(() => 1);
  const strides = intsAttr(node, 'strides') ?? ones;
  const dilations = intsAttr(node, 'dilations') ?? ones;
  const pads = intsAttr(node, 'pads') ?? [...kernel, ...kernel].map(() => 0);
  const autoPad = stringAttr(node, 'auto_pad', 'NOTSET');
  const isCeil = intAttr(node, 'ceil_mode', 0) !== 0;
  const base = { kernel, strides, dilations };
  if (autoPad === 'NOTSET')
    return { ...base, before: pads.slice(0, kernel.length), after: pads.slice(kernel.length), isSame: false, isCeil };
  if (autoPad === 'VALID') return { ...base, before: ones.map(() => 0), after: ones.map(() => 0), isSame: false, isCeil };
  const isUpper = autoPad === 'SAME_UPPER';
  const totals = kernel.map((size, axis) => {
    const [stride = 1, dilation = 1, length] = [strides[axis], dilations[axis], lengths[axis]];
    const span = (size - 1) * dilation + 1;
    if (stride === 1) return span - 1;
    if (typeof length !== 'number') return undefined;
    return Math.max((Math.ceil(length / stride) - 1) * stride + span - length, 0);
  });
  if (totals.every((total) => total !== undefined)) {
    const small = totals.map((total) => Math.floor(total / 2));
    const large = totals.map((total) => Math.ceil(total / 2));
    return { ...base, before: isUpper ? small : large, after: isUpper ? large : small, isSame: isUpper, isCeil: false };
  }
  // Which pads these are depends on the size, and TensorFlow.js chooses them when it runs.
  if (!isUpper) throw new Unsupported('auto_pad SAME_LOWER with a stride needs a known size');
  return { ...base, before: [], after: [], isSame: true, isCeil: false };
}

export const isPadded = ({ before, after }: Window): boolean => [...before, ...after].some((pad) => pad !== 0);
export const isDilated = ({ dilations }: Window): boolean => dilations.some((dilation) => dilation !== 1);
export const isStrided = ({ strides }: Window): boolean => strides.some((stride) => stride !== 1);
