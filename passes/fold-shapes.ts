/**
 * fold-shapes: replace known sizes by constants.
 *
 *   Shape(X), Size(X)  ->  constant                     X of static shape
 *
 * Arithmetic on sizes then folds away (`fold-constants`). Not part of a conversion, which uses that arithmetic to learn how sizes grow with the image.
 * Numbers: identical.
 * Left alone: shapes with symbolic axes, unless the requested slice (start, end) has none.
 */
import { givenInt, intAttr } from '../src/ir/attrs';
import { elementCount, int64s, scalar } from '../src/ir/tensor';
import { staticShape } from '../src/ir/types';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const shape = defineRule({
  name: 'shape',
  match: node('Shape', [value('x')], { as: 'asked' }),
  when({ x, asked }) {
    const dims = x.type?.shape?.slice(intAttr(asked, 'start'), givenInt(asked, 'end'));
    return dims?.every((dim): dim is number => typeof dim === 'number') ? { dims } : undefined;
  },
  build: (_, make, { dims }) => make.constant('sizes', int64s(dims)),
});

const size = defineRule({
  name: 'size',
  match: node('Size', [value('x')]),
  when({ x }) {
    const dims = staticShape(x);
    return dims && { count: elementCount(dims) };
  },
  build: (_, make, { count }) => make.constant('size', scalar('int64', count)),
});

export const foldShapes = defineRulePass({
  name: 'fold-shapes',
  summary: 'make a constant of every size that is known',
  numbers: 'identical',
  rules: [shape, size],
});
