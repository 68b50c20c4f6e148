/**
 * ConvTranspose over maps [N, H, W, C], W [C, M, kh, kw].
 *
 *   Conv2DBackpropInput filter [kh, kw, M, C], VALID, then StridedSlice: not all backends support EXPLICIT pads
 *
 * A VALID output may be up to stride - 1 longer than the reach of the kernel: this gives ONNX's output_padding. Dilations become zeros in the kernel,
 * groups become separate convolutions.
 */

import { intAttr, intsAttr, stringAttr } from '../../ir/attrs';
import { permuted, reshaped, slicedAlong } from '../../ir/tensor';
import type { Dim, Node, Tensor, Value } from '../../ir/types';
import { dilationsOf, outputPaddingOf, padsOf, stridesOf } from '../../ir/window-attrs';
import { int, ints, text } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { stuffed } from './filters';
import { dimsOf, type Lowering, rankOf } from './lowering';
import { stridedSlice } from './slicing';

interface Extent {
  readonly stride: number;
  /** Extent of the dilated kernel. */
  readonly span: number;
  /** Number of positions cut off in front. */
  readonly before: number;
  /** The result has the length `stride * length + plus`, or `fixed`. */
  readonly plus: number;
  readonly fixed: number | undefined;
}

export const convTranspose: Lowering = (node, make) => {
  const [x, w, b] = node.inputs;
  const rank = rankOf(x);
  if ((rank !== 4 && rank !== 3) || !w) throw new Unsupported(`TensorFlow.js has transposed convolutions of two axes, not of ${rank - 2}`);
  const isLine = rank === 3;
  const lift = (tensor: Tensor): Tensor => (isLine ? reshaped(tensor, [...tensor.shape.slice(0, 2), 1, ...tensor.shape.slice(2)]) : tensor);
  const kernel = dimsOf(w).slice(2).map(Number);
  const dims = dimsOf(x);
  const extents = extentsOf(node, kernel, dims.slice(1, -1));
  const whole = isLine ? [{ stride: 1, span: 1, before: 0, plus: 0, fixed: undefined }, ...extents] : extents;
  const own = isLine ? make.node('ExpandDims', [make.ref(x), make.int(1)]) : make.ref(x);
  const lengths: readonly Dim[] = isLine ? [1, dims[1]] : dims.slice(1, 3);
  const dilations = [...(isLine ? [1] : []), ...dilationsOf(node, kernel.length)];
  const groups = intAttr(node, 'group');
  const filters = Number(dimsOf(w)[1]);
  const batch = dims[0];
  const split = groups === 1 ? own : make.node('Split', [make.int(3), own], { num_split: int(groups) });
  const results = Array.from({ length: groups }, (_, group) => {
    const filter = filterOf(make, w, { group, groups, lift, dilations, isLine });
    return transposed(make, make.output(split, group), filter, { batch, lengths, extents: whole, filters });
  });
  const [only] = results;
  const joined = groups === 1 && only ? only : make.node('ConcatV2', [...results, make.int(3)], { N: int(groups) });
  const flat = isLine ? make.node('Squeeze', [joined], { squeeze_dims: ints([1]) }) : joined;
  return b ? make.node('AddV2', [flat, make.ref(b)]) : flat;
};

interface FilterOptions {
  readonly group: number;
  readonly groups: number;
  readonly lift: (tensor: Tensor) => Tensor;
  readonly dilations: readonly number[];
  readonly isLine: boolean;
}

/** [C, M, kh, kw] of one group, converted to [kh, kw, M, C]. */
function filterOf(make: Emitter, w: Value, { group, groups, lift, dilations, isLine }: FilterOptions): Ref {
  const isDilated = dilations.some((dilation) => dilation !== 1);
  if (w.constant) {
    const channels = (w.constant.shape[0] ?? 0) / groups;
    return make.moved(w, `transposed ${group} of ${groups} ${dilations}`, (constant) => {
      const part = groups === 1 ? lift(constant) : slicedAlong(lift(constant), 0, group * channels, channels);
      return permuted(isDilated ? stuffed(part, dilations) : part, [2, 3, 1, 0]);
    });
  }
  if (isDilated) throw new Unsupported('its weight is not constant, and it is dilated');
  const raised = isLine ? make.node('ExpandDims', [make.ref(w), make.int(2)]) : make.ref(w);
  const part = groups === 1 ? raised : make.output(make.node('Split', [make.int(0), raised], { num_split: int(groups) }), group);
  return make.node('Transpose', [part, make.ints([2, 3, 1, 0])]);
}

interface Size {
  readonly batch: Dim;
  readonly lengths: readonly Dim[];
  readonly extents: readonly Extent[];
  readonly filters: number;
}

function transposed(make: Emitter, x: Ref, filter: Ref, { batch, lengths, extents, filters }: Size): Ref {
  // The length that the kernel covers, or more if more is requested.
  const full = extents.map(({ stride, span, before, plus, fixed }, axis): number | Ref => {
    const length = lengths[axis];
    const reach = span - stride;
    if (typeof length === 'number') return Math.max(length * stride + reach, before + (fixed ?? length * stride + plus));
    if (fixed !== undefined) throw new Unsupported('its output has a fixed size, and its input has not');
    const scaled = make.node('Mul', [make.lengthOf(x, axis + 1), make.int(stride)]);
    return make.node('AddV2', [scaled, make.int(Math.max(reach, before + plus))]);
  });
  extents.forEach(({ stride, span, before, plus, fixed }, axis) => {
    const length = lengths[axis];
    const more = typeof length === 'number' && fixed !== undefined ? before + fixed - length * stride : before + plus;
    if (more - (span - stride) >= stride) throw new Unsupported('its output is padded by a stride or more');
  });
  const result = make.node(
    'Conv2DBackpropInput',
    [make.vector([typeof batch === 'number' ? batch : make.lengthOf(x, 0), ...full, filters]), filter, x],
    {
      strides: ints([1, ...extents.map(({ stride }) => stride), 1]),
      padding: text('VALID'),
      data_format: text('NHWC'),
      dilations: ints([1, 1, 1, 1]),
    },
  );
  const isWhole = extents.every(({ stride, span, before, plus, fixed }, axis) => {
    const length = lengths[axis];
    const wanted = typeof length === 'number' ? (fixed ?? length * stride + plus) - length * stride : plus;
    return before === 0 && wanted >= span - stride;
  });
  if (isWhole) return result;
  const ends = extents.map(({ stride, before, plus, fixed }, axis) => {
    const length = lengths[axis];
    if (typeof length === 'number') return before + (fixed ?? length * stride + plus);
    return make.node('AddV2', [make.node('Mul', [make.lengthOf(x, axis + 1), make.int(stride)]), make.int(before + plus)]);
  });
  return stridedSlice(make, result, [undefined, ...extents.map(({ before }, axis) => ({ begin: before, end: ends[axis] })), undefined]);
}

/** ONNX's formulas: (length - 1) * stride + span + output_padding - pads; or output_shape, from which the pads are derived. */
function extentsOf(node: Node, kernel: readonly number[], lengths: readonly Dim[]): Extent[] {
  const [strides, dilations, extra] = [stridesOf, dilationsOf, outputPaddingOf].map((of) => of(node, kernel.length));
  const pads = padsOf(node, kernel.length);
  const autoPad = stringAttr(node, 'auto_pad');
  const outputShape = intsAttr(node, 'output_shape')?.slice(-kernel.length);
  return kernel.map((size, axis): Extent => {
    const [stride = 1, dilation = 1, more = 0] = [strides?.[axis], dilations?.[axis], extra?.[axis]];
    const span = (size - 1) * dilation + 1;
    const reach = span - stride + more;
    const fixed = outputShape?.[axis];
    const length = lengths[axis];
    if (fixed === undefined && !autoPad.startsWith('SAME')) {
      const [before, after] = autoPad === 'VALID' ? [0, 0] : [pads[axis] ?? 0, pads[axis + kernel.length] ?? 0];
      return { stride, span, before, plus: reach - before - after, fixed: undefined };
    }
    if (fixed !== undefined && typeof length !== 'number') throw new Unsupported('its output has a fixed size, and its input has not');
    const total = Math.max(fixed === undefined ? reach : Number(length) * stride + reach - fixed, 0);
    const before = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
    // SAME gives at most one stride per input position, or less if the kernel does not reach that far.
    return { stride, span, before, plus: fixed === undefined ? reach - total : 0, fixed };
  });
}
