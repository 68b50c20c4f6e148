/**
 * merge-views: a view of a view is one view.
 *
 *   Reshape(Reshape(X)), Reshape(Squeeze(X)), Squeeze(Reshape(X)) ...  ->  Reshape<shape of the result>(X), or X where it has that shape
 *
 * Views move no element, so only the last shape counts.
 * Numbers: identical.
 * Left alone: results with more than one axis of unknown length. Not part of a conversion, which tells rows from columns by each step.
 */

import { sameDim } from '../src/ir/dims';
import { sameType } from '../src/ir/graph';
import type { Dim } from '../src/ir/types';
import { viewedBy } from '../src/ir/views';
import { defineRulePass } from '../src/pass/pass';
import { node } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const VIEWS = ['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze'];

const viewOfView = defineRule({
  name: 'view-of-view',
  match: node(VIEWS, [], { as: 'view', moreInputs: true }),
  when({ view }) {
    const inner = view.inputs[0]?.producer;
    const source = inner && VIEWS.includes(inner.op) ? viewedBy(inner) : undefined;
    const [result] = view.outputs;
    const target = result && source && targetOf(result.type?.shape, source.type?.shape);
    return source && target ? { source, target, isSame: sameType(source.type, result?.type) } : undefined;
  },
  build: ({ view }, make, { source, target, isSame }) =>
    isSame ? source : make.op('Reshape', [source, make.int64s(`${view.name}_shape`, target)]),
});

/** A target that gives this shape: 0 for the first axis where it is that of the source, -1 for one other that is not known. */
function targetOf(shape: readonly Dim[] | undefined, source: readonly Dim[] | undefined): readonly number[] | undefined {
  if (!shape || !source) return undefined;
  const target = shape.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    return axis === 0 && sameDim(dim, source[0]) ? 0 : -1;
  });
  const unknown = target.filter((dim) => dim === -1).length;
  // An empty axis of its own would be read as a copy.
  const isEmpty = shape.some((dim) => dim === 0);
  return unknown > 1 || isEmpty ? undefined : target;
}

export const mergeViews = defineRulePass({
  name: 'merge-views',
  summary: 'make one view of several in a row',
  numbers: 'identical',
  rules: [viewOfView],
});
