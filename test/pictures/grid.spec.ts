/** Maps of several scales on one grid: where cells lie, what is between them, whose window the peak is. */
import {
  combineViews,
  commonGrid,
  type Grid,
  localPeaks,
  mirrorAxis,
  mirrorMap,
  peakOf,
  sampleMap,
  type View,
} from '../../src/pictures/grid';

const grid = (rows: readonly [number, number, number], columns: readonly [number, number, number]): Grid => [
  { start: rows[0], step: rows[1], count: rows[2] },
  { start: columns[0], step: columns[1], count: columns[2] },
];
const view = (scale: number, where: Grid, numbers: readonly number[], window = 28 / scale): View => ({
  scale,
  flipped: false,
  grid: where,
  window: [window, window],
  lead: [window / 2, window / 2],
  maps: new Map([[0, Float32Array.from(numbers)]]),
});

const fine = view(1, grid([14, 4, 2], [14, 4, 3]), [0, 1, 2, 3, 4, 9]);
const coarse = view(0.5, grid([16, 8, 1], [14, 8, 2]), [5, 7]);

test('between cells bilinear, beyond them as they say', () => {
  const map = fine.maps.get(0) ?? new Float32Array();
  const at = (y: number, x: number): number => sampleMap(map, fine.grid, [y, x]);
  expect([at(14, 14), at(18, 22), at(16, 16), at(15, 14)]).toEqual([0, 9, 2, 0.75]);
  expect([at(0, 0), at(100, 100), at(0, 18)]).toEqual([0, 9, 1]);
  // Minus infinity stays where it is.
  expect(sampleMap(Float32Array.of(Number.NEGATIVE_INFINITY, 3), grid([0, 1, 1], [0, 1, 2]), [0, 1])).toBe(3);
});

test('the grid is that of the view with most cells; others are read between theirs', () => {
  const views = [coarse, fine];
  const common = commonGrid(views);
  expect(common).toBe(fine.grid);
  // The coarse view says 5, 6, 7 at the columns 14, 18, 22.
  expect([...combineViews(views, 0, common, 'mean')]).toEqual([2.5, 3.5, 4.5, 4, 5, 8]);
  expect([...combineViews(views, 0, common, 'max')]).toEqual([5, 6, 7, 5, 6, 9]);
});

test('the peak has the window of the view that sees most there', () => {
  const views = [coarse, fine];
  const peak = peakOf(combineViews(views, 0, fine.grid, 'max'), fine.grid, views, 0);
  expect(peak).toEqual({
    at: [1, 2],
    score: 9,
    place: [18, 22],
    cell: [1, 2],
    scale: 1,
    flipped: false,
    window: { starts: [4, 8], lengths: [28, 28] },
  });
  const far = peakOf(Float32Array.of(0, 0, 8, 0, 0, 0), fine.grid, views, 0);
  expect(far).toMatchObject({ at: [0, 2], scale: 0.5, window: { starts: [16 - 28, 22 - 28], lengths: [56, 56] } });
});

test('in a mirror', () => {
  // Windows of 28 at every fourth of 37 columns: cells at 14, 18, 22; in the mirror at 23, 19, 15.
  expect(mirrorAxis({ start: 14, step: 4, count: 3 }, 37)).toEqual({ start: 15, step: 4, count: 3 });
  expect([...mirrorMap(Float32Array.of(1, 2, 3, 4, 5, 6), 3)]).toEqual([3, 2, 1, 6, 5, 4]);
});

test('local peaks: higher than all eight neighbours, of equal ones the first, the highest first', () => {
  const map = Float32Array.from([5, 1, 4, 1, 1, 1, 2, 2, 0]);
  const where = grid([10, 10, 3], [10, 10, 3]);
  const seen = [view(1, where, [...map])];
  expect(localPeaks(map, where, seen, 0).map(({ at, score, place }) => [...at, score, ...place])).toEqual([
    [0, 0, 5, 10, 10],
    [0, 2, 4, 10, 30],
    [2, 0, 2, 30, 10],
  ]);
  expect(
    localPeaks(Float32Array.of(Number.NaN, 3), grid([0, 1, 1], [0, 1, 2]), [view(1, grid([0, 1, 1], [0, 1, 2]), [0, 3])], 0),
  ).toHaveLength(1);
});

describe('along one axis and along three', () => {
  const axis = (start: number, step: number, count: number) => ({ start, step, count });
  test('between cells linear', () => {
    expect(sampleMap(Float32Array.of(1, 5), [axis(10, 4, 2)], [11])).toBe(2);
    // The eight corners of a cube, whose number is 4 d + 2 h + w.
    const cube = Float32Array.from({ length: 8 }, (_, at) => at);
    expect(sampleMap(cube, [axis(0, 1, 2), axis(0, 1, 2), axis(0, 1, 2)], [0.5, 0.25, 1])).toBe(2 + 0.5 + 1);
  });
  test('a peak of a volume is higher than all 26 neighbours', () => {
    const where: Grid = [axis(4, 8, 3), axis(4, 8, 3), axis(4, 8, 4)];
    const map = new Float32Array(36);
    map[1 * 12 + 1 * 4 + 2] = 9;
    // A diagonal neighbour is none, one two cells on is.
    map[2 * 12 + 2 * 4 + 3] = 8;
    map[0] = 3;
    const seen: View = { scale: 1, flipped: false, grid: where, window: [8, 8, 8], lead: [4, 4, 4], maps: new Map([[0, map]]) };
    const peaks = localPeaks(map, where, [seen], 0).filter(({ score }) => score > 0);
    expect(peaks.map(({ at, place, window: { starts } }) => [at, place, starts])).toEqual([
      [
        [1, 1, 2],
        [12, 12, 20],
        [8, 8, 16],
      ],
      [
        [0, 0, 0],
        [4, 4, 4],
        [0, 0, 0],
      ],
    ]);
  });
});
