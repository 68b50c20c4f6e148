/**
 * Stride of a map in input pixels, between neighbouring cells along each spatial axis. Exact: a stride of 13 is 13.
 *
 * If the map's size is an expression over the image's size, the stride is the inverse of its growth. At a static size it is the product of the steps on
 * the path from the image. Branches that meet have equal strides (the network could not add or concatenate them otherwise), so any path over maps will do.
 */
import { imageInputs, lettersOf } from '../ir/axis-roles';
import { dimGrowth } from '../ir/dims';
import type { Graph } from '../ir/graph';
import { absolute, inverse, ONE, type Ratio, times, toNumber } from '../ir/ratio';
import type { Letter } from '../ir/spatial';
import type { Dim, Node, Value } from '../ir/types';
import { isConst } from '../ir/types';
import { operatorOf } from '.';

/** Stride per spatial axis, outermost first; below 1 after upsampling. */
export function pixelStride(map: Value): readonly number[] {
  return strideBySize(map) ?? onTheWay(map);
}

/** Stride read off the size alone; undefined if the size is static or not an expression. */
export function strideBySize(map: Value): readonly number[] | undefined {
  const growing = map.type?.shape?.slice(1).filter((dim) => typeof dim === 'string') ?? [];
  const letters = lettersAround(map);
  const { tied } = graphOf(map) ?? {};
  const slides = letters.map((letter) => !tied?.has(letter));
  if (growing.length !== (slides.filter(Boolean).length || 2)) return undefined;
  const strides = growing.map(strideOf);
  if (!strides.every((stride) => stride !== undefined)) return undefined;
  if (slides.every(Boolean)) return strides;
  // Along tied axes the stride is the product of the steps on the path.
  let next = 0;
  const steps = onTheWay(map);
  return slides.map((isSliding, axis) => (isSliding ? strides[next++] : undefined) ?? steps[axis] ?? 1);
}

/** Number of spatial axes of the network. */
const axesOf = (map: Value): number => lettersAround(map).length || 2;
const graphOf = ({ producer, uses }: Value): Graph | undefined => producer?.graph ?? uses[0]?.user.graph;
function lettersAround(map: Value): readonly Letter[] {
  const graph = graphOf(map);
  return graph ? lettersOf(imageInputs(graph.root)) : [];
}

function strideOf(dim: Dim): number | undefined {
  const growth = dimGrowth(dim);
  return growth && growth.num > 0 ? toNumber(inverse(growth)) : undefined;
}

function onTheWay(map: Value): readonly number[] {
  let strides = Array.from({ length: axesOf(map) }, () => ONE);
  for (let node = map.producer; node; ) {
    const at = node;
    strides = strides.map((stride, axis) => times(stride, paceAlong(at, axis + 2)));
    node = mapBehind(node)?.producer;
  }
  return strides.map(toNumber);
}

function paceAlong(node: Node, axis: number): Ratio {
  const { form, reads } = operatorOf(node);
  const own = form === 'same' ? reads(node, axis) : undefined;
  return own?.kind === 'window' ? absolute(own.step.stride) : ONE;
}

/** The operand with spatial positions. An operand with a single cell (a gate) does not count if another has more. */
function mapBehind(node: Node): Value | undefined {
  const maps = node.inputs.filter(
    (input): input is Value => input !== undefined && !isConst(input) && (input.type?.shape?.length ?? 0) >= 3,
  );
  return maps.find(({ type }) => type?.shape?.slice(2).some((dim) => dim !== 1)) ?? maps[0];
}
