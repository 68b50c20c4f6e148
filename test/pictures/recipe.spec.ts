/** Descriptions of preprocessing by other programs give the numbers that those programs make. */
import { describedFit } from '../../src/pictures/fit';
import { encodePicture, encodingFor } from '../../src/pictures/preprocessing';
import { checkChannels, parseRecipe, type Recipe, recipeJson } from '../../src/pictures/recipe';
import { recipeFromFields, recipeInMetadata, recipeOfKnownModel } from '../../src/pictures/recipe-sources';
import { codeOf } from '../support/code-of';

/** The numbers of one pixel of three channels, as they are fed. */
function fed(recipe: Recipe | undefined, pixel: readonly number[] = [200, 100, 50]): number[] {
  if (!recipe) return [];
  const picture = { width: 1, height: 1, channels: 3 as const, data: Uint8Array.from(pixel) };
  return [...encodePicture(picture, encodingFor(recipe, { dtype: 'float', layout: 'NCHW', channels: 3 }, picture)).data];
}
const close = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, at) => {
    expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 4);
  });
};
const from = (value: object): Recipe | undefined => recipeFromFields(value, 'file.json', 'file.json');
const metadata = (entries: Readonly<Record<string, string>>): Recipe | undefined =>
  recipeInMetadata(new Map(Object.entries(entries)), 'model.onnx');
const size = (side: number) => ({ height: side, width: side });

describe('Hugging Face', () => {
  test('ViT: stretched to a square, 0.5 and 0.5', () => {
    const recipe = from({
      image_processor_type: 'ViTImageProcessor',
      do_resize: true,
      size: { height: 224, width: 224 },
      resample: 2,
      do_rescale: true,
      rescale_factor: 0.00392156862745098,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    });
    expect(recipe).toMatchObject({ range: 1, resize: size(224), crop: size(224), filter: 'bilinear', order: 'rgb' });
    close(fed(recipe), [0.568627, -0.215686, -0.607843]);
  });

  test('ResNet and ConvNeXt: the shorter side by crop_pct, a square cut from it; from 384 on stretched', () => {
    const config = {
      feature_extractor_type: 'ConvNextFeatureExtractor',
      size: 224,
      crop_pct: 0.875,
      resample: 3,
      do_normalize: true,
      image_mean: [0.485, 0.456, 0.406],
      image_std: [0.229, 0.224, 0.225],
    };
    expect(from(config)).toMatchObject({ resize: 256, crop: size(224), filter: 'bicubic' });
    expect(from({ ...config, size: { shortest_edge: 384 } })).toMatchObject({ resize: size(384), crop: size(384) });
    close(fed(from(config)), [(200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225]);
  });

  test('pixels moved to -1..1 by a factor and an offset; the channels turned round', () => {
    const recipe = from({
      do_rescale: true,
      rescale_factor: 0.00784313725490196,
      rescale_offset: true,
      do_normalize: false,
      do_flip_channel_order: true,
      size: { shortest_edge: 256 },
      do_center_crop: true,
      crop_size: { height: 224, width: 224 },
      do_resize: true,
    });
    expect(recipe).toMatchObject({ resize: 256, crop: size(224), order: 'bgr' });
    close(fed(recipe), [50 / 127.5 - 1, 100 / 127.5 - 1, 200 / 127.5 - 1]);
  });

  test('no rescaling: bytes', () => {
    close(fed(from({ do_rescale: false, do_normalize: false, do_resize: false })), [200, 100, 50]);
  });

  test('EfficientNet divides by the deviation twice', () => {
    const config = { image_processor_type: 'EfficientNetImageProcessor', image_mean: [0.485, 0.456, 0.406], image_std: [0.5, 0.5, 0.5] };
    close(fed(from(config)), [(200 / 255 - 0.485) / 0.25, (100 / 255 - 0.456) / 0.25, (50 / 255 - 0.406) / 0.25]);
  });
});

test("timm's config.json, and names of timm and torchvision", () => {
  const config = {
    architecture: 'resnet50',
    num_classes: 1000,
    pretrained_cfg: {
      input_size: [3, 224, 224],
      interpolation: 'bicubic',
      crop_pct: 0.95,
      crop_mode: 'center',
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
  };
  const recipe = from(config);
  expect(recipe).toMatchObject({ resize: 235, crop: size(224), filter: 'bicubic', range: 1 });
  expect(from({ ...config, pretrained_cfg: { ...config.pretrained_cfg, crop_mode: 'squash', crop_pct: 1 } })).toMatchObject({
    resize: size(224),
    crop: size(224),
  });
  const { from: _, ...fields } = recipe ?? { from: '' };
  for (const name of ['resnet50.a1_in1k', 'resnet50', 'timm/resnet50.a1_in1k', 'hf-hub:timm/resnet50.a1_in1k'])
    expect(recipeOfKnownModel(name)).toMatchObject(fields);
  expect(recipeOfKnownModel('ResNet50_Weights.IMAGENET1K_V1')).toMatchObject({ resize: 256, crop: size(224), filter: 'bilinear' });
  expect(recipeOfKnownModel('ResNet50_Weights.DEFAULT')).toMatchObject({ resize: 232, from: 'ResNet50_Weights.IMAGENET1K_V2' });
  expect(recipeOfKnownModel('vit_base_patch16_clip_224.openai')).toMatchObject({ mean: [0.48145466, 0.4578275, 0.40821073] });
  expect(recipeOfKnownModel('resnet51')).toBeUndefined();
});

describe("ONNX's image metadata", () => {
  test.each([
    ['Rgb8', 'NominalRange_0_255', [200, 100, 50]],
    ['Bgr8', 'NominalRange_0_255', [50, 100, 200]],
    ['Bgra8', 'Normalized_0_1', [50 / 255, 100 / 255, 200 / 255]],
    ['RGB8', 'normalized_1_1', [200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1]],
    ['Rgba8', 'NominalRange_16_235', [16 + (200 * 219) / 255, 16 + (100 * 219) / 255, 16 + (50 * 219) / 255]],
  ])('%s, %s', (format, range, expected) => {
    close(
      fed(metadata({ 'image.bitmappixelformat': format, 'Image.NominalPixelRange': range, 'Image.ColorSpaceGamma': 'SRGB' })),
      expected,
    );
  });

  test('linear light; bytes and BGR where only the other is said, as in Windows ML', () => {
    const linear = [0.57758, 0.127438, 0.031896];
    close(
      fed(metadata({ 'Image.BitmapPixelFormat': 'Rgb8', 'Image.NominalPixelRange': 'Normalized_0_1', 'Image.ColorSpaceGamma': 'Linear' })),
      linear,
    );
    close(fed(metadata({ 'Image.NominalPixelRange': 'NominalRange_0_255' })), [50, 100, 200]);
    close(fed(metadata({ 'Image.BitmapPixelFormat': 'Rgb8' })), [200, 100, 50]);
  });

  test('what is not known is an error, not a guess', () => {
    expect(codeOf(() => metadata({ 'Image.BitmapPixelFormat': 'Yuv' }))).toBe('PREPROCESSING_INVALID');
    expect(codeOf(() => metadata({ 'Image.BitmapPixelFormat': 'Rgb8', 'Image.NominalPixelRange': '0..1' }))).toBe('PREPROCESSING_INVALID');
  });

  test('Custom Vision adds mean, deviation and a size to stretch to', () => {
    const recipe = metadata({
      'Image.BitmapPixelFormat': 'Rgb8',
      'Image.NominalPixelRange': 'Normalized_0_1',
      'CustomVision.Preprocess.NormalizeMean': '[0.5, 0.25, 0.0]',
      'CustomVision.Preprocess.NormalizeStd': '[0.5, 0.5, 1.0]',
      'CustomVision.Preprocess.ResizeMethod': 'Stretch',
      'CustomVision.Preprocess.TargetHeight': '300',
      'CustomVision.Preprocess.TargetWidth': '224',
    });
    expect(recipe).toMatchObject({ resize: { height: 300, width: 224 }, crop: { height: 300, width: 224 } });
    close(fed(recipe), [(200 / 255 - 0.5) / 0.5, (100 / 255 - 0.25) / 0.5, 50 / 255]);
  });
});

test('Ultralytics: 0..1, the shorter side to imgsz', () => {
  const recipe = metadata({ author: 'Ultralytics', task: 'classify', imgsz: '[224, 224]', names: "{0: 'a'}" });
  expect(recipe).toMatchObject({ resize: 224, crop: size(224) });
  close(fed(recipe), [200 / 255, 100 / 255, 50 / 255]);
});

test('descriptions under a key of their own, in JSON or as Python prints them; fields by themselves; nothing', () => {
  const python =
    "{'input_size': (3, 192, 192), 'interpolation': 'bilinear', 'mean': (0.5, 0.5, 0.5), 'std': (0.5, 0.5, 0.5), 'crop_pct': 0.9, 'fixed': None}";
  expect(metadata({ pretrained_cfg: python })).toMatchObject({ resize: 213, crop: size(192), mean: [0.5, 0.5, 0.5] });
  close(fed(metadata({ mean: '0.5,0.5,0.5', std: '[0.25, 0.25, 0.25]' })), [
    (200 / 255 - 0.5) / 0.25,
    (100 / 255 - 0.5) / 0.25,
    (50 / 255 - 0.5) / 0.25,
  ]);
  expect(metadata({ names: 'a,b', config: 'none', description: 'a network' })).toBeUndefined();
});

test('our own description comes back as it was written', () => {
  const recipe: Recipe = {
    from: 'here',
    resize: size(256),
    crop: 'none',
    filter: 'lanczos',
    range: 255,
    mean: [1, 2, 3],
    std: [4],
    order: 'bgr',
    gamma: 'linear',
  };
  for (const changed of [
    recipe,
    { ...recipe, resize: 'none' as const, crop: size(8) },
    { ...recipe, resize: 17, mean: 'picture' as const, std: 'picture' as const },
  ])
    expect(metadata({ 'convolutionize.preprocessing': JSON.stringify(recipeJson(changed)) })).toEqual(changed);
});

test.each([
  [{ range: 0 }, 'range'],
  [{ std: [0] }, 'std'],
  [{ mean: 'much' }, 'mean'],
  [{ order: 'grb' }, 'order'],
  [{ crop: [0, 4] }, 'crop'],
  [{ filter: 'soft' }, 'filter'],
])('%j is refused with the name of the field', (value, name) => {
  expect(() => parseRecipe(value, 'file.json', 'file.json')).toThrow(`'${name}'`);
});

test('numbers for another count of channels are refused', () => {
  expect(codeOf(() => checkChannels(parseRecipe({ mean: [1, 2] }, 'f', 'f'), 3, 'f'))).toBe('PREPROCESSING_INVALID');
});

describe('a description for another size than that of the network', () => {
  test.each([
    [
      { resize: 256, crop: size(224) },
      { resize: 146, crop: size(128) },
    ],
    [
      { resize: size(256), crop: size(224) },
      { resize: size(146), crop: size(128) },
    ],
    [
      { resize: 224, crop: 'none' as const },
      { resize: 224, crop: size(128) },
    ],
    [
      { resize: size(224), crop: 'none' as const },
      { resize: size(128), crop: size(128) },
    ],
    [{}, { resize: 146, crop: size(128) }],
  ])('%j', (described, expected) => {
    expect(describedFit(size(128), described)).toEqual(expected);
  });
});
