/**
 * linear-to-conv: read a fully connected layer as a convolution whose filters are as large as the map.
 *
 *   Y = Gemm(Flatten<axis=1>(X), W, B)                  X [N,C,H,W]  W [M,C*H*W] (transB = 1) or its transpose; any number of spatial axes
 * becomes
 *   Y = Flatten<axis=1>(Conv<pads = 0>(X, W', B))       W' [M,C,H,W]
 *
 * Exact: Flatten lays out (c, h, w) in row-major order, and so does the kernel, so both sides sum the same products. With transB = 1 the kernel consists of
 * the weight's own bytes under another shape. A channels-last X [N,H,W,C] is transposed to [N,C,H,W] and the kernel's axes are permuted in the same way.
 * A quantised weight from a DequantizeLinear stays quantised: its integers are read as the kernel.
 * A layer over several concatenated flattened maps becomes a convolution over each, summed; maps that strided pools compute from one map (spatial
 * pyramid pooling) are pooled at every position and read with dilation instead, so that they stay aligned.
 * Numbers: the same products, possibly summed in another order.
 * Left alone: X whose C, H or W is not known; a weight that is computed; a bias that Gemm would broadcast; alpha or beta other than 1.
 */

import { attributes, intAttr } from '../../src/ir/attrs';
import { axisRolesOf, hasMapRank, isChannelsFirst, mapAxes } from '../../src/ir/axis-roles';
import { elementCount, permuted } from '../../src/ir/tensor';
import { rankOf } from '../../src/ir/types';
import { productOf } from '../../src/ir/views';
import { defineRulePass } from '../../src/rewrite/pass';
import { constant, node, optional, value } from '../../src/rewrite/pattern';
import { defineRule, refuse } from '../../src/rewrite/rule';
import { concatGemm } from './concat';
import { kernelOf } from './kernel';

const flattenGemm = defineRule({
  name: 'flatten-gemm',
  match: node('Gemm', [node('Flatten', [value('x')], { attrs: { axis: 1 }, shared: true }), constant('w'), optional(constant('b'))], {
    as: 'gemm',
    attrs: { alpha: 1, beta: 1, transA: 0 },
  }),
  when({ x, w, b, gemm }) {
    if (!hasMapRank(x, gemm.graph))
      return refuse(`the flattened value has ${rankOf(x) ?? 'an unknown number of'} axes: it is not a map`, x);
    const axes = mapAxes(x, axisRolesOf(gemm.graph));
    if (!axes) return refuse('it is not known which axes of the flattened value are channels, and which are places', x);
    const transB = intAttr(gemm, 'transB') !== 0;
    const [outputs = 0, features] = transB ? w.constant.shape : [...w.constant.shape].reverse();
    const map = (x.type?.shape?.slice(1) ?? []).filter((dim) => typeof dim === 'number');
    if (features === undefined || map.length !== (rankOf(x) ?? 0) - 1 || productOf(map) !== features)
      return refuse(`the weight takes ${features} numbers, the map has [${map}]`, gemm);
    if (b && !(b.constant.shape.length === 1 && b.constant.shape[0] === outputs)) return refuse('the bias is not one number per output', b);
    return { axes, transB, outputs, map };
  },
  build({ x, w, b }, make, { axes, transB, outputs, map }) {
    const kernel = kernelOf(transB ? w.constant : permuted(w.constant, [1, 0]), outputs, map, axes);
    const data = isChannelsFirst(axes) ? x : make.op('Transpose', [x], { perm: axes.toChannelsFirst });
    const conv = make.op('Conv', [data, make.constant(`${w.name}_kernel`, kernel), b], { kernel_shape: axes.shape.places });
    return make.op('Flatten', [conv], { axis: 1 });
  },
});

/** A quantised weight is read as a quantised kernel. */
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
    const axes = mapAxes(x, axisRolesOf(gemm.graph));
    if (!axes) return refuse('it is not known which axes of the flattened value are channels, and which are places', x);
    const transB = intAttr(gemm, 'transB') !== 0;
    const [outputs = 0, features] = transB ? q.constant.shape : [...q.constant.shape].reverse();
    const map = (x.type?.shape?.slice(1) ?? []).filter((dim) => typeof dim === 'number');
    if (q.constant.shape.length !== 2 || map.length !== (rankOf(x) ?? 0) - 1 || productOf(map) !== features)
      return refuse(`the weight takes ${features} numbers, the map has [${map}]`, gemm);
    const axis = intAttr(weight, 'axis');
    const isPerOutput = (axis < 0 ? axis + 2 : axis) === (transB ? 0 : 1) && scale.constant.shape.length === 1;
    if (intAttr(weight, 'block_size') !== 0 || (elementCount(scale.constant.shape) !== 1 && !isPerOutput))
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
    const conv = make.op('Conv', [data, dequantised, gemm.inputs[2]], { kernel_shape: axes.shape.places });
    return make.op('Flatten', [conv], { axis: 1 });
  },
});

export const linearToConv = defineRulePass({
  name: 'linear-to-conv',
  role: 'converts',
  summary: 'turn a fully connected layer over a map into a convolution as big as the map',
  numbers: 'reordered',
  rules: [flattenGemm, quantisedGemm, concatGemm],
});
