import { mergeViews } from '../../passes/merge-views';
import { expectPass } from '../support/expect-pass';

describe('merge-views', () => {
  test('axes of one go in front of a Transpose, where a view waits for them', () =>
    expectPass(
      mergeViews,
      'g (float[12, 7] X) => (float[1, 3, 4, 7] Y) <int64[3] a = {3, 28, 1}, int64[4] b = {4, 3, 1, 7}, int64[4] c = {1, 3, 4, 7}> { R = Relu (X) A = Reshape (R, a) B = Reshape (A, b) T = Transpose <perm = [1, 2, 0, 3]> (B) Y = Reshape (T, c) }',
    ).toBecome(`
      R = Relu (X)
      V = Reshape (R, target)
      Y = Transpose <perm = [0, 2, 1, 3]> (V)`));
  test('or another Transpose', () =>
    expectPass(
      mergeViews,
      'g (float[3, 4, 7] X) => (float[4, 7, 1, 3] Y) <int64[4] c = {4, 1, 3, 7}> { R = Relu (X) T = Transpose <perm = [1, 0, 2]> (R) V = Reshape (T, c) Y = Transpose <perm = [0, 3, 1, 2]> (V) }',
    ).toBecome(`
      R = Relu (X)
      V = Reshape (R, target)
      T = Transpose <perm = [2, 0, 1, 3]> (V)
      Y = Transpose <perm = [0, 3, 1, 2]> (T)`));
  test.each([
    ['the view does more', 'int64[3] c = {2, 2, 21}', 'float[2, 2, 21] Y', ''],
    ['it would meet nothing', 'int64[4] c = {4, 1, 3, 7}', 'float[4, 1, 3, 7] Y', ''],
    ['others read the Transpose', 'int64[4] c = {4, 1, 3, 7}', 'float[4, 1, 3, 7] Y, float[4, 3, 7] Z', 'Z = Abs (T)'],
  ])('but not where %s', (_, constants, outputs, more) =>
    expectPass(
      mergeViews,
      `g (float[3, 4, 7] X) => (${outputs}) <${constants}> { R = Relu (X) T = Transpose <perm = [1, 0, 2]> (R) Y = Reshape (T, c) ${more} }`,
    ).toStay(),
  );
  test('one view of three', () =>
    expectPass(
      mergeViews,
      'g (float[N, 3, 4, 5] X) => (float[N, 12, 5] Y) <int64[2] a = {0, -1}, int64[1] b = {1}, int64[3] c = {0, 12, 5}> { A = Reshape (X, a) B = Unsqueeze (A, b) Y = Reshape (B, c) }',
    ).toBecome('Y = Reshape (X, target)'));
  test('none where the shape is that of the start', () =>
    expectPass(
      mergeViews,
      'g (float[2, 3, 4] X) => (float[2, 3, 4] Y) <int64[2] a = {2, 12}, int64[3] c = {2, 3, 4}> { A = Reshape (X, a) B = Reshape (A, c) Y = Relu (B) }',
    ).toBecome('Y = Relu (X)'));
  test('a view that others read stays for them', () =>
    expectPass(
      mergeViews,
      'g (float[2, 3, 4] X) => (float[24] Y, float[2, 12] Z) <int64[2] a = {2, 12}, int64[1] c = {24}> { A = Reshape (X, a) Y = Reshape (A, c) Z = Relu (A) }',
    ).toBecome('A = Reshape (X, a) Y = Reshape (X, target) Z = Relu (A)'));
});
