/**
 * Per-channel affine maps y = k x + s in all their spellings: BatchNormalization, and Mul, Div, Add, Sub by constants with one value per channel
 * (axis 1, unless given otherwise) or a single value.
 */

import { floatAttr, intAttr } from '../../ir/attrs';
import { byOperator, isNode } from '../../ir/match';
import { elementCount, isFloatType, readNumbers } from '../../ir/tensor';
import type { Node, Value } from '../../ir/types';
import { isConst, rankOf } from '../../ir/types';

/** y[n, c, ...] = scale(c) * x[n, c, ...] + shift(c). Values are read on demand; an undefined scale is 1, an undefined shift 0. */
export interface ChannelAffine {
  readonly input: Value;
  readonly slot: number;
  readonly channels: number;
  readonly scale: (() => Float64Array) | undefined;
  readonly shift: (() => Float64Array) | undefined;
}

/**
 * The node as a per-channel affine map of its single varying input, which must have a static number of channels; undefined for any other node.
 * `axis`: the channel axis.
 */
export function channelAffine(node: Node, axis = 1): ChannelAffine | undefined {
  if (isNode(node, 'BatchNormalization')) return axis === 1 ? batchNormalization(node) : undefined;
  const [a, b] = node.inputs;
  if (!a || !b || node.inputs.length !== 2) return undefined;
  const slot = isConst(b) ? 0 : isConst(a) ? 1 : -1;
  const [input, operand] = slot === 0 ? [a, b] : [b, a];
  const channels = input.type?.shape?.[axis];
  if (slot < 0 || isConst(input) || !isConst(operand) || typeof channels !== 'number') return undefined;
  const numbers = perChannel(operand, rankOf(input) ?? 0, channels, axis);
  if (!numbers) return undefined;
  const map = mapBy(node)?.(numbers, slot, channels);
  return map && { input, slot, channels, ...map };
}

type Constants = () => Float64Array;

/** Scale and shift of arithmetic with a constant operand; `slot`: of the varying operand. */
const mapBy = byOperator<(numbers: Constants, slot: number, channels: number) => Pick<ChannelAffine, 'scale' | 'shift'> | undefined>({
  Add: (numbers) => ({ scale: undefined, shift: numbers }),
  Div: (numbers, slot) => (slot === 0 ? { scale: () => numbers().map((number) => 1 / number), shift: undefined } : undefined),
  Mul: (numbers) => ({ scale: numbers, shift: undefined }),
  Sub: (numbers, slot, channels) =>
    slot === 0
      ? { scale: undefined, shift: () => numbers().map((number) => -number) }
      : { scale: () => new Float64Array(channels).fill(-1), shift: numbers },
});

function batchNormalization(node: Node): ChannelAffine | undefined {
  const [input, ...stats] = node.inputs;
  if (!input || intAttr(node, 'training_mode') !== 0 || stats.length !== 4 || !stats.every(isConst)) return undefined;
  const [scale, shift, mean, variance] = stats.map((stat) => stat.constant);
  if (!scale || !shift || !mean || !variance || !isFloatType(scale.dtype)) return undefined;
  const epsilon = floatAttr(node, 'epsilon');
  const factors = (): Float64Array => {
    const spread = readNumbers(variance);
    return readNumbers(scale).map((number, channel) => number / Math.sqrt((spread[channel] ?? 0) + epsilon));
  };
  const shifts = (): Float64Array => {
    const [k, mu] = [factors(), readNumbers(mean)];
    return readNumbers(shift).map((number, channel) => number - (mu[channel] ?? 0) * (k[channel] ?? 0));
  };
  return { input, slot: 0, channels: elementCount(scale.shape), scale: factors, shift: shifts };
}

/** A constant as one value per channel, if it broadcasts over every other axis. */
function perChannel(operand: Value, rank: number, channels: number, axis: number): (() => Float64Array) | undefined {
  const tensor = operand.constant;
  if (!tensor || !isFloatType(tensor.dtype) || tensor.shape.length > rank || rank < 2) return undefined;
  const count = elementCount(tensor.shape);
  const channelAxis = tensor.shape.length - (rank - axis);
  if (count !== 1 && (count !== channels || tensor.shape[channelAxis] !== channels)) return undefined;
  return () => {
    const numbers = readNumbers(tensor);
    return count === 1 ? new Float64Array(channels).fill(numbers[0] ?? 0) : numbers;
  };
}
