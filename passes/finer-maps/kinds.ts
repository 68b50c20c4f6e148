/** Classifies operators by how they handle a map that is to become finer. */

import { intAttr } from '../../src/ir/attrs';
import { byOperator } from '../../src/ir/match';
import { isBroadcasting, isReduction, isUnaryElementwise } from '../../src/ir/operator-traits';
import { readNumbers } from '../../src/ir/tensor';
import type { Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { asPad } from '../../src/operators/pad';
import { asRecurrent } from '../../src/operators/recurrent';
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
  const { roles: known } = densities;
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
  const found = kindBy(node)?.({ node, roles, along, densities, output });
  return found ?? because('it is not known how it grows with the map');
}

interface Asked {
  readonly node: Node;
  readonly roles: readonly string[];
  /** Role of the node's own axis. */
  readonly along: () => string;
  readonly densities: Densities;
  readonly output: Value;
}
type KindOf = (asked: Asked) => Kind | Refusal;

const everywhere: KindOf = () => 'everywhere';
const whole: KindOf = () => 'whole';
const sizes: KindOf = () => 'sizes';
const window: KindOf = ({ node, roles, densities }) => (isChannelsFirst(roles, densities, node) ? 'window' : because(NOT_CHANNELS_FIRST));
const unlessAlong =
  (reason: string): KindOf =>
  ({ along }) =>
    isPlace(along()) ? because(reason) : 'everywhere';
const parts = unlessAlong('it puts places together or takes them apart');
const compares = unlessAlong('it compares places with each other');
const quantiser: KindOf = ({ node, along }) => {
  const scales = node.inputs[1]?.type?.shape?.length ?? 0;
  return scales > 0 && isPlace(along()) ? because('it has a separate scale for each place') : 'everywhere';
};
const NORMALISES = 'it normalises over places';
const overPlaces: KindOf = () => because(NORMALISES);
const overLastAxes: KindOf = ({ node, roles }) => (roles.slice(intAttr(node, 'axis')).some(isPlace) ? because(NORMALISES) : 'everywhere');
const view: KindOf = ({ densities, output }) => {
  const own = densities.roles.of(output);
  if (own && densities.letters.every((letter) => own.includes(letter))) return 'everywhere';
  // The windows as images of a larger batch.
  if (own?.includes(`N${densities.letters.join('')}`)) return 'everywhere';
  // Exporters write norms over groups of channels, or over all, as a flattened map in an InstanceNormalization.
  const [reader] = output.uses;
  return because(reader && /Normalization$/.test(reader.user.op) ? NORMALISES : 'it does not keep the spatial axes apart');
};

const sequence: KindOf = ({ node, roles }) =>
  isPlace(roles[asRecurrent(node).sequence] ?? '') ? because('it runs over places one after the other') : 'everywhere';

/** Operators that are not listed prevent a finer map. */
const kindBy = byOperator<KindOf>({
  AveragePool: window,
  BatchNormalization: everywhere,
  Concat: parts,
  Conv: window,
  DequantizeLinear: quantiser,
  Dropout: everywhere,
  Flatten: view,
  Gather: parts,
  GRU: sequence,
  GlobalAveragePool: whole,
  GlobalLpPool: whole,
  GlobalMaxPool: whole,
  GroupNormalization: overPlaces,
  Hardmax: compares,
  InstanceNormalization: overPlaces,
  LRN: everywhere,
  LSTM: sequence,
  LayerNormalization: overLastAxes,
  LogSoftmax: compares,
  LpNormalization: compares,
  MatMul: ({ node, roles }) => (isConst(node.inputs[1]) && !isPlace(roles.at(-1)) ? 'everywhere' : because('it mixes positions')),
  MaxPool: window,
  MeanVarianceNormalization: overPlaces,
  Pad: ({ node }) => (asPad(node)?.mode === 'constant' ? 'pad' : because('it pads with what lies at the border')),
  QuantizeLinear: quantiser,
  RMSNormalization: overLastAxes,
  RNN: sequence,
  Reshape: view,
  Resize: ({ node, roles, densities }) => (isChannelsFirst(roles, densities, node) ? 'resize' : because(NOT_CHANNELS_FIRST)),
  Shape: sizes,
  Size: sizes,
  Slice: () => 'slice',
  Softmax: compares,
  Split: parts,
  Squeeze: view,
  Transpose: everywhere,
  Unsqueeze: view,
});

export const NOT_CHANNELS_FIRST = 'its map is not batch, channels and all spatial axes, in this order';

/** Spatial axes that have been exchanged (transposed images) may only become finer by the same factor. */
function isChannelsFirst(roles: readonly string[], densities: Densities, node: Node): boolean {
  const { letters } = densities;
  if (roles.length !== 2 + letters.length || !roles.slice(2).every(isPlace)) return false;
  const inOrder = letters.every((letter, axis) => roles[axis + 2] === letter);
  return inOrder || [...node.inputs, ...node.outputs].every((value) => new Set(densities.of(value)).size <= 1);
}
