import {
  addDims,
  canonicalDim,
  ceilDivideDim,
  divideDim,
  evaluateDim,
  floorDivideDim,
  maxDims,
  minDims,
  multiplyDims,
  namesOf,
  sameDim,
  subtractDims,
} from '../../src/ir/dims';
import type { Dim } from '../../src/ir/types';
import { seededRandom } from '../../src/verify/inputs';

describe('dimensions', () => {
  test.each<[string, Dim, Dim]>([
    ['sums', addDims(multiplyDims(2, 'h'), addDims('w', 1)), '2*h + w + 1'],
    ['differences that vanish', subtractDims(addDims('h', 3), 'h'), 3],
    ['products', multiplyDims(addDims('h', 1), addDims('h', -1)), 'h*h - 1'],
    ['nested divisions', floorDivideDim(addDims(floorDivideDim(addDims('h', 1), 2), 1), 2), 'floor((h + 3)/4)'],
    ['division of what divides', floorDivideDim(multiplyDims(4, addDims('h', 1)), 2), '2*h + 2'],
    ['rounding up', ceilDivideDim('h', 2), 'floor((h + 1)/2)'],
    ['exact quotients', divideDim(multiplyDims(multiplyDims('N', 256), multiplyDims('h', 'w')), multiplyDims('h', 'w')), '256*N'],
    ['quotients that are not exact', divideDim('h', 2), undefined],
    ['the larger of two that differ by a number', maxDims('h', addDims('h', 2)), 'h + 2'],
    ['the smaller of two unknowns', minDims('h', 'w'), 'min(h, w)'],
    [
      'what is never negative',
      maxDims(0, subtractDims(addDims(multiplyDims(2, floorDivideDim(addDims('h', 2), 4)), 1), floorDivideDim('h', 2))),
      '2*floor((h + 2)/4) - floor(h/2) + 1',
    ],
    ['what may be negative', maxDims(0, subtractDims('h', 1)), 'max(0, h - 1)'],
    ['products that are never negative', minDims(0, multiplyDims('h', 'w')), 0],
    [
      'products of what may be negative',
      minDims(0, multiplyDims('h', floorDivideDim(subtractDims('w', 9), 2))),
      'min(0, floor((w + 1)/2)*h - 5*h)',
    ],
    ['half of a name', maxDims(floorDivideDim('h', 2), 'h'), 'h'],
    ['the unknown', addDims('h', undefined), undefined],
    ["exporters' expressions", canonicalDim('((s0 - 1)//2) + 1'), 'floor((s0 + 1)/2)'],
    ['names with a dash', 'batch-size', 'batch-size'],
  ])('%s', (_, actual, expected) => expect(actual).toBe(expected));

  test('equal expressions are equal', () => {
    expect(sameDim('2*h + h + 1', '1 + 3*h')).toBe(true);
    expect(sameDim('h', 'w')).toBe(false);
  });
  test('extremes that are decided, are decided rightly', () => {
    const random = seededRandom(11);
    const below = (n: number): number => Math.floor(random() * n);
    let decided = 0;
    for (let round = 0; round < 3000; round++) {
      const half = (): Dim => {
        const by = 1 + below(4);
        return addDims(multiplyDims(floorDivideDim(addDims(multiplyDims('h', 1 + below(3)), below(5)), by), 1 + below(4)), below(7) - 3);
      };
      const [a, b] = [half(), half()];
      const [larger, smaller] = [maxDims(a, b), minDims(a, b)];
      if (sameDim(larger, a) || sameDim(larger, b)) decided++;
      for (const h of [0, 1, 2, 3, 4, 5, 6, 7, 11, 64, 225]) {
        const [x = 0, y = 0] = [evaluateDim(a, { h }), evaluateDim(b, { h })];
        expect([a, b, h, evaluateDim(larger, { h }), evaluateDim(smaller, { h })]).toEqual([a, b, h, Math.max(x, y), Math.min(x, y)]);
      }
    }
    expect(decided).toBeGreaterThan(500);
  });
  test('names', () => expect([...namesOf('floor((h + 3)/4)*w - max(1, n)')].sort()).toEqual(['h', 'n', 'w']));

  test('random expressions have the value of the same arithmetic on numbers', () => {
    const random = seededRandom(7);
    const below = (n: number): number => Math.floor(random() * n);
    for (let round = 0; round < 2000; round++) {
      const bindings = { h: 1 + below(300), w: 1 + below(300) };
      let dim: Dim = below(2) ? 'h' : 'w';
      let number: number = dim === 'h' ? bindings.h : bindings.w;
      for (let step = 0; step < 6; step++) {
        const n = 1 + below(7);
        const other: 'h' | 'w' = below(2) ? 'h' : 'w';
        switch (below(7)) {
          case 0:
            [dim, number] = [addDims(dim, n), number + n];
            break;
          case 1:
            [dim, number] = [subtractDims(dim, n), number - n];
            break;
          case 2:
            [dim, number] = [multiplyDims(dim, n), number * n];
            break;
          case 3:
            [dim, number] = [floorDivideDim(dim, n), Math.floor(number / n)];
            break;
          case 4:
            [dim, number] = [addDims(dim, other), number + bindings[other]];
            break;
          case 5:
            [dim, number] = [maxDims(dim, other), Math.max(number, bindings[other])];
            break;
          default:
            [dim, number] = [minDims(dim, subtractDims(other, n)), Math.min(number, bindings[other] - n)];
        }
      }
      expect([dim, evaluateDim(dim, bindings)]).toEqual([dim, number]);
      expect(canonicalDim(dim)).toBe(dim);
    }
  });
});
