/**
 * remove-identities: drop nodes that return their input unchanged.
 *
 *   Identity(X) -> X          Dropout(X) at inference -> X          Cast<to = type of X>(X) -> X
 *   Y / Expand(X, shape of Y) -> Y / X
 *   X + 0, X - 0, X * 1, X / 1, X ^ 1 -> X                if the constant does not widen the shape
 *   Slice<from 0 to the end>(X) -> X                      Concat(X) -> X
 *
 * Numbers: identical.
 * Left alone: Dropout in training mode, or one whose mask is read; a node between a graph input and a graph output, both of whose names are public.
 */

import { intAttr } from '../src/ir/attrs';
import { axisRolesOf } from '../src/ir/axis-roles';
import { type Graph, sameType } from '../src/ir/graph';
import { isNode, producedBy } from '../src/ir/match';
import { broadcastingOps } from '../src/ir/operator-traits';
import { isSpatialRole } from '../src/ir/spatial';
import { table } from '../src/ir/table';
import { elementCount, isNumeric, readNumbers } from '../src/ir/tensor';
import { type DType, isConst, rankOf, type Value } from '../src/ir/types';
import { trainingOf } from '../src/operators/training';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

const identity = defineRule({
  name: 'identity',
  match: node('Identity', [value('x')]),
  build: ({ x }) => x,
});

const dropout = defineRule({
  name: 'dropout',
  match: node('Dropout', [value('x')], { as: 'dropout', moreInputs: true }),
  when({ dropout }) {
    if (trainingOf(dropout)) return refuse('it is in training mode', dropout);
    const mask = dropout.outputs[1];
    if (mask && (mask.uses.length > 0 || dropout.graph.isOutput(mask))) return refuse('its mask is read', dropout);
    return {};
  },
  build: ({ x }) => x,
});

const TYPE_OF_CAST: Readonly<Record<number, DType>> = {
  1: 'float',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'double',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
};

const castToSame = defineRule({
  name: 'cast-to-same-type',
  match: node('Cast', [value('x')], { as: 'cast' }),
  when: ({ x, cast }) => (x.type !== undefined && x.type.dtype === TYPE_OF_CAST[intAttr(cast, 'to')] ? {} : undefined),
  build: ({ x }) => x,
});

/** A Concat with a single input. */
const concatOfOne = defineRule({
  name: 'concat-of-one',
  match: node('Concat', [value('x')]),
  build: ({ x }) => x,
});

/** For floats, X + 0 differs from X only in the sign of zero. */
const NEUTRAL: Readonly<Record<string, number>> = table({ Add: 0, Sub: 0, Mul: 1, Div: 1, Pow: 1 });
const idleArithmetic = defineRule({
  name: 'idle-arithmetic',
  match: node(Object.keys(NEUTRAL), [value('a'), value('b')], { as: 'op' }),
  when({ a, b, op }) {
    const commutes = isNode(op, 'Add', 'Mul');
    const [x, neutral] = isConst(b) ? [a, b] : commutes && isConst(a) ? [b, a] : [];
    if (!x || !neutral || !isConst(neutral) || isConst(x)) return undefined;
    const { constant } = neutral;
    if (!isNumeric(constant.dtype) || elementCount(constant.shape) > MOST_NEUTRAL) return undefined;
    if (!sameType(x.type, op.outputs[0]?.type)) return undefined;
    return readNumbers(constant).every((number) => number === NEUTRAL[op.op]) ? { x } : undefined;
  },
  build: (_, __, { x }) => x,
});
/** Larger constants are weights: not worth reading. */
const MOST_NEUTRAL = 65_536;

/** A Slice from the first element to the last along every axis, at any length. */
const idleSlice = defineRule({
  name: 'idle-slice',
  match: node('Slice', [value('x')], { as: 'slice', moreInputs: true }),
  when({ x, slice }) {
    const [, starts, ends, axes, steps] = slice.inputs.map((input) => (input?.constant ? [...readNumbers(input.constant)] : undefined));
    const shape = x.type?.shape;
    if (!shape || !starts || !ends || (slice.inputs[3] && !axes) || (slice.inputs[4] && !steps)) return undefined;
    const roles = axisRolesOf(rootOf(slice.graph)).of(x);
    const whole = starts.every((start, at) => {
      const axis = axes?.[at] ?? at;
      const index = axis < 0 ? axis + shape.length : axis;
      const [dim, end] = [shape[index], ends[at] ?? 0];
      // A pixel count holds for one size only.
      const fixed = typeof dim === 'number' && end >= dim && roles !== undefined && !isSpatialRole(roles[index]);
      return start === 0 && (steps?.[at] ?? 1) === 1 && (end >= TO_THE_END || fixed);
    });
    return whole ? {} : undefined;
  },
  build: ({ x }) => x,
});
const TO_THE_END = 2 ** 31 - 1;

/** `F.normalize` and gates: the reader broadcasts by itself, to a shape that its other operand has. */
const expandBeforeBroadcast = defineRule({
  name: 'expand-before-broadcast',
  match: node(broadcastingOps, [], { as: 'op', moreInputs: true }),
  when({ op }) {
    const operands = op.inputs.map((input) => input && spreadOnly(input, op.inputs));
    return operands.some((operand, slot) => operand !== op.inputs[slot]) ? { operands } : undefined;
  },
  build: ({ op }, make, { operands }) => make.op(op.op, operands, op.attrs),
});

/** The input of an Expand to the shape of another operand; the value itself if it is not such an Expand. */
function spreadOnly(input: Value, operands: readonly (Value | undefined)[]): Value {
  const [data] = producedBy(input, 'Expand')?.inputs ?? [];
  const shape = input.type?.shape;
  if (!data || !shape || rankOf(data) !== shape.length) return input;
  const isFull = (other: Value | undefined): boolean =>
    other !== undefined &&
    !producedBy(other, 'Expand') &&
    other.type?.shape?.length === shape.length &&
    shape.every((dim, axis) => dim !== undefined && dim === other.type?.shape?.[axis]);
  return operands.some(isFull) ? data : input;
}

const rootOf = (graph: Graph): Graph => (graph.parent ? rootOf(graph.parent) : graph);

export const removeIdentities = defineRulePass({
  name: 'remove-identities',
  role: 'prepares',
  summary: 'drop Identity, Dropout at inference, Casts to the same type, arithmetic and Slices that change nothing',
  numbers: 'identical',
  rules: [identity, dropout, castToSame, expandBeforeBroadcast, concatOfOne, idleArithmetic, idleSlice],
});
