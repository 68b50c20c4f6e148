/** Picture files. The only importer of sharp, which is loaded when a picture is first read or written. */
import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Metadata, Sharp, SharpOptions } from 'sharp';
import {
  cannotRead,
  noPictures,
  notAPicture,
  pageNeeded,
  pictureDamaged,
  pictureIsFolder,
  sharpMissing,
} from '../../diagnostics/catalogue';
import type { CompileError } from '../../diagnostics/compile-error';
import { table } from '../../ir/table';
import { blockSource, type Source } from '../../sources/source';
import type { Colour } from '../colours';
import { type Levels, toBytes } from '../levels';
import type { Picture } from '../picture';
import type { Poster } from '../poster';
import { requirePicture, requirePixels } from './door';

/** Formats that can be read. SVG and PDF are excluded: they are drawing programs rather than pictures. */
const READABLE = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'];
/** Extensions of the pictures in a folder. */
export const PICTURE_EXTENSIONS = ['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif', '.heic', '.heif'];
/** Formats by the extension of the output. */
export type DrawingFormat = 'png' | 'jpeg' | 'webp' | 'svg';
export const WRITABLE: Readonly<Record<string, DrawingFormat>> = table<DrawingFormat>({
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
  '.svg': 'svg',
});

/**
 * Reads a picture: upright (EXIF), transparent parts over `background`, 16 bits reduced to 8, with one channel if it is grey, otherwise red, green and blue.
 * Throws CompileError CANNOT_READ, PICTURE_IS_FOLDER, NOT_A_PICTURE, PICTURE_TOO_LARGE, PICTURE_DAMAGED.
 */
export async function readPicture(
  path: string,
  background: Colour = [255, 255, 255],
  { page, ...levels }: ReadPicture = {},
): Promise<Picture> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw cannotRead(path, 'there is no such file');
  if (stat.isDirectory()) throw pictureIsFolder(path);
  const words = (error: unknown): string =>
    (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)).replaceAll(path, 'it');
  const chosen = page === undefined ? {} : { page: page - 1 };
  const { open, metadata } = await openPicture(path, { failOn: 'warning', sequentialRead: true, ...chosen }, (error) =>
    pictureDamaged(path, words(error)),
  );
  const pages = metadata.pages ?? 1;
  // An animation's first frame is clearly meant; for a multi-page TIFF it is not clear which page is.
  if (page !== undefined ? page > pages : pages > 1 && metadata.format === 'tiff') throw pageNeeded(path, pages);
  const hasLevels = levels.black !== undefined || levels.white !== undefined || levels.shares !== undefined;
  if (!metadata.hasAlpha && (metadata.depth !== 'uchar' || hasLevels)) return withLevels(open(), metadata, levels, path);
  const grey = metadata.space === 'b-w' || metadata.space === 'grey16';
  const [red, green, blue] = background;
  const isGrey = grey && red === green && green === blue;
  const { data, info } = await open()
    .pipelineColourspace(isGrey ? metadata.space : 'srgb')
    .autoOrient()
    .flatten({ background: { r: red, g: green, b: blue } })
    .toColourspace(isGrey ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw pictureDamaged(path, words(error));
    });
  if (info.channels !== 1 && info.channels !== 3) throw notAPicture(path, `it has ${info.channels} channels`);
  return {
    width: info.width,
    height: info.height,
    channels: info.channels,
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
  };
}

/**
 * Opens a picture whose format and number of pixels have been checked. `damaged`: makes the error for a file that cannot be decoded.
 * Throws CompileError CANNOT_READ, NOT_A_PICTURE, PICTURE_TOO_LARGE, SHARP_MISSING.
 */
export async function openPicture(
  path: string,
  options: SharpOptions,
  damaged: (error: unknown) => CompileError,
): Promise<{ readonly open: () => Sharp; readonly metadata: Metadata }> {
  const file = requirePicture(path);
  const sharp = await loadSharp();
  const open = (): Sharp => sharp(path, { ...options, limitInputPixels: false });
  const metadata = await open()
    .metadata()
    .catch((error: unknown) => {
      throw damaged(error);
    });
  if (!READABLE.includes(metadata.format)) throw notAPicture(path, `its format is ${metadata.format}`);
  requirePixels(path, file, metadata.width, metadata.height);
  return { open, metadata };
}

export interface ReadPicture extends Levels {
  /** Page of a multi-page file, from 1. */
  readonly page?: number | undefined;
}

const ARRAYS = {
  uchar: Uint8Array,
  ushort: Uint16Array,
  short: Int16Array,
  uint: Uint32Array,
  int: Int32Array,
  float: Float32Array,
} as const;

/** Converts the stored values, rather than a viewer's rendering of them, to bytes by the given levels. */
async function withLevels(picture: Sharp, metadata: Metadata, levels: Levels, path: string): Promise<Picture> {
  const { values, depth, width, height, channels } = await rawNumbers(picture, metadata, path);
  if (channels !== 1 && channels !== 3) throw notAPicture(path, `its pixels are ${channels} numbers of the kind ${depth}`);
  return { width, height, channels, data: toBytes(values, depth, levels, path) };
}

async function rawNumbers(picture: Sharp, metadata: Metadata, path: string) {
  // 16-bit signed integers are excluded, since sharp loses negative values.
  const depth = (['uchar', 'ushort', 'uint', 'int', 'float'] as const).find((known) => known === metadata.depth);
  const { channels: count, space } = metadata;
  if (!depth || count > 4) throw notAPicture(path, `its pixels are ${count} numbers of the kind ${metadata.depth}`);
  const { data, info } = await picture
    .pipelineColourspace(space)
    .autoOrient()
    .toColourspace(space)
    .raw({ depth })
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw pictureDamaged(path, error instanceof Error ? error.message : String(error));
    });
  const values = new ARRAYS[depth](data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  return { values, depth, width: info.width, height: info.height, channels: info.channels };
}

/** Reads a picture at full depth with all its bands: red, green, blue and alpha. Throws CompileError as `readPicture` does. */
export async function readNumbers(path: string): Promise<Source> {
  const file = requirePicture(path);
  const sharp = await loadSharp();
  const open = () => sharp(path, { failOn: 'warning', limitInputPixels: false, sequentialRead: true });
  const metadata = await open()
    .metadata()
    .catch((error: unknown) => {
      throw pictureDamaged(path, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    });
  if (!READABLE.includes(metadata.format)) throw notAPicture(path, `its format is ${metadata.format}`);
  requirePixels(path, file, metadata.width, metadata.height);
  const { values, depth, width, height, channels } = await rawNumbers(open(), metadata, path);
  const white = depth === 'uchar' ? 255 : depth === 'ushort' ? 65535 : undefined;
  const levels = white === undefined ? undefined : { black: 0, white };
  return blockSource({ lengths: [height, width], bands: channels, data: Float32Array.from(values) }, { levels });
}

/** Loads sharp, whose native part is an optional package that may be missing. No file is read twice, so its cache is off. */
async function loadSharp() {
  try {
    const { default: sharp } = await import('sharp');
    sharp.cache(false);
    return sharp;
  } catch (error) {
    throw sharpMissing(error instanceof Error ? (error.message.split('\n').find((line) => line.trim() !== '') ?? '') : String(error));
  }
}

/** The pictures at a path: the file itself, or the pictures in a folder, sorted by name. Throws CompileError CANNOT_READ, NO_PICTURES. */
export function picturesIn(path: string): readonly string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    throw cannotRead(path, error instanceof Error ? error.message : String(error));
  }
  const found = names.filter((name) => PICTURE_EXTENSIONS.includes(extname(name).toLowerCase()) && !name.startsWith('.')).sort();
  if (found.length === 0) throw noPictures(path);
  return found.map((name) => join(path, name));
}

/** Composites canvas and SVG into one image file. */
export async function posterBytes({ canvas, svg, isVector }: Poster, format: DrawingFormat): Promise<Uint8Array> {
  const { width, height, channels, data } = canvas;
  if (format === 'svg' && isVector) return Buffer.from(svg);
  const sharp = await loadSharp();
  if (format === 'svg') {
    const png = await sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 9 }).toBuffer();
    const image = `<image width="${width}" height="${height}" href="data:image/png;base64,${png.toString('base64')}"/>`;
    return Buffer.from(svg.endsWith('/>') ? svg.replace(/\/>$/, () => `>${image}</svg>`) : svg.replace('>', () => `>${image}`));
  }
  return sharp(data, { raw: { width, height, channels } })
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .toFormat(format, format === 'jpeg' ? { quality: 90, mozjpeg: true } : format === 'png' ? { compressionLevel: 9 } : { quality: 90 })
    .toBuffer();
}

/** A larger picture would be useless and take gigabytes of memory. */
const LONGEST_DRAWING = 16_000;

/** Renders an SVG drawing as PNG, at twice its nominal size if that is not too large. */
export async function drawingBytes(svg: string): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const [, width = '1', height = '1'] = /<svg [^>]*width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
  const density = Math.min(144, (72 * LONGEST_DRAWING) / Math.max(Number(width), Number(height)));
  // Text uses the fonts of this machine. CSS variables are expanded, since the renderer does not support them.
  return sharp(Buffer.from(plainColours(svg)), { density, limitInputPixels: false, unlimited: true })
    .flatten({ background: '#ffffff' })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

function plainColours(svg: string): string {
  const colours = new Map([...svg.matchAll(/--([\w-]+):(#[\da-f]+)/g)].map(([, name = '', colour = '']) => [name, colour]));
  return svg.replace(/var\(--([\w-]+)\)/g, (whole, name: string) => colours.get(name) ?? whole);
}
