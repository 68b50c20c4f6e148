/** Gather and scatter at computed positions. Shapes must be known: the coordinates of all other axes are constants. */
import { intAttr, stringAttr } from '../../ir/attrs';
import { table } from '../../ir/table';
import type { Node, Value } from '../../ir/types';
import { int } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, inRange, isBool, isInt, type Lowering, numberIn, numbersIn, rankOf } from './lowering';
import { positive } from './parts';

function staticDims(value: Value | undefined): readonly number[] {
  const dims = dimsOf(value);
  if (!dims.every((dim) => typeof dim === 'number')) throw new Unsupported('its shape is not known');
  return dims;
}
const count = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
const range = (length: number): number[] => Array.from({ length }, (_, at) => at);

/** [n, rank]: for each element of `indices` its own coordinates, with the index in place of one of them. */
function coordinates(make: Emitter, indices: Value | undefined, axis: number, length: number | string | undefined): Ref {
  const dims = staticDims(indices);
  const total = count(dims);
  const places = positive(make, indices, length, () => make.int(0));
  const columns = dims.map((_, at): Ref => {
    if (at === axis) return make.reshape(places, [total]);
    const inner = count(dims.slice(at + 1));
    return make.shaped(
      [total],
      range(total).map((index) => Math.floor(index / inner) % (dims[at] ?? 1)),
    );
  });
  return make.node('Pack', columns, { axis: int(1), N: int(columns.length) });
}

/** The kernels support numeric types only. */
const asNumbers = (make: Emitter, x: Value | undefined): Ref => (isBool(x) ? make.cast(make.ref(x), 'DT_INT32') : make.ref(x));
const back = (make: Emitter, x: Value | undefined, ref: Ref): Ref => (isBool(x) ? make.cast(ref, 'DT_BOOL') : ref);

const gatherElements: Lowering = (node, make) => {
  const [x, indices] = node.inputs;
  const axis = inRange(intAttr(node, 'axis'), rankOf(x));
  const picked = make.node('GatherNd', [asNumbers(make, x), coordinates(make, indices, axis, staticDims(x)[axis])]);
  return back(make, x, make.reshape(picked, staticDims(indices)));
};

/** Each row of `indices` names a position along the first axes, after the batch axes. */
const gatherNd: Lowering = (node, make) => {
  const [x, indices] = node.inputs;
  const batch = intAttr(node, 'batch_dims');
  const [dims, own] = [dimsOf(x), dimsOf(indices)];
  const depth = own.at(-1);
  if (typeof depth !== 'number') throw new Unsupported('its shape is not known');
  const lengths = dims.slice(batch, batch + depth);
  const places = lengths.every((length) => typeof length === 'number')
    ? make.node('FloorMod', [make.ref(indices), make.ints(lengths)])
    : make.ref(indices);
  if (batch === 0) return back(make, x, make.node('GatherNd', [asNumbers(make, x), places]));
  const whole = staticDims(indices);
  const outer = whole.slice(0, -1);
  const total = count(outer);
  const columns = range(batch).map((at) => {
    const inner = count(outer.slice(at + 1));
    return make.shaped(
      [total, 1],
      range(total).map((index) => Math.floor(index / inner) % (outer[at] ?? 1)),
    );
  });
  const rows = make.node('ConcatV2', [...columns, make.reshape(places, [total, depth]), make.int(1)], { N: int(batch + 1) });
  const picked = make.node('GatherNd', [asNumbers(make, x), rows]);
  return back(make, x, make.reshape(picked, staticDims(node.outputs[0])));
};

/** `rows` [n, depth] of coordinates, `updates` [n, ..]. */
function scattered(node: Node, make: Emitter, rows: Ref, updates: Ref): Ref {
  const [x] = node.inputs;
  const source = asNumbers(make, x);
  const reduction = stringAttr(node, 'reduction');
  if (reduction === 'none') return back(make, x, make.node('TensorScatterUpdate', [source, rows, updates]));
  if (reduction === 'add') return make.node('AddV2', [source, make.node('ScatterNd', [rows, updates, make.shapeOf(source)])]);
  throw new Unsupported(`it puts numbers together by '${reduction}'`);
}

const scatterNd: Lowering = (node, make) => {
  const [x, indices, updates] = node.inputs;
  const [dims, own] = [dimsOf(x), staticDims(indices)];
  const depth = own.at(-1) ?? 0;
  const total = count(own.slice(0, -1));
  const rest = dims.slice(depth);
  const lengths = dims.slice(0, depth);
  if (![...rest, ...lengths].every((dim) => typeof dim === 'number')) throw new Unsupported('its shape is not known');
  const rows = make.node('FloorMod', [make.reshape(make.ref(indices), [total, depth]), make.ints(lengths.map(Number))]);
  return scattered(node, make, rows, make.reshape(asNumbers(make, updates), [total, ...rest.map(Number)]));
};

const scatterElements: Lowering = (node, make) => {
  const [x, indices, updates] = node.inputs;
  const axis = inRange(intAttr(node, 'axis'), rankOf(x));
  const rows = coordinates(make, indices, axis, staticDims(x)[axis]);
  return scattered(node, make, rows, make.reshape(asNumbers(make, updates), [count(staticDims(indices))]));
};

/** A triangle of the last two axes; the rest is zero. */
const trilu: Lowering = (node, make) => {
  const [x, kInput] = node.inputs;
  const dims = dimsOf(x);
  const [rows, columns] = dims.slice(-2);
  const k = kInput ? numberIn(kInput) : 0;
  if (typeof rows !== 'number' || typeof columns !== 'number' || k === undefined)
    throw new Unsupported('its shape, or its diagonal, is not known');
  const isUpper = intAttr(node, 'upper') !== 0;
  const mask = range(rows * columns).map((at) => {
    const distance = (at % columns) - Math.floor(at / columns) - k;
    return (isUpper ? distance >= 0 : distance <= 0) ? 1 : 0;
  });
  const source = asNumbers(make, x);
  const kept = isInt(x) || isBool(x) ? make.shaped([rows, columns], mask) : make.floats([rows, columns], mask);
  return back(make, x, make.node('Mul', [source, kept]));
};

/** `values`: [off, on]. The new axis is moved to its position. */
const oneHot: Lowering = (node, make) => {
  const [indices, depthInput, values] = node.inputs;
  const depth = numberIn(depthInput);
  const rank = rankOf(indices);
  const axis = inRange(intAttr(node, 'axis'), rank + 1);
  const dims = dimsOf(node.outputs[0]);
  const length = depth ?? (typeof dims[axis] === 'number' ? dims[axis] : undefined);
  if (length === undefined) throw new Unsupported('its depth is not constant');
  const whole = isInt(indices) ? make.ref(indices) : make.cast(make.ref(indices), 'DT_INT32');
  // Indices from -depth to depth - 1 are valid; any other sets nothing.
  const wrapped = make.node('SelectV2', [make.node('Less', [whole, make.int(0)]), make.node('AddV2', [whole, make.int(length)]), whole]);
  const expanded = make.node('ExpandDims', [wrapped, make.int(axis)]);
  const along = make.shaped(
    Array.from({ length: rank + 1 }, (_, at) => (at === axis ? length : 1)),
    range(length),
  );
  const hits = make.node('Equal', [expanded, along]);
  const pair = asNumbers(make, values);
  const pick = (at: number): Ref => make.node('GatherV2', [pair, make.int(at), make.int(0)], { batch_dims: int(0) });
  const truth = make.cast(hits, isInt(values) || isBool(values) ? 'DT_INT32' : 'DT_FLOAT');
  const [off, on] = [pick(0), pick(1)];
  const result = make.node('AddV2', [off, make.node('Mul', [truth, make.node('Sub', [on, off])])]);
  return back(make, values, result);
};

const eyeLike: Lowering = (node, make) => {
  const [rows = 0, columns = 0] = staticDims(node.inputs[0]);
  const k = intAttr(node, 'k');
  const numbers = range(rows * columns).map((at) => ((at % columns) - Math.floor(at / columns) === k ? 1 : 0));
  const [output] = node.outputs;
  if (isBool(output)) return make.cast(make.shaped([rows, columns], numbers), 'DT_BOOL');
  return isInt(output) ? make.shaped([rows, columns], numbers) : make.floats([rows, columns], numbers);
};

const compress: Lowering = (node, make) => {
  const [x, condition] = node.inputs;
  const chosen = numbersIn(condition)?.flatMap((number, at) => (number === 0 ? [] : [at]));
  if (!chosen) throw new Unsupported('what it keeps is not constant');
  const axis = node.attrs.has('axis') ? inRange(intAttr(node, 'axis'), rankOf(x)) : undefined;
  const source = axis === undefined ? make.reshape(asNumbers(make, x), [-1]) : asNumbers(make, x);
  return back(make, x, make.node('GatherV2', [source, make.ints(chosen), make.int(axis ?? 0)], { batch_dims: int(0) }));
};

export const picks: Readonly<Record<string, Lowering>> = table({
  Compress: compress,
  EyeLike: eyeLike,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  OneHot: oneHot,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  Trilu: trilu,
});
