/**
 * einsum-to-matmul: turn an Einsum with a constant weight into a fully connected layer along the axes that it sums over.
 *
 *   Einsum<"nchw,dc->ndhw">(X, W)     ->  Transpose(MatMul(Transpose(X), W'))                 W' [c, d]
 *   Einsum<"nchw,ochw->no">(X, W)     ->  MatMul(Reshape<[n, -1]>(X), W')                     W' [c*h*w, o]
 *   Einsum<"nchw,c->nchw">(X, W)      ->  X * W'                                              W' [c, 1, 1]
 *
 * for any letters in any order, with the weight on either side. Letters of X and the result remain axes, letters of X and W that the result lacks are
 * summed over, letters of W and the result are outputs: the same sums of the same products.
 *   Einsum<"nchw,oc->no">(X, W)       ->  Einsum<"nc,oc->no">(ReduceSum<h, w>(X), W)
 *   Einsum<"nchw,co,h,w->no">(X, A, B, C)  ->  Einsum<"nchw,cohw->no">(X, A * B * C)
 *
 * Numbers: reordered.
 * Left alone: two computed values; diagonals, ellipses; letters that only W has; a letter that all three have, if others are summed.
 */
import { stringAttr } from '../src/ir/attrs';
import { elementCount, fromNumbers, permuted, readNumbers, reshaped } from '../src/ir/tensor';
import { isConst, type Node, rankOf, type Tensor, type Value } from '../src/ir/types';
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

interface Terms {
  readonly terms: readonly string[];
  readonly out: string;
}

/** The terms and the result, also if the equation leaves it implicit; without diagonals and ellipses. */
function termsOf(einsum: Node): Terms | undefined {
  const equation = stringAttr(einsum, 'equation').replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  const counts = (letter: string): number => [...left].filter((other) => other === letter).length;
  const out =
    right ??
    [...new Set(left.replaceAll(',', ''))]
      .filter((letter) => counts(letter) === 1)
      .sort()
      .join('');
  const isPlain = [...terms, out].every((term) => /^[a-zA-Z]*$/.test(term) && new Set(term).size === term.length);
  return isPlain && terms.every((term, at) => rankOf(einsum.inputs[at]) === term.length) ? { terms, out } : undefined;
}
const written = ({ terms, out }: Terms): string => `${terms.join(',')}->${out}`;

/** Sums first over a letter that only one computed term has. */
const summedAlone = defineRule({
  name: 'summed-alone',
  match: node('Einsum', [], { as: 'einsum', moreInputs: true }),
  when({ einsum }) {
    const found = termsOf(einsum);
    if (!found) return undefined;
    for (const [slot, term] of found.terms.entries()) {
      if (isConst(einsum.inputs[slot])) continue;
      const others = [...found.terms.filter((_, at) => at !== slot), found.out].join('');
      const alone = [...term].filter((letter) => !others.includes(letter));
      if (alone.length > 0) return { found, slot, alone };
    }
    return undefined;
  },
  build({ einsum }, make, { found, slot, alone }) {
    const term = found.terms[slot] ?? '';
    const axes = make.int64s(
      `${einsum.name}_summed`,
      alone.map((letter) => term.indexOf(letter)),
    );
    const sum = make.op('ReduceSum', [einsum.inputs[slot], axes], { keepdims: 0 });
    const terms = found.terms.map((own, at) => (at === slot ? [...own].filter((letter) => !alone.includes(letter)).join('') : own));
    const inputs = einsum.inputs.map((input, at) => (at === slot ? sum : input));
    const [only = ''] = terms;
    if (terms.length === 1) return transposed(sum, only, found.out, make);
    return make.op('Einsum', inputs, { equation: written({ terms, out: found.out }) });
  },
});

/** Merges two constants of three or more terms into their product, over the letters that other terms or the result use. */
const constantsFirst = defineRule({
  name: 'constants-first',
  match: node('Einsum', [], { as: 'einsum', moreInputs: true }),
  when({ einsum }) {
    const found = termsOf(einsum);
    const slots = einsum.inputs.flatMap((input, slot) => (isConst(input) ? [slot] : []));
    const [first, second] = slots;
    if (!found || found.terms.length < 3 || first === undefined || second === undefined) return undefined;
    const [a, b] = [einsum.inputs[first]?.constant, einsum.inputs[second]?.constant];
    const rest = found.terms.filter((_, at) => at !== first && at !== second);
    if (!a || !b || a.dtype !== 'float') return undefined;
    const [x, y] = [
      { tensor: a, letters: found.terms[first] ?? '' },
      { tensor: b, letters: found.terms[second] ?? '' },
    ];
    const all = [...new Set(x.letters + y.letters)];
    const size = elementCount(all.map((letter) => lengthOf(letter, x, y)));
    if (size > MOST) return refuse(`its constants have a product of ${size} numbers`, einsum);
    const letters = all.filter((letter) => [...rest, found.out].join('').includes(letter)).join('');
    return { found, first, second, x, y, letters, rest };
  },
  build({ einsum }, make, { found, first, second, x, y, letters, rest }) {
    const inputs = einsum.inputs.filter((_, at) => at !== first && at !== second);
    const both = make.constant(`${einsum.name}_product`, multiplied(x, y, letters));
    return make.op('Einsum', [...inputs, both], { equation: written({ terms: [...rest, letters], out: found.out }) });
  },
});
const MOST = 2 ** 24;

interface Lettered {
  readonly tensor: Tensor;
  readonly letters: string;
}
const lengthOf = (letter: string, ...terms: readonly Lettered[]): number =>
  terms.reduce((length, { tensor, letters }) => tensor.shape[letters.indexOf(letter)] ?? length, 1);

/** The sums of the products of two constants. */
function multiplied(a: Lettered, b: Lettered, out: string): Tensor {
  const all = [...out, ...new Set([...(a.letters + b.letters)].filter((letter) => !out.includes(letter)))];
  const lengths = all.map((letter) => lengthOf(letter, a, b));
  const shape = lengths.slice(0, out.length);
  const [left, right] = [readNumbers(a.tensor), readNumbers(b.tensor)];
  const summed = elementCount(lengths.slice(out.length));
  const result = new Float64Array(elementCount(shape));
  const indexIn = ({ tensor, letters }: Lettered, place: readonly number[]): number =>
    [...letters].reduce((index, letter, axis) => index * (tensor.shape[axis] ?? 1) + (place[all.indexOf(letter)] ?? 0), 0);
  const place = lengths.map(() => 0);
  for (let index = 0; index < result.length * summed; index++) {
    let rest = index;
    for (let axis = lengths.length - 1; axis >= 0; axis--) {
      const length = lengths[axis] ?? 1;
      place[axis] = rest % length;
      rest = Math.floor(rest / length);
    }
    const at = Math.floor(index / summed);
    result[at] = (result[at] ?? 0) + (left[indexIn(a, place)] ?? 0) * (right[indexIn(b, place)] ?? 0);
  }
  return fromNumbers('float', shape, result);
}

export const einsumToMatmul = defineRulePass({
  name: 'einsum-to-matmul',
  summary: 'write an Einsum with a constant weight as a fully connected layer',
  numbers: 'reordered',
  rules: [summedAlone, constantsFirst, weighted],
});
