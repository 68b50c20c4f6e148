/** Views, cuts, joins, reductions and other movements of elements. */
import { shapeMismatch } from '../../diagnostics/catalogue';
import { floatAttr, intAttr, intsAttr, stringAttr, tensorAttr } from '../attrs';
import { addDims, ceilDivideDim, divideDim, floorDivideDim, maxDims, minDims, multiplyDims, sameDim, subtractDims } from '../dims';
import { reductionOps } from '../operator-traits';
import { readNumbers } from '../tensor';
import type { Dim, Node, TensorType } from '../types';
import { broadcastShapes, dtypeOf, type Infer, type InferContext, inRange, like, type Shape, shapeOf, typed, unify } from './context';
import { dtypeNumbered } from './pointwise';

const productOf = (dims: readonly Dim[]): Dim => dims.reduce<Dim>(multiplyDims, 1);

/** Numbers in an input, where all are static. */
function staticInts(context: InferContext, node: Node, slot: number): readonly number[] | undefined {
  const ints = context.ints(node.inputs[slot]);
  return ints?.every((dim) => typeof dim === 'number') ? ints : undefined;
}

const reshape: Infer = (node, context) => {
  const from = shapeOf(node);
  const target = context.ints(node.inputs[1]);
  if (!target) {
    const rank = shapeOf(node, 1)?.[0];
    return like(node, typeof rank === 'number' ? new Array<Dim>(rank).fill(undefined) : undefined);
  }
  const keepsZero = intAttr(node, 'allowzero', 0) !== 0;
  const copied = target.map((dim, axis) => (dim === 0 && !keepsZero ? from?.[axis] : dim));
  const open = copied.indexOf(-1);
  if (open < 0) {
    const [before, after] = [from && productOf(from), productOf(copied)];
    if (typeof before === 'number' && typeof after === 'number' && before !== after)
      throw shapeMismatch(node, `[${from}] holds ${before} elements, [${copied}] holds ${after}`);
    return like(node, completed(copied, from));
  }
  const others = copied.filter((_, axis) => axis !== open);
  const rest = from && restOf(from, others);
  if (from && rest === undefined) {
    const [before, after] = [productOf(from), productOf(others)];
    if (typeof before === 'number' && typeof after === 'number')
      throw shapeMismatch(node, `${before} elements cannot be regrouped as [${copied}]`);
  }
  return like(
    node,
    copied.map((dim, axis) => (axis === open ? rest : dim)),
  );
};

/** What -1 stands for: common axes cancel first, so that unknown ones do no harm. */
function restOf(from: readonly Dim[], others: readonly Dim[]): Dim {
  const left = [...others];
  const remaining: Dim[] = [];
  for (const dim of from) {
    const at = dim === undefined || dim === 1 ? -1 : left.findIndex((other) => sameDim(other, dim));
    if (at >= 0) left.splice(at, 1);
    else remaining.push(dim);
  }
  return divideDim(productOf(remaining), productOf(left));
}

/** A single unknown axis of a target follows from the others. */
function completed(target: readonly Dim[], from: Shape): readonly Dim[] {
  const unknown = target.flatMap((dim, axis) => (dim === undefined ? [axis] : []));
  if (unknown.length !== 1 || !from) return target;
  const rest = restOf(
    from,
    target.filter((dim) => dim !== undefined),
  );
  return target.map((dim) => dim ?? rest);
}

const flatten: Infer = (node) => {
  const shape = shapeOf(node);
  const axis = shape && inRange(intAttr(node, 'axis', 1), shape.length);
  return like(node, shape && [productOf(shape.slice(0, axis)), productOf(shape.slice(axis))]);
};

const squeeze: Infer = (node, context) => {
  const shape = shapeOf(node);
  const axes = node.inputs[1] ? staticInts(context, node, 1) : undefined;
  if (!shape || (node.inputs[1] && !axes)) return like(node, undefined);
  if (!axes) return like(node, shape.every((dim) => typeof dim === 'number') ? shape.filter((dim) => dim !== 1) : undefined);
  const gone = new Set(axes.map((axis) => inRange(axis, shape.length)));
  return like(
    node,
    shape.filter((_, axis) => !gone.has(axis)),
  );
};

const unsqueeze: Infer = (node, context) => {
  const shape = shapeOf(node);
  const axes = staticInts(context, node, 1);
  if (!shape || !axes) return like(node, undefined);
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => inRange(axis, rank)));
  let next = 0;
  return like(
    node,
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : shape[next++])),
  );
};

const transpose: Infer = (node) => {
  const shape = shapeOf(node);
  const perm = intsAttr(node, 'perm') ?? shape?.map((_, axis) => shape.length - 1 - axis);
  if (shape && perm?.length !== shape.length) throw shapeMismatch(node, `perm [${perm}] does not fit an input with ${shape.length} axes`);
  return like(node, shape && perm?.map((axis) => shape[inRange(axis, shape.length)]));
};

const concat: Infer = (node) => {
  const shapes = node.inputs.map((input) => input?.type?.shape);
  const rank = shapes.find((shape) => shape)?.length;
  if (rank === undefined) return like(node, undefined);
  const axis = inRange(intAttr(node, 'axis', 0), rank);
  const result: Dim[] = new Array<Dim>(rank).fill(undefined);
  let total: Dim = 0;
  for (const shape of shapes) {
    total = addDims(total, shape?.[axis]);
    shape?.forEach((dim, at) => {
      if (at !== axis) result[at] = unify(result[at], dim, node, `axis ${at} of its inputs`);
    });
  }
  result[axis] = total;
  return like(node, result);
};

const split: Infer = (node, context) => {
  const shape = shapeOf(node);
  const sizes = context.ints(node.inputs[1]);
  const axis = shape && inRange(intAttr(node, 'axis', 0), shape.length);
  const count = node.outputs.length;
  return node.outputs.map((_, index): TensorType | undefined => {
    const own = (): Dim => {
      const length = axis === undefined ? undefined : shape?.[axis];
      if (node.inputs[1]) return sizes?.[index];
      const even = ceilDivideDim(length, count);
      return typeof length === 'number' && typeof even === 'number' && index === count - 1 ? length - even * (count - 1) : even;
    };
    return typed(
      dtypeOf(node),
      shape?.map((dim, at) => (at === axis ? own() : dim)),
    );
  });
};

const slice: Infer = (node, context) => {
  const shape = shapeOf(node);
  if (!shape) return like(node, undefined);
  const [starts, ends] = [context.ints(node.inputs[1]), context.ints(node.inputs[2])];
  const axes = node.inputs[3] ? staticInts(context, node, 3) : starts?.map((_, axis) => axis);
  const steps = node.inputs[4] ? staticInts(context, node, 4) : undefined;
  if (!axes || (node.inputs[4] && !steps))
    return like(
      node,
      shape.map(() => undefined),
    );
  const result: Dim[] = [...shape];
  for (const [at, rawAxis] of axes.entries()) {
    const axis = inRange(rawAxis, shape.length);
    result[axis] = sliceLength(shape[axis], starts?.[at], ends?.[at], steps?.[at] ?? 1);
  }
  return like(node, result);
};

/** Length of start:end:step along an axis; negative positions count from behind. */
export function sliceLength(length: Dim, start: Dim, end: Dim, step: number): Dim {
  if (length === undefined || start === undefined || end === undefined || step === 0) return undefined;
  const fromFront = (position: Dim): Dim =>
    typeof position === 'number' && position < 0 ? maxDims(addDims(position, length), 0) : position;
  if (step < 0) {
    if (typeof length !== 'number' || typeof start !== 'number' || typeof end !== 'number') {
      // The whole axis backwards.
      return start === -1 && typeof end === 'number' && end <= -(2 ** 31) ? ceilDivideDim(length, -step) : undefined;
    }
    const [first, last] = [
      Math.min(Number(fromFront(start)), length - 1),
      Math.min(Math.max(end < 0 ? end + length : end, -1), length - 1),
    ];
    return Math.max(0, Math.ceil((last - first) / step));
  }
  // Beyond the end means to the end: exporters write INT_MAX.
  const first = fromFront(start);
  const clippedEnd = typeof end === 'number' && end >= 2 ** 31 - 1 ? length : bounded(fromFront(end), length);
  const clippedFirst = typeof first === 'number' && first === 0 ? 0 : bounded(first, length);
  const span = subtractDims(clippedEnd, clippedFirst);
  const count = ceilDivideDim(span, step);
  return typeof count === 'number' ? Math.max(0, count) : count;
}

/** min(position, length), assuming that a fixed position lies inside a map of symbolic length, as it does at the original size. */
function bounded(position: Dim, length: Dim): Dim {
  if (typeof position === 'number' && typeof length === 'number') return Math.min(position, length);
  if (sameDim(position, length)) return length;
  const difference = subtractDims(position, length);
  if (typeof difference === 'number') return difference > 0 ? length : position;
  return typeof position === 'number' && typeof length === 'string' ? position : minDims(position, length);
}

const gather: Infer = (node) => {
  const [shape, indices] = [shapeOf(node), shapeOf(node, 1)];
  const axis = shape && inRange(intAttr(node, 'axis', 0), shape.length);
  return like(node, shape && indices && axis !== undefined ? [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)] : undefined);
};

const gatherND: Infer = (node) => {
  const [shape, indices] = [shapeOf(node), shapeOf(node, 1)];
  const batch = intAttr(node, 'batch_dims', 0);
  const depth = indices?.[indices.length - 1];
  return like(node, shape && indices && typeof depth === 'number' ? [...indices.slice(0, -1), ...shape.slice(batch + depth)] : undefined);
};

const expand: Infer = (node, context) => {
  const [shape, target] = [shapeOf(node), context.ints(node.inputs[1])];
  return like(node, shape && target && broadcastShapes([shape, target], node));
};

const tile: Infer = (node, context) => {
  const [shape, repeats] = [shapeOf(node), context.ints(node.inputs[1])];
  return like(
    node,
    shape?.map((dim, axis) => multiplyDims(dim, repeats?.[axis])),
  );
};

const pad: Infer = (node, context) => {
  const shape = shapeOf(node);
  const amounts = context.ints(node.inputs[1]);
  const axes = node.inputs[3]
    ? staticInts(context, node, 3)?.map((axis) => inRange(axis, shape?.length ?? 0))
    : shape?.map((_, axis) => axis);
  if (!shape || !amounts || !axes)
    return like(
      node,
      shape?.map(() => undefined),
    );
  return like(
    node,
    shape.map((dim, axis) => {
      const at = axes.indexOf(axis);
      return at < 0 ? dim : addDims(addDims(dim, amounts[at]), amounts[at + axes.length]);
    }),
  );
};

const resize: Infer = (node, context) => {
  const shape = shapeOf(node);
  if (!shape) return like(node, undefined);
  const axes = intsAttr(node, 'axes')?.map((axis) => inRange(axis, shape.length)) ?? shape.map((_, axis) => axis);
  const result: Dim[] = [...shape];
  const sizes = context.ints(node.inputs[3]);
  const scales = node.inputs[2]?.constant ? readNumbers(node.inputs[2].constant) : undefined;
  const policy = stringAttr(node, 'keep_aspect_ratio_policy', 'stretch');
  if (node.inputs[3] && policy !== 'stretch') {
    const common = commonScale(
      axes.map((axis, at) => [shape[axis], sizes?.[at]]),
      policy === 'not_larger' ? Math.min : Math.max,
    );
    for (const axis of axes) result[axis] = proportional(shape[axis], common);
    return like(node, result);
  }
  for (const [at, axis] of axes.entries()) {
    if (node.inputs[3]) result[axis] = sizes?.[at];
    else if (scales && scales.length > 0) result[axis] = scaled(shape[axis], scales[at] ?? 1);
    else result[axis] = undefined;
  }
  return like(node, result);
};

/** The scale that all axes share when proportions are kept; sizes and lengths must be numbers. In single precision, as the runtime has it. */
function commonScale(axes: readonly (readonly [length: Dim, size: Dim])[], choose: (...scales: number[]) => number): number | undefined {
  const scales = axes.map(([length, size]) =>
    typeof length === 'number' && typeof size === 'number' && length > 0 ? Math.fround(size / length) : Number.NaN,
  );
  return scales.some(Number.isNaN) ? undefined : choose(...scales);
}
const proportional = (length: Dim, scale: number | undefined): Dim =>
  typeof length === 'number' && scale !== undefined ? Math.round(Math.fround(length * scale)) : undefined;

/** floor(length * scale) in single precision, as the runtime has it; symbolic where the scale is a fraction of small numbers, for which that is exact. */
function scaled(length: Dim, scale: number): Dim {
  if (length === undefined || scale === 1) return length;
  if (typeof length === 'number') return Math.floor(Math.fround(length * scale));
  for (let by = 1; by <= 64; by++) {
    if (Number.isInteger(scale * by)) return floorDivideDim(multiplyDims(length, scale * by), by);
  }
  return undefined;
}

const reduction: Infer = (node, context) => {
  const shape = shapeOf(node);
  const keeps = intAttr(node, 'keepdims', 1) !== 0;
  const axes = node.inputs[1] ? staticInts(context, node, 1) : [];
  if (!shape || !axes) return like(node, shape && keeps ? shape.map(() => undefined) : undefined);
  if (axes.length === 0 && intAttr(node, 'noop_with_empty_axes', 0) !== 0) return like(node, shape);
  const gone = new Set(axes.length > 0 ? axes.map((axis) => inRange(axis, shape.length)) : shape.keys());
  return like(node, keeps ? shape.map((dim, axis) => (gone.has(axis) ? 1 : dim)) : shape.filter((_, axis) => !gone.has(axis)));
};

const argExtreme: Infer = (node) => {
  const shape = shapeOf(node);
  const at = shape && inRange(intAttr(node, 'axis', 0), shape.length);
  const result =
    intAttr(node, 'keepdims', 1) !== 0 ? shape?.map((dim, axis) => (axis === at ? 1 : dim)) : shape?.filter((_, axis) => axis !== at);
  return [typed('int64', result)];
};

const topK: Infer = (node, context) => {
  const shape = shapeOf(node);
  const [k] = context.ints(node.inputs[1]) ?? [];
  const at = shape && inRange(intAttr(node, 'axis', -1), shape.length);
  const result = shape?.map((dim, axis) => (axis === at ? k : dim));
  return [typed(dtypeOf(node), result), typed('int64', result)];
};

const constantOfShape: Infer = (node, context) => [typed(tensorAttr(node, 'value')?.dtype ?? 'float', context.ints(node.inputs[0]))];

const range: Infer = (node, context) => {
  const [[start], [limit], [step]] = [0, 1, 2].map((slot) => context.ints(node.inputs[slot]) ?? []) as [Dim[], Dim[], Dim[]];
  const span = subtractDims(limit, start);
  if (typeof span === 'number' && typeof step === 'number' && step !== 0) return like(node, [Math.max(0, Math.ceil(span / step))]);
  return like(node, [typeof step === 'number' && Number.isInteger(step) && step > 0 ? ceilDivideDim(span, step) : undefined]);
};

const oneHot: Infer = (node, context) => {
  const shape = shapeOf(node);
  const [depth] = context.ints(node.inputs[1]) ?? [];
  const axis = shape && inRange(intAttr(node, 'axis', -1), shape.length + 1);
  return [typed(dtypeOf(node, 2), shape && [...shape.slice(0, axis), depth, ...shape.slice(axis)])];
};

const shapeOperator: Infer = (node) => {
  const rank = shapeOf(node)?.length;
  if (rank === undefined) return [typed('int64', [undefined])];
  const clamp = (value: number): number => Math.min(Math.max(inRange(value, rank), 0), rank);
  return [typed('int64', [Math.max(0, clamp(intAttr(node, 'end', rank)) - clamp(intAttr(node, 'start', 0)))])];
};

const random: Infer = (node) => [typed(dtypeNumbered(intAttr(node, 'dtype', 1)), intsAttr(node, 'shape'))];

const upsample: Infer = (node) => {
  const shape = shapeOf(node);
  const scales = node.inputs[1]?.constant ? readNumbers(node.inputs[1].constant) : undefined;
  return like(
    node,
    shape?.map((dim, axis) => scaled(dim, scales?.[axis] ?? floatAttr(node, 'scale', 1))),
  );
};

export const movement: Readonly<Record<string, Infer>> = {
  ...Object.fromEntries(reductionOps.map((op) => [op, reduction])),
  ArgMax: argExtreme,
  ArgMin: argExtreme,
  CenterCropPad: (node, context) => {
    const shape = shapeOf(node);
    const target = context.ints(node.inputs[1]);
    const axes = intsAttr(node, 'axes')?.map((axis) => inRange(axis, shape?.length ?? 0)) ?? shape?.map((_, axis) => axis);
    return like(
      node,
      shape?.map((dim, axis) => (axes?.includes(axis) ? target?.[axes.indexOf(axis)] : dim)),
    );
  },
  Compress: (node) =>
    like(
      node,
      node.attrs.has('axis')
        ? shapeOf(node)?.map((dim, axis) => (axis === inRange(intAttr(node, 'axis', 0), shapeOf(node)?.length ?? 0) ? undefined : dim))
        : [undefined],
    ),
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Det: (node) => like(node, shapeOf(node)?.slice(0, -2)),
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  GatherElements: (node) => like(node, shapeOf(node, 1)),
  GatherND: gatherND,
  NonZero: (node) => [typed('int64', [shapeOf(node)?.length, undefined])],
  OneHot: oneHot,
  Pad: pad,
  RandomNormal: random,
  RandomUniform: random,
  Range: range,
  Reshape: reshape,
  Resize: resize,
  Shape: shapeOperator,
  Size: () => [typed('int64', [])],
  Slice: slice,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  TopK: topK,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  Upsample: upsample,
};
