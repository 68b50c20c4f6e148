/**
 * fuse-pad: merge a Pad into the layer behind it.
 *
 *   Conv<pads = p>(Pad<zeros q>(X))                      ->  Conv<pads = p + q>(X)
 *   AveragePool<pads = 0>(Pad<zeros q>(X))               ->  AveragePool<pads = q, count_include_pad = 1>(X)
 *   MaxPool<pads = p>(Pad<minus infinity q>(X))          ->  MaxPool<pads = p + q>(X)         also zeros, if X has no negative values
 *
 * Numbers: identical.
 * Left alone: a pool that rounds its size up: a window may begin in the cells of a Pad, but not in the pool's own padding.
 * Zeros in front of another MaxPool, whose own padding is minus infinity: a window of negative values would have another maximum. Pads that
 * crop, reflect, or touch channels; SAME padding, which depends on the size.
 */

import { attributes, intsAttr, stringAttr } from '../src/ir/attrs';
import { isNode, producedBy } from '../src/ir/match';
import { readNumbers } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { padsOf } from '../src/ir/window-attrs';
import { asPool } from '../src/operators/pools';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

const padIntoLayer = defineRule({
  name: 'pad-into-layer',
  match: node(['Conv', 'AveragePool', 'MaxPool'], [node('Pad', [value('x')], { as: 'pad', moreInputs: true })], {
    as: 'layer',
    moreInputs: true,
  }),
  when({ x, pad, layer }) {
    if (stringAttr(pad, 'mode') !== 'constant') return refuse(`it pads by '${stringAttr(pad, 'mode')}'`, pad);
    if (stringAttr(layer, 'auto_pad') !== 'NOTSET') return refuse('its own padding depends on the size', layer);
    const added = spatialPads(pad);
    if (typeof added === 'string') return refuse(added, pad);
    const fill = fillOf(pad);
    const pool = asPool(layer);
    const isMax = pool?.mode === 'max';
    // Zeros never exceed non-negative values.
    const isHarmless = isMax && fill === 0 && isNonNegative(x);
    const wanted = isMax ? Number.NEGATIVE_INFINITY : 0;
    if (fill !== wanted && !isHarmless)
      return refuse(isMax ? `it pads with ${fill}, MaxPool with minus infinity` : `it pads with ${fill}`, pad);
    if (pool?.ceil) return refuse('the pool rounds its size up, where padded cells count otherwise', layer);
    const own = padsOf(layer, added.length / 2);
    if (pool?.mode === 'mean') {
      if (own.some((amount) => amount !== 0)) return refuse('the pool pads as well, which counts otherwise', layer);
      const kernel = intsAttr(layer, 'kernel_shape') ?? [];
      if (added.some((amount, at) => amount >= (kernel[at % kernel.length] ?? 0)))
        return refuse('it pads more than the window of the pool', pad);
    }
    if (isMax) {
      if (layer.outputs.length > 1) return refuse('its indices are read', layer);
      const kernel = intsAttr(layer, 'kernel_shape') ?? [];
      // The runtime does not accept windows that could be entirely in the padding.
      if (own.some((amount, at) => amount + (added[at] ?? 0) >= (kernel[at % kernel.length] ?? 0)))
        return refuse('together they pad more than the window of the pool', pad);
    }
    return { pads: own.map((amount, at) => amount + (added[at] ?? 0)) };
  },
  build({ x, layer }, make, { pads }) {
    const counts = asPool(layer)?.mode === 'mean' ? { count_include_pad: 1 } : {};
    return make.op(layer.op, [x, ...layer.inputs.slice(1)], new Map([...layer.attrs, ...attributes({ pads, ...counts })]));
  },
});

/** Decided by the operator that produced the value. */
function isNonNegative(value: Value): boolean {
  const [, low] = producedBy(value, 'Clip')?.inputs ?? [];
  if (isConst(low)) return (readNumbers(low.constant)[0] ?? -1) >= 0;
  return isNode(value.producer, 'Relu', 'Sigmoid', 'HardSigmoid', 'Exp', 'Abs', 'Softmax');
}

/** [top, left, bottom, right] of the spatial axes, or the reason why the Pad cannot be merged. */
function spatialPads(pad: Node): readonly number[] | string {
  const [data, amounts, , axes] = pad.inputs;
  const rank = data?.type?.shape?.length;
  if (rank === undefined || !isConst(amounts) || (axes && !isConst(axes))) return 'its amounts are computed';
  const numbers = readNumbers(amounts.constant);
  const named = axes
    ? [...readNumbers(axes.constant)].map((axis) => (axis < 0 ? axis + rank : axis))
    : Array.from({ length: rank }, (_, axis) => axis);
  const all = new Array<number>(2 * rank).fill(0);
  for (const [at, axis] of named.entries()) {
    all[axis] = numbers[at] ?? 0;
    all[axis + rank] = numbers[at + named.length] ?? 0;
  }
  if (all.some((amount) => amount < 0)) return 'it crops';
  if ([0, 1, rank, rank + 1].some((at) => all[at] !== 0)) return 'it pads channels or the batch';
  return [...all.slice(2, rank), ...all.slice(rank + 2)];
}

function fillOf(pad: Node): number | undefined {
  const fill = pad.inputs[2];
  return fill === undefined ? 0 : isConst(fill) ? readNumbers(fill.constant)[0] : undefined;
}

export const fusePad = defineRulePass({
  name: 'fuse-pad',
  summary: 'let convolutions and pools pad by themselves',
  numbers: 'identical',
  role: 'folds',
  rules: [padIntoLayer],
});
