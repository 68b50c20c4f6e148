/** Resize with its defaults filled in. */

import { intAttr, stringAttr } from '../ir/attrs';
import { namedAxes } from '../ir/axis';
import { isNode } from '../ir/match';
import type { Node } from '../ir/types';
import { constantInts } from './constants';

export interface Resize {
  readonly mode: string;
  readonly coordinates: string;
  readonly rounding: string;
  readonly antialias: boolean;
  readonly excludesOutside: boolean;
  /** True if lengths are given, as constants or computed; otherwise a scale is given. */
  readonly isBySize: boolean;
  /** The resized axes. */
  readonly axes: readonly number[];
  /** Scales of these axes, if they are constants. */
  readonly scales: readonly number[] | undefined;
}

/** Returns undefined if the rank is unknown, and for any other operator. */
export function asResize(node: Node): Resize | undefined {
  const rank = node.inputs[0]?.type?.shape?.length;
  if (!isNode(node, 'Resize') || rank === undefined) return undefined;
  return {
    mode: stringAttr(node, 'mode'),
    coordinates: stringAttr(node, 'coordinate_transformation_mode'),
    rounding: stringAttr(node, 'nearest_mode'),
    antialias: intAttr(node, 'antialias') !== 0,
    excludesOutside: intAttr(node, 'exclude_outside') !== 0,
    isBySize: node.inputs[3] !== undefined,
    axes: namedAxes(node, rank),
    scales: node.inputs[3] ? undefined : constantInts(node, 2),
  };
}
