/**
 * normalise-linear: one form for a fully connected layer.
 *
 *   MatMul(X, W) (+ B)                                  X [N,K]  W [K,M]
 *   alpha * op(X) op(W) + beta * B                      op: transposed or not
 *   Einsum<"nk,mk->nm">(X, W), MatMul(W, Transpose(X)), MatMul(W, x) of one column x [K,1]
 * becomes
 *   Y = Gemm<transB unchanged>(X, alpha * W, beta * B)  B [M], one value per output
 *
 * The weight keeps its bytes unless alpha is not 1. A transposed X becomes a Transpose in front.
 * A bias times 0 is dropped.
 * Numbers: rounding if alpha or beta is not 1 (each product is rounded once, in advance); identical otherwise.
 * Left alone: a weight that is computed; a bias that differs from row to row of the batch; MatMul of more than two axes.
 */

import { floatAttr, intAttr, stringAttr } from '../src/ir/attrs';
import { permOf } from '../src/ir/axis';
import { scaledAlong } from '../src/ir/linear-algebra';
import { isNode, producedBy } from '../src/ir/match';
import { elementCount, fromNumbers, isFloatType, permuted, readNumbers } from '../src/ir/tensor';
import type { ConstValue, Node, Tensor, Value } from '../src/ir/types';
import { isConst, rankOf } from '../src/ir/types';
import { asProduct } from '../src/operators/layers';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node, value } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

const matMulAdd = defineRule({
  name: 'matmul-add',
  match: node('Add', [node('MatMul', [value('x'), constant('w')]), constant('b')], { commutative: true }),
  when({ x, w, b }) {
    if (rankOf(x) !== 2 || w.constant.shape.length !== 2) return undefined;
    const bias = biasPerOutput(b, outputsOf(w, 0));
    return bias ? { bias } : refuse('the bias is not one number per output', b);
  },
  build: ({ x, w, b }, make, { bias }) => make.op('Gemm', [x, w, sameOr(b, bias, make)]),
});

const matMul = defineRule({
  name: 'matmul',
  match: node('MatMul', [value('x'), constant('w')], { as: 'matmul' }),
  // If an Add follows that can become the bias, the rule that includes it must come first.
  when: ({ x, w, matmul }) => (rankOf(x) === 2 && w.constant.shape.length === 2 && !feedsBias(matmul) ? {} : undefined),
  build: ({ x, w }, make) => make.op('Gemm', [x, w]),
});

/** Transpose(DequantizeLinear(Q)): the integers are transposed instead. */
const turnedWeight = defineRule({
  name: 'turned-weight',
  match: node('Transpose', [node('DequantizeLinear', [constant('q')], { as: 'weight', moreInputs: true, shared: true })], { as: 'turn' }),
  when({ q, weight, turn }) {
    const perm = permOf(turn, q.constant.shape.length);
    if (intAttr(weight, 'block_size') !== 0) return undefined;
    const axis = intAttr(weight, 'axis');
    return { perm, axis: perm.indexOf(axis < 0 ? axis + perm.length : axis) };
  },
  build: ({ q, weight }, make, { perm, axis }) =>
    make.op('DequantizeLinear', [make.constant(`${q.name}_turned`, permuted(q.constant, perm)), ...weight.inputs.slice(1)], {
      axis: weight.inputs[1]?.type?.shape?.length === 1 ? axis : undefined,
    }),
});

/** A weight with few bits. */
const quantisedMatMul = defineRule({
  name: 'quantised-matmul',
  match: node('MatMul', [value('x'), node('DequantizeLinear', [constant('q')], { as: 'weight', moreInputs: true, shared: true })]),
  when: ({ x, q }) => (rankOf(x) === 2 && q.constant.shape.length === 2 ? {} : undefined),
  build: ({ x, weight }, make) => make.op('Gemm', [x, weight.outputs[0]]),
});

const quantisedBias = defineRule({
  name: 'quantised-bias',
  match: node(
    'Add',
    [
      node('Gemm', [value('x'), value('w')], { as: 'gemm' }),
      node('DequantizeLinear', [constant('numbers')], { as: 'bias', moreInputs: true, shared: true }),
    ],
    { commutative: true },
  ),
  when({ gemm, numbers }) {
    const outputs = gemm.outputs[0]?.type?.shape?.[1];
    return numbers.constant.shape.length === 1 && numbers.constant.shape[0] === outputs ? {} : undefined;
  },
  build: ({ x, w, gemm, bias }, make) => make.op('Gemm', [x, w, bias.outputs[0]], gemm.attrs),
});

const scaledGemm = defineRule({
  name: 'gemm',
  match: node('Gemm', [value('x'), constant('w')], { as: 'gemm', moreInputs: true }),
  when({ gemm, w }) {
    const alpha = floatAttr(gemm, 'alpha');
    const beta = floatAttr(gemm, 'beta');
    const given = gemm.inputs[2];
    // Ignored if beta is 0, as in BLAS, where 0 * NaN is not NaN.
    const bias = beta === 0 ? undefined : given;
    const transA = intAttr(gemm, 'transA') !== 0;
    if (bias && !bias.constant) return refuse('its bias is computed', gemm);
    const outputs = outputsOf(w, intAttr(gemm, 'transB'));
    const perOutput = bias?.constant && biasPerOutput(bias, outputs, beta);
    if (bias && !perOutput) return refuse('the bias is not one number per output', gemm);
    const plainBias = !given || (beta === 1 && given.constant?.shape.length === 1 && given.constant.shape[0] === outputs);
    if (alpha === 1 && !transA && plainBias) return undefined;
    if (!isFloatType(w.constant.dtype)) return refuse(`its weight is of type ${w.constant.dtype}`, gemm);
    return { alpha, transA, perOutput };
  },
  build({ x, w, gemm }, make, { alpha, transA, perOutput }) {
    const data = transA ? make.op('Transpose', [x], { perm: [1, 0] }) : x;
    const weight = alpha === 1 ? w : make.constant(`${w.name}_scaled`, scaled(w.constant, alpha));
    const bias = perOutput && make.constant(`${gemm.inputs[2]?.name ?? gemm.name}_bias`, perOutput);
    return make.op('Gemm', [data, weight, bias], { transB: intAttr(gemm, 'transB') || undefined });
  },
});

/** W x, with columns as rows: the transposed vector is the input of the Transpose in front. */
const matMulFromLeft = defineRule({
  name: 'matmul-from-left',
  match: node('MatMul', [constant('w'), node('Transpose', [value('x')], { as: 'turn' })]),
  when: ({ x, w, turn }) => (rankOf(x) === 2 && w.constant.shape.length === 2 && permOf(turn, 2)[0] === 1 ? {} : undefined),
  build: ({ x, w }, make) => make.op('Transpose', [make.op('Gemm', [x, w], { transB: 1 })], { perm: [1, 0] }),
});

/** W x, or Gemm(W, x): the single image of a batch as a column is a transposed row. */
const columnFromLeft = defineRule({
  name: 'column-from-left',
  match: node(['MatMul', 'Gemm'], [constant('w'), value('x')], { as: 'product', moreInputs: true }),
  when({ w, x, product }) {
    const [features, images, ...more] = x.type?.shape ?? [];
    const own = asProduct(product);
    const isColumn = images === 1 && more.length === 0 && typeof features === 'number' && features > 1;
    return own &&
      !own.transA &&
      !own.transB &&
      isColumn &&
      !isConst(x) &&
      !producedBy(x, 'Transpose') &&
      w.constant.shape.length === 2 &&
      !own.addend
      ? { features }
      : undefined;
  },
  build({ w, x, product }, make, { features }) {
    const row = make.op('Reshape', [x, make.int64s(`${product.name}_row`, [1, features])]);
    const alpha = asProduct(product)?.alpha ?? 1;
    return make.op('Transpose', [make.op('Gemm', [row, w], { transB: 1, alpha: alpha === 1 ? undefined : alpha })], { perm: [1, 0] });
  },
});

/** Einsum<"ni,oi->no">(X, W), with any letters. */
const einsum = defineRule({
  name: 'einsum',
  match: node('Einsum', [value('x'), constant('w')], { as: 'einsum' }),
  when({ x, w, einsum: sum }) {
    const letters = /^(\w)(\w),(\w)(\w)->(\w)(\w)$/.exec(stringAttr(sum, 'equation').replaceAll(' ', ''));
    if (!letters || rankOf(x) !== 2 || w.constant.shape.length !== 2) return undefined;
    const [, n, i, a, b, rows, o] = letters;
    if (rows !== n || new Set([n, i, o]).size !== 3) return undefined;
    return a === o && b === i ? { transB: 1 } : a === i && b === o ? { transB: undefined } : undefined;
  },
  build: ({ x, w }, make, { transB }) => make.op('Gemm', [x, w], { transB }),
});

const outputsOf = (w: ConstValue, transB: number): number => w.constant.shape[transB === 0 ? 1 : 0] ?? 0;

/** The bias as [M], multiplied by `beta`: the same tensor if it is that already; undefined if it varies along the batch. */
function biasPerOutput(bias: Value, outputs: number, beta = 1): Tensor | undefined {
  const tensor = bias.constant;
  if (!tensor || !isFloatType(tensor.dtype)) return undefined;
  const { shape } = tensor;
  const last = shape[shape.length - 1] ?? 1;
  if (shape.length > 2 || elementCount(shape) !== last || (last !== 1 && last !== outputs)) return undefined;
  if (beta === 1 && shape.length === 1 && last === outputs) return tensor;
  const numbers = readNumbers(tensor);
  return fromNumbers(
    tensor.dtype,
    [outputs],
    Array.from({ length: outputs }, (_, index) => beta * (numbers[last === 1 ? 0 : index] ?? 0)),
  );
}

const sameOr = (old: ConstValue, tensor: Tensor, make: { constant(name: string, tensor: Tensor): ConstValue }): ConstValue =>
  tensor === old.constant ? old : make.constant(`${old.name}_bias`, tensor);

const scaled = (weight: Tensor, alpha: number): Tensor => scaledAlong(weight, 0, () => new Float64Array(weight.shape[0] ?? 1).fill(alpha));

/** Whether the result is read only by an Add with a constant. */
function feedsBias(matmul: Node): boolean {
  const [result] = matmul.outputs;
  const [use] = result?.uses ?? [];
  if (!result || !use || result.uses.length !== 1 || matmul.graph.isOutput(result) || !isNode(use.user, 'Add')) return false;
  const other = use.user.inputs[1 - use.slot];
  const w = matmul.inputs[1];
  return other?.constant !== undefined && w?.constant !== undefined && biasPerOutput(other, w.constant.shape[1] ?? 0) !== undefined;
}

export const normaliseLinear = defineRulePass({
  name: 'normalise-linear',
  role: 'prepares',
  summary: 'write every fully connected layer as Gemm with one bias per output',
  numbers: 'rounding',
  rules: [turnedWeight, matMulAdd, matMul, quantisedMatMul, quantisedBias, matMulFromLeft, columnFromLeft, einsum, scaledGemm],
});
