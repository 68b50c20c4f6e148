/** Pictures of more than eight bits: the bytes that are meant, or an error; never a black picture. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { picturesIn, readPicture } from '../../src/pictures/files/pictures';
import { type Depth, toBytes } from '../../src/pictures/levels';
import { codeOf } from '../support/code-of';

const bytes = (values: readonly number[], depth: Depth, levels = {}): number[] => [...toBytes(values, depth, levels, 'file')];

test('what is certain is taken by itself, the rest is an error', () => {
  expect(bytes([0, 7, 255], 'uchar')).toEqual([0, 7, 255]);
  expect(bytes([0, 32768, 65535], 'ushort')).toEqual([0, 128, 255]);
  expect(bytes([0, 0.5, 1], 'float')).toEqual([0, 128, 255]);
  for (const [values, depth] of [
    [[0, 4000], 'ushort'],
    [[0, 800], 'float'],
    [[-1, 1], 'float'],
    [[0, 1e6], 'uint'],
    [[-100, 100], 'short'],
  ] as const)
    expect([depth, codeOf(() => bytes(values, depth))]).toEqual([depth, 'LEVELS_UNKNOWN']);
});

test('black, white and shares of the pixels', () => {
  expect(bytes([0, 2047.5, 4095, 9000], 'ushort', { white: 4095 })).toEqual([0, 128, 255, 255]);
  expect(bytes([-100, 0, 100, Number.NaN], 'float', { black: -100, white: 100 })).toEqual([0, 128, 255, 0]);
  expect(
    bytes(
      Array.from({ length: 101 }, (_, at) => at * 40),
      'ushort',
      { shares: [0.01, 0.99] },
    ).filter((_, at) => at % 50 === 0),
  ).toEqual([0, 128, 255]);
});

describe('files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const grey16 = async (name: string, values: readonly number[]): Promise<string> => {
    const path = join(directory, name);
    const picture = sharp(Uint16Array.from(values), { raw: { width: values.length, height: 1, channels: 1 } }).toColourspace('grey16');
    await (name.endsWith('.tif') ? picture.tiff({ compression: 'none' }) : picture).toFile(path);
    return path;
  };
  const codeOfRead = (path: string): Promise<string> =>
    readPicture(path).then(
      () => 'none',
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'other'),
    );

  test.each(['a.png', 'a.tif'])('16 bits in %s', async (name) => {
    const { data, channels } = await readPicture(await grey16(`full-${name}`, [0, 32896, 65535]));
    expect([channels, ...data]).toEqual([1, 0, 128, 255]);
    const twelve = await grey16(`twelve-${name}`, [0, 2048, 4095]);
    expect(await codeOfRead(twelve)).toBe('LEVELS_UNKNOWN');
    expect([...(await readPicture(twelve, undefined, { white: 4095 })).data]).toEqual([0, 128, 255]);
  });

  test('floats are the numbers that they are', async () => {
    const path = join(directory, 'float.tif');
    await sharp(Float32Array.of(0, 0.5, 1), { raw: { width: 3, height: 1, channels: 1 } })
      .toColourspace('b-w')
      .tiff({ predictor: 'none', compression: 'none' })
      .toFile(path);
    const { depth } = await sharp(path).metadata();
    // Where this sharp writes floats at all.
    if (depth === 'float') expect([...(await readPicture(path)).data]).toEqual([0, 128, 255]);
  });

  test('a folder takes every kind of file that a single argument takes', async () => {
    for (const name of ['b.tiff', 'c.gif', 'd.webp', 'e.avif', 'f.jpeg'])
      await sharp({ create: { width: 8, height: 8, channels: 3, background: '#123456' } }).toFile(join(directory, name));
    expect(picturesIn(directory).map((path) => path.slice(directory.length + 1))).toEqual(
      expect.arrayContaining(['b.tiff', 'c.gif', 'd.webp', 'e.avif', 'f.jpeg', 'full-a.tif']),
    );
  });
});
