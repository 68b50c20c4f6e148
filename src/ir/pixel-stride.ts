/**
 * How many input pixels lie between neighbouring cells of a map, along rows and columns: the product of the strides on the way from the image.
 * Branches that meet have the same stride, or the network could not add or concatenate them, so any way will do.
 */
import { intAttr, intsAttr } from './attrs';
import { readNumbers } from './tensor';
import type { Node, Value } from './types';
import { isConst } from './types';

/** [rows, columns]; below 1 behind an upsampling. */
export function pixelStride(map: Value): readonly [number, number] {
  let rows = 1;
  let columns = 1;
  for (let node = map.producer; node; ) {
    const [y, x] = ownStride(node);
    rows *= y;
    columns *= x;
    const next: Value | undefined = node.inputs.find(
      (input) => input !== undefined && !isConst(input) && (input.type?.shape?.length ?? 0) >= 3,
    );
    node = next?.producer;
  }
  return [rows, columns];
}

function ownStride(node: Node): readonly [number, number] {
  switch (node.op) {
    case 'Conv':
    case 'AveragePool':
    case 'MaxPool':
    case 'LpPool': {
      const [rows = 1, columns = 1] = intsAttr(node, 'strides') ?? [];
      return [rows, columns];
    }
    case 'ConvTranspose': {
      const [rows = 1, columns = 1] = intsAttr(node, 'strides') ?? [];
      return [1 / rows, 1 / columns];
    }
    case 'SpaceToDepth':
      return [intAttr(node, 'blocksize', 1), intAttr(node, 'blocksize', 1)];
    case 'DepthToSpace':
      return [1 / intAttr(node, 'blocksize', 1), 1 / intAttr(node, 'blocksize', 1)];
    case 'Slice':
      return slice(node);
    case 'Resize':
      return resize(node);
    default:
      return [1, 1];
  }
}

/** Focus stems and subsampling: steps along the two spatial axes. */
function slice(node: Node): readonly [number, number] {
  const steps = node.inputs[4]?.constant;
  const axes = node.inputs[3]?.constant;
  if (!steps || !axes) return [1, 1];
  const [by, along] = [readNumbers(steps), readNumbers(axes)];
  const step = (axis: number): number => by[along.findIndex((candidate) => (candidate < 0 ? candidate + 4 : candidate) === axis)] ?? 1;
  return [Math.abs(step(2)), Math.abs(step(3))];
}

function resize(node: Node): readonly [number, number] {
  const [from, to] = [node.inputs[0]?.type?.shape, node.outputs[0]?.type?.shape];
  const ratio = (axis: number): number => {
    const [a, b] = [from?.[axis], to?.[axis]];
    return typeof a === 'number' && typeof b === 'number' ? a / b : 1;
  };
  return [ratio(2), ratio(3)];
}
