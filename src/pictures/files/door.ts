/**
 * Checks picture files before a decoder sees them: the format, by the first bytes, and the number of pixels allowed for the file's size.
 * SVG and PDF are refused, since they are drawing programs that can reference other files.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { cannotRead, notAPicture, pictureTooLarge } from '../../diagnostics/catalogue';
import { limitsFactor } from '../../files/limits';
import { noteRead } from '../../output';

/** Formats by their first bytes. */
const SIGNATURES: readonly (readonly [format: string, start: RegExp])[] = [
  ['jpeg', /^\xff\xd8\xff/],
  ['png', /^\x89PNG\r\n/],
  ['webp', /^RIFF[\s\S]{4}WEBP/],
  ['gif', /^GIF8[79]a/],
  ['tiff', /^(?:II[*+]\0|MM\0[*+])/],
  ['heif', /^[\s\S]{4}ftyp(?:heic|heix|hevc|hevx|heim|heis|mif1|msf1|avif|avis)/],
];

/** Bytes to read: enough to recognise a picture, or an SVG behind a long comment. */
const LOOKED_AT = 4096;

export interface PictureFile {
  readonly bytes: number;
  readonly format: string;
}

/** Throws CompileError NOT_A_PICTURE, and CANNOT_READ. */
export function requirePicture(path: string): PictureFile {
  const start = Buffer.alloc(LOOKED_AT);
  let [bytes, length] = [0, 0];
  try {
    const file = openSync(path, 'r');
    try {
      const stat = fstatSync(file);
      noteRead(stat);
      bytes = stat.size;
      length = readSync(file, start, 0, start.length, 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw cannotRead(path, error instanceof Error ? error.message : String(error));
  }
  if (length === 0) throw notAPicture(path, 'it is empty');
  const text = start.toString('latin1', 0, length);
  const format = SIGNATURES.find(([, signature]) => signature.test(text))?.[0];
  if (format !== undefined) return { bytes, format };
  throw notAPicture(path, drawingIn(text) ?? 'it does not begin as a JPEG, PNG, WebP, GIF, TIFF, HEIF or AVIF file does');
}

function drawingIn(text: string): string | undefined {
  if (text.startsWith('%PDF')) return 'it is a PDF document';
  return /<(?:\w+:)?svg[\s>]/i.test(text) ? 'it is an SVG drawing, which can name other files' : undefined;
}

/** Pixels allowed for any file. */
const ANY_FILE = 2 ** 26;
/** Pixels allowed per byte of a larger file; photographs have less than 4. */
const PER_BYTE = 16;

/** Throws CompileError PICTURE_TOO_LARGE if there are too many pixels for the file's size: a few bytes can decompress to gigabytes of one colour. */
export function requirePixels(path: string, { bytes }: PictureFile, width: number, height: number): void {
  const most = limitsFactor() * Math.max(ANY_FILE, PER_BYTE * bytes);
  if (width * height > most) throw pictureTooLarge(path, { width, height, bytes, most });
}
