/** The same numbers under other axes, and what asks for sizes. */
import { intAttr, intsAttr } from '../../ir/attrs';
import type { Dim, Node } from '../../ir/types';
import { tfjsType, type } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, type Lowering, numbersIn, rankOf } from './lowering';

/** TensorFlow.js knows -1, but not ONNX's 0 for "as before". */
const reshape: Lowering = (node, make) => {
  const [x, target] = node.inputs;
  const source = make.throughViews(x);
  const given = numbersIn(target);
  const dims = node.outputs[0]?.type?.shape;
  if (!given) {
    const static_ = dims?.every((dim) => typeof dim === 'number') ? dims : undefined;
    return static_ ? make.reshape(source, static_) : make.node('Reshape', [source, make.ref(target)]);
  }
  const own = dimsOf(x);
  const keepsZero = intAttr(node, 'allowzero', 0) !== 0;
  const known = given.map(
    (size, axis): Dim => (size > 0 || (size === 0 && keepsZero) ? size : (dims?.[axis] ?? (size === 0 ? own[axis] : undefined))),
  );
  return make.reshape(
    source,
    stated(known, (axis) => make.lengthOf(make.ref(x), axis), given),
  );
};

/** Numbers; the only unknown one is what is left over; 0 is the length that the input has there. */
function stated(known: readonly Dim[], lengthOf: (axis: number) => Ref, given: readonly number[]): (number | Ref)[] {
  const open = known.flatMap((dim, axis) => (typeof dim === 'number' ? [] : [axis]));
  const rest = open.find((axis) => given[axis] === -1) ?? open[0];
  return known.map((dim, axis) => (typeof dim === 'number' ? dim : axis === rest ? -1 : lengthOf(axis)));
}

/** Any other view, where the layout left it alone. */
const view: Lowering = (node, make) => {
  const dims = dimsOf(node.outputs[0]);
  const open = dims.filter((dim) => typeof dim !== 'number').length;
  if (open > 1) throw new Unsupported('more than one of its sizes is not known');
  return make.reshape(
    make.throughViews(node.inputs[0]),
    dims.map((dim) => (typeof dim === 'number' ? dim : -1)),
  );
};

const transpose: Lowering = (node, make) => {
  const [x] = node.inputs;
  const rank = rankOf(x);
  const perm = intsAttr(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  return make.node('Transpose', [make.ref(x), make.ints(perm)]);
};

const shape: Lowering = (node, make) => {
  const [x] = node.inputs;
  const rank = rankOf(x);
  const place = (name: string, otherwise: number): number => {
    const value = intAttr(node, name, otherwise);
    return Math.min(Math.max(value < 0 ? value + rank : value, 0), rank);
  };
  const [start, end] = [place('start', 0), place('end', rank)];
  const known = dimsOf(x).slice(start, end);
  if (known.every((dim) => typeof dim === 'number')) return make.ints(known);
  const whole = make.shapeOf(make.ref(x));
  if (start === 0 && end === rank) return whole;
  return make.node('Slice', [whole, make.ints([start]), make.ints([Math.max(end - start, 0)])]);
};

const size: Lowering = (node, make) => {
  const dims = dimsOf(node.inputs[0]);
  if (dims.every((dim) => typeof dim === 'number')) return make.int(dims.reduce<number>((count, dim) => count * Number(dim), 1));
  return make.node('Size', [make.ref(node.inputs[0])], { out_type: type('DT_INT32') });
};

/** Broadcasting both ways: where the target has 1, the input's own length stays. */
const expand: Lowering = (node, make) => {
  const [x, target] = node.inputs;
  const dims = node.outputs[0]?.type?.shape;
  const source = make.ref(x);
  if (dims?.every((dim) => typeof dim === 'number')) {
    if (tfjsType(x?.type?.dtype) !== 'DT_BOOL') return make.node('BroadcastTo', [source, make.ints(dims)]);
    return make.cast(make.node('BroadcastTo', [make.cast(source, 'DT_INT32'), make.ints(dims)]), 'DT_BOOL');
  }
  return make.node('Mul', [source, ones(node, make, make.ref(target))]);
};
function ones(node: Node, make: Emitter, target: Ref): Ref {
  const dtype = tfjsType(node.inputs[0]?.type?.dtype) ?? 'DT_FLOAT';
  return make.node('Fill', [target, make.like(node.inputs[0], 1)], { T: type(dtype) });
}

export const views: Readonly<Record<string, Lowering>> = {
  Expand: expand,
  Flatten: view,
  Reshape: reshape,
  Shape: shape,
  Size: size,
  Squeeze: view,
  Transpose: transpose,
  Unsqueeze: view,
};
