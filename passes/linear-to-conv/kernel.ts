/** The weight of a fully connected layer as the kernel of a convolution. */
import { isChannelsFirst, type MapAxes } from '../../src/ir/axis-roles';
import { permuted, reshaped } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';

/** Rows [M, features] as filters. Flatten lays out the value's own axes, whatever they are; the kernel takes them in that order first. */
export function kernelOf(rows: Tensor, outputs: number, map: readonly number[], axes: MapAxes): Tensor {
  const asMap = reshaped(rows, [outputs, ...map]);
  return isChannelsFirst(axes) ? asMap : permuted(asMap, axes.toChannelsFirst);
}
