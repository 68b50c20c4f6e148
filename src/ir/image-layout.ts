/**
 * Determines which axes of an image are batch, channels and spatial, from its readers: convolutions, pools and norms over channels expect the batch on axis 0
 * and channels on axis 1, whatever Transposes and new axes precede them. Sizes alone cannot distinguish 13 spectral channels last from 13 rows, nor a signal
 * [N, C, T] from an image without a batch.
 */
import { permOf, wrapAxis } from './axis';
import { byOperator } from './match';
import { axisRule, isBroadcasting } from './operator-traits';
import { isKnown, readNumbers } from './tensor';
import { isConst, type Node, type Value } from './types';

/** Operators with channels on axis 1 and spatial axes after it. */
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

/** The same layout, but axis 1 need not be channels: a norm for each bin of a spectrogram has the bins there. A later layer is stronger evidence. */
const NORMS = new Set(['BatchNormalization', 'GroupNormalization', 'InstanceNormalization', 'LRN']);

/** Maximum number of readers examined: the stem of a network is near its image. */
const NEAR = 64;

/** Batch and channel axes of an image, as its readers see them; -1 if it has none. All other axes are spatial. */
export interface Layout {
  readonly batch: number;
  readonly channels: number;
}

/** A value derived from the image, with the image axis for each of its axes; undefined for an inserted axis of length one. */
interface Seen {
  readonly value: Value;
  readonly axes: readonly (number | undefined)[];
}

/** undefined if no sufficiently near reader has channels on axis 1. */
export function layoutByUse(image: Value): Layout | undefined {
  const rank = image.type?.shape?.length ?? 0;
  const seen = new Set<Value>([image]);
  let byNorm: Layout | undefined;
  const queue: Seen[] = [{ value: image, axes: Array.from({ length: rank }, (_, axis) => axis) }];
  for (let at = queue.shift(); at && seen.size < NEAR; at = queue.shift()) {
    for (const { user, slot } of at.value.uses) {
      if (CHANNELS_FIRST.has(user.op)) {
        // Values without spatial axes have channels as well.
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

/** Layout according to a reader with the batch on axis 0 and channels on axis 1; undefined if axes of the image are missing. */
function layoutOf(axes: Seen['axes'], rank: number): Layout | undefined {
  const [batch = -1, channels = -1, ...places] = axes;
  const isWhole = places.every((axis) => axis !== undefined) && new Set(axes.filter((axis) => axis !== undefined)).size === rank;
  return isWhole ? { batch, channels } : undefined;
}

/** Image axis for each axis of the result; undefined if it cannot be determined. */
function axesBehind(node: Node, slot: number, axes: Seen['axes']): Seen['axes'] | undefined {
  const rank = axes.length;
  if (axisRule(node.op) === 'transposed') {
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
  const rule = axisRule(node.op);
  if (rule === 'unary' || rule === 'in place' || rule === 'same') return axes;
  return withUnits(node)?.(node, axes);
}

/** A constant with more axes prepends new ones. */
const aligned = (axes: Seen['axes'], rank: number): Seen['axes'] => [
  ...Array.from({ length: Math.max(rank - axes.length, 0) }, () => undefined),
  ...axes,
];

/** Unit axes inserted by a view: those listed by Unsqueeze, or those of a Reshape that otherwise keeps the shape of its data. */
const withUnits = byOperator<(node: Node, axes: Seen['axes']) => Seen['axes'] | undefined>({
  Reshape: reshapedWithUnits,
  Unsqueeze: unsqueezed,
});

function unsqueezed(node: Node, axes: Seen['axes']): Seen['axes'] | undefined {
  const { constant } = node.inputs[1] ?? {};
  if (!constant || !isKnown(constant)) return undefined;
  const given = [...readNumbers(constant)];
  const rank = axes.length + given.length;
  const units = new Set(given.map((axis) => wrapAxis(axis, rank)));
  let next = 0;
  return Array.from({ length: rank }, (_, axis) => (units.has(axis) ? undefined : axes[next++]));
}

function reshapedWithUnits(node: Node, axes: Seen['axes']): Seen['axes'] | undefined {
  const [from, to] = [node.inputs[0]?.type?.shape, node.outputs[0]?.type?.shape];
  if (!from || !to || to.length <= from.length) return undefined;
  let next = 0;
  const result = to.map((dim): number | undefined | null => {
    if (next < from.length && dim !== undefined && dim === from[next]) return axes[next++];
    return dim === 1 ? undefined : null;
  });
  return next === from.length && result.every((axis) => axis !== null) ? result : undefined;
}
