/** Sum and the other reductions over axes; ArgMax and ArgMin. */
import { intAttr } from '../../ir/attrs';
import { table } from '../../ir/table';
import type { Node } from '../../ir/types';
import { bool, type } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, inRange, isBool, isInt, type Lowering, numbersIn, rankOf } from './lowering';

interface Reduction {
  /** Applied to the elements before they are reduced. */
  readonly before?: (x: Ref, make: Emitter) => Ref;
  readonly op: string;
  readonly after?: (x: Ref, make: Emitter) => Ref;
  /** Result for an empty input. */
  readonly nothing?: number;
  /** The kernel does not support integers. */
  readonly isFloat?: boolean;
}

const square = (x: Ref, make: Emitter): Ref => make.node('Square', [x]);
const abs = (x: Ref, make: Emitter): Ref => make.node('Abs', [x]);
const sqrt = (x: Ref, make: Emitter): Ref => make.node('Sqrt', [x]);
const log = (x: Ref, make: Emitter): Ref => make.node('Log', [x]);

const REDUCTIONS: Readonly<Record<string, Reduction>> = table({
  ReduceL1: { before: abs, op: 'Sum', isFloat: true },
  ReduceL2: { before: square, op: 'Sum', after: sqrt, isFloat: true },
  ReduceLogSum: { op: 'Sum', after: log, isFloat: true, nothing: Number.NEGATIVE_INFINITY },
  ReduceMax: { op: 'Max', nothing: Number.NEGATIVE_INFINITY },
  ReduceMean: { op: 'Mean', isFloat: true, nothing: Number.NaN },
  ReduceMin: { op: 'Min', nothing: Number.POSITIVE_INFINITY },
  ReduceProd: { op: 'Prod', nothing: 1 },
  ReduceSum: { op: 'Sum' },
  ReduceSumSquare: { before: square, op: 'Sum', isFloat: true },
});

/** The reduced axes, as an input. If none are given, ONNX reduces all, or with `noop_with_empty_axes` none. */
function axesOf(node: Node, make: Emitter): Ref | undefined {
  const [x, axes] = node.inputs;
  const rank = rankOf(x);
  const count = axes?.type?.shape?.[0];
  const given = axes && count !== 0 ? numbersIn(axes) : [];
  // An empty list at run time would mean all axes in ONNX, and none in TensorFlow.
  if (!given && typeof count !== 'number') throw new Unsupported('how many axes it reduces is not known');
  if (!given) return make.ref(axes);
  if (given.length === 0 && intAttr(node, 'noop_with_empty_axes') !== 0) return undefined;
  return make.ints(given.length === 0 ? Array.from({ length: rank }, (_, axis) => axis) : given.map((axis) => inRange(axis, rank)));
}

/** If an axis of the input is empty, the kernels return uninitialised memory. */
function emptyResult(node: Node, make: Emitter, value: number): Ref | undefined {
  const [x] = node.inputs;
  const dims = node.outputs[0]?.type?.shape;
  if (!dimsOf(x).includes(0)) return undefined;
  if (!dims?.every((dim) => typeof dim === 'number')) throw new Unsupported('there is nothing to reduce, and its shape is not known');
  const number = isBool(x) ? (value > 0 ? 1 : 0) : isInt(x) ? Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1) : value;
  const count = dims.reduce((product, dim) => product * dim, 1);
  const filled = new Array<number>(count).fill(number);
  if (isBool(x)) return make.cast(make.shaped(dims, filled), 'DT_BOOL');
  return isInt(x) ? make.shaped(dims, filled) : make.floats(dims, filled);
}

const reduction =
  ({ before, op, after, isFloat = false, nothing = 0 }: Reduction): Lowering =>
  (node, make) => {
    const [x] = node.inputs;
    const ofNothing = emptyResult(node, make, nothing);
    if (ofNothing) return ofNothing;
    const isWhole = isInt(x);
    const isTruth = isBool(x);
    const through = isTruth ? 'DT_INT32' : isWhole && isFloat ? 'DT_FLOAT' : undefined;
    const typed = through ? make.cast(make.ref(x), through) : make.ref(x);
    const source = before ? before(typed, make) : typed;
    const axes = axesOf(node, make);
    const reduced = axes
      ? make.node(op, [source, axes], { keep_dims: bool(intAttr(node, 'keepdims') !== 0) })
      : make.node('Identity', [source]);
    const result = after ? after(reduced, make) : reduced;
    return isTruth ? make.cast(result, 'DT_BOOL') : through ? make.cast(result, 'DT_INT32') : result;
  };

/** log sum exp(x - most) + most, so that nothing overflows. */
const logSumExp: Lowering = (node, make) => {
  const [x] = node.inputs;
  const ofNothing = emptyResult(node, make, Number.NEGATIVE_INFINITY);
  if (ofNothing) return ofNothing;
  const source = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
  const axes = axesOf(node, make);
  if (!axes) return make.node('Identity', [source]);
  const keepdims = intAttr(node, 'keepdims') !== 0;
  const most = make.node('Max', [source, axes], { keep_dims: bool(true) });
  const sum = make.node('Sum', [make.node('Exp', [make.node('Sub', [source, most])]), axes], { keep_dims: bool(true) });
  const result = make.node('AddV2', [make.node('Log', [sum]), most]);
  return keepdims ? result : make.node('Sum', [result, axes], { keep_dims: bool(false) });
};

/** Index of the first of equal values, or with `select_last_index` of the last: then counted from the end. */
const arg =
  (op: 'ArgMax' | 'ArgMin'): Lowering =>
  (node, make) => {
    const [x] = node.inputs;
    const rank = rankOf(x);
    const axis = inRange(intAttr(node, 'axis'), rank);
    const isLast = intAttr(node, 'select_last_index') !== 0;
    const typed = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
    const signed = op === 'ArgMin' ? make.node('Neg', [typed]) : typed;
    const source = isLast ? make.node('ReverseV2', [signed, make.ints([axis])]) : signed;
    const found = make.node('ArgMax', [source, make.int(axis)], { output_type: type('DT_INT32') });
    const length = dimsOf(x)[axis];
    const end = make.node('Sub', [typeof length === 'number' ? make.int(length) : make.lengthOf(make.ref(x), axis), make.int(1)]);
    const place = isLast ? make.node('Sub', [end, found]) : found;
    return intAttr(node, 'keepdims') === 0 ? place : make.node('ExpandDims', [place, make.int(axis)]);
  };

export const reductions: Readonly<Record<string, Lowering>> = table({
  ...Object.fromEntries(Object.entries(REDUCTIONS).map(([op, spec]): [string, Lowering] => [op, reduction(spec)])),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  ReduceLogSumExp: logSumExp,
});
