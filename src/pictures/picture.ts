/** A picture in memory, and the few operations applied before a network sees it. */
import { assertInvariant } from '../diagnostics/compile-error';
import { type Block, type Box, blockSource, cropBlock, type Source } from '../sources/source';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 1: grey; 3: red, green, blue. */
  readonly channels: 1 | 3;
  /** Bytes [height, width, channels], row by row with interleaved channels. */
  readonly data: Uint8Array;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A rectangle of pixels. */
export interface Region extends Size {
  readonly top: number;
  readonly left: number;
}

/** A picture as a source: rows and columns are the positions, channels the bands. Reads are immediate. */
export const pictureSource = ({ width, height, channels, data }: Picture): PictureSource => {
  const block = { lengths: [height, width], bands: channels, data };
  return { ...blockSource(block), levels: { black: 0, white: 255 }, read: (box) => cropBlock(block, box) };
};
export interface PictureSource extends Source {
  read(box: Box): Block;
}

/** A block that was read from a picture, as a picture. */
export function pictureOf(block: Block | Promise<Block>, channels: 1 | 3): Picture {
  assertInvariant(!(block instanceof Promise) && block.data instanceof Uint8Array, () => 'a picture in memory is bytes, and at hand');
  const [height = 0, width = 0] = block.lengths;
  return { width, height, channels, data: block.data };
}

/** Copies the rectangle, which must be inside the picture, into a new picture. */
export function cropPicture({ width, channels, data }: Picture, region: Region): Picture {
  const line = region.width * channels;
  const cut = new Uint8Array(region.height * line);
  for (let y = 0; y < region.height; y++) {
    const from = ((region.top + y) * width + region.left) * channels;
    cut.set(data.subarray(from, from + line), y * line);
  }
  return { width: region.width, height: region.height, channels, data: cut };
}

/** Mirrors the picture left to right. */
export function mirrorPicture({ width, height, channels, data }: Picture): Picture {
  const mirrored = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) mirrored[(y * width + x) * channels + c] = data[(y * width + width - 1 - x) * channels + c] ?? 0;
  return { width, height, channels, data: mirrored };
}

/** Converts the picture to the number of channels that a network takes; see `greyOrColour`. */
export function withChannels(picture: Picture, channels: 1 | 3): Picture {
  const { width, height, data } = picture;
  return picture.channels === channels ? picture : { width, height, channels, data: greyOrColour(data, channels) };
}

/** Grey from colours with the weights of ITU-R BT.601 (as in Pillow and OpenCV), or colours from grey by repetition. */
export function greyOrColour(data: Uint8Array, channels: 1 | 3): Uint8Array {
  if (channels === 3) {
    const made = new Uint8Array(data.length * 3);
    for (let at = 0; at < data.length; at++) made.fill(data[at] ?? 0, at * 3, at * 3 + 3);
    return made;
  }
  return Uint8Array.from({ length: data.length / 3 }, (_, at) =>
    Math.round((299 * (data[at * 3] ?? 0) + 587 * (data[at * 3 + 1] ?? 0) + 114 * (data[at * 3 + 2] ?? 0)) / 1000),
  );
}
