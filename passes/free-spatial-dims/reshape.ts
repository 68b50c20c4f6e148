/**
 * The target of a Reshape that contains pixel counts, as a function of its input's shape.
 *
 * Both shapes at the original size are cut into groups of equal products, from left to right (Reshape keeps row-major order). A group without a free
 * dimension keeps its numbers. In the other groups, each target axis is a number, a free dimension of that size, or the rest of the product; a choice is
 * accepted only if the products of the two sides are the same expression, so that the element counts agree for every size of image.
 */
import { divideDim } from '../../src/ir/dims';
import { type Dim, isConst, type Node, type Value } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';
import { axisLength, type FreeEnvironment, freeAxes, freeDimsNear, productOfDims, type SourceAxis, type Stuck, stuck } from './environment';

/** factor * the lengths of these axes; `rest`: the remaining elements, which Reshape writes as -1. */
type Axis = { readonly factor: number; readonly of: readonly SourceAxis[] } | 'rest';
const fixed = (size: number): Axis => ({ factor: size, of: [] });

/** Replaces the node's shape input if needed. Returns whether it did, or why it could not. */
export function freeReshape(node: Node, env: FreeEnvironment): boolean | Stuck {
  const [data, target] = node.inputs;
  const [output] = node.outputs;
  // A target that is computed from shapes follows by itself.
  if (!data || !output || !target?.constant || freeAxes(data, env).length === 0) return false;
  const [from, to, now] = [env.window(data), env.window(output), data.type?.shape];
  if (!from || !to || !now) return stuck('its shape at the original size is not known');
  const groups = align(from, to);
  if (!groups) return stuck(`[${from}] and [${to}] do not regroup axis by axis`);
  const near = freeDimsNear(data, env);
  const axes: Axis[] = [];
  for (const { ins, outs } of groups) {
    const own = ins.map((axis): SourceAxis => ({ value: data, axis, dim: now[axis], size: from[axis] }));
    const wanted = outs.map((axis) => to[axis]);
    const solved = solve(own, wanted, near);
    if (!solved) return stuck(`no dimension of the map explains [${wanted}] in its target [${to}] at every size`);
    axes.push(...solved);
  }
  const make = env.builder(node);
  // Back to the shape of a value from which it was computed (group norms, shuffled channels): that takes one node.
  const like = to.filter((dim) => typeof dim !== 'number').length <= 1 && needsShape(axes, data) ? valueLike(axes, data) : undefined;
  const shape = like ? make.op('Shape', [like]) : targetOf(axes, data, make, node.name);
  if (!shape) return stuck(`its target [${to}] has two dimensions that nothing else tells`);
  // Without allowzero, 0 means the input's own dimension.
  env.replace(node, make.op('Reshape', [data, shape]));
  return true;
}

interface Group {
  readonly ins: readonly number[];
  readonly outs: readonly number[];
}

/** Smallest runs of axes with equal products. A symbolic batch is treated as a distinct number. */
function align(from: readonly Dim[], to: readonly Dim[]): Group[] | undefined {
  const symbols = new Map<string, number>();
  const size = (dim: Dim): number => {
    if (typeof dim === 'number') return dim;
    const name = dim ?? '?';
    const known = symbols.get(name) ?? PRIMES[symbols.size] ?? Number.NaN;
    symbols.set(name, known);
    return known;
  };
  const [a, b] = [from.map(size), to.map(size)];
  const groups: { ins: number[]; outs: number[] }[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const group = { ins: [i], outs: [j] };
    let left = a[i++] ?? 1;
    let right = b[j++] ?? 1;
    while (left !== right) {
      if (left < right) {
        if (i >= a.length) return undefined;
        left *= a[i] ?? 1;
        group.ins.push(i++);
      } else {
        if (j >= b.length) return undefined;
        right *= b[j] ?? 1;
        group.outs.push(j++);
      }
    }
    groups.push(group);
  }
  // Remaining unit axes belong to the last group.
  const last = groups[groups.length - 1];
  for (; i < a.length; i++) last?.ins.push(i);
  for (; j < b.length; j++) last?.outs.push(j);
  return groups;
}
const PRIMES = [7919, 7927, 7933, 7937];

/** One entry per target axis, whose product is that of `own`; undefined if there is no solution. */
function solve(own: readonly SourceAxis[], wanted: readonly Dim[], near: readonly SourceAxis[]): Axis[] | undefined {
  const total = productOfDims(own.map(({ dim }) => dim));
  if (typeof total === 'number') return wanted.every((size) => typeof size === 'number') ? wanted.map(fixed) : undefined;
  const varying = own.filter(({ dim }) => typeof dim !== 'number');
  const scale = own.reduce((product, { dim }) => (typeof dim === 'number' ? product * dim : product), 1);
  const options = wanted.map((size): Axis[] => [
    ...[...varying, ...near].filter((axis) => axis.size === size).map((axis): Axis => ({ factor: 1, of: [axis] })),
    ...(typeof size === 'number' ? [fixed(size)] : []),
  ]);
  return search(options, total, { varying, scale }, []);
}

interface Whole {
  readonly varying: readonly SourceAxis[];
  readonly scale: number;
}

/** Depth-first search, free dimensions before numbers; the last axis that can may take the rest. */
function search(options: readonly (readonly Axis[])[], total: Dim, whole: Whole, chosen: readonly Axis[]): Axis[] | undefined {
  if (chosen.length === options.length) return productOfDims(chosen.map(dimOf)) === total ? [...chosen] : withRest(chosen, total, whole);
  for (const option of options[chosen.length] ?? []) {
    if (option !== 'rest' && option.of[0] && chosen.includes(option)) continue;
    const repeats =
      option !== 'rest' &&
      option.of[0] &&
      chosen.some((other) => other !== 'rest' && other.of[0]?.dim === option.of[0]?.dim && other.of[0]?.value === option.of[0]?.value);
    if (repeats) continue;
    const found = search(options, total, whole, [...chosen, option]);
    if (found) return found;
  }
  return undefined;
}

/** All axes but one are numbers that divide the whole: [C,h,w] as [G, C/G*h*w]. */
function withRest(chosen: readonly Axis[], total: Dim, { varying, scale }: Whole): Axis[] | undefined {
  for (let at = chosen.length - 1; at >= 0; at--) {
    const others = productOfDims(chosen.filter((_, index) => index !== at).map(dimOf));
    if (typeof others !== 'number' || typeof divideDim(total, others) !== 'string') continue;
    const rest: Axis = scale % others === 0 ? { factor: scale / others, of: varying } : 'rest';
    return chosen.map((axis, index) => (index === at ? rest : axis));
  }
  return undefined;
}

const dimOf = (axis: Axis): Dim => (axis === 'rest' ? undefined : productOfDims([axis.factor, ...axis.of.map(({ dim }) => dim)]));

const isNumber = (axis: Axis): boolean => axis !== 'rest' && axis.of.length === 0;
const isOwn = (axis: Axis, at: number, data: Value): boolean =>
  axis !== 'rest' && axis.factor === 1 && axis.of.length === 1 && axis.of[0]?.value === data && axis.of[0].axis === at;
/** Whether more than one axis is neither a number nor the input's own axis at the same position: Reshape can infer only one. */
const needsShape = (axes: readonly Axis[], data: Value): boolean =>
  axes.filter((axis, at) => !isNumber(axis) && !isOwn(axis, at, data)).length > 1;

/** A value from which `data` was computed and which has exactly these axes. */
function valueLike(axes: readonly Axis[], data: Value): Value | undefined {
  const wanted = axes.map(dimOf);
  const seen = new Set<Value>();
  const queue: Value[] = [data];
  for (let at = queue.shift(); at && seen.size < REACH; at = queue.shift()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const shape = at.type?.shape;
    if (shape?.length === wanted.length && shape.every((dim, axis) => dim !== undefined && dim === wanted[axis])) return at;
    for (const input of at.producer?.inputs ?? []) if (input && !isConst(input)) queue.push(input);
  }
  return undefined;
}
const REACH = 40;

/** The target shape: numbers, 0 for an axis that is the input's own at this position, one -1, and Shape for the others. */
function targetOf(axes: readonly Axis[], data: Value, make: Builder, name: string): Value | undefined {
  if (axes.filter((axis) => axis === 'rest').length > 1) return undefined;
  // -1 goes to the axis that nothing else describes, otherwise to the last axis that would need Shape.
  const open = axes.includes('rest') ? axes.indexOf('rest') : axes.findLastIndex((axis, at) => !isNumber(axis) && !isOwn(axis, at, data));
  const parts = axes.map((axis, at): number | Value => {
    if (at === open || axis === 'rest') return -1;
    if (axis.of.length === 0) return axis.factor;
    if (isOwn(axis, at, data)) return 0;
    const lengths = axis.of.map((source) => axisLength(source, make));
    const factors = axis.factor === 1 ? lengths : [make.int64s('factor', [axis.factor]), ...lengths];
    return factors.slice(1).reduce<Value>((product, factor) => make.op('Mul', [product, factor]), factors[0] ?? make.int64s('one', [1]));
  });
  if (parts.every((part) => typeof part === 'number')) return make.int64s(`${name}_shape`, parts);
  return make.op('Concat', joined(parts, make), { axis: 0 });
}

/** Merges consecutive numbers into one constant. */
function joined(parts: readonly (number | Value)[], make: Builder): Value[] {
  const result: Value[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 0) result.push(make.int64s('dims', run));
    run = [];
  };
  for (const part of parts) {
    if (typeof part === 'number') run.push(part);
    else {
      flush();
      result.push(part);
    }
  }
  flush();
  return result;
}
