/** The weight of a fully connected layer as the kernel of a convolution. */
import { isChannelsFirst, type MapAxes } from '../../src/ir/axis-roles';
import { permuted, reshaped } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';

/** Reshapes rows [M, features] to filters. Flatten lays out the value's own axes, in any order; the kernel is first read in that order. */
export function kernelOf(rows: Tensor, outputs: number, map: readonly number[], axes: MapAxes): Tensor {
  const asMap = reshaped(rows, [outputs, ...map]);
  return isChannelsFirst(axes) ? asMap : permuted(asMap, axes.toChannelsFirst);
}
