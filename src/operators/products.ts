/** Matrix products. */
import type { OnnxOp } from '../ir/operators';
import { perRow, uncounted } from './multiply-adds';
import { LINEAR, MULTIPLIED, type OnIntegers } from './on-integers';
import { type Operator, operator, POINT } from './operator';

const product = (weights: readonly number[], onIntegers?: OnIntegers): Operator =>
  operator('product', 'a whole axis of each operand', () => POINT, { weights, family: 'linear', multiplyAdds: perRow, onIntegers });

export const products = {
  Gemm: product([0, 1, 2], LINEAR),
  MatMul: product([0, 1], MULTIPLIED),
  MatMulInteger: product([1]),
  // With a constant operand it is a product like any other, and passes rewrite it as one.
  Einsum: operator(
    'unknown',
    'not known: it sums over axes',
    (node) => ({
      kind: 'unknown',
      why: node.inputs.some((input) => input?.constant)
        ? 'sums over axes in a way that no rule is known for'
        : 'compares positions with each other (attention)',
    }),
    { family: 'linear', multiplyAdds: uncounted },
  ),
} satisfies Partial<Record<OnnxOp, Operator>>;
