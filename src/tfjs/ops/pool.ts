/**
 * Pools over maps [N, H, W, C]. TensorFlow.js pools with SAME or VALID only, so pads are a PadV2 in front, of -Infinity or 0.
 *
 *   ceil_mode    stride - 1 more at the end; what ONNX drops (windows that begin in the end pad) is cut off again
 *   dilations    the maximum or sum of shifted, strided slices, rows first, then columns: right at any size and stride
 *   averages     over fewer numbers at the border: the average of the padded map by that of padded ones
 */
import { floatAttr, intAttr, intsAttr } from '../../ir/attrs';
import type { Dim, Node } from '../../ir/types';
import { bool, ints, text } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, isInt, isUsed, type Lowering, rankOf } from './lowering';
import { stridedSlice } from './slicing';
import { isDilated, isPadded, type Window, windowOf } from './window';

interface Pool {
  readonly make: Emitter;
  readonly x: Ref;
  /** Of the map as it is before pads. */
  readonly dims: readonly Dim[];
  readonly window: Window;
}

/** Pools lines and maps; `kind` works on [N, ..., C] with two axes or more. */
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
    const typed = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
    const back = (ref: Ref): Ref => (isInt(x) ? make.cast(ref, 'DT_INT32') : ref);
    if (rank !== 3) return back(lower({ make, x: typed, dims, window }, node));
    const [batch, length, channels] = dims;
    const line: Window = {
      ...window,
      kernel: [1, ...window.kernel],
      strides: [1, ...window.strides],
      dilations: [1, ...window.dilations],
      before: window.isSame ? [] : [0, ...window.before],
      after: window.isSame ? [] : [0, ...window.after],
    };
    const row = make.node('ExpandDims', [typed, make.int(1)]);
    return back(
      make.node('Squeeze', [lower({ make, x: row, dims: [batch, 1, length, channels], window: line }, node)], { squeeze_dims: ints([1]) }),
    );
  };

/** Pads at the ends, with what ceil mode adds. */
function ends(window: Window, dims: readonly Dim[]): number[] {
  const { kernel, strides, dilations, before, after, isCeil } = window;
  return kernel.map((size, axis) => {
    const [stride = 1, dilation = 1, first = 0, last = 0, length] = [
      strides[axis],
      dilations[axis],
      before[axis],
      after[axis],
      dims[axis + 1],
    ];
    if (!isCeil) return last;
    const span = (size - 1) * dilation + 1;
    if (typeof length !== 'number') return last + stride - 1;
    const windows = Math.min(Math.ceil((length + first + last - span) / stride) + 1, Math.floor((length + first - 1) / stride) + 1);
    return Math.max((windows - 1) * stride + span - length - first, 0);
  });
}

/** The number of windows is right without a look at the size: none begins in what ceil mode adds. */
const isCounted = ({ kernel, strides, dilations, after, isCeil }: Window, dims: readonly Dim[]): boolean =>
  !isCeil ||
  kernel.every(
    (size, axis) =>
      typeof dims[axis + 1] === 'number' || (after[axis] ?? 0) + (strides[axis] ?? 1) <= (size - 1) * (dilations[axis] ?? 1) + 1,
  );

function padded(make: Emitter, x: Ref, before: readonly number[], after: readonly number[], value: number): Ref {
  if ([...before, ...after].every((pad) => pad === 0)) return x;
  if ([...before, ...after].some((pad) => pad < 0)) throw new Unsupported('it has negative pads');
  return make.node('PadV2', [x, make.pads([0, ...before, 0], [0, ...after, 0]), make.float(value)]);
}

/** Cuts off the windows that ONNX does not have: those that begin behind the map. */
function counted({ make, x, dims, window }: Pool, result: Ref): Ref {
  if (isCounted(window, dims)) return result;
  const stretches = window.kernel.map((_, axis) => {
    const [stride = 1, first = 0] = [window.strides[axis], window.before[axis]];
    const reach = make.node('AddV2', [make.lengthOf(x, axis + 1), make.int(first - 1)]);
    return { begin: 0, end: make.node('AddV2', [make.node('FloorDiv', [reach, make.int(stride)]), make.int(1)]) };
  });
  return stridedSlice(make, result, [undefined, ...stretches, undefined]);
}

/** 2 by 2, stride 2, in ceil mode: what TensorFlow calls SAME, at every size. */
const isHalved = (window: Window): boolean =>
  window.isCeil &&
  window.kernel.length === 2 &&
  !isPadded(window) &&
  !isDilated(window) &&
  [0, 1].every((axis) => window.kernel[axis] === 2 && window.strides[axis] === 2);

/** A pool without pads. */
function plainPool(make: Emitter, op: 'MaxPool' | 'AvgPool', x: Ref, window: Window): Ref {
  return make.node(window.kernel.length === 3 ? `${op}3D` : op, [x], {
    ksize: ints([1, ...window.kernel, 1]),
    strides: ints([1, ...window.strides, 1]),
    padding: text(window.isSame ? 'SAME' : 'VALID'),
    data_format: text(window.kernel.length === 3 ? 'NDHWC' : 'NHWC'),
  });
}

/** Combines what the window sees, axis by axis, from shifted slices. */
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
  if (window.isSame && window.kernel.length === 3) throw new Unsupported('auto_pad SAME_UPPER over three axes needs a known size');
  if (window.isSame || isHalved(window)) return plainPool(make, 'MaxPool', x, { ...window, isSame: true });
  const source = padded(make, x, window.before, ends(window, dims), Number.NEGATIVE_INFINITY);
  // The WebAssembly kernel over three axes takes no number below 1.2e-38 for a maximum.
  const result =
    isDilated(window) || window.kernel.length === 3 ? taps(make, source, window, 'Maximum') : plainPool(make, 'MaxPool', source, window);
  return counted(pool, result);
});

export const averagePool: Lowering = overMaps((pool, node) => {
  const { make, x, window, dims } = pool;
  const countsPads = intAttr(node, 'count_include_pad', 0) !== 0;
  if (window.isSame) {
    if (countsPads || isDilated(window)) throw new Unsupported('auto_pad SAME_UPPER with count_include_pad needs a known size');
    return plainPool(make, 'AvgPool', x, window);
  }
  if (isHalved(window)) return plainPool(make, 'AvgPool', x, { ...window, isSame: true });
  const end = ends(window, dims);
  const average = (source: Ref): Ref =>
    isDilated(window)
      ? make.node('Mul', [taps(make, source, window, 'AddV2'), make.float(1 / window.kernel.reduce((product, size) => product * size, 1))])
      : plainPool(make, 'AvgPool', source, window);
  const isExtended = end.some((pad, axis) => pad !== (window.after[axis] ?? 0));
  const sum = average(padded(make, x, window.before, end, 0));
  if (!isExtended && (countsPads || !isPadded(window))) return sum;
  if (!countsPads && !isExtended && !isDilated(window) && isCentred(window))
    return plainPool(make, 'AvgPool', x, { ...window, isSame: true });
  // What counts: the map, and its pads if they do; never what ceil mode adds.
  const inside = countsPads ? { before: window.before, after: window.after } : { before: [], after: [] };
  const lengths = dims.slice(1, -1);
  if (lengths.every((length) => typeof length === 'number')) {
    const shares = lengths.map((length, axis) => sharesOf(length, axis, window, inside));
    return make.node('Mul', [sum, make.floats([1, ...shares.map((share) => share.length), 1], outer(shares))]);
  }
  const rank = dims.length;
  const whole = window.kernel.map(() => undefined);
  const one = make.node('OnesLike', [stridedSlice(make, x, [{ begin: 0, end: 1 }, ...whole, { begin: 0, end: 1 }])]);
  const zeros = window.kernel.map(() => 0);
  const counting = countsPads ? padded(make, one, window.before, window.after, 1) : one;
  const first = countsPads ? zeros : window.before;
  const last = end.map((pad, axis) => (countsPads ? pad - (window.after[axis] ?? 0) : pad));
  const share = average(padded(make, counting, first, last, 0));
  if (rank < 4) throw new Unsupported('its size is not known');
  return counted(pool, make.node('RealDiv', [sum, share]));
});

/** Stride 1 and as much on both sides as SAME would have: TensorFlow leaves pads out of the average. */
const isCentred = ({ kernel, strides, before, after }: Window): boolean =>
  kernel.every((size, axis) => size % 2 === 1 && strides[axis] === 1 && before[axis] === (size - 1) / 2 && after[axis] === (size - 1) / 2);

/** Per window along one axis: kernel size by how many of its places count. */
function sharesOf(
  length: number,
  axis: number,
  window: Window,
  inside: { readonly before: readonly number[]; readonly after: readonly number[] },
): number[] {
  const [size = 1, stride = 1, dilation = 1, first = 0] = [
    window.kernel[axis],
    window.strides[axis],
    window.dilations[axis],
    window.before[axis],
  ];
  const last = ends(window, [0, ...Array.from({ length: axis }, () => 0), length])[axis] ?? 0;
  const span = (size - 1) * dilation + 1;
  const count = Math.floor((length + first + last - span) / stride) + 1;
  const [from, to] = [-(inside.before[axis] ?? 0), length + (inside.after[axis] ?? 0)];
  return Array.from({ length: count }, (_, at) => {
    const begin = at * stride - first;
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
    make.node(op, [make.ref(node.inputs[0]), make.ints(spatialAxes(rankOf(node.inputs[0])))], { keep_dims: bool(true) });

/** (sum |x|^p)^(1/p) over the window, or over the map. */
export const lpPool: Lowering = (node, make) =>
  overMaps((pool) => {
    const { x, window, dims } = pool;
    if (window.isSame) throw new Unsupported('auto_pad SAME_UPPER needs a known size');
    const count = window.kernel.reduce((product, size) => product * size, 1);
    const powers = power(make, make.node('Abs', [x]), floatOrInt(node, 'p', 2));
    const source = padded(make, powers, window.before, ends(window, dims), 0);
    const sum = isDilated(window)
      ? taps(make, source, window, 'AddV2')
      : make.node('Mul', [plainPool(make, 'AvgPool', source, window), make.float(count)]);
    return counted(pool, power(make, sum, 1 / floatOrInt(node, 'p', 2)));
  })(node, make);

export const globalLpPool: Lowering = (node, make) => {
  const p = floatOrInt(node, 'p', 2);
  const sum = make.node(
    'Sum',
    [power(make, make.node('Abs', [make.ref(node.inputs[0])]), p), make.ints(spatialAxes(rankOf(node.inputs[0])))],
    {
      keep_dims: bool(true),
    },
  );
  return power(make, sum, 1 / p);
};

const floatOrInt = (node: Node, name: string, otherwise: number): number => intAttr(node, name, floatAttr(node, name, otherwise));

function power(make: Emitter, x: Ref, exponent: number): Ref {
  if (exponent === 1) return x;
  if (exponent === 2) return make.node('Square', [x]);
  if (exponent === 0.5) return make.node('Sqrt', [x]);
  return make.node('Pow', [x, make.float(exponent)]);
}
