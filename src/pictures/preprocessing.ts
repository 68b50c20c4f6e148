/**
 * Converts the values of a picture, a recording or a volume to the values that a network was trained on.
 *
 *   x = (p - mean) / std         p: the pixel, in 0..1 (`range` 1) or 0..255 (`range` 255); mean and std per channel, in the order in which channels are fed
 *
 * Mean and std may be computed from the image itself: over all its values, per band, or as in the lecture:  x = 0.5 + 0.5 (p - mean) / std.
 * If the value of white is unknown (floats, counts), p is the value as it is.
 */
import { type Block, eachLine, piecesOf, product, type Source } from '../sources/source';
import type { Numbers } from '../verify/onnx-runner';
import { greyOrColour, type Picture, type Size, withChannels } from './picture';

export const PRESETS = ['torchvision', 'tensorflow', 'caffe', 'raw', 'unit', 'lecture'] as const;
export type Preset = (typeof PRESETS)[number];

/** Statistics computed from the image itself. `picture`: over all its pixels, scaled as in the lecture; `image`: over all its pixels, unscaled; `band`: per band. */
export const MEASURED = ['picture', 'image', 'band'] as const;
export type Measured = (typeof MEASURED)[number];

export interface Preprocessing {
  /** Value of white before mean and std are applied: 1, 255, 65535. */
  readonly range: number;
  /** One number for all channels, or one per channel; or measured, then both in the same way. */
  readonly mean: readonly number[] | Measured;
  readonly std: readonly number[] | Measured;
  readonly order: 'rgb' | 'bgr';
  /** The network expects linear light instead of sRGB values: p is decoded from sRGB first. */
  readonly gamma?: 'linear' | undefined;
}

export const preprocessings: Readonly<Record<Preset, Preprocessing>> = {
  // torchvision and timm: ToTensor, then Normalize with ImageNet's mean and standard deviation.
  torchvision: { range: 1, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], order: 'rgb' },
  // TensorFlow's Inception and MobileNet: -1..1.
  tensorflow: { range: 255, mean: [127.5], std: [127.5], order: 'rgb' },
  // Caffe's networks, and most of the ONNX model zoo derived from them.
  caffe: { range: 255, mean: [104, 117, 123], std: [1], order: 'bgr' },
  // The network normalises its input itself.
  raw: { range: 255, mean: [0], std: [1], order: 'rgb' },
  // Only torchvision's ToTensor.
  unit: { range: 1, mean: [0], std: [1], order: 'rgb' },
  lecture: { range: 1, mean: 'picture', std: 'picture', order: 'rgb' },
};

/** Default preset for a model without a stated preprocessing. */
export function usualPreset(dtype: string, channels: number, layout: string): Preset {
  if (/int/.test(dtype)) return 'raw';
  if (channels === 1) return 'unit';
  return layout === 'NCHW' ? 'torchvision' : 'tensorflow';
}

/** Format of a network's image input. */
export interface ImageFormat {
  readonly dtype: string;
  /** Roles of its axes: NCHW, NHWC, NCT, NCDHW ...; no N if it has no batch, no C if it has no channels. */
  readonly layout: string;
  readonly channels: number;
}

/** Conversion of raw values to network inputs, per channel in feeding order. */
export interface Encoding {
  /** Lookup tables for bytes: 256 values per channel. */
  readonly tables: readonly Float32Array[];
  /** Converts any other value. */
  readonly value: (number: number, channel: number) => number;
  /** Index of the image channel that is fed at each position. */
  readonly from: readonly number[];
  readonly format: ImageFormat;
}

/** Mean and standard deviation: over all values, or per band. */
export interface Moments {
  readonly means: readonly number[];
  readonly deviations: readonly number[];
}

/** `own`: the picture to measure, or its measured moments, if the image's own statistics are used. `levels`: values of black and white; undefined if unknown. */
export function encodingFor(
  { range, mean, std, order, gamma }: Preprocessing,
  format: ImageFormat,
  own: Picture | Moments | undefined,
  levels: Source['levels'] = undefined,
): Encoding {
  const channels = Array.from({ length: format.channels }, (_, at) => at);
  const at = (list: readonly number[], channel: number): number => (list.length === 1 ? list[0] : list[channel]) ?? 0;
  const measured = typeof mean === 'string' ? mean : typeof std === 'string' ? std : undefined;
  const moments =
    measured === undefined || !own ? undefined : 'means' in own ? own : byteMoments(withChannels(own, format.channels === 1 ? 1 : 3));
  const from = order === 'bgr' ? channels.toReversed() : channels;
  const normal = (pixel: number, channel: number): number => {
    if (moments) {
      const z = (pixel - at(moments.means, from[channel] ?? channel)) / at(moments.deviations, from[channel] ?? channel);
      return measured === 'picture' ? 0.5 + 0.5 * z : z;
    }
    return (pixel - at(typeof mean === 'string' ? [0] : mean, channel)) / at(typeof std === 'string' ? [1] : std, channel);
  };
  // Moments of the image itself are measured on values scaled to 0..1.
  const scale = moments ? 1 : range;
  const table = (channel: number): Float32Array =>
    Float32Array.from({ length: 256 }, (_, byte) => {
      const share = gamma === 'linear' ? light(byte / 255) : byte / 255;
      return normal(gamma === 'linear' || scale !== 255 ? share * scale : byte, channel);
    });
  const span = levels ? levels.white - levels.black : 1;
  const pixel = (number: number): number => {
    if (!levels) return number;
    if (gamma !== 'linear' && levels.black === 0 && levels.white === scale) return number;
    const share = (number - levels.black) / span;
    return (gamma === 'linear' ? light(share) : share) * scale;
  };
  return { tables: channels.map(table), value: (number, channel) => normal(pixel(number), channel), from, format };
}

/** The sRGB curve (IEC 61966-2-1), from encoded values to linear light. */
const light = (value: number): number => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** Mean and standard deviation (unbiased, as in PyTorch) of all pixels, in 0..1. */
function byteMoments({ data }: Picture): Moments {
  const histogram = new Float64Array(256);
  for (const byte of data) histogram[byte] = (histogram[byte] ?? 0) + 1;
  const mean = histogram.reduce((sum, count, byte) => sum + count * byte, 0) / data.length;
  const squares = histogram.reduce((sum, count, byte) => sum + count * (byte - mean) ** 2, 0);
  const std = Math.sqrt(squares / Math.max(data.length - 1, 1));
  // A picture of a single colour has zero deviation; it stays at 0.5.
  return { means: [mean / 255], deviations: [std === 0 ? 1 : std / 255] };
}

/**
 * Mean and standard deviation (as in NumPy) of a source, in units of its black-to-white range if known. Read in pieces.
 * If all values are equal, the deviation is set to 1 to avoid dividing by zero.
 * Uses two passes, since squares of large values hide small deviations.
 */
export async function momentsOf(source: Source, perBand: boolean): Promise<Moments> {
  const { bands } = source;
  const count = product(source.lengths) * (perBand ? 1 : bands);
  const groups = perBand ? bands : 1;
  const sums = async (of: (value: number, group: number) => number): Promise<Float64Array> => {
    const all = new Float64Array(groups);
    for (const piece of piecesOf(source)) {
      const { data } = await source.read(piece);
      for (let at = 0; at < data.length; at++) {
        const group = perBand ? at % bands : 0;
        all[group] = (all[group] ?? 0) + of(data[at] ?? 0, group);
      }
    }
    return all;
  };
  const means = (await sums((value) => value)).map((sum) => sum / count);
  const deviations = (await sums((value, group) => (value - (means[group] ?? 0)) ** 2)).map((sum) => Math.sqrt(sum / count));
  const { black, white } = source.levels ?? { black: 0, white: 1 };
  const scale = 1 / (white - black);
  return {
    means: Array.from(means, (mean) => (mean - black) * scale),
    deviations: Array.from(deviations, (deviation) => (deviation > 0 ? deviation * scale : 1)),
  };
}

/** Encodes a picture as a batch of one, in the network's axis order. `padTo`: size to pad to with zeros, evenly on both sides. */
export const encodePicture = (picture: Picture, encoding: Encoding, padTo: Size = picture): Numbers => {
  const { height, width, channels, data } = picture;
  return encodeBlock({ lengths: [height, width], bands: channels, data }, encoding, [padTo.height, padTo.width]);
};

/** Converts pictures to grey or colour, whichever the network takes. */
function inChannels(block: Block, channels: number): Block {
  const { lengths, bands, data } = block;
  if (bands === channels || !(data instanceof Uint8Array) || (channels !== 1 && channels !== 3)) return block;
  return { lengths, bands: channels, data: greyOrColour(data, channels) };
}

/** Encodes a block with any number of axes, whose bands are the channels, as `encodePicture` does. */
export function encodeBlock(block: Block, encoding: Encoding, padTo: readonly number[] = block.lengths): Numbers {
  const { tables, value, from, format } = encoding;
  const { lengths, bands, data } = inChannels(block, format.channels);
  const whole = lengths.map((length, axis) => Math.max(padTo[axis] ?? 0, length));
  const before = lengths.map((length, axis) => Math.floor(((whole[axis] ?? length) - length) / 2));
  const places = product(whole);
  const channelsLast = format.layout.endsWith('C');
  const [perChannel, perPlace] = channelsLast ? [1, bands] : [places, 1];
  const encoded = new Float32Array(places * bands);
  const width = lengths.at(-1) ?? 1;
  const box = { starts: before, lengths };
  for (let channel = 0; channel < bands; channel++) {
    const source = from[channel] ?? channel;
    const table = tables[channel];
    eachLine(whole, box, (begin, line) => {
      let to = channel * perChannel + begin * perPlace;
      let at = line * width * bands + source;
      if (table && data instanceof Uint8Array)
        for (let x = 0; x < width; x++, to += perPlace, at += bands) encoded[to] = table[data[at] ?? 0] ?? 0;
      else for (let x = 0; x < width; x++, to += perPlace, at += bands) encoded[to] = value(data[at] ?? 0, channel);
    });
  }
  let axis = 0;
  const shape = [...format.layout].map((role) => (role === 'N' ? 1 : role === 'C' ? bands : (whole[axis++] ?? 1)));
  return { dtype: format.dtype, shape, data: encoded };
}
