/**
 * flatten-to-channels: move the positions of a window into channels, if the next operator treats each of them differently.
 *
 *   Op(Flatten<axis=1>(X))                              X [N,C,h,w] of several cells, Op a scale per feature, a norm, a softmax ...
 * becomes
 *   Op(Flatten<axis=1>(Conv<group = C>(X, E)))          E [C*h*w,1,h,w], a one at the position of each feature, zeros elsewhere
 *
 * The convolution copies element (c, y, x) of each window into channel (c*h + y)*w + x, the order of Flatten, so the map has one cell at the original
 * size and `sink-flatten` can continue. Channels-last maps are transposed to channels first, and their channels are put in the order that Flatten had.
 * Costs h*w products per copied element; `fold-network-in-network` merges them into the next layer if that is cheaper.
 * Numbers: identical (one product by 1; the others are zeros).
 * Left alone: flattened maps that become maps again; elementwise operators and fully connected layers, which have their own passes.
 */

import { axisRolesOf, cellsIn, hasMapRank, isChannelsFirst, mapAxes } from '../src/ir/axis-roles';
import { broadcastingOps, reductionOps } from '../src/ir/operator-traits';
import { sizeText } from '../src/ir/spatial';
import { computedTensor, elementCount } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { flattenedMap } from '../src/ir/views';
import { defineRulePass } from '../src/rewrite/pass';
import { node } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

/** Limit for the elements of a kernel: above it, the kernel would be larger than most networks. */
const MOST = 2 ** 25;

const perFeature = defineRule({
  name: 'per-feature',
  outputs: 'all',
  match: node(
    [
      'BatchNormalization',
      'LayerNormalization',
      'RMSNormalization',
      'Softmax',
      'LogSoftmax',
      'LpNormalization',
      'Slice',
      'Split',
      'Gather',
      ...reductionOps,
      ...broadcastingOps,
    ],
    [],
    { as: 'op', moreInputs: true },
  ),
  when({ op }) {
    const maps = op.inputs.map((input) => severalCells(input));
    const [map] = maps.filter((found): found is Value => found !== undefined);
    if (!map || !tellsApart(op) || becomesMap(op)) return undefined;
    const axes = mapAxes(map, axisRolesOf(op.graph));
    if (!axes) return refuse('it is not known which axes of the flattened value are channels, and which are places', map);
    const { channels, places } = axes.shape;
    const cells = cellsIn(axes);
    if (channels * cells ** 2 > MOST) return refuse(`${channels * cells} features would each need a filter of ${sizeText(places)}`, op);
    return { maps };
  },
  build({ op }, make, { maps }) {
    const roles = axisRolesOf(op.graph);
    const inputs = op.inputs.map((input, slot) => {
      const map = maps[slot];
      const axes = map && mapAxes(map, roles);
      if (!axes) return input;
      const { channels, places } = axes.shape;
      const cells = cellsIn(axes);
      const ones = computedTensor(map.type?.dtype ?? 'float', [channels * cells, 1, ...places], () => {
        const kernel = new Float64Array(channels * cells * cells);
        for (let feature = 0; feature < channels * cells; feature++) kernel[feature * cells + (feature % cells)] = 1;
        return kernel;
      });
      const source = isChannelsFirst(axes) ? map : make.op('Transpose', [map], { perm: axes.toChannelsFirst });
      const spread = make.op('Conv', [source, make.constant(`${op.name}_places`, ones)], {
        kernel_shape: places,
        group: channels,
      });
      const ordered = isChannelsFirst(axes)
        ? spread
        : make.op('Gather', [spread, make.int64s(`${op.name}_order`, orderOf(map, axes.toChannelsFirst))], { axis: 1 });
      return make.op('Flatten', [ordered], { axis: 1 });
    });
    return make.ops(op.op, inputs, op.attrs, op.outputs.length);
  },
});

/** The map of several cells behind a Flatten. */
function severalCells(input: Value | undefined): Value | undefined {
  const producer = input?.producer;
  const [map] = producer?.inputs ?? [];
  const shape = map?.type?.shape;
  if (!producer || !flattenedMap(producer) || !shape || !hasMapRank(map, producer.graph)) return undefined;
  const sizes = shape.slice(1);
  return sizes.every((dim) => typeof dim === 'number') && sizes.filter((dim) => dim !== 1).length > 1 ? map : undefined;
}

/** Whether features are treated differently; for a broadcasting operator, only if a constant has a value per feature. */
const tellsApart = (op: Node): boolean =>
  !broadcastingOps.includes(op.op) || op.inputs.some((input) => isConst(input) && elementCount(input.constant.shape) > 1);

/** Whether a later value has more axes than [N, features] again: then the node does not belong to a classifier. */
function becomesMap(op: Node): boolean {
  const seen = new Set<Node>([op]);
  for (const at of seen)
    for (const output of at.outputs) {
      if ((output.type?.shape?.length ?? 2) > 2) return true;
      for (const { user } of output.uses) seen.add(user);
    }
  return false;
}

/** For each feature in the order of Flatten over the map's own axes, its channel in channels-first order. */
function orderOf(map: Value, toChannelsFirst: readonly number[]): number[] {
  const sizes = (map.type?.shape ?? []).slice(1).map(Number);
  const order = toChannelsFirst.slice(1).map((axis) => axis - 1);
  return Array.from({ length: elementCount(sizes) }, (_, feature) => {
    const place: number[] = [];
    for (let axis = sizes.length - 1, rest = feature; axis >= 0; axis--) {
      place[axis] = rest % (sizes[axis] ?? 1);
      rest = Math.floor(rest / (sizes[axis] ?? 1));
    }
    return order.reduce((channel, axis) => channel * (sizes[axis] ?? 1) + (place[axis] ?? 0), 0);
  });
}

export const flattenToChannels = defineRulePass({
  name: 'flatten-to-channels',
  summary: 'give each number of a window a channel of its own, where what follows tells them apart',
  numbers: 'identical',
  rules: [perFeature],
});
