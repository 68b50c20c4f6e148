/**
 * sink-tokens: keep the rows and columns of a map apart through operators that treat all its positions alike.
 *
 *   Y = Op(Reshape<[N, H*W, C]>(X), ...)                X [N,H,W,C]
 * becomes
 *   Y = Reshape<[N, H*W, C]>(Op'(X, ...))
 *
 * and Transpose<0,2,1>(Reshape<[N,C,H*W]>(X)) becomes Reshape<[N,H*W,C]>(Transpose<0,2,3,1>(X)), and the same for the way back. So the list of positions
 * moves to where it becomes a map again, and both views are dropped; or to the pool of the classifier, which can then tell rows from columns.
 * Op: activations, operators with a constant per channel or between two such lists, MatMul by a matrix, LayerNormalization over the channels. A
 * reduction of one axis whose result loses that axis loses it at once.
 * Numbers: identical.
 * Left alone: operators that mix positions (attention), and operands that differ from position to position.
 */

import { intAttr } from '../src/ir/attrs';
import { isNode } from '../src/ir/match';
import { broadcastingOps, reductionOps, unaryElementwiseOps } from '../src/ir/operator-traits';
import { readNumbers } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { isConst, rankOf } from '../src/ir/types';
import { productOf } from '../src/ir/views';
import type { Builder } from '../src/rewrite/builder';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node, value } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

/** First of the two neighbouring axes of [N, a, b, c] that a Reshape to three axes merges: 1 for [N, a*b, c], 2 for [N, a, b*c]. */
function joins(x: Value | undefined, y: Value | undefined): 1 | 2 | undefined {
  const [from, to] = [x?.type?.shape, y?.type?.shape];
  if (from?.length !== 4 || to?.length !== 3 || from[0] !== to[0]) return undefined;
  const [a, b, c] = from.slice(1);
  if (typeof a !== 'number' || typeof b !== 'number' || typeof c !== 'number') return undefined;
  // A unit axis could be merged with either side; both give the same result.
  if (to[1] === a * b && to[2] === c) return 1;
  return to[1] === a && to[2] === b * c ? 2 : undefined;
}

/** The map behind a list of positions [N, H*W, C]. */
function mapBehind(input: Value | undefined): Value | undefined {
  const producer = input?.producer;
  const [x] = producer?.inputs ?? [];
  return isNode(producer, 'Reshape') && joins(x, input) === 1 ? x : undefined;
}

function list(make: Builder, map: Value, like: Value | undefined): Value {
  const shape = (like?.type?.shape ?? []).map((dim, axis) => (axis === 0 ? 0 : typeof dim === 'number' ? dim : -1));
  return make.op('Reshape', [map, make.int64s('places', shape)]);
}

const listed = node('Reshape', [value('x'), value()], { as: 'view', shared: true });
const isList = ({ view }: { readonly view: Node }): Record<never, never> | undefined => (mapBehind(view.outputs[0]) ? {} : undefined);

/** Moves the Transpose to channels last in front, so that lists have one form. */
const transposed = defineRule({
  name: 'transposed',
  match: node('Transpose', [listed], { as: 'turn', attrs: { perm: [0, 2, 1] } }),
  when: ({ view }) => {
    const kind = joins(view.inputs[0], view.outputs[0]);
    return kind && { perm: kind === 2 ? [0, 2, 3, 1] : [0, 3, 1, 2] };
  },
  build: ({ x, turn }, make, { perm }) => list(make, make.op('Transpose', [x], { perm }), turn.outputs[0]),
});

/** A list that is reshaped to its original map. */
const restored = defineRule({
  name: 'restored',
  match: node('Reshape', [listed, value()], { as: 'back' }),
  when({ view, back }) {
    const [before, after] = [view.inputs[0]?.type?.shape, back.outputs[0]?.type?.shape];
    const same = before?.length === 4 && after?.length === 4 && before.every((dim, axis) => dim === after[axis] && dim !== undefined);
    return same && joins(view.inputs[0], view.outputs[0]) ? {} : undefined;
  },
  build: ({ x }) => x,
});

const unary = defineRule({
  name: 'unary',
  match: node(unaryElementwiseOps, [listed], { as: 'op', moreInputs: true }),
  when: ({ view }) => isList({ view }),
  build: ({ x, op }, make) => list(make, make.op(op.op, [x, ...op.inputs.slice(1)], op.attrs), op.outputs[0]),
});

const matMul = defineRule({
  name: 'matmul',
  match: node('MatMul', [listed, constant('w')], { as: 'op' }),
  when: ({ view, w }) => (w.constant.shape.length === 2 ? isList({ view }) : undefined),
  build: ({ x, w, op }, make) => list(make, make.op('MatMul', [x, w]), op.outputs[0]),
});

const normalisation = defineRule({
  name: 'normalisation',
  match: node(['LayerNormalization', 'RMSNormalization'], [listed], { as: 'op', moreInputs: true }),
  when({ view, op }) {
    const isAlone = op.outputs.slice(1).every((output) => output.uses.length === 0 && !op.graph.isOutput(output));
    return isAlone && [-1, 2].includes(intAttr(op, 'axis')) ? isList({ view }) : undefined;
  },
  build: ({ x, op }, make) =>
    list(make, make.op(op.op, [x, ...op.inputs.slice(1)], new Map(op.attrs).set('axis', { kind: 'int', value: -1 })), op.outputs[0]),
});

const cells = (map: Value): number => productOf(map.type?.shape?.slice(1, 3) ?? []) ?? 0;

/** Broadcasting over lists of the same positions, and constants that are the same for every position. */
const broadcast = defineRule({
  name: 'broadcast',
  match: node(broadcastingOps, [], { as: 'op', moreInputs: true }),
  when({ op }) {
    const maps = op.inputs.map((input) => mapBehind(input));
    const [map] = maps.filter((found): found is Value => found !== undefined).sort((a, b) => cells(b) - cells(a));
    if (!map) return undefined;
    const fits = op.inputs.every((input, slot) => {
      const own = maps[slot]?.type?.shape;
      if (own) return (own[1] === map.type?.shape?.[1] && own[2] === map.type?.shape?.[2]) || (own[1] === 1 && own[2] === 1);
      if (!input) return true;
      const { shape } = input.type ?? {};
      // [C], [1, C], [1, 1, C]: aligned with the channels whether the positions have one axis or two.
      return isConst(input) && shape !== undefined && shape.length <= 3 && shape.slice(0, -1).every((dim) => dim === 1);
    });
    return fits ? { maps } : undefined;
  },
  build: ({ op }, make, { maps }) =>
    list(
      make,
      make.op(
        op.op,
        op.inputs.map((input, slot) => maps[slot] ?? input),
        op.attrs,
      ),
      op.outputs[0],
    ),
});

/** One value per channel for all positions, with which a gate multiplies them; or one per position for all channels, as in norms that are written out. */
const reduced = defineRule({
  name: 'reduced',
  match: node(reductionOps, [listed, constant('axes')], { as: 'op', attrs: { keepdims: 1 } }),
  when({ view, axes }) {
    const [axis, ...more] = readNumbers(axes.constant);
    const isPlaces = axis === 1 || axis === -2;
    const isChannels = axis === 2 || axis === -1;
    return more.length === 0 && (isPlaces || isChannels) && isList({ view }) ? { own: isPlaces ? [1, 2] : [3] } : undefined;
  },
  build: ({ x, op }, make, { own }) => list(make, make.op(op.op, [x, make.int64s(`${op.name}_axes`, own)], op.attrs), op.outputs[0]),
});

/** ReduceMean<keepdims = 1> of a list, whose result then loses the axis. */
const squeezed = defineRule({
  name: 'squeezed',
  match: node(
    ['Squeeze', 'Reshape', 'Flatten'],
    [node(reductionOps, [value('data'), constant('axes')], { as: 'reduction', attrs: { keepdims: 1 } })],
    { as: 'view', moreInputs: true },
  ),
  when({ data, axes, view, reduction }) {
    const [axis, ...more] = readNumbers(axes.constant);
    if (rankOf(data) !== 3 || axis === undefined || more.length > 0) return undefined;
    const kept = reduction.outputs[0]?.type?.shape?.filter((_, at) => at !== (axis + 3) % 3);
    const found = view.outputs[0]?.type?.shape;
    return kept && found?.length === 2 && found.every((dim, at) => dim === kept[at] && dim !== undefined) ? {} : undefined;
  },
  build: ({ data, axes, reduction }, make) =>
    make.op(reduction.op, [data, axes], new Map(reduction.attrs).set('keepdims', { kind: 'int', value: 0 })),
});

export const sinkTokens = defineRulePass({
  name: 'sink-tokens',
  summary: 'keep rows and columns apart where a map is written as a list of places',
  numbers: 'identical',
  rules: [transposed, restored, unary, matMul, normalisation, broadcast, squeezed, reduced],
});
