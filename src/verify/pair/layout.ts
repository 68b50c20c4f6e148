/** Tensors with permuted axes. */
import type { Dim } from '../../ir/types';
import type { Numbers } from '../onnx-runner';

/** ONNX's Transpose: shape'[i] = shape[perm[i]]. */
export function transposed(numbers: Numbers, perm: readonly number[]): Numbers {
  const { shape, data } = numbers;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const made = perm.map((axis) => shape[axis] ?? 1);
  const steps = perm.map((axis) => strides[axis] ?? 1);
  const out = data instanceof Float32Array ? new Float32Array(data.length) : new Float64Array(data.length);
  const index = made.map(() => 0);
  for (let to = 0, from = 0; to < out.length; to++) {
    out[to] = data[from] ?? Number.NaN;
    for (let axis = made.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      from += steps[axis] ?? 0;
      if ((index[axis] ?? 0) < (made[axis] ?? 1)) break;
      from -= (steps[axis] ?? 0) * (made[axis] ?? 1);
      index[axis] = 0;
    }
  }
  return { dtype: numbers.dtype, shape: made, data: out };
}

/** The inverse of a permutation. */
export const inverse = (perm: readonly number[]): number[] => perm.map((_, axis) => perm.indexOf(axis));

/** The two usual layouts of images come first: equal sizes do not determine the layout. */
const USUAL: Readonly<Record<number, readonly (readonly number[])[]>> = {
  3: [[0, 2, 1]],
  4: [
    [0, 2, 3, 1],
    [0, 3, 1, 2],
  ],
  5: [
    [0, 2, 3, 4, 1],
    [0, 4, 1, 2, 3],
  ],
};

/** The permutation that makes `from` fit `to`; identity first. A symbolic or unknown dimension fits any. undefined if none fits. */
export function fittingPermutation(from: readonly Dim[], to: readonly Dim[]): readonly number[] | undefined {
  if (from.length !== to.length) return undefined;
  const identity = from.map((_, axis) => axis);
  const fits = (perm: readonly number[]): boolean =>
    perm.every((axis, at) => {
      const [a, b] = [from[axis], to[at]];
      return typeof a !== 'number' || typeof b !== 'number' || a === b;
    });
  return [identity, ...(USUAL[from.length] ?? []), ...(from.length <= 4 ? permutations(from.length) : [])].find(fits);
}

/** Transposes a tensor to the axes of another with the same number of elements, as far as the sizes determine them. */
export function turnedTo(numbers: Numbers, other: Numbers): Numbers {
  const perm = numbers.data.length === other.data.length ? fittingPermutation(numbers.shape, other.shape) : undefined;
  return perm && !isIdentity(perm) ? transposed(numbers, perm) : numbers;
}

export const isIdentity = (perm: readonly number[]): boolean => perm.every((axis, at) => axis === at);

function permutations(length: number): readonly (readonly number[])[] {
  if (length === 0) return [[]];
  return permutations(length - 1).flatMap((shorter) =>
    Array.from({ length }, (_, at) => [...shorter.slice(0, at), length - 1, ...shorter.slice(at)]),
  );
}
