/**
 * fold-network-in-network: merge two consecutive linear layers into one.
 *
 *   W2 (W1 * x + b1) + b2  ->  (W2 W1) * x + (W2 b1 + b2)
 *
 * Conv k x k then Conv 1x1 (which may have a stride: every s-th output is kept); Conv 1x1 then Conv k x k without padding, or without a bias in the first
 * layer (padding inserts zeros where the first layer would have produced its bias); Gemm then Gemm. Groups if both layers have the same number of them.
 * Only if the multiply-adds do not increase: a bottleneck C -> 64 -> C stays two layers.
 * Numbers: rounding (products of weights computed in double precision).
 * Left alone: weights that are computed or shared; products of weights that would take minutes; a first layer whose result has another reader.
 */

import { attributes, intAttr, stringAttr } from '../src/ir/attrs';
import { composedKernel, computedBias, matMul, responseTo } from '../src/ir/linear-algebra';
import { computedTensor, isFloatType, permuted, readNumbers } from '../src/ir/tensor';
import type { Attr, ConstValue, Node, Tensor } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { productOf } from '../src/ir/views';
import { isPadded, isStrided, stridesOf } from '../src/ir/window-attrs';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node, optional, value } from '../src/rewrite/pattern';
import { defineRule, type Refusal, refuse } from '../src/rewrite/rule';

const convConv = defineRule({
  name: 'conv-conv',
  match: node(
    'Conv',
    [node('Conv', [value('x'), constant('w1'), optional(constant('b1'))], { as: 'first' }), constant('w2'), optional(constant('b2'))],
    {
      as: 'second',
    },
  ),
  when({ first, second, w1, w2, b1 }) {
    const shared = sharedWeight(w1, w2, first, second);
    if (shared) return shared;
    const group = intAttr(first, 'group');
    if (group !== intAttr(second, 'group')) return refuse('the two layers have different numbers of groups', second);
    const [k1, k2] = [taps(w1), taps(w2)];
    const spatial = w1.constant.shape.length - 2;
    let attrs: Map<string, Attr>;
    if (k2 === 1 && !isPadded(second)) {
      const subsamples = isStrided(second);
      if (subsamples && stringAttr(first, 'auto_pad').startsWith('SAME')) return refuse('its SAME padding depends on the stride', first);
      attrs = mergedStride(first, second, spatial);
    } else if (k1 === 1 && isPlain(first)) {
      if (b1 && isPadded(second)) return refuse('the second layer pads with zeros where the first has its bias', second);
      attrs = new Map(second.attrs);
    } else return undefined;
    const products = ((w2.constant.shape[0] ?? 0) * (productOf(w1.constant.shape) ?? 0) * k2) / group;
    return costsMore(first, second, w1, w2, group) ?? takesTooLong(products, second) ?? { attrs, group };
  },
  build({ x, w1, w2, b1, b2 }, make, { attrs, group }) {
    const kernel = composedKernel(w1.constant, w2.constant, group);
    attrs.set('kernel_shape', { kind: 'ints', value: kernel.shape.slice(2) });
    return make.op('Conv', [x, make.constant(`${w2.name}_folded`, kernel), bias(make, w2, b1, b2, group, w2.constant)], attrs);
  },
});

const gemmGemm = defineRule({
  name: 'linear-linear',
  match: node(
    'Gemm',
    [
      node('Gemm', [value('x'), constant('w1'), optional(constant('b1'))], { as: 'first', attrs: PLAIN() }),
      constant('w2'),
      optional(constant('b2')),
    ],
    {
      as: 'second',
      attrs: PLAIN(),
    },
  ),
  when({ first, second, w1, w2, b1, b2 }) {
    const shared = sharedWeight(w1, w2, first, second);
    if (shared) return shared;
    const [a, b] = [rowsFirst(first, w1), rowsFirst(second, w2)];
    const [middle = 0, inputs = 0] = a.shape;
    const [outputs = 0] = b.shape;
    if ([b1, b2].some((vector, at) => vector && vector.constant.shape.join() !== String(at === 0 ? middle : outputs)))
      return refuse('a bias is not one number per output', second);
    if (outputs * inputs > outputs * middle + middle * inputs) return refuse('one layer would cost more multiply-adds than two', second);
    const tooLong = takesTooLong(outputs * middle * inputs, second);
    if (tooLong) return tooLong;
    return { a, b };
  },
  build({ x, w2, b1, b2 }, make, { a, b }) {
    const [middle = 0, inputs = 0] = a.shape;
    const [outputs = 0] = b.shape;
    const product = computedTensor(a.dtype, [outputs, inputs], () => matMul(readNumbers(b), readNumbers(a), outputs, middle, inputs));
    return make.op('Gemm', [x, make.constant(`${w2.name}_folded`, product), bias(make, w2, b1, b2, 1, b)], { transB: 1 });
  },
});

function PLAIN(): Readonly<Record<string, number>> {
  return { alpha: 1, beta: 1, transA: 0 };
}

/** The weight as [M, K]: one row per output. */
const rowsFirst = (gemm: Node, w: ConstValue): Tensor => (intAttr(gemm, 'transB') !== 0 ? w.constant : permuted(w.constant, [1, 0]));

function sharedWeight(w1: ConstValue, w2: ConstValue, first: Node, second: Node): Refusal | undefined {
  if (!isFloatType(w1.constant.dtype) || w1.constant.dtype !== w2.constant.dtype)
    return refuse(`its weight is of type ${w1.constant.dtype}`, first);
  if (w1.uses.length > 1) return refuse(`its weight '${w1.name}' is shared with another layer`, first);
  if (w2.uses.length > 1) return refuse(`its weight '${w2.name}' is shared with another layer`, second);
  return undefined;
}

const taps = (w: ConstValue): number => productOf(w.constant.shape.slice(2)) ?? 0;
const isPlain = (conv: Node): boolean => !isPadded(conv) && !isStrided(conv);

/** Keeping every s2-th output of a layer with stride s1 equals a layer with stride s1 s2. */
function mergedStride(first: Node, second: Node, spatial: number): Map<string, Attr> {
  const own = stridesOf(second, spatial);
  const before = stridesOf(first, spatial);
  const strides = before.map((stride, axis) => stride * (own[axis] ?? 1));
  return new Map([...first.attrs, ...attributes({ strides: strides.some((stride) => stride !== 1) ? strides : undefined })]);
}

/** Limit for the products of the two weights: a few seconds. */
const MOST_PRODUCTS = 2 ** 31;
const takesTooLong = (products: number, second: Node): Refusal | undefined =>
  products > MOST_PRODUCTS
    ? refuse(
        `the product of the two weights takes ${products.toExponential(1)} multiply-adds, more than ${MOST_PRODUCTS.toExponential(1)}`,
        second,
      )
    : undefined;

function costsMore(first: Node, second: Node, w1: ConstValue, w2: ConstValue, group: number): Refusal | undefined {
  const places = (layer: Node): number | undefined => productOf(layer.outputs[0]?.type?.shape?.slice(2) ?? [undefined]);
  const [between, after] = [places(first), places(second)];
  if (between === undefined || after === undefined) return refuse('the size of its map is not known', second);
  const numbers = (w: ConstValue): number => productOf(w.constant.shape) ?? 0;
  const merged = (w2.constant.shape[0] ?? 0) * (w1.constant.shape[1] ?? 0) * Math.max(taps(w1), taps(w2)) * after;
  const apart = numbers(w1) * between + numbers(w2) * after;
  return merged > apart || group < 1 ? refuse('one layer would cost more multiply-adds than two', second) : undefined;
}

/** W2 b1 + b2, as far as the biases exist. */
function bias(
  make: { constant(name: string, tensor: Tensor): ConstValue },
  w2: ConstValue,
  b1: ConstValue | undefined,
  b2: ConstValue | undefined,
  group: number,
  kernel: Tensor,
): ConstValue | undefined {
  if (!b1 || !isConst(b1)) return b2;
  const outputs = kernel.shape[0] ?? 0;
  const tensor = computedBias(kernel.dtype, outputs, () => {
    const response = responseTo(kernel, group, readNumbers(b1.constant));
    const own = b2 && readNumbers(b2.constant);
    return response.map((number, at) => number + (own?.[at] ?? 0));
  });
  return make.constant(`${b2?.name ?? `${w2.name}_bias`}_folded`, tensor);
}

export const foldNetworkInNetwork = defineRulePass({
  name: 'fold-network-in-network',
  summary: 'make one layer of two linear layers with nothing in between',
  numbers: 'rounding',
  role: 'folds',
  rules: [convConv, gemmGemm],
});
