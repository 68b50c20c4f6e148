/** Convolutions, pools and other operators with windows over maps [N, C, ...]. */
import { shapeMismatch } from '../../diagnostics/catalogue';
import { intAttr, intsAttr, stringAttr } from '../attrs';
import { addDims, divideDim, floorDivideDim, multiplyDims, subtractDims } from '../dims';
import type { Dim, Node } from '../types';
import { dtypeOf, type Infer, like, type Shape, shapeOf, typed, unify, windowed } from './context';

function slide(node: Node, shape: readonly Dim[], kernel: readonly Dim[], ceil: boolean): Dim[] {
  const rank = kernel.length;
  const [strides, dilations, pads] = [intsAttr(node, 'strides'), intsAttr(node, 'dilations'), intsAttr(node, 'pads')];
  const autoPad = stringAttr(node, 'auto_pad', 'NOTSET');
  return kernel.map((size, axis) => {
    const length = windowed(shape[axis + 2], {
      kernel: size,
      stride: strides?.[axis] ?? 1,
      dilation: dilations?.[axis] ?? 1,
      padBefore: pads?.[axis] ?? 0,
      padAfter: pads?.[axis + rank] ?? 0,
      autoPad,
      ceil,
    });
    if (typeof length === 'number' && length < 1)
      throw shapeMismatch(node, `a window of ${size} does not fit into ${shape[axis + 2]} places`);
    return length;
  });
}

const conv: Infer = (node) => {
  const [shape, weight] = [shapeOf(node), shapeOf(node, 1)];
  if (!shape || !weight) return like(node, undefined);
  if (shape.length !== weight.length) throw shapeMismatch(node, `its input has ${shape.length} axes, its weight ${weight.length}`);
  const perGroup = weight[1];
  const group = intAttr(node, 'group', 1);
  if (typeof perGroup === 'number') unify(shape[1], perGroup * group, node, 'channels of the input and of the weight');
  const kernel = intsAttr(node, 'kernel_shape') ?? weight.slice(2);
  return like(node, [shape[0], weight[0], ...slide(node, shape, kernel, false)]);
};

const convTranspose: Infer = (node) => {
  const [shape, weight] = [shapeOf(node), shapeOf(node, 1)];
  if (!shape || !weight) return like(node, undefined);
  unify(shape[1], weight[0], node, 'channels of the input and of the weight');
  const kernel = intsAttr(node, 'kernel_shape') ?? weight.slice(2);
  const [strides, dilations, pads, extra, fixed] = ['strides', 'dilations', 'pads', 'output_padding', 'output_shape'].map((name) =>
    intsAttr(node, name),
  );
  const autoPad = stringAttr(node, 'auto_pad', 'NOTSET');
  const spatial = kernel.map((size, axis): Dim => {
    if (fixed) return fixed[fixed.length - kernel.length + axis];
    const stride = strides?.[axis] ?? 1;
    if (autoPad.startsWith('SAME')) return multiplyDims(shape[axis + 2], stride);
    if (typeof size !== 'number') return undefined;
    const full =
      (size - 1) * (dilations?.[axis] ?? 1) + 1 + (extra?.[axis] ?? 0) - (pads?.[axis] ?? 0) - (pads?.[axis + kernel.length] ?? 0);
    return addDims(multiplyDims(subtractDims(shape[axis + 2], 1), stride), full);
  });
  return like(node, [shape[0], multiplyDims(weight[1], intAttr(node, 'group', 1)), ...spatial]);
};

const pool: Infer = (node) => {
  const shape = shapeOf(node);
  const kernel = intsAttr(node, 'kernel_shape');
  const result: Shape = shape && kernel && [shape[0], shape[1], ...slide(node, shape, kernel, intAttr(node, 'ceil_mode', 0) !== 0)];
  return [typed(dtypeOf(node), result), ...(node.outputs.length > 1 ? [typed('int64', result)] : [])];
};

const globalPool: Infer = (node) => {
  const shape = shapeOf(node);
  return like(node, shape && [shape[0], shape[1], ...shape.slice(2).map(() => 1)]);
};

const maxUnpool: Infer = (node, context) => {
  const given = context.ints(node.inputs[2]);
  const shape = shapeOf(node);
  if (given || !shape) return like(node, given);
  const [kernel = [], strides, pads] = ['kernel_shape', 'strides', 'pads'].map((name) => intsAttr(node, name));
  return like(node, [
    shape[0],
    shape[1],
    ...kernel.map((size, axis) =>
      addDims(
        multiplyDims(subtractDims(shape[axis + 2], 1), strides?.[axis] ?? 1),
        size - (pads?.[axis] ?? 0) - (pads?.[axis + kernel.length] ?? 0),
      ),
    ),
  ]);
};

const depthToSpace: Infer = (node) => {
  const shape = shapeOf(node);
  const size = intAttr(node, 'blocksize', 1);
  return like(node, shape && [shape[0], divideDim(shape[1], size * size), multiplyDims(shape[2], size), multiplyDims(shape[3], size)]);
};

const spaceToDepth: Infer = (node) => {
  const shape = shapeOf(node);
  const size = intAttr(node, 'blocksize', 1);
  return like(
    node,
    shape && [shape[0], multiplyDims(shape[1], size * size), floorDivideDim(shape[2], size), floorDivideDim(shape[3], size)],
  );
};

const gridSample: Infer = (node) => {
  const [shape, grid] = [shapeOf(node), shapeOf(node, 1)];
  return like(node, shape && grid && [shape[0], shape[1], ...grid.slice(1, -1)]);
};

const roiAlign: Infer = (node) => {
  const [shape, rois] = [shapeOf(node), shapeOf(node, 1)];
  return like(node, shape && rois && [rois[0], shape[1], intAttr(node, 'output_height', 1), intAttr(node, 'output_width', 1)]);
};

export const spatial: Readonly<Record<string, Infer>> = {
  AveragePool: pool,
  Conv: conv,
  ConvInteger: (node, context) => conv(node, context).map((type) => typed('int32', type?.shape)),
  ConvTranspose: convTranspose,
  'com.microsoft.FusedConv': conv,
  DepthToSpace: depthToSpace,
  GlobalAveragePool: globalPool,
  GlobalLpPool: globalPool,
  GlobalMaxPool: globalPool,
  GridSample: gridSample,
  LpPool: pool,
  MaxPool: pool,
  MaxRoiPool: (node) => {
    const [shape, rois] = [shapeOf(node), shapeOf(node, 1)];
    return like(node, shape && rois && [rois[0], shape[1], ...(intsAttr(node, 'pooled_shape') ?? [])]);
  },
  MaxUnpool: maxUnpool,
  QLinearConv: (node) => {
    const [shape, weight] = [shapeOf(node), shapeOf(node, 3)];
    const result = shape &&
      weight && [shape[0], weight[0], ...slide(node, shape, intsAttr(node, 'kernel_shape') ?? weight.slice(2), false)];
    return [typed(dtypeOf(node, 7), result)];
  },
  RoiAlign: roiAlign,
  SpaceToDepth: spaceToDepth,
};
