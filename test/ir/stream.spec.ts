/** Large tensors in stretches: the numbers are those that are made at once, whatever the sizes of the pieces. */
import { bufferSource } from '../../src/ir/bytes';
import { responseTo, scaledAlong } from '../../src/ir/linear-algebra';
import { eachNumber, Memory, streamTensor } from '../../src/ir/stream';
import { fromNumbers, permuted, readNumbers, reshaped, tensorBytes } from '../../src/ir/tensor';
import type { DType, Tensor } from '../../src/ir/types';
import { random } from '../support/seeded';

/** As a file has it, in one range or in two that part within a number. */
function inFile(dtype: DType, shape: readonly number[], split = false): Tensor {
  const next = random(7);
  const count = shape.reduce((product, dim) => product * dim, 1);
  const bytes = tensorBytes(
    fromNumbers(
      dtype,
      shape,
      Float64Array.from({ length: count }, () => (dtype === 'int64' ? Math.floor(next() * 100) : next() * 2 - 1)),
    ),
  );
  const source = bufferSource(new Uint8Array([9, ...bytes]));
  const cut = split ? 13 : bytes.length;
  const ranges = [
    { source, offset: 1, length: cut },
    { source, offset: 1 + cut, length: bytes.length - cut },
  ].filter(({ length }) => length > 0);
  return { dtype, shape, data: { kind: 'ranges', ranges, encoding: 'raw' } };
}

const WEIGHT = inFile('float', [6, 20]);
const CASES: readonly (readonly [string, Tensor])[] = [
  ['a weight of a file', WEIGHT],
  ['one in two pieces', inFile('float', [6, 20], true)],
  ['doubles', inFile('double', [5, 7])],
  ['halves', inFile('float16', [5, 7], true)],
  ['integers', inFile('int64', [5, 7], true)],
  ['a transposed one', permuted(WEIGHT, [1, 0])],
  ['one whose filters go last and whose places change', permuted(inFile('float', [6, 2, 3, 4]), [2, 3, 1, 0])],
  ['a scaled one', scaledAlong(WEIGHT, 0, () => [1, 2, 3, 1 / 3, 5, 6])],
  ['one scaled along its other axis', scaledAlong(WEIGHT, 1, () => Float64Array.from({ length: 20 }, (_, at) => 1 / (at + 1)))],
  [
    'a transposed, scaled one',
    scaledAlong(reshaped(permuted(WEIGHT, [1, 0]), [20, 6, 1, 1]), 0, () => Float64Array.from({ length: 20 }, (_, at) => 1 / (at + 3))),
  ],
  [
    'one that is scaled twice, rounded once',
    scaledAlong(
      scaledAlong(WEIGHT, 0, () => [0.1, 0.2, 0.3, 0.7, 0.9, 1.1]),
      1,
      () => new Float64Array(20).fill(1 / 3),
    ),
  ],
  ['one of halves, scaled', scaledAlong(inFile('float16', [5, 7]), 0, () => [1, 0.5, 3, 1 / 3, 7])],
];

describe.each([
  [16, 12],
  [40, 20],
  [100, 44],
])('slabs of %d bytes, read %d at a time', (slab, chunk) => {
  test.each(CASES)('%s', (_, tensor) => {
    const pieces: number[] = [];
    streamTensor(tensor, (bytes) => pieces.push(...bytes), new Memory(), { slab, chunk });
    expect(pieces).toEqual([...tensorBytes(tensor)]);
    const numbers: number[] = [];
    eachNumber(tensor, (some) => numbers.push(...some), { slab, chunk });
    expect(numbers).toEqual([...readNumbers(tensor)]);
  });

  test('large ones do come in pieces', () => {
    for (const [, tensor] of CASES.slice(0, 11)) {
      let count = 0;
      streamTensor(tensor, () => count++, new Memory(), { slab, chunk });
      expect(count).toBeGreaterThan(1);
    }
  });
});

test.each([1, 2])('the response of a convolution in %d groups is a sum over the taps of each channel', (group) => {
  const weight = inFile('float', [4, 3, 2]);
  const channels = Float64Array.from({ length: 3 * group }, (_, at) => at - 1);
  const numbers = readNumbers(weight);
  const expected = Array.from({ length: 4 }, (_, m) => {
    let sum = 0;
    for (let c = 0; c < 3; c++)
      for (let tap = 0; tap < 2; tap++) sum += (numbers[(m * 3 + c) * 2 + tap] ?? 0) * (channels[Math.floor(m / (4 / group)) * 3 + c] ?? 0);
    return sum;
  });
  expect([...responseTo(weight, group, channels)]).toEqual(expected);
});
