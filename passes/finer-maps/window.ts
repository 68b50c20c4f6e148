/**
 * Geometry of the window of a layer, in numbers that hold at every size of the map, independent of how its padding is specified.
 *
 * Rounding up (ceil_mode) is equivalent to padding at the back. With Q = length + pads - span, an output has ceil(Q / t) + 1 windows, but none that begins
 * behind the map and its front padding: at most ceil((length + front) / t). Both are floor((length + front + b - span) / t) + 1, for b = end + t - 1 and for
 * b = span - 1: the effective padding at the back is the smaller of the two, whatever the length.
 *
 * SAME gives ceil(length / t) windows and centres them. With s = (length - 1) mod t, its total padding is span - 1 - s: a function of the length, computed in
 * the graph unless the stride is one. If a window is smaller than its stride, this can be negative, and the behaviour of ONNX Runtime (1.30, measured) then
 * differs from case to case.
 */

import { intAttr, stringAttr } from '../../src/ir/attrs';
import { int64s } from '../../src/ir/tensor';
import type { Dim, Node, Value } from '../../src/ir/types';
import { dilationsOf, stridesOf, padsOf as writtenPadsOf } from '../../src/ir/window-attrs';
import { asPool } from '../../src/operators/pools';
import type { Builder } from '../../src/rewrite/builder';
import { at, each, isOne, type PerAxis } from './density';

/** In ONNX order: front along each axis, then back along each axis: [top, left, bottom, right]. */
export type Pads = readonly number[];

export interface Window {
  readonly kernel: PerAxis;
  readonly strides: PerAxis;
  readonly dilations: PerAxis;
  /** Number of cells from the first to the last that the window reads. */
  readonly span: PerAxis;
  /** Effective padding, in which rounding up is padding at the back. Undefined for SAME, where it depends on the size. */
  readonly pads: Pads | undefined;
  /** Part of the padding at the back that comes from rounding up: averages never count it. */
  readonly hanging: PerAxis;
  /** Side on which SAME puts an odd cell. */
  readonly same: 'front' | 'back';
}

/** Window of a Conv or a pool, or the reason why there is none. `shape`: of the kernel. */
export function windowOf(node: Node, shape: readonly Dim[] | undefined): Window | string {
  if (!shape?.every((size): size is number => typeof size === 'number')) return 'its window is not known';
  const kernel: PerAxis = shape;
  const [strides, dilations] = [stridesOf, dilationsOf].map((of) => of(node, kernel.length));
  if (!strides || !dilations) return 'its window is not known';
  const span = each(kernel, (size, axis) => (size - 1) * at(dilations, axis) + 1);
  const own = { kernel, strides, dilations, span };
  const mode = stringAttr(node, 'auto_pad');
  if (mode.startsWith('SAME')) {
    const isDilated = dilations.some((gap) => gap !== 1);
    if (isDilated && asPool(node)) return 'runtimes differ on SAME padding of a dilated pool';
    const same = mode === 'SAME_LOWER' ? 'front' : 'back';
    // A window of one cell with stride 2: measured to pad and crop nothing that is read.
    const isFixed = strides.every((stride, axis) => stride === 1 || (span[axis] === 1 && stride === 2));
    if (!isFixed && span.some((cells, axis) => cells < at(strides, axis)))
      return 'runtimes differ on SAME padding where a window is smaller than its stride';
    const half = (amount: number, rounded: 'front' | 'back'): number => (rounded === same ? Math.ceil(amount / 2) : Math.floor(amount / 2));
    const pads = isFixed ? padsOf(kernel, (axis, side) => half(at(span, axis) - 1, side)) : undefined;
    return { ...own, pads, hanging: each(kernel, () => 0), same };
  }
  const written = mode === 'VALID' ? noPads(kernel) : writtenPadsOf(node, kernel.length);
  const isRoundedUp = intAttr(node, 'ceil_mode') !== 0;
  const hanging = each(kernel, (_, axis) =>
    isRoundedUp ? Math.min(at(strides, axis) - 1, Math.max(at(span, axis) - 1 - sideOf(written, axis, 'back'), 0)) : 0,
  );
  return {
    ...own,
    pads: padsOf(kernel, (axis, side) => sideOf(written, axis, side) + (side === 'back' ? at(hanging, axis) : 0)),
    hanging,
    same: 'back',
  };
}

export interface SamePadding {
  /** Amounts for a Pad node over [N, C, ...], in cells of the finer map. */
  readonly amounts: Value;
  /** Old cells by which the total padding is less than span - 1, along each axis. */
  readonly missing: Value;
}

/** Padding equivalent to SAME for a map with `density` cells for each original cell, computed from its size. */
export function samePadding(make: Builder, x: Value, { strides, span, same }: Window, density: PerAxis): SamePadding {
  const numbers = (name: string, values: readonly number[]): Value => make.constant(name, int64s(values));
  const ones = each(span, () => 1);
  const now = lengthsOf(make, x, span);
  const isFine = !isOne(density);
  // Number of old cells before the last one: ceil(now / density) - 1.
  const last = make.op('Sub', [now, numbers('one', ones)]);
  const rest = make.op('Mod', [isFine ? wholes(make, last, density) : last, numbers('strides', strides)]);
  const total = make.op('Sub', [
    numbers(
      'beyond',
      each(span, (cells) => cells - 1),
    ),
    rest,
  ]);
  const front = wholes(
    make,
    same === 'front' ? make.op('Add', [total, numbers('one', ones)]) : total,
    each(span, () => 2),
  );
  const back = make.op('Sub', [total, front]);
  const grown = (amount: Value): Value => (isFine ? make.op('Mul', [amount, numbers('density', density)]) : amount);
  const others = numbers('others', [0, 0]);
  return { amounts: make.op('Concat', [others, grown(front), others, grown(back)], { axis: 0 }), missing: rest };
}

/** x / by, rounded down for any sign. Written so that shape inference sees an exact division. */
export function wholes(make: Builder, x: Value, by: PerAxis): Value {
  const number = make.constant('by', int64s(by));
  return make.op('Div', [make.op('Sub', [x, make.op('Mod', [x, number])]), number]);
}

/** x padded with `fill`; x itself if there is no padding. */
export function padded(make: Builder, x: Value, amounts: Value | Pads, fill: number): Value {
  if (!isPads(amounts)) return make.op('Pad', [x, amounts, make.scalar('fill', x.type?.dtype ?? 'float', fill)]);
  if (amounts.every((amount) => amount === 0)) return x;
  const half = amounts.length / 2;
  const all = make.constant('amounts', int64s([0, 0, ...amounts.slice(0, half), 0, 0, ...amounts.slice(half)]));
  return make.op('Pad', [x, all, make.scalar('fill', x.type?.dtype ?? 'float', fill)]);
}
const isPads = (amounts: Value | Pads): amounts is Pads => Array.isArray(amounts);

/** Pads computed for each axis and side. */
export const padsOf = (like: PerAxis, amount: (axis: number, side: 'front' | 'back') => number): Pads => [
  ...like.map((_, axis) => amount(axis, 'front')),
  ...like.map((_, axis) => amount(axis, 'back')),
];
export const noPads = (like: PerAxis): Pads => padsOf(like, () => 0);
export const timesPads = (pads: Pads, by: PerAxis): Pads => padsOf(by, (axis, side) => sideOf(pads, axis, side) * at(by, axis));
export const sideOf = (pads: Pads, axis: number, side: 'front' | 'back'): number =>
  pads[side === 'front' ? axis : axis + pads.length / 2] ?? 0;

/** Lengths of the spatial axes of [N, C, ...], as a value. `like`: a list with one entry per such axis. */
export const lengthsOf = (make: Builder, x: Value, like: PerAxis): Value => make.op('Shape', [x], { start: 2, end: 2 + like.length });
