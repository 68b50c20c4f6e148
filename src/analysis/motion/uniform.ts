import { isKnown, readNumbers } from '../../ir/tensor';
import type { ConstValue } from '../../ir/types';

/** True if all values of a constant are equal, so that moving along its axes changes nothing. */
export function isUniform({ constant }: ConstValue): boolean {
  if (!isKnown(constant)) return false;
  const numbers = readNumbers(constant);
  return numbers.every((number) => number === numbers[0]);
}

/** True if a constant is constant along these of its axes. */
export function isUniformAlong(value: ConstValue, axes: readonly number[]): boolean {
  const { constant } = value;
  if (!isKnown(constant)) return false;
  const numbers = readNumbers(constant);
  const { shape } = constant;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  // Compares with the first value along these axes.
  return numbers.every((number, index) => {
    let first = index;
    for (const axis of axes) first -= (Math.floor(index / (strides[axis] ?? 1)) % (shape[axis] ?? 1)) * (strides[axis] ?? 1);
    return number === numbers[first];
  });
}
