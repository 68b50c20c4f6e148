/** Any region of an array in bytes holds the numbers that the array has there, whatever the order, the kind and the bands. */
import { chosenBands } from '../../src/sources/bands';
import { ELEMENTS } from '../../src/sources/element';
import { type Block, product, type Source } from '../../src/sources/source';
import { stepsOf, storedSource } from '../../src/sources/stored';
import { random } from '../support/seeded';

const at = (block: Block | Promise<Block>): Block => {
  if (block instanceof Promise) throw new Error('at hand');
  return block;
};

/** An array whose number is its place in C order, in bytes of either order. */
function array(
  shape: readonly number[],
  fortran: boolean,
  places: readonly number[],
  bands: number | undefined,
): { source: Source; reads: number[] } {
  const steps = stepsOf(shape, fortran);
  const plain = stepsOf(shape, false);
  const values = new Float32Array(product(shape));
  for (let place = 0; place < values.length; place++) {
    const index = shape.map((length, axis) => Math.floor(place / (plain[axis] ?? 1)) % length);
    values[index.reduce((sum, own, axis) => sum + own * (steps[axis] ?? 1), 0)] = place;
  }
  const bytes = new Uint8Array(values.buffer);
  const reads: number[] = [];
  const element = ELEMENTS.f4;
  if (!element) throw new Error('no float');
  const source = storedSource(
    {
      element,
      little: true,
      offset: 0,
      shape,
      steps,
      bytes: {
        length: bytes.length,
        read(offset, length) {
          reads.push(length);
          return bytes.subarray(offset, offset + length);
        },
      },
    },
    { places, bands },
    () => {
      throw new Error('not finite');
    },
  );
  return { source, reads };
}

test.each([
  ['a signal', [500], [0], undefined],
  ['a signal with its channels first', [3, 500], [1], 0],
  ['a signal with its channels last', [500, 3], [0], 1],
  ['a picture of bands', [5, 40, 30], [1, 2], 0],
  ['a volume', [20, 30, 25], [0, 1, 2], undefined],
  ['a volume with channels last and a batch', [1, 9, 12, 15, 2], [1, 2, 3], 4],
  ['a volume larger than a run', [40, 90, 100], [0, 1, 2], undefined],
] as const)('%s', (_, shape, places, bands) => {
  const next = random(7);
  const plain = stepsOf(shape, false);
  for (const fortran of [false, true]) {
    const { source } = array(shape, fortran, places, bands);
    for (let round = 0; round < 8; round++) {
      const starts = source.lengths.map((length) => Math.floor(next() * length));
      const lengths = source.lengths.map((length, axis) => 1 + Math.floor(next() * (length - (starts[axis] ?? 0))));
      const { data } = at(source.read({ starts, lengths }));
      const expected = Float32Array.from({ length: product(lengths) * source.bands }, (_, place) => {
        const band = place % source.bands;
        let rest = Math.floor(place / source.bands);
        let sum = band * (bands === undefined ? 0 : (plain[bands] ?? 1));
        for (let axis = lengths.length - 1; axis >= 0; axis--) {
          sum += ((starts[axis] ?? 0) + (rest % (lengths[axis] ?? 1))) * (plain[places[axis] ?? 0] ?? 1);
          rest = Math.floor(rest / (lengths[axis] ?? 1));
        }
        return sum;
      });
      expect(data).toEqual(expected);
    }
  }
});

test('a small region of a large array is read in small pieces', () => {
  const { source, reads } = array([64, 200, 200], false, [0, 1, 2], undefined);
  source.read({ starts: [10, 20, 30], lengths: [4, 5, 6] });
  // Rows 20 to 24 of four planes, from the first column to the last: never a whole plane.
  expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThan(4 * 5 * 200 * 4 + 1);
});

test('a long recording of one channel is read in one piece', () => {
  for (const [shape, places, bands] of [
    [[300_000, 1], [0], 1],
    [[1, 300_000], [1], 0],
  ] as const) {
    const { source, reads } = array(shape, false, places, bands);
    source.read({ starts: [5], lengths: [299_000] });
    expect(reads).toEqual([299_000 * 4]);
  }
});

test('a number that is none is told with its index', () => {
  const values = new Float32Array(24);
  values[17] = Number.NaN;
  const bytes = new Uint8Array(values.buffer);
  const element = ELEMENTS.f4;
  if (!element) throw new Error('no float');
  const shape = [2, 3, 4];
  const stored = {
    element,
    little: true,
    offset: 0,
    shape,
    steps: stepsOf(shape, false),
    bytes: { length: 96, read: (from: number, length: number) => bytes.subarray(from, from + length) },
  };
  const source = storedSource(stored, { places: [0, 1, 2], bands: undefined }, (_, index) => {
    throw new Error(`at ${index.join()}`);
  });
  expect(() => source.read({ starts: [1, 0, 0], lengths: [1, 3, 4] })).toThrow('at 1,1,1');
  expect(at(source.read({ starts: [0, 0, 0], lengths: [1, 3, 4] })).data).toHaveLength(12);
});

test('bands in an order of their own, one of them twice, and their mean', () => {
  const { source } = array([3, 4], false, [1], 0);
  expect([...at(chosenBands(source, [2, 0, 2]).read({ starts: [1], lengths: [2] })).data]).toEqual([9, 1, 9, 10, 2, 10]);
  expect([...at(chosenBands(source, 'mean').read({ starts: [1], lengths: [2] })).data]).toEqual([5, 6]);
});
