/**
 * Conditions that a graph with symbolic sizes imposes on them: lengths that must agree where branches meet, lengths that must be whole blocks, lengths that
 * must not be zero. At an image size that violates one, the runtime stops.
 */
import { intAttr, intsAttr, stringAttr } from '../attrs';
import { addDims, ceilDivideDim, multiplyDims, sameDim } from '../dims';
import type { Graph } from '../graph';
import { byOperator } from '../match';
import { isBroadcasting } from '../operator-traits';
import type { ShapeInference } from '../shape-inference';
import { readNumbers } from '../tensor';
import type { Dim, Node, Value } from '../types';

/**
 * `equal`: a = b. `blocks`: a is a multiple of b. `above`: a > b, which larger images satisfy if one does. `reaches`: a >= b, which any size may satisfy or not.
 */
export interface SizeCondition {
  readonly node: Node;
  readonly kind: 'equal' | 'blocks' | 'above' | 'reaches';
  readonly a: Dim;
  readonly b: Dim;
}

/** The conditions of all nodes that the outputs depend on, except those that hold at every size. Types must be inferred. */
export function sizeConditions(graph: Graph, inference: ShapeInference): SizeCondition[] {
  const needed = leadingToOutputs(graph);
  const found: SizeCondition[] = [];
  const seen = new Set<string>();
  for (const node of graph.nodes) {
    if (!needed.has(node)) continue;
    for (const [kind, a, b] of [...conditionsOf(node, inference), ...nonEmpty(node)]) {
      if (a === undefined || b === undefined || (typeof a === 'number' && typeof b === 'number')) continue;
      const key = `${kind} ${a} ${b}`;
      if (seen.has(key) || (kind === 'equal' && sameDim(a, b))) continue;
      seen.add(key);
      found.push({ node, kind, a, b });
    }
  }
  return found;
}

type Condition = readonly [kind: SizeCondition['kind'], a: Dim, b: Dim];

const shapeOf = (value: Value | undefined): readonly Dim[] | undefined => value?.type?.shape;

function conditionsOf(node: Node, inference: ShapeInference): Condition[] {
  if (isBroadcasting(node.op)) return broadcast(node.inputs.map(shapeOf));
  const first = shapeOf(node.inputs[0]);
  return first ? (conditionsBy(node)?.({ node, first, second: shapeOf(node.inputs[1]), inference }) ?? []) : [];
}

interface Read {
  readonly node: Node;
  readonly first: readonly Dim[];
  readonly second: readonly Dim[] | undefined;
  readonly inference: ShapeInference;
}
const norm = ({ node, first }: Read): Condition[] => parameters(node, first);
const pool = ({ node, first }: Read): Condition[] => samePool(node, first);

const conditionsBy = byOperator<(read: Read) => Condition[]>({
  AveragePool: pool,
  Concat: ({ node }) => concat(node),
  Conv: ({ node, first, second }) => (second ? [['equal', first[1], multiplyDims(second[1], intAttr(node, 'group'))]] : []),
  Expand: ({ node, first, inference }) => broadcast([first, intsOf(node.inputs[1], inference)]),
  Gemm: ({ node, first, second }) =>
    second ? [['equal', first[intAttr(node, 'transA') === 0 ? 1 : 0], second[intAttr(node, 'transB') === 0 ? 0 : 1]]] : [],
  LayerNormalization: norm,
  LpPool: pool,
  MatMul: ({ first, second }) =>
    second
      ? [...broadcast([first.slice(0, -2), second.slice(0, -2)]), ['equal', first.at(-1), second.at(Math.max(-2, -second.length))]]
      : [],
  MaxPool: pool,
  Pad: ({ node, first }) => reflected(node, first),
  RMSNormalization: norm,
  Reshape: ({ node, first, inference }) => reshape(first, intsOf(node.inputs[1], inference), intAttr(node, 'allowzero') !== 0),
  SpaceToDepth: ({ node, first }) => first.slice(2).map((dim): Condition => ['blocks', dim, intAttr(node, 'blocksize')]),
  Split: ({ node, first, inference }) => split(node, first, inference),
});

const intsOf = (value: Value | undefined, inference: ShapeInference): readonly Dim[] | undefined => value && inference.intsOf(value);

/** Aligned from the right; an axis of length 1 is repeated. */
function broadcast(shapes: readonly (readonly Dim[] | undefined)[]): Condition[] {
  const conditions: Condition[] = [];
  const rank = Math.max(0, ...shapes.map((shape) => shape?.length ?? 0));
  for (let axis = 1; axis <= rank; axis++) {
    const dims = shapes.map((shape) => shape?.at(-axis)).filter((dim, at) => dim !== 1 && (shapes[at]?.length ?? 0) >= axis);
    const [first, ...others] = dims;
    for (const other of others) conditions.push(['equal', first, other]);
  }
  return conditions;
}

function concat(node: Node): Condition[] {
  const shapes = node.inputs.map(shapeOf);
  const [first] = shapes;
  if (!first) return [];
  const axis = inRange(intAttr(node, 'axis'), first.length);
  return shapes
    .slice(1)
    .flatMap((shape) => (shape ?? []).flatMap((dim, at): Condition[] => (at === axis ? [] : [['equal', first[at], dim]])));
}

/** Scale and shift of a norm are broadcast over the axes that it normalises. */
function parameters(node: Node, shape: readonly Dim[]): Condition[] {
  return node.inputs.slice(1).flatMap((input) => {
    const own = shapeOf(input);
    return own ? broadcast([shape.slice(shape.length - own.length), own]) : [];
  });
}

function reshape(from: readonly Dim[], target: readonly Dim[] | undefined, keepsZero: boolean): Condition[] {
  if (!target) return [];
  const to = target.map((dim, axis) => (dim === 0 && !keepsZero ? from[axis] : dim));
  // Axes common to both sides cancel, so the batch need not be known.
  const [left, right] = [[...from], to.filter((dim) => dim !== -1)];
  for (let at = left.length - 1; at >= 0; at--) {
    const same = right.findIndex((dim) => sameDim(dim, left[at]));
    if (same < 0) continue;
    left.splice(at, 1);
    right.splice(same, 1);
  }
  const [a, b] = [left, right].map((dims) => dims.reduce<Dim>(multiplyDims, 1));
  return [[to.includes(-1) ? 'blocks' : 'equal', a, b]];
}

function split(node: Node, shape: readonly Dim[], inference: ShapeInference): Condition[] {
  const length = shape[inRange(intAttr(node, 'axis'), shape.length)];
  const parts = intsOf(node.inputs[1], inference);
  if (!parts) return node.attrs.has('num_outputs') ? [] : [['blocks', length, node.outputs.length]];
  const sum = parts.reduce<number | undefined>(
    (total, part) => (total === undefined || typeof part !== 'number' ? undefined : total + part),
    0,
  );
  return [['equal', length, sum]];
}

/** A SAME-padded pool whose stride exceeds its window: if its last window ends before the image does, the runtime would need negative padding. */
function samePool(node: Node, shape: readonly Dim[]): Condition[] {
  if (!node.attrs.has('auto_pad') || !stringAttr(node, 'auto_pad').startsWith('SAME')) return [];
  const [strides, dilations] = ['strides', 'dilations'].map((name) => intsAttr(node, name) ?? []);
  return (intsAttr(node, 'kernel_shape') ?? []).flatMap((kernel, at): Condition[] => {
    const [length, stride] = [shape[at + 2], strides?.[at] ?? 1];
    const short = stride - ((kernel - 1) * (dilations?.[at] ?? 1) + 1);
    const ends = addDims(multiplyDims(ceilDivideDim(length, stride), stride), -short);
    return short > 0 ? [['reaches', ends, length]] : [];
  });
}

/** A reflection needs more positions than it repeats. */
function reflected(node: Node, shape: readonly Dim[]): Condition[] {
  const mode = node.attrs.get('mode');
  const constant = node.inputs[1]?.constant;
  if (!constant || mode?.kind !== 'string' || mode.value !== 'reflect') return [];
  const axesInput = node.inputs[3]?.constant;
  const amounts = [...readNumbers(constant)];
  const axes = axesInput ? [...readNumbers(axesInput)] : shape.map((_, axis) => axis);
  return axes.map(
    (axis, at): Condition => ['above', shape[inRange(axis, shape.length)], Math.max(amounts[at] ?? 0, amounts[at + axes.length] ?? 0, 0)],
  );
}

/** Nothing runs on maps without positions. Shapes and their parts may be empty. */
const nonEmpty = (node: Node): Condition[] =>
  node.outputs.flatMap((output) =>
    output.type?.dtype === 'int64' ? [] : (output.type?.shape ?? []).slice(1).map((dim): Condition => ['above', dim, 0]),
  );

function leadingToOutputs(graph: Graph): ReadonlySet<Node> {
  const needed = new Set<Node>();
  const queue = graph.outputs.flatMap((output) => output.producer ?? []);
  for (let node = queue.pop(); node; node = queue.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs) if (input?.producer) queue.push(input.producer);
  }
  return needed;
}

const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Text that completes a sentence about the node. */
export function describeCondition({ kind, a, b }: SizeCondition): string {
  switch (kind) {
    case 'equal':
      return `it brings together ${a} and ${b} places, which differ at most sizes of image`;
    case 'blocks':
      return `it cuts ${a} places into blocks of ${b}`;
    case 'above':
      return `it needs more than ${b} places and gets ${a}`;
    case 'reaches':
      return `its windows end at ${a} of ${b} places, and a pool cannot leave places over with SAME padding`;
  }
}
