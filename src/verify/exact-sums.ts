/**
 * Computes the original's long sums in double precision, to measure how far it is from its exact result.
 *
 *   ReduceMean(X) ... over many numbers           Cast > ReduceMean > Cast
 *   GlobalAveragePool(X)                          Cast > ReduceMean over rows and columns > Cast; the same for an AveragePool over the whole map
 *   AveragePool(X) of large unpadded windows      AveragePool of columns of AveragePool of rows: sums as long as one side
 *   InstanceNormalization(X, scale, shift)        Cast > (X - mean) / sqrt(mean((X - mean)^2) + epsilon) * scale + shift > Cast
 *   GroupNormalization, LayerNormalization        the same, over the channels of a group, or over the last axes
 *   RMSNormalization                              the same without the mean
 *
 * The runtime adds these numbers one after the other in float32. If nearly all are equal (a plain background), every step rounds in the same
 * direction, and the error of the sum grows with their count. Moving the inputs by a unit in the last place does not reveal this.
 */

import { attributes, floatAttr, intAttr, intsAttr } from '../ir/attrs';
import { wrapAxis } from '../ir/axis';
import { dtypeNumber } from '../ir/dtypes';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { elementCount, int64s, readNumbers, scalar } from '../ir/tensor';
import type { Dim, Node, Value } from '../ir/types';
import { isPlainPool, stridesOf } from '../ir/window-attrs';
import { operatorOf } from '../operators';
import type { LongSums } from '../operators/operator';

/** Shorter sums are equally accurate in any order. */
const LONG_SUM = 64;
const [FLOAT, DOUBLE] = [dtypeNumber('float'), dtypeNumber('double')];

/** Returns a copy, or undefined if there are no long sums. Shapes must be inferred. */
export function withExactSums(original: Model): Model | undefined {
  const model = original.clone();
  const { graph } = model;
  let count = 0;
  for (const node of [...graph.nodes]) {
    // Only now: a sum may read another that was just replaced.
    const site = siteOf(node);
    if (!site) continue;
    const make = new Maker(graph, node);
    const [output] = node.outputs;
    const rounded = make.op('Cast', [site.exact(make)], { to: FLOAT });
    if (!output || !rounded || !graph.canReplace(output, rounded)) continue;
    graph.setType(rounded, output.type);
    graph.replaceAllUses(output, rounded);
    graph.removeNode(node);
    count++;
  }
  if (count === 0) return undefined;
  inferShapes(model);
  return model;
}

/** Makes the first output of a node in double precision. */
interface Site {
  readonly exact: (make: Maker) => Maybe;
}

/** The node as a site if it adds up many numbers; if their count is unknown, it may be large. */
function siteOf(node: Node): Site | undefined {
  const [x] = node.inputs;
  const { longSums } = operatorOf(node);
  const shape = x?.type?.shape;
  const isUsed = (output: Value): boolean => output.uses.length > 0 || node.graph.isOutput(output);
  if (!x || !longSums || !isFloat(node) || node.outputs.slice(1).some(isUsed)) return undefined;
  if (longSums === 'reduced') return reduced(node, x);
  return shape && SITES[longSums](node, x, shape);
}

function reduced(node: Node, x: Value): Site | undefined {
  const shape = x.type?.shape;
  const given = node.inputs[1];
  if (given && !given.constant) return undefined;
  const axes = given?.constant ? [...readNumbers(given.constant)].map((axis) => wrapAxis(axis, shape?.length ?? 0)) : undefined;
  const isNothing = axes?.length === 0 && intAttr(node, 'noop_with_empty_axes') !== 0;
  const summed = shape?.filter((_, axis) => !axes || axes.length === 0 || axes.includes(axis));
  if (isNothing || isShort(summed)) return undefined;
  return { exact: (make) => make.like(node, [make.double(x), ...node.inputs.slice(1)]) };
}

type SiteOf = (node: Node, x: Value, shape: readonly Dim[]) => Site | undefined;

const from = (first: number, shape: readonly Dim[]): readonly number[] => [...shape.keys()].slice(first);
const meanOfMap: SiteOf = (node, x, shape) =>
  shape.length < 3
    ? undefined
    : { node, exact: (make) => make.op('ReduceMean', [make.double(x), make.ints(from(2, shape))], { keepdims: 1 }) };

/** Scale and shift with one value per channel, reshaped to the second axis. */
const perChannel = (make: Maker, value: Maybe, shape: readonly Dim[]): Maybe =>
  value && make.op('Reshape', [make.double(value), make.ints([-1, ...from(2, shape).map(() => 1)])]);

const sizesOf = (shape: readonly Dim[]): readonly number[] => shape.map((dim) => (typeof dim === 'number' ? dim : 0));

const SITES: Readonly<Record<Exclude<LongSums, 'reduced'>, SiteOf>> = {
  'mean of map': (node, x, shape) => (isShort(shape.slice(2)) ? undefined : meanOfMap(node, x, shape)),
  'mean of windows': (node, x, shape) => {
    const kernel = intsAttr(node, 'kernel_shape');
    if (!kernel || elementCount(kernel) < LONG_SUM || !isPlainPool(node)) return undefined;
    if (kernel.every((length, axis) => length === shape[axis + 2])) return meanOfMap(node, x, shape);
    // The runtime has only single-precision pools, so shorter sums approximate exact ones.
    const strides = stridesOf(node, kernel.length);
    const only = (list: readonly number[], at: number): number[] => list.map((length, axis) => (axis === at ? length : 1));
    return {
      exact: (make) =>
        kernel.reduce<Maybe>(
          (map, _, axis) => make.op('AveragePool', [map], { kernel_shape: only(kernel, axis), strides: only(strides, axis) }),
          x,
        ),
    };
  },
  'per channel': (node, x, shape) => {
    const [, scale, shift] = node.inputs;
    if (isShort(shape.slice(2))) return undefined;
    return {
      exact: (make) =>
        make.affine(
          make.whitened(make.double(x), from(2, shape), floatAttr(node, 'epsilon')),
          perChannel(make, scale, shape),
          perChannel(make, shift, shape),
        ),
    };
  },
  'per group': (node, x, shape) => {
    const [, scale, shift] = node.inputs;
    const groups = intAttr(node, 'num_groups');
    const sizes = sizesOf(shape);
    if (elementCount(sizes.slice(1)) / groups < LONG_SUM) return undefined;
    return {
      exact: (make) => {
        const normal = make.whitened(make.op('Reshape', [make.double(x), make.ints([0, groups, -1])]), [2], floatAttr(node, 'epsilon'));
        // 0 keeps the dimension: the batch may be of any size.
        const whole = make.op('Reshape', [normal, make.ints([0, ...sizes.slice(1)])]);
        return make.affine(whole, perChannel(make, scale, shape), perChannel(make, shift, shape));
      },
    };
  },
  'over last axes': (node, x, shape) => {
    const [, scale, shift] = node.inputs;
    const first = wrapAxis(intAttr(node, 'axis'), shape.length);
    if (isShortFrom(first, shape)) return undefined;
    return {
      exact: (make) =>
        make.affine(
          make.whitened(make.double(x), from(first, shape), floatAttr(node, 'epsilon')),
          scale && make.double(scale),
          shift && make.double(shift),
        ),
    };
  },
  'squares over last axes': (node, x, shape) => {
    const [, scale] = node.inputs;
    const first = wrapAxis(intAttr(node, 'axis'), shape.length);
    if (isShortFrom(first, shape)) return undefined;
    return {
      exact: (make) =>
        make.affine(
          make.scaledToOne(make.double(x), from(first, shape), floatAttr(node, 'epsilon')),
          scale && make.double(scale),
          undefined,
        ),
    };
  },
};

const isShortFrom = (first: number, shape: readonly Dim[]): boolean => elementCount(sizesOf(shape).slice(first)) < LONG_SUM;

const isShort = (sizes: readonly Dim[] | undefined): boolean =>
  sizes?.every((size): size is number => typeof size === 'number') === true && elementCount(sizes) < LONG_SUM;

const isFloat = ({ outputs: [output] }: Node): boolean => output?.type?.dtype === 'float';

type Maybe = Value | undefined;

/** Adds nodes in front of another one. */
class Maker {
  constructor(
    private readonly graph: Graph,
    private readonly before: Node,
  ) {}

  op(op: string, inputs: readonly Maybe[], attrs: Parameters<typeof attributes>[0] = {}): Maybe {
    return this.graph.addNode({ op, inputs, attrs: attributes(attrs), before: this.before }).outputs[0];
  }
  like({ op, attrs }: Node, inputs: readonly Maybe[]): Maybe {
    return this.graph.addNode({ op, inputs, attrs, before: this.before }).outputs[0];
  }
  double(value: Maybe): Maybe {
    return this.op('Cast', [value], { to: DOUBLE });
  }
  ints(numbers: readonly number[]): Value {
    return this.graph.addConstant('ints', int64s(numbers));
  }
  mean(x: Maybe, axes: readonly number[]): Maybe {
    return this.op('ReduceMean', [x, this.ints(axes)], { keepdims: 1 });
  }
  whitened(x: Maybe, axes: readonly number[], epsilon: number): Maybe {
    return this.scaledToOne(this.op('Sub', [x, this.mean(x, axes)]), axes, epsilon);
  }
  /** Divides by the root of the mean of the squares. */
  scaledToOne(x: Maybe, axes: readonly number[], epsilon: number): Maybe {
    const squares = this.mean(this.op('Mul', [x, x]), axes);
    const safe = this.op('Add', [squares, this.graph.addConstant('epsilon', scalar('double', epsilon))]);
    return this.op('Div', [x, this.op('Sqrt', [safe])]);
  }
  affine(x: Maybe, scale: Maybe, shift: Maybe): Maybe {
    const product = scale ? this.op('Mul', [x, scale]) : x;
    return shift ? this.op('Add', [product, shift]) : product;
  }
}
