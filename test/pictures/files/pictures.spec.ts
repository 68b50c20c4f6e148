/** Pictures as they come: upright, of any format, depth and transparency; damaged ones are told. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { CompileError } from '../../../src/diagnostics/compile-error';
import { picturesIn, readPicture } from '../../../src/pictures/files/pictures';

const directory = mkdtempSync(join(tmpdir(), 'convolutionize-pictures-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string): string => join(directory, name);

/** Three by two pixels: red, green, blue; black, grey, white. */
const colours = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 128, 128, 128, 255, 255, 255);
const picture = () => sharp(colours, { raw: { width: 3, height: 2, channels: 3 } });

test.each(['png', 'webp', 'tiff'] as const)('%s without loss', async (format) => {
  await picture()
    .toFormat(format, format === 'webp' ? { lossless: true } : format === 'tiff' ? { compression: 'lzw' } : {})
    .toFile(file(`a.${format}`));
  expect(await readPicture(file(`a.${format}`))).toEqual({ width: 3, height: 2, channels: 3, data: colours });
});

test('JPEG, upright by its EXIF orientation', async () => {
  const bands = Uint8Array.from({ length: 32 * 16 }, (_, at) => (at % 32 < 16 ? 20 : 230));
  // 6: turned by 90 degrees clockwise for display, so that the dark left half becomes the upper one.
  await sharp(bands, { raw: { width: 32, height: 16, channels: 1 } })
    .toColourspace('b-w')
    .jpeg({ quality: 100 })
    .withMetadata({ orientation: 6 })
    .toFile(file('turned.jpg'));
  const { width, height, channels, data } = await readPicture(file('turned.jpg'));
  expect([width, height]).toEqual([16, 32]);
  const at = (y: number): number | undefined => data[(y * 16 + 8) * channels];
  expect([at(8), at(24)].map((byte) => Math.round((byte ?? 0) / 10))).toEqual([2, 23]);
});

test('transparent parts over a background', async () => {
  await sharp(Uint8Array.of(255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 128), { raw: { width: 3, height: 1, channels: 4 } })
    .png()
    .toFile(file('alpha.png'));
  const over = async (...background: Parameters<typeof readPicture>[1][]): Promise<number[]> => [
    ...(await readPicture(file('alpha.png'), ...background)).data,
  ];
  expect(await over()).toEqual([255, 0, 0, 255, 255, 255, 127, 127, 127]);
  expect(await over([0, 0, 200])).toEqual([255, 0, 0, 0, 0, 200, 0, 0, 99]);
});

test('grey stays grey, with an alpha channel too', async () => {
  await sharp(Uint8Array.of(10, 200), { raw: { width: 2, height: 1, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(file('grey.png'));
  expect(await readPicture(file('grey.png'))).toEqual({ width: 2, height: 1, channels: 1, data: Uint8Array.of(10, 200) });
  await sharp(Uint8Array.of(10, 255, 200, 0), { raw: { width: 2, height: 1, channels: 2 } })
    .toColourspace('b-w')
    .png()
    .toFile(file('grey-alpha.png'));
  expect(await readPicture(file('grey-alpha.png'))).toEqual({ width: 2, height: 1, channels: 1, data: Uint8Array.of(10, 255) });
  expect([...(await readPicture(file('grey-alpha.png'), [1, 2, 3])).data]).toEqual([10, 10, 10, 1, 2, 3]);
});

test('16 bits are reduced to 8', async () => {
  await sharp(Uint16Array.of(0, 0x8080, 0xffff, 0x1234, 0x4321, 0xabcd), { raw: { width: 2, height: 1, channels: 3 } })
    .toColourspace('rgb16')
    .png()
    .toFile(file('deep.png'));
  expect((await sharp(file('deep.png')).metadata()).depth).toBe('ushort');
  expect([...(await readPicture(file('deep.png'))).data]).toEqual([0, 0x80, 0xff, 0x12, 0x43, 0xab]);
  await sharp(Uint16Array.of(0x1234, 0xabcd), { raw: { width: 2, height: 1, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toFile(file('deep-grey.png'));
  expect(await readPicture(file('deep-grey.png'))).toEqual({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0x12, 0xab) });
});

test('pictures of a folder, by name; nothing else in it', async () => {
  const folder = file('folder');
  mkdirSync(join(folder, 'inner.png'), { recursive: true });
  for (const name of ['b.PNG', 'a.jpeg', '.hidden.png', 'notes.txt']) writeFileSync(join(folder, name), '');
  rmSync(join(folder, 'inner.png'), { recursive: true });
  expect(picturesIn(folder)).toEqual([join(folder, 'a.jpeg'), join(folder, 'b.PNG')]);
  expect(picturesIn(file('one.png'))).toEqual([file('one.png')]);
});

describe('refused', () => {
  const noise = (): Promise<Buffer> =>
    sharp({ create: { width: 200, height: 200, channels: 3, background: '#888', noise: { type: 'gaussian', mean: 128, sigma: 60 } } })
      .toFormat('png')
      .toBuffer();
  const codeOf = async (bytes: Uint8Array | string, name: string): Promise<string> => {
    writeFileSync(file(name), bytes);
    const error: unknown = await readPicture(file(name)).catch((reason: unknown) => reason);
    if (!(error instanceof CompileError)) throw error;
    expect(error.diagnostic.at).toEqual({ file: file(name) });
    return error.diagnostic.code;
  };
  test('what is not a picture', async () => {
    expect(await codeOf('text', 'text.png')).toBe('NOT_A_PICTURE');
    expect(await codeOf('', 'empty.png')).toBe('NOT_A_PICTURE');
  });
  test.each([
    ['as it is', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 'SVG'],
    [
      'behind a declaration and a comment',
      `\ufeff<?xml version="1.0"?>\n<!-- ${'x'.repeat(2000)} -->\n<svg width="9" height="9"><image href="secret.png"/></svg>`,
      'SVG',
    ],
    ['with a namespace', '<s:svg xmlns:s="http://www.w3.org/2000/svg" width="9" height="9"/>', 'SVG'],
    ['PDF', '%PDF-1.7\n', 'PDF'],
  ])('a drawing (%s) reaches no decoder, whatever its ending', async (_, text, format) => {
    for (const ending of ['png', 'svg', 'jpg']) {
      expect(await codeOf(text, `drawing.${ending}`)).toBe('NOT_A_PICTURE');
      await expect(readPicture(file(`drawing.${ending}`))).rejects.toThrow(format);
    }
  });
  test('more pixels than a file of its size should hold, before they are read', async () => {
    expect(await codeOf(pngOf(30_000, 30_000), 'bomb.png')).toBe('PICTURE_TOO_LARGE');
    // The limit can be raised: then it is read, and found to be cut short.
    process.env.CONVOLUTIONIZE_LIMITS = '100';
    try {
      expect(await codeOf(pngOf(30_000, 30_000), 'bomb.png')).toBe('PICTURE_DAMAGED');
    } finally {
      delete process.env.CONVOLUTIONIZE_LIMITS;
    }
  });
  test.each(['png', 'jpeg', 'webp'] as const)('a truncated %s', async (format) => {
    const bytes = await sharp(await noise())
      .toFormat(format)
      .toBuffer();
    expect(await codeOf(bytes.subarray(0, bytes.length / 2), `cut.${format}`)).toBe('PICTURE_DAMAGED');
  });
});

/** The beginning of a PNG of one bit per pixel. */
function pngOf(width: number, height: number): Buffer {
  const chunk = (name: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.alloc(4000)))]);
}

/** As PNG has it; node:zlib has one since Node 22 only. */
function crc32(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}
