/**
 * fit-images: accept images of any size in a network that itself accepts only some sizes, by cutting off the excess on the right and at the bottom.
 *
 *   X [N, C, height, width]   ->   X[:, :, : height - (height - rest) % multiple, ...]        at the original size nothing is cut
 *
 * Sizes are limited if branches round differently (SAME padding baked in beside a pool that rounds up), if a view cuts the map into whole blocks,
 * if a map is stretched to the size of another one (by the factor of the window at some sizes only), and if a branch runs backwards: its cells match those
 * of the others only if the image exceeds the window by whole strides. Cutting keeps every window that fits, if the multiple is the stride of the map.
 * Numbers: identical.
 * Left alone: networks that accept every size. Refused: lengths that agree at no other size.
 */

import { imageInputs } from '../src/ir/axis-roles';
import { addDims, evaluateDim, multiplyDims, namesOf, periodOf } from '../src/ir/dims';
import type { Graph } from '../src/ir/graph';
import { isNode } from '../src/ir/match';
import type { ShapeInference } from '../src/ir/shape-inference';
import { describeCondition, type SizeCondition, sizeConditions } from '../src/ir/sizes/conditions';
import type { AxisCut } from '../src/ir/sizes/cut';
import { type SizeSymbol, solveSizes } from '../src/ir/sizes/solve';
import { sizeSymbols, windowsOf } from '../src/ir/sizes/windows';
import { readNumbers } from '../src/ir/tensor';
import type { Dim, Node, Value } from '../src/ir/types';
import { asResize } from '../src/operators/resize';
import { builderAt } from '../src/rewrite/builder';
import { UNEQUAL_SIZES } from '../src/rewrite/obstacles';
import { definePass } from '../src/rewrite/pass';

/** Each round knows lengths that the one before could not determine, behind views that require whole blocks. */
const ROUNDS = 8;

export const fitImages = definePass({
  name: 'fit-images',
  role: 'fits',
  summary: 'cut off what is too much of an image whose size the network cannot take',
  numbers: 'identical',
  run(graph, { model, inference, remark }) {
    const symbols = sizeSymbols(graph, windowsOf(model));
    if (symbols.length === 0) return;
    const { steps, failing } = limitsOf(graph, symbols, inference);
    for (const condition of failing) {
      const { node } = condition;
      const at = { node: node.name, op: node.op, origin: node.origin };
      remark({ kind: 'refused', rule: UNEQUAL_SIZES, reason: describeCondition(condition), at, origin: node.origin });
    }
    if (failing.length > 0) return;
    for (const [image] of imageInputs(graph)) {
      const limits = limitsAlong(image, symbols, steps);
      const first = cut(graph, image, limits, inference);
      if (first) remark({ kind: 'applied', at: { value: image.name, origin: first.origin }, origin: first.origin });
    }
  },
});

/** Steps by symbol: accepted sizes differ from the original size by whole steps. `failing`: conditions that hold at no size, except perhaps the original. */
function limitsOf(
  graph: Graph,
  symbols: readonly SizeSymbol[],
  inference: ShapeInference,
): { readonly steps: ReadonlyMap<string, number>; readonly failing: readonly SizeCondition[] } {
  const images = [...imageInputs(graph).keys()].map((image) => ({ image, shape: image.type?.shape ?? [] }));
  const steps = new Map(
    symbols.map(({ name, original }): [string, number] => [name, lcm(turnedStep(graph, name), stretchedStep(graph, name, original))]),
  );
  let failing: readonly SizeCondition[] = [];
  let isChanged = [...steps.values()].some((step) => step > 1);
  for (let round = 0; round < ROUNDS; round++) {
    if (isChanged) {
      for (const { image, shape } of images)
        setShape(
          graph,
          image,
          shape.map((dim) => inSteps(dim, symbols, steps)),
        );
      inference.inferAll();
    }
    const counted = symbols.map(({ name, original }) => ({ name, original: Math.floor(original / (steps.get(name) ?? 1)) }));
    const solution = solveSizes(sizeConditions(graph, inference), counted);
    failing = solution.failing;
    const limited = [...solution.families].filter(([, { multiple }]) => multiple > 1);
    for (const [name, { multiple }] of limited) steps.set(name, (steps.get(name) ?? 1) * multiple);
    if (limited.length === 0) break;
    isChanged = true;
  }
  if (isChanged) {
    for (const { image, shape } of images) setShape(graph, image, shape);
    inference.inferAll();
  }
  return { steps, failing };
}

const inSteps = (dim: Dim, symbols: readonly SizeSymbol[], steps: ReadonlyMap<string, number>): Dim => {
  const symbol = symbols.find(({ name }) => name === dim);
  const step = steps.get(symbol?.name ?? '') ?? 1;
  return symbol ? addDims(multiplyDims(symbol.name, step), symbol.original % step) : dim;
};

const limitsAlong = (image: Value, symbols: readonly SizeSymbol[], steps: ReadonlyMap<string, number>): readonly AxisCut[] =>
  (image.type?.shape ?? []).flatMap((dim, axis) => {
    const symbol = symbols.find(({ name }) => name === dim);
    const multiple = steps.get(symbol?.name ?? '') ?? 1;
    return symbol && multiple > 1 ? [{ axis, multiple, rest: symbol.original % multiple }] : [];
  });

function setShape(graph: Graph, image: Value, shape: readonly Dim[]): void {
  if (image.type) graph.setType(image, { ...image.type, shape });
}

/** Passes only the accepted part of the image to its readers. */
function cut(graph: Graph, image: Value, limits: readonly AxisCut[], inference: ShapeInference): Node | undefined {
  const [first] = graph.nodes;
  if (limits.length === 0 || !first) return undefined;
  const readers = [...image.uses];
  const make = builderAt({ graph, before: first, origin: readers[0]?.user.origin ?? first.origin, root: `${image.name}_cut`, inference });
  const axes = make.int64s(
    `${image.name}_cut_axes`,
    limits.map(({ axis }) => axis),
  );
  const sizes = make.op('Gather', [make.op('Shape', [image]), axes], { axis: 0 });
  const rests = limits.every(({ rest }) => rest === 0)
    ? sizes
    : make.op('Sub', [
        sizes,
        make.int64s(
          `${image.name}_cut_rest`,
          limits.map(({ rest }) => rest),
        ),
      ]);
  const over = make.op('Mod', [
    rests,
    make.int64s(
      `${image.name}_cut_multiple`,
      limits.map(({ multiple }) => multiple),
    ),
  ]);
  const starts = make.int64s(
    `${image.name}_cut_starts`,
    limits.map(() => 0),
  );
  const taken = make.op('Slice', [image, starts, make.op('Sub', [sizes, over]), axes]);
  for (const { user, slot } of readers) graph.replaceInput(user, slot, taken);
  inference.inferAll();
  return first;
}

/**
 * Step in pixels due to branches that run backwards. Such a branch begins at the far end of the image: its cells coincide with those of the others, which are
 * counted from the near end, only if the image exceeds the window by whole strides. Covers all values that are computed backwards, up to the point where they
 * are turned back, or to the end.
 */
function turnedStep(graph: Graph, name: string): number {
  let step = 1;
  for (const node of graph.nodes) {
    if (reversedAxes(node).length === 0) continue;
    step = reversedAxes(node).reduce((common, axis) => lcm(common, strideAlong(node.inputs[0], axis, name)), step);
    const seen = new Set<Value>(node.outputs);
    for (const value of seen) {
      for (const axis of value.type?.shape?.keys() ?? []) step = lcm(step, strideAlong(value, axis, name));
      for (const { user } of value.uses)
        if (reversedAxes(user).length === 0) for (const output of user.outputs) seen.add(output);
        else step = reversedAxes(user).reduce((common, axis) => lcm(common, strideAlong(user.inputs[0], axis, name)), step);
    }
  }
  return step;
}

/** Step in pixels at which maps that are resized to computed lengths are resized by the factor that they have at the original size. */
function stretchedStep(graph: Graph, name: string, original: number): number {
  let step = 1;
  for (const node of graph.nodes) {
    const [from, to] = [node.inputs[0]?.type?.shape, node.outputs[0]?.type?.shape];
    if (!asResize(node)?.isBySize || !from || !to) continue;
    for (const [axis, dim] of to.entries()) step = lcm(step, stepOfFactor(from[axis], dim, name, original));
  }
  return step;
}

/** Smallest step of the symbol at which the ratio of two lengths stays the same; 1 if there is none, or they depend on another symbol. */
function stepOfFactor(from: Dim, to: Dim, name: string, original: number): number {
  if (typeof from === 'number' || [...namesOf(from), ...namesOf(to)].some((other) => other !== name)) return 1;
  const at = (dim: Dim, steps: number): number => evaluateDim(dim, { [name]: original + steps }) ?? Number.NaN;
  const isSame = (steps: number): boolean => at(to, steps) * at(from, 0) === at(to, 0) * at(from, steps);
  const period = lcm(periodOf(from), periodOf(to));
  for (let step = 1; step <= period; step++) if (period % step === 0 && [1, 2, 3].every((times) => isSame(times * step))) return step;
  return 1;
}
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const lcm = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** Axes along which a Slice runs backwards. */
function reversedAxes(node: Node): number[] {
  const [steps, axes] = [node.inputs[4]?.constant, node.inputs[3]?.constant];
  if (!isNode(node, 'Slice') || !steps) return [];
  const rank = node.inputs[0]?.type?.shape?.length ?? 0;
  return [...readNumbers(steps)].flatMap((step, at) => {
    const axis = axes ? (readNumbers(axes)[at] ?? 0) : at;
    return step < 0 ? [axis < 0 ? axis + rank : axis] : [];
  });
}

/** Pixels of this symbol between neighbours along the axis; 1 if that is not an integer, or belongs to another symbol. */
function strideAlong(value: Value | undefined, axis: number, name: string): number {
  const dim = value?.type?.shape?.[axis];
  const [only, ...others] = namesOf(dim);
  if (only !== name || others.length > 0) return 1;
  const period = periodOf(dim);
  const length = (pixels: number): number => evaluateDim(dim, { [name]: pixels }) ?? Number.NaN;
  const stride = period / (length(FAR + period) - length(FAR));
  return Number.isInteger(stride) ? stride : 1;
}
/** Larger than the sizes at which lengths are clamped to zero. */
const FAR = 2 ** 20;
