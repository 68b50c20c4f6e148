/** Classifies operators by how they handle a map that is to become finer. */
import { intAttr, stringAttr } from '../../src/ir/attrs';
import { isBroadcasting, isReduction, isUnaryElementwise } from '../../src/ir/operator-traits';
import { readNumbers } from '../../src/ir/tensor';
import type { Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { type Densities, isOne, isPlace, isSame, type PerAxis } from './density';

/**
 * - `window`: a Conv or a pool.
 * - `everywhere`: treats each position independently of its neighbours; nothing needs to be done.
 * - `whole`: combines all positions, and must continue to read the original ones.
 * - `pad`: adds constant values around the map, or crops it.
 * - `slice`: takes some of the positions.
 * - `resize`: interpolates between positions.
 * - `sizes`: returns the size of the map.
 */
export type Kind = 'window' | 'everywhere' | 'whole' | 'pad' | 'slice' | 'resize' | 'sizes';

/** Reason why a map cannot become finer. Continues "the map cannot be made finer: ". */
export interface Refusal {
  readonly because: string;
}
export const because = (reason: string): Refusal => ({ because: reason });

/** Required change of a node, or the reason why it cannot be changed; undefined if the node does not involve maps that become finer. */
export interface Task {
  readonly kind: Kind;
  /** The map. */
  readonly x: Value;
  readonly before: PerAxis;
  readonly after: PerAxis;
}

export function taskOf(node: Node, densities: Densities): Task | Refusal | undefined {
  if (densities.isOutOfSight(node)) return because('it is not known which of its axes are spatial');
  const maps = densities.maps(node);
  const [x] = maps;
  const [output] = node.outputs;
  if (!x || !output) return undefined;
  const [before, after] = [densities.of(x), densities.of(output)];
  if (isOne(before) && isOne(after) && maps.every((map) => isOne(densities.of(map)))) return undefined;
  if (!maps.every((map) => isSame(densities.of(map), before))) return because('it brings maps of different strides together');
  if (![...before, ...after].every(Number.isInteger)) return because('its map lies on no whole number of pixels');
  const kind = kindOf(node, x, densities);
  return typeof kind === 'string' ? { kind, x, before, after } : kind;
}

function kindOf(node: Node, x: Value, densities: Densities): Kind | Refusal {
  const { roles: known, letters } = densities;
  const roles = known.of(x);
  const [output] = node.outputs;
  if (!roles || !output) return because('it is not known which of its axes are spatial');
  const roleOf = (axis: number): string => roles[axis < 0 ? axis + roles.length : axis] ?? '';
  const along = (): string => roleOf(intAttr(node, 'axis'));
  if (isReduction(node.op)) {
    const axes = node.inputs[1] ? node.inputs[1].constant && [...readNumbers(node.inputs[1].constant)] : [...roles.keys()];
    if (!axes) return because('the axes that it takes together are not known');
    return axes.some((axis) => isPlace(roleOf(axis))) ? 'whole' : 'everywhere';
  }
  if (isUnaryElementwise(node.op) || isBroadcasting(node.op)) return 'everywhere';
  switch (node.op) {
    case 'Conv':
    case 'AveragePool':
    case 'MaxPool':
      return isChannelsFirst(roles, densities, node) ? 'window' : because(NOT_CHANNELS_FIRST);
    case 'GlobalAveragePool':
    case 'GlobalMaxPool':
    case 'GlobalLpPool':
      return 'whole';
    case 'Pad':
      return stringAttr(node, 'mode') === 'constant' ? 'pad' : because('it pads with what lies at the border');
    case 'Slice':
      return 'slice';
    case 'Resize':
      return isChannelsFirst(roles, densities, node) ? 'resize' : because(NOT_CHANNELS_FIRST);
    case 'Shape':
    case 'Size':
      return 'sizes';
    case 'BatchNormalization':
    case 'LRN':
    case 'Dropout':
    case 'Transpose':
      return 'everywhere';
    case 'Concat':
    case 'Split':
    case 'Gather':
      return isPlace(along()) ? because('it puts places together or takes them apart') : 'everywhere';
    case 'QuantizeLinear':
    case 'DequantizeLinear': {
      const scales = node.inputs[1]?.type?.shape?.length ?? 0;
      return scales > 0 && isPlace(along()) ? because('it has a separate scale for each place') : 'everywhere';
    }
    case 'Softmax':
    case 'LogSoftmax':
      return isPlace(along()) ? because('it compares places with each other') : 'everywhere';
    case 'LayerNormalization':
    case 'RMSNormalization':
      return roles.slice(intAttr(node, 'axis')).some(isPlace) ? because('it normalises over places') : 'everywhere';
    case 'InstanceNormalization':
    case 'GroupNormalization':
    case 'MeanVarianceNormalization':
      return because('it normalises over places');
    case 'MatMul':
      return isConst(node.inputs[1]) && !isPlace(roles.at(-1)) ? 'everywhere' : because('it mixes positions');
    case 'Reshape':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze': {
      const own = known.of(output);
      if (own && letters.every((letter) => own.includes(letter))) return 'everywhere';
      // Exporters write norms over groups of channels, or over all, as a flattened map in an InstanceNormalization.
      const [reader] = output.uses;
      return reader && /Normalization$/.test(reader.user.op)
        ? because('it normalises over places')
        : because('it does not keep the spatial axes apart');
    }
    default:
      return because('it is not known how it grows with the map');
  }
}

export const NOT_CHANNELS_FIRST = 'its map is not batch, channels and all spatial axes, in this order';

/** Spatial axes that have been exchanged (transposed images) may only become finer by the same factor. */
function isChannelsFirst(roles: readonly string[], densities: Densities, node: Node): boolean {
  const { letters } = densities;
  if (roles.length !== 2 + letters.length || !roles.slice(2).every(isPlace)) return false;
  const inOrder = letters.every((letter, axis) => roles[axis + 2] === letter);
  return inOrder || [...node.inputs, ...node.outputs].every((value) => new Set(densities.of(value)).size <= 1);
}
