/**
 * What holds between a converted network and its original, read off the graph:
 * - `everywhere`: every cell equals the original on its crop, since nothing looks beyond the crop or pads;
 * - `border`: equal at the original size; elsewhere a cell inside the image sees real pixels where the crop saw padding;
 * - `whole-image`: predictions depend on the whole image, through nodes that are global by design.
 * In all three, each cell equals the original's own head applied to its window of the feature map.
 */

import { intAttr, intsAttr, stringAttr } from '../ir/attrs';
import { AxisRoles, imageInputs, type Roles } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import { isReduction } from '../ir/operator-traits';
import { readNumbers } from '../ir/tensor';
import type { Node, Value } from '../ir/types';
import { isConst } from '../ir/types';

export interface Contract {
  readonly kind: 'everywhere' | 'border' | 'whole-image';
  /** Names of the source nodes that pad their input, or whose windows stick out of it. */
  readonly padded: readonly string[];
  /** Names of the source nodes that look at the whole map. */
  readonly global: readonly string[];
}

/** The graph must be convolutional already and still have the window's static sizes. */
export function contractOf(graph: Graph): Contract {
  const roles = new AxisRoles(imageInputs(graph));
  const onImage = graph.nodes.filter((node) => node.inputs.some((input) => input && isSpread(input, roles)));
  const padded = onImage.filter((node) => pads(node, roles)).map(sourceName);
  const global = onImage.filter((node) => looksEverywhere(node, roles)).map(sourceName);
  return { kind: global.length > 0 ? 'whole-image' : padded.length > 0 ? 'border' : 'everywhere', padded, global };
}

/** One sentence for people. */
export function describeContract({ kind, padded, global }: Contract): string {
  switch (kind) {
    case 'everywhere':
      return 'every cell equals the original on its crop, at every size';
    case 'border':
      return `equal at the original size; elsewhere cells see real pixels where crops are padded, by ${listed(padded, 'padded layer')}`;
    case 'whole-image':
      return `equal at the original size; elsewhere predictions depend on the whole image, by ${listed(global, 'node')}`;
  }
}

const listed = (names: readonly string[], what: string): string =>
  `${names.length} ${what}${names.length === 1 ? '' : 's'} (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''})`;

const sourceName = (node: Node): string => node.origin[0] ?? node.name;

const isSpatial = (role: string | undefined): boolean => role !== undefined && /[HW]/.test(role);
const spans = (value: Value, roles: Roles | undefined, axis: number): boolean =>
  isSpatial(roles?.[axis]) && value.type?.shape?.[axis] !== 1;
const isSpread = (value: Value, roles: AxisRoles): boolean => {
  const own = isConst(value) ? undefined : roles.of(value);
  return own?.some((_, axis) => spans(value, own, axis)) ?? false;
};

function pads(node: Node, roles: AxisRoles): boolean {
  switch (node.op) {
    case 'Conv':
    case 'ConvTranspose':
    case 'AveragePool':
    case 'MaxPool':
    case 'LpPool':
      return (
        (intsAttr(node, 'pads') ?? []).some((pad) => pad !== 0) ||
        stringAttr(node, 'auto_pad', 'NOTSET').startsWith('SAME') ||
        intAttr(node, 'ceil_mode', 0) !== 0
      );
    case 'Pad': {
      const [data] = node.inputs;
      const own = data && roles.of(data);
      const [before, after] = [data?.type?.shape, node.outputs[0]?.type?.shape];
      return own?.some((role, axis) => isSpatial(role) && before?.[axis] !== after?.[axis]) ?? true;
    }
    case 'Resize':
      return stringAttr(node, 'mode', 'nearest') !== 'nearest';
    default:
      return false;
  }
}

function looksEverywhere(node: Node, roles: AxisRoles): boolean {
  const [data] = node.inputs;
  const own = data && roles.of(data);
  if (!data || !own) return false;
  const along = (axis: number): boolean => spans(data, own, axis < 0 ? axis + own.length : axis);
  if (isReduction(node.op)) {
    const axes = node.inputs[1]?.constant;
    return axes ? [...readNumbers(axes)].some(along) : own.some((_, axis) => spans(data, own, axis));
  }
  switch (node.op) {
    case 'GlobalAveragePool':
    case 'GlobalMaxPool':
    case 'GlobalLpPool':
    case 'InstanceNormalization':
    case 'GroupNormalization':
    case 'MeanVarianceNormalization':
      return true;
    case 'Softmax':
    case 'LogSoftmax':
    case 'Hardmax':
    case 'LpNormalization':
      return along(intAttr(node, 'axis', -1));
    case 'LayerNormalization': {
      const axis = intAttr(node, 'axis', -1);
      const first = axis < 0 ? axis + own.length : axis;
      return own.some((_, at) => at >= first && spans(data, own, at));
    }
    case 'MatMul':
      return along(-1);
    default:
      return false;
  }
}
