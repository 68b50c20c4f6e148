/** Matrix products. */
import type { OnnxOp } from '../ir/operators';
import { type Operator, operator, POINT, unknown } from './operator';

const product = operator('product', () => POINT);

export const products = {
  Gemm: product,
  MatMul: product,
  MatMulInteger: product,
  // With a constant operand it is a product as any other, which passes say as one.
  Einsum: unknown('sums over axes in a way that is not known'),
} satisfies Partial<Record<OnnxOp, Operator>>;
