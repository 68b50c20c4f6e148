import { expectPass } from '../../support/expect-pass';
import { mergeScales } from './merge-scales';

/** Two products over a 2x3 map; `outputs` and `nodes` can add to them. */
const products = (a: string, b: string, outputs = '', nodes = ''): string => `
  g (float[N, 2, 3] X) => (float[N, 2, 3] Y${outputs}) <float${a}, float${b}> {
    P = Mul (X, a)
    Y = Mul (P, b)
    ${nodes}
  }`;

describe('merge-scales', () => {
  test('multiplies two numbers', () => expectPass(mergeScales, products(' a = {3}', ' b = {0.1}')).toBecome('Y = Mul (X, a_merged)'));

  test('keeps the shape of the factor that has one, whichever it is', async () => {
    await expectPass(mergeScales, products('[2, 1] a', ' b = {0.1}')).toBecome('Y = Mul (X, a_merged)');
    await expectPass(mergeScales, products('[1] a = {3}', '[2, 3] b')).toBecome('Y = Mul (X, a_merged)');
  });

  test('finds the constants on either side', () =>
    expectPass(
      mergeScales,
      'g (float[2, 3] X) => (float[2, 3] Y) <float a = {3}, float b = {0.1}> { P = Mul (a, X) Y = Mul (b, P) }',
    ).toBecome('Y = Mul (X, a_merged)'));

  test('merges a chain into one product', () =>
    expectPass(
      mergeScales,
      'g (float[2, 3] X) => (float[2, 3] Y) <float a = {3}, float b = {0.1}, float c = {7}> { P = Mul (X, a) Q = Mul (P, b) Y = Mul (Q, c) }',
    ).toBecome('Y = Mul (X, merged)'));

  test.each([
    ['the factors have different shapes', products('[2, 1] a', '[3] b'), 'neither factor is a single number'],
    ['the product vanishes', products(' a = {1e-30}', ' b = {1e-30}'), 'does not fit into float32'],
    [
      'somebody else reads the inner product',
      products(' a = {3}', ' b = {2}', ', float[N, 2, 3] Z', 'Z = Relu (P)'),
      "'P' is also read by Relu 'Z'",
    ],
    ['the inner product is an output', products(' a = {3}', ' b = {2}', ', float[N, 2, 3] P'), "'P' is also an output of the graph"],
    [
      'a factor is not constant',
      'g (float[2, 3] X, float[2, 3] Z) => (float[2, 3] Y) <float a = {3}> { P = Mul (X, a) Y = Mul (P, Z) }',
      'is not constant',
    ],
  ])('leaves the products alone when %s', (_, text, reason) => expectPass(mergeScales, text).toRefuse(reason));
});
