/**
 * cancel-transposes: merge two consecutive Transposes into one, or none.
 *
 *   Transpose<q>(Transpose<p>(X))  ->  Transpose<p after q>(X), or X if that moves nothing
 *   Transpose<0, 1, 2 ...>(X)      ->  X
 *
 * Numbers: identical.
 * Left alone: the first Transpose is kept for its other readers.
 */

import { intsAttr } from '../src/ir/attrs';
import { permOf } from '../src/ir/axis';
import type { Node } from '../src/ir/types';
import { rankOf } from '../src/ir/types';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const pair = defineRule({
  name: 'pair',
  match: node('Transpose', [node('Transpose', [value('x')], { as: 'first', shared: true })], { as: 'second' }),
  when({ first, second }) {
    const [p, q] = [orderOf(first), orderOf(second)];
    return p && q ? { perm: q.map((axis) => p[axis] ?? 0) } : undefined;
  },
  build: ({ x }, make, { perm }) => (isIdentity(perm) ? x : make.op('Transpose', [x], { perm })),
});

const idle = defineRule({
  name: 'idle',
  match: node('Transpose', [value('x')], { as: 'transpose' }),
  when({ transpose }) {
    const perm = orderOf(transpose);
    return perm && isIdentity(perm) ? {} : undefined;
  },
  build: ({ x }) => x,
});

function orderOf(transpose: Node): readonly number[] | undefined {
  const rank = rankOf(transpose.inputs[0]);
  return rank === undefined ? intsAttr(transpose, 'perm') : permOf(transpose, rank);
}

const isIdentity = (perm: readonly number[]): boolean => perm.every((axis, at) => axis === at);

export const cancelTransposes = defineRulePass({
  name: 'cancel-transposes',
  summary: 'make one Transpose of two in a row, or none',
  numbers: 'identical',
  rules: [idle, pair],
});
