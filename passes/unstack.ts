/**
 * unstack: turn a reduction over stacked values into an operator on the values.
 *
 *   ReduceMean<axis>(Concat<axis>(Unsqueeze<axis>(A), Unsqueeze<axis>(B), ...))      keepdims = 0
 * becomes
 *   Mean(A, B, ...)
 *
 * and the same for ReduceSum, ReduceMax and ReduceMin. Columns of a network, or several classifiers, are averaged in this way (`torch.stack(...).mean(0)`).
 * Numbers: reordered.
 * Left alone: values of different shapes; a stack that has another reader.
 */

import { intAttr } from '../src/ir/attrs';
import { isNode } from '../src/ir/match';
import { table } from '../src/ir/table';
import { readNumbers } from '../src/ir/tensor';
import type { Value } from '../src/ir/types';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const OPERATOR: Readonly<Record<string, string>> = table({ ReduceMean: 'Mean', ReduceSum: 'Sum', ReduceMax: 'Max', ReduceMin: 'Min' });

const stacked = defineRule({
  name: 'stacked',
  match: node(Object.keys(OPERATOR), [node('Concat', [], { as: 'stack', moreInputs: true }), constant('axes')], {
    as: 'reduction',
    attrs: { keepdims: 0 },
  }),
  when({ stack, axes, reduction }) {
    const rank = stack.outputs[0]?.type?.shape?.length;
    const [axis, ...more] = readNumbers(axes.constant);
    if (rank === undefined || axis === undefined || more.length > 0) return undefined;
    const at = (number: number): number => (number < 0 ? number + rank : number);
    if (at(intAttr(stack, 'axis')) !== at(axis)) return undefined;
    const parts = stack.inputs.map((input) => unstacked(input, at(axis), rank));
    const [first] = parts;
    const shape = first?.type?.shape;
    const isAlike = parts.every(
      (part) => part?.type?.shape?.length === shape?.length && part?.type?.shape?.every((dim, k) => dim === shape?.[k]),
    );
    const operator = OPERATOR[reduction.op];
    return shape && isAlike && operator ? { parts, operator } : undefined;
  },
  build: (_, make, { parts, operator }) => make.op(operator, parts),
});

/** The value to which a unit axis was added. */
function unstacked(input: Value | undefined, axis: number, rank: number): Value | undefined {
  const producer = input?.producer;
  const [data, axes] = producer?.inputs ?? [];
  if (!isNode(producer, 'Unsqueeze') || !axes?.constant) return undefined;
  const [only, ...more] = readNumbers(axes.constant);
  return only !== undefined && more.length === 0 && (only < 0 ? only + rank : only) === axis ? data : undefined;
}

export const unstack = defineRulePass({
  name: 'unstack',
  summary: 'reduce values that were stacked for it without the stack',
  numbers: 'reordered',
  rules: [stacked],
});
