/**
 * Group normalisation as exporters spell it when they lack an operator:
 *
 *   Reshape [N, G, -1] > InstanceNormalization > Reshape [N, C, H, W]   ->   nhwc.GroupNormalization <num_groups = G>
 *
 * The members of a group do not depend on the order of the axes, so the map may stay channels-last.
 */
import { floatAttr } from '../../../ir/attrs';
import { sameDim } from '../../../ir/dims';
import { elementCount, fromNumbers, readNumbers } from '../../../ir/tensor';
import type { Node, Value } from '../../../ir/types';
import { channelsLast, isIdentity } from '../order';
import type { Relayout } from '../relayout';
import { input, output, shapeOf } from './rule';

export function groupNormalised(node: Node, to: Relayout): boolean {
  const x = input(node);
  const dims = shapeOf(x);
  const grouped = output(node);
  const groups = shapeOf(grouped)?.[1];
  const channels = dims?.[1];
  const norm = onlyReader(grouped, to);
  const [normal] = norm?.outputs ?? [];
  const back = normal && onlyReader(normal, to);
  const [restored] = back?.outputs ?? [];
  if (!dims || dims.length < 3 || x.constant || isIdentity(to.placed(x).order)) return false;
  if (
    norm?.op !== 'InstanceNormalization' ||
    norm.inputs[0] !== grouped ||
    back?.op !== 'Reshape' ||
    back.inputs[0] !== normal ||
    !restored
  )
    return false;
  const [scale, shift] = [norm.inputs[1]?.constant, norm.inputs[2]?.constant];
  const isBack = shapeOf(restored)?.length === dims.length && dims.every((dim, axis) => sameDim(dim, shapeOf(restored)?.[axis]));
  const isParted = shapeOf(grouped)?.length === 3 && sameDim(dims[0], shapeOf(grouped)?.[0]);
  if (!isBack || !isParted || !scale || !shift || typeof groups !== 'number' || typeof channels !== 'number' || channels % groups !== 0)
    return false;
  const order = channelsLast(dims.length);
  // The ONNX spelling has one value per group, this operator one per channel.
  const perChannel = (tensor: typeof scale): Value => {
    const numbers = readNumbers(tensor);
    const spread = Array.from({ length: channels }, (_, channel) => numbers[Math.floor((channel * groups) / channels)] ?? 0);
    return to.constant(`${restored.name}_norm`, fromNumbers('float', [channels], spread));
  };
  if (elementCount(scale.shape) !== groups) return false;
  to.at(back);
  const value = to.op(
    'nhwc.GroupNormalization',
    [to.inOrder(x, order), perChannel(scale), perChannel(shift)],
    { num_groups: groups, epsilon: { kind: 'float', value: floatAttr(norm, 'epsilon') } },
    to.typeIn(restored, order),
    restored.name,
  );
  to.put(restored, { value, order });
  to.done.add(norm);
  to.done.add(back);
  return true;
}

function onlyReader(value: Value, to: Relayout): Node | undefined {
  const [use, more] = value.uses;
  return use && !more && !to.isOutput(value) ? use.user : undefined;
}
