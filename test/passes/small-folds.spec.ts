import { foldConstants } from '../../passes/fold-constants';
import { foldShapes } from '../../passes/fold-shapes';
import { fusePad } from '../../passes/fuse-pad';
import { mergeEqualNodes } from '../../passes/merge-equal-nodes';
import { mergeViews } from '../../passes/merge-views';
import { removeIdentities } from '../../passes/remove-identities';
import { expectPass } from '../support/expect-pass';

const map = (body: string, constants = '', output = 'float[N, 3, 4, 5] Y'): string =>
  `g (float[N, 3, 4, 5] X) => (${output}) <${constants || 'float unused = {1}'}> { ${body} }`;

describe('remove-identities: arithmetic that changes nothing', () => {
  test.each([
    ['X + 0', 'A = Add (X, c) Y = Relu (A)', 'float c = {0}'],
    ['0 + X', 'A = Add (c, X) Y = Relu (A)', 'float c = {0}'],
    ['X - 0', 'A = Sub (X, c) Y = Relu (A)', 'float[1] c = {0}'],
    ['X * 1 per channel', 'A = Mul (X, c) Y = Relu (A)', 'float[3, 1, 1] c = {1, 1, 1}'],
    ['X / 1', 'A = Div (X, c) Y = Relu (A)', 'float c = {1}'],
    ['X ^ 1', 'A = Pow (X, c) Y = Relu (A)', 'float c = {1}'],
  ])('%s', (_, body, constants) => expectPass(removeIdentities, map(body, constants)).toBecome('Y = Relu (X)'));

  test.each([
    ['0 - X', 'A = Sub (c, X) Y = Relu (A)', 'float c = {0}'],
    ['1 / X', 'A = Div (c, X) Y = Relu (A)', 'float c = {1}'],
    ['one factor that is not one', 'A = Mul (X, c) Y = Relu (A)', 'float[3, 1, 1] c = {1, 1.5, 1}'],
    ['a zero that widens', 'A = Add (X, c) Y = Relu (A)', 'float[2, 1, 1, 1, 1] c = {0, 0}'],
  ])('not %s', (_, body, constants) =>
    expectPass(removeIdentities, map(body, constants, constants.includes('[2') ? 'float[2, N, 3, 4, 5] Y' : undefined)).toStay(),
  );
});

describe('remove-identities: slices', () => {
  const slice = (start: number, end: string, axis: number, step = 1): string =>
    map(
      'A = Slice (X, s, e, a, t) Y = Relu (A)',
      `int64[1] s = {${start}}, int64[1] e = {${end}}, int64[1] a = {${axis}}, int64[1] t = {${step}}`,
      'float[N, p, q, r] Y',
    );
  test.each([
    ['to the end, however long', 0, '9223372036854775807', 2],
    ['all channels', 0, '3', 1],
  ])('%s', (_, start, end, axis) => expectPass(removeIdentities, slice(start, end, axis)).toBecome('Y = Relu (X)'));
  test.each([
    ['as many rows as there are now', 0, '4', 2, 1],
    ['from the second', 1, '9223372036854775807', 1, 1],
    ['every other', 0, '9223372036854775807', 1, 2],
  ])('not %s', (_, start, end, axis, step) => expectPass(removeIdentities, slice(start, end, axis, step)).toStay());
});

describe('merge-equal-nodes', () => {
  test('keeps one of two, and then one of those that read them', () =>
    expectPass(mergeEqualNodes, map('A = Relu (X) B = Relu (X) C = Exp (A) D = Exp (B) Y = Add (C, D)')).toBecome(
      'A = Relu (X) C = Exp (A) Y = Add (C, C)',
    ));
  test.each([
    ['other attributes', 'A = LeakyRelu <alpha = 0.1> (X) B = LeakyRelu <alpha = 0.2> (X) Y = Add (A, B)'],
    ['other inputs', 'A = Sub (X, u) B = Sub (u, X) Y = Add (A, B)'],
    ['random numbers', 'A = RandomNormalLike (X) B = RandomNormalLike (X) C = Sub (A, A) D = Sub (B, B) E = Add (C, D) Y = Add (X, E)'],
  ])('tells %s apart', (_, body) => expectPass(mergeEqualNodes, map(body, 'float u = {0.5}')).toStay());
  test('leaves a result that has a public name', () =>
    expectPass(mergeEqualNodes, map('Y = Relu (X) Z = Relu (X)', '', 'float[N, 3, 4, 5] Y, float[N, 3, 4, 5] Z')).toStay());
});

describe('fold-shapes', () => {
  test('makes constants of the axes that are known', () =>
    expectPass(
      foldShapes,
      'g (float[N, 3, 4, 5] X) => (float[N, 60] Y) <int64[1] free = {-1}> { S = Shape <start = 1> (X) P = ReduceProd (S) C = Concat <axis = 0> (free, P) Y = Reshape (X, C) }',
    ).toBecome('P = ReduceProd (sizes) C = Concat <axis = 0> (free, P) Y = Reshape (X, C)'));
  test('leaves symbolic ones', () =>
    expectPass(foldShapes, 'g (float[N, 3] X) => (int64[2] Y) { S = Shape (X) Y = Identity (S) }').toStay());
});

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

describe('fold-constants: a norm in training mode over weights', () => {
  test('is weight standardisation', () =>
    expectPass(
      foldConstants,
      'g (float[1, 5, 12] X) => (float[1, 5, 12] Y) <float[1, 5, 12] W, float[5] scale, float[5] shift, float[5] mean, float[5] var> { B, rm, rv = BatchNormalization <training_mode = 1> (W, scale, shift, mean, var) Y = Mul (X, B) }',
    ).toBecome('Y = Mul (X, folded)'));
  test('scattered constants', () =>
    expectPass(
      foldConstants,
      'g (float[3, 2, 2] X) => (float[3, 2, 2] Y) <float[3, 2, 2] D, int64[2, 2] at = {0, 1, -1, 0}, float[2, 2] u> { S = ScatterND (D, at, u) Y = Mul (X, S) }',
    ).toBecome('Y = Mul (X, folded)'));
});
describe('fuse-pad: zeros in front of a MaxPool', () => {
  const graph = (before: string): string =>
    `g (float[N, 3, 6, 7] X) => (float[N, 3, a, b] Y) <int64[8] p = {0, 0, 0, 0, 0, 0, 1, 1}> { ${before} P = Pad (A, p) Y = MaxPool <kernel_shape = [2, 2]> (P) }`;
  test('are none where no number is below zero', () =>
    expectPass(fusePad, graph('A = Relu (X)')).toBecome('A = Relu (X) Y = MaxPool <kernel_shape = [2, 2], pads = [0, 0, 1, 1]> (A)'));
  test('count elsewhere', () => expectPass(fusePad, graph('A = Neg (X)')).toRefuse('MaxPool with minus infinity'));
});
