/**
 * Resize, axis by axis.
 *
 *   two axes of a map, linear, where TensorFlow's ratio of sizes is ONNX's scale      ResizeBilinear
 *   whole factors, nearest                                                           ResizeNearestNeighbor
 *   any other nearest                                                                GatherV2 with constant indices
 *   any other linear or cubic                                                        BatchMatMulV2 with a constant matrix [after, before]
 *   any of them at an unknown size                                                   the same coordinates, computed by the model (sampling-now.ts)
 */

import { floatAttr, intAttr, stringAttr } from '../../ir/attrs';
import { namedAxes } from '../../ir/axis';
import { sameDim } from '../../ir/dims';
import type { Dim, Node, Value } from '../../ir/types';
import { bool, int } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, isInt, type Lowering, numbersIn, range } from './lowering';
import { coordinatesOf, modeOf, roundingOf, rowsOf, type Sampling, scaledLength } from './sampling';
import { sampled } from './sampling-now';

/** Scaling of one axis: a factor, and the new length; undefined if it follows from the old one. */
interface Scale {
  readonly factor: number | Ref;
  readonly length: number | Ref | undefined;
  /** The factor equals the ratio of the two lengths, to the last digit. */
  readonly isRatio: boolean;
}

/** `orderOf`: the ONNX axis at each position. */
const resizeIn =
  (orderOf: (rank: number) => readonly number[]): Lowering =>
  (node, make) => {
    const [x] = node.inputs;
    const dims = dimsOf(x);
    const sampling = samplingOf(node);
    const scales = scalesOf(node, make, dims, orderOf(dims.length));
    const source = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
    const scaled = unlessSame(make, source, dims, scales, sampling);
    const result = atOnce(make, source, dims, scaled, sampling) ?? axisByAxis(make, source, dims, scaled, sampling);
    return isInt(x) ? make.cast(sampling.mode === 'nearest' ? result : make.node('Floor', [result]), 'DT_INT32') : result;
  };
export const resize = resizeIn(range);
export const resizeMap = resizeIn((rank) => [0, ...range(rank - 2).map((axis) => axis + 2), 1]);

/** ONNX Runtime copies the input if no length changes, whatever the factors are: floor(3 * 1.3) is 3. At unknown sizes the model decides, with factors of 1. */
function unlessSame(
  make: Emitter,
  x: Ref,
  dims: readonly Dim[],
  scales: readonly (Scale | undefined)[],
  { coordinates }: Sampling,
): readonly (Scale | undefined)[] {
  const given = scales.flatMap((scale, axis) => (scale ? [{ axis, scale, before: dims[axis] }] : []));
  const changes = ({ scale, before }: (typeof given)[number]): boolean =>
    typeof scale.length === 'number' && typeof before === 'number'
      ? scale.length !== before
      : typeof scale.factor === 'number' && (scale.factor < 1 || scale.factor >= 2);
  if (given.length === 0 || given.some(changes)) return scales;
  if (given.every(({ scale, before }) => scale.length !== undefined && scale.length === before)) return scales.map(() => undefined);
  // Scaled by the ratio of its lengths, an axis that keeps its length is unchanged.
  if (given.every(({ scale }) => scale.isRatio)) return scales;
  if (coordinates === 'tf_half_pixel_for_nn') throw new Unsupported('its coordinates depend on whether any length changes');
  const [first, ...others] = given.map(({ axis, scale, before }) => {
    const after = lengthAfter(make, x, axis, before, scale);
    return make.node('Equal', [typeof after === 'number' ? make.int(after) : after, make.lengthOf(x, axis)]);
  });
  if (!first) return scales;
  const isSame = others.reduce<Ref>((all, one) => make.node('LogicalAnd', [all, one]), first);
  return scales.map((scale, axis) => {
    if (!scale) return undefined;
    const factor = typeof scale.factor === 'number' ? make.float(scale.factor) : scale.factor;
    // The length follows from the original factor.
    return {
      ...scale,
      factor: make.node('SelectV2', [isSame, make.float(1), factor]),
      length: lengthAfter(make, x, axis, dims[axis], scale),
      isRatio: false,
    };
  });
}

const samplingOf = (node: Node): Sampling => ({
  mode: modeOf(node),
  coordinates: coordinatesOf(node),
  nearest: roundingOf(node),
  cubic: floatAttr(node, 'cubic_coeff_a'),
  excludesOutside: intAttr(node, 'exclude_outside') !== 0,
  antialias: intAttr(node, 'antialias') !== 0,
});

/** Scaling per axis, by position; undefined for an axis that does not change. */
function scalesOf(node: Node, make: Emitter, dims: readonly Dim[], order: readonly number[]): (Scale | undefined)[] {
  const rank = dims.length;
  const [x, , scalesInput, sizesInput] = node.inputs;
  const axes = namedAxes(node, rank).map((axis) => order.indexOf(axis));
  const outcome = node.outputs[0]?.type?.shape;
  const result: (Scale | undefined)[] = dims.map(() => undefined);
  const put = (place: number, scale: Scale): void => {
    if (scale.factor !== 1) result[place] = scale;
  };
  if (isGiven(sizesInput)) {
    const common = commonFactor(node, axes, dims, numbersIn(sizesInput));
    const sizes = numbersIn(sizesInput);
    axes.forEach((place, at) => {
      const [before, after] = [dims[place], sizes?.[at] ?? outcome?.[place]];
      if (common !== undefined) put(place, { factor: common, length: Math.round(Math.fround(common * Number(before))), isRatio: false });
      else if (typeof before === 'number' && typeof after === 'number')
        put(place, { factor: before === after ? 1 : Math.fround(after / before), length: after, isRatio: true });
      else if (sizes || !sameDim(before, after)) {
        const length = sizes ? make.int(sizes[at] ?? 1) : make.elementOf(make.ref(sizesInput), at);
        const ratio = [length, make.lengthOf(make.ref(x), place)].map((whole) => make.cast(whole, 'DT_FLOAT'));
        put(place, { factor: make.node('RealDiv', ratio), length, isRatio: true });
      }
    });
    return result;
  }
  if (!isGiven(scalesInput)) throw new Unsupported('it has neither scales nor sizes');
  const scales = numbersIn(scalesInput);
  axes.forEach((place, at) => {
    const before = dims[place];
    const factor = scales ? (scales[at] ?? 1) : make.elementOf(make.ref(scalesInput), at);
    const length = typeof before === 'number' && typeof factor === 'number' ? scaledLength(before, factor) : undefined;
    // Batch and channels are not resized, though a computed factor does not show it.
    if (typeof factor !== 'number' && before !== undefined && sameDim(before, outcome?.[place])) return;
    put(place, { factor, length, isRatio: typeof before === 'number' && typeof factor === 'number' ? length === before * factor : false });
  });
  return result;
}

/** ONNX also represents a missing operand as an empty list. */
const isGiven = (value: Value | undefined): value is Value => value !== undefined && value.name !== '' && value.type?.shape?.[0] !== 0;

/** One factor for all axes that keeps the aspect ratio. */
function commonFactor(node: Node, axes: readonly number[], dims: readonly Dim[], sizes: readonly number[] | undefined): number | undefined {
  const policy = stringAttr(node, 'keep_aspect_ratio_policy');
  if (policy === 'stretch') return undefined;
  if (policy !== 'not_larger' && policy !== 'not_smaller') throw new Unsupported(`its keep_aspect_ratio_policy is '${policy}'`);
  const ratios = axes.map((place, at) => {
    const [before, size] = [dims[place], sizes?.[at]];
    if (typeof before !== 'number' || size === undefined) throw new Unsupported('it keeps the aspect ratio of a size that is not known');
    return Math.fround(size / before);
  });
  return policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
}

/** One of TensorFlow's two kernels, where it computes what ONNX defines. */
function atOnce(make: Emitter, x: Ref, dims: readonly Dim[], scales: readonly (Scale | undefined)[], sampling: Sampling): Ref | undefined {
  if (scales.every((scale) => scale === undefined)) return make.node('Identity', [x]);
  if (dims.length !== 4 || scales[0] || scales[3]) return undefined;
  const spatial = [1, 2].map((place) => ({ before: dims[place], scale: scales[place] ?? UNCHANGED }));
  const flags = sampling.mode === 'nearest' ? repeats(spatial, sampling) : interpolates(spatial, sampling);
  if (!flags) return undefined;
  const size = make.vector(spatial.map(({ before, scale }, at) => lengthAfter(make, x, at + 1, before, scale)));
  const op = sampling.mode === 'nearest' ? 'ResizeNearestNeighbor' : 'ResizeBilinear';
  return make.node(op, [x, size], { align_corners: bool(flags.aligned), half_pixel_centers: bool(flags.centred) });
}

interface Spatial {
  readonly before: Dim;
  readonly scale: Scale;
}
interface Flags {
  readonly aligned: boolean;
  readonly centred: boolean;
}
const UNCHANGED: Scale = { factor: 1, length: undefined, isRatio: true };

const isWhole = (factor: number | Ref): factor is number => typeof factor === 'number' && Number.isInteger(factor);

/**
 * Whether each position is simply repeated. With integer factors a coordinate never comes near the next position, whatever the length; with aligned
 * corners, where the length determines the coordinates, it does. TensorFlow samples at the centre of each position, so its rounding does not matter either.
 */
function repeats(spatial: readonly Spatial[], sampling: Sampling): Flags | undefined {
  if (sampling.coordinates === 'align_corners') return undefined;
  const is = spatial.every(({ before, scale }) => {
    const length = typeof before === 'number' ? before : 8;
    const { factor } = scale;
    if (!isWhole(factor)) return false;
    if (typeof scale.length === 'number' && scale.length !== length * factor) return false;
    return rowsOf(length, { factor, length: length * factor }, sampling).every((row, at) => row[0]?.place === Math.floor(at / factor));
  });
  return is ? { aligned: false, centred: true } : undefined;
}

/** TensorFlow's coordinates that equal ONNX's; TensorFlow derives its scale from the lengths. */
function interpolates(spatial: readonly Spatial[], sampling: Sampling): Flags | undefined {
  if (sampling.mode !== 'linear' || sampling.antialias) return undefined;
  const isExact = spatial.every(({ scale }) => scale.isRatio || isWhole(scale.factor));
  const mayBeOne = spatial.some(
    ({ before, scale }) => scale.factor !== 1 && (typeof before === 'number' ? scale.length === 1 : !isWhole(scale.factor)),
  );
  switch (sampling.coordinates) {
    case 'half_pixel':
    case 'half_pixel_symmetric':
      return isExact ? { aligned: false, centred: true } : undefined;
    case 'pytorch_half_pixel':
      return isExact && !mayBeOne ? { aligned: false, centred: true } : undefined;
    case 'asymmetric':
      return isExact ? { aligned: false, centred: false } : undefined;
    case 'align_corners':
      // The lengths determine the coordinates, not the scale.
      return mayBeOne ? undefined : { aligned: true, centred: false };
    case 'tf_half_pixel_for_nn':
      return undefined;
  }
}

/** New length of an axis: floor(length * factor) in float32, unless it is given. */
function lengthAfter(make: Emitter, x: Ref, axis: number, before: Dim, scale: Scale): number | Ref {
  const { factor, length } = scale;
  if (length !== undefined) return length;
  if (factor === 1 && typeof before === 'number') return before;
  const own = make.lengthOf(x, axis);
  if (factor === 1) return own;
  if (isWhole(factor)) return make.node('Mul', [own, make.int(factor)]);
  const product = make.node('Mul', [make.cast(own, 'DT_FLOAT'), typeof factor === 'number' ? make.float(factor) : factor]);
  return make.cast(make.node('Floor', [product]), 'DT_INT32');
}

function axisByAxis(make: Emitter, x: Ref, dims: readonly Dim[], scales: readonly (Scale | undefined)[], sampling: Sampling): Ref {
  const now: Dim[] = [...dims];
  return scales.reduce<Ref>((current, scale, axis) => {
    if (!scale) return current;
    const before = now[axis];
    const { factor, length } = scale;
    if (typeof before !== 'number' || typeof length !== 'number' || typeof factor !== 'number' || !fits(now, axis, sampling)) {
      now[axis] = typeof length === 'number' ? length : undefined;
      const after = lengthAfter(make, current, axis, before, scale);
      return sampled(
        make,
        current,
        {
          axis,
          rank: now.length,
          factor: typeof factor === 'number' ? make.float(factor) : factor,
          length: typeof after === 'number' ? make.int(after) : after,
        },
        sampling,
      );
    }
    now[axis] = length;
    return resampled(make, current, now, axis, rowsOf(before, { factor, length }, sampling), before, sampling);
  }, x);
}

/** Whether the resize can be a constant matrix or constant indices: a matrix product treats all later axes as one, so their lengths must be known. */
const fits = (dims: readonly Dim[], axis: number, { mode, antialias }: Sampling): boolean =>
  mode === 'nearest' || antialias || dims.slice(axis + 1).every((dim) => typeof dim === 'number');

function resampled(
  make: Emitter,
  x: Ref,
  now: readonly Dim[],
  axis: number,
  rows: ReturnType<typeof rowsOf>,
  before: number,
  { mode }: Sampling,
): Ref {
  if (mode === 'nearest') {
    const places = rows.map((row) => row[0]?.place ?? 0);
    return make.node('GatherV2', [x, make.ints(places), make.int(axis)], { batch_dims: int(0) });
  }
  const matrix = rows.flatMap((row) => {
    const line = new Array<number>(before).fill(0);
    for (const { place: from, weight } of row) line[from] = (line[from] ?? 0) + weight;
    return line;
  });
  return alongAxis(make, x, now, axis, before, make.floats([rows.length, before], matrix));
}

/** Multiplies [.., before, rest] by [after, before]. `now`: the sizes after the resize. */
function alongAxis(make: Emitter, x: Ref, now: readonly Dim[], place: number, before: number, matrix: Ref): Ref {
  const inner = now.slice(place + 1);
  const after = now[place];
  const sizes = make.sizesOf(x, now);
  if (!inner.every((dim) => typeof dim === 'number')) throw new Unsupported('it is antialiased, and the size of the map is not known');
  const columns = inner.reduce((product, dim) => product * dim, 1);
  const list = make.reshape(x, [-1, before, columns]);
  const product = make.node('BatchMatMulV2', [matrix, list], { adj_x: bool(false), adj_y: bool(false) });
  return make.reshape(
    product,
    sizes.map((size, axis) => (axis === place && typeof after === 'number' ? after : size)),
  );
}
