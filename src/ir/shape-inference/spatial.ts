/** Convolutions, pools and other operators with windows over maps [N, C, ...]. */
import { shapeMismatch } from '../../diagnostics/catalogue';
import { givenInt, intAttr, intsAttr, stringAttr } from '../attrs';
import { addDims, divideDim, floorDivideDim, multiplyDims, subtractDims } from '../dims';
import { table } from '../table';
import type { Dim, Node } from '../types';
import { agree, dtypeOf, type Infer, like, type Shape, shapeOf, staticInts, typed, unify, vague } from './context';
import { slide } from './windows';

/** [N, filters, ...] of a convolution whose weight is input `slot`. */
function convolved(node: Node, slot: number, bias: number): Shape {
  const [shape, weight] = [shapeOf(node), shapeOf(node, slot)];
  if (!shape || !weight) return vague(shape?.length ?? weight?.length);
  if (shape.length !== weight.length) throw shapeMismatch(node, `its input has ${shape.length} axes, its weight ${weight.length}`);
  const group = intAttr(node, 'group');
  agree(
    shape[1],
    multiplyDims(weight[1], group),
    node,
    `channels of the input and of the weight${group === 1 ? '' : ` in ${group} groups`}`,
  );
  agree(weight[0], shapeOf(node, bias)?.[0], node, 'filters and the length of the bias');
  return [shape[0], weight[0], ...slide(node, shape, kernelOf(node, weight), false)];
}

/** The weight's own kernel size; `kernel_shape` may only repeat it. */
function kernelOf(node: Node, weight: readonly Dim[]): readonly Dim[] {
  const [kernel, own] = [intsAttr(node, 'kernel_shape'), weight.slice(2)];
  return kernel?.length === own.length ? own.map((dim, axis) => unify(dim, kernel[axis], node, 'kernel_shape and its weight')) : own;
}

const conv: Infer = (node) => like(node, convolved(node, 1, 2));

const convTranspose: Infer = (node) => {
  const [shape, weight] = [shapeOf(node), shapeOf(node, 1)];
  if (!shape || !weight) return like(node, vague(shape?.length ?? weight?.length));
  if (shape.length !== weight.length) throw shapeMismatch(node, `its input has ${shape.length} axes, its weight ${weight.length}`);
  agree(shape[1], weight[0], node, 'channels of the input and of the weight');
  const [strides, dilations, pads, extra, fixed] = ['strides', 'dilations', 'pads', 'output_padding', 'output_shape'].map((name) =>
    intsAttr(node, name),
  );
  const autoPad = stringAttr(node, 'auto_pad');
  const kernel = kernelOf(node, weight);
  const spatial = kernel.map((size, axis): Dim => {
    // Some exporters include batch and channels as well.
    if (fixed) return fixed[fixed.length - kernel.length + axis];
    if (typeof size !== 'number') return undefined;
    const stride = strides?.[axis] ?? 1;
    const beyond = (size - 1) * (dilations?.[axis] ?? 1) + 1 + (extra?.[axis] ?? 0) - stride;
    // SAME cuts whatever exceeds one stride per position; if there is less, nothing is cut.
    const cut = autoPad.startsWith('SAME')
      ? Math.max(beyond, 0)
      : autoPad === 'VALID'
        ? 0
        : (pads?.[axis] ?? 0) + (pads?.[axis + kernel.length] ?? 0);
    return addDims(multiplyDims(shape[axis + 2], stride), beyond - cut);
  });
  const filters = multiplyDims(weight[1], intAttr(node, 'group'));
  agree(filters, shapeOf(node, 2)?.[0], node, 'filters and the length of the bias');
  return like(node, [shape[0], filters, ...spatial]);
};

const pool: Infer = (node) => {
  const shape = shapeOf(node);
  const kernel = intsAttr(node, 'kernel_shape');
  const result: Shape = shape && kernel && [shape[0], shape[1], ...slide(node, shape, kernel, intAttr(node, 'ceil_mode') !== 0)];
  return [typed(dtypeOf(node), result), ...(node.outputs.length > 1 ? [typed('int64', result)] : [])];
};

const globalPool: Infer = (node) => {
  const shape = shapeOf(node);
  // ONNX Runtime refuses these too.
  if (shape && shape.length < 3) throw shapeMismatch(node, `its input has ${shape.length} axes, of which none is spatial`);
  return like(node, shape && [shape[0], shape[1], ...shape.slice(2).map(() => 1)]);
};

const maxUnpool: Infer = (node, context) => {
  const shape = shapeOf(node);
  if (node.inputs[2] || !shape) return like(node, context.ints(node.inputs[2]) ?? vague(shape?.length));
  const [kernel = [], strides, pads] = ['kernel_shape', 'strides', 'pads'].map((name) => intsAttr(node, name));
  const spatial = kernel.map((size, axis) =>
    addDims(
      multiplyDims(subtractDims(shape[axis + 2], 1), strides?.[axis] ?? 1),
      size - (pads?.[axis] ?? 0) - (pads?.[axis + kernel.length] ?? 0),
    ),
  );
  return like(node, [shape[0], shape[1], ...spatial]);
};

/** Number of blocks of pixels, all of which must be complete. */
const wholeBlocks = (length: Dim, size: number, node: Node): Dim => {
  const blocks = divideDim(length, size);
  if (blocks === undefined && typeof length === 'number') throw shapeMismatch(node, `${length} is not a multiple of ${size}`);
  return blocks;
};

const depthToSpace: Infer = (node) => {
  const shape = shapeOf(node);
  const size = intAttr(node, 'blocksize');
  return like(node, shape && [shape[0], wholeBlocks(shape[1], size * size, node), ...shape.slice(2).map((dim) => multiplyDims(dim, size))]);
};

const spaceToDepth: Infer = (node) => {
  const shape = shapeOf(node);
  const size = intAttr(node, 'blocksize');
  return like(
    node,
    // At a size that is not a multiple the runtime refuses to run; at all others the quotient is an integer.
    shape && [
      shape[0],
      multiplyDims(shape[1], size * size),
      ...shape.slice(2).map((dim) => (typeof dim === 'number' ? wholeBlocks(dim, size, node) : floorDivideDim(dim, size))),
    ],
  );
};

const gridSample: Infer = (node) => {
  const [shape, grid] = [shapeOf(node), shapeOf(node, 1)];
  return like(node, shape && grid && [shape[0], shape[1], ...grid.slice(1, -1)]);
};

const affineGrid: Infer = (node, context) => {
  const size = context.ints(node.inputs[1]);
  return like(node, size && [size[0], ...size.slice(2), size.length - 2]);
};

const roiAlign: Infer = (node) => {
  const [shape, rois] = [shapeOf(node), shapeOf(node, 1)];
  return like(node, shape && rois && [rois[0], shape[1], intAttr(node, 'output_height'), intAttr(node, 'output_width')]);
};
const maxRoiPool: Infer = (node) => {
  const [shape, rois] = [shapeOf(node), shapeOf(node, 1)];
  return like(node, shape && rois && [rois[0], shape[1], ...(intsAttr(node, 'pooled_shape') ?? [])]);
};

const col2Im: Infer = (node, context) => {
  const [shape, block] = [shapeOf(node), staticInts(context, node, 2)];
  const image = context.ints(node.inputs[1]);
  const area = block?.reduce((product, length) => product * length, 1);
  return like(node, shape && image && [shape[0], area ? divideDim(shape[1], area) : undefined, ...image]);
};

const nhwcPool: Infer = (node) => {
  const shape = shapeOf(node);
  const kernel = intsAttr(node, 'kernel_shape');
  if (!shape || !kernel || shape.length < 3) return like(node, undefined);
  const channels = shape[shape.length - 1];
  const moved = [shape[0], channels, ...shape.slice(1, -1)];
  return like(node, [shape[0], ...slide(node, moved, kernel, intAttr(node, 'ceil_mode') !== 0), channels]);
};

/** With channels_last: [N, ..., C]. */
const quantizedPool =
  (infer: Infer): Infer =>
  (node, context) =>
    !givenInt(node, 'channels_last') ? infer(node, context) : like(node, vague(shapeOf(node)?.length));

export const spatial: Readonly<Record<string, Infer>> = table({
  AffineGrid: affineGrid,
  AveragePool: pool,
  Col2Im: col2Im,
  Conv: conv,
  ConvInteger: (node) => [typed('int32', convolved(node, 1, -1))],
  ConvTranspose: convTranspose,
  DeformConv: (node) => like(node, convolved(node, 1, 3)),
  DepthToSpace: depthToSpace,
  GlobalAveragePool: globalPool,
  GlobalLpPool: globalPool,
  GlobalMaxPool: globalPool,
  GridSample: gridSample,
  LpPool: pool,
  MaxPool: pool,
  MaxRoiPool: maxRoiPool,
  MaxUnpool: maxUnpool,
  QLinearConv: (node) => [typed(dtypeOf(node, 7), convolved(node, 3, 8))],
  RoiAlign: roiAlign,
  SpaceToDepth: spaceToDepth,
  'com.microsoft.FusedConv': conv,
  'com.microsoft.NhwcMaxPool': nhwcPool,
  'com.microsoft.QLinearAveragePool': quantizedPool(pool),
  'com.microsoft.QLinearGlobalAveragePool': quantizedPool(globalPool),
});
