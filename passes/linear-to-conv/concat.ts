/**
 * A linear layer over several concatenated flattened maps is a convolution over each, summed:
 *
 *   Gemm(Concat(Flatten(X), Flatten(Z), V), W)          X, Z maps; V a vector of values given beside the image
 * becomes
 *   Flatten(Conv(X, W1) + Conv(Z, W2) + Gemm(V, W3))
 *
 * Exact: a sum over concatenated features is the sum of the sums over each part. A map with transposed axes is transposed back, and so is its part of the
 * weight. The vector is the same for all windows of its image.
 */

import { attributes, intAttr, intsAttr } from '../../src/ir/attrs';
import { axisRolesOf, cellsIn, imageInputs, isChannelsFirst, type MapAxes, mapAxes, sizesIn } from '../../src/ir/axis-roles';
import type { Graph } from '../../src/ir/graph';
import { isNode } from '../../src/ir/match';
import { elementCount, permuted, slicedAlong } from '../../src/ir/tensor';
import { isConst, type Node, type Value } from '../../src/ir/types';
import { flattenedMap } from '../../src/ir/views';
import { isPlainPool } from '../../src/ir/window-attrs';
import { pixelStride } from '../../src/operators/pixel-stride';
import type { Builder } from '../../src/rewrite/builder';
import { constant, node, optional } from '../../src/rewrite/pattern';
import { defineRule, refuse } from '../../src/rewrite/rule';
import { kernelOf } from './kernel';

export const concatGemm = defineRule({
  name: 'concat-gemm',
  match: node(
    'Gemm',
    [node('Concat', [], { as: 'concat', attrs: { axis: 1 }, moreInputs: true }), constant('w'), optional(constant('b'))],
    {
      as: 'gemm',
      attrs: { alpha: 1, beta: 1, transA: 0 },
    },
  ),
  when({ concat, gemm, w, b }) {
    const roles = axisRolesOf(gemm.graph);
    const branches: Branch[] = [];
    for (const input of concat.inputs) {
      const flatten = input?.producer;
      const [map] = flatten?.inputs ?? [];
      const axes = map && mapAxes(map, roles);
      if (flatten && flattenedMap(flatten) && axes) branches.push(branchOf(map, axes));
      else if (input && isBesideImages(input, gemm.graph)) branches.push({ vector: input, features: Number(input.type?.shape?.[1]) });
      else return refuse('it reads something beside flattened maps', concat);
    }
    const maps = branches.filter(isMapBranch);
    if (maps.length === 0) return undefined;
    // Maps of one cell are concatenated along channels by sink-flatten, which leaves one layer.
    if (maps.length === branches.length && maps.every(({ axes, pool }) => !pool && cellsIn(axes) === 1)) return undefined;
    const transB = intAttr(gemm, 'transB') !== 0;
    const [outputs = 0, features] = transB ? w.constant.shape : [...w.constant.shape].reverse();
    if (branches.reduce((sum, branch) => sum + featuresOf(branch), 0) !== features)
      return refuse('the weight does not take as many numbers as the maps have', gemm);
    if (b && !(b.constant.shape.length === 1 && b.constant.shape[0] === outputs)) return refuse('the bias is not one number per output', b);
    // The windows of all maps move together, by the largest stride among them.
    const count = roles.letters.length;
    const widest = Array.from({ length: count }, (_, axis) => Math.max(...maps.map((branch) => branch.stride[axis] ?? 1)));
    const steps = maps.map((branch) => widest.map((stride, axis) => stride / (branch.stride[axis] ?? 1)));
    if (!steps.flat().every(Number.isInteger)) return refuse('its maps have strides of which none divides the others', concat);
    return { branches, steps: new Map(maps.map((branch, at) => [branch, steps[at] ?? []])), transB, outputs, count };
  },
  build({ w, b }, make, { branches, steps, transB, outputs, count }) {
    const rowsFirst = transB ? w.constant : permuted(w.constant, [1, 0]);
    const isBiased = branches.findIndex(isMapBranch);
    let first = 0;
    const parts = branches.map((branch, index) => {
      const rows = slicedAlong(rowsFirst, 1, first, featuresOf(branch));
      first += featuresOf(branch);
      return isMapBranch(branch)
        ? convolution(branch, make.constant(`${w.name}_kernel`, kernelOf(rows, outputs, sizesIn(branch.axes), branch.axes)), make, {
            bias: index === isBiased ? b : undefined,
            step: steps.get(branch) ?? [],
          })
        : // The same for all windows of an image.
          make.op('Reshape', [
            make.op('Gemm', [branch.vector, make.constant(`${w.name}_beside`, rows)], { transB: 1 }),
            make.int64s('one_cell', [0, outputs, ...ones(count)]),
          ]);
    });
    return make.op('Flatten', [parts.slice(1).reduce((sum, part) => make.op('Add', [sum, part]), parts[0] ?? make.op('Identity', [w]))], {
      axis: 1,
    });
  },
});

interface Reading {
  readonly bias: Value | undefined;
  readonly step: readonly number[];
}

function convolution(branch: MapBranch, kernel: Value, make: Builder, { bias, step }: Reading): Value {
  const { axes, pool } = branch;
  const map = pool
    ? make.op(pool.op, [branch.map], new Map([...pool.attrs, ...attributes({ strides: ones(axes.places.length) })]))
    : branch.map;
  const data = isChannelsFirst(axes) ? map : make.op('Transpose', [map], { perm: axes.toChannelsFirst });
  const conv = make.op('Conv', [data, kernel, bias], {
    kernel_shape: axes.shape.places,
    dilations: branch.dilations.some((dilation) => dilation !== 1) ? branch.dilations : undefined,
    strides: step.some((size) => size !== 1) ? step : undefined,
  });
  // Drop positions that the strided pool never reached.
  const { beyond } = branch;
  if (beyond.every((rest) => rest === 0)) return conv;
  return make.op('Slice', [
    conv,
    make.int64s(
      'starts',
      beyond.map(() => 0),
    ),
    make.int64s(
      'ends',
      beyond.map((rest) => (rest === 0 ? 2 ** 63 : -rest)),
    ),
    make.int64s(
      'axes',
      beyond.map((_, axis) => axis + 2),
    ),
  ]);
}

/** A vector that another input of the network gives for each image: metadata. */
interface VectorBranch {
  readonly vector: Value;
  readonly features: number;
}
type Branch = MapBranch | VectorBranch;
const isMapBranch = (branch: Branch): branch is MapBranch => 'map' in branch;

/**
 * A flattened map. If an unpadded, strided pool computes it (spatial pyramid pooling), it is pooled at every position instead, and its convolution is dilated
 * by the old stride, which reads the same values: then the maps of different pools stay aligned.
 */
interface MapBranch {
  readonly map: Value;
  readonly pool: Node | undefined;
  readonly axes: MapAxes;
  readonly dilations: readonly number[];
  readonly beyond: readonly number[];
  /** Input pixels between neighbouring cells of the map that is read. */
  readonly stride: readonly number[];
}

function branchOf(map: Value, axes: MapAxes): MapBranch {
  const pool = map.producer;
  const [source] = pool?.inputs ?? [];
  const size = source?.type?.shape?.slice(2);
  const one = ones(axes.places.length);
  const [kernel, strides] = [pool && intsAttr(pool, 'kernel_shape'), (pool && intsAttr(pool, 'strides')) ?? one];
  const isPool = isNode(pool, 'MaxPool', 'AveragePool') && pool.outputs.length === 1;
  const plain = { map, pool: undefined, axes, dilations: one, beyond: one.map(() => 0), stride: pixelStride(map) };
  if (!isChannelsFirst(axes) || !isPool || !source || !kernel || !size || strides.every((stride) => stride === 1) || !isPlainPool(pool))
    return plain;
  const beyond = axes.shape.places.map((count, axis) => Number(size[axis]) - (kernel[axis] ?? 1) - (count - 1) * (strides[axis] ?? 1));
  return beyond.every((rest) => rest >= 0) ? { map: source, pool, axes, dilations: strides, beyond, stride: pixelStride(source) } : plain;
}

const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1);
const featuresOf = (branch: Branch): number => (isMapBranch(branch) ? elementCount(sizesIn(branch.axes)) : branch.features);

/** Whether [N, M] is computed from inputs other than images. */
function isBesideImages(vector: Value, graph: Graph): boolean {
  const shape = vector.type?.shape;
  if (shape?.length !== 2 || typeof shape[1] !== 'number' || isConst(vector)) return false;
  const images = imageInputs(graph);
  const seen = new Set<Value>([vector]);
  for (const at of seen) {
    if (images.has(at)) return false;
    for (const input of at.producer?.inputs ?? []) if (input && !isConst(input)) seen.add(input);
  }
  return true;
}
