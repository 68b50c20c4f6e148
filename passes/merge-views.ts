/**
 * merge-views: merge consecutive views into one.
 *
 *   Reshape(Reshape(X)), Reshape(Squeeze(X)), Squeeze(Reshape(X)) ...  ->  Reshape<shape of the result>(X), or X if it has that shape
 *
 *   Reshape(Transpose<p>(X)) that inserts or drops unit axes  ->  Transpose<q>(Reshape(X)), if a view or a Transpose is adjacent to merge with
 *
 * Views do not move elements, so only the last shape matters; unit axes may be anywhere.
 * Numbers: identical.
 * Left alone: results with more than one axis of unknown length. Not part of a conversion, which uses each single view to tell rows from columns.
 */

import { intsAttr } from '../src/ir/attrs';
import { sameDim } from '../src/ir/dims';
import { sameType } from '../src/ir/graph';
import { isNode } from '../src/ir/match';
import { type Dim, staticShape } from '../src/ir/types';
import { viewedBy } from '../src/ir/views';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
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

/** Unit axes do not matter to a Transpose: the view moves in front of it, next to the view or the other Transpose that is there. */
const unitAxesFirst = defineRule({
  name: 'unit-axes-first',
  match: node(VIEWS, [node('Transpose', [value('x')], { as: 'transpose' })], { as: 'view', moreInputs: true }),
  when({ x, transpose, view }) {
    const [from, turned, to] = [x, transpose.outputs[0], view.outputs[0]].map((each) => staticShape(each));
    const perm = intsAttr(transpose, 'perm');
    const merges =
      (x.producer !== undefined && VIEWS.includes(x.producer.op)) || view.outputs[0]?.uses.some(({ user }) => isNode(user, 'Transpose'));
    if (!from || !turned || !to || !perm || !merges || [...from, ...to].includes(0)) return undefined;
    const long = (shape: readonly number[]): number[] => [...shape.keys()].filter((axis) => shape[axis] !== 1);
    const moved = long(turned).map((axis) => long(from).indexOf(perm[axis] ?? 0));
    if (
      long(turned)
        .map((axis) => turned[axis])
        .join() !==
      long(to)
        .map((axis) => to[axis])
        .join()
    )
      return undefined;
    // Unit axes come first, in any order.
    const units = to.length - moved.length;
    let [unit, next] = [0, 0];
    return {
      shape: [...new Array<number>(units).fill(1), ...long(from).map((axis) => from[axis] ?? 1)],
      perm: to.map((dim) => (dim === 1 ? unit++ : units + (moved[next++] ?? 0))),
    };
  },
  build({ x, view }, make, { shape, perm }) {
    const same = staticShape(x)?.join() === shape.join();
    const viewed = same ? x : make.op('Reshape', [x, make.int64s(`${view.name}_shape`, shape)]);
    return perm.every((axis, at) => axis === at) ? viewed : make.op('Transpose', [viewed], { perm });
  },
});

/** A Reshape target that gives this shape: 0 for the first axis if it is that of the source, -1 for one other axis of unknown length. */
function targetOf(shape: readonly Dim[] | undefined, source: readonly Dim[] | undefined): readonly number[] | undefined {
  if (!shape || !source) return undefined;
  const target = shape.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    return axis === 0 && sameDim(dim, source[0]) ? 0 : -1;
  });
  const unknown = target.filter((dim) => dim === -1).length;
  // Zero as a length would be read as a copy of the input's axis.
  const isEmpty = shape.some((dim) => dim === 0);
  return unknown > 1 || isEmpty ? undefined : target;
}

export const mergeViews = defineRulePass({
  name: 'merge-views',
  summary: 'make one view of several in a row',
  numbers: 'identical',
  rules: [viewOfView, unitAxesFirst],
});
