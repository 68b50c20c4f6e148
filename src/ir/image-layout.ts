/**
 * Which axes of an image are batch, channels and places, by what reads it: convolutions, pools and norms over channels have the batch on axis 0 and channels on
 * axis 1 of what they read, whatever Transposes and new axes stand in front of them. Sizes alone cannot tell 13 spectral channels last from 13 rows, nor a
 * signal [N, C, T] from an image without a batch.
 */
import { permOf, wrapAxis } from './axis';
import { isBroadcasting, isQuantiser, isUnaryElementwise } from './operator-traits';
import { isKnown, readNumbers } from './tensor';
import { isConst, type Node, type Value } from './types';

/** Operators that have channels on axis 1, and places behind it. */
const CHANNELS_FIRST = new Set([
  'AveragePool',
  'Conv',
  'ConvInteger',
  'DepthToSpace',
  'GlobalAveragePool',
  'GlobalLpPool',
  'GlobalMaxPool',
  'LpPool',
  'MaxPool',
  'QLinearConv',
  'SpaceToDepth',
]);

/** Likewise, but what they have on axis 1 need not be channels: a norm for each bin of a spectrogram has the bins there. A layer behind them says more. */
const NORMS = new Set(['BatchNormalization', 'GroupNormalization', 'InstanceNormalization', 'LRN']);

/** Keep the axes of what they read. */
const KEEPS_AXES = new Set(['Pad', 'Slice', 'Resize', 'Dropout', 'Identity', 'Cast']);

/** Readers looked at: the stem of a network is near its image. */
const NEAR = 64;

/** Which axes of an image are batch and channels, as what reads it sees them; -1: it has none. All others are spatial. */
export interface Layout {
  readonly batch: number;
  readonly channels: number;
}

/** A value that was made of the image, and for each of its axes the axis of the image that it is; undefined: one of length one that was put in. */
interface Seen {
  readonly value: Value;
  readonly axes: readonly (number | undefined)[];
}

/** undefined where nothing that has channels on axis 1 reads the image, near enough. */
export function layoutByUse(image: Value): Layout | undefined {
  const rank = image.type?.shape?.length ?? 0;
  const seen = new Set<Value>([image]);
  let byNorm: Layout | undefined;
  const queue: Seen[] = [{ value: image, axes: Array.from({ length: rank }, (_, axis) => axis) }];
  for (let at = queue.shift(); at && seen.size < NEAR; at = queue.shift()) {
    for (const { user, slot } of at.value.uses) {
      if (CHANNELS_FIRST.has(user.op)) {
        // Numbers of a network without places have channels as well.
        if (slot !== 0 || at.axes.length < 3) continue;
        return layoutOf(at.axes, rank);
      }
      if (NORMS.has(user.op) && slot === 0 && at.axes.length >= 3) byNorm ??= layoutOf(at.axes, rank);
      const axes = axesBehind(user, slot, at.axes);
      const [output] = user.outputs;
      if (!axes || !output || seen.has(output)) continue;
      seen.add(output);
      queue.push({ value: output, axes });
    }
  }
  return byNorm;
}

/** Of what has the batch on axis 0 and channels on axis 1; undefined where axes of the image are missing. */
function layoutOf(axes: Seen['axes'], rank: number): Layout | undefined {
  const [batch = -1, channels = -1, ...places] = axes;
  const isWhole = places.every((axis) => axis !== undefined) && new Set(axes.filter((axis) => axis !== undefined)).size === rank;
  return isWhole ? { batch, channels } : undefined;
}

/** Which axis of the image each axis of the result is; undefined where that cannot be told. */
function axesBehind(node: Node, slot: number, axes: Seen['axes']): Seen['axes'] | undefined {
  const rank = axes.length;
  if (node.op === 'Transpose') {
    const perm = permOf(node, rank);
    return perm.length === rank ? perm.map((axis) => axes[axis]) : undefined;
  }
  if (isBroadcasting(node.op)) {
    const others = node.inputs.filter((input, at) => at !== slot && input);
    return others.every(isConst) && node.outputs[0]?.type?.shape?.length !== undefined
      ? aligned(axes, node.outputs[0].type.shape.length)
      : others.every(isConst)
        ? axes
        : undefined;
  }
  if (slot !== 0) return undefined;
  if (node.op === 'Unsqueeze' || node.op === 'Reshape') return withUnits(node, axes);
  return isUnaryElementwise(node.op) || isQuantiser(node.op) || KEEPS_AXES.has(node.op) || NORMS.has(node.op) ? axes : undefined;
}

/** A constant of more axes puts new ones in front. */
const aligned = (axes: Seen['axes'], rank: number): Seen['axes'] => [
  ...Array.from({ length: Math.max(rank - axes.length, 0) }, () => undefined),
  ...axes,
];

/** Axes of one that a view puts in: where Unsqueeze says; of a Reshape where its shape is that of its data but for them. */
function withUnits(node: Node, axes: Seen['axes']): Seen['axes'] | undefined {
  const { constant } = node.inputs[1] ?? {};
  const given = constant && isKnown(constant) ? [...readNumbers(constant)] : undefined;
  if (node.op === 'Unsqueeze') {
    if (!given) return undefined;
    const rank = axes.length + given.length;
    const units = new Set(given.map((axis) => wrapAxis(axis, rank)));
    let next = 0;
    return Array.from({ length: rank }, (_, axis) => (units.has(axis) ? undefined : axes[next++]));
  }
  const [from, to] = [node.inputs[0]?.type?.shape, node.outputs[0]?.type?.shape];
  if (!from || !to || to.length <= from.length) return undefined;
  let next = 0;
  const result = to.map((dim): number | undefined | null => {
    if (next < from.length && dim !== undefined && dim === from[next]) return axes[next++];
    return dim === 1 ? undefined : null;
  });
  return next === from.length && result.every((axis) => axis !== null) ? result : undefined;
}
