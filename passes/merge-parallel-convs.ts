/**
 * merge-parallel-convs: merge branches that read one value and are summed into one convolution.
 *
 *   Conv<k x k>(X, W1, B1) + Conv<l x l>(X, W2, B2)  ->  Conv<k x k>(X, W1 + W2 at its position, B1 + B2)
 *   Conv(X, W, B) + k X + s                          ->  Conv(X, W + k at the diagonal, B + s)
 *
 * The smaller kernel is added into the larger one at the position given by the paddings; k X + s is the identity branch with its batch normalisation (RepVGG,
 * MobileOne). A chain of sums is processed two branches at a time.
 * Numbers: rounding (sums of weights in double precision; the runtime adds activations instead).
 * Left alone: different strides, groups or dilations; a kernel that would extend beyond the other; weights that are computed or shared; branches of
 * different shapes, where Add repeats the channels or the positions of one of them.
 */

import { channelAffine } from '../src/analysis/maps/channel-affine';
import { intAttr, stringAttr } from '../src/ir/attrs';
import { sameDim } from '../src/ir/dims';
import { computedBias } from '../src/ir/linear-algebra';
import { computedTensor, elementCount, isFloatType, readNumbers } from '../src/ir/tensor';
import type { ConstValue, Node, Tensor, Value } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { dilationsOf, padsOf, stridesOf } from '../src/ir/window-attrs';
import { asConv } from '../src/operators/layers';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { defineRule, type Refusal, refuse } from '../src/rewrite/rule';

interface ConvFacts {
  readonly node: Node;
  readonly x: Value;
  readonly weight: ConstValue;
  readonly bias: ConstValue | undefined;
  readonly group: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBefore: readonly number[];
}

const convPlusConv = defineRule({
  name: 'conv-plus-conv',
  match: node('Add', [value('a'), value('b')], { as: 'sum' }),
  when({ a, b, sum }) {
    const [first, second] = [convOf(a, sum), convOf(b, sum)];
    if (!first || !second) return undefined;
    if ('reason' in first) return first;
    if ('reason' in second) return second;
    if (first.x !== second.x || a === b) return undefined;
    if (!isPlainSum(sum)) return refuse('one branch is broadcast over the other', sum);
    const [large, small] = elementCount(first.kernel) >= elementCount(second.kernel) ? [first, second] : [second, first];
    if (large.group !== small.group || large.strides.join() !== small.strides.join())
      return refuse('its branches have different strides or groups', sum);
    const at = placeIn(large, small);
    return at ? { large, small, at } : refuse('the kernel of one branch does not fit into that of the other', sum);
  },
  build(_, make, { large, small, at }) {
    const outputs = large.weight.constant.shape[0] ?? 0;
    const weight = embedded(large, small, at);
    const biases = [large.bias, small.bias].flatMap((bias) => bias ?? []);
    const bias =
      biases.length < 2 ? biases[0] : make.constant(`${large.bias?.name}_folded`, sumOf(large.weight.constant.dtype, outputs, biases));
    return make.op('Conv', [large.x, make.constant(`${large.weight.name}_folded`, weight), bias], large.node.attrs);
  },
});

const convPlusIdentity = defineRule({
  name: 'conv-plus-identity',
  match: node('Add', [value('a'), value('b')], { as: 'sum' }),
  when({ a, b, sum }) {
    for (const [branch, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const conv = convOf(branch, sum);
      if (!conv) continue;
      if ('reason' in conv) return conv;
      const identity = identityBranch(other, conv.x, sum);
      if (!identity) continue;
      if (!isPlainSum(sum)) return refuse('one branch is broadcast over the other', sum);
      const channels = conv.x.type?.shape?.[1];
      if (channels !== conv.weight.constant.shape[0] || conv.strides.some((stride) => stride !== 1)) continue;
      // The tap that reads the position itself.
      const centre = conv.padsBefore.map((pad, axis) => pad / (conv.dilations[axis] ?? 1));
      if (!centre.every((tap, axis) => Number.isInteger(tap) && tap < (conv.kernel[axis] ?? 0)))
        return refuse('no tap of its kernel reads the place itself', sum);
      return { conv, identity, centre };
    }
    return undefined;
  },
  build(_, make, { conv, identity, centre }) {
    const outputs = conv.weight.constant.shape[0] ?? 0;
    const weight = withDiagonal(conv, identity.scale, centre);
    const shift = identity.shift;
    const old = conv.bias?.constant;
    const bias = shift
      ? make.constant(
          `${conv.bias?.name ?? `${conv.node.name}_bias`}_folded`,
          computedBias(weight.dtype, outputs, () => {
            const own = old && readNumbers(old);
            return shift().map((number, at) => number + (own?.[at] ?? 0));
          }),
        )
      : conv.bias;
    return make.op('Conv', [conv.x, make.constant(`${conv.weight.name}_folded`, weight), bias], conv.node.attrs);
  },
});

/** Whether both operands have the shape of the result, so that neither is repeated. An axis of unknown length could be one long. */
const isPlainSum = (sum: Node): boolean => {
  const shape = sum.outputs[0]?.type?.shape;
  return (
    shape !== undefined &&
    sum.inputs.every((input) => {
      const own = input?.type?.shape;
      return own?.length === shape.length && own.every((dim, axis) => sameDim(dim, shape[axis]));
    })
  );
};

/** A convolution read only by the sum; a refusal if it nearly is one; undefined if it is none. */
function convOf(branch: Value, sum: Node): ConvFacts | Refusal | undefined {
  const conv = branch.producer;
  const [x, weight, bias] = conv?.inputs ?? [];
  if (!conv || !asConv(conv) || !x || !weight) return undefined;
  if (!isConst(weight) || (bias && !isConst(bias)) || !isFloatType(weight.constant.dtype)) return undefined;
  if (!conv.graph.isPrivateTo(branch, sum) || weight.uses.length > 1) return undefined;
  if (stringAttr(conv, 'auto_pad') !== 'NOTSET') return undefined;
  const kernel = weight.constant.shape.slice(2);
  return {
    node: conv,
    x,
    weight,
    bias,
    group: intAttr(conv, 'group'),
    kernel,
    strides: stridesOf(conv, kernel.length),
    dilations: dilationsOf(conv, kernel.length),
    padsBefore: padsOf(conv, kernel.length).slice(0, kernel.length),
  };
}

/** The taps of `large` at which `small` begins: cell 0 of both reads from -pad on. */
function placeIn(large: ConvFacts, small: ConvFacts): readonly number[] | undefined {
  const place = large.kernel.map((size, axis) => {
    const step = large.dilations[axis] ?? 1;
    const first = ((large.padsBefore[axis] ?? 0) - (small.padsBefore[axis] ?? 0)) / step;
    const sameStep = small.kernel[axis] === 1 || small.dilations[axis] === step;
    return sameStep && Number.isInteger(first) && first >= 0 && first + (small.kernel[axis] ?? 1) <= size ? first : undefined;
  });
  return place.every((first) => first !== undefined) ? place : undefined;
}

function embedded(large: ConvFacts, small: ConvFacts, at: readonly number[]): Tensor {
  const { dtype, shape } = large.weight.constant;
  return computedTensor(dtype, shape, () => {
    const numbers = readNumbers(large.weight.constant);
    const taps = elementCount(large.kernel);
    const smallTaps = elementCount(small.kernel);
    const places = Array.from({ length: smallTaps }, (_, tap) => offsetOf(tap, small.kernel, large.kernel, at));
    readNumbers(small.weight.constant).forEach((number, index) => {
      const to = Math.floor(index / smallTaps) * taps + (places[index % smallTaps] ?? 0);
      numbers[to] = (numbers[to] ?? 0) + number;
    });
    return numbers;
  });
}

/** Converts tap `tap` of a kernel of `from` taps, shifted by `at`, to a tap of a kernel of `to` taps; row-major. */
function offsetOf(tap: number, from: readonly number[], to: readonly number[], at: readonly number[]): number {
  let rest = tap;
  let offset = 0;
  let stride = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    offset += ((rest % (from[axis] ?? 1)) + (at[axis] ?? 0)) * stride;
    rest = Math.floor(rest / (from[axis] ?? 1));
    stride *= to[axis] ?? 1;
  }
  return offset;
}

interface Diagonal {
  readonly scale: (() => Float64Array) | undefined;
  readonly shift: (() => Float64Array) | undefined;
}

/** X itself, or k X + s that only the sum reads. */
function identityBranch(branch: Value, x: Value, sum: Node): Diagonal | undefined {
  if (branch === x) return { scale: undefined, shift: undefined };
  const affine = branch.producer && branch.producer.outputs.length === 1 ? channelAffine(branch.producer) : undefined;
  return affine?.input === x && sum.graph.isPrivateTo(branch, sum) ? affine : undefined;
}

function withDiagonal(conv: ConvFacts, scale: (() => Float64Array) | undefined, centre: readonly number[]): Tensor {
  const { dtype, shape } = conv.weight.constant;
  const [outputs = 0, perGroup = 0] = shape;
  return computedTensor(dtype, shape, () => {
    const numbers = readNumbers(conv.weight.constant);
    const k = scale?.();
    const taps = elementCount(conv.kernel);
    const tap = offsetOf(
      0,
      conv.kernel.map(() => 1),
      conv.kernel,
      centre,
    );
    for (let m = 0; m < outputs; m++) {
      // Output m of group g reads channels from g * C/group; channel m is the (m mod C/group)-th of them, because there are as many outputs as channels.
      const to = (m * perGroup + (m % perGroup)) * taps + tap;
      numbers[to] = (numbers[to] ?? 0) + (k?.[m] ?? 1);
    }
    return numbers;
  });
}

const sumOf = (dtype: Tensor['dtype'], outputs: number, biases: readonly ConstValue[]): Tensor =>
  computedBias(dtype, outputs, () => {
    const result = new Float64Array(outputs);
    for (const bias of biases) for (const [at, number] of readNumbers(bias.constant).entries()) result[at] = (result[at] ?? 0) + number;
    return result;
  });

export const mergeParallelConvs = defineRulePass({
  name: 'merge-parallel-convs',
  summary: 'make one convolution of branches that are summed',
  numbers: 'rounding',
  role: 'folds',
  rules: [convPlusConv, convPlusIdentity],
});
