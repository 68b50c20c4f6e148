/**
 * What integers become, for verification on integers (src/verify/exact): sums of integers are exact in any order as long as they stay small, so the largest
 * possible result decides whether two models must agree in every bit.
 */
import { intAttr, intsAttr } from '../ir/attrs';
import { elementCount } from '../ir/tensor';
import { type Node, staticShape } from '../ir/types';

/** Kind of trained values: which integers may replace them. */
export type WeightRole = 'weight' | 'scale' | 'variance';

export interface OnIntegers {
  /**
   * Largest result for operands of magnitudes x, w, b:
   * `kept`: the largest operand; `sum`: x + w + ...; `product`: x * w; `products`: a sum of `terms` products x * w, plus b; `slope`: 2 x;
   * `affine`: a norm with trained statistics; `total`: a sum of `terms` operands; `average`: their mean, which is no integer; `sampled`: kept if it
   * does not interpolate.
   */
  readonly kind: 'kept' | 'sum' | 'product' | 'products' | 'slope' | 'affine' | 'total' | 'average' | 'sampled';
  /** Slots that the result is computed from; undefined: all. */
  readonly operands?: readonly number[];
  /** Number of values added for one element of the result; undefined if unknown. */
  readonly terms?: (node: Node) => number | undefined;
  /** By input slot: trained values that are replaced by integers. */
  readonly roles?: readonly (WeightRole | undefined)[];
  /** Float attributes that are replaced as well. */
  readonly attributes?: Readonly<Record<string, number>>;
}

export const KEPT: OnIntegers = { kind: 'kept' };
export const SAMPLED: OnIntegers = { kind: 'sampled' };

const shapeOf = (node: Node, slot: number): readonly number[] | undefined => staticShape(node.inputs[slot]);

/** Number of elements reduced to one. */
function cellsOf(node: Node): number | undefined {
  const [from, to] = [shapeOf(node, 0), staticShape(node.outputs[0])];
  return from && to ? elementCount(from) / Math.max(1, elementCount(to)) : undefined;
}
export const TOTAL: OnIntegers = { kind: 'total', terms: cellsOf };
export const AVERAGE: OnIntegers = { kind: 'average', terms: cellsOf };
export const WINDOW_AVERAGE: OnIntegers = { kind: 'average', terms: (node) => elementCount(intsAttr(node, 'kernel_shape') ?? []) };

const layer = (terms: NonNullable<OnIntegers['terms']>, roles: NonNullable<OnIntegers['roles']>): OnIntegers => ({
  kind: 'products',
  terms,
  roles,
});
const FILTER = [undefined, 'weight', 'weight'] as const;
export const CONVOLVED = layer((node) => {
  const weight = shapeOf(node, 1);
  return weight && elementCount(weight.slice(1));
}, FILTER);
export const CONVOLVED_BACK = layer((node) => {
  const weight = shapeOf(node, 1);
  return weight && elementCount(weight) / Math.max(1, weight[1] ?? 1);
}, FILTER);
export const LINEAR = layer((node) => shapeOf(node, 1)?.[intAttr(node, 'transB') === 1 ? 1 : 0], ['weight', 'weight', 'weight']);
export const MULTIPLIED = layer(
  (node) => {
    const [data, weight] = [shapeOf(node, 0), shapeOf(node, 1)];
    return weight && weight.length > 1 ? weight[weight.length - 2] : data?.at(-1);
  },
  ['weight', 'weight'],
);

/** With an integer variance and no epsilon, the root is exact. */
export const AFFINE: OnIntegers = {
  kind: 'affine',
  roles: [undefined, 'scale', 'weight', 'weight', 'variance'],
  attributes: { epsilon: 0 },
};
export const SLOPE: OnIntegers = { kind: 'slope', attributes: { alpha: 2 } };

const BOTH = ['weight', 'weight'] as const;
export const ADDED: OnIntegers = { kind: 'sum', roles: BOTH };
export const SUMMED: OnIntegers = { kind: 'sum' };
export const TIMES: OnIntegers = { kind: 'product', roles: BOTH };
export const SLOPES: OnIntegers = { kind: 'product', roles: [undefined, 'weight'] };
