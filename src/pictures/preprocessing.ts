/**
 * From bytes to the numbers that a network was trained on.
 *
 *   x = (p - mean) / std         p: the pixel, in 0..1 (`range` 1) or 0..255 (`range` 255); mean and std per channel, in the order in which channels are fed
 *
 * or, as in the lecture, mean and std of the picture itself:  x = 0.5 + 0.5 (p - mean) / std.
 */
import type { Numbers } from '../verify/onnx-runner';
import { type Picture, type Size, withChannels } from './picture';

export const PRESETS = ['torchvision', 'tensorflow', 'caffe', 'raw', 'unit', 'lecture'] as const;
export type Preset = (typeof PRESETS)[number];

export interface Preprocessing {
  readonly range: 1 | 255;
  /** One number for all channels, or one for each; `picture`: of the picture's own pixels, all channels together. */
  readonly mean: readonly number[] | 'picture';
  readonly std: readonly number[] | 'picture';
  readonly order: 'rgb' | 'bgr';
  /** The network wants amounts of light, not the bytes of sRGB: p is taken through the curve of sRGB first. */
  readonly gamma?: 'linear' | undefined;
}

export const preprocessings: Readonly<Record<Preset, Preprocessing>> = {
  // torchvision and timm: ToTensor, then Normalize with the mean and the deviation of ImageNet.
  torchvision: { range: 1, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], order: 'rgb' },
  // Inception and MobileNet of TensorFlow: -1..1.
  tensorflow: { range: 255, mean: [127.5], std: [127.5], order: 'rgb' },
  // Caffe's networks, and most of the ONNX model zoo that came from there.
  caffe: { range: 255, mean: [104, 117, 123], std: [1], order: 'bgr' },
  // The network does it by itself.
  raw: { range: 255, mean: [0], std: [1], order: 'rgb' },
  // torchvision's ToTensor alone.
  unit: { range: 1, mean: [0], std: [1], order: 'rgb' },
  lecture: { range: 1, mean: 'picture', std: 'picture', order: 'rgb' },
};

/** What is usual, where nobody says. */
export function usualPreset(dtype: string, channels: 1 | 3, layout: 'NCHW' | 'NHWC'): Preset {
  if (/int/.test(dtype)) return 'raw';
  if (channels === 1) return 'unit';
  return layout === 'NCHW' ? 'torchvision' : 'tensorflow';
}

/** How a network wants its image. */
export interface ImageFormat {
  readonly dtype: string;
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 1 | 3;
}

/** What each of the 256 values of a byte becomes, per channel as fed: a table of 256 numbers per channel. */
export interface Encoding {
  readonly tables: readonly Float32Array[];
  /** Which channel of the picture is fed as which. */
  readonly from: readonly number[];
  readonly format: ImageFormat;
}

/** `statistics`: the picture that mean and deviation are taken from, where they are its own. */
export function encodingFor({ range, mean, std, order, gamma }: Preprocessing, format: ImageFormat, statistics: Picture): Encoding {
  const channels = Array.from({ length: format.channels }, (_, at) => at);
  const at = (list: readonly number[], channel: number): number => (list.length === 1 ? list[0] : list[channel]) ?? 0;
  const own = mean === 'picture' || std === 'picture' ? moments(withChannels(statistics, format.channels)) : undefined;
  const table = (channel: number): Float32Array =>
    Float32Array.from({ length: 256 }, (_, byte) => {
      const share = gamma === 'linear' ? light(byte / 255) : byte / 255;
      const pixel = gamma === 'linear' || range === 1 ? share * range : byte;
      if (own) return 0.5 + (0.5 * (pixel - own.mean)) / own.std;
      return (pixel - at(mean === 'picture' ? [0] : mean, channel)) / at(std === 'picture' ? [1] : std, channel);
    });
  return { tables: channels.map(table), from: order === 'bgr' ? channels.toReversed() : channels, format };
}

/** The curve of sRGB (IEC 61966-2-1), from values to light. */
const light = (value: number): number => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** Mean and deviation (unbiased, as PyTorch's) of all pixels, in 0..1. */
function moments({ data }: Picture): { readonly mean: number; readonly std: number } {
  const histogram = new Float64Array(256);
  for (const byte of data) histogram[byte] = (histogram[byte] ?? 0) + 1;
  const mean = histogram.reduce((sum, count, byte) => sum + count * byte, 0) / data.length;
  const squares = histogram.reduce((sum, count, byte) => sum + count * (byte - mean) ** 2, 0);
  const std = Math.sqrt(squares / Math.max(data.length - 1, 1));
  // A picture of one colour has no deviation; it stays at 0.5.
  return { mean: mean / 255, std: std === 0 ? 1 : std / 255 };
}

/** A batch of one: [1, C, H, W] or [1, H, W, C]. `padTo`: zeros around it, evenly, up to this size. */
export function encodePicture(picture: Picture, { tables, from, format }: Encoding, padTo: Size = picture): Numbers {
  const { width, height, channels, data } = withChannels(picture, format.channels);
  const [rows, columns] = [Math.max(padTo.height, height), Math.max(padTo.width, width)];
  const [top, left] = [Math.floor((rows - height) / 2), Math.floor((columns - width) / 2)];
  const [perChannel, perPixel] = format.layout === 'NCHW' ? [rows * columns, 1] : [1, channels];
  const encoded = new Float32Array(rows * columns * channels);
  for (const [channel, table] of tables.entries()) {
    const source = from[channel] ?? channel;
    for (let y = 0; y < height; y++) {
      let to = channel * perChannel + ((top + y) * columns + left) * perPixel;
      let at = y * width * channels + source;
      for (let x = 0; x < width; x++, to += perPixel, at += channels) encoded[to] = table[data[at] ?? 0] ?? 0;
    }
  }
  const shape = format.layout === 'NCHW' ? [1, channels, rows, columns] : [1, rows, columns, channels];
  return { dtype: format.dtype, shape, data: encoded };
}
