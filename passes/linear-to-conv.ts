/**
 * linear-to-conv: read a fully connected layer as a convolution whose filters are as big as the map.
 *
 *   Y = Gemm(Flatten<axis=1>(X), W, B)                  X [N,C,H,W]  W [M,C*H*W] (transB = 1) or its transpose
 * becomes
 *   Y = Flatten<axis=1>(Conv<pads = 0>(X, W', B))       W' [M,C,H,W]
 *
 * Exact: Flatten lays out (c, h, w) in row-major order, and so does the kernel, so both sides sum the same products. With transB = 1 the kernel is
 * the weight's own bytes under another shape. A channels-last X [N,H,W,C] is brought to [N,C,H,W] and the kernel's axes are permuted alike.
 * A weight that a DequantizeLinear gives keeps its few bits: its integers are read as the kernel.
 * A layer over several flattened maps side by side (Concat) becomes a convolution over each, summed; maps that strided pools make of one map (spatial
 * pyramid pooling) are pooled at every place and read with dilation instead, so that they stay aligned.
 * Numbers: the same products, perhaps summed in another order.
 * Left alone: X whose C, H or W is not known; a weight that is computed; a bias that Gemm would broadcast; alpha or beta other than 1.
 */

import { attributes, intAttr, intsAttr, stringAttr } from '../src/ir/attrs';
import { axisRolesOf, type MapAxes, mapAxes } from '../src/ir/axis-roles';
import { pixelStride } from '../src/ir/pixel-stride';
import { elementCount, permuted, reshaped, slicedAlong } from '../src/ir/tensor';
import type { Node, Tensor, Value } from '../src/ir/types';
import { rankOf } from '../src/ir/types';
import { productOf } from '../src/ir/views';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node, optional, value } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

const flattenGemm = defineRule({
  name: 'flatten-gemm',
  match: node('Gemm', [node('Flatten', [value('x')], { attrs: { axis: 1 }, shared: true }), constant('w'), optional(constant('b'))], {
    as: 'gemm',
    attrs: { alpha: 1, beta: 1, transA: 0 },
  }),
  when({ x, w, b, gemm }) {
    if (rankOf(x) !== 4) return refuse(`the flattened value has ${rankOf(x) ?? 'an unknown number of'} axes, not [N,C,H,W]`, x);
    const axes = mapAxes(x, axisRolesOf(gemm.graph).of(x));
    if (!axes) return refuse('it is not known which axes of the flattened value are channels, rows and columns', x);
    const transB = intAttr(gemm, 'transB', 0) !== 0;
    const [outputs = 0, features] = transB ? w.constant.shape : [...w.constant.shape].reverse();
    const map = (x.type?.shape?.slice(1) ?? []).filter((dim) => typeof dim === 'number');
    if (features === undefined || map.length !== 3 || productOf(map) !== features)
      return refuse(`the weight takes ${features} numbers, the map has [${map}]`, gemm);
    if (b && !(b.constant.shape.length === 1 && b.constant.shape[0] === outputs)) return refuse('the bias is not one number per output', b);
    return { axes, transB, outputs, map };
  },
  build({ x, w, b }, make, { axes, transB, outputs, map }) {
    const { rows, columns } = axes.shape;
    const kernel = kernelOf(transB ? w.constant : permuted(w.constant, [1, 0]), outputs, map, axes);
    const data = isChannelsFirst(axes) ? x : make.op('Transpose', [x], { perm: axes.toChannelsFirst });
    const conv = make.op('Conv', [data, make.constant(`${w.name}_kernel`, kernel), b], { kernel_shape: [rows, columns] });
    return make.op('Flatten', [conv], { axis: 1 });
  },
});

/** A weight that is kept in few bits is read as a kernel in few bits. */
const quantisedGemm = defineRule({
  name: 'quantised-gemm',
  match: node(
    'Gemm',
    [
      node('Flatten', [value('x')], { attrs: { axis: 1 }, shared: true }),
      node('DequantizeLinear', [constant('q'), constant('scale')], { as: 'weight', moreInputs: true, shared: true }),
    ],
    { as: 'gemm', attrs: { alpha: 1, beta: 1, transA: 0 }, moreInputs: true },
  ),
  when({ x, q, scale, weight, gemm }) {
    const axes = mapAxes(x, axisRolesOf(gemm.graph).of(x));
    if (!axes) return refuse('it is not known which axes of the flattened value are channels, rows and columns', x);
    const transB = intAttr(gemm, 'transB', 0) !== 0;
    const [outputs = 0, features] = transB ? q.constant.shape : [...q.constant.shape].reverse();
    const map = (x.type?.shape?.slice(1) ?? []).filter((dim) => typeof dim === 'number');
    if (q.constant.shape.length !== 2 || map.length !== 3 || productOf(map) !== features)
      return refuse(`the weight takes ${features} numbers, the map has [${map}]`, gemm);
    const axis = intAttr(weight, 'axis', 1);
    const isPerOutput = (axis < 0 ? axis + 2 : axis) === (transB ? 0 : 1) && scale.constant.shape.length === 1;
    if (intAttr(weight, 'block_size', 0) !== 0 || (elementCount(scale.constant.shape) !== 1 && !isPerOutput))
      return refuse('its weight is not quantised per output', weight);
    const bias = gemm.inputs[2]?.type?.shape;
    if (gemm.inputs[2] && !(bias?.length === 1 && bias[0] === outputs)) return refuse('the bias is not one number per output', gemm);
    return { axes, transB, outputs, map };
  },
  build({ x, q, weight, gemm }, make, { axes, transB, outputs, map }) {
    const kernel = kernelOf(transB ? q.constant : permuted(q.constant, [1, 0]), outputs, map, axes);
    const attrs = new Map([...weight.attrs, ...attributes({ axis: 0 })]);
    const dequantised = make.op('DequantizeLinear', [make.constant(`${q.name}_kernel`, kernel), ...weight.inputs.slice(1)], attrs);
    const data = isChannelsFirst(axes) ? x : make.op('Transpose', [x], { perm: axes.toChannelsFirst });
    const conv = make.op('Conv', [data, dequantised, gemm.inputs[2]], { kernel_shape: [axes.shape.rows, axes.shape.columns] });
    return make.op('Flatten', [conv], { axis: 1 });
  },
});

/** Rows [M, features] as filters. Flatten lays out the value's own axes, whatever they are; the kernel takes them in that order first. */
function kernelOf(rows: Tensor, outputs: number, map: readonly number[], axes: MapAxes): Tensor {
  const asMap = reshaped(rows, [outputs, ...map]);
  return isChannelsFirst(axes) ? asMap : permuted(asMap, axes.toChannelsFirst);
}
const isChannelsFirst = ({ toChannelsFirst }: MapAxes): boolean => toChannelsFirst.every((axis, at) => axis === at);

/** A linear layer over several flattened maps side by side: a convolution over each, summed. */
const concatGemm = defineRule({
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
      const axes = map && mapAxes(map, roles.of(map));
      if (flatten?.op !== 'Flatten' || intAttr(flatten, 'axis', 1) !== 1 || !map || axes?.channels !== 1)
        return refuse('it reads something beside flattened maps [N,C,H,W]', concat);
      branches.push(branchOf(map, axes));
    }
    // Maps of one cell are concatenated along channels by sink-flatten, which leaves one layer.
    if (branches.every(({ shape, pool }) => !pool && shape.rows * shape.columns === 1)) return undefined;
    const transB = intAttr(gemm, 'transB', 0) !== 0;
    const [outputs = 0, features] = transB ? w.constant.shape : [...w.constant.shape].reverse();
    if (branches.reduce((sum, branch) => sum + featuresOf(branch), 0) !== features)
      return refuse('the weight does not take as many numbers as the maps have', gemm);
    if (b && !(b.constant.shape.length === 1 && b.constant.shape[0] === outputs)) return refuse('the bias is not one number per output', b);
    // Windows of all maps move on together: by the widest stride among them.
    const widest = [0, 1].map((axis) => Math.max(...branches.map((branch) => branch.stride[axis] ?? 1)));
    const steps = branches.map((branch) => widest.map((stride, axis) => stride / (branch.stride[axis] ?? 1)));
    if (!steps.flat().every(Number.isInteger)) return refuse('its maps have strides of which none divides the others', concat);
    return { branches, steps, transB, outputs };
  },
  build({ w, b }, make, { branches, steps, transB, outputs }) {
    const rowsFirst = transB ? w.constant : permuted(w.constant, [1, 0]);
    let first = 0;
    const parts = branches.map((branch, index) => {
      const { channels, rows, columns } = branch.shape;
      const kernel = reshaped(slicedAlong(rowsFirst, 1, first, featuresOf(branch)), [outputs, channels, rows, columns]);
      first += featuresOf(branch);
      const map = branch.pool
        ? make.op(branch.pool.op, [branch.map], new Map([...branch.pool.attrs, ...attributes({ strides: [1, 1] })]))
        : branch.map;
      const conv = make.op('Conv', [map, make.constant(`${w.name}_kernel`, kernel), index === 0 ? b : undefined], {
        kernel_shape: [rows, columns],
        dilations: branch.dilations.some((dilation) => dilation !== 1) ? branch.dilations : undefined,
        strides: steps[index]?.some((step) => step !== 1) ? steps[index] : undefined,
      });
      // Rows and columns that the strided pool never reached.
      const [down = 0, across = 0] = branch.beyond;
      if (down === 0 && across === 0) return conv;
      const end = (beyond: number): number => (beyond === 0 ? 2 ** 63 : -beyond);
      return make.op('Slice', [
        conv,
        make.int64s('starts', [0, 0]),
        make.int64s('ends', [end(down), end(across)]),
        make.int64s('axes', [2, 3]),
      ]);
    });
    return make.op('Flatten', [parts.slice(1).reduce((sum, part) => make.op('Add', [sum, part]), parts[0] ?? make.op('Identity', [w]))], {
      axis: 1,
    });
  },
});

/**
 * A flattened map. One that an unpadded, strided pool makes (spatial pyramid pooling) is pooled at every place instead, and its convolution dilated by
 * the old stride, which reads the same numbers: then maps of different pools stay aligned.
 */
interface Branch {
  readonly map: Value;
  readonly pool: Node | undefined;
  readonly shape: MapAxes['shape'];
  readonly dilations: readonly number[];
  readonly beyond: readonly number[];
  /** Input pixels between neighbouring cells of the map that is read. */
  readonly stride: readonly number[];
}

function branchOf(map: Value, axes: MapAxes): Branch {
  const pool = map.producer;
  const [source] = pool?.inputs ?? [];
  const size = source?.type?.shape?.slice(2);
  const [kernel, strides] = [pool && intsAttr(pool, 'kernel_shape'), (pool && intsAttr(pool, 'strides')) ?? [1, 1]];
  const isPool = pool && (pool.op === 'MaxPool' || pool.op === 'AveragePool') && pool.outputs.length === 1;
  const plain = { map, pool: undefined, shape: axes.shape, dilations: [1, 1], beyond: [0, 0], stride: pixelStride(map) };
  if (!isPool || !source || !kernel || !size || strides.every((stride) => stride === 1) || !isUnpadded(pool)) return plain;
  const cells = [axes.shape.rows, axes.shape.columns];
  const beyond = cells.map((count, axis) => Number(size[axis]) - (kernel[axis] ?? 1) - (count - 1) * (strides[axis] ?? 1));
  return beyond.every((rest) => rest >= 0)
    ? { map: source, pool, shape: axes.shape, dilations: strides, beyond, stride: pixelStride(source) }
    : plain;
}

const featuresOf = ({ shape }: Branch): number => shape.channels * shape.rows * shape.columns;
const isUnpadded = (pool: Node): boolean =>
  (intsAttr(pool, 'pads') ?? []).every((pad) => pad === 0) &&
  ['NOTSET', 'VALID'].includes(stringAttr(pool, 'auto_pad', 'NOTSET')) &&
  intAttr(pool, 'ceil_mode', 0) === 0 &&
  (intsAttr(pool, 'dilations') ?? []).every((dilation) => dilation === 1);

export const linearToConv = defineRulePass({
  name: 'linear-to-conv',
  summary: 'turn a fully connected layer over a map into a convolution as big as the map',
  numbers: 'reordered',
  rules: [flattenGemm, quantisedGemm, concatGemm],
});
