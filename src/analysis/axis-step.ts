/**
 * What one node does along one spatial axis of a map, as a step of its receptive field.
 *
 *   cell i of the result reads cells  start + i * stride ... start + i * stride + extent - 1  of the input
 *
 * `start` is negative where the node pads. Steps of upsampling have fractions: `stride` is 1/2 where each input cell is shown twice, and the bounds are
 * then the widest over all cells. Sizes that are not static make SAME padding unknown in its last cell: the step then has the padding of sizes that the
 * stride divides.
 */
import { intAttr, intsAttr, stringAttr } from '../ir/attrs';
import { table } from '../ir/table';
import { readNumbers } from '../ir/tensor';
import type { Dim, Node } from '../ir/types';

export interface AxisStep {
  readonly start: number;
  readonly stride: number;
  readonly extent: number;
  /** Some cell of the result reads beyond the edge of the input: zeros, repeated edges, nothing. */
  readonly pads: boolean;
}

const STAY: AxisStep = { start: 0, stride: 1, extent: 1, pads: false };

/** The step along axis `axis` of the node's first input; undefined where the operator has no windows, or cannot be followed. */
export function axisStep(node: Node, axis: number): AxisStep | undefined {
  switch (node.op) {
    case 'Conv':
    case 'AveragePool':
    case 'MaxPool':
    case 'LpPool':
      return windowStep(node, axis - 2);
    case 'ConvTranspose':
      return transposedStep(node, axis - 2);
    case 'SpaceToDepth':
      return { start: 0, stride: intAttr(node, 'blocksize', 1), extent: intAttr(node, 'blocksize', 1), pads: false };
    case 'DepthToSpace':
      return shown(intAttr(node, 'blocksize', 1));
    case 'Pad':
      return padStep(node, axis);
    case 'Slice':
      return sliceStep(node, axis);
    case 'Resize':
      return resizeStep(node, axis);
    default:
      return undefined;
  }
}

const lengths = (node: Node, axis: number): readonly [Dim, Dim] => [
  node.inputs[0]?.type?.shape?.[axis],
  node.outputs[0]?.type?.shape?.[axis],
];

function windowStep(node: Node, at: number): AxisStep | undefined {
  const kernel = intsAttr(node, 'kernel_shape')?.[at] ?? (node.op === 'Conv' ? node.inputs[1]?.type?.shape?.[at + 2] : undefined);
  if (typeof kernel !== 'number') return undefined;
  const stride = intsAttr(node, 'strides')?.[at] ?? 1;
  const extent = (kernel - 1) * (intsAttr(node, 'dilations')?.[at] ?? 1) + 1;
  const [length, cells] = lengths(node, at + 2);
  const before = padBefore(node, at, { stride, extent, length });
  // Where the last window ends, pads and ceil_mode taken together; of a symbolic map only what is padded on purpose is known.
  const sticksOut =
    typeof length === 'number' && typeof cells === 'number'
      ? (cells - 1) * stride + extent - before > length
      : autoPad(node).startsWith('SAME')
        ? extent > stride
        : padAfter(node, at) > 0 || intAttr(node, 'ceil_mode', 0) !== 0;
  return { start: -before, stride, extent, pads: before > 0 || sticksOut };
}

const autoPad = (node: Node): string => stringAttr(node, 'auto_pad', 'NOTSET');
const padAfter = (node: Node, at: number): number => {
  const pads = intsAttr(node, 'pads') ?? [];
  return autoPad(node) === 'NOTSET' ? (pads[at + pads.length / 2] ?? 0) : 0;
};

function padBefore(
  node: Node,
  at: number,
  { stride, extent, length }: { readonly stride: number; readonly extent: number; readonly length: Dim },
): number {
  switch (autoPad(node)) {
    case 'NOTSET':
      return intsAttr(node, 'pads')?.[at] ?? 0;
    case 'VALID':
      return 0;
    default: {
      const total =
        typeof length === 'number'
          ? Math.max((Math.ceil(length / stride) - 1) * stride + extent - length, 0)
          : Math.max(extent - stride, 0);
      return autoPad(node) === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2);
    }
  }
}

/** Output o takes from input i where o = i * stride - pad + t * dilation, t < kernel. */
function transposedStep(node: Node, at: number): AxisStep | undefined {
  const kernel = intsAttr(node, 'kernel_shape')?.[at] ?? node.inputs[1]?.type?.shape?.[at + 2];
  if (typeof kernel !== 'number') return undefined;
  const stride = intsAttr(node, 'strides')?.[at] ?? 1;
  const reach = (kernel - 1) * (intsAttr(node, 'dilations')?.[at] ?? 1);
  const [length, cells] = lengths(node, at + 2);
  const extra = intsAttr(node, 'output_padding')?.[at] ?? 0;
  let pad = intsAttr(node, 'pads')?.[at] ?? 0;
  if (autoPad(node).startsWith('SAME') || node.attrs.has('output_shape')) {
    if (typeof length !== 'number' || typeof cells !== 'number') return undefined;
    const total = Math.max(stride * (length - 1) + extra + reach + 1 - cells, 0);
    // ONNX: SAME_UPPER puts the odd one at the end, everything else at the beginning.
    pad = autoPad(node) === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
  }
  return { start: (pad - reach) / stride, stride: 1 / stride, extent: reach / stride + 1, pads: reach + 1 > stride || extra > 0 };
}

/** Each cell shown `times` times: result i reads input floor(i / times). */
const shown = (times: number): AxisStep => ({
  start: -(times - 1) / times,
  stride: 1 / times,
  extent: 1 + (times - 1) / times,
  pads: false,
});

function padStep(node: Node, axis: number): AxisStep | undefined {
  const pads = node.inputs[1]?.constant;
  if (!pads) return computedPad(node, axis);
  const rank = node.inputs[0]?.type?.shape?.length;
  const axes = node.inputs[3] ? ints(node, 3) : undefined;
  if (rank === undefined || (node.inputs[3] && !axes)) return undefined;
  const numbers = [...readNumbers(pads)];
  const at = axes ? axes.findIndex((candidate) => (candidate < 0 ? candidate + rank : candidate) === axis) : axis;
  if (at < 0) return STAY;
  const [before = 0, after = 0] = [numbers[at], numbers[at + numbers.length / 2]];
  return { start: -before, stride: 1, extent: 1, pads: before > 0 || after > 0 };
}

/** Padding that the graph computes: how much there is in all is known from the sizes, not on which side. */
function computedPad(node: Node, axis: number): AxisStep | undefined {
  const [length, cells] = lengths(node, axis);
  if (length === cells) return STAY;
  if (typeof length !== 'number' || typeof cells !== 'number') return undefined;
  const total = cells - length;
  return total > 0 ? { start: -total, stride: 1, extent: total + 1, pads: true } : { start: 0, stride: 1, extent: 1 - total, pads: false };
}

function sliceStep(node: Node, axis: number): AxisStep | undefined {
  const [starts, ends] = [ints(node, 1), ints(node, 2)];
  const rank = node.inputs[0]?.type?.shape?.length;
  const axes = node.inputs[3] ? ints(node, 3) : starts?.map((_, at) => at);
  const steps = node.inputs[4] ? ints(node, 4) : starts?.map(() => 1);
  if (rank === undefined || !axes) return undefined;
  const at = axes.findIndex((candidate) => (candidate < 0 ? candidate + rank : candidate) === axis);
  if (at < 0) return STAY;
  const [length] = lengths(node, axis);
  const [start, step] = [starts?.[at], steps?.[at]];
  if (start === undefined || step === undefined || step <= 0 || !ends) return undefined;
  if (start < 0 && typeof length !== 'number') return undefined;
  return {
    start: start < 0 ? Math.max(start + Number(length), 0) : start,
    stride: step,
    extent: 1,
    pads: false,
  };
}

const ints = (node: Node, slot: number): readonly number[] | undefined => {
  const constant = node.inputs[slot]?.constant;
  return constant && [...readNumbers(constant)];
};

/** How many input cells on each side an interpolation reads beyond the one that it falls on. */
const TAPS: Readonly<Record<string, number>> = table({ nearest: 0, linear: 1, cubic: 2 });

function resizeStep(node: Node, axis: number): AxisStep | undefined {
  const [length, cells] = lengths(node, axis);
  if (typeof length !== 'number' || typeof cells !== 'number') return undefined;
  const mode = stringAttr(node, 'mode', 'nearest');
  const taps = TAPS[mode];
  if (taps === undefined || stringAttr(node, 'coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize') return undefined;
  if (length === cells) return STAY;
  const stride = length / cells;
  // Where a cell falls depends on the coordinate mode and on rounding, by less than one cell of the coarser map each.
  const slack = Math.max(1, stride) + taps + (intAttr(node, 'antialias', 0) === 1 ? Math.ceil(stride) * taps : 0);
  const exact = mode === 'nearest' && Number.isInteger(1 / stride) && isFloorOfRatio(node);
  return exact ? shown(1 / stride) : { start: -slack, stride, extent: 2 * slack + 1, pads: taps > 0 };
}

/** Upsampling by a whole number: whether result i reads input floor(i / n), in the settings that exporters use. */
function isFloorOfRatio(node: Node): boolean {
  const coordinates = stringAttr(node, 'coordinate_transformation_mode', 'half_pixel');
  const rounding = stringAttr(node, 'nearest_mode', 'round_prefer_floor');
  return (
    (coordinates === 'asymmetric' && rounding === 'floor') || (coordinates.startsWith('half_pixel') && rounding === 'round_prefer_floor')
  );
}
