/** Kinds of TIFF that are refused at full depth, since they would be read wrongly. */
import { type TiffPage, unreadKind } from '../../src/sources/files/tiff-kinds';

interface Described {
  readonly tags?: Readonly<Record<number, number>>;
  readonly bits?: readonly number[];
  readonly formats?: readonly number[];
  readonly littleEndian?: boolean;
}
const page = ({ tags = {}, bits = [16], formats = bits.map(() => 1), littleEndian = true }: Described): TiffPage => ({
  littleEndian,
  getSamplesPerPixel: () => bits.length,
  getBitsPerSample: (band) => bits[band] ?? 0,
  getSampleFormat: (band) => formats[band] ?? 1,
  fileDirectory: { hasTag: (tag) => Object.hasOwn(tags, tag), loadValue: async (tag) => tags[tag] },
});

test.each<Described>([
  {},
  { bits: [8, 8, 8], tags: { 262: 2, 274: 1 } },
  { bits: [32], formats: [3], tags: { 317: 3 } },
  { bits: [16], tags: { 317: 2 } },
  { bits: [8], tags: { 317: 2 }, littleEndian: false },
  { bits: [64], formats: [3], littleEndian: false },
])('%j is read', async (described) => {
  expect(await unreadKind(page(described))).toBeUndefined();
});

test.each<[string, Described, RegExp]>([
  ['12 bits', { bits: [12] }, /packed/],
  ['4 bits in three bands', { bits: [4, 4, 4] }, /packed/],
  ['a palette', { bits: [8], tags: { 262: 3 } }, /palette/],
  ['white as zero', { tags: { 262: 0 } }, /zero is white/],
  ['a turned image', { tags: { 274: 6 } }, /turned or mirrored/],
  ['a volume in a page', { tags: { 32997: 4 } }, /ImageDepth/],
  ['bands of different bits', { bits: [8, 16] }, /different types/],
  ['bands of different kinds', { bits: [32, 32], formats: [1, 3] }, /different types/],
  ['differences of big-endian numbers', { tags: { 317: 2 }, littleEndian: false }, /predictor/],
  ['floats in planes of bytes, big-endian', { bits: [64], formats: [3], tags: { 317: 3 }, littleEndian: false }, /predictor/],
])('%s: refused', async (_, described, reason) => {
  expect((await unreadKind(page(described)))?.reason).toMatch(reason);
});
