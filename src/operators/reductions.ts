/**
 * Operators that combine values along axes: reductions, norms, softmax, pools over whole maps. Also operators that run along an axis in order or pick
 * from it.
 */
import type { OnnxOp } from '../ir/operators';
import type { Node } from '../ir/types';
import { asAxis } from './axes';
import { asNorm } from './norm';
import { adaptiveModule, alongAxis, channelNorm, groupNorm, layerNorm, meanOverMap } from './notation';
import { AFFINE, AVERAGE, KEPT, TOTAL } from './on-integers';
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

const overPlaces = (facets: Facets = {}): Operator =>
  operator('same', 'all places together', (_, axis) => (axis < 2 ? POINT : TOGETHER), { family: 'pool', ...facets });
const TOGETHER_ALONG = 'all along its axes together';
const reduction = (facets: Facets = {}): Operator =>
  operator('reduced', TOGETHER_ALONG, reduced, { settings: [1], family: 'pool', ...facets });
const norm = (facets: Facets = {}): Operator =>
  operator('same', TOGETHER_ALONG, normalised, { weights: [1, 2], family: 'norm', ...facets });
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
  BatchNormalization: norm({ torch: channelNorm('BatchNorm'), onIntegers: AFFINE }),
  CumProd: inOrder,
  CumSum: inOrder,
  GlobalAveragePool: overPlaces({
    torch: adaptiveModule('AdaptiveAvgPool'),
    onIntegers: AVERAGE,
    longSums: 'mean of map',
  }),
  GlobalLpPool: overPlaces(),
  GlobalMaxPool: overPlaces({ torch: adaptiveModule('AdaptiveMaxPool'), onIntegers: KEPT }),
  GroupNormalization: norm({ torch: groupNorm, longSums: 'per group' }),
  Hardmax: softmax({ family: 'activation' }),
  InstanceNormalization: norm({ torch: channelNorm('InstanceNorm'), longSums: 'per channel' }),
  LayerNormalization: norm({ torch: layerNorm('LayerNorm'), longSums: 'over last axes' }),
  LogSoftmax: softmax({ family: 'activation', torch: alongAxis('LogSoftmax') }),
  LpNormalization: softmax({ family: 'norm' }),
  MeanVarianceNormalization: norm({ weights: undefined }),
  RMSNormalization: norm({ weights: [1], torch: layerNorm('RMSNorm'), longSums: 'squares over last axes' }),
  ReduceL1: reduction({ longSums: 'reduced' }),
  ReduceL2: reduction({ longSums: 'reduced' }),
  ReduceLogSum: reduction(),
  ReduceLogSumExp: reduction(),
  ReduceMax: reduction({ onIntegers: KEPT }),
  ReduceMean: reduction({ torch: meanOverMap, onIntegers: AVERAGE, longSums: 'reduced' }),
  ReduceMin: reduction({ onIntegers: KEPT }),
  ReduceProd: reduction(),
  ReduceSum: reduction({ onIntegers: TOTAL, longSums: 'reduced' }),
  ReduceSumSquare: reduction({ longSums: 'reduced' }),
  ReverseSequence: operator('same', 'a part turned around', () => ({ kind: 'in order', why: 'turns a part of the map around' }), {
    settings: [1],
  }),
  Softmax: softmax({ family: 'activation', torch: alongAxis('Softmax') }),
  TopK: operator('same', 'all along its axis, sorted; tells places', along({ kind: 'picks', why: 'returns places of the map' }), {
    settings: [1],
    weights: [],
  }),
} satisfies Partial<Record<OnnxOp, Operator>>;
