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
  const sides = kernel.map((size, axis) => {
    const [stride = 1, dilation = 1, length] = [strides[axis], dilations[axis], lengths[axis]];
    const span = (size - 1) * dilation + 1;
    // A window that is smaller than the stride needs at most span - 1 more: one, at the end, or none.
    if (span < stride && span <= 2 && isUpper) return { before: 0, after: span - 1 };
    const total =
      stride === 1
        ? span - 1
        : typeof length === 'number'
          ? Math.max((Math.ceil(length / stride) - 1) * stride + span - length, 0)
          : undefined;
    if (total === undefined) return undefined;
    const [small, large] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return isUpper ? { before: small, after: large } : { before: large, after: small };
  });
  if (sides.every((side) => side !== undefined)) {
    const [before, after] = [sides.map((side) => side.before), sides.map((side) => side.after)];
    return { ...base, before, after, isSame: isUpper && [...before, ...after].some((pad) => pad > 0), isCeil: false };
  }
  // Which pads these are depends on the size, and TensorFlow.js chooses them when it runs.
  if (!isUpper) throw new Unsupported('auto_pad SAME_LOWER with a stride needs a known size');
  if (kernel.some((size, axis) => (size - 1) * (dilations[axis] ?? 1) + 1 < (strides[axis] ?? 1)))
    throw new Unsupported('auto_pad SAME_UPPER with a stride beyond the kernel needs a known size');
  return { ...base, before: [], after: [], isSame: true, isCeil: false };
}

export const isPadded = ({ before, after }: Window): boolean => [...before, ...after].some((pad) => pad !== 0);
export const isDilated = ({ dilations }: Window): boolean => dilations.some((dilation) => dilation !== 1);
export const isStrided = ({ strides }: Window): boolean => strides.some((stride) => stride !== 1);
