/**
 * Integer data through the arithmetic on shapes that exporters write: Shape, Gather, Slice, Concat, Add, Mul, Div, Cast, Squeeze ...
 * A value's data is a list of dimensions: the elements of a value of at most two axes in row-major order, or one element for a scalar.
 */
import { intAttr, intsAttr, tensorAttr } from '../attrs';
import { addDims, ceilDivideDim, divideDim, floorDivideDim, maxDims, minDims, multiplyDims, sameDim, subtractDims } from '../dims';
import { elementCount, halfToNumber, isNumeric, numberToHalf, readNumbers } from '../tensor';
import type { Dim, DType, Node, Tensor, Value } from '../types';
import { inRange } from './context';

/** A quotient that is no whole number yet: SAME padding is computed in floats and rounded later. */
export interface Fraction {
  readonly over: Dim;
  readonly by: number;
}
export type Element = Dim | Fraction;
/** Elements in row-major order; lists of two axes have their shape in the value's type. */
export type Data = readonly Element[] | undefined;
type Propagate = (node: Node, data: (slot: number) => Data) => Data;

/** Longer lists are no shapes. */
const LIMIT = 64;

/** Tensors never change, and each inference asks for the same axes and targets again: they may have to be read from a file. */
const read = new WeakMap<Tensor, { readonly data: Data }>();

/** Data of a constant, where it is small and numeric. Fractions stay fractions: Resize's scales are computed in floats. */
export function constantData(tensor: Tensor): Data {
  const before = read.get(tensor);
  if (before) return before.data;
  const data = smallNumbers(tensor);
  read.set(tensor, { data });
  return data;
}

function smallNumbers(tensor: Tensor): Data {
  if (tensor.shape.length > 2 || elementCount(tensor.shape) > LIMIT || !isNumeric(tensor.dtype)) return undefined;
  return [...readNumbers(tensor)];
}

/** The data of the node's first output, or undefined where it is no shape computation. */
export function propagated(node: Node, data: (slot: number) => Data): Data {
  const type = node.outputs[0]?.type;
  const result = RULES[node.op]?.(node, data);
  if (!result || result.length > LIMIT) return undefined;
  // Rules see lists. Where axes broadcast against each other, [2, 1] and [2], a list does not say what the value is.
  if (type?.shape && type.shape.reduce<Dim>(multiplyDims, 1) !== result.length) return undefined;
  const round = ROUND[type?.dtype ?? node.inputs[0]?.type?.dtype ?? 'int64'];
  return round ? result.map((element) => (typeof element === 'number' ? round(element) : element)) : result;
}

/** As the runtime computes: floor(10 * 1.3) is 13 in single precision, 12 in double. */
const ROUND: Partial<Record<DType, (x: number) => number>> = {
  float: Math.fround,
  float16: (x) => halfToNumber(numberToHalf(x)),
};

const binary =
  (apply: (a: Dim, b: Dim, isInteger: boolean) => Element): Propagate =>
  (node, data) => {
    const lists = node.inputs.map((_, slot) => data(slot));
    const isInteger = /int/.test(node.inputs[0]?.type?.dtype ?? 'int64');
    return lists.slice(1).reduce<Data>((a, b) => {
      if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined;
      return Array.from({ length: Math.max(a.length, b.length) }, (_, at) =>
        applied(apply, a[a.length === 1 ? 0 : at], b[b.length === 1 ? 0 : at], isInteger),
      );
    }, lists[0]);
  };

const isFraction = (element: Element): element is Fraction => typeof element === 'object';
/** Arithmetic on fractions is not followed: exporters round them at once. */
const applied = (apply: (a: Dim, b: Dim, isInteger: boolean) => Element, a: Element, b: Element, isInteger: boolean): Element =>
  isFraction(a) || isFraction(b) ? undefined : apply(a, b, isInteger);

/** Dimensions are not negative, so truncation is the floor. */
function quotient(a: Dim, b: Dim, isInteger: boolean): Element {
  if (b === 0) return undefined;
  if (typeof a === 'number' && typeof b === 'number') return isInteger ? Math.trunc(a / b) : a / b;
  if (typeof b === 'number' && b > 0 && isInteger) return floorDivideDim(a, b);
  return (
    divideDim(a, b) ?? (typeof b === 'number' && b > 0 && Number.isInteger(b) && typeof a === 'string' ? { over: a, by: b } : undefined)
  );
}

/** `fmod`: with the sign of the dividend, which is none for a dimension. */
function modulo(a: Dim, b: Dim, fmod: boolean): Dim {
  if (b === 0) return undefined;
  if (typeof a === 'number' && typeof b === 'number') return fmod ? a % b : a - b * Math.floor(a / b);
  return typeof b === 'number' && b > 0 ? subtractDims(a, multiplyDims(b, floorDivideDim(a, b))) : undefined;
}

/** Whole numbers only: symbolic arithmetic is over integers. */
const whole =
  (apply: (a: Dim, b: Dim) => Dim, direct: (a: number, b: number) => Dim) =>
  (a: Dim, b: Dim): Dim => {
    if (typeof a === 'number' && typeof b === 'number') return direct(a, b);
    return [a, b].every((dim) => typeof dim !== 'number' || Number.isInteger(dim)) ? apply(a, b) : undefined;
  };

const comparison = (decide: (difference: number) => boolean): Propagate =>
  binary((a, b) => {
    const difference = sameDim(a, b) ? 0 : subtractDims(a, b);
    return typeof difference === 'number' ? Number(decide(difference)) : undefined;
  });

/** Rounding makes a fraction whole. */
const rounding =
  (direct: (x: number) => number, divide: (over: Dim, by: number) => Dim): Propagate =>
  (_, data) =>
    data(0)?.map((element) =>
      isFraction(element) ? divide(element.over, element.by) : typeof element === 'number' ? direct(element) : element,
    );

/** Elements that are whole, the others unknown. */
export const wholeElements = (list: Data): readonly Dim[] | undefined =>
  list?.map((element) => (isFraction(element) ? undefined : element));

/** Halves go to the even neighbour. */
const roundEven = (x: number): number => (x % 1 === 0.5 || x % 1 === -0.5 ? 2 * Math.round(x / 2) : Math.round(x));

const copy: Propagate = (_, data) => data(0);
const unary =
  (apply: (x: number) => number, keepsSymbols: boolean): Propagate =>
  (_, data) =>
    data(0)?.map((dim) => (typeof dim === 'number' ? apply(dim) : keepsSymbols && !isFraction(dim) ? dim : undefined));

const shapeRule: Propagate = (node) => {
  const shape = node.inputs[0]?.type?.shape;
  return shape?.slice(...bounds(node, shape.length));
};
function bounds(node: Node, rank: number): [number, number] {
  const clamp = (value: number): number => Math.min(Math.max(inRange(value, rank), 0), rank);
  return [clamp(intAttr(node, 'start', 0)), clamp(intAttr(node, 'end', rank))];
}

/** Along the first axis: of a list its elements, of two axes its rows. */
const slice: Propagate = (node, data) => {
  const list = data(0);
  const shape = node.inputs[0]?.type?.shape;
  const [[start], [end], axes, steps] = [data(1) ?? [], data(2) ?? [], data(3), data(4)];
  const axis = node.inputs[3] ? axes?.[0] : 0;
  if (
    !list ||
    typeof start !== 'number' ||
    typeof end !== 'number' ||
    (axis !== 0 && !(axis === -1 && shape?.length === 1)) ||
    (data(1)?.length ?? 1) > 1
  )
    return undefined;
  const step = steps?.[0] ?? 1;
  if (typeof step !== 'number' || step === 0 || (node.inputs[4] && !steps)) return undefined;
  const rowLength = shape?.length === 2 && typeof shape[1] === 'number' ? shape[1] : 1;
  const rows = Array.from({ length: list.length / rowLength }, (_, row) => list.slice(row * rowLength, (row + 1) * rowLength));
  return sliced(rows, start, end, step).flat();
};

function sliced<T>(rows: readonly T[], start: number, end: number, step: number): T[] {
  if (step > 0) return rows.slice(start, end).filter((_, at) => at % step === 0);
  const first = Math.min(Math.max(start < 0 ? start + rows.length : start, 0), rows.length - 1);
  const last = end < -rows.length ? -1 : end < 0 ? end + rows.length : end;
  return Array.from({ length: Math.max(0, Math.ceil((last - first) / step)) }, (_, at) => rows[first + at * step]).filter(
    (row): row is T => row !== undefined,
  );
}

/** Two axes change places; a list stays as it is. */
const transpose: Propagate = (node, data) => {
  const [list, shape] = [data(0), node.inputs[0]?.type?.shape];
  const perm = intsAttr(node, 'perm') ?? shape?.map((_, axis) => shape.length - 1 - axis);
  if (!list || shape?.length !== 2 || perm?.[0] !== 1) return list;
  const [rows, columns] = shape;
  if (typeof rows !== 'number' || typeof columns !== 'number') return undefined;
  return Array.from({ length: list.length }, (_, at) => list[(at % rows) * columns + Math.floor(at / rows)]);
};

const gather: Propagate = (node, data) => {
  const [list, indices] = [data(0), data(1)];
  if (!list || node.inputs[0]?.type?.shape?.length !== 1 || intAttr(node, 'axis', 0) > 0) return undefined;
  return indices?.map((index): Element => (typeof index === 'number' ? list[inRange(index, list.length)] : undefined));
};

const concat: Propagate = (node, data) => {
  const lists = node.inputs.map((input, slot) => data(slot) ?? unknownOf(input));
  if (!lists.every((list) => list !== undefined)) return undefined;
  const shape = node.inputs[0]?.type?.shape;
  if (inRange(intAttr(node, 'axis', 0), shape?.length ?? 1) === 0) return lists.flat();
  // Of two axes, columns beside columns.
  const rows = shape?.length === 2 ? shape[0] : undefined;
  if (typeof rows !== 'number') return undefined;
  return Array.from({ length: rows }, (_, row) =>
    lists.flatMap((list) => list.slice((row * list.length) / rows, ((row + 1) * list.length) / rows)),
  ).flat();
};
/** Unknown elements of a list of known length. */
function unknownOf(value: Value | undefined): Data {
  const shape = value?.type?.shape;
  const [length] = shape ?? [];
  return shape?.length === 1 && typeof length === 'number' && length <= LIMIT ? new Array<Dim>(length).fill(undefined) : undefined;
}

const where: Propagate = (_, data) => {
  const [condition, a, b] = [data(0), data(1), data(2)];
  if (!condition || !a || !b) return undefined;
  const length = Math.max(condition.length, a.length, b.length);
  const pick = (list: readonly Element[], at: number): Dim => wholeElements([list[list.length === 1 ? 0 : at]])?.[0];
  return Array.from({ length }, (__, at) => {
    const decided = pick(condition, at);
    const [x, y] = [pick(a, at), pick(b, at)];
    return decided === undefined ? (sameDim(x, y) ? x : undefined) : decided === 0 ? y : x;
  });
};

const reduced =
  (apply: (a: Dim, b: Dim) => Dim): Propagate =>
  (node, data) => {
    const [first, ...others] = wholeElements(data(0)) ?? [];
    if (node.inputs[0]?.type?.shape?.length !== 1 || (!node.inputs[1] && intAttr(node, 'noop_with_empty_axes', 0) !== 0)) return undefined;
    return [others.reduce(apply, first)];
  };

/** Views of lists. */
const view: Propagate = (node, data) => ((node.outputs[0]?.type?.shape?.length ?? 1) <= 2 ? data(0) : undefined);

const RULES: Readonly<Record<string, Propagate>> = {
  Abs: (_, data) => wholeElements(data(0))?.map((dim) => maxDims(dim, subtractDims(0, dim))),
  Add: binary(whole(addDims, (a, b) => a + b)),
  Cast: (node, data) => {
    const dtype = node.outputs[0]?.type?.dtype ?? 'int64';
    if (dtype === 'bool') return data(0)?.map((dim) => (typeof dim === 'number' ? Number(dim !== 0) : undefined));
    return /int/.test(dtype)
      ? data(0)?.map((dim) => (typeof dim === 'number' ? Math.trunc(dim) : isFraction(dim) ? floorDivideDim(dim.over, dim.by) : dim))
      : data(0);
  },
  Ceil: rounding(Math.ceil, ceilDivideDim),
  Clip: (_, data) => {
    const [low, high] = [wholeElements(data(1))?.[0], wholeElements(data(2))?.[0]];
    return wholeElements(data(0))?.map((dim) => {
      const raised = data(1) ? maxDims(dim, low) : dim;
      return data(2) ? minDims(raised, high) : raised;
    });
  },
  Concat: concat,
  ConstantOfShape: (node, data) => {
    const [length] = data(0) ?? [];
    const value = tensorAttr(node, 'value');
    return data(0)?.length === 1 && typeof length === 'number' && length <= LIMIT
      ? new Array<Dim>(length).fill(value ? (readNumbers(value)[0] ?? 0) : 0)
      : undefined;
  },
  Div: binary(quotient),
  Equal: comparison((difference) => difference === 0),
  Expand: (_, data) => {
    const [list, [length] = []] = [data(0), data(1)];
    return list?.length === 1 && typeof length === 'number' && data(1)?.length === 1
      ? new Array<Element>(Math.max(1, length)).fill(list[0])
      : list;
  },
  Floor: rounding(Math.floor, floorDivideDim),
  Gather: gather,
  Greater: comparison((difference) => difference > 0),
  GreaterOrEqual: comparison((difference) => difference >= 0),
  Identity: copy,
  Less: comparison((difference) => difference < 0),
  LessOrEqual: comparison((difference) => difference <= 0),
  Max: binary(whole(maxDims, Math.max)),
  Min: binary(whole(minDims, Math.min)),
  Mod: (node, data) => {
    const fmod = intAttr(node, 'fmod', 0) !== 0;
    return binary(
      whole(
        (a, b) => modulo(a, b, fmod),
        (a, b) => modulo(a, b, fmod),
      ),
    )(node, data);
  },
  Mul: binary(whole(multiplyDims, (a, b) => a * b)),
  Neg: (_, data) => wholeElements(data(0))?.map((dim) => subtractDims(0, dim)),
  Not: unary((x) => Number(x === 0), false),
  Range: (_, data) => {
    const [[start], [limit], [step]] = [data(0) ?? [], data(1) ?? [], data(2) ?? []];
    if (typeof start !== 'number' || typeof limit !== 'number' || typeof step !== 'number' || step === 0) return undefined;
    const count = Math.max(0, Math.ceil((limit - start) / step));
    return count <= LIMIT ? Array.from({ length: count }, (__, at) => start + at * step) : undefined;
  },
  ReduceMax: reduced(maxDims),
  ReduceProd: reduced(multiplyDims),
  ReduceSum: reduced(addDims),
  Relu: (_, data) => wholeElements(data(0))?.map((dim) => maxDims(dim, 0)),
  Reshape: view,
  Round: unary(roundEven, true),
  Shape: shapeRule,
  Size: (node) => {
    const shape = node.inputs[0]?.type?.shape;
    return shape && [shape.reduce<Dim>(multiplyDims, 1)];
  },
  Slice: slice,
  Sqrt: unary(Math.sqrt, false),
  Squeeze: view,
  Sub: binary(whole(subtractDims, (a, b) => a - b)),
  Transpose: transpose,
  Unsqueeze: view,
  Where: where,
};
