/**
 * Elementwise operators with several operands.
 *
 * Until opset 6, binary ones broadcast B into A only if `broadcast = 1`: B's axes are a contiguous range of A's that begins
 * at `axis`, or ends with A's last axis if `axis` is absent. Since 7 they broadcast as in numpy, which equals the latter; the former becomes
 *   B' = Reshape(B, [...shape(B), 1, ..., 1])      with as many ones as A has axes after B's
 * Until 6, a slope of PRelu is a scalar or one value per channel: the same with axis = 1.
 * Max, Min, Mean and Sum broadcast since 8.
 */
import { givenInt, tensor } from '../../../ir/attrs';
import { elementCount, reshaped } from '../../../ir/tensor';
import { type Node, staticShape, type Value } from '../../../ir/types';
import type { Adapter, Lowered, Raised } from '../adapter';
import { pin, refuse } from '../adapter';
import { type Editor, int64Tensor } from '../editor';
import { rankOf } from '../facts';
import { intBefore } from '../old-attributes';
import { withInput } from './attribute-to-input';

/** Above the rank of any real tensor. */
const MAX_RANK = 64;
const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'And', 'Or', 'Xor', 'Equal', 'Greater', 'Less'];

export const broadcastAdapters: readonly Adapter[] = [
  ...BINARY.map((op) => ({ op, since: 7, raise: raiseBinary })),
  { op: 'PRelu', since: 7, raise: raiseSlope },
  ...['Max', 'Min', 'Mean', 'Sum'].map((op) => ({ op, since: 8, lower: lowerVariadic })),
];

function raiseBinary(node: Node, edit: Editor): Raised {
  const [a, b] = node.inputs;
  const axis = intBefore(7, node, 'broadcast') === 0 ? undefined : givenInt(node, 'axis');
  if (axis !== undefined && Math.abs(axis) > MAX_RANK) return pin(`its axis is ${axis}`);
  if (a && b && axis !== undefined) edit.respell(node, { inputs: [a, alignedFrom(axis, a, b, node, edit)] });
  edit.setAttrs(node, { broadcast: undefined, axis: undefined });
  return undefined;
}

function raiseSlope(node: Node, edit: Editor): Raised {
  const [x, slope] = node.inputs;
  const alone = slope?.constant && elementCount(slope.constant.shape) === 1;
  if (x && slope && !alone) edit.respell(node, { inputs: withInput(node, 1, alignedFrom(1, x, slope, node, edit)) });
  return undefined;
}

/** `b` with ones appended to its shape, so that its axes align with those of `a` from `axis` on. */
function alignedFrom(axis: number, a: Value, b: Value, node: Node, edit: Editor): Value {
  const rankA = rankOf(a);
  const rankB = b.constant?.shape.length ?? rankOf(b);
  const start = axis < 0 && rankA !== undefined ? axis + rankA : axis;
  // An axis counted from the end already determines how many axes follow.
  const ones = rankB === undefined ? undefined : start < 0 ? -start - rankB : rankA === undefined ? undefined : rankA - start - rankB;
  if (ones !== undefined && ones <= 0) return b;
  if (ones !== undefined && b.constant) {
    return edit.constant(node, 'aligned', reshaped(b.constant, [...b.constant.shape, ...new Array<number>(ones).fill(1)]));
  }
  if (ones !== undefined && rankB !== undefined) {
    const axes = edit.constant(node, 'axes', int64Tensor(Array.from({ length: ones }, (_, index) => rankB + index)));
    return edit.insert(node, 'Unsqueeze', [b, axes], { suffix: 'aligned' });
  }
  const rank = (value: Value, suffix: string): Value =>
    edit.insert(node, 'Shape', [edit.insert(node, 'Shape', [value], { suffix: `${suffix}_shape` })], { suffix: `${suffix}_rank` });
  const known = edit.constant(node, 'axis', int64Tensor([Math.abs(start)]));
  const after = start < 0 ? known : edit.insert(node, 'Sub', [rank(a, 'a'), known], { suffix: 'axes_after' });
  const count = edit.insert(node, 'Sub', [after, rank(b, 'b')], { suffix: 'ones_count' });
  const filled = edit.insert(node, 'ConstantOfShape', [count], { attrs: { value: tensor(int64Tensor([1])) }, suffix: 'ones' });
  const shape = edit.insert(node, 'Shape', [b], { suffix: 'b_sizes' });
  const sizes = edit.insert(node, 'Concat', [shape, filled], { attrs: { axis: { kind: 'int', value: 0 } }, suffix: 'sizes' });
  return edit.insert(node, 'Reshape', [b, sizes], { suffix: 'aligned' });
}

function lowerVariadic(node: Node): Lowered {
  const [first, ...others] = node.inputs.map((input) => staticShape(input));
  const differs = first && others.some((shape) => shape && String(shape) !== String(first));
  return differs ? refuse('its operands broadcast') : undefined;
}
