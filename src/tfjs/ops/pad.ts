/** Pads of all modes, known or computed. A negative one cuts off. */
import { stringAttr } from '../../ir/attrs';
import type { Node } from '../../ir/types';
import { int, text } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, inRange, isBool, isInt, type Lowering, numberIn, numbersIn, numbersOf, range, rankOf } from './lowering';
import { stridedSlice } from './slicing';

export const pad: Lowering = (node, make) => {
  const [x, pads, value, axesInput] = node.inputs;
  const rank = rankOf(x);
  const mode = stringAttr(node, 'mode', 'constant');
  const amounts = numbersIn(pads);
  if (!amounts) return computedPad(node, make, mode);
  const axes = axesInput
    ? numbersOf(axesInput, 'which axes it pads').map((axis) => inRange(axis, rank))
    : Array.from({ length: rank }, (_, axis) => axis);
  const before = Array.from({ length: rank }, () => 0);
  const after = Array.from({ length: rank }, () => 0);
  axes.forEach((axis, at) => {
    before[axis] = amounts[at] ?? 0;
    after[axis] = amounts[at + axes.length] ?? 0;
  });
  const typed = isBool(x) ? make.cast(make.ref(x), 'DT_INT32') : make.ref(x);
  const cut = cropped(make, typed, before, after);
  const dims = dimsOf(x).map((dim, axis) =>
    typeof dim === 'number' ? dim + Math.min(before[axis] ?? 0, 0) + Math.min(after[axis] ?? 0, 0) : dim,
  );
  const [first, last] = [before.map((amount) => Math.max(amount, 0)), after.map((amount) => Math.max(amount, 0))];
  const back = (ref: Ref): Ref => (isBool(x) ? make.cast(ref, 'DT_BOOL') : ref);
  if ([...first, ...last].every((amount) => amount === 0)) return back(cut);
  if (mode === 'constant') {
    const number = value ? numberIn(value) : 0;
    // PadV2 reads its value when it runs.
    const fill = number === undefined ? make.ref(value) : isInt(x) || isBool(x) ? make.int(number) : make.float(number);
    return back(make.node('PadV2', [cut, make.pads(first, last), fill]));
  }
  const fits = dims.every((dim, axis) => typeof dim !== 'number' || Math.max(first[axis] ?? 0, last[axis] ?? 0) < dim);
  if (mode === 'reflect' && fits) return back(make.node('MirrorPad', [cut, make.pads(first, last)], { mode: text('REFLECT') }));
  if (mode === 'edge' && [...first, ...last].every((amount) => amount <= 1))
    return back(make.node('MirrorPad', [cut, make.pads(first, last)], { mode: text('SYMMETRIC') }));
  return back(
    first.reduce((current, amount, axis) => {
      const [length, end] = [dims[axis], last[axis] ?? 0];
      if (amount === 0 && end === 0) return current;
      if (typeof length !== 'number') throw new Unsupported(`the size of what it pads by '${mode}' is not known`);
      const places = Array.from({ length: amount + length + end }, (_, at) => source(at - amount, length, mode));
      return make.node('GatherV2', [current, make.ints(places), make.int(axis)], { batch_dims: int(0) });
    }, cut),
  );
};

/** Amounts that are computed: never negative, one row per axis. */
function computedPad(node: Node, make: Emitter, mode: string): Ref {
  const [x, pads, value, axesInput] = node.inputs;
  const rank = rankOf(x);
  if (mode !== 'constant' || isBool(x)) throw new Unsupported('how much it pads is not constant');
  const axes = axesInput ? numbersOf(axesInput, 'which axes it pads').map((axis) => inRange(axis, rank)) : range(rank);
  const columns = make.node('Transpose', [make.reshape(make.ref(pads), [2, axes.length]), make.ints([1, 0])]);
  // Axes that are not named get a row of zeros, which is put behind the others.
  const isWhole = axes.length === rank;
  const rows = isWhole ? columns : make.node('ConcatV2', [columns, make.shaped([1, 2], [0, 0]), make.int(0)], { N: int(2) });
  const order = range(rank).map((axis) => (axes.includes(axis) ? axes.indexOf(axis) : axes.length));
  const matrix =
    isWhole && order.every((row, axis) => row === axis)
      ? rows
      : make.node('GatherV2', [rows, make.ints(order), make.int(0)], { batch_dims: int(0) });
  const number = value ? numberIn(value) : 0;
  return make.node('PadV2', [make.ref(x), matrix, number === undefined ? make.ref(value) : make.like(x, number)]);
}

/** Which place of the axis stands at a place beyond it. */
function source(at: number, length: number, mode: string): number {
  if (mode === 'edge') return Math.min(Math.max(at, 0), length - 1);
  if (mode === 'wrap') return ((at % length) + length) % length;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const place = ((at % period) + period) % period;
  return place < length ? place : period - place;
}

function cropped(make: Emitter, x: Ref, before: readonly number[], after: readonly number[]): Ref {
  if ([...before, ...after].every((amount) => amount >= 0)) return x;
  return stridedSlice(
    make,
    x,
    before.map((amount, axis) => {
      const end = after[axis] ?? 0;
      return { begin: amount < 0 ? -amount : undefined, end: end < 0 ? end : undefined };
    }),
  );
}
