import { foldShapes } from '../../passes/fold-shapes';
import { expectPass } from '../support/expect-pass';

describe('fold-shapes', () => {
  test('makes constants of the axes that are known', () =>
    expectPass(
      foldShapes,
      'g (float[N, 3, 4, 5] X) => (float[N, 60] Y) <int64[1] free = {-1}> { S = Shape <start = 1> (X) P = ReduceProd (S) C = Concat <axis = 0> (free, P) Y = Reshape (X, C) }',
    ).toBecome('P = ReduceProd (sizes) C = Concat <axis = 0> (free, P) Y = Reshape (X, C)'));
  test('leaves symbolic ones', () =>
    expectPass(foldShapes, 'g (float[N, 3] X) => (int64[2] Y) { S = Shape (X) Y = Identity (S) }').toStay());
});
