/** Strides, dilations and pads of an operator over maps [N, rows, columns, C], including the pads of auto_pad. */

import { intAttr, stringAttr } from '../../ir/attrs';
import type { Dim, Node } from '../../ir/types';
import { dilationsOf, padsOf, stridesOf } from '../../ir/window-attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';

/** Pads per axis; or those of auto_pad for a size known only at run time (`isUpper`: the larger half goes behind the map). */
export type Pads =
  | { readonly kind: 'known'; readonly before: readonly number[]; readonly after: readonly number[] }
  | { readonly kind: 'same'; readonly isUpper: boolean };

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: Pads;
  readonly isCeil: boolean;
}

/** `lengths`: those of the axes that the window slides along. */
export function windowOf(node: Node, kernel: readonly number[], lengths: readonly Dim[]): Window {
  const zeros = kernel.map(() => 0);
  const strides = stridesOf(node, kernel.length);
  const dilations = dilationsOf(node, kernel.length);
  const isCeil = intAttr(node, 'ceil_mode') !== 0;
  const base = { kernel, strides, dilations };
  const autoPad = stringAttr(node, 'auto_pad');
  switch (autoPad) {
    case 'NOTSET': {
      const pads = padsOf(node, kernel.length);
      return { ...base, pads: { kind: 'known', before: pads.slice(0, kernel.length), after: pads.slice(kernel.length) }, isCeil };
    }
    case 'VALID':
      return { ...base, pads: { kind: 'known', before: zeros, after: zeros }, isCeil };
    case 'SAME_UPPER':
    case 'SAME_LOWER': {
      const isUpper = autoPad === 'SAME_UPPER';
      const sides = kernel.map((_, axis) => sameSide(base, axis, lengths[axis], isUpper));
      const isKnown = sides.every((side) => side !== undefined);
      const known = isKnown && { before: sides.map((side) => side.before), after: sides.map((side) => side.after) };
      return { ...base, pads: known ? { kind: 'known', ...known } : { kind: 'same', isUpper }, isCeil: false };
    }
    default:
      throw new Unsupported(`its auto_pad is '${autoPad}'`);
  }
}

interface Side {
  readonly before: number;
  readonly after: number;
}

/** SAME pads along one axis; undefined if they depend on an unknown size. */
function sameSide(
  { kernel, strides, dilations }: Pick<Window, 'kernel' | 'strides' | 'dilations'>,
  axis: number,
  length: Dim,
  isUpper: boolean,
): Side | undefined {
  const [stride = 1, span] = [strides[axis], spanOf({ kernel, dilations }, axis)];
  const total =
    typeof length === 'number'
      ? Math.max((Math.ceil(length / stride) - 1) * stride + span - length, 0)
      : stride === 1
        ? span - 1
        : span === 1
          ? 0
          : undefined;
  if (total === undefined) return undefined;
  const [small, large] = [Math.floor(total / 2), Math.ceil(total / 2)];
  return isUpper ? { before: small, after: large } : { before: large, after: small };
}

/** Extent of the dilated window along an axis. */
export const spanOf = ({ kernel, dilations }: Pick<Window, 'kernel' | 'dilations'>, axis: number): number =>
  ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;

/** The same window over a map with an additional leading axis of kernel size 1. */
export const raised = (window: Window): Window => ({
  ...window,
  kernel: [1, ...window.kernel],
  strides: [1, ...window.strides],
  dilations: [1, ...window.dilations],
  // auto_pad adds no pads for a kernel of size 1.
  pads:
    window.pads.kind === 'known' ? { kind: 'known', before: [0, ...window.pads.before], after: [0, ...window.pads.after] } : window.pads,
});

/** Whether the pads equal TensorFlow's SAME, which determines them at run time. */
export function isSame(window: Window, lengths: readonly Dim[]): boolean {
  // TensorFlow.js's WebAssembly kernels give wrong results if the stride exceeds the kernel.
  if (window.kernel.some((_, axis) => spanOf(window, axis) < (window.strides[axis] ?? 1))) return false;
  const { pads } = window;
  if (pads.kind === 'same') return pads.isUpper;
  return window.kernel.every((_, axis) => {
    const side = sameSide(window, axis, lengths[axis], true);
    return side !== undefined && side.before === pads.before[axis] && side.after === pads.after[axis];
  });
}

/** Pads in front of and behind each axis, as numbers or computed at run time. */
export interface Amounts {
  readonly before: readonly (number | Ref)[];
  readonly after: readonly (number | Ref)[];
}

/** The pads of the window on `x` [N, ..., C]. */
export function padsOn(make: Emitter, x: Ref, window: Window): Amounts {
  const { pads } = window;
  if (pads.kind === 'known') return pads;
  const halves = window.kernel.map((_, axis) => {
    const [stride, span] = [window.strides[axis] ?? 1, spanOf(window, axis)];
    const length = make.lengthOf(x, axis + 1);
    // (ceil(length / stride) - 1) * stride + span - length, at least 0
    const windows = make.node('FloorDiv', [make.node('AddV2', [length, make.int(stride - 1)]), make.int(stride)]);
    const reach = make.node('AddV2', [make.node('Mul', [windows, make.int(stride)]), make.int(span - stride)]);
    const total = make.node('Maximum', [make.node('Sub', [reach, length]), make.int(0)]);
    const small = make.node('FloorDiv', [total, make.int(2)]);
    return { small, large: make.node('Sub', [total, small]) };
  });
  const [small, large] = [halves.map((half) => half.small), halves.map((half) => half.large)];
  return pads.isUpper ? { before: small, after: large } : { before: large, after: small };
}

export const isPadded = ({ pads }: Window): boolean => pads.kind === 'same' || [...pads.before, ...pads.after].some((pad) => pad !== 0);
export const isDilated = ({ dilations }: Window): boolean => dilations.some((dilation) => dilation !== 1);
export const isStrided = ({ strides }: Window): boolean => strides.some((stride) => stride !== 1);
