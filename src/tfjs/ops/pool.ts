/**
 * Pools over maps [N, H, W, C]. TensorFlow.js pools with SAME or VALID only, so pads become a PadV2 in front, of -Infinity or 0.
 *
 *   ceil_mode    stride - 1 more at the end; the windows that ONNX drops (those that begin in the end pad) are cut off again
 *   dilations    the maximum or sum of shifted, strided slices, rows first, then columns: correct for any size and stride
 *   averages     over fewer elements at the border: the average of the padded map divided by that of padded ones
 */
import { floatAttr, intAttr, intsAttr, stringAttr } from '../../ir/attrs';
import type { Dim, Node, Value } from '../../ir/types';
import { bool, ints, text } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, isInt, isUsed, type Lowering, rankOf } from './lowering';
import { filled } from './pad';
import { stridedSlice } from './slicing';
import { isDilated, isPadded, isSame, padsOn, raised, spanOf, type Window, windowOf } from './window';

interface Pool {
  readonly make: Emitter;
  readonly x: Ref;
  /** Shape of the map before padding. */
  readonly dims: readonly Dim[];
  readonly window: Window;
}

/** Pools one-dimensional inputs and maps; `kind` works on [N, ..., C] with two spatial axes or more. */
const overMaps =
  (lower: (pool: Pool, node: Node) => Ref): Lowering =>
  (node, make) => {
    const [x] = node.inputs;
    const rank = rankOf(x);
    const kernel = intsAttr(node, 'kernel_shape');
    if (!kernel || isUsed(node.outputs[1])) throw new Unsupported('it also gives the places of its maxima');
    if (rank < 3 || rank > 5) throw new Unsupported(`TensorFlow.js pools maps of one to three axes, not of ${rank - 2}`);
    const dims = dimsOf(x);
    const window = windowOf(node, kernel, dims.slice(1, -1));
    if (stringAttr(node, 'auto_pad').startsWith('SAME')) requireCovering(window, dims);
    const typed = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
    const back = (ref: Ref): Ref => (isInt(x) ? make.cast(ref, 'DT_INT32') : ref);
    if (rank !== 3) return back(lower({ make, x: typed, dims, window }, node));
    const [batch, length, channels] = dims;
    const row = make.node('ExpandDims', [typed, make.int(1)]);
    return back(
      make.node('Squeeze', [lower({ make, x: row, dims: [batch, 1, length, channels], window: raised(window) }, node)], {
        squeeze_dims: ints([1]),
      }),
    );
  };

/** SAME would have to crop the map if strides skip positions: ONNX Runtime does so for averages and fails for maxima, TensorFlow does not. */
function requireCovering(window: Window, dims: readonly Dim[]): void {
  if (isDilated(window)) throw new Unsupported('its auto_pad meets dilations, which ONNX Runtime leaves out of the pads and ONNX does not');
  const isCut = window.kernel.some((_, axis) => {
    const [span, stride, length] = [spanOf(window, axis), window.strides[axis] ?? 1, dims[axis + 1]];
    return span < stride && (typeof length !== 'number' || (Math.ceil(length / stride) - 1) * stride + span < length);
  });
  if (isCut)
    throw new Unsupported(
      'its auto_pad would have to cut the map, since its stride is beyond its kernel, and runtimes disagree about that',
    );
}

/** Pads in front and behind; `end` includes what ceil mode adds. */
interface Around {
  readonly before: readonly (number | Ref)[];
  readonly after: readonly (number | Ref)[];
  readonly end: readonly (number | Ref)[];
}

function around({ make, x, window, dims }: Pool): Around {
  const { pads } = window;
  if (pads.kind === 'same') {
    const { before, after } = padsOn(make, x, window);
    return { before, after, end: after };
  }
  if ([...pads.before, ...pads.after].some((pad) => pad < 0)) throw new Unsupported('it has negative pads');
  return { ...pads, end: window.kernel.map((_, axis) => endOf(window, axis, dims[axis + 1], known(window, axis))) };
}

interface Side {
  readonly before: number;
  readonly after: number;
}
const known = ({ pads }: Window, axis: number): Side =>
  pads.kind === 'known' ? { before: pads.before[axis] ?? 0, after: pads.after[axis] ?? 0 } : { before: 0, after: 0 };

/** The pad at the end of an axis, including what ceil mode adds. */
function endOf(window: Window, axis: number, length: Dim, { before, after }: Side): number {
  const [stride, span] = [window.strides[axis] ?? 1, spanOf(window, axis)];
  if (!window.isCeil) return after;
  if (typeof length !== 'number') return after + stride - 1;
  const windows = Math.min(Math.ceil((length + before + after - span) / stride) + 1, Math.floor((length + before - 1) / stride) + 1);
  return Math.max((windows - 1) * stride + span - length - before, 0);
}

/** Whether the number of windows is right for every size: none begins in the part that ceil mode adds. */
const isCounted = (window: Window, dims: readonly Dim[]): boolean =>
  !window.isCeil ||
  window.kernel.every(
    (_, axis) => typeof dims[axis + 1] === 'number' || known(window, axis).after + (window.strides[axis] ?? 1) <= spanOf(window, axis),
  );

const padded = (make: Emitter, x: Ref, before: readonly (number | Ref)[], after: readonly (number | Ref)[], value: number): Ref =>
  filled(make, x, { before: [0, ...before, 0], after: [0, ...after, 0] }, make.float(value));

/** Cuts off the windows that ONNX does not have: those that begin beyond the map. */
function counted({ make, x, dims, window }: Pool, result: Ref): Ref {
  if (isCounted(window, dims)) return result;
  const stretches = window.kernel.map((_, axis) => {
    const stride = window.strides[axis] ?? 1;
    const reach = make.node('AddV2', [make.lengthOf(x, axis + 1), make.int(known(window, axis).before - 1)]);
    return { begin: 0, end: make.node('AddV2', [make.node('FloorDiv', [reach, make.int(stride)]), make.int(1)]) };
  });
  return stridedSlice(make, result, [undefined, ...stretches, undefined]);
}

/** 2 by 2, stride 2, in ceil mode: TensorFlow's SAME, for every size. */
const isHalved = (window: Window): boolean =>
  window.isCeil && !isPadded(window) && !isDilated(window) && window.kernel.every((size, axis) => size === 2 && window.strides[axis] === 2);

/** Whether TensorFlow's SAME pads the same amounts. Its padding is below every value in a maximum, and is not counted in an average. */
const padsItself = (window: Window, dims: readonly Dim[]): boolean =>
  window.kernel.length === 2 &&
  (isHalved(window) || (isPadded(window) && !window.isCeil && !isDilated(window) && isSame(window, dims.slice(1, -1))));

/** A pool without pads, or with those that TensorFlow chooses. */
function plainPool(make: Emitter, op: 'MaxPool' | 'AvgPool', x: Ref, window: Window, padding: 'SAME' | 'VALID' = 'VALID'): Ref {
  return make.node(window.kernel.length === 3 ? `${op}3D` : op, [x], {
    ksize: ints([1, ...window.kernel, 1]),
    strides: ints([1, ...window.strides, 1]),
    padding: text(padding),
    data_format: text(window.kernel.length === 3 ? 'NDHWC' : 'NHWC'),
  });
}

/** Combines the elements of each window, axis by axis, from shifted slices. */
function taps(make: Emitter, x: Ref, { kernel, strides, dilations }: Window, combine: 'Maximum' | 'AddV2'): Ref {
  return kernel.reduce((current, size, axis) => {
    const [stride = 1, dilation = 1] = [strides[axis], dilations[axis]];
    if (size === 1 && stride === 1) return current;
    const slices = Array.from({ length: size }, (_, tap) => {
      const last = (size - 1 - tap) * dilation;
      const stretch = { begin: tap * dilation, end: last === 0 ? undefined : -last, step: stride };
      return stridedSlice(make, current, [undefined, ...kernel.map((__, other) => (other === axis ? stretch : undefined)), undefined]);
    });
    return slices.reduce((a, b) => make.node(combine, [a, b]));
  }, x);
}

export const maxPool: Lowering = overMaps((pool, _node) => {
  const { make, x, window, dims } = pool;
  if (padsItself(window, dims)) return plainPool(make, 'MaxPool', x, window, 'SAME');
  const { before, end } = around(pool);
  const source = padded(make, x, before, end, Number.NEGATIVE_INFINITY);
  // The WebAssembly kernel over three axes ignores values below 1.2e-38 when it looks for the maximum.
  const result =
    isDilated(window) || window.kernel.length === 3 ? taps(make, source, window, 'Maximum') : plainPool(make, 'MaxPool', source, window);
  return counted(pool, result);
});

/** The sum over each window, divided by the full window size. */
const plainAverage = (make: Emitter, source: Ref, window: Window): Ref =>
  isDilated(window)
    ? make.node('Mul', [taps(make, source, window, 'AddV2'), make.float(1 / productOf(window.kernel))])
    : plainPool(make, 'AvgPool', source, window);

export const averagePool: Lowering = overMaps((pool, node) => {
  const { make, x, window, dims } = pool;
  const countsPads = intAttr(node, 'count_include_pad') !== 0;
  if (padsItself(window, dims) && (!countsPads || !isPadded(window))) return plainPool(make, 'AvgPool', x, window, 'SAME');
  const { before, after, end } = around(pool);
  const isExtended = end.some((pad, axis) => pad !== after[axis]);
  const sum = plainAverage(make, padded(make, x, before, end, 0), window);
  if (!isExtended && (countsPads || !isPadded(window))) return sum;
  const lengths = dims.slice(1, -1);
  if (window.pads.kind === 'known' && lengths.every((length) => typeof length === 'number')) {
    const shares = lengths.map((length, axis) => sharesOf(length, axis, window, countsPads));
    return make.node('Mul', [sum, make.floats([1, ...shares.map((share) => share.length), 1], outer(shares))]);
  }
  // Elements that count: the map, and its pads if they are included; never what ceil mode adds.
  const whole = window.kernel.map(() => undefined);
  const one = make.node('OnesLike', [stridedSlice(make, x, [{ begin: 0, end: 1 }, ...whole, { begin: 0, end: 1 }])]);
  const counting = countsPads ? padded(make, one, before, after, 1) : one;
  const first = countsPads ? before.map(() => 0) : before;
  const last = end.map((pad, axis) => (countsPads ? added(pad, after[axis]) : pad));
  return counted(pool, make.node('RealDiv', [sum, plainAverage(make, padded(make, counting, first, last, 0), window)]));
});

/** Amount that ceil mode adds: nothing where the pads are computed. */
const added = (end: number | Ref, after: number | Ref | undefined): number =>
  typeof end === 'number' && typeof after === 'number' ? end - after : 0;

const productOf = (numbers: readonly number[]): number => numbers.reduce((product, number) => product * number, 1);

/** Per window along one axis: kernel size divided by the number of its positions that count. */
function sharesOf(length: number, axis: number, window: Window, countsPads: boolean): number[] {
  const [size = 1, stride = 1, dilation = 1] = [window.kernel[axis], window.strides[axis], window.dilations[axis]];
  const { before, after } = known(window, axis);
  const end = endOf(window, axis, length, { before, after });
  const count = Math.floor((length + before + end - spanOf(window, axis)) / stride) + 1;
  const [from, to] = countsPads ? [-before, length + after] : [0, length];
  return Array.from({ length: count }, (_, at) => {
    const begin = at * stride - before;
    const seen = Array.from({ length: size }, (__, tap) => begin + tap * dilation).filter((place) => place >= from && place < to).length;
    return size / Math.max(seen, 1);
  });
}

const outer = (lists: readonly (readonly number[])[]): number[] =>
  lists.reduce<number[]>((products, list) => products.flatMap((product) => list.map((factor) => product * factor)), [1]);

const spatialAxes = (rank: number): number[] => Array.from({ length: rank - 2 }, (_, axis) => axis + 1);

export const globalPool =
  (op: 'Mean' | 'Max'): Lowering =>
  (node, make) =>
    (op === 'Mean' ? stagesOf(node.inputs[0]) : [spatialAxes(rankOf(node.inputs[0]))]).reduce(
      (x, axes) => make.node(op, [x, make.ints(axes)], { keep_dims: bool(true) }),
      make.ref(node.inputs[0]),
    );

/** TensorFlow.js adds one float after the other. Sums over many cells, or over any number of them, are taken along one axis after the other: shorter sums lose fewer digits. */
function stagesOf(x: Value | undefined): readonly (readonly number[])[] {
  const axes = spatialAxes(rankOf(x));
  const cells = axes.reduce((product, axis) => product * (Number(dimsOf(x)[axis]) || Number.POSITIVE_INFINITY), 1);
  return cells <= SHORT ? [axes] : [...axes].reverse().map((axis) => [axis]);
}
const SHORT = 1024;

/** (sum |x|^p)^(1/p) over the window, or over the map. */
export const lpPool: Lowering = (node, make) =>
  overMaps((pool) => {
    const { x, window } = pool;
    const powers = power(make, make.node('Abs', [x]), exponentOf(node));
    const { before, end } = around(pool);
    const source = padded(make, powers, before, end, 0);
    const sum = isDilated(window)
      ? taps(make, source, window, 'AddV2')
      : make.node('Mul', [plainPool(make, 'AvgPool', source, window), make.float(productOf(window.kernel))]);
    return counted(pool, power(make, sum, 1 / exponentOf(node)));
  })(node, make);

export const globalLpPool: Lowering = (node, make) => {
  const p = exponentOf(node);
  const sum = make.node(
    'Sum',
    [power(make, make.node('Abs', [make.ref(node.inputs[0])]), p), make.ints(spatialAxes(rankOf(node.inputs[0])))],
    {
      keep_dims: bool(true),
    },
  );
  return power(make, sum, 1 / p);
};

/** An integer, except in nodes kept in the form of opset 1. */
const exponentOf = (node: Node): number => (node.attrs.get('p')?.kind === 'float' ? floatAttr(node, 'p') : intAttr(node, 'p'));

function power(make: Emitter, x: Ref, exponent: number): Ref {
  if (exponent === 1) return x;
  if (exponent === 2) return make.node('Square', [x]);
  if (exponent === 0.5) return make.node('Sqrt', [x]);
  return make.node('Pow', [x, make.float(exponent)]);
}
