/**
 * Where the channels of an image are, by what reads it: convolutions, pools and norms over channels work on axis 1 of what they read, whatever Transposes
 * stand in front of them. Sizes alone cannot tell 13 spectral channels last from 13 rows.
 */
import { intsAttr } from './attrs';
import { isBroadcasting, isQuantiser, isUnaryElementwise } from './operator-traits';
import { isConst, type Node, type Value } from './types';

/** Operators that have channels on axis 1, and places behind it. */
const CHANNELS_FIRST = new Set([
  'AveragePool',
  'BatchNormalization',
  'Conv',
  'ConvInteger',
  'DepthToSpace',
  'GlobalAveragePool',
  'GlobalLpPool',
  'GlobalMaxPool',
  'GroupNormalization',
  'InstanceNormalization',
  'LpPool',
  'LRN',
  'MaxPool',
  'QLinearConv',
  'SpaceToDepth',
]);

/** Keep the axes of what they read. */
const KEEPS_AXES = new Set(['Pad', 'Slice', 'Resize', 'Dropout', 'Identity', 'Cast']);

/** Readers looked at: the stem of a network is near its image. */
const NEAR = 64;

/** 1 or 3: the axis of the image that operators over channels see as theirs; undefined where none reads it. */
export function channelsByUse(image: Value): 1 | 3 | undefined {
  const seen = new Set<Value>([image]);
  const queue: { readonly value: Value; readonly axes: readonly number[] }[] = [{ value: image, axes: [0, 1, 2, 3] }];
  for (let at = queue.shift(); at && seen.size < NEAR; at = queue.shift()) {
    for (const { user, slot } of at.value.uses) {
      if (CHANNELS_FIRST.has(user.op)) {
        if (slot !== 0) continue;
        const axis = at.axes[1];
        return axis === 1 || axis === 3 ? axis : undefined;
      }
      const axes = axesBehind(user, slot, at.axes);
      const [output] = user.outputs;
      if (!axes || !output || seen.has(output)) continue;
      seen.add(output);
      queue.push({ value: output, axes });
    }
  }
  return undefined;
}

/** Which axis of the image each axis of the result is; undefined where that cannot be told. */
function axesBehind(node: Node, slot: number, axes: readonly number[]): readonly number[] | undefined {
  if (node.op === 'Transpose') {
    const perm = intsAttr(node, 'perm') ?? [3, 2, 1, 0];
    return perm.length === 4 ? perm.map((axis) => axes[axis] ?? 0) : undefined;
  }
  if (isBroadcasting(node.op)) return node.inputs.every((input, at) => at === slot || !input || isConst(input)) ? axes : undefined;
  return slot === 0 && (isUnaryElementwise(node.op) || isQuantiser(node.op) || KEEPS_AXES.has(node.op)) ? axes : undefined;
}
