/**
 * Convolutions over maps [N, H, W, C].
 *
 *   Conv W [M, C, kh, kw]   ->  Conv2D filter [kh, kw, C, M], or _FusedConv2D with bias and activation
 *   one group per channel   ->  DepthwiseConv2dNative filter [kh, kw, C, M / C]
 *   other groups            ->  Split, Conv2D each, ConcatV2: TensorFlow.js has no grouped convolution. Neighbouring groups are merged, with zeros between
 *                               them in the filter, until a part has 32 input channels: fewer, larger parts were measured fastest. A 1x1 convolution
 *                               in front computes the parts directly, each from its own filters: a Split of channels copies row by row, in JavaScript.
 *   dilation and stride     ->  a kernel with zeros between its elements: Conv2D supports only one of the two
 */
import { intAttr } from '../../ir/attrs';
import { permuted, reshaped, slicedAlong } from '../../ir/tensor';
import type { Dim, Node, Tensor, Value } from '../../ir/types';
import { float, int, ints, text, texts } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import type { TfjsAttrs } from '../graph';
import { type Activation, activationAfter } from './activation';
import { volumeConv } from './conv-volume';
import { blockDiagonal, madeOnce, stuffed } from './filters';
import { dimsOf, type Lowering, rankOf } from './lowering';
import { cropped, filled } from './pad';
import { stridedSlice } from './slicing';
import { isDilated, isSame, isStrided, type Pads, padsOn, raised, type Window, windowOf } from './window';

/** Minimum number of input channels of a part. */
const PART = 32;

export const conv: Lowering = (node, make) => {
  const [x, w, b] = node.inputs;
  const rank = rankOf(x);
  if (rank === 3) return lineConv(node, make);
  if (rank === 5) return volumeConv(node, make);
  if (rank !== 4 || !x || !w) throw new Unsupported(`TensorFlow.js convolves maps of one to three axes, not of ${rank - 2}`);
  const found = w.constant ? activationAfter(node, make) : undefined;
  // Each part of a grouped convolution would need its part of the slope; in a depthwise convolution, TensorFlow.js drops the slope of a fused LeakyRelu.
  const isAlone = found && (found.slope || found.name === 'LeakyRelu') && intAttr(node, 'group') !== 1;
  const activation = isAlone ? undefined : found;
  const result = convolve(node, make, {
    x: make.ref(x),
    lengths: dimsOf(x).slice(1, 3),
    channels: dimsOf(x)[3],
    w,
    b,
    activation,
    lift: (tensor) => tensor,
  });
  if (activation) make.fused.set(activation.node, result);
  return result;
};

/** Convolves [N, L, C] as a map of one row. */
const lineConv: Lowering = (node, make) => {
  const [x, w, b] = node.inputs;
  if (!w) throw new Unsupported('it has no weight');
  const result = convolve(node, make, {
    x: make.node('ExpandDims', [make.ref(x), make.int(1)]),
    lengths: [1, dimsOf(x)[1]],
    channels: dimsOf(x)[2],
    w,
    b,
    activation: undefined,
    lift: (tensor) => reshaped(tensor, [...tensor.shape.slice(0, 2), 1, ...tensor.shape.slice(2)]),
    raise: (ref) => make.node('ExpandDims', [ref, make.int(2)]),
  });
  return make.node('Squeeze', [result], { squeeze_dims: ints([1]) });
};

interface Operands {
  readonly x: Ref;
  readonly lengths: readonly (number | string | undefined)[];
  readonly channels: number | string | undefined;
  readonly w: Value;
  readonly b: Value | undefined;
  readonly activation: Activation | undefined;
  /** Converts the weight to [M, C, rows, columns]. */
  readonly lift: (tensor: Tensor) => Tensor;
  /** The same conversion for a weight that is computed. */
  readonly raise?: ((ref: Ref) => Ref) | undefined;
}

function convolve(node: Node, make: Emitter, operands: Operands): Ref {
  const { w, lengths, lift } = operands;
  const raised = (dims: readonly Dim[]): readonly Dim[] => (dims.length === 3 ? [...dims.slice(0, 2), 1, ...dims.slice(2)] : dims);
  const shape = w.constant ? lift(w.constant).shape : raised(dimsOf(w));
  const [filters, perGroup, ...kernel] = shape;
  if (!kernel.every((size) => typeof size === 'number') || typeof filters !== 'number' || typeof perGroup !== 'number')
    throw new Unsupported('the size of its weight is not known');
  if (kernel.length !== 2) throw new Unsupported('its weight has another number of axes than its data');
  const groups = intAttr(node, 'group');
  const isLine = rankOf(node.inputs[0]) === 3;
  const window = isLine ? lineWindow(node, kernel, lengths) : windowOf(node, kernel, lengths);
  const isBoth = isDilated(window) && isStrided(window);
  if (isBoth && !w.constant) return everyPlace(node, make, operands, window);
  const stuffing = isBoth ? window.dilations : undefined;
  const own: Window = stuffing
    ? { ...window, dilations: [1, 1], kernel: kernel.map((size, axis) => (size - 1) * (stuffing[axis] ?? 1) + 1) }
    : window;
  const plan: Plan = {
    make,
    operands,
    window: own,
    stuff: (tensor) => (stuffing ? stuffed(tensor, stuffing) : tensor),
    form: `${stuffing ?? ''}`,
  };
  if (groups === 1) return oneConv(plan);
  if (perGroup === 1 && operands.channels === groups) return depthwise(plan, groups, filters / groups);
  if (!w.constant) return groupedByComputed(plan, groups);
  return grouped(node, plan, w, { groups, perGroup, filters });
}

/** The window of a one-dimensional convolution, as that of a map of one row. */
const lineWindow = (node: Node, kernel: readonly number[], lengths: readonly (number | string | undefined)[]): Window =>
  raised(windowOf(node, kernel.slice(1), lengths.slice(1)));

interface Plan {
  readonly make: Emitter;
  readonly operands: Operands;
  readonly window: Window;
  readonly stuff: (tensor: Tensor) => Tensor;
  /** Distinguishes forms of the same weight. */
  readonly form: string;
}

function oneConv({ make, operands, window, stuff, form }: Plan): Ref {
  const { x, w, b, activation, lift } = operands;
  const filter = w.constant
    ? make.moved(w, `HWIO${form}`, (tensor) => permuted(stuff(lift(tensor)), [2, 3, 1, 0]))
    : make.node('Transpose', [computedWeight(make, operands), make.ints([2, 3, 1, 0])]);
  return withBias('Conv2D', make, x, filter, window, b && make.ref(b), activation);
}

function depthwise({ make, operands, window, stuff, form }: Plan, channels: number, multiplier: number): Ref {
  const { x, w, b, activation, lift } = operands;
  if (!w.constant) {
    const [, , rows = 1, columns = 1] = [0, 0, ...window.kernel];
    const parted = make.reshape(computedWeight(make, operands), [channels, multiplier, rows, columns]);
    const filter = make.node('Transpose', [parted, make.ints([2, 3, 0, 1])]);
    return withBias('DepthwiseConv2dNative', make, x, filter, window, b && make.ref(b), activation);
  }
  const filter = make.moved(w, `HWCM${form}`, (constant) => {
    const tensor = stuff(lift(constant));
    return permuted(reshaped(tensor, [channels, multiplier, ...tensor.shape.slice(2)]), [2, 3, 0, 1]);
  });
  return withBias('DepthwiseConv2dNative', make, x, filter, window, b && make.ref(b), activation);
}

function grouped(node: Node, { make, operands, window, stuff, form }: Plan, w: Value, { groups, perGroup, filters }: Grouping): Ref {
  const { x, b, activation, lift } = operands;
  const merged = divisorsOf(groups).find((count) => count * perGroup >= PART) ?? groups;
  const parts = groups / merged;
  const perPart = filters / parts;
  const [map] = node.inputs;
  const maps = make.isPrivate(map, node) ? madeInParts(x, parts, make) : undefined;
  if (map && maps) make.inParts(map, maps);
  const split = parts === 1 || maps ? x : make.node('Split', [make.int(3), x], { num_split: int(parts) });
  const whole = w.constant && !make.isCoded(w) ? madeOnce(stuff(lift(w.constant)), parts) : undefined;
  const results = Array.from({ length: parts }, (_, part) => {
    const filter = make.moved(w, `group ${part} of ${parts}${form}`, (constant) =>
      blockDiagonal(slicedAlong(whole ?? stuff(lift(constant)), 0, part * perPart, perPart), merged),
    );
    const bias = b?.constant && make.weight(b, `part ${part} of ${parts}`, (constant) => slicedAlong(constant, 0, part * perPart, perPart));
    return withBias('Conv2D', make, maps?.[part] ?? make.output(split, part), filter, window, bias, activation);
  });
  const [only] = results;
  const joined = parts === 1 && only ? only : make.node('ConcatV2', [...results, make.int(3)], { N: int(parts) });
  return b && !b.constant ? make.node('BiasAdd', [joined, make.ref(b)], { data_format: text('NHWC') }) : joined;
}
/** Splits the channels of a map into equal parts where a 1x1 convolution makes the map; that convolution is dropped if nothing else reads it. */
function madeInParts(map: Ref, parts: number, make: Emitter): readonly Ref[] | undefined {
  const { op, inputs, attrs } = map.node;
  const [source, filter, bias, slope] = inputs;
  const kernel = filter?.node.weight;
  const offsets = bias?.node.weight;
  if (parts === 1 || (op !== 'Conv2D' && op !== '_FusedConv2D') || !source || !filter || !kernel || slope || (bias && !offsets))
    return undefined;
  const [rows, columns, , channels = 0] = kernel.shape;
  if (rows !== 1 || columns !== 1 || channels % parts !== 0) return undefined;
  const size = channels / parts;
  const cut = (name: string | undefined, weight: Tensor, axis: number): readonly Ref[] => {
    const whole = madeOnce(weight, parts);
    return Array.from({ length: parts }, (_, part) => make.constant(name ?? op, slicedAlong(whole, axis, part * size, size)));
  };
  const filters = cut(filter.node.name, kernel, 3);
  const biases = offsets ? cut(bias?.node.name, offsets, 0) : [];
  return filters.map((own, part) => make.insteadOf(make.node(op, [source, own, ...biases.slice(part, part + 1)], attrs), map));
}

interface Grouping {
  readonly groups: number;
  readonly perGroup: number;
  readonly filters: number;
}

const computedWeight = (make: Emitter, { w, raise }: Operands): Ref => (raise ? raise(make.ref(w)) : make.ref(w));

/** Convolves each group separately: inserting zeros into a computed weight would cost more than merged groups save. */
function groupedByComputed({ make, operands, window }: Plan, groups: number): Ref {
  const { x, b } = operands;
  const maps = make.node('Split', [make.int(3), x], { num_split: int(groups) });
  const weights = make.node('Split', [make.int(0), computedWeight(make, operands)], { num_split: int(groups) });
  const results = Array.from({ length: groups }, (_, group) => {
    const filter = make.node('Transpose', [make.output(weights, group), make.ints([2, 3, 1, 0])]);
    return withBias('Conv2D', make, make.output(maps, group), filter, window, undefined, undefined);
  });
  const joined = make.node('ConcatV2', [...results, make.int(3)], { N: int(groups) });
  return b ? make.node('BiasAdd', [joined, make.ref(b)], { data_format: text('NHWC') }) : joined;
}

/** Applies strides by skipping positions, for a kernel that cannot be filled with zeros in advance. */
function everyPlace(node: Node, make: Emitter, operands: Operands, window: Window): Ref {
  const plain: Window = { ...window, strides: window.strides.map(() => 1) };
  const plan: Plan = { make, operands: { ...operands, activation: undefined }, window: plain, stuff: (tensor) => tensor, form: '' };
  const groups = intAttr(node, 'group');
  const result = groups === 1 ? oneConv(plan) : groupedByComputed(plan, groups);
  if (operands.activation) throw new Unsupported('its weight is not constant, and it has both strides and dilations');
  return stridedSlice(make, result, [undefined, ...window.strides.map((step) => ({ step })), undefined]);
}

const divisorsOf = (number: number): number[] =>
  Array.from({ length: number }, (_, at) => at + 1).filter((divisor) => number % divisor === 0);

/** Attributes of a window whose pads are known. */
export function windowAttrs({ strides, dilations, pads }: Omit<Window, 'pads'> & { readonly pads: Known | 'SAME' }): TfjsAttrs {
  const sides = pads === 'SAME' ? [] : pads.before.flatMap((pad, axis) => [pad, pads.after[axis] ?? 0]);
  const padding = pads === 'SAME' ? 'SAME' : sides.some((pad) => pad !== 0) ? 'EXPLICIT' : 'VALID';
  return {
    strides: ints([1, ...strides, 1]),
    dilations: ints([1, ...dilations, 1]),
    padding: text(padding),
    ...(padding === 'EXPLICIT' && { explicit_paddings: ints([0, 0, ...sides, 0, 0]) }),
    data_format: text('NHWC'),
  };
}
type Known = Extract<Pads, { readonly kind: 'known' }>;

function withBias(
  op: 'Conv2D' | 'DepthwiseConv2dNative',
  make: Emitter,
  x: Ref,
  filter: Ref,
  window: Window,
  bias: Ref | undefined,
  activation: Activation | undefined,
): Ref {
  const { node: source, attrs } = padFirst(make, x, window);
  if (!make.options.fuse || (!bias && !activation)) {
    const result = make.node(op, [source, filter], attrs);
    return bias ? make.node('BiasAdd', [result, bias], { data_format: text('NHWC') }) : result;
  }
  const slope = activation?.slope;
  const args = [bias ?? zeros(make, filter, op), ...(slope ? [slope] : [])];
  return make.node(op === 'Conv2D' ? '_FusedConv2D' : 'FusedDepthwiseConv2dNative', [source, filter, ...args], {
    ...attrs,
    ...fusedAttrs(activation, args.length),
  });
}

/** The map and the window as the kernel requires them: a negative pad crops the map, pads that depend on the size are added to it. */
function padFirst(make: Emitter, x: Ref, window: Window): { readonly node: Ref; readonly attrs: TfjsAttrs } {
  const { pads } = window;
  if (pads.kind === 'same') {
    if (isSame(window, [])) return { node: x, attrs: windowAttrs({ ...window, pads: 'SAME' }) };
    const { before, after } = padsOn(make, x, window);
    const node = filled(make, x, { before: [0, ...before, 0], after: [0, ...after, 0] }, make.float(0));
    const none = window.kernel.map(() => 0);
    return { node, attrs: windowAttrs({ ...window, pads: { kind: 'known', before: none, after: none } }) };
  }
  const positive = (amounts: readonly number[]): number[] => amounts.map((pad) => Math.max(pad, 0));
  const node = cropped(make, x, { before: [0, ...pads.before, 0], after: [0, ...pads.after, 0] });
  return { node, attrs: windowAttrs({ ...window, pads: { kind: 'known', before: positive(pads.before), after: positive(pads.after) } }) };
}

/** A bias of zeros, for a fused node that requires one. */
function zeros(make: Emitter, filter: Ref, op: string): Ref {
  const shape = make.shapeOfWeight(filter);
  if (!shape) throw new Unsupported('its weight is not constant');
  const [, , channels = 1, last = 1] = shape;
  const count = op === 'Conv2D' ? last : channels * last;
  return make.floats([count], new Array<number>(count).fill(0));
}

export const fusedAttrs = (activation: Activation | undefined, args: number): TfjsAttrs => ({
  fused_ops: texts(['BiasAdd', ...(activation ? [activation.name] : [])]),
  num_args: int(args),
  epsilon: float(0),
  ...(activation?.alpha !== undefined && { leakyrelu_alpha: float(activation.alpha) }),
});
