import { foldConstants } from '../../passes/fold-constants';
import { expectPass } from '../support/expect-pass';

describe('fold-constants: a norm in training mode over weights', () => {
  test('is weight standardisation', () =>
    expectPass(
      foldConstants,
      'g (float[1, 5, 12] X) => (float[1, 5, 12] Y) <float[1, 5, 12] W, float[5] scale, float[5] shift, float[5] mean, float[5] var> { B, rm, rv = BatchNormalization <training_mode = 1> (W, scale, shift, mean, var) Y = Mul (X, B) }',
    ).toBecome('Y = Mul (X, folded)', { departs: true }));
  test('scattered constants', () =>
    expectPass(
      foldConstants,
      'g (float[3, 2, 2] X) => (float[3, 2, 2] Y) <float[3, 2, 2] D, int64[2, 2] at = {0, 1, -1, 0}, float[2, 2] u> { S = ScatterND (D, at, u) Y = Mul (X, S) }',
    ).toBecome('Y = Mul (X, folded)'));
});
