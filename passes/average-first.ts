/**
 * average-first: average, then apply the affine layer to the few cells that remain.
 *
 *   Pool(Op(X))                                         Op affine at each position: 1x1 convolution, batch normalisation, per-channel scale and shift
 * becomes
 *   Op(Pool(X))
 *
 * An average commutes with an affine map, so this is exact for GlobalAveragePool, for AveragePool whose windows contain only real cells (no padding, or
 * padding that is not counted), and for ReduceMean over rows and columns. A classifier over a map of h x w cells then needs 1/(h w) of the multiply-adds,
 * DenseNet's transition layers a quarter. Zero padding that counts (count_include_pad) would scale the bias, so Op must not have one.
 * Numbers: reordered.
 * Left alone: Op whose result has another reader; pools that would see more channels after the move than before at no gain.
 */

import { affineOperand } from '../src/analysis/maps/affine';
import { intAttr, stringAttr } from '../src/ir/attrs';
import { wrapAxis } from '../src/ir/axis';
import { hasMapRank } from '../src/ir/axis-roles';
import { isNode } from '../src/ir/match';
import { readNumbers } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { productOf } from '../src/ir/views';
import { isPadded } from '../src/ir/window-attrs';
import { asConv } from '../src/operators/layers';
import { asPool } from '../src/operators/pools';
import { defineRulePass } from '../src/rewrite/pass';
import { node } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

const poolAfterAffine = defineRule({
  name: 'pool-after-affine',
  match: node(['GlobalAveragePool', 'AveragePool', 'ReduceMean'], [], { as: 'pool', moreInputs: true }),
  when({ pool }) {
    const [map] = pool.inputs;
    const affine = map?.producer;
    const operand = affine && affineOperand(affine);
    if (!map || !affine || !operand || !averages(pool)) return undefined;
    if (!affine.graph.isPrivateTo(map, pool)) return refuse(`'${map.name}' has another reader`, affine);
    if (countsPadding(pool) && !isLinear(affine)) return refuse('the pool counts its zero padding, which the layer would shift', pool);
    const [before, after] = [cells(map), cells(pool.outputs[0])];
    if (before === undefined || after === undefined) return undefined;
    // The layer runs on fewer cells, but the pool over other channels: the move must save more than it costs.
    const channels = (value: Value): number => (typeof value.type?.shape?.[1] === 'number' ? value.type.shape[1] : 0);
    if (!asConv(affine))
      return after < before && channels(operand.value) <= channels(map) ? { affine, slot: operand.slot, x: operand.value } : undefined;
    const saved = (before - after) * channels(map) * channels(operand.value);
    const added = before * (channels(operand.value) - channels(map));
    return saved > added ? { affine, slot: operand.slot, x: operand.value } : undefined;
  },
  build({ pool }, make, { affine, slot, x }) {
    const pooled = make.op(pool.op, [x, ...pool.inputs.slice(1)], pool.attrs);
    return make.op(
      affine.op,
      affine.inputs.map((input, at) => (at === slot ? pooled : input)),
      affine.attrs,
    );
  },
});

const cells = (value: Value | undefined): number | undefined => productOf(value?.type?.shape?.slice(2) ?? [undefined]);

/** Whether each output is a mean of input cells along spatial axes that are kept. */
function averages(pool: Node): boolean {
  if (!isNode(pool, 'ReduceMean')) return stringAttr(pool, 'auto_pad') === 'NOTSET';
  const axes = pool.inputs[1]?.constant;
  const rank = pool.inputs[0]?.type?.shape?.length ?? 0;
  return (
    intAttr(pool, 'keepdims') !== 0 &&
    axes !== undefined &&
    hasMapRank(pool.inputs[0], pool.graph) &&
    [...readNumbers(axes)].every((axis) => wrapAxis(axis, rank) >= 2)
  );
}

/** Whether cells outside the map may count: zero padding, or positions that the pool reaches by rounding up. */
const countsPadding = (pool: Node): boolean => {
  const own = asPool(pool);
  return own?.countsPadding === true && (own.ceil || isPadded(pool));
};

/** Whether there is no constant part, so that zero stays zero. */
const isLinear = (affine: Node): boolean => {
  const conv = asConv(affine);
  return conv ? conv.bias === undefined : isNode(affine, 'Mul', 'Div');
};

export const averageFirst = defineRulePass({
  name: 'average-first',
  summary: 'move averages in front of the affine layer that precedes them',
  numbers: 'reordered',
  rules: [poolAfterAffine],
});
