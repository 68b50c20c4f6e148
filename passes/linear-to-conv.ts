/**
 * linear-to-conv: read a fully connected layer as a convolution whose filters are as big as the map.
 *
 *   Y = Gemm(Flatten<axis=1>(X), W, B)                  X [N,C,H,W]  W [M,C*H*W] (transB = 1) or its transpose
 * becomes
 *   Y = Flatten<axis=1>(Conv<pads = 0>(X, W', B))       W' [M,C,H,W]
 *
 * Exact: Flatten lays out (c, h, w) in row-major order, and so does the kernel, so both sides sum the same products. With transB = 1 the kernel is
 * the weight's own bytes under another shape. A channels-last X [N,H,W,C] is brought to [N,C,H,W] and the kernel's axes are permuted alike.
 * Numbers: the same products, perhaps summed in another order.
 * Left alone: X whose C, H or W is not known; a weight that is computed; a bias that Gemm would broadcast; alpha or beta other than 1.
 */

import { intAttr } from '../src/ir/attrs';
import { AxisRoles, imageInputs, mapAxes } from '../src/ir/axis-roles';
import { permuted, reshaped } from '../src/ir/tensor';
import type { Tensor } from '../src/ir/types';
import { rankOf } from '../src/ir/types';
import { productOf } from '../src/ir/views';
import { defineRulePass } from '../src/pass/pass';
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
    const axes = mapAxes(x, new AxisRoles(imageInputs(gemm.graph)).of(x));
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
    const { toChannelsFirst } = axes;
    const isChannelsFirst = toChannelsFirst.every((axis, at) => axis === at);
    const rowsFirst = transB ? w.constant : permuted(w.constant, [1, 0]);
    // Flatten lays out the value's own axes, whatever they are; the kernel takes them in that order first.
    const asMap = reshaped(rowsFirst, [outputs, ...map]);
    const kernel: Tensor = isChannelsFirst ? asMap : permuted(asMap, toChannelsFirst);
    const data = isChannelsFirst ? x : make.op('Transpose', [x], { perm: toChannelsFirst });
    const conv = make.op('Conv', [data, make.constant(`${w.name}_kernel`, kernel), b], { kernel_shape: [rows, columns] });
    return make.op('Flatten', [conv], { axis: 1 });
  },
});

export const linearToConv = defineRulePass({
  name: 'linear-to-conv',
  summary: 'turn a fully connected layer over a map into a convolution as big as the map',
  numbers: 'reordered',
  rules: [flattenGemm],
});
