/** Views, which have the same elements under other axes, and operators that return sizes. */

import { givenInt, intAttr } from '../../ir/attrs';
import { permOf, wrapAxis } from '../../ir/axis';
import { tellsSize } from '../../ir/operator-traits';
import { table } from '../../ir/table';
import type { Dim, Node, Value } from '../../ir/types';
import { bool, int, tfjsType, type } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { dimsOf, inRange, type Lowering, numbersIn, rankOf } from './lowering';
import { shuffle } from './shuffle';

/** TensorFlow.js supports -1, but not ONNX's 0 for "as before". */
const reshape: Lowering = (node, make) => {
  const shuffled = shuffle(node, make);
  if (shuffled) return shuffled;
  const [x, target] = node.inputs;
  const source = make.throughViews(x);
  const given = numbersIn(target);
  const dims = node.outputs[0]?.type?.shape;
  if (!given) {
    const static_ = dims?.every((dim) => typeof dim === 'number') ? dims : undefined;
    if (static_) return make.reshape(source, static_);
    const asked = make.ref(target);
    const keeps = intAttr(node, 'allowzero') !== 0 || !mayHoldZero(target);
    return make.node('Reshape', [source, keeps ? asked : lengthsForZeros(make, asked, node)]);
  }
  const own = dimsOf(x);
  const keepsZero = intAttr(node, 'allowzero') !== 0;
  const known = given.map(
    (size, axis): Dim => (size > 0 || (size === 0 && keepsZero) ? size : (dims?.[axis] ?? (size === 0 ? own[axis] : undefined))),
  );
  return make.reshape(
    source,
    stated(known, (axis) => make.lengthOf(make.ref(x), axis), given),
  );
};

/** Whether a computed target may contain a 0 ("as before"): lengths of a value and results computed from them do not. */
function mayHoldZero(value: Value | undefined): boolean {
  const numbers = numbersIn(value);
  if (numbers) return numbers.includes(0);
  const { op = '', inputs = [] } = value?.producer ?? {};
  if (tellsSize(op)) return false;
  if (op === 'Concat') return inputs.some(mayHoldZero);
  if (['Gather', 'Slice', 'Squeeze', 'Unsqueeze', 'Cast', 'Identity', 'Reshape'].includes(op)) return mayHoldZero(inputs[0]);
  if (['Mul', 'Div', 'Add', 'Sub'].includes(op)) return false;
  return true;
}

/** The target with each 0 replaced by the input's own length. */
function lengthsForZeros(make: Emitter, target: Ref, node: Node): Ref {
  const [x] = node.inputs;
  const [own, wanted] = [rankOf(x), rankOf(node.outputs[0])];
  const lengths = make.shapeOf(make.ref(x));
  const first =
    own >= wanted
      ? make.node('Slice', [lengths, make.ints([0]), make.ints([wanted])])
      : make.node('ConcatV2', [lengths, make.ints(Array.from({ length: wanted - own }, () => 0)), make.int(0)], { N: int(2) });
  return make.node('SelectV2', [make.node('Equal', [target, make.int(0)]), first, target]);
}

/** Target shape of a Reshape: numbers where known. One unknown size is -1; any other is the input's length of that axis. */
function stated(known: readonly Dim[], lengthOf: (axis: number) => Ref, given: readonly number[]): (number | Ref)[] {
  const open = known.flatMap((dim, axis) => (typeof dim === 'number' ? [] : [axis]));
  const rest = open.find((axis) => given[axis] === -1) ?? open[0];
  return known.map((dim, axis) => (typeof dim === 'number' ? dim : axis === rest ? -1 : lengthOf(axis)));
}

/** Any other view that the layout did not change. */
const view: Lowering = (node, make) => {
  const dims = dimsOf(node.outputs[0]);
  const open = dims.filter((dim) => typeof dim !== 'number').length;
  if (open > 1 && node.op === 'Flatten') return flattened(node, make);
  if (open > 1) throw new Unsupported('more than one of its sizes is not known');
  return make.reshape(
    make.throughViews(node.inputs[0]),
    dims.map((dim) => (typeof dim === 'number' ? dim : -1)),
  );
};

/** [a.., b..] as [the product of a, the product of b], computed from the shape. */
function flattened(node: Node, make: Emitter): Ref {
  const [x] = node.inputs;
  const rank = rankOf(x);
  const axis = inRange(intAttr(node, 'axis'), rank);
  const behind = make.node('Slice', [make.shapeOf(make.ref(x)), make.ints([axis]), make.ints([rank - axis])]);
  return make.reshape(make.throughViews(x), [-1, make.node('Prod', [behind, make.ints([0])], { keep_dims: bool(false) })]);
}

const transpose: Lowering = (node, make) => {
  const [x] = node.inputs;
  const rank = rankOf(x);
  const perm = permOf(node, rank);
  return make.node('Transpose', [make.ref(x), make.ints(perm)]);
};

const shape: Lowering = (node, make) => {
  const [x] = node.inputs;
  const rank = rankOf(x);
  const place = (value: number): number => Math.min(Math.max(wrapAxis(value, rank), 0), rank);
  const [start, end] = [place(intAttr(node, 'start')), place(givenInt(node, 'end') ?? rank)];
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

/** Bidirectional broadcasting: where the target has 1, the input's own length is kept. */
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

export const views: Readonly<Record<string, Lowering>> = table({
  Expand: expand,
  Flatten: view,
  Reshape: reshape,
  Shape: shape,
  Size: size,
  Squeeze: view,
  Transpose: transpose,
  Unsqueeze: view,
});
