/** GroupNormalization: scale and bias have one element per group in opset 18 (which ONNX deprecated), one per channel since 21. */
import { givenInt, intAttr } from '../../../ir/attrs';
import { fromNumbers, isNumeric, readNumbers } from '../../../ir/tensor';
import type { Tensor, Value } from '../../../ir/types';
import type { Adapter } from '../adapter';
import { pin, refuse } from '../adapter';

export const groupNormalizationAdapters: readonly Adapter[] = [
  {
    op: 'GroupNormalization',
    since: 21,
    raise: (node, edit) => {
      const [x, ...parameters] = node.inputs;
      const groups = givenInt(node, 'num_groups') ?? Number.NaN;
      const channels = channelsOf(x);
      if (channels === undefined) return pin('its number of channels is not known');
      const tensors = parameters.map((parameter) => perChannel(parameter, groups, channels));
      const [scale, bias] = tensors;
      if (!scale || !bias) return pin('its scale and bias are computed');
      edit.respell(node, { inputs: [x, edit.constant(node, 'scale', scale), edit.constant(node, 'bias', bias)] });
      return undefined;
    },
    lower: (node, edit) => {
      const [x, ...parameters] = node.inputs;
      const groups = intAttr(node, 'num_groups');
      const [scale, bias] = parameters.map((parameter) => perGroup(parameter, groups));
      if (!scale || !bias) return refuse('its scale and bias differ within a group');
      edit.respell(node, { inputs: [x, edit.constant(node, 'scale', scale), edit.constant(node, 'bias', bias)] });
      return undefined;
    },
  },
];

/** Upper limit for the number of channels in a file: no layer has more. */
const MAX_CHANNELS = 2 ** 20;

function channelsOf(x: Value | undefined): number | undefined {
  const declared = x?.type?.shape?.[1];
  if (typeof declared === 'number') return declared <= MAX_CHANNELS ? declared : undefined;
  const producer = x?.producer;
  return producer?.op === 'Conv' ? producer.inputs[1]?.constant?.shape[0] : undefined;
}

function perChannel(value: Value | undefined, groups: number, channels: number): Tensor | undefined {
  const tensor = value?.constant;
  if (!tensor || !isNumeric(tensor.dtype) || tensor.shape.length !== 1 || tensor.shape[0] !== groups || channels % groups !== 0)
    return undefined;
  const numbers = readNumbers(tensor);
  const width = channels / groups;
  return fromNumbers(
    tensor.dtype,
    [channels],
    Array.from({ length: channels }, (_, channel) => numbers[Math.floor(channel / width)] ?? 0),
  );
}

function perGroup(value: Value | undefined, groups: number): Tensor | undefined {
  const tensor = value?.constant;
  if (!tensor || !isNumeric(tensor.dtype) || tensor.shape.length !== 1) return undefined;
  const numbers = readNumbers(tensor);
  const width = numbers.length / groups;
  if (!(groups >= 1) || !Number.isInteger(width)) return undefined;
  const firsts = Array.from({ length: groups }, (_, group) => numbers[group * width] ?? 0);
  return numbers.every((number, channel) => Object.is(number, firsts[Math.floor(channel / width)]))
    ? fromNumbers(tensor.dtype, [groups], firsts)
    : undefined;
}
