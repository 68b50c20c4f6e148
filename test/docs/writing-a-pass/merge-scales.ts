/**
 * merge-scales: multiply by two constants at once.
 *
 *   Y = Mul(Mul(X, a), b)
 * becomes
 *   Y = Mul(X, a * b)
 *
 * Numbers: rounding (one product in place of two; a * b is computed in double precision and rounded once).
 * Left alone: constants of different shapes, whose product could be larger than both; products that float32 cannot hold.
 */
import { elementCount, fromNumbers, readNumbers } from '../../../src/ir/tensor';
import type { Tensor } from '../../../src/ir/types';
import { defineRulePass } from '../../../src/rewrite/pass';
import { constant, node, value } from '../../../src/rewrite/pattern';
import { defineRule, refuse } from '../../../src/rewrite/rule';

const twoScales = defineRule({
  name: 'two-scales',
  match: node('Mul', [node('Mul', [value('x'), constant('a')], { commutative: true }), constant('b')], { as: 'outer', commutative: true }),
  when({ a, b, outer }) {
    if (a.constant.dtype !== 'float') return undefined;
    const [small, large] = elementCount(a.constant.shape) === 1 ? [a.constant, b.constant] : [b.constant, a.constant];
    if (elementCount(small.shape) !== 1 || small.shape.length > large.shape.length)
      return refuse('neither factor is a single number', outer);
    const product = multiply(large, readNumbers(small)[0] ?? 1);
    // x * 1e-30 * 1e-30 need not be zero; x * (1e-30 * 1e-30) is.
    return product ? { product } : refuse('the product of the factors does not fit into float32', outer);
  },
  build: ({ x, a }, make, { product }) => make.op('Mul', [x, make.constant(`${a.name}_merged`, product)]),
});

/** Rounded once; undefined where a number would overflow or vanish. */
function multiply(tensor: Tensor, factor: number): Tensor | undefined {
  const numbers = readNumbers(tensor).map((number) => number * factor);
  const fits = numbers.every((number) => number === 0 || (Math.abs(number) < 2 ** 127 && Math.abs(number) > 2 ** -126));
  return fits ? fromNumbers('float', tensor.shape, numbers) : undefined;
}

export const mergeScales = defineRulePass({
  name: 'merge-scales',
  summary: 'multiply by two constants at once',
  numbers: 'rounding',
  rules: [twoScales],
});
