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
