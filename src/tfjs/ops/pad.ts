/**
 * Padding in all modes, by amounts that are known or computed. A negative amount crops.
 *
 *   constant                             PadV2
 *   reflect, less than the length        MirrorPad REFLECT
 *   edge, by one                         MirrorPad SYMMETRIC
 *   any other, along each axis           GatherV2 with the source index of each position, as constants or computed from the length
 */
import { stringAttr } from '../../ir/attrs';
import type { Dim, Node, Value } from '../../ir/types';
import { int, text } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, inRange, isBool, isInt, type Lowering, numberIn, numbersIn, numbersOf, range, rankOf } from './lowering';
import { stridedSlice } from './slicing';

/** Modes in which each new position repeats one of the map. */
type Repeating = 'edge' | 'reflect' | 'wrap';

/** Amounts per axis: a number, or a scalar that is computed. */
interface Amounts {
  readonly before: readonly (number | Ref)[];
  readonly after: readonly (number | Ref)[];
}

export const pad: Lowering = (node, make) => {
  const [x, , value] = node.inputs;
  const mode = modeOf(node);
  const amounts = amountsOf(node, make);
  // PadV2 and GatherV2 do not support booleans.
  const typed = isBool(x) ? make.cast(make.ref(x), 'DT_INT32') : make.ref(x);
  const back = (ref: Ref): Ref => (isBool(x) ? make.cast(ref, 'DT_BOOL') : ref);
  const cut = cropped(make, typed, amounts);
  const dims = dimsOf(x).map((dim, axis) => croppedLength(dim, amounts, axis));
  const rest: Amounts = {
    before: amounts.before.map((amount) => atLeastZero(make, amount)),
    after: amounts.after.map((amount) => atLeastZero(make, amount)),
  };
  if ([...rest.before, ...rest.after].every((amount) => amount === 0)) return back(cut);
  if (mode === 'constant') return back(filled(make, cut, rest, fillOf(make, x, value)));
  return back(mirrored(make, cut, dims, rest, mode) ?? repeated(make, cut, dims, rest, mode));
};

function modeOf(node: Node): 'constant' | Repeating {
  const mode = stringAttr(node, 'mode');
  if (mode === 'constant' || mode === 'edge' || mode === 'reflect' || mode === 'wrap') return mode;
  throw new Unsupported(`its mode is '${mode}'`);
}

/** Amounts as all starts, then all ends, of the named axes: of all axes if none are named. */
function amountsOf(node: Node, make: Emitter): Amounts {
  const [x, pads, , axesInput] = node.inputs;
  const rank = rankOf(x);
  const axes = axesInput ? numbersOf(axesInput, 'which axes it pads').map((axis) => inRange(axis, rank)) : range(rank);
  const known = numbersIn(pads);
  const amount = (at: number): number | Ref => (known ? (known[at] ?? 0) : make.elementOf(make.ref(pads), at));
  const side = (first: number): (number | Ref)[] =>
    range(rank).map((axis) => (axes.includes(axis) ? amount(first + axes.indexOf(axis)) : 0));
  return { before: side(0), after: side(axes.length) };
}

/** PadV2 reads its value at run time. */
function fillOf(make: Emitter, x: Value | undefined, value: Value | undefined): Ref {
  const number = value ? numberIn(value) : 0;
  if (number === undefined)
    return isBool(x) ? make.cast(make.ref(value), 'DT_INT32') : rankOf(value) === 0 ? make.ref(value) : make.reshape(make.ref(value), []);
  return isInt(x) || isBool(x) ? make.int(number) : make.float(number);
}

/** The map padded with one value: no amount is negative. */
export function filled(make: Emitter, x: Ref, { before, after }: Amounts, value: Ref): Ref {
  const numbers = (amounts: readonly (number | Ref)[]): amounts is readonly number[] =>
    amounts.every((amount) => typeof amount === 'number');
  if ([...before, ...after].every((amount) => amount === 0)) return x;
  if (numbers(before) && numbers(after)) return make.node('PadV2', [x, make.pads(before, after), value]);
  const rows = before.map((amount, axis) => make.vector([amount, after[axis] ?? 0]));
  return make.node('PadV2', [x, make.node('Pack', rows, { axis: int(0), N: int(rows.length) }), value]);
}

const atLeastZero = (make: Emitter, amount: number | Ref): number | Ref =>
  typeof amount === 'number' ? Math.max(amount, 0) : make.node('Maximum', [amount, make.int(0)]);

/** The WebAssembly kernel of Neg interprets the bits of integers as floats. */
const negated = (make: Emitter, x: Ref): Ref => make.node('Sub', [make.int(0), x]);

/** Crops a map by its negative amounts. */
export function cropped(make: Emitter, x: Ref, { before, after }: Amounts): Ref {
  const cuts = (amount: number | Ref | undefined): boolean => amount !== undefined && (typeof amount !== 'number' || amount < 0);
  if (![...before, ...after].some(cuts)) return x;
  return stridedSlice(
    make,
    x,
    before.map((amount, axis) => {
      const end = after[axis];
      const begin = typeof amount === 'number' ? -amount : make.node('Maximum', [negated(make, amount), make.int(0)]);
      if (typeof end === 'number' || end === undefined)
        return { begin: cuts(amount) ? begin : undefined, end: cuts(end) ? end : undefined };
      const last = make.node('AddV2', [make.lengthOf(x, axis), make.node('Minimum', [end, make.int(0)])]);
      return { begin: cuts(amount) ? begin : undefined, end: last };
    }),
  );
}

function croppedLength(dim: Dim, { before, after }: Amounts, axis: number): Dim {
  const [first = 0, last = 0] = [before[axis], after[axis]];
  if (typeof dim !== 'number' || typeof first !== 'number' || typeof last !== 'number') return undefined;
  return dim + Math.min(first, 0) + Math.min(last, 0);
}

/** MirrorPad where possible: it reflects less than the length (and itself checks a length that is unknown here), and repeats an edge once. */
function mirrored(make: Emitter, x: Ref, dims: readonly Dim[], { before, after }: Amounts, mode: Repeating): Ref | undefined {
  const [first, last] = [before.filter((amount) => typeof amount === 'number'), after.filter((amount) => typeof amount === 'number')];
  if (mode === 'wrap' || first.length < before.length || last.length < after.length) return undefined;
  const fits = dims.every((dim, axis) => {
    const most = Math.max(first[axis] ?? 0, last[axis] ?? 0);
    return mode === 'edge' ? most <= 1 : most === 0 || typeof dim !== 'number' || most < dim;
  });
  if (!fits || dims.includes(0)) return undefined;
  return make.node('MirrorPad', [x, make.pads(first, last)], { mode: text(mode === 'edge' ? 'SYMMETRIC' : 'REFLECT') });
}

function repeated(make: Emitter, x: Ref, dims: readonly Dim[], { before, after }: Amounts, mode: Repeating): Ref {
  return before.reduce<Ref>((current, first, axis) => {
    const [length, last = 0] = [dims[axis], after[axis]];
    if (first === 0 && last === 0) return current;
    const places =
      typeof length === 'number' && typeof first === 'number' && typeof last === 'number'
        ? make.ints(Array.from({ length: first + length + last }, (_, at) => source(at - first, length, mode)))
        : computedSource(make, make.lengthOf(current, axis), first, last, mode);
    return make.node('GatherV2', [current, places, make.int(axis)], { batch_dims: int(0) });
  }, x);
}

/** Index along the axis that a position repeats; the map's own positions begin at 0. */
function source(at: number, length: number, mode: Repeating): number {
  switch (mode) {
    case 'edge':
      return Math.min(Math.max(at, 0), length - 1);
    case 'wrap':
      return ((at % length) + length) % length;
    case 'reflect': {
      const period = Math.max(2 * (length - 1), 1);
      const place = ((at % period) + period) % period;
      return length - 1 - Math.abs(place - (length - 1));
    }
  }
}

/** Source indices of all positions, for a length that is computed. */
function computedSource(make: Emitter, length: Ref, before: number | Ref, after: number | Ref, mode: Repeating): Ref {
  const scalar = (amount: number | Ref): Ref => (typeof amount === 'number' ? make.int(amount) : amount);
  const positions = make.countTo(negated(make, scalar(before)), make.node('AddV2', [length, scalar(after)]));
  const last = make.node('Sub', [length, make.int(1)]);
  switch (mode) {
    case 'edge':
      return make.node('Minimum', [make.node('Maximum', [positions, make.int(0)]), last]);
    case 'wrap':
      return make.node('FloorMod', [positions, length]);
    case 'reflect': {
      const period = make.node('Maximum', [make.node('Mul', [last, make.int(2)]), make.int(1)]);
      const place = make.node('FloorMod', [positions, period]);
      const distance = make.node('Sub', [place, last]);
      return make.node('Sub', [last, make.node('Maximum', [distance, negated(make, distance)])]);
    }
  }
}
