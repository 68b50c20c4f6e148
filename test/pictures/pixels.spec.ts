/** From pixels to numbers: scaling as Pillow does it, cutting as torchvision does it, presets by their formulas. */
import { centre, fitPicture, resizedSize, usualFit } from '../../src/pictures/fit';
import { cropPicture, mirrorPicture, type Picture, withChannels } from '../../src/pictures/picture';
import { encodePicture, encodingFor, type PRESETS, preprocessings, usualPreset } from '../../src/pictures/preprocessing';
import { resample } from '../../src/pictures/resample';
import { random } from '../support/seeded';

const grey = (width: number, height: number, value: (x: number, y: number) => number): Picture => ({
  width,
  height,
  channels: 1,
  data: Uint8Array.from({ length: width * height }, (_, at) => value(at % width, Math.floor(at / width))),
});
const sample = grey(11, 7, (x, y) => (37 * x + 91 * y + 13 * x * y) % 256);

/** Image.resize(size, BILINEAR) of Pillow 12.3. */
const PILLOW: readonly (readonly [number, number, readonly number[]])[] = [
  [5, 3, [106, 137, 139, 126, 100, 122, 148, 138, 128, 131, 109, 140, 139, 142, 144]],
  [
    11,
    4,
    [
      48, 91, 123, 167, 101, 145, 176, 86, 130, 64, 96, 118, 182, 113, 177, 118, 182, 113, 105, 169, 182, 41, 101, 137, 92, 180, 145, 100,
      137, 153, 108, 145, 161, 108, 107, 69, 177, 175, 137, 136, 110, 206, 70, 178,
    ],
  ],
  [
    7,
    7,
    [
      15, 70, 125, 185, 101, 44, 99, 111, 185, 148, 85, 166, 169, 59, 207, 116, 139, 187, 87, 181, 121, 47, 161, 162, 141, 121, 121, 81,
      144, 91, 152, 95, 170, 105, 194, 137, 136, 175, 143, 107, 187, 154, 80, 66, 166, 151, 140, 128, 114,
    ],
  ],
];

/** The other filters of Pillow 12.3: smaller, and larger in part. */
const FILTERED = [
  [
    'bicubic',
    [102, 139, 141, 128, 94, 127, 148, 137, 130, 135, 103, 140, 140, 142, 144],
    [0, 22, 55, 84, 119, 160, 190, 235, 55, 0, 49, 90, 117],
  ],
  [
    'nearest',
    [141, 241, 85, 185, 29, 93, 245, 141, 37, 189, 45, 249, 197, 145, 93],
    [0, 37, 74, 74, 111, 148, 185, 222, 3, 40, 40, 77, 114],
  ],
  [
    'lanczos',
    [101, 139, 142, 129, 92, 132, 151, 133, 134, 137, 95, 140, 144, 136, 146],
    [0, 22, 54, 78, 117, 164, 195, 242, 54, 0, 55, 96, 116],
  ],
  [
    'box',
    [68, 155, 135, 116, 75, 141, 122, 141, 118, 142, 107, 132, 147, 163, 124],
    [0, 37, 74, 74, 111, 148, 185, 222, 3, 40, 40, 77, 114],
  ],
  [
    'hamming',
    [96, 148, 136, 128, 87, 119, 152, 140, 114, 132, 110, 147, 140, 147, 135],
    [0, 35, 65, 89, 116, 149, 185, 221, 32, 25, 49, 79, 114],
  ],
] as const;

describe('resample', () => {
  test.each(FILTERED)('%s as Pillow does', (filter, smaller, larger) => {
    expect([...resample(sample, { width: 5, height: 3 }, undefined, filter).data]).toEqual(smaller);
    // One row of nine.
    const first = [...resample(sample, { width: 13, height: 9 }, { top: 0, left: 0, width: 13, height: 1 }, filter).data];
    expect(first).toEqual(larger);
  });

  test.each(PILLOW)('to %i x %i as Pillow does', (width, height, expected) => {
    const { data } = resample(sample, { width, height });
    expect([...data]).toEqual(expected);
  });

  test('a rectangle has the pixels that it has in the whole', () => {
    const next = random(3);
    const picture: Picture = { width: 53, height: 37, channels: 3, data: Uint8Array.from({ length: 53 * 37 * 3 }, () => next() * 256) };
    for (const size of [
      { width: 31, height: 20 },
      { width: 90, height: 71 },
      { width: 53, height: 37 },
    ]) {
      const whole = resample(picture, size);
      const region = { top: 5, left: 11, height: 13, width: 17 };
      expect(resample(picture, size, region)).toEqual(cropPicture(whole, region));
    }
  });
});

describe('pictures', () => {
  test('grey by the weights of BT.601, colors by repetition', () => {
    const { data } = withChannels({ width: 2, height: 1, channels: 3, data: Uint8Array.of(0, 255, 0, 37, 218, 18) }, 1);
    // Image.convert('L') of Pillow.
    expect([...data]).toEqual([150, 141]);
    expect([
      ...withChannels(
        grey(2, 1, (x) => x + 7),
        3,
      ).data,
    ]).toEqual([7, 7, 7, 8, 8, 8]);
  });
  test('mirrored', () => {
    expect([
      ...mirrorPicture({ width: 2, height: 2, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) }).data,
    ]).toEqual([4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
  });
});

describe('fit', () => {
  test('the shorter side to 8/7 of the network, the middle of it; all of it for small ones', () => {
    expect(usualFit({ height: 224, width: 224 })).toEqual({ resize: 256, crop: { height: 224, width: 224 } });
    expect(usualFit({ height: 299, width: 299 }).resize).toBe(342);
    expect(usualFit({ height: 28, width: 28 }).resize).toBe(28);
  });
  test('sizes as torchvision rounds them', () => {
    expect(resizedSize({ width: 451, height: 300 }, 256)).toEqual({ width: 384, height: 256 });
    expect(resizedSize({ width: 300, height: 451 }, 256)).toEqual({ width: 256, height: 384 });
    expect(resizedSize({ width: 300, height: 451 }, { width: 8, height: 9 })).toEqual({ width: 8, height: 9 });
    // round(16.5) is 16 in Python, round(17.5) is 18.
    expect(centre({ width: 257, height: 259 }, { width: 224, height: 224 })).toMatchObject({ left: 16, top: 18 });
    expect(centre({ width: 200, height: 300 }, { width: 224, height: 224 })).toBeUndefined();
  });
  test('fits', () => {
    const fitted = fitPicture(sample, { resize: 'none', crop: { height: 3, width: 5 } });
    expect([...(fitted?.data ?? [])]).toEqual([2, 3, 4].flatMap((y) => [3, 4, 5, 6, 7].map((x) => sample.data[y * 11 + x])));
  });
});

describe('presets', () => {
  const pixel: Picture = { width: 2, height: 1, channels: 3, data: Uint8Array.of(255, 128, 0, 10, 20, 30) };
  const encode = (preset: (typeof PRESETS)[number], layout: 'NCHW' | 'NHWC' = 'NCHW', channels: 1 | 3 = 3) => {
    const encoding = encodingFor(preprocessings[preset], { dtype: 'float', layout, channels }, pixel);
    return encodePicture(pixel, encoding);
  };
  const close = (data: ArrayLike<number>, expected: readonly number[]): void => {
    expect(data).toHaveLength(expected.length);
    expected.forEach((value, at) => {
      expect(data[at]).toBeCloseTo(value, 5);
    });
  };

  test('torchvision', () => {
    const { shape, data } = encode('torchvision');
    expect(shape).toEqual([1, 3, 1, 2]);
    const x = (byte: number, mean: number, std: number): number => (byte / 255 - mean) / std;
    close(data, [
      x(255, 0.485, 0.229),
      x(10, 0.485, 0.229),
      x(128, 0.456, 0.224),
      x(20, 0.456, 0.224),
      x(0, 0.406, 0.225),
      x(30, 0.406, 0.225),
    ]);
  });
  test('tensorflow, channels last', () => {
    const { shape, data } = encode('tensorflow', 'NHWC');
    expect(shape).toEqual([1, 1, 2, 3]);
    close(data, [1, 128 / 127.5 - 1, -1, 10 / 127.5 - 1, 20 / 127.5 - 1, 30 / 127.5 - 1]);
  });
  test('caffe: blue first, its mean first', () =>
    close(encode('caffe').data, [0 - 104, 30 - 104, 128 - 117, 20 - 117, 255 - 123, 10 - 123]));
  test('raw', () => close(encode('raw').data, [255, 10, 128, 20, 0, 30]));
  test('unit, of one channel', () => close(encode('unit', 'NCHW', 1).data, [Math.round(0.299 * 255 + 0.587 * 128) / 255, 18 / 255]));
  test('lecture: mean and unbiased deviation of all pixels', () => {
    const all = [255, 128, 0, 10, 20, 30].map((byte) => byte / 255);
    const mean = all.reduce((sum, value) => sum + value, 0) / 6;
    const std = Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 5);
    close(
      encode('lecture').data,
      [255, 10, 128, 20, 0, 30].map((byte) => 0.5 + (0.5 * (byte / 255 - mean)) / std),
    );
  });
  test('what is usual', () => {
    expect([
      usualPreset('float', 3, 'NCHW'),
      usualPreset('float16', 3, 'NHWC'),
      usualPreset('float', 1, 'NCHW'),
      usualPreset('uint8', 3, 'NCHW'),
    ]).toEqual(['torchvision', 'tensorflow', 'unit', 'raw']);
  });
  test('zeros around, evenly, the odd one behind', () => {
    const encoding = encodingFor(preprocessings.raw, { dtype: 'float', layout: 'NCHW', channels: 1 }, sample);
    const { shape, data } = encodePicture(
      grey(2, 1, () => 9),
      encoding,
      { height: 2, width: 5 },
    );
    expect([shape, [...data]]).toEqual([
      [1, 1, 2, 5],
      [0, 9, 9, 0, 0, 0, 0, 0, 0, 0],
    ]);
  });
});
