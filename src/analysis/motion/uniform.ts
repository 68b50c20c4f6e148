import { isKnown, readNumbers } from '../../ir/tensor';
import type { ConstValue } from '../../ir/types';

/** Whether all numbers of a constant are the same one: moving along its axes changes nothing then. */
export function isUniform({ constant }: ConstValue): boolean {
  if (!isKnown(constant)) return false;
  const numbers = readNumbers(constant);
  return numbers.every((number) => number === numbers[0]);
}

/** Whether a constant has the same numbers all along these of its axes. */
export function isUniformAlong(value: ConstValue, axes: readonly number[]): boolean {
  const { constant } = value;
  if (!isKnown(constant)) return false;
  const numbers = readNumbers(constant);
  const { shape } = constant;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  // The number at the beginning of the axes stands for all along them.
  return numbers.every((number, index) => {
    let first = index;
    for (const axis of axes) first -= (Math.floor(index / (strides[axis] ?? 1)) % (shape[axis] ?? 1)) * (strides[axis] ?? 1);
    return number === numbers[first];
  });
}
