/**
 * Averages over windows of a finer map, expressed by operators that runtimes support.
 *
 * ONNX Runtime (1.30, measured at every opset from 10 on): an average that excludes padding divides by the number of map cells in its window; one that counts
 * padding divides by these plus the cells of explicit padding, but never by cells added by rounding up. Dilated averages exist from opset 19 on and follow
 * the same rule; before that, they are expressed by a depthwise convolution with equal weights, or, if the number of cells per window varies, by a sum
 * divided by a count.
 */
import { intAttr } from '../../src/ir/attrs';
import { computedTensor, elementCount, fromNumbers, int64s } from '../../src/ir/tensor';
import type { Node, Value } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';
import { at, type PerAxis } from './density';
import { because, type Refusal } from './kinds';
import { noPads, type Pads, padded, padsOf, sideOf } from './window';

export interface AverageWindow {
  readonly kernel: PerAxis;
  readonly strides: PerAxis;
  readonly dilations: PerAxis;
  /** Front and back, in cells of the map; or the amounts of a Pad, if they depend on the size. */
  readonly pads: Pads | Value;
  /** Part of the padding at the back that comes from rounding up. */
  readonly hanging: PerAxis;
}

export interface AverageMap {
  readonly x: Value;
  readonly channels: number;
  /** A map of one channel: one where x has a cell, zero where it has none, after padding x by `pads`. */
  readonly ones: (make: Builder, x: Value, pads: Pads | undefined) => Value;
  /** True if x has positions that are not cells: they contain zeros. */
  readonly hasGaps: boolean;
  /** True if the runtime supports dilated averages. */
  readonly dilates: boolean;
}

/** The number of channels of a pooled map. */
export function channelsOf(x: Value): number | Refusal {
  const channels = x.type?.shape?.[1];
  return typeof channels === 'number' ? channels : because('its number of channels is not known');
}

/** Replacement of the AveragePool `node` that reads another map through another window. */
export function averageOver(make: Builder, node: Node, map: AverageMap, window: AverageWindow): Value {
  const counts = intAttr(node, 'count_include_pad') !== 0;
  const { pads, hanging } = window;
  if (!isPads(pads)) {
    const x = padded(make, map.x, pads, 0);
    const none = noPads(window.kernel);
    if (counts) return mean(make, { ...map, x, hasGaps: false }, window, none);
    const ones = padded(make, map.ones(make, map.x, undefined), pads, 0);
    return make.op('Div', [summed(make, x, map.channels, window, none, 1), summed(make, ones, 1, window, none, 1)]);
  }
  const written = padsOf(window.kernel, (axis, side) => sideOf(pads, axis, side) - (side === 'back' ? at(hanging, axis) : 0));
  if (!counts || written.every((amount) => amount === 0)) return overCells(make, map, window, pads);
  if (hanging.every((amount) => amount === 0)) {
    const pooled = !map.hasGaps && poolOf(make, map, window, pads, 1);
    return pooled || summed(make, map.x, map.channels, window, pads, 1 / sizeOf(window));
  }
  // From here on explicit padding counts as cells; what comes from rounding up does not.
  const x = padded(make, map.x, written, 0);
  const ones: AverageMap['ones'] = (builder, wider) => map.ones(builder, wider, written);
  return overCells(
    make,
    { ...map, x, ones },
    window,
    padsOf(window.kernel, (axis, side) => (side === 'back' ? at(hanging, axis) : 0)),
  );
}

/** Average over the cells of the map only. */
function overCells(make: Builder, map: AverageMap, window: AverageWindow, pads: Pads): Value {
  const isWhole = pads.every((amount) => amount === 0);
  if (isWhole && !map.hasGaps) return mean(make, map, window, noPads(window.kernel));
  const pooled = !map.hasGaps && poolOf(make, map, window, pads, 0);
  if (pooled) return pooled;
  const ones = map.ones(make, map.x, undefined);
  return make.op('Div', [summed(make, map.x, map.channels, window, pads, 1), summed(make, ones, 1, window, pads, 1)]);
}

/** Average over windows without missing cells. */
const mean = (make: Builder, map: AverageMap, window: AverageWindow, pads: Pads): Value =>
  poolOf(make, map, window, pads, 0) ?? summed(make, map.x, map.channels, window, pads, 1 / sizeOf(window));

/** An AveragePool, if the runtime supports it: it requires less padding than window, dilated or not. */
function poolOf(make: Builder, map: AverageMap, window: AverageWindow, pads: Pads, counts: 0 | 1): Value | undefined {
  const { kernel, strides, dilations } = window;
  const isDilated = dilations.some((gap) => gap !== 1);
  if ((isDilated && !map.dilates) || pads.some((amount, index) => amount >= (kernel[index % kernel.length] ?? 1))) return undefined;
  const attrs = { kernel_shape: kernel, strides, pads, ...(isDilated && { dilations }), ...(counts === 1 && { count_include_pad: 1 }) };
  return make.op('AveragePool', [map.x], attrs);
}

/** Sum over the cells of each window, times `share`. */
function summed(
  make: Builder,
  x: Value,
  channels: number,
  { kernel, strides, dilations }: AverageWindow,
  pads: Pads,
  share: number,
): Value {
  const weight = computedTensor(x.type?.dtype ?? 'float', [channels, 1, ...kernel], () =>
    new Float64Array(channels * elementCount(kernel)).fill(share),
  );
  return make.op('Conv', [x, make.constant('window', weight)], { kernel_shape: kernel, strides, dilations, pads, group: channels });
}

/** [1, 1, h, w] of ones, for a map of h x w. */
export function onesOf(make: Builder, x: Value): Value {
  const rank = x.type?.shape?.length ?? 4;
  const places = make.op('Shape', [x], { start: 2, end: rank });
  const shape = make.op('Concat', [make.constant('one_map', int64s([1, 1])), places], { axis: 0 });
  return make.op('Expand', [
    make.constant(
      'one',
      fromNumbers(
        x.type?.dtype ?? 'float',
        Array.from({ length: rank }, () => 1),
        [1],
      ),
    ),
    shape,
  ]);
}

const sizeOf = ({ kernel }: AverageWindow): number => elementCount(kernel);
const isPads = (pads: Pads | Value): pads is Pads => Array.isArray(pads);
