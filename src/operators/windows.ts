/** Operators that read through windows: convolutions, pools, paddings, slices and resizes. Steps are exact, along any number of axes. */

import { intAttr } from '../ir/attrs';
import { namedAxes } from '../ir/axis';
import type { OnnxOp } from '../ir/operators';
import { commonMultiple, greatest, inverse, least, minus, ONE, plus, type Ratio, ratio, times, ZERO } from '../ir/ratio';
import { table } from '../ir/table';
import type { Dim, Node } from '../ir/types';
import { perOperand, perResult } from './multiply-adds';
import { convolutionModule, padModule, poolModule, resizeModule, shuffleModule } from './notation';
import { CONVOLVED, CONVOLVED_BACK, KEPT, SAMPLED, WINDOW_AVERAGE } from './on-integers';
import { FILTERS, type Operator, operator, POINT, type Reads, type Step } from './operator';
import { asPad } from './pad';
import { asResize, type Resize } from './resize';
import { asSlice } from './slice';
import { asWindow, extentOf, samePadBefore, type Window, type WindowAxis } from './window';

const window = (step: Step): Reads => (isIdentity(step) ? POINT : { kind: 'window', step });
const notKnown = (why: string): Reads => ({ kind: 'unknown', why });

const isIdentity = ({ start, stride, extent, pads, mayPad, depends }: Step): boolean =>
  !pads &&
  !mayPad &&
  depends === undefined &&
  start.num === 0 &&
  stride.num === 1 &&
  stride.den === 1 &&
  extent.num === 1 &&
  extent.den === 1;

const lengths = (node: Node, axis: number): readonly [Dim, Dim] => [
  node.inputs[0]?.type?.shape?.[axis],
  node.outputs[0]?.type?.shape?.[axis],
];

function pool(node: Node, axis: number): Reads {
  return axis < 2 ? POINT : windowReads(node, axis);
}
function convolution(node: Node, axis: number): Reads {
  return axis === 0 ? POINT : axis === 1 ? FILTERS : windowReads(node, axis);
}

function windowReads(node: Node, axis: number): Reads {
  const own = asWindow(node);
  const along = own?.axes[axis - 2];
  if (!own || !along) return notKnown('has a kernel whose size is not known');
  const extent = extentOf(along);
  const [length, cells] = lengths(node, axis);
  const before = padBefore(own, along, length);
  const isSame = own.autoPad.startsWith('SAME');
  return window({
    start: ratio(-before),
    stride: ratio(along.stride),
    extent: ratio(extent),
    pads: before > 0 || sticksOut(own, along, { before, length, cells }),
    // Padding at the far end that no window reaches at this size may be reached at others.
    mayPad: isSame ? extent > 1 : (own.ceil || (own.autoPad === 'NOTSET' && along.after > 0)) && along.stride > 1,
    // If the stride does not divide the length, the padding is split differently.
    ...(isSame && along.stride > 1 && { congruent: along.stride }),
  });
}

/** Padding before the data. SAME padding at symbolic sizes is that of lengths divisible by the stride. */
function padBefore(own: Window, along: WindowAxis, length: Dim): number {
  if (own.autoPad === 'NOTSET') return along.before;
  if (own.autoPad === 'VALID') return 0;
  return samePadBefore(own, along, typeof length === 'number' ? length : along.stride * extentOf(along));
}

/** Whether the last window extends beyond the data, taking pads and ceil_mode together. For a symbolic map, only explicit settings are considered. */
function sticksOut(
  own: Window,
  along: WindowAxis,
  { before, length, cells }: { readonly before: number; readonly length: Dim; readonly cells: Dim },
): boolean {
  const extent = extentOf(along);
  if (typeof length === 'number' && typeof cells === 'number') return (cells - 1) * along.stride + extent - before > length;
  return own.autoPad.startsWith('SAME') ? extent > along.stride : (own.autoPad === 'NOTSET' && along.after > 0) || own.ceil;
}

/** Output o reads input i if o = i * stride - pad + t * dilation, t < kernel. */
function transposedConvolution(node: Node, axis: number): Reads {
  if (axis < 2) return axis === 0 ? POINT : FILTERS;
  const own = asWindow(node);
  const along = own?.axes[axis - 2];
  if (!own || !along) return notKnown('has a kernel whose size is not known');
  const reach = extentOf(along) - 1;
  const [length, cells] = lengths(node, axis);
  let pad = along.before;
  const follows = own.autoPad.startsWith('SAME') || own.outputShape !== undefined;
  if (follows) {
    if (typeof length !== 'number' || typeof cells !== 'number') return notKnown('is padded by amounts that are not known');
    const total = Math.max(along.stride * (length - 1) + along.outputPadding + reach + 1 - cells, 0);
    // ONNX: if the total is odd, SAME_UPPER puts the extra one at the end, everything else at the beginning.
    pad = own.autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
  }
  return window({
    start: ratio(pad - reach, along.stride),
    stride: ratio(1, along.stride),
    extent: plus(ratio(reach, along.stride), ONE),
    pads: reach + 1 > along.stride || along.outputPadding > 0,
    ...(own.outputShape && { depends: 'gives a map of the same size, whatever the size of the image' }),
  });
}

/** Repeats each cell `by` times: result i reads cell floor(i / by). */
const shown = (by: number): Step => ({
  start: ratio(1 - by, by),
  stride: ratio(1, by),
  extent: plus(ONE, ratio(by - 1, by)),
  pads: false,
});

function spaceToDepth(node: Node, axis: number): Reads {
  const block = ratio(intAttr(node, 'blocksize'));
  return axis === 0 ? POINT : axis === 1 ? FILTERS : window({ start: ZERO, stride: block, extent: block, pads: false });
}
function depthToSpace(node: Node, axis: number): Reads {
  return axis === 0 ? POINT : axis === 1 ? FILTERS : window(shown(intAttr(node, 'blocksize')));
}

function padding(node: Node, axis: number): Reads {
  const axes = asPad(node)?.axes;
  if (!axes) return computedPadding(node, axis);
  const [own] = axes.filter((candidate) => candidate.axis === axis);
  if (!own) return POINT;
  return window({ start: ratio(-own.before), stride: ONE, extent: ONE, pads: own.before > 0 || own.after > 0 });
}

/** Padding computed by the graph: the sizes give the total, but not how it is split between the two sides. */
function computedPadding(node: Node, axis: number): Reads {
  const [length, cells] = lengths(node, axis);
  if (axis < 2 && length === cells && length !== undefined) return POINT;
  if (typeof length !== 'number' || typeof cells !== 'number') return notKnown('pads by amounts that are not known');
  const total = cells - length;
  // Like SAME padding, it follows the remainder left by the stride of the next layer.
  const congruent = strideBehind(node, axis);
  const step = { stride: ONE, mayPad: true, ...(congruent > 1 && { congruent }) };
  return total > 0
    ? window({ ...step, start: ratio(-total), extent: ratio(total + 1), pads: true })
    : window({ ...step, start: ZERO, extent: ratio(1 - total), pads: false });
}

/** The middle of the data, cut or padded to a given length. If an odd number of positions is cut or added, the end has one more. */
function centred(node: Node, axis: number): Reads {
  const rank = node.inputs[0]?.type?.shape?.length;
  if (rank === undefined) return notKnown('cuts or pads a value of unknown rank');
  if (!namedAxes(node, rank).includes(axis)) return POINT;
  const [length, cells] = lengths(node, axis);
  if (typeof length !== 'number' || typeof cells !== 'number') return notKnown('cuts or pads to a size that is not known');
  const before = Math.floor(Math.abs(length - cells) / 2);
  return window({
    start: ratio(length > cells ? before : -before),
    stride: ONE,
    extent: ONE,
    pads: cells > length,
    depends: 'cuts or pads to a size that is given, whatever the size of the image',
  });
}

const strideBehind = (node: Node, axis: number): number =>
  (node.outputs[0]?.uses ?? []).reduce((common, { user }) => {
    const kernel = ['Conv', 'AveragePool', 'MaxPool', 'LpPool'].includes(user.op) ? asWindow(user)?.axes[axis - 2] : undefined;
    return commonMultiple(common, kernel?.stride ?? 1);
  }, 1);

function cut(node: Node, axis: number): Reads {
  const cuts = asSlice(node);
  if (!cuts) return notKnown('cuts along axes that are computed');
  const own = cuts.find((candidate) => candidate.axis === axis);
  const [length, cells] = lengths(node, axis);
  if (!own || (own.step === 1 && length === cells && typeof length === 'number')) return POINT;
  if (own.start === undefined) return notKnown('begins at a place that is computed');
  const { start, step } = own;
  const at = step > 0 ? start : start < 0 ? start : Math.min(start, typeof length === 'number' ? length - 1 : start);
  // A slice keeps its distance from both edges of a larger map, whichever edge it is written from: only one that runs backwards begins at the far end.
  const fromEnd = step < 0;
  if (start < 0 && typeof length !== 'number')
    return notKnown('begins at a place that is counted from the far end of a map of unknown size');
  const first = at < 0 ? Math.max(at + Number(length), 0) : at;
  return window({ start: ratio(first), stride: ratio(step), extent: ONE, pads: false, ...(fromEnd && { fromEnd }) });
}

/** Number of cells that an interpolation reads on each side of the position it samples. */
const TAPS: Readonly<Record<string, number>> = table({ nearest: 0, linear: 1, cubic: 2 });

function stretch(node: Node, axis: number): Reads {
  const own = asResize(node);
  const [length, cells] = lengths(node, axis);
  if (own && length !== undefined && length === cells) return POINT;
  if (!own) return notKnown('stretches the map by a factor that is not known');
  const taps = TAPS[own.mode];
  if (taps === undefined) return notKnown(`interpolates in a way that is not known (${own.mode})`);
  const stride = strideOf(own, axis, length, cells);
  if (!stride) return notKnown('stretches the map by a factor that is not known, or no fraction of small numbers');
  if (own.coordinates === 'pytorch_half_pixel' && cells === 1)
    return notKnown('samples the first place where it has one cell, and the middle of its window on a larger map');
  return window({
    ...(sampling(own, stride, taps, length) ?? loosely(own, stride, taps)),
    ...(own.isBySize && { congruent: stride.num }),
    ...dependsOnSize(own, node, stride),
  });
}

/** Offset of the position that cell i samples from i * stride, by coordinate mode. Only modes in which it is the same at every size. */
const SHIFTS: Readonly<Record<string, (stride: Ratio) => Ratio>> = table({
  asymmetric: () => ZERO,
  half_pixel: (stride) => times(minus(stride, ONE), ratio(1, 2)),
  pytorch_half_pixel: (stride) => times(minus(stride, ONE), ratio(1, 2)),
});
const ROUNDINGS: Readonly<Record<string, (place: Ratio) => number>> = table({
  floor: (place) => floorOf(place),
  ceil: (place) => -floorOf(minus(ZERO, place)),
  round_prefer_floor: (place) => -floorOf(minus(ratio(1, 2), place)),
  round_prefer_ceil: (place) => floorOf(plus(place, ratio(1, 2))),
});
const floorOf = ({ num, den }: Ratio): number => Math.floor(num / den);

/** Exact positions that the cells read; undefined if these depend on more than the stride. Beyond the ends, the last position is repeated. */
function sampling({ mode, coordinates, rounding, antialias }: Resize, stride: Ratio, taps: number, length: Dim): Step | undefined {
  const [shift, round] = [SHIFTS[coordinates]?.(stride), ROUNDINGS[rounding]];
  if (!shift || antialias || (mode === 'nearest' && !round)) return undefined;
  /** First and last position that a cell reads. */
  const read = (cell: number): readonly [number, number] => {
    const place = plus(times(ratio(cell), stride), shift);
    if (mode === 'nearest' && round) return [round(place), round(place)];
    const [below, above] = [floorOf(place), -floorOf(minus(ZERO, place))];
    return [below - (taps - 1), above + (taps - 1)];
  };
  let [start, last]: [Ratio | undefined, Ratio | undefined] = [undefined, undefined];
  for (let cell = 0; cell < stride.den; cell++) {
    const at = times(ratio(cell), stride);
    const [from, to] = read(cell).map((place) => minus(ratio(place), at));
    if (!from || !to) return undefined;
    start = start ? least(start, from) : from;
    last = last ? greatest(last, to) : to;
  }
  if (!start || !last) return undefined;
  /** True if cells of a map of this length read beyond its ends. */
  const clamps = (long: number): boolean => {
    const cells = floorOf(times(ratio(long), inverse(stride)));
    return cells > 0 && (read(0)[0] < 0 || read(cells - 1)[1] > long - 1);
  };
  const from = typeof length === 'number' ? length : stride.num * stride.den;
  const others = Array.from({ length: stride.num }, (_, rest) => from + rest);
  return { start, stride, extent: plus(minus(last, start), ONE), pads: clamps(from), mayPad: others.some(clamps) };
}

/** Conservative step: the coordinate mode and the rounding each shift the sampled position by less than one cell of the coarser map. */
function loosely({ antialias }: Resize, stride: Ratio, taps: number): Step {
  const wide = stride.num > stride.den ? stride : ONE;
  const slack = plus(plus(wide, ratio(taps)), antialias ? ratio(Math.ceil(stride.num / stride.den) * taps) : ZERO);
  return { start: times(ratio(-1), slack), stride, extent: plus(times(ratio(2), slack), ONE), pads: taps > 0 };
}

/** Stride of a resize. A given scale is recovered as the fraction of small integers that its float32 represents; otherwise it is the ratio of the lengths. */
function strideOf({ scales, axes, coordinates }: Resize, axis: number, length: Dim, cells: Dim): Ratio | undefined {
  const scale = scales?.[axes.indexOf(axis)];
  if (scale === undefined || coordinates === 'align_corners')
    return typeof length === 'number' && typeof cells === 'number' ? ratio(length, cells) : undefined;
  const of = fractionOf(scale);
  return of && inverse(of);
}

/** The fraction with the smallest denominator that rounds to the number in single precision; undefined if there is none. */
function fractionOf(number: number): Ratio | undefined {
  for (let den = 1; den <= LARGEST_DENOMINATOR; den++) {
    const num = Math.round(number * den);
    if (num > 0 && Math.fround(num / den) === Math.fround(number)) return ratio(num, den);
  }
  return undefined;
}
const LARGEST_DENOMINATOR = 1024;

function dependsOnSize({ coordinates, isBySize }: Resize, node: Node, { num, den }: Ratio): { readonly depends?: string } {
  if (coordinates === 'align_corners')
    return { depends: 'stretches the map corner to corner (align_corners), by another factor at every size' };
  if (coordinates === 'tf_crop_and_resize')
    return { depends: 'cuts and stretches a part of the map that is given in fractions of its size' };
  if (coordinates === 'half_pixel_symmetric')
    return { depends: 'centres the stretched map (half_pixel_symmetric), elsewhere at every size' };
  const [from, to] = [node.inputs[0]?.type?.shape, node.outputs[0]?.type?.shape];
  return isBySize && num !== 1 && den !== 1 ? { depends: `resizes [${from}] to [${to}], which is not a whole-numbered scale` } : {};
}

/** The step of a window or pointwise read; undefined for any other kind. */
export const stepOf = (reads: Reads): Step | undefined =>
  reads.kind === 'window' ? reads.step : reads.kind === 'point' ? { start: ZERO, stride: ONE, extent: ONE, pads: false } : undefined;

/** Last cell that cell 0 reads. */
export const lastOf = ({ start, extent }: Step): Ratio => minus(plus(start, extent), ONE);

const bias = { weights: [1, 2], family: 'conv' } as const;

export const windows = {
  AveragePool: operator('same', 'a window', pool, {
    family: 'pool',
    torch: poolModule('AvgPool', { counts: true }),
    onIntegers: WINDOW_AVERAGE,
    longSums: 'mean of windows',
  }),
  CenterCropPad: operator('same', 'the place beside it, from the middle', centred, { settings: [1], family: 'view', onIntegers: KEPT }),
  Conv: operator('same', 'a window, all channels of its group', convolution, {
    ...bias,
    torch: convolutionModule(false),
    multiplyAdds: perResult,
    onIntegers: CONVOLVED,
  }),
  ConvInteger: operator('same', 'a window, all channels of its group', convolution, {
    weights: [1],
    family: 'conv',
    multiplyAdds: perResult,
  }),
  ConvTranspose: operator('same', 'a window between cells, all channels of its group', transposedConvolution, {
    ...bias,
    torch: convolutionModule(true),
    multiplyAdds: perOperand,
    onIntegers: CONVOLVED_BACK,
  }),
  DepthToSpace: operator('same', 'channels as places', depthToSpace, { family: 'view', torch: shuffleModule, onIntegers: KEPT }),
  LpPool: operator('same', 'a window', pool, {
    family: 'pool',
    torch: poolModule('LPPool', { first: (node) => `norm_type=${intAttr(node, 'p')}` }),
  }),
  MaxPool: operator('same', 'a window; its second result tells places', pool, {
    family: 'pool',
    torch: poolModule('MaxPool', { dilates: true }),
    onIntegers: KEPT,
  }),
  Pad: operator('same', 'the place beside it', padding, {
    settings: [1, 2, 3],
    weights: [],
    family: 'view',
    torch: padModule,
    onIntegers: KEPT,
  }),
  Resize: operator('same', 'positions around a fraction of its own', stretch, {
    settings: [1, 2, 3],
    weights: [],
    family: 'pool',
    torch: resizeModule,
    onIntegers: SAMPLED,
  }),
  Slice: operator('same', 'every so many places, forwards or backwards', cut, { settings: [1, 2, 3, 4], family: 'view', onIntegers: KEPT }),
  SpaceToDepth: operator('same', 'places as channels', spaceToDepth, { family: 'view', onIntegers: KEPT }),
} satisfies Partial<Record<OnnxOp, Operator>>;
