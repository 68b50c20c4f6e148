/** Normalisations: the axes they normalise over, with defaults filled in. */
import { intAttr, intsAttr } from '../ir/attrs';
import { wrapAxis } from '../ir/axis';
import type { Node } from '../ir/types';

export interface Norm {
  /** Axes normalised over. */
  readonly axes: readonly number[];
  /** Axes that the scale has values for, aligned at the last axes of the data. */
  readonly scaled: readonly number[];
}

/** Returns undefined if the node is not a normalisation or its rank is unknown. */
export function asNorm(node: Node): Norm | undefined {
  const rank = node.inputs[0]?.type?.shape?.length;
  if (rank === undefined) return undefined;
  const from = (first: number): number[] => Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis >= first);
  switch (node.opType) {
    case 'BatchNormalization':
      return { axes: intAttr(node, 'training_mode') === 0 ? [] : [0, ...from(2)], scaled: [1] };
    case 'InstanceNormalization':
    case 'GroupNormalization':
      return { axes: from(2), scaled: [1] };
    case 'LayerNormalization':
    case 'RMSNormalization': {
      const axes = from(wrapAxis(intAttr(node, 'axis'), rank));
      return { axes, scaled: axes };
    }
    case 'MeanVarianceNormalization':
      return { axes: (intsAttr(node, 'axes') ?? []).map((axis) => wrapAxis(axis, rank)), scaled: [] };
    default:
      return undefined;
  }
}
