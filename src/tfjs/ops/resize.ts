/**
 * Resize, axis by axis.
 *
 *   two axes of a map, linear, where TensorFlow's ratio of sizes is ONNX's scale      ResizeBilinear
 *   whole factors, nearest                                                           ResizeNearestNeighbor
 *   any other nearest                                                                GatherV2 with constant places
 *   any other linear or cubic                                                        BatchMatMulV2 with a constant matrix [after, before]
 */
import { floatAttr, intAttr, intsAttr, stringAttr } from '../../ir/attrs';
import type { Dim, Node } from '../../ir/types';
import { bool, int } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, inRange, isInt, type Lowering, numbersIn } from './lowering';
import { rowsOf, type Sampling, type Scale } from './sampling';

/** `order`: which of ONNX's axes lies at each place. */
const resizeIn =
  (orderOf: (rank: number) => readonly number[]): Lowering =>
  (node, make) => {
    const [x] = node.inputs;
    const dims = dimsOf(x);
    const order = orderOf(dims.length);
    const scales = scalesOf(node, dims, order);
    if (!scales) return computed(node, make, order);
    const sampling = samplingOf(node);
    const source = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
    const result = atOnce(make, source, dims, scales, sampling) ?? axisByAxis(make, source, dims, scales, sampling);
    return isInt(x) ? make.cast(sampling.mode === 'nearest' ? result : make.node('Floor', [result]), 'DT_INT32') : result;
  };
export const resize = resizeIn((rank) => Array.from({ length: rank }, (_, axis) => axis));
export const resizeMap = resizeIn((rank) => [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1]);

function samplingOf(node: Node): Sampling {
  const mode = stringAttr(node, 'mode', 'nearest');
  const coordinates = stringAttr(node, 'coordinate_transformation_mode', 'half_pixel');
  if (coordinates === 'tf_crop_and_resize') throw new Unsupported('it crops as it resizes');
  if (mode !== 'nearest' && mode !== 'linear' && mode !== 'cubic') throw new Unsupported(`its mode is '${mode}'`);
  return {
    mode,
    coordinates,
    nearest: stringAttr(node, 'nearest_mode', 'round_prefer_floor'),
    cubic: floatAttr(node, 'cubic_coeff_a', -0.75),
    excludesOutside: intAttr(node, 'exclude_outside', 0) !== 0,
    antialias: intAttr(node, 'antialias', 0) !== 0,
  };
}

/** Per place of an axis; undefined where scales or sizes are computed. */
function scalesOf(node: Node, dims: readonly Dim[], order: readonly number[]): (Scale | undefined)[] | undefined {
  const rank = dims.length;
  const [, , scalesInput, sizesInput] = node.inputs;
  const axes = (intsAttr(node, 'axes') ?? Array.from({ length: rank }, (_, axis) => axis)).map((axis) =>
    order.indexOf(inRange(axis, rank)),
  );
  const scales = numbersIn(scalesInput);
  const sizes = numbersIn(sizesInput) ?? (sizesInput ? lengthsOf(node, axes) : undefined);
  const result: (Scale | undefined)[] = dims.map(() => undefined);
  if (sizes && sizes.length > 0) {
    const policy = stringAttr(node, 'keep_aspect_ratio_policy', 'stretch');
    const ratios = axes.map((place, at) => (sizes[at] ?? 1) / Number(dims[place]));
    const common = policy === 'not_larger' ? Math.min(...ratios) : policy === 'not_smaller' ? Math.max(...ratios) : undefined;
    axes.forEach((place, at) => {
      const [before, after] = [dims[place], sizes[at] ?? 1];
      if (before === after && common === undefined) return;
      if (typeof before !== 'number') throw new Unsupported('its output has a fixed size, and its input has not');
      // Halves are rounded up there.
      const length = common === undefined ? after : Math.floor(common * before + 0.5);
      result[place] = { factor: common ?? after / before, length };
    });
    return result;
  }
  if (!scales || scales.length === 0) return undefined;
  axes.forEach((place, at) => {
    const [before, factor] = [dims[place], scales[at] ?? 1];
    if (factor !== 1) result[place] = { factor, length: typeof before === 'number' ? Math.floor(before * factor) : undefined };
  });
  return result;
}

/** The lengths of the output, where they are known though what they are computed from is not. */
function lengthsOf(node: Node, axes: readonly number[]): readonly number[] | undefined {
  const shape = node.outputs[0]?.type?.shape;
  if (stringAttr(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch' || !shape) return undefined;
  const lengths = axes.map((place) => shape[place]);
  return lengths.every((length) => typeof length === 'number') ? lengths : undefined;
}

/** One of TensorFlow's two kernels, where it gives what ONNX wants. */
function atOnce(make: Emitter, x: Ref, dims: readonly Dim[], scales: readonly (Scale | undefined)[], sampling: Sampling): Ref | undefined {
  if (dims.length !== 4 || scales[0] || scales[3]) return undefined;
  const spatial = [1, 2].map((place) => ({ before: dims[place], scale: scales[place] ?? { factor: 1, length: undefined } }));
  if (spatial.every(({ scale }) => scale.factor === 1)) return make.node('Identity', [x]);
  const isWhole = spatial.every(({ scale }) => Number.isInteger(scale.factor));
  const size = make.vector(
    spatial.map(({ before, scale }, at): number | Ref => {
      if (typeof before === 'number') return scale.length ?? before;
      const length = make.lengthOf(x, at + 1);
      return scale.factor === 1 ? length : make.node('Mul', [length, make.int(scale.factor)]);
    }),
  );
  if (sampling.mode === 'nearest') {
    const repeats =
      isWhole && spatial.every(({ before, scale }) => isRepetition(typeof before === 'number' ? before : 8, scale.factor, sampling));
    return repeats
      ? make.node('ResizeNearestNeighbor', [x, size], { align_corners: bool(false), half_pixel_centers: bool(false) })
      : undefined;
  }
  const isExact = spatial.every(({ before, scale }) =>
    typeof before === 'number' ? (scale.length ?? before) === before * scale.factor : isWhole,
  );
  const halfPixel =
    sampling.coordinates === 'half_pixel' ||
    (sampling.coordinates === 'pytorch_half_pixel' && spatial.every(({ scale }) => scale.length !== 1));
  const flags = halfPixel
    ? [false, true]
    : sampling.coordinates === 'asymmetric'
      ? [false, false]
      : sampling.coordinates === 'align_corners'
        ? [true, false]
        : undefined;
  const isPlain = sampling.mode === 'linear' && !sampling.antialias && !sampling.excludesOutside;
  // With aligned corners the lengths decide, not the scale.
  if (!isPlain || !flags || (!isExact && !flags[0])) return undefined;
  if (flags[0] && spatial.some(({ before, scale }) => typeof before === 'number' && scale.length === 1 && before !== 1)) return undefined;
  return make.node('ResizeBilinear', [x, size], { align_corners: bool(flags[0] ?? false), half_pixel_centers: bool(flags[1] ?? false) });
}

/** Whether each place is simply repeated. */
const isRepetition = (before: number, factor: number, sampling: Sampling): boolean =>
  rowsOf(before, { factor, length: before * factor }, sampling).every((row, at) => row[0]?.place === Math.floor(at / factor));

function axisByAxis(make: Emitter, x: Ref, dims: readonly Dim[], scales: readonly (Scale | undefined)[], sampling: Sampling): Ref {
  const now: Dim[] = [...dims];
  return scales.reduce<Ref>((current, scale, place) => {
    const before = now[place];
    if (!scale) return current;
    if (typeof before !== 'number' || scale.length === undefined)
      throw new Unsupported('its factor is no whole number, and the size of the map is not known');
    const rows = rowsOf(before, { ...scale, length: scale.length }, sampling);
    now[place] = scale.length;
    if (sampling.mode === 'nearest') {
      const places = rows.map((row) => row[0]?.place ?? 0);
      return make.node('GatherV2', [current, make.ints(places), make.int(place)], { batch_dims: int(0) });
    }
    const matrix = rows.flatMap((row) => {
      const line = new Array<number>(before).fill(0);
      for (const { place: from, weight } of row) line[from] = (line[from] ?? 0) + weight;
      return line;
    });
    return alongAxis(make, current, now, place, before, make.floats([scale.length, before], matrix));
  }, x);
}

/** [.., before, rest] by [after, before]. `now`: the sizes afterwards. */
function alongAxis(make: Emitter, x: Ref, now: readonly Dim[], place: number, before: number, matrix: Ref): Ref {
  const inner = now.slice(place + 1);
  const after = now[place];
  const sizes = make.sizesOf(x, now);
  if (!inner.every((dim) => typeof dim === 'number')) throw new Unsupported('the size of the map is not known');
  const columns = inner.reduce((product, dim) => product * dim, 1);
  const list = make.reshape(x, [-1, before, columns]);
  const product = make.node('BatchMatMulV2', [matrix, list], { adj_x: bool(false), adj_y: bool(false) });
  return make.reshape(
    product,
    sizes.map((size, axis) => (axis === place && typeof after === 'number' ? after : size)),
  );
}

/** Sizes that are computed as the model runs, for a map whose batch and channels stay. The ratio of sizes is the scale then, in ONNX as in TensorFlow. */
function computed(node: Node, make: Emitter, order: readonly number[]): Ref {
  const [x, , , sizes] = node.inputs;
  const { mode, coordinates, nearest, antialias } = samplingOf(node);
  const isPlain = stringAttr(node, 'keep_aspect_ratio_policy', 'stretch') === 'stretch' && !intsAttr(node, 'axes') && !antialias;
  // floor(i * before / after), and the same from the middle of each place.
  const isAsymmetric = coordinates === 'asymmetric' && (mode === 'linear' || nearest === 'floor');
  const isHalfPixel = coordinates.endsWith('half_pixel') && (mode === 'linear' || nearest === 'round_prefer_ceil');
  const isAligned = coordinates === 'align_corners' && mode === 'linear';
  if (!sizes || order[3] !== 1 || mode === 'cubic' || !isPlain || !(isAsymmetric || isHalfPixel || isAligned))
    throw new Unsupported('how much it resizes is not constant');
  const size = make.node('Slice', [make.ref(sizes), make.ints([2]), make.ints([2])]);
  const op = mode === 'nearest' ? 'ResizeNearestNeighbor' : 'ResizeBilinear';
  return make.node(op, [make.ref(x), size], { align_corners: bool(isAligned), half_pixel_centers: bool(isHalfPixel) });
}
