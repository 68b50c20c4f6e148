/** A permutation of a permutation is one of the tensor that lies behind both, so that a writer can take it from there. */
import { fromNumbers, permuted, readNumbers, reshaped } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';

const weight = fromNumbers(
  'float',
  [4, 2, 3, 5],
  Float64Array.from({ length: 120 }, (_, at) => at),
);
/** The same tensor without the knowledge that it was permuted. */
const forgetful = (tensor: Tensor): Tensor => fromNumbers('float', tensor.shape, readNumbers(tensor));

test.each([
  ['merged axes', (made: Tensor) => reshaped(made, [4, 30]), [1, 0]],
  ['merged axes with one of length one', (made: Tensor) => reshaped(made, [4, 1, 30]), [2, 0, 1]],
  ['the same axes', (made: Tensor) => made, [3, 0, 2, 1]],
])('%s', (_, view, perm) => {
  const once = permuted(weight, [0, 2, 3, 1]);
  const twice = permuted(view(once), perm);
  expect([...readNumbers(twice)]).toEqual([...readNumbers(permuted(forgetful(view(once)), perm))]);
  expect(twice.data).toMatchObject({ permutation: { of: weight } });
});

test('axes that were cut elsewhere are permuted in two steps', () => {
  const once = reshaped(permuted(weight, [0, 2, 3, 1]), [20, 6]);
  const twice = permuted(once, [1, 0]);
  expect([...readNumbers(twice)]).toEqual([...readNumbers(permuted(forgetful(once), [1, 0]))]);
  expect(twice.data).toMatchObject({ permutation: { of: once } });
});
