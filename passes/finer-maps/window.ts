/**
 * What a layer with a window reads, in numbers that hold at every size of the map, however its padding is spelled.
 *
 * Rounding up (ceil_mode) is padding behind. With Q = length + pads - span, an output has ceil(Q / t) + 1 windows, but none that begins behind the map and its
 * front padding: at most ceil((length + front) / t). Both are floor((length + front + b - span) / t) + 1, for b = end + t - 1 and for b = span - 1: the
 * padding behind is in effect the smaller of the two, whatever the length.
 *
 * SAME makes ceil(length / t) windows and centres them. With s = (length - 1) mod t, it pads span - 1 - s in all: a function of the length, computed in the
 * graph where the stride is not one. Where a window is smaller than its stride, that can be less than nothing, and what ONNX Runtime (1.30, measured) does
 * then is another thing in each case.
 */
import { intAttr, intsAttr, stringAttr } from '../../src/ir/attrs';
import { int64s } from '../../src/ir/tensor';
import type { Dim, Node, Value } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';
import type { Pair } from './density';

/** Front and back, of rows and columns: [top, left, bottom, right], as ONNX has them. */
export type Pads = readonly [number, number, number, number];

export interface Window {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  /** Cells from the first that the window reads to the last. */
  readonly span: Pair;
  /** In effect: rounding up is padding behind. Undefined: SAME, a function of the size. */
  readonly pads: Pads | undefined;
  /** How much of the padding behind comes from rounding up: averages never count it. */
  readonly hanging: Pair;
  /** Where SAME has an odd cell. */
  readonly same: 'front' | 'back';
}

/** Of a Conv or a pool over two axes; or why there is none. `shape`: of the kernel. */
export function windowOf(node: Node, shape: readonly Dim[] | undefined): Window | string {
  const [rows, columns, more] = shape ?? [];
  if (typeof rows !== 'number' || typeof columns !== 'number' || more !== undefined) return 'its window is not known, or not of two axes';
  const kernel: Pair = [rows, columns];
  const [strides, dilations] = [pair(intsAttr(node, 'strides')), pair(intsAttr(node, 'dilations'))];
  const span: Pair = [(rows - 1) * dilations[0] + 1, (columns - 1) * dilations[1] + 1];
  const own = { kernel, strides, dilations, span };
  const mode = stringAttr(node, 'auto_pad', 'NOTSET');
  if (mode.startsWith('SAME')) {
    const isDilated = dilations.some((gap) => gap !== 1);
    if (isDilated && node.op !== 'Conv') return 'runtimes differ on SAME padding of a dilated pool';
    const same = mode === 'SAME_LOWER' ? 'front' : 'back';
    // Every second cell alone: measured to pad and crop nothing that is read.
    const isFixed = ([0, 1] as const).every((axis) => strides[axis] === 1 || (span[axis] === 1 && strides[axis] === 2));
    if (!isFixed && ([0, 1] as const).some((axis) => span[axis] < strides[axis]))
      return 'runtimes differ on SAME padding where a window is smaller than its stride';
    const half = (amount: number, rounded: 'front' | 'back'): number => (rounded === same ? Math.ceil(amount / 2) : Math.floor(amount / 2));
    const pads = isFixed ? fourOf((axis, side) => half(span[axis] - 1, side)) : undefined;
    return { ...own, pads, hanging: [0, 0], same };
  }
  const written = mode === 'VALID' ? [0, 0, 0, 0] : (intsAttr(node, 'pads') ?? [0, 0, 0, 0]);
  const isRoundedUp = intAttr(node, 'ceil_mode', 0) !== 0;
  const hanging = ([0, 1] as const).map((axis) => {
    const end = written[axis + 2] ?? 0;
    return isRoundedUp ? Math.min(strides[axis] - 1, Math.max(span[axis] - 1 - end, 0)) : 0;
  });
  const [y = 0, x = 0] = hanging;
  return {
    ...own,
    pads: fourOf((axis, side) => (side === 'front' ? (written[axis] ?? 0) : (written[axis + 2] ?? 0) + (hanging[axis] ?? 0))),
    hanging: [y, x],
    same: 'back',
  };
}

export interface SamePadding {
  /** Of a Pad node over [N, C, H, W]: int64[8], in cells of the map as it is now. */
  readonly amounts: Value;
  /** By how many old cells it stays behind span - 1, along rows and columns: int64[2]. */
  readonly missing: Value;
}

/** The padding that SAME is for a map with `density` cells for each one that it had, computed from its size. */
export function samePadding(make: Builder, x: Value, { strides, span, same }: Window, density: Pair): SamePadding {
  const numbers = (name: string, values: readonly number[]): Value => make.constant(name, int64s(values));
  const now = make.op('Shape', [x], { start: 2, end: 4 });
  const isFine = density.some((cells) => cells !== 1);
  // Of old cells before the last one: ceil(now / density) - 1.
  const last = make.op('Sub', [now, numbers('one', [1, 1])]);
  const rest = make.op('Mod', [isFine ? wholes(make, last, density) : last, numbers('strides', strides)]);
  const total = make.op('Sub', [numbers('beyond', [span[0] - 1, span[1] - 1]), rest]);
  const front = wholes(make, same === 'front' ? make.op('Add', [total, numbers('one', [1, 1])]) : total, [2, 2]);
  const back = make.op('Sub', [total, front]);
  const grown = (amount: Value): Value => (isFine ? make.op('Mul', [amount, numbers('density', density)]) : amount);
  const others = numbers('others', [0, 0]);
  return { amounts: make.op('Concat', [others, grown(front), others, grown(back)], { axis: 0 }), missing: rest };
}

/** Rounded down, whatever the sign, and seen to be a whole number of times. */
export function wholes(make: Builder, x: Value, by: Pair): Value {
  const number = make.constant('by', int64s(by));
  return make.op('Div', [make.op('Sub', [x, make.op('Mod', [x, number])]), number]);
}

/** x with cells of the number `fill` around it; itself where there are none. */
export function padded(make: Builder, x: Value, amounts: Value | Pads, fill: number): Value {
  if (isPads(amounts) && amounts.every((amount) => amount === 0)) return x;
  const [top, left, bottom, right] = isPads(amounts) ? amounts : [0, 0, 0, 0];
  const all = isPads(amounts) ? make.constant('amounts', int64s([0, 0, top, left, 0, 0, bottom, right])) : amounts;
  return make.op('Pad', [x, all, make.scalar('fill', x.type?.dtype ?? 'float', fill)]);
}
const isPads = (amounts: Value | Pads): amounts is Pads => Array.isArray(amounts);

/** Each of the four from its axis and side. */
export const fourOf = (amount: (axis: 0 | 1, side: 'front' | 'back') => number): Pads => [
  amount(0, 'front'),
  amount(1, 'front'),
  amount(0, 'back'),
  amount(1, 'back'),
];
export const pairOf = (of: (axis: 0 | 1) => number): Pair => [of(0), of(1)];
export const NO_PADS: Pads = [0, 0, 0, 0];
export const pair = ([y = 1, x = 1]: readonly number[] = []): Pair => [y, x];
export const timesPads = (pads: Pads, by: Pair): Pads => fourOf((axis, side) => sideOf(pads, axis, side) * by[axis]);
export const sideOf = (pads: Pads, axis: 0 | 1, side: 'front' | 'back'): number =>
  side === 'front' ? pads[axis] : axis === 0 ? pads[2] : pads[3];
