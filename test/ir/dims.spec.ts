import {
  addDims,
  canonicalDim,
  ceilDivideDim,
  divideDim,
  evaluateDim,
  floorDivideDim,
  leastDim,
  maxDims,
  minDims,
  mostDim,
  multiplyDims,
  namesOf,
  sameDim,
  substituteDim,
  subtractDims,
  whereNotEmpty,
} from '../../src/ir/dims';
import type { Dim } from '../../src/ir/types';
import { random } from '../support/seeded';

const half = (dim: Dim, plus = 0): Dim => floorDivideDim(addDims(dim, plus), 2);

describe('dimensions', () => {
  test.each<[string, Dim, Dim]>([
    ['sums', addDims(multiplyDims(2, 'h'), addDims('w', 1)), '2*h + w + 1'],
    ['differences that vanish', subtractDims(addDims('h', 3), 'h'), 3],
    ['products', multiplyDims(addDims('h', 1), addDims('h', -1)), 'h*h - 1'],
    ['nothing times the unknown', multiplyDims(0, undefined), 0],
    ['nested divisions', half(half('h', 1), 1), 'floor((h + 3)/4)'],
    ['twenty nested divisions', Array.from({ length: 20 }).reduce<Dim>((dim) => half(dim, 1), 'h'), 'floor((h + 1048575)/1048576)'],
    ['division of what divides', floorDivideDim(multiplyDims(4, addDims('h', 1)), 2), '2*h + 2'],
    ['a common factor', floorDivideDim(addDims(multiplyDims(4, 'h'), 3), 6), 'floor((2*h + 1)/3)'],
    ['division of what is negative', floorDivideDim(subtractDims(0, 'h'), 2), 'floor(h/2) - h'],
    ['rounding up', ceilDivideDim('h', 2), 'floor((h + 1)/2)'],
    ['rounding up numbers', ceilDivideDim(-7, 2), -3],
    ['a quotient that is the same everywhere', floorDivideDim(subtractDims(multiplyDims(2, half('h', 1)), 'h'), 2), 0],
    ['the unknown', addDims('h', undefined), undefined],
  ])('%s', (_, actual, expected) => expect(actual).toBe(expected));

  test.each<[string, Dim, Dim, Dim]>([
    ['a product of axes', multiplyDims(multiplyDims('N', 256), multiplyDims('h', 'w')), multiplyDims('h', 'w'), '256*N'],
    ['a product of sums', multiplyDims(multiplyDims(6, addDims('h', -5)), addDims('w', 3)), addDims('w', 3), '6*h - 30'],
    ['a power', multiplyDims('h', multiplyDims('h', 'h')), 'h', 'h*h'],
    ['itself', addDims(half('h'), 'w'), addDims(half('h'), 'w'), 1],
    ['numbers', 9216, 36, 256],
    ['a number that does not divide', 'h', 2, undefined],
    ['a sum that does not divide', addDims(multiplyDims('h', 'w'), 1), addDims('h', 1), undefined],
    ['nothing', 'h', 0, undefined],
  ])('exact quotients: %s', (_, whole, part, expected) => expect(divideDim(whole, part)).toBe(expected));

  test.each<[string, Dim, Dim]>([
    ['two that differ by a number', maxDims('h', addDims('h', 2)), 'h + 2'],
    ['two that nothing relates', minDims('w', 'h'), 'min(h, w)'],
    ['more than two', maxDims(maxDims('w', 'h'), maxDims('h', 3)), 'max(3, h, w)'],
    ['half of a name and the name', maxDims(half('h'), 'h'), 'h'],
    ['a name and 1', maxDims('h', 1), 'h'],
    ['a difference and 0', maxDims(0, subtractDims('h', 1)), 'h - 1'],
    ['what may be negative', maxDims(0, subtractDims('h', 2)), 'max(0, h - 2)'],
    ['an extreme and a number within another', maxDims(subtractDims(maxDims(0, subtractDims('h', 2)), 4), 0), 'max(0, h - 6)'],
    ['where it is not empty', whereNotEmpty(subtractDims(maxDims(0, subtractDims('h', 2)), 1)), 'h - 3'],
    ['where a quotient is not empty', whereNotEmpty(floorDivideDim(addDims(maxDims(0, subtractDims('h', 31)), 3), 4)), 'floor(h/4) - 7'],
    ['where either side is not empty', whereNotEmpty(maxDims(subtractDims('h', 2), subtractDims('w', 1))), 'max(h - 2, w - 1)'],
    ['a product', minDims(0, multiplyDims('h', 'w')), 0],
    [
      'a product with what may be negative',
      minDims(0, multiplyDims('h', floorDivideDim(subtractDims('w', 9), 2))),
      'min(0, floor((w + 1)/2)*h - 5*h)',
    ],
    [
      'the padding of SAME behind a pool',
      maxDims(0, subtractDims(addDims(multiplyDims(2, floorDivideDim(addDims('h', 2), 4)), 1), half('h'))),
      '2*floor((h + 2)/4) - floor(h/2) + 1',
    ],
    ['a clipped position that cancels', addDims(subtractDims('h', minDims(3, 'h')), minDims('h', 3)), 'h'],
  ])('the smaller and the larger: %s', (_, actual, expected) => expect(actual).toBe(expected));

  test.each<[Dim, number, number]>([
    ['h', 1, Number.POSITIVE_INFINITY],
    ['3 - h', Number.NEGATIVE_INFINITY, 2],
    ['2*floor((h + 31)/32)', 2, Number.POSITIVE_INFINITY],
    ['2*floor((h + 1)/2) - h', 0, 1],
    ['h - 3*floor(h/3)', 0, 2],
    ['max(h, w) - h', 0, Number.POSITIVE_INFINITY],
    ['min(h, 4)*min(w, 3)', 1, 12],
    ['h*w - h', Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('%s is between %d and %d', (dim, least, most) => expect([leastDim(dim), mostDim(dim)]).toEqual([least, most]));

  test.each<[string, Dim]>([
    ['((s0 - 1)//2) + 1', 'floor((s0 + 1)/2)'],
    ['s0//2 + 2*(s1 + 1)', 'floor(s0/2) + 2*s1 + 2'],
    ['floor(s0/2 - 1/2) + 1', 'floor((s0 + 1)/2)'],
    ['ceiling(s0/4)', 'floor((s0 + 3)/4)'],
    ['Max(1, s0, 2 + s0)', 's0 + 2'],
    ['s0 % 2', '-2*floor(s0/2) + s0'],
    ['Mod(s0, 4)', '-4*floor(s0/4) + s0'],
    ['s0**2', 's0*s0'],
    ['FloorDiv(4*s0, 2)', '2*s0'],
    ['(s0*s1)//s1', 's0'],
    ['4*s0/2', '2*s0'],
    ['s0-1', 's0 - 1'],
    ['12', 12],
  ])("exporters' expressions: %s", (text, expected) => expect(canonicalDim(text)).toBe(expected));

  test.each(['batch-size', 'batch size', 'unk__17', 'Gemm552_dim_0', 'N:0', 'h/2', '-1', '(h', 'f(x)', '1.5', 'größe', '?'])(
    "'%s' is a name",
    (name) => {
      expect(canonicalDim(name)).toBe(name);
      expect([...namesOf(addDims(name, 1))]).toEqual([name]);
      expect(evaluateDim(addDims(multiplyDims(name, 2), 1), { [name]: 20 })).toBe(41);
      const text = addDims(name, 1);
      expect(canonicalDim(String(text))).toBe(text);
    },
  );
  test('names that differ in what an expression may not contain stay different', () => {
    expect(sameDim(addDims('batch size', 1), addDims('batch_size', 1))).toBe(false);
  });

  test('equal expressions are equal', () => {
    expect(sameDim('2*h + h + 1', '1 + 3*h')).toBe(true);
    expect(sameDim('h', 'w')).toBe(false);
    expect(sameDim('2*2', 4)).toBe(true);
    expect(sameDim(undefined, undefined)).toBe(false);
  });
  test('names', () => expect([...namesOf('floor((h + 3)/4)*w - max(2, n)')].sort()).toEqual(['h', 'n', 'w']));
  test('numbers and expressions in the place of names', () => {
    const dim = 'N*floor((h + 3)/4) + min(h, w)';
    expect(substituteDim(dim, { h: 5 })).toBe('2*N + min(5, w)');
    expect(substituteDim(dim, new Map([['h', '4*k']]))).toBe('N*k + min(4*k, w)');
    expect(evaluateDim(dim, { h: 5, w: 4, N: 3 })).toBe(10);
    expect(evaluateDim(dim, { h: 5, w: 4 })).toBe(undefined);
  });

  test('random expressions have the value of the same arithmetic on numbers, and their bounds hold', () => {
    const next = random(7);
    const below = (n: number): number => Math.floor(next() * n);
    const sizes = [1, 2, 3, 4, 5, 7, 8, 64, 225].map((h, at) => ({ h, w: [1, 300, 6, 2, 9, 31, 17, 64, 50][at] ?? 1 }));
    type Known = readonly [dim: Dim, numbers: readonly number[]];
    const atom = (): Known => {
      const name = below(2) ? 'h' : 'w';
      return [name, sizes.map((size) => size[name])];
    };
    const step = ([dim, numbers]: Known): Known => {
      const n = 1 + below(7);
      const [other, others] = below(3) ? atom() : step(atom());
      const zip = (apply: (a: number, b: number) => number): number[] => numbers.map((number, at) => apply(number, others[at] ?? 0));
      switch (below(9)) {
        case 0:
          return [addDims(dim, n), numbers.map((number) => number + n)];
        case 1:
          return [subtractDims(dim, n), numbers.map((number) => number - n)];
        case 2:
          return [multiplyDims(dim, n), numbers.map((number) => number * n)];
        case 3:
          return [floorDivideDim(dim, n), numbers.map((number) => Math.floor(number / n))];
        case 4:
          return [ceilDivideDim(dim, n), numbers.map((number) => Math.ceil(number / n))];
        case 5:
          return [addDims(dim, other), zip((a, b) => a + b)];
        case 6:
          return [subtractDims(dim, other), zip((a, b) => a - b)];
        case 7:
          return [minDims(dim, other), zip(Math.min)];
        default:
          return [maxDims(dim, other), zip(Math.max)];
      }
    };
    for (let round = 0; round < 2000; round++) {
      let known = atom();
      for (let count = below(6); count >= 0; count--) known = step(known);
      const [dim, numbers] = known;
      // Zero is zero, whatever its sign.
      expect([dim, sizes.map((size) => evaluateDim(dim, size))]).toEqual([dim, numbers.map((number) => number + 0)]);
      expect(canonicalDim(dim)).toBe(dim);
      for (const number of numbers) {
        expect([dim, leastDim(dim) <= number]).toEqual([dim, true]);
        expect([dim, mostDim(dim) >= number]).toEqual([dim, true]);
      }
    }
  });

  test('products divide by their factors', () => {
    const next = random(3);
    const below = (n: number): number => Math.floor(next() * n);
    for (let round = 0; round < 300; round++) {
      const factor = (): Dim =>
        addDims(addDims(multiplyDims('h', 1 + below(3)), multiplyDims(half('w', below(4)), below(3))), below(9) - 4);
      const [a, b] = [factor(), factor()];
      expect(divideDim(multiplyDims(a, b), b)).toBe(a);
    }
  });
});
