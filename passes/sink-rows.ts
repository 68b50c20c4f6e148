/**
 * sink-rows: keep a map whose positions are written as rows of a batch.
 *
 *   Y = Op(Reshape<[-1, C]>(X), ...)                    X [N,H,W,C], or a list of positions [N,T,C]
 * becomes
 *   Y = Reshape<[-1, M]>(Op'(X, ...))
 *
 * Op: fully connected layers, activations, constants per feature, norms along the features. Each works on every row independently, so rows may just as well
 * be positions. The Reshape moves to where the rows become a map again, and both are dropped; or to a Flatten, which then reads the map.
 * Numbers: reordered: a fully connected layer becomes a product of matrices and a sum; identical otherwise.
 * Left alone: operators along the rows.
 */

import { intAttr } from '../src/ir/attrs';
import { sameType } from '../src/ir/graph';
import { producedBy } from '../src/ir/match';
import { broadcastingOps, unaryElementwiseOps } from '../src/ir/operator-traits';
import { elementCount, permuted } from '../src/ir/tensor';
import { isConst, type Value } from '../src/ir/types';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node, optional, value } from '../src/rewrite/pattern';
import { type Builder, defineRule } from '../src/rewrite/rule';

/** The input of a Reshape to two axes that keeps only its last axis. */
function placesBehind(rows: Value | undefined): Value | undefined {
  const [x] = producedBy(rows, 'Reshape')?.inputs ?? [];
  const [from, to] = [x?.type?.shape, rows?.type?.shape];
  if (!x || !from || to?.length !== 2 || from.length < 3) return undefined;
  const isKept = typeof to[1] === 'number' && from[from.length - 1] === to[1];
  // [N, 1, .., 1, C] is a vector, which other passes handle.
  return isKept && from.slice(1, -1).some((dim) => dim !== 1) ? x : undefined;
}

const asRows = (make: Builder, places: Value, features: number): Value => make.op('Reshape', [places, make.int64s('rows', [-1, features])]);
const listed = node('Reshape', [value('x'), value()], { as: 'view', shared: true });
const featuresOf = (result: Value | undefined): number | undefined => {
  const features = result?.type?.shape?.length === 2 ? result.type.shape[1] : undefined;
  return typeof features === 'number' ? features : undefined;
};

const gemm = defineRule({
  name: 'gemm',
  match: node('Gemm', [listed, constant('w'), optional(constant('b'))], { as: 'op', attrs: { alpha: 1, beta: 1, transA: 0 } }),
  when({ view, op }) {
    const features = featuresOf(op.outputs[0]);
    return placesBehind(view.outputs[0]) && features !== undefined ? { features } : undefined;
  },
  build({ x, w, b, op }, make, { features }) {
    const matrix = intAttr(op, 'transB') === 0 ? w : make.constant(`${w.name}_turned`, permuted(w.constant, [1, 0]));
    const product = make.op('MatMul', [x, matrix]);
    return asRows(make, b ? make.op('Add', [product, b]) : product, features);
  },
});

const matMul = defineRule({
  name: 'matmul',
  match: node('MatMul', [listed, constant('w')], { as: 'op' }),
  when({ view, w, op }) {
    const features = featuresOf(op.outputs[0]);
    return placesBehind(view.outputs[0]) && w.constant.shape.length === 2 && features !== undefined ? { features } : undefined;
  },
  build: ({ x, w }, make, { features }) => asRows(make, make.op('MatMul', [x, w]), features),
});

const unary = defineRule({
  name: 'unary',
  match: node(unaryElementwiseOps, [listed], { as: 'op', moreInputs: true }),
  when({ view, op }) {
    const features = featuresOf(op.outputs[0]);
    return placesBehind(view.outputs[0]) && features !== undefined ? { features } : undefined;
  },
  build: ({ x, op }, make, { features }) => asRows(make, make.op(op.op, [x, ...op.inputs.slice(1)], op.attrs), features),
});

/** Broadcasting over lists of the same positions, and constants that are the same for each position. */
const broadcast = defineRule({
  name: 'broadcast',
  match: node(broadcastingOps, [], { as: 'op', moreInputs: true }),
  when({ op }) {
    const places = op.inputs.map((input) => placesBehind(input));
    const [first] = places.filter((place) => place !== undefined);
    const features = featuresOf(op.outputs[0]);
    if (!first || features === undefined) return undefined;
    const lead = first.type?.shape?.slice(0, -1).join();
    const fits = op.inputs.every((input, slot) => {
      const place = places[slot];
      if (place) return place.type?.shape?.slice(0, -1).join() === lead;
      if (!input || !isConst(input)) return input === undefined;
      const { shape } = input.constant;
      return shape.length <= 2 && elementCount(shape) === (shape[shape.length - 1] ?? 1);
    });
    return fits ? { places, features } : undefined;
  },
  build: ({ op }, make, { places, features }) =>
    asRows(
      make,
      make.op(
        op.op,
        op.inputs.map((input, slot) => places[slot] ?? input),
        op.attrs,
      ),
      features,
    ),
});

const normalisation = defineRule({
  name: 'normalisation',
  match: node(['LayerNormalization', 'RMSNormalization', 'Softmax', 'LogSoftmax', 'Hardmax', 'LpNormalization'], [listed], {
    as: 'op',
    moreInputs: true,
  }),
  when({ view, op }) {
    const features = featuresOf(op.outputs[0]);
    const isAlong = [-1, 1].includes(intAttr(op, 'axis')) && op.outputs.length === 1;
    return isAlong && placesBehind(view.outputs[0]) && features !== undefined ? { features } : undefined;
  },
  build: ({ x, op }, make, { features }) =>
    asRows(make, make.op(op.op, [x, ...op.inputs.slice(1)], new Map(op.attrs).set('axis', { kind: 'int', value: -1 })), features),
});

/** Rows that are reshaped to their original positions. */
const restored = defineRule({
  name: 'restored',
  match: node('Reshape', [listed, value()], { as: 'back' }),
  when: ({ x, view, back }) => (placesBehind(view.outputs[0]) && sameType(x.type, back.outputs[0]?.type) ? {} : undefined),
  build: ({ x }) => x,
});

export const sinkRows = defineRulePass({
  name: 'sink-rows',
  summary: 'keep a map a map where its places are written as rows of a batch',
  numbers: 'reordered',
  rules: [restored, gemm, matMul, unary, broadcast, normalisation],
});
