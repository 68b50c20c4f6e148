/**
 * einsum-to-matmul: an Einsum with a constant weight is a fully connected layer along the axes that it sums over.
 *
 *   Einsum<"nchw,dc->ndhw">(X, W)     ->  Transpose(MatMul(Transpose(X), W'))                 W' [c, d]
 *   Einsum<"nchw,ochw->no">(X, W)     ->  MatMul(Reshape<[n, -1]>(X), W')                     W' [c*h*w, o]
 *   Einsum<"nchw,c->nchw">(X, W)      ->  X * W'                                              W' [c, 1, 1]
 *
 * whatever the letters and their order, the weight on either side. Letters of X and the result stay axes, letters of X and W that the result has not are
 * summed over, letters of W and the result are outputs: the same sums of the same products.
 * Numbers: reordered.
 * Left alone: two values that are computed; diagonals, ellipses; letters that W alone has; a letter that all three have beside others that are summed.
 */
import { stringAttr } from '../src/ir/attrs';
import { elementCount, permuted, reshaped } from '../src/ir/tensor';
import type { Value } from '../src/ir/types';
import { rankOf } from '../src/ir/types';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { type Builder, defineRule, refuse } from '../src/rewrite/rule';

interface Letters {
  readonly x: string;
  readonly w: string;
  readonly out: string;
}

function lettersOf(equation: string, weightFirst: boolean): Letters | undefined {
  const parts = /^([a-zA-Z]+),([a-zA-Z]*)->([a-zA-Z]*)$/.exec(equation.replaceAll(' ', ''));
  const [, a = '', b = '', out = ''] = parts ?? [];
  if (!parts || [a, b, out].some((term) => new Set(term).size !== term.length)) return undefined;
  return weightFirst ? { x: b, w: a, out } : { x: a, w: b, out };
}

const weighted = defineRule({
  name: 'weighted',
  match: node('Einsum', [value('a'), value('b')], { as: 'einsum' }),
  when({ a, b, einsum }) {
    const weightFirst = a.constant !== undefined;
    const [x, w] = weightFirst ? [b, a] : [a, b];
    if (!w.constant || x.constant) return undefined;
    const letters = lettersOf(stringAttr(einsum, 'equation'), weightFirst);
    if (!letters || rankOf(x) !== letters.x.length || w.constant.shape.length !== letters.w.length)
      return refuse('its equation has diagonals or an ellipsis', einsum);
    const has = (term: string) => (letter: string) => term.includes(letter);
    const kept = [...letters.out].filter((letter) => has(letters.x)(letter));
    const shared = kept.filter(has(letters.w));
    const summed = [...letters.x].filter((letter) => !letters.out.includes(letter));
    const outputs = [...letters.out].filter((letter) => !letters.x.includes(letter));
    if (
      !outputs.every(has(letters.w)) ||
      !summed.every(has(letters.w)) ||
      letters.w.length !== shared.length + summed.length + outputs.length
    )
      return refuse('one of its letters stands in one term alone', einsum);
    if (shared.length > 0 && summed.length + outputs.length > 0) return refuse('its weight differs along an axis that stays', einsum);
    return { x, w, letters, kept, summed, outputs, isScale: shared.length > 0 || letters.w.length === 0 };
  },
  build(_, make, { x, w, letters, kept, summed, outputs, isScale }) {
    const tensor = w.constant;
    if (!tensor) return x;
    if (isScale) {
      const order = [...letters.x].filter((letter) => letters.w.includes(letter));
      const turned = permuted(
        tensor,
        order.map((letter) => letters.w.indexOf(letter)),
      );
      const first = letters.x.indexOf(order[0] ?? '');
      const sizes = [...letters.x]
        .slice(first < 0 ? letters.x.length : first)
        .map((letter) => tensor.shape[letters.w.indexOf(letter)] ?? 1);
      return transposed(make.op('Mul', [x, make.constant(`${w.name}_scale`, reshaped(turned, sizes))]), letters.x, letters.out, make);
    }
    const size = (letter: string): number => tensor.shape[letters.w.indexOf(letter)] ?? 1;
    const matrix = reshaped(
      permuted(
        tensor,
        [...summed, ...outputs].map((letter) => letters.w.indexOf(letter)),
      ),
      [elementCount(summed.map(size)), elementCount(outputs.map(size))],
    );
    const data = transposed(x, letters.x, [...kept, ...summed].join(''), make);
    const copies = kept.map(() => 0);
    const rows = summed.length === 1 ? data : make.op('Reshape', [data, make.int64s('rows', [...copies, -1])]);
    const product = make.op('MatMul', [rows, make.constant(`${w.name}_matrix`, matrix)]);
    const split = outputs.length === 1 ? product : make.op('Reshape', [product, make.int64s('outputs', [...copies, ...outputs.map(size)])]);
    return transposed(split, [...kept, ...outputs].join(''), letters.out, make);
  },
});

const transposed = (of: Value, from: string, to: string, make: Builder): Value =>
  from === to ? of : make.op('Transpose', [of], { perm: [...to].map((letter) => from.indexOf(letter)) });

export const einsumToMatmul = defineRulePass({
  name: 'einsum-to-matmul',
  summary: 'write an Einsum with a constant weight as a fully connected layer',
  numbers: 'reordered',
  rules: [weighted],
});
