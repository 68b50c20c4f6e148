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
    ['the unknown', addDims('h', undefined), undefined],
    ["exporters' expressions", canonicalDim('((s0 - 1)//2) + 1'), 'floor((s0 + 1)/2)'],
    ['names with a dash', 'batch-size', 'batch-size'],
  ])('%s', (_, actual, expected) => expect(actual).toBe(expected));

  test('equal expressions are equal', () => {
    expect(sameDim('2*h + h + 1', '1 + 3*h')).toBe(true);
    expect(sameDim('h', 'w')).toBe(false);
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
        switch (below(6)) {
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
          default:
            [dim, number] = [maxDims(dim, other), Math.max(number, bindings[other])];
        }
      }
      expect([dim, evaluateDim(dim, bindings)]).toEqual([dim, number]);
      expect(canonicalDim(dim)).toBe(dim);
    }
  });
});
