/**
 * From the numbers of a picture, a recording or a volume to those that a network was trained on.
 *
 *   x = (p - mean) / std         p: the pixel, in 0..1 (`range` 1) or 0..255 (`range` 255); mean and std per channel, in the order in which channels are fed
 *
 * Mean and std may be those of the image itself: of all its numbers, of each band, or as in the lecture:  x = 0.5 + 0.5 (p - mean) / std.
 * Where it is not known which number is white (floats, counts), p is the number as it is.
 */
import { type Block, eachLine, piecesOf, product, type Source } from '../sources/source';
import type { Numbers } from '../verify/onnx-runner';
import { greyOrColour, type Picture, type Size, withChannels } from './picture';

export const PRESETS = ['torchvision', 'tensorflow', 'caffe', 'raw', 'unit', 'lecture'] as const;
export type Preset = (typeof PRESETS)[number];

/** Measured on the image itself. `picture`: of all its pixels together, as in the lecture; `image`: likewise, plain; `band`: of each band. */
export const MEASURED = ['picture', 'image', 'band'] as const;
export type Measured = (typeof MEASURED)[number];

export interface Preprocessing {
  /** The number that white becomes, before mean and std: 1, 255, 65535. */
  readonly range: number;
  /** One number for all channels, or one for each; or measured, both in the same way. */
  readonly mean: readonly number[] | Measured;
  readonly std: readonly number[] | Measured;
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
export function usualPreset(dtype: string, channels: number, layout: string): Preset {
  if (/int/.test(dtype)) return 'raw';
  if (channels === 1) return 'unit';
  return layout === 'NCHW' ? 'torchvision' : 'tensorflow';
}

/** How a network wants its image. */
export interface ImageFormat {
  readonly dtype: string;
  /** The roles of its axes: NCHW, NHWC, NCT, NCDHW ...; without N where it has no batch, without C where it has no channels. */
  readonly layout: string;
  readonly channels: number;
}

/** What numbers become, per channel as fed. */
export interface Encoding {
  /** Of each of the 256 values of a byte: a table of 256 numbers per channel. */
  readonly tables: readonly Float32Array[];
  /** Of any other number. */
  readonly value: (number: number, channel: number) => number;
  /** Which channel of the image is fed as which. */
  readonly from: readonly number[];
  readonly format: ImageFormat;
}

/** Mean and deviation: of all numbers together, or of each band. */
export interface Moments {
  readonly means: readonly number[];
  readonly deviations: readonly number[];
}

/** `own`: the picture that mean and deviation are taken from, where they are its own, or what was measured. `levels`: which number is black and white; undefined: not known. */
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
  // What is measured on the image is measured on shares of 0..1.
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

/** The curve of sRGB (IEC 61966-2-1), from values to light. */
const light = (value: number): number => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** Mean and deviation (unbiased, as PyTorch's) of all pixels, in 0..1. */
function byteMoments({ data }: Picture): Moments {
  const histogram = new Float64Array(256);
  for (const byte of data) histogram[byte] = (histogram[byte] ?? 0) + 1;
  const mean = histogram.reduce((sum, count, byte) => sum + count * byte, 0) / data.length;
  const squares = histogram.reduce((sum, count, byte) => sum + count * (byte - mean) ** 2, 0);
  const std = Math.sqrt(squares / Math.max(data.length - 1, 1));
  // A picture of one colour has no deviation; it stays at 0.5.
  return { means: [mean / 255], deviations: [std === 0 ? 1 : std / 255] };
}

/**
 * Mean and deviation (NumPy's) of a source, as shares of black and white where those are known, read in pieces. Where all numbers are equal the deviation is taken to be 1: nothing is divided by zero.
 * Two passes, since squares of large numbers hide small deviations.
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

/** A batch of one, as the network has its axes. `padTo`: zeros around it, evenly, up to this size. */
export const encodePicture = (picture: Picture, encoding: Encoding, padTo: Size = picture): Numbers => {
  const { height, width, channels, data } = picture;
  return encodeBlock({ lengths: [height, width], bands: channels, data }, encoding, [padTo.height, padTo.width]);
};

/** A picture is grey or in colours, as the network takes it. */
function inChannels(block: Block, channels: number): Block {
  const { lengths, bands, data } = block;
  if (bands === channels || !(data instanceof Uint8Array) || (channels !== 1 && channels !== 3)) return block;
  return { lengths, bands: channels, data: greyOrColour(data, channels) };
}

/** The same of a block of any number of axes, whose bands are the channels. */
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
