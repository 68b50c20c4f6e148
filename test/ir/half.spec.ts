import { halfToNumber, numberToHalf, toHalves } from '../../src/ir/half';

/** All halves from zero to the largest, ascending: their bits count upwards. */
const POSITIVE = Array.from({ length: 0x7c00 }, (_, bits) => halfToNumber(bits));

/** By search: the nearest of all halves, of two that are as near the one with the even bits. */
function nearest(number: number): number {
  const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0;
  const size = Math.abs(number);
  if (Number.isNaN(size)) return 0x7e00;
  // One step beyond the largest, it would be 65536.
  if (size >= 65520) return sign | 0x7c00;
  let [low, high] = [0, POSITIVE.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((POSITIVE[middle] ?? 0) <= size) low = middle;
    else high = middle - 1;
  }
  const [below, above] = [POSITIVE[low] ?? 0, POSITIVE[low + 1] ?? 65536];
  const isAbove = size - below > above - size || (size - below === above - size && low % 2 === 1);
  return sign | (isAbove ? low + 1 : low);
}

const EDGES = [
  0,
  -0,
  1,
  -1,
  65504,
  65519.99,
  65520,
  1e9,
  -1e9,
  2 ** -14,
  2 ** -24,
  2 ** -25,
  1.5 * 2 ** -25,
  2 ** -26,
  1 + 2 ** -11,
  1 + 3 * 2 ** -11,
];

test('each half is its own number', () => {
  const all = Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => !Number.isNaN(halfToNumber(bits)));
  expect([...toHalves(all.map(halfToNumber))]).toEqual(all);
  expect(numberToHalf(Number.NaN)).toBe(0x7e00);
});

test('a number becomes the nearest half, of two the even one', () => {
  const random = Array.from({ length: 20_000 }, (_, at) => Math.sin(at * 12.9898) * 2 ** ((at % 60) - 40));
  const ties = POSITIVE.slice(0, 2000).map((number, at) => (number + (POSITIVE[at + 1] ?? 0)) / 2);
  const numbers = [...EDGES, ...random, ...ties, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  expect([...toHalves(numbers)]).toEqual(numbers.map(nearest));
});

test('a double is rounded once, not by way of a float', () => {
  const tie = 1 + 2 ** -11;
  expect(numberToHalf(tie + 2 ** -40)).toBe(numberToHalf(tie) + 1);
});
