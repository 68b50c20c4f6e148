/**
 * Operators that combine values along axes: reductions, norms, softmax, pools over whole maps. Also operators that run along an axis in order or pick
 * from it.
 */
import type { OnnxOp } from '../ir/operators';
import type { Node } from '../ir/types';
import { asAxis } from './axes';
import { asNorm } from './norm';
import { adaptiveModule, alongAxis, channelNorm, groupNorm, layerNorm, meanOverMap } from './notation';
import { type Facets, type Operator, operator, POINT, type Reads, TOGETHER } from './operator';
import { asReduce } from './reduce';

const rankOf = (node: Node): number | undefined => node.inputs[0]?.type?.shape?.length;
const notKnown = (why: string): Reads => ({ kind: 'unknown', why });

function reduced(node: Node, axis: number): Reads {
  const own = asReduce(node);
  if (!own) return notKnown('reduces axes that are computed');
  return own.axes.includes(axis) ? TOGETHER : POINT;
}

function normalised(node: Node, axis: number): Reads {
  const own = asNorm(node);
  if (!own) return notKnown('normalises a value of unknown rank');
  return own.axes.includes(axis) ? TOGETHER : POINT;
}

/** Applies along the node's own axis only. */
const along =
  (reads: Reads) =>
  (node: Node, axis: number): Reads => {
    const rank = rankOf(node);
    const own = rank === undefined ? undefined : asAxis(node, rank);
    return own === undefined ? notKnown('works along an axis that is computed') : own === axis ? reads : POINT;
  };

const overPlaces = (torch?: Operator['torch']): Operator =>
  operator('same', 'all places together', (_, axis) => (axis < 2 ? POINT : TOGETHER), { family: 'pool', torch });
const TOGETHER_ALONG = 'all along its axes together';
const reduction = (torch?: Operator['torch']): Operator =>
  operator('reduced', TOGETHER_ALONG, reduced, { settings: [1], family: 'pool', torch });
const norm = (torch?: Operator['torch'], weights: readonly number[] = [1, 2]): Operator =>
  operator('same', TOGETHER_ALONG, normalised, { weights, family: 'norm', torch });
const softmax = (facets: Facets = {}): Operator => operator('same', 'all along its axis together', along(TOGETHER), facets);
const inOrder = operator(
  'same',
  'all before it along its axis, in order',
  along({ kind: 'in order', why: 'runs along the rows or columns of the image one after the other' }),
  { settings: [1] },
);
const extreme = operator('reduced', 'all along its axis; tells a place', (node, axis) =>
  asReduce(node)?.axes.includes(axis) ? { kind: 'picks', why: 'returns places of the map' } : POINT,
);

export const reductions = {
  ArgMax: extreme,
  ArgMin: extreme,
  BatchNormalization: norm(channelNorm('BatchNorm')),
  CumProd: inOrder,
  CumSum: inOrder,
  GlobalAveragePool: overPlaces(adaptiveModule('AdaptiveAvgPool')),
  GlobalLpPool: overPlaces(),
  GlobalMaxPool: overPlaces(adaptiveModule('AdaptiveMaxPool')),
  GroupNormalization: norm(groupNorm),
  Hardmax: softmax({ family: 'activation' }),
  InstanceNormalization: norm(channelNorm('InstanceNorm')),
  LayerNormalization: norm(layerNorm('LayerNorm')),
  LogSoftmax: softmax({ family: 'activation', torch: alongAxis('LogSoftmax') }),
  LpNormalization: softmax({ family: 'norm' }),
  MeanVarianceNormalization: operator('same', TOGETHER_ALONG, normalised, { family: 'norm' }),
  RMSNormalization: norm(layerNorm('RMSNorm'), [1]),
  ReduceL1: reduction(),
  ReduceL2: reduction(),
  ReduceLogSum: reduction(),
  ReduceLogSumExp: reduction(),
  ReduceMax: reduction(),
  ReduceMean: reduction(meanOverMap),
  ReduceMin: reduction(),
  ReduceProd: reduction(),
  ReduceSum: reduction(),
  ReduceSumSquare: reduction(),
  ReverseSequence: operator('same', 'a part turned around', () => ({ kind: 'in order', why: 'turns a part of the map around' }), {
    settings: [1],
  }),
  Softmax: softmax({ family: 'activation', torch: alongAxis('Softmax') }),
  TopK: operator('same', 'all along its axis, sorted; tells places', along({ kind: 'picks', why: 'returns places of the map' }), {
    settings: [1],
    weights: [],
  }),
} satisfies Partial<Record<OnnxOp, Operator>>;
