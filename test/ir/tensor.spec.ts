import { scaledAlong } from '../../src/ir/linear-algebra';
import { computedTensor, elementCount, fromNumbers, permuted, readNumbers, tensorBytes } from '../../src/ir/tensor';
import type { DType, Tensor } from '../../src/ir/types';
import { seededTensor } from '../support/seeded';

/** out[i..] = in[i permuted], element by element. */
function naively(tensor: Tensor, perm: readonly number[]): number[] {
  const shape = perm.map((axis) => tensor.shape[axis] ?? 1);
  const numbers = readNumbers(tensor);
  return Array.from({ length: numbers.length }, (_, flat) => {
    let rest = flat;
    const from = tensor.shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from[perm[axis] ?? 0] = rest % (shape[axis] ?? 1);
      rest = Math.floor(rest / (shape[axis] ?? 1));
    }
    return numbers[from.reduce((sum, at, axis) => sum + at * elementCount(tensor.shape.slice(axis + 1)), 0)] ?? Number.NaN;
  });
}

describe('permuted', () => {
  test.each<[DType, readonly number[], readonly number[]]>([
    ['float', [70, 41], [1, 0]], // a transposition, in tiles and what is left of them
    ['float', [3, 70, 41], [0, 2, 1]],
    ['float', [2, 3, 33, 5], [1, 0, 3, 2]],
    ['float', [4, 5, 6], [2, 1, 0]],
    ['float', [4, 5, 6], [1, 0, 2]], // rows stay whole
    ['float', [4, 1, 6, 1], [2, 3, 0, 1]],
    ['float16', [7, 5, 2], [2, 0, 1]],
    ['double', [7, 5], [1, 0]],
    ['uint8', [3, 4, 5], [2, 0, 1]],
    ['float', [0, 3], [1, 0]],
    ['float', [], []],
  ])('%s %j by %j', (dtype, shape, perm) => {
    const tensor = seededTensor(dtype, shape, 5);
    expect([...readNumbers(permuted(tensor, perm))]).toEqual(naively(tensor, perm));
  });
});

describe('scaledAlong', () => {
  const factors = [1 / 3, -7, 1e-3];
  const weight = seededTensor('float', [2, 3, 5], 9);
  const exact = Array.from(readNumbers(weight), (number, at) => number * (factors[Math.floor(at / 5) % 3] ?? 0));

  test('floats are multiplied as doubles and rounded once', () => {
    const scaled = scaledAlong(weight, 1, () => factors);
    const written = new Float32Array(new Uint8Array(tensorBytes(scaled)).buffer);
    expect([...written]).toEqual(exact.map(Math.fround));
    expect([...readNumbers(scaled)]).toEqual(exact);
  });

  test('numbers that were computed are not rounded in between, and not changed', () => {
    const computed = computedTensor('float', [3], () => new Float64Array([1 / 3, 2 / 3, 1 / 7]));
    const twice = scaledAlong(
      scaledAlong(computed, 0, () => [3, 3, 7]),
      0,
      () => [1, 1, 1],
    );
    expect([...readNumbers(twice)]).toEqual([1, 2, 1]);
    expect([...readNumbers(computed)]).toEqual([1 / 3, 2 / 3, 1 / 7]);
  });

  test('half precision', () => {
    const scaled = scaledAlong(fromNumbers('float16', [2], [1, 2]), 0, () => [0.1, 0.2]);
    expect([...new Uint16Array(new Uint8Array(tensorBytes(scaled)).buffer)]).toEqual([0x2e66, 0x3666]);
  });
});
