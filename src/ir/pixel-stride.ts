/**
 * How many input pixels lie between neighbouring cells of a map, along rows and columns.
 *
 * Where the map's size is an expression over the image's, the stride is read off it: an image of L more pixels has L / stride more cells, L being a multiple
 * of all strides that networks have. At a static size it is the product of the strides on the way from the image: branches that meet have the same stride,
 * or the network could not add or concatenate them, so any way will do.
 */
import { intAttr, intsAttr } from './attrs';
import { evaluateDim, namesOf } from './dims';
import { readNumbers } from './tensor';
import type { Dim, Node, Value } from './types';
import { isConst } from './types';

/** [rows, columns]; below 1 behind an upsampling. */
export function pixelStride(map: Value): readonly [number, number] {
  return strideBySize(map) ?? onTheWay(map);
}

/** The same where the size tells; undefined where it is static, or no expression. */
export function strideBySize(map: Value): readonly [number, number] | undefined {
  const growing = map.type?.shape?.slice(1).filter((dim) => typeof dim === 'string') ?? [];
  const [rows, columns] = growing.length === 2 ? growing.map(strideOf) : [];
  return rows !== undefined && columns !== undefined ? [rows, columns] : undefined;
}

/** A multiple of every number up to 10, of 32 times each, and of their common products. */
const MANY = 2 ** 12 * 3 ** 4 * 5 ** 2 * 7;

function strideOf(dim: Dim): number | undefined {
  const [name, ...others] = namesOf(dim);
  if (name === undefined || others.length > 0) return undefined;
  const cells = (pixels: number): number | undefined => evaluateDim(dim, { [name]: pixels });
  const [few, many] = [cells(MANY), cells(2 * MANY)];
  return few !== undefined && many !== undefined && many > few ? MANY / (many - few) : undefined;
}

function onTheWay(map: Value): readonly [number, number] {
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
