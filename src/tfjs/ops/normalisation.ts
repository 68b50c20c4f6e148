/** Normalisations, expressed with moments: mean and variance, then one scale and one shift. Maps are [N, .., C]. */
import { floatAttr, intAttr, intsAttr } from '../../ir/attrs';
import { computedTensor, elementCount, readNumbers } from '../../ir/tensor';
import type { Node, Tensor, Value } from '../../ir/types';
import { bool, float, int, text } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { activationAfter } from './activation';
import { fusedAttrs, windowAttrs } from './conv';
import { dimsOf, isUsed, type Lowering, numbersIn, rankOf } from './lowering';

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

interface Moments {
  readonly mean: Ref;
  readonly variance: Ref;
}
/** `stages`: axes that are averaged first, then those of the result, and so on. Long sums in one pass lose digits, and inner axes are the fast ones. */
function momentsOf(make: Emitter, x: Ref, ...stages: readonly (readonly number[])[]): Moments {
  const meanOf = (ref: Ref): Ref =>
    stages.reduce((current, axes) => make.node('Mean', [current, make.ints(axes)], { keep_dims: bool(true) }), ref);
  const mean = meanOf(x);
  return { mean, variance: meanOf(make.node('SquaredDifference', [x, mean])) };
}
/** (x - mean) / sqrt(variance + epsilon) */
function whitened(make: Emitter, x: Ref, { mean, variance }: Moments, epsilon: number): Ref {
  const factor = make.node('Rsqrt', [make.node('AddV2', [variance, make.float(epsilon)])]);
  return make.node('Mul', [make.node('Sub', [x, mean]), factor]);
}
const scaledBy = (make: Emitter, x: Ref, scale: Ref | undefined, shift: Ref | undefined): Ref => {
  const product = scale ? make.node('Mul', [x, scale]) : x;
  return shift ? make.node('AddV2', [product, shift]) : product;
};

export const batchNormalization: Lowering = (node, make) => {
  const [x, scale, shift, mean, variance] = node.inputs;
  const epsilon = floatAttr(node, 'epsilon');
  if (intAttr(node, 'training_mode') !== 0) return training(node, make, epsilon);
  if (node.outputs.slice(1).some(isUsed)) throw new Unsupported('it also gives the statistics of its batch');
  const parameters = [scale, shift, mean, variance];
  const [factor, offset] = affine(parameters, epsilon) ?? [];
  const form = `norm ${epsilon} ${mean?.name} ${variance?.name}`;
  const constants = scale && shift && factor && offset && { scale, shift, factor, offset, form };
  if (rankOf(x) === 4 && make.options.fuse && constants) return pointwise(node, make, constants);
  if (rankOf(x) === 4)
    return make.node('FusedBatchNormV3', [make.ref(x), ...parameters.map((value) => make.ref(value))], {
      epsilon: float(epsilon),
      is_training: bool(false),
      data_format: text('NHWC'),
    });
  if (constants)
    return scaledBy(
      make,
      make.ref(x),
      make.weight(constants.scale, form, () => constants.factor),
      make.weight(constants.shift, form, () => constants.offset),
    );
  return scaledBy(
    make,
    whitened(make, make.ref(x), { mean: make.ref(mean), variance: make.ref(variance) }, epsilon),
    make.ref(scale),
    make.ref(shift),
  );
};

/** k = scale / sqrt(variance + epsilon), b = shift - mean * k; undefined if a parameter is computed. */
function affine(parameters: readonly (Value | undefined)[], epsilon: number): readonly [Tensor, Tensor] | undefined {
  const [scale, shift, mean, variance] = parameters.map((value) => value?.constant);
  if (!scale || !shift || !mean || !variance) return undefined;
  const factor = (): Float64Array => {
    const spread = readNumbers(variance);
    return readNumbers(scale).map((number, at) => number / Math.sqrt((spread[at] ?? 0) + epsilon));
  };
  const offset = (): Float64Array => {
    const [k, centre] = [factor(), readNumbers(mean)];
    return readNumbers(shift).map((number, at) => number - (centre[at] ?? 0) * (k[at] ?? 0));
  };
  return [computedTensor('float', scale.shape, factor), computedTensor('float', scale.shape, offset)];
}

const POINT = {
  kernel: [1, 1],
  strides: [1, 1],
  dilations: [1, 1],
  pads: { kind: 'known', before: [0, 0], after: [0, 0] },
  isCeil: false,
} as const;

/** A normalisation with constant parameters: the values it is made of, the resulting tensors, and the name of this form. */
interface Constants {
  readonly scale: Value;
  readonly shift: Value;
  readonly factor: Tensor;
  readonly offset: Tensor;
  readonly form: string;
}

/** A 1x1 depthwise convolution: two constants instead of four, and the activation is fused. */
function pointwise(node: Node, make: Emitter, { scale, shift, factor, offset, form }: Constants): Ref {
  const found = activationAfter(node, make);
  // A depthwise convolution would drop the slope.
  const activation = found && (found.slope || found.name === 'LeakyRelu') ? undefined : found;
  const filter = make.weight(scale, form, () => ({ ...factor, shape: [1, 1, elementCount(factor.shape), 1] }));
  const bias = make.weight(shift, form, () => offset);
  const result = make.node('FusedDepthwiseConv2dNative', [make.ref(node.inputs[0]), filter, bias], {
    ...windowAttrs(POINT),
    ...fusedAttrs(activation, 1),
  });
  if (activation) make.fused.set(activation.node, result);
  return result;
}

/** Normalises with the statistics of the batch itself, and updates the running ones. */
function training(node: Node, make: Emitter, epsilon: number): readonly Ref[] {
  const [x, scale, shift, mean, variance] = node.inputs;
  const momentum = floatAttr(node, 'momentum');
  const axes = range(0, rankOf(x) - 1);
  const source = make.ref(x);
  const over = make.ints(axes);
  const own = make.node('Mean', [source, over], { keep_dims: bool(false) });
  const spread = make.node('Mean', [make.node('SquaredDifference', [source, own]), over], { keep_dims: bool(false) });
  const y = scaledBy(make, whitened(make, source, { mean: own, variance: spread }, epsilon), make.ref(scale), make.ref(shift));
  const running = (old: Value | undefined, now: Ref): Ref =>
    make.node('AddV2', [make.node('Mul', [make.ref(old), make.float(momentum)]), make.node('Mul', [now, make.float(1 - momentum)])]);
  return [y, ...(node.outputs.length > 1 ? [running(mean, own), running(variance, spread)] : [])];
}

export const instanceNormalization: Lowering = (node, make) => {
  const [x, scale, shift] = node.inputs;
  const source = make.ref(x);
  const normal = whitened(make, source, momentsOf(make, source, range(1, rankOf(x) - 1)), floatAttr(node, 'epsilon'));
  return scaledBy(make, normal, make.ref(scale), make.ref(shift));
};

/** Normalises over the positions of a map and the channels of a group: [N, positions, G, C / G]. */
export const groupNormalization: Lowering = (node, make) => {
  const [x, scale, shift] = node.inputs;
  const dims = dimsOf(x);
  const channels = dims.at(-1);
  const groups = intAttr(node, 'num_groups');
  if (typeof channels !== 'number') throw new Unsupported('its number of channels is not known');
  const source = make.ref(x);
  if (groups === 1) {
    // Axis by axis rather than the whole image at once: a plain background is thousands of equal values, whose rounding errors add up.
    const stages = range(1, dims.length).reverse();
    const normal = whitened(make, source, momentsOf(make, source, ...stages.map((axis) => [axis])), floatAttr(node, 'epsilon'));
    return scaledBy(make, normal, isAll(scale, 1) ? undefined : make.ref(scale), isAll(shift, 0) ? undefined : make.ref(shift));
  }
  const batch = typeof dims[0] === 'number' ? dims[0] : make.lengthOf(source, 0);
  const parted = make.reshape(source, [batch, -1, groups, channels / groups]);
  const normal = whitened(make, parted, momentsOf(make, parted, [3], [1]), floatAttr(node, 'epsilon'));
  const whole = dims.every((dim) => typeof dim === 'number')
    ? make.reshape(normal, dims)
    : make.node('Reshape', [normal, make.shapeOf(source)]);
  return scaledBy(make, whole, isAll(scale, 1) ? undefined : make.ref(scale), isAll(shift, 0) ? undefined : make.ref(shift));
};

/** True for a scale or shift that has no effect. */
const isAll = (value: Value | undefined, number: number): boolean => numbersIn(value)?.every((one) => one === number) ?? false;

/** `axes` gives the positions of the last axes of the ONNX value. */
export const layerNormalization: Lowering = (node, make) => {
  const [x, scale, shift] = node.inputs;
  const rank = rankOf(x);
  const axis = intAttr(node, 'axis');
  const axes = intsAttr(node, 'axes') ?? range(axis < 0 ? axis + rank : axis, rank);
  const source = make.ref(x);
  const moments = momentsOf(make, source, axes);
  const epsilon = floatAttr(node, 'epsilon');
  const y = scaledBy(make, whitened(make, source, moments, epsilon), scale && make.ref(scale), shift && make.ref(shift));
  const deviation = make.node('Rsqrt', [make.node('AddV2', [moments.variance, make.float(epsilon)])]);
  return [y, moments.mean, deviation];
};

export const rmsNormalization: Lowering = (node, make) => {
  const [x, scale] = node.inputs;
  const rank = rankOf(x);
  const axis = intAttr(node, 'axis');
  const axes = intsAttr(node, 'axes') ?? range(axis < 0 ? axis + rank : axis, rank);
  const source = make.ref(x);
  const power = make.node('Mean', [make.node('Square', [source]), make.ints(axes)], { keep_dims: bool(true) });
  const factor = make.node('Rsqrt', [make.node('AddV2', [power, make.float(floatAttr(node, 'epsilon'))])]);
  return scaledBy(make, make.node('Mul', [source, factor]), scale && make.ref(scale), undefined);
};

export const meanVarianceNormalization: Lowering = (node, make) => {
  const [x] = node.inputs;
  const source = make.ref(x);
  const { mean, variance } = momentsOf(make, source, intsAttr(node, 'axes') ?? []);
  const deviation = make.node('AddV2', [make.node('Sqrt', [variance]), make.float(1e-9)]);
  return make.node('RealDiv', [make.node('Sub', [source, mean]), deviation]);
};

export const lpNormalization: Lowering = (node, make) => {
  const [x] = node.inputs;
  const rank = rankOf(x);
  const axis = intAttr(node, 'axis');
  const over = make.ints([axis < 0 ? axis + rank : axis]);
  const source = make.ref(x);
  const norm =
    intAttr(node, 'p') === 1
      ? make.node('Sum', [make.node('Abs', [source]), over], { keep_dims: bool(true) })
      : make.node('Sqrt', [make.node('Sum', [make.node('Square', [source]), over], { keep_dims: bool(true) })]);
  // The norm of zeros only: ONNX gives zeros.
  return make.node('DivNoNan', [source, norm]);
};

/** x / (bias + alpha / size * sum of squares of the neighbouring channels)^beta. An even window reaches one channel further up than down, unlike LRN. */
export const lrn: Lowering = (node, make) => {
  const [x] = node.inputs;
  const size = intAttr(node, 'size');
  const [alpha, beta, bias] = [floatAttr(node, 'alpha'), floatAttr(node, 'beta'), floatAttr(node, 'bias')];
  const source = make.ref(x);
  if (size % 2 === 1 && rankOf(x) === 4)
    return make.node('LRN', [source], {
      depth_radius: int((size - 1) / 2),
      bias: float(bias),
      alpha: float(alpha / size),
      beta: float(beta),
    });
  const channels = dimsOf(x).at(-1);
  if (typeof channels !== 'number') throw new Unsupported('its number of channels is not known');
  const [down, up] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const band = range(0, channels * channels).map((at) => {
    const [from, to] = [Math.floor(at / channels), at % channels];
    return from >= to - down && from <= to + up ? 1 : 0;
  });
  const squares = make.reshape(make.node('Square', [source]), [-1, channels]);
  const sums = make.node('MatMul', [squares, make.floats([channels, channels], band)], {
    transpose_a: bool(false),
    transpose_b: bool(false),
  });
  const shaped = make.node('Reshape', [sums, make.shapeOf(source)]);
  const base = make.node('AddV2', [make.node('Mul', [shaped, make.float(alpha / size)]), make.float(bias)]);
  return make.node('Mul', [source, make.node('Pow', [base, make.float(-beta)])]);
};
