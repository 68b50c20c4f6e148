/** Kinds of TIFF that would be read wrongly at full depth: their numbers are not the values of pixels, or the library that reads them gives other numbers. */

/** What geotiff tells of a page. */
export interface TiffPage {
  readonly littleEndian: boolean;
  getSamplesPerPixel(): number;
  getBitsPerSample(band: number): number;
  getSampleFormat(band: number): number;
  readonly fileDirectory: { hasTag(tag: number): boolean; loadValue(tag: number): Promise<unknown> };
}

interface Tags {
  readonly bits: readonly number[];
  readonly formats: readonly number[];
  readonly number: (tag: number, otherwise: number) => number;
  readonly littleEndian: boolean;
}

/** Tags by their numbers, which TIFF 6.0 and its supplements define. */
const TAG = { photometric: 262, orientation: 274, predictor: 317, imageDepth: 32997 } as const;
const WHOLE_BYTES: readonly number[] = [8, 16, 32, 64];

const KINDS: readonly (readonly [is: (tags: Tags) => boolean, reason: string, hint: string])[] = [
  [
    ({ bits }) => !bits.every((count) => WHOLE_BYTES.includes(count)),
    'its numbers are packed into other than 8, 16, 32 or 64 bits',
    'save it with 8 or 16 bits per number',
  ],
  [
    ({ bits, formats }) => new Set(bits).size > 1 || new Set(formats).size > 1,
    'its bands have different types of numbers',
    'save all bands as one type',
  ],
  [({ number }) => number(TAG.photometric, 1) === 3, 'its numbers are places in a palette of colours', 'save it as RGB or as grey'],
  [
    ({ number }) => number(TAG.photometric, 1) === 0,
    'its zero is white (photometric interpretation 0), while other files have black there',
    'save it with black as zero',
  ],
  [({ number }) => number(TAG.orientation, 1) !== 1, 'it is stored turned or mirrored (its tag Orientation)', 'save it upright'],
  [({ number }) => number(TAG.imageDepth, 1) > 1, 'a page of it is a volume (its tag ImageDepth)', 'save one plane per page'],
  [
    ({ number, littleEndian, bits }) => !littleEndian && number(TAG.predictor, 1) > 1 && bits.some((count) => count > 8),
    'it is big-endian with a predictor, which is not read rightly',
    'save it little-endian, or without a predictor',
  ],
];

/** The reason why this page is not read, with what to do; undefined if it is. */
export async function unreadKind(image: TiffPage): Promise<{ readonly reason: string; readonly hint: string } | undefined> {
  const { fileDirectory } = image;
  const known = new Map<number, unknown>();
  for (const tag of Object.values(TAG)) if (fileDirectory.hasTag(tag)) known.set(tag, await fileDirectory.loadValue(tag));
  const bands = Array.from({ length: image.getSamplesPerPixel() }, (_, band) => band);
  const tags: Tags = {
    bits: bands.map((band) => image.getBitsPerSample(band)),
    formats: bands.map((band) => image.getSampleFormat(band)),
    number: (tag, otherwise) => {
      const value = known.get(tag);
      return typeof value === 'number' ? value : otherwise;
    },
    littleEndian: image.littleEndian,
  };
  const found = KINDS.find(([is]) => is(tags));
  return found && { reason: found[1], hint: found[2] };
}
