/** Concatenation, splitting, slicing and indexing. */
import { intAttr } from '../../ir/attrs';
import { table } from '../../ir/table';
import type { Node, Value } from '../../ir/types';
import { bool, int, type } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, inRange, isBool, isInt, type Lowering, numberIn, numbersIn, range, rankOf } from './lowering';
import { pad } from './pad';
import { type Stretch, stridedSlice } from './slicing';

const concat: Lowering = (node, make) => {
  const operands = node.inputs.filter((value) => value !== undefined);
  const rank = rankOf(node.outputs[0]);
  const axis = inRange(intAttr(node, 'axis'), rank);
  const [only] = operands;
  if (operands.length === 1) return make.node('Identity', [make.ref(only)]);
  return make.node('ConcatV2', [...operands.map((value) => make.ref(value)), make.int(axis)], { N: int(operands.length) });
};

const split: Lowering = (node, make) => {
  const [x, sizes] = node.inputs;
  const axis = inRange(intAttr(node, 'axis'), rankOf(x));
  const lengths = node.outputs.map((output) => output.type?.shape?.[axis]);
  const given = sizes ? numbersIn(sizes) : undefined;
  const known = given ?? (lengths.every((length) => typeof length === 'number') ? lengths : undefined);
  const count = node.outputs.length;
  const isEven = known ? known.every((length) => length === known[0]) : !sizes;
  if (!known && sizes) throw new Unsupported('the sizes of its parts are not constant');
  const parts = isEven
    ? make.node('Split', [make.int(axis), make.ref(x)], { num_split: int(count) })
    : make.node('SplitV', [make.ref(x), make.ints(known ?? []), make.int(axis)], { num_split: int(count) });
  return node.outputs.map((_, at) => make.output(parts, at));
};

const slice: Lowering = (node, make) => {
  const [x, starts, ends, axesInput, stepsInput] = node.inputs;
  const rank = rankOf(x);
  const count = dimsOf(starts)[0];
  const named = axesInput ? numbersIn(axesInput) : range(typeof count === 'number' ? count : 0);
  if (!named) return computedSlice(node, make);
  const axes = named.map((axis) => inRange(axis, rank));
  const given = stepsInput ? numbersIn(stepsInput) : axes.map(() => 1);
  const dims = dimsOf(x);
  const stretches: (Stretch | undefined)[] = dims.map(() => undefined);
  const [from, to] = [numbersIn(starts), numbersIn(ends)];
  axes.forEach((axis, at) => {
    const step = given?.[at] ?? 1;
    stretches[axis] = {
      begin: from ? backwardsFrom(make, x, axis, beginOf(from[at] ?? 0, step, dims[axis]), step) : make.elementOf(make.ref(starts), at),
      end: to ? endOf(to[at] ?? 0, step, dims[axis]) : make.elementOf(make.ref(ends), at),
      step: given ? step : make.elementOf(make.ref(stepsInput), at),
    };
  });
  return typedSlice(make, x, stretches);
};

/** Slices along computed axes: builds bounds for all axes, each in full, and overwrites those of the named axes. Steps are 1 or computed as well. */
function computedSlice(node: Node, make: Emitter): Ref {
  const [x, starts, ends, axes, steps] = node.inputs;
  const rank = rankOf(x);
  const places = make.node('ExpandDims', [make.node('FloorMod', [make.ref(axes), make.int(rank)]), make.int(1)]);
  const put = (whole: Ref, values: Value | undefined): Ref =>
    values ? make.node('TensorScatterUpdate', [whole, places, make.ref(values)]) : whole;
  const source = isBool(x) || isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
  const masks = { begin_mask: int(0), end_mask: int(0), ellipsis_mask: int(0), new_axis_mask: int(0), shrink_axis_mask: int(0) };
  const bounds = [
    put(make.ints(range(rank).map(() => 0)), starts),
    put(make.shapeOf(source), ends),
    put(make.ints(range(rank).map(() => 1)), steps),
  ];
  const cut = make.node('StridedSlice', [source, ...bounds], masks);
  return isBool(x) ? make.cast(cut, 'DT_BOOL') : isInt(x) ? make.cast(cut, 'DT_INT32') : cut;
}

/** A backwards slice that begins before the map: ONNX starts at the first position, TensorFlow gives nothing. The position is clamped to the front. */
function backwardsFrom(
  make: Emitter,
  x: Value | undefined,
  axis: number,
  begin: number | undefined,
  step: number,
): number | Ref | undefined {
  if (begin === undefined || step > 0 || begin >= -1) return begin;
  const length = dimsOf(x)[axis];
  if (typeof length === 'number') return Math.max(begin + length, 0);
  return make.node('Maximum', [make.node('AddV2', [make.lengthOf(make.ref(x), axis), make.int(begin)]), make.int(0)]);
}

/** Bounds beyond an end mean that end. */
function beginOf(begin: number, step: number, length: number | string | undefined): number | undefined {
  if (step < 0 && (begin >= BEYOND || (typeof length === 'number' && begin >= length))) return undefined;
  if (step > 0 && begin < 0 && typeof length === 'number' && begin < -length) return undefined;
  return clamp(begin);
}
function endOf(end: number, step: number, length: number | string | undefined): number | undefined {
  if (step > 0 && (end >= BEYOND || (typeof length === 'number' && end >= length))) return undefined;
  if (step < 0 && (end <= -BEYOND || (typeof length === 'number' && end < -length))) return undefined;
  return clamp(end);
}
const BEYOND = 2 ** 31 - 1;
const clamp = (value: number): number => Math.min(Math.max(value, -BEYOND), BEYOND);

function typedSlice(make: Emitter, x: Value | undefined, stretches: readonly (Stretch | undefined)[]): Ref {
  // With a step other than 1, the wasm kernel interprets the bits of integers as floats (measured, 4.22).
  const isStepping = stretches.some((stretch) => stretch?.step !== undefined && stretch.step !== 1);
  if ((isBool(x) || isInt(x)) && isStepping)
    return make.cast(stridedSlice(make, make.cast(make.ref(x), 'DT_FLOAT'), stretches), isBool(x) ? 'DT_BOOL' : 'DT_INT32');
  if (!isBool(x)) return stridedSlice(make, make.ref(x), stretches);
  return make.cast(stridedSlice(make, make.cast(make.ref(x), 'DT_INT32'), stretches), 'DT_BOOL');
}

const gather: Lowering = (node, make) => {
  const [x, indices] = node.inputs;
  const rank = rankOf(x);
  const axis = inRange(intAttr(node, 'axis'), rank);
  const places = positive(make, indices, dimsOf(x)[axis], () => make.lengthOf(make.ref(x), axis));
  const pick = (source: Ref): Ref => make.node('GatherV2', [source, places, make.int(axis)], { batch_dims: int(0) });
  return isBool(x) ? make.cast(pick(make.cast(make.ref(x), 'DT_INT32')), 'DT_BOOL') : pick(make.ref(x));
};

/** Converts indices counted from the end to indices from the front. */
export function positive(make: Emitter, indices: Value | undefined, length: number | string | undefined, measured: () => Ref): Ref {
  const numbers = numbersIn(indices);
  if (indices && numbers?.every((index) => index >= 0)) return make.ref(indices);
  if (numbers && typeof length === 'number' && numbers.length <= 4096) {
    const shape = dimsOf(indices).map(Number);
    return make.shaped(
      shape,
      numbers.map((index) => (index < 0 ? index + length : index)),
    );
  }
  const size = typeof length === 'number' ? make.int(length) : measured();
  return make.node('FloorMod', [make.ref(indices), size]);
}

const tile: Lowering = (node, make) => {
  const [x, repeats] = node.inputs;
  if (isBool(x)) return make.cast(make.node('Tile', [make.cast(make.ref(x), 'DT_INT32'), make.ref(repeats)]), 'DT_BOOL');
  return make.node('Tile', [make.ref(x), make.ref(repeats)]);
};

/** Works on the last axis, where the layout has moved it. */
const onLastAxis =
  (op: 'Softmax' | 'LogSoftmax'): Lowering =>
  (node, make) => {
    requireLast(node);
    return make.node(op, [make.ref(node.inputs[0])]);
  };
function requireLast(node: Node): void {
  const rank = rankOf(node.inputs[0]);
  if (inRange(intAttr(node, 'axis'), rank) !== rank - 1) throw new Unsupported('its axis is not the last one');
}

/** One at the first maximum, zero elsewhere. */
const hardmax: Lowering = (node, make) => {
  requireLast(node);
  const [x] = node.inputs;
  const rank = rankOf(x);
  const length = dimsOf(x)[rank - 1];
  if (typeof length !== 'number') throw new Unsupported('the length of its axis is not known');
  const places = make.node('ArgMax', [make.ref(x), make.int(rank - 1)]);
  // The wasm kernel copies only the bits of the on and off values, so they are integers here and cast afterwards.
  return make.cast(
    make.node('OneHot', [places, make.int(length), make.int(1), make.int(0)], { axis: int(-1), T: type('DT_INT32') }),
    'DT_FLOAT',
  );
};

const topK: Lowering = (node, make) => {
  requireLast(node);
  const [x, k] = node.inputs;
  const count = numberIn(k);
  const isLargest = intAttr(node, 'largest') !== 0;
  const source = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
  const picked = make.node(
    'TopKV2',
    [isLargest ? source : make.node('Neg', [source]), count === undefined ? make.ref(k) : make.int(count)],
    { sorted: bool(true) },
  );
  const values = isLargest ? picked : make.node('Neg', [picked]);
  return [isInt(x) ? make.cast(values, 'DT_INT32') : values, make.output(picked, 1)];
};

const cumulative =
  (op: 'Cumsum' | 'Cumprod'): Lowering =>
  (node, make) => {
    const [x, axis] = node.inputs;
    const given = numbersIn(axis)?.[0];
    const rank = rankOf(x);
    const along =
      given === undefined ? make.node('FloorMod', [make.reshape(make.ref(axis), []), make.int(rank)]) : make.int(inRange(given, rank));
    const typed = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
    const result = make.node(op, [typed, along], {
      exclusive: bool(intAttr(node, 'exclusive') !== 0),
      reverse: bool(intAttr(node, 'reverse') !== 0),
    });
    return isInt(x) ? make.cast(result, 'DT_INT32') : result;
  };

export const parts: Readonly<Record<string, Lowering>> = table({
  Concat: concat,
  CumProd: cumulative('Cumprod'),
  CumSum: cumulative('Cumsum'),
  Gather: gather,
  Hardmax: hardmax,
  LogSoftmax: onLastAxis('LogSoftmax'),
  Pad: pad,
  Slice: slice,
  Softmax: onLastAxis('Softmax'),
  Split: split,
  Tile: tile,
  TopK: topK,
});
