/** Matrix products. */
import type { OnnxOp } from '../ir/operators';
import { type Operator, operator, POINT } from './operator';

const product = operator('product', () => POINT);

export const products = {
  Gemm: product,
  MatMul: product,
  MatMulInteger: product,
  // With a constant operand it is a product as any other, which passes say as one.
  Einsum: operator('unknown', (node) => ({
    kind: 'unknown',
    why: node.inputs.some((input) => input?.constant)
      ? 'sums over axes in a way that no rule is known for'
      : 'compares positions with each other (attention)',
  })),
} satisfies Partial<Record<OnnxOp, Operator>>;
