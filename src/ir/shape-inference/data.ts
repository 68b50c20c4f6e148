/**
 * Propagates integer data through the shape arithmetic that exporters write: Shape, Gather, Slice, Concat, Add, Mul, Div, Cast, Squeeze ...
 * Works on small tensors of elements (elements.ts), which are symbolic if they depend on the input's size.
 */

import { givenInt, intAttr, tensorAttr } from '../attrs';
import { permOf } from '../axis';
import { leastDim, multiplyDims } from '../dims';
import { dtypeNumbered } from '../dtypes';
import { isNode } from '../match';
import { table } from '../table';
import { elementCount, isKnown, readNumbers } from '../tensor';
import type { Dim, DType, Node, Tensor } from '../types';
import { dtypeOf, inRange } from './context';
import {
  add,
  atLeast,
  ceil,
  compared,
  divide,
  divideWhole,
  type Element,
  fitted,
  floor,
  larger,
  modulo,
  multiply,
  negate,
  rounded,
  type Sizes,
  smaller,
  subtract,
  truncated,
  wholeOf,
} from './elements';

export interface Data {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly elements: readonly Element[];
}
type Maybe = Data | undefined;

/** Information available to a rule. */
export interface Source {
  /** Data of an input. */
  data(slot: number): Maybe;
  /** Shape of an output, derived from the current input types. */
  shape(output: number): readonly Dim[] | undefined;
  /** Symbolic axis lengths that were read. */
  readonly sizes: Set<Dim>;
}
type Propagate = (node: Node, source: Source, output: number) => Maybe;

/** Tensors with more elements than this are not shapes. */
const LIMIT = 64;
const list = (elements: readonly Element[]): Data => ({ shape: [elements.length], elements });
const scalar = (element: Element): Data => ({ shape: [], elements: [element] });
const gaps = (shape: readonly number[]): Data => ({ shape, elements: new Array<Element>(elementCount(shape)).fill(undefined) });
export const isSmall = (shape: readonly Dim[] | undefined): shape is readonly number[] =>
  shape?.every((dim) => typeof dim === 'number') ? elementCount(shape) <= LIMIT : false;

/** Cache: tensors never change, and each inference reads the same axes and targets again, possibly from a file. */
const read = new WeakMap<Tensor, { readonly data: Maybe }>();

/** Data of a constant, if it is small and numeric. */
export function constantData(tensor: Tensor): Maybe {
  const before = read.get(tensor);
  if (before) return before.data;
  const data = isSmall(tensor.shape) && isKnown(tensor) ? { shape: tensor.shape, elements: [...readNumbers(tensor)] } : undefined;
  read.set(tensor, { data });
  return data;
}

/** Data of an output of the node; undefined if it is not a shape computation. */
export function propagated(node: Node, output: number, source: Source): Maybe {
  const rule = Object.hasOwn(RULES, node.op) ? RULES[node.op] : undefined;
  if (!rule || (output > 0 && !isNode(node, 'Split'))) return undefined;
  const result = rule(node, source, output);
  return result && result.elements.length <= LIMIT ? result : undefined;
}

const isFloat = (dtype: DType | undefined): boolean => dtype === undefined || /float|double/.test(dtype);

// ---- element by element ----

const mapped = (data: Maybe, apply: (element: Element) => Element): Maybe =>
  data && { shape: data.shape, elements: data.elements.map(apply) };
const unary =
  (apply: (element: Element) => Element): Propagate =>
  (node, source) =>
    mapped(source.data(0), (element) => fitted(apply(element), dtypeOf(node)));
/** Applies functions that are not followed for symbols. */
const onNumbers = (apply: (x: number) => number): Propagate =>
  unary((element) => (typeof element === 'number' ? apply(element) : undefined));

/** Broadcasts by numpy's rule; undefined if an input is unknown or the shapes are incompatible. */
function broadcast(all: readonly Maybe[], apply: (...elements: readonly Element[]) => Element): Maybe {
  const rank = Math.max(...all.map((data) => data?.shape.length ?? 0));
  const aligned = all
    .flatMap((data) => data ?? [])
    .map(({ shape, elements }) => ({ shape: [...ones(rank - shape.length), ...shape], elements }));
  const shape = ones(rank).map((_, axis) => aligned.map((data) => data.shape[axis] ?? 1).find((dim) => dim !== 1) ?? 1);
  const fits = aligned.every((data) => data.shape.every((dim, axis) => dim === 1 || dim === shape[axis]));
  if (aligned.length < all.length || !fits || elementCount(shape) > LIMIT) return undefined;
  return {
    shape,
    elements: positions(shape).map((at) =>
      apply(
        ...aligned.map((data) => {
          const own = at.map((index, axis) => (data.shape[axis] === 1 ? 0 : index));
          return data.elements[offset(own, data.shape)];
        }),
      ),
    ),
  };
}
const ones = (count: number): number[] => new Array<number>(count).fill(1);
const positions = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>((all, dim) => all.flatMap((at) => Array.from({ length: dim }, (_, index) => [...at, index])), [[]]);
const offset = (at: readonly number[], shape: readonly number[]): number =>
  at.reduce((sum, index, axis) => sum * (shape[axis] ?? 1) + index, 0);

const folded =
  (apply: (a: Element, b: Element, node: Node, sizes: Sizes) => Element): Propagate =>
  (node, source) => {
    const dtype = dtypeOf(node);
    return broadcast(
      node.inputs.map((_, slot) => source.data(slot)),
      (...elements) => elements.reduce((a, b) => fitted(apply(a, b, node, source.sizes), dtype)),
    );
  };
const comparison = (decide: (a: Element, b: Element) => boolean | undefined): Propagate =>
  folded((a, b) => {
    const decided = decide(a, b);
    return decided === undefined ? undefined : Number(decided);
  });
const isEqual = (a: Element, b: Element): boolean | undefined => {
  const sign = compared(a, b);
  return sign === undefined ? undefined : sign === 0;
};
const not = (decided: boolean | undefined): boolean | undefined => (decided === undefined ? undefined : !decided);
const logic = (apply: (a: boolean, b: boolean) => boolean): Propagate =>
  folded((a, b) => (typeof a === 'number' && typeof b === 'number' ? Number(apply(a !== 0, b !== 0)) : undefined));

const cast: Propagate = (node, source) => {
  const to = dtypeNumbered(intAttr(node, 'to'));
  return mapped(source.data(0), (element) => {
    if (to === 'bool' && typeof element !== 'number') return leastDim(wholeOf(element)) > 0 ? 1 : undefined;
    return fitted(isFloat(to) || to === 'bool' ? element : truncated(element, source.sizes), to);
  });
};

const clip: Propagate = (node, source) => {
  const [low, high] = [1, 2].map((slot) => (node.inputs[slot] ? (source.data(slot) ?? UNKNOWN) : undefined));
  const raised = low ? broadcast([source.data(0), low], larger) : source.data(0);
  return high ? broadcast([raised, high], smaller) : raised;
};
const UNKNOWN = scalar(undefined);

const where: Propagate = (_, source) =>
  broadcast([source.data(0), source.data(1), source.data(2)], (decided, yes, no) =>
    typeof decided === 'number' ? (decided === 0 ? no : yes) : isEqual(yes, no) ? yes : undefined,
  );

// ---- whole tensors ----

/** The same elements in the output's shape. */
const view: Propagate = (_, source) => {
  const [data, shape] = [source.data(0), source.shape(0)];
  return data && isSmall(shape) && elementCount(shape) === data.elements.length ? { shape, elements: data.elements } : undefined;
};

/** Picks elements: maps each position of the result to a position of the data. */
const picked = (data: Data, shape: readonly number[], from: (at: readonly number[]) => readonly number[]): Data => ({
  shape,
  elements: positions(shape).map((at) => data.elements[offset(from(at), data.shape)]),
});

const shapeRule: Propagate = (node, { sizes }) => {
  const shape = node.inputs[0]?.type?.shape;
  if (!shape) return undefined;
  for (const dim of shape) if (typeof dim === 'string') sizes.add(dim);
  const clamp = (value: number): number => Math.min(Math.max(inRange(value, shape.length), 0), shape.length);
  return list(shape.slice(clamp(intAttr(node, 'start')), clamp(givenInt(node, 'end') ?? shape.length)));
};

/** Plain numbers; undefined if one is symbolic, or if there is no data. */
const numbersOf = (data: Maybe): readonly number[] | undefined =>
  data?.elements.every((element): element is number => typeof element === 'number') ? data.elements : undefined;

const slice: Propagate = (node, source) => {
  const data = source.data(0);
  const [starts, ends] = [numbersOf(source.data(1)), numbersOf(source.data(2))];
  const axes = node.inputs[3] ? numbersOf(source.data(3)) : starts?.map((_, axis) => axis);
  const steps = node.inputs[4] ? numbersOf(source.data(4)) : starts?.map(() => 1);
  if (!data || !starts || !ends || !axes || !steps || steps.includes(0)) return undefined;
  const kept = data.shape.map((length) => Array.from({ length }, (_, index) => index));
  for (const [at, rawAxis] of axes.entries()) {
    const axis = inRange(rawAxis, data.shape.length);
    const length = data.shape[axis];
    if (length === undefined) return undefined;
    kept[axis] = sliced(length, starts[at] ?? 0, ends[at] ?? 0, steps[at] ?? 1);
  }
  return picked(
    data,
    kept.map((indices) => indices.length),
    (at) => at.map((index, axis) => kept[axis]?.[index] ?? 0),
  );
};
function sliced(length: number, start: number, end: number, step: number): number[] {
  const clamp = (position: number, low: number, high: number): number =>
    Math.min(Math.max(position < 0 ? position + length : position, low), high);
  const [first, last] =
    step > 0 ? [clamp(start, 0, length), clamp(end, 0, length)] : [clamp(start, -1, length - 1), clamp(end, -1, length - 1)];
  return Array.from({ length: Math.max(0, Math.ceil((last - first) / step)) }, (_, at) => first + at * step);
}

const split: Propagate = (node, source, output) => {
  const data = source.data(0);
  if (!data) return undefined;
  const axis = inRange(intAttr(node, 'axis'), data.shape.length);
  const sizes = node.outputs.map((_, index) => source.shape(index)?.[axis]);
  const [before, own] = [sizes.slice(0, output), sizes[output]];
  if (typeof own !== 'number' || !before.every((size) => typeof size === 'number')) return undefined;
  const start = before.reduce((sum, size) => sum + size, 0);
  return picked(
    data,
    data.shape.map((length, at) => (at === axis ? own : length)),
    (at) => at.map((index, other) => (other === axis ? index + start : index)),
  );
};

const transpose: Propagate = (node, source) => {
  const data = source.data(0);
  if (!data) return undefined;
  const perm = permOf(node, data.shape.length);
  return picked(
    data,
    perm.map((axis) => data.shape[axis] ?? 1),
    (at) => data.shape.map((_, axis) => at[perm.indexOf(axis)] ?? 0),
  );
};

const gather: Propagate = (node, source) => {
  const [data, indices] = [source.data(0), source.data(1)];
  const wanted = numbersOf(indices);
  if (!data || !indices || !wanted) return undefined;
  const axis = inRange(intAttr(node, 'axis'), data.shape.length);
  const length = data.shape[axis];
  if (length === undefined || wanted.some((index) => index < -length || index >= length)) return undefined;
  const shape = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
  return picked(data, shape, (at) => {
    const index = wanted[offset(at.slice(axis, axis + indices.shape.length), indices.shape)] ?? 0;
    return [...at.slice(0, axis), inRange(index, length), ...at.slice(axis + indices.shape.length)];
  });
};

/** Unknown parts become unknown elements, if at least their length is known. */
const concat: Propagate = (node, source) => {
  const parts = node.inputs.map((input, slot): Maybe => {
    const shape = input?.type?.shape;
    return source.data(slot) ?? (isSmall(shape) ? gaps(shape) : undefined);
  });
  const [first] = parts;
  if (!first || !parts.every((part) => part?.shape.length === first.shape.length)) return undefined;
  const known = parts.flatMap((part) => part ?? []);
  const axis = inRange(intAttr(node, 'axis'), first.shape.length);
  const total = known.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
  const shape = first.shape.map((length, at) => (at === axis ? total : length));
  if (elementCount(shape) > LIMIT) return undefined;
  return {
    shape,
    elements: positions(shape).map((at) => {
      let index = at[axis] ?? 0;
      for (const part of known) {
        const length = part.shape[axis] ?? 0;
        if (index < length)
          return part.elements[
            offset(
              at.map((position, other) => (other === axis ? index : position)),
              part.shape,
            )
          ];
        index -= length;
      }
      return undefined;
    }),
  };
};

const expand: Propagate = (_, source) => {
  const [data, shape] = [source.data(0), source.shape(0)];
  if (!data || !isSmall(shape)) return undefined;
  return broadcast([data, gaps(shape)], (element) => element);
};

const tile: Propagate = (_, source) => {
  const [data, shape] = [source.data(0), source.shape(0)];
  if (!data || !isSmall(shape)) return undefined;
  return picked(data, shape, (at) => at.map((index, axis) => index % (data.shape[axis] ?? 1)));
};

const constantOfShape: Propagate = (node, source) => {
  const shape = source.shape(0);
  const value = tensorAttr(node, 'value');
  if (!isSmall(shape)) return undefined;
  return { shape, elements: new Array<Element>(elementCount(shape)).fill(value ? readNumbers(value)[0] : 0) };
};

const range: Propagate = (_, source) => {
  const [start, limit, step] = [0, 1, 2].map((slot) => numbersOf(source.data(slot))?.[0]);
  if (start === undefined || limit === undefined || !step) return undefined;
  const count = Math.max(0, Math.ceil((limit - start) / step));
  return count <= LIMIT ? list(Array.from({ length: count }, (__, at) => start + at * step)) : undefined;
};

const reduced =
  (apply: (a: Element, b: Element) => Element): Propagate =>
  (node, source) => {
    const [data, shape] = [source.data(0), source.shape(0)];
    const axes = node.inputs[1] ? numbersOf(source.data(1)) : [];
    if (!data || !axes || !isSmall(shape)) return undefined;
    if (axes.length === 0 && intAttr(node, 'noop_with_empty_axes') !== 0) return data;
    const gone = new Set(axes.length > 0 ? axes.map((axis) => inRange(axis, data.shape.length)) : data.shape.keys());
    const groups = new Map<string, Element>();
    for (const at of positions(data.shape)) {
      const key = at.filter((_, axis) => !gone.has(axis)).join();
      const element = data.elements[offset(at, data.shape)];
      groups.set(key, groups.has(key) ? fitted(apply(groups.get(key), element), dtypeOf(node)) : element);
    }
    const elements = [...groups.values()];
    return elements.length === elementCount(shape) ? { shape, elements } : undefined;
  };

const copy: Propagate = (_, source) => source.data(0);

const RULES: Readonly<Record<string, Propagate>> = table({
  Abs: unary((x) => (typeof x === 'number' ? Math.abs(x) : atLeast(x, 0) ? x : larger(x, negate(x)))),
  Add: folded(add),
  And: logic((a, b) => a && b),
  Cast: cast,
  Ceil: unary(ceil),
  Clip: clip,
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Div: folded((a, b, node, sizes) => (isFloat(dtypeOf(node)) ? divide(a, b) : divideWhole(a, b, sizes))),
  Equal: comparison(isEqual),
  Expand: expand,
  Flatten: view,
  Floor: unary(floor),
  Gather: gather,
  Greater: comparison((a, b) => not(atLeast(b, a)) ?? (compared(a, b) === 1 ? true : undefined)),
  GreaterOrEqual: comparison((a, b) => atLeast(a, b) ?? (compared(a, b) === -1 ? false : undefined)),
  Identity: copy,
  Less: comparison((a, b) => not(atLeast(a, b)) ?? (compared(a, b) === -1 ? true : undefined)),
  LessOrEqual: comparison((a, b) => atLeast(b, a) ?? (compared(a, b) === 1 ? false : undefined)),
  Max: folded(larger),
  Min: folded(smaller),
  Mod: folded((a, b, node, sizes) => modulo(a, b, intAttr(node, 'fmod') !== 0, sizes)),
  Mul: folded(multiply),
  Neg: unary(negate),
  Not: unary((x) => (typeof x === 'number' ? Number(x === 0) : undefined)),
  Or: logic((a, b) => a || b),
  Range: range,
  ReduceMax: reduced(larger),
  ReduceMin: reduced(smaller),
  ReduceProd: reduced(multiply),
  ReduceSum: reduced(add),
  Relu: unary((x) => larger(x, 0)),
  Reshape: view,
  Round: unary(rounded),
  Shape: shapeRule,
  Sign: onNumbers(Math.sign),
  Size: (node) => {
    const shape = node.inputs[0]?.type?.shape;
    return shape && scalar(shape.reduce<Dim>(multiplyDims, 1));
  },
  Slice: slice,
  Split: split,
  Sqrt: onNumbers(Math.sqrt),
  Squeeze: view,
  Sub: folded(subtract),
  Sum: folded(add),
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: view,
  Where: where,
  Xor: logic((a, b) => a !== b),
});
