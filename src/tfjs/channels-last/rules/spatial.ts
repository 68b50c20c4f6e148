/**
 * Windowed operators over maps: written channels-last, in their own domain `nhwc`, so that they are not mistaken for ONNX's.
 *
 *   nhwc.Conv (X [N, H, W, C], W [M, C, kh, kw], B)   -> [N, h, w, M]       attributes and weights as in ONNX
 */

import { table } from '../../../ir/table';
import type { Node } from '../../../ir/types';
import { channelsLast } from '../order';
import type { Relayout } from '../relayout';
import { becomes, input, type Rule, rankOf } from './rule';

/** Operators whose first input and outputs are maps [N, C, ...]; all other inputs are used unchanged. */
const OVER_MAPS = [
  'AveragePool',
  'BatchNormalization',
  'Conv',
  'ConvTranspose',
  'DepthToSpace',
  'GlobalAveragePool',
  'GlobalLpPool',
  'GlobalMaxPool',
  'GroupNormalization',
  'InstanceNormalization',
  'LRN',
  'LpPool',
  'MaxPool',
  'SpaceToDepth',
] as const;

const overMaps: Rule = (node, to) => {
  const rank = rankOf(input(node));
  if (rank === undefined || rank < 2) return false;
  // Only the first output is a map: training statistics of a norm and indices of maxima are not.
  if (node.outputs.slice(1).some((more) => more.name !== '' && (more.uses.length > 0 || to.isOutput(more)))) return false;
  const order = channelsLast(rank);
  return channelsLastNode(node, to, order);
};

function channelsLastNode(node: Node, to: Relayout, order: readonly number[]): true {
  const [x, ...others] = node.inputs;
  return becomes(node, to, [x && to.inOrder(x, order), ...others.map((value) => to.plain(value))], order, { op: `nhwc.${node.op}` });
}

/** A map with two spatial axes; a Resize of anything else is not over maps. */
const resize: Rule = (node, to) => (rankOf(input(node)) === 4 ? channelsLastNode(node, to, channelsLast(4)) : false);

export const spatial: Readonly<Record<string, Rule>> = table({
  ...Object.fromEntries(OVER_MAPS.map((op): [string, Rule] => [op, overMaps])),
  Resize: resize,
});
