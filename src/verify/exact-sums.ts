/**
 * Computes the original's long sums in double precision, to measure how far it is from its exact result.
 *
 *   ReduceMean(X) ... over many numbers           Cast > ReduceMean > Cast
 *   GlobalAveragePool(X)                          Cast > ReduceMean over rows and columns > Cast; the same for an AveragePool over the whole map
 *   AveragePool(X) of large unpadded windows      AveragePool of columns of AveragePool of rows: sums as long as one side
 *   InstanceNormalization(X, scale, shift)        Cast > (X - mean) / sqrt(mean((X - mean)^2) + epsilon) * scale + shift > Cast
 *   GroupNormalization, LayerNormalization        the same, over the channels of a group, or over the last axes
 *
 * The runtime adds these numbers one after the other in float32. If nearly all are equal (a plain background), every step rounds in the same
 * direction, and the error of the sum grows with their count. Moving the inputs by a unit in the last place does not reveal this.
 */

import { attributes, floatAttr, intAttr, intsAttr } from '../ir/attrs';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { elementCount, int64s, readNumbers, scalar } from '../ir/tensor';
import type { Dim, Node, Value } from '../ir/types';
import { isPlainPool, stridesOf } from '../ir/window-attrs';

/** Shorter sums are equally accurate in any order. */
const LONG_SUM = 64;
/** ONNX type codes. */
const [FLOAT, DOUBLE] = [1, 11];

/** Returns a copy, or undefined if there are no long sums. Shapes must be inferred. */
export function withExactSums(original: Model): Model | undefined {
  const model = original.clone();
  const { graph } = model;
  const sites = graph.nodes.flatMap((node) => exactSum(node) ?? exactNorm(node) ?? []);
  let count = 0;
  for (const { node, exact } of sites) {
    const make = new Maker(graph, node);
    const [output] = node.outputs;
    const rounded = make.op('Cast', [exact(make)], { to: FLOAT });
    if (!output || !rounded || !graph.canReplace(output, rounded)) continue;
    graph.replaceAllUses(output, rounded);
    graph.removeNode(node);
    count++;
  }
  if (count === 0) return undefined;
  inferShapes(model);
  return model;
}

/** A node, and a function that makes its first output in double precision. */
interface Site {
  readonly node: Node;
  readonly exact: (make: Maker) => Maybe;
}

/** Site of a sum: the runtime adds all numbers one after the other. If their count is unknown, it may be large. */
function exactSum(node: Node): Site | undefined {
  const [x] = node.inputs;
  const rank = x?.type?.shape?.length;
  if (!x || !isFloat(node)) return undefined;
  if (SUMS.has(node.op)) {
    const given = node.inputs[1];
    if (given && !given.constant) return undefined;
    const axes = given?.constant ? [...readNumbers(given.constant)].map((axis) => (axis < 0 ? axis + (rank ?? 0) : axis)) : undefined;
    const isNothing = axes?.length === 0 && intAttr(node, 'noop_with_empty_axes') !== 0;
    const summed = x.type?.shape?.filter((_, axis) => !axes || axes.length === 0 || axes.includes(axis));
    if (isNothing || isShort(summed)) return undefined;
    return { node, exact: (make) => make.like(node, [make.double(x), ...node.inputs.slice(1)]) };
  }
  if (rank === undefined || rank < 3) return undefined;
  const places = x.type?.shape?.slice(2);
  const over = Array.from({ length: rank - 2 }, (_, axis) => axis + 2);
  const mean = (make: Maker): Maybe => make.op('ReduceMean', [make.double(x), make.ints(over)], { keepdims: 1 });
  if (node.op === 'GlobalAveragePool') return isShort(places) ? undefined : { node, exact: mean };
  const kernel = node.op === 'AveragePool' ? intsAttr(node, 'kernel_shape') : undefined;
  if (!kernel || elementCount(kernel) < LONG_SUM || !isPlainPool(node)) return undefined;
  if (kernel.every((length, axis) => length === places?.[axis])) return { node, exact: mean };
  // The runtime has only single-precision pools, so shorter sums approximate exact ones.
  const strides = stridesOf(node, kernel.length);
  const only = (list: readonly number[], at: number): number[] => list.map((length, axis) => (axis === at ? length : 1));
  return {
    node,
    exact: (make) =>
      kernel.reduce<Maybe>(
        (map, _, axis) => make.op('AveragePool', [map], { kernel_shape: only(kernel, axis), strides: only(strides, axis) }),
        x,
      ),
  };
}

const SUMS: ReadonlySet<string> = new Set(['ReduceMean', 'ReduceSum', 'ReduceSumSquare', 'ReduceL1', 'ReduceL2']);

const isShort = (sizes: readonly Dim[] | undefined): boolean =>
  sizes?.every((size): size is number => typeof size === 'number') === true && elementCount(sizes) < LONG_SUM;

function exactNorm(node: Node): Site | undefined {
  const [x, scale, shift] = node.inputs;
  const shape = x?.type?.shape;
  if (!x || !shape || !isFloat(node) || node.outputs.slice(1).some((output) => output.uses.length > 0 || node.graph.isOutput(output)))
    return undefined;
  const rank = shape.length;
  const sizes = shape.map((dim) => (typeof dim === 'number' ? dim : 0));
  const epsilon = floatAttr(node, 'epsilon');
  const over = (from: number): readonly number[] => Array.from({ length: rank - from }, (_, at) => from + at);
  /** Reshapes one value per channel to the second axis. */
  const perChannel = (make: Maker, value: Maybe): Maybe =>
    value && make.op('Reshape', [make.double(value), make.ints([-1, ...over(2).map(() => 1)])]);
  switch (node.op) {
    case 'InstanceNormalization':
      if (isShort(shape.slice(2))) return undefined;
      return {
        node,
        exact: (make) => make.affine(make.whitened(make.double(x), over(2), epsilon), perChannel(make, scale), perChannel(make, shift)),
      };
    case 'GroupNormalization': {
      const groups = intAttr(node, 'num_groups');
      if (elementCount(sizes.slice(1)) / groups < LONG_SUM) return undefined;
      return {
        node,
        exact: (make) => {
          const normal = make.whitened(make.op('Reshape', [make.double(x), make.ints([0, groups, -1])]), [2], epsilon);
          // 0 keeps the dimension: the batch may be of any size.
          const whole = make.op('Reshape', [normal, make.ints([0, ...sizes.slice(1)])]);
          return make.affine(whole, perChannel(make, scale), perChannel(make, shift));
        },
      };
    }
    case 'LayerNormalization': {
      const axis = intAttr(node, 'axis');
      const from = axis < 0 ? axis + rank : axis;
      if (elementCount(sizes.slice(from)) < LONG_SUM) return undefined;
      return {
        node,
        exact: (make) =>
          make.affine(make.whitened(make.double(x), over(from), epsilon), scale && make.double(scale), shift && make.double(shift)),
      };
    }
    default:
      return undefined;
  }
}

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
  whitened(x: Maybe, axes: readonly number[], epsilon: number): Maybe {
    const mean = (value: Maybe): Maybe => this.op('ReduceMean', [value, this.ints(axes)], { keepdims: 1 });
    const centred = this.op('Sub', [x, mean(x)]);
    const variance = mean(this.op('Mul', [centred, centred]));
    const safe = this.op('Add', [variance, this.graph.addConstant('epsilon', scalar('double', epsilon))]);
    return this.op('Div', [centred, this.op('Sqrt', [safe])]);
  }
  affine(x: Maybe, scale: Maybe, shift: Maybe): Maybe {
    const product = scale ? this.op('Mul', [x, scale]) : x;
    return shift ? this.op('Add', [product, shift]) : product;
  }
}
