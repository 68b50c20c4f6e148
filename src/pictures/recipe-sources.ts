/**
 * Translates preprocessing descriptions of other programs into recipes: files of Hugging Face and timm, metadata written into models by ONNX itself, Windows ML,
 * Azure Custom Vision and Ultralytics, and the names of torchvision and timm models.
 *
 * All of them express x = (p factor - shift) / deviation in some form, so each becomes a range, a mean and a std. A description that cannot be reproduced here
 * is an error: preprocessing that differs from training silently gives wrong classes.
 */

import { preprocessingInvalid } from '../diagnostics/catalogue';
import { parseJson } from '../formats/json';
import { table } from '../ir/table';
import { knownModels } from './known-models.generated';
import { type Fields, fields, parseRecipe, type Recipe } from './recipe';
import type { Filter } from './resample';

/** Parses a description from a JSON file or metadata, in any known format; undefined if it says nothing about pixels. Throws CompileError PREPROCESSING_INVALID. */
export function recipeFromFields(value: object, file: string, from: string): Recipe | undefined {
  const read = fields(value, file);
  const inner = read.value('pretrained_cfg') ?? read.value('image_processor');
  if (inner instanceof Object && !read.has('image_mean', 'do_normalize')) return recipeFromFields(inner, file, from);
  if (read.has('image_mean', 'image_std', 'do_normalize', 'do_rescale', 'do_resize', 'image_processor_type', 'feature_extractor_type'))
    return huggingFace(read, file, from);
  if (Object.keys(value).some((key) => /^(Image|CustomVision)\./i.test(key))) return imageMetadata(strings(value), file);
  if (read.has('input_size', 'crop_pct', 'interpolation', 'crop_mode') && read.has('mean', 'std')) return timm(read, file, from);
  if (read.has('resize_size', 'crop_size') && read.has('mean', 'std')) return torchvision(read, from);
  return read.has('mean', 'std', 'range', 'order') ? parseRecipe(value, file, from) : undefined;
}

const strings = (value: object): ReadonlyMap<string, string> =>
  new Map(Object.entries(value).map(([key, text]) => [key, typeof text === 'string' ? text : JSON.stringify(text)]));

const PIL: readonly (Filter | undefined)[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/** preprocessor_config.json of transformers: x = (p rescale_factor - image_mean) / image_std, after do_resize to size and do_center_crop to crop_size. */
function huggingFace(read: Fields, file: string, from: string): Recipe {
  const kind = read.text('image_processor_type') ?? read.text('feature_extractor_type') ?? '';
  const factor = read.flag('do_rescale') === false ? 1 : (read.number('rescale_factor') ?? 1 / 255);
  if (!(factor > 0)) throw preprocessingInvalid(file, `'rescale_factor' is ${factor}`);
  const normalized = read.flag('do_normalize') ?? read.has('image_mean');
  const mean = normalized ? (read.numbers('image_mean') ?? [0]) : [0];
  const std = normalized ? read.deviations('image_std') : [1];
  // EfficientNet's processor divides by the deviation a second time, and may first move pixels to -1..1.
  const twice = /^EfficientNet/.test(kind) && (read.flag('include_top') ?? true) && normalized;
  const offset = (read.flag('rescale_offset') ?? false) ? 1 : 0;
  const shift = mean.map((value) => value + offset);
  return {
    from,
    ...huggingFaceFit(read, kind),
    filter: PIL[read.number('resample') ?? 2] ?? 'bilinear',
    ...linear(factor, shift, twice ? std.map((value) => value * value) : std),
    order: (read.flag('do_flip_channel_order') ?? /^MobileViT/.test(kind)) ? 'bgr' : 'rgb',
  };
}

function huggingFaceFit(read: Fields, kind: string): Pick<Recipe, 'resize' | 'crop'> {
  const size = read.value('size');
  const shortest = size instanceof Object ? Reflect.get(size, 'shortest_edge') : typeof size === 'number' ? size : undefined;
  const resizes = read.flag('do_resize') ?? size !== undefined;
  const crops = read.flag('do_center_crop') ?? false;
  if (typeof shortest !== 'number') {
    const target = resizes ? read.size('size') : undefined;
    return { resize: target ?? 'none', crop: crops ? read.size('crop_size') : (target ?? 'none') };
  }
  const square = { height: shortest, width: shortest };
  // ConvNeXt's processor (also used by ResNet and others) scales the shorter side beyond the square that is cropped, unless the square is 384 or more.
  if (/^ConvNext/.test(kind) || read.has('crop_pct')) {
    if (/^ConvNext/.test(kind) && shortest >= 384) return { resize: square, crop: square };
    return { resize: Math.floor(shortest / (read.number('crop_pct') ?? 224 / 256)), crop: square };
  }
  // So does LeViT's, by 256 / 224; it states its crop size.
  const scaled = /^Levit/i.test(kind) ? Math.floor((256 / 224) * shortest) : shortest;
  if (crops) return { resize: resizes ? scaled : 'none', crop: read.size('crop_size') ?? square };
  // A plain number without a crop meant a square before sizes had named fields.
  return typeof size === 'number' ? { resize: square, crop: square } : { resize: resizes ? scaled : 'none', crop: 'none' };
}

/** pretrained_cfg of timm: the picture is scaled to input_size / crop_pct, then cropped; stretched if crop_mode says so. */
function timm(read: Fields, file: string, from: string): Recipe {
  const size = read.size('input_size');
  const share = read.number('crop_pct') ?? 0.875;
  const mode = read.text('crop_mode') ?? 'center';
  if (mode !== 'center' && mode !== 'squash') throw preprocessingInvalid(file, `'crop_mode' is '${mode}'; center and squash are known`);
  const scaled = size && { height: Math.floor(size.height / share), width: Math.floor(size.width / share) };
  return {
    from,
    resize: scaled && (mode === 'squash' || scaled.height !== scaled.width ? scaled : scaled.height),
    crop: size,
    filter: filterNamed(read.text('interpolation')),
    range: 1,
    mean: read.numbers('mean') ?? [0],
    std: read.deviations('std'),
    order: 'rgb',
  };
}

/** The fields of torchvision's ImageClassification: resize_size, crop_size, mean, std, interpolation. */
function torchvision(read: Fields, from: string): Recipe {
  const resize = read.value('resize_size');
  const list: readonly unknown[] = Array.isArray(resize) ? resize : [resize];
  const [only, second] = list;
  const [crop] = [read.value('crop_size')];
  const side: unknown = Array.isArray(crop) && crop.length === 1 ? crop[0] : undefined;
  return {
    from,
    resize: second === undefined ? (typeof only === 'number' ? only : undefined) : read.size('resize_size'),
    crop: typeof side === 'number' ? { height: side, width: side } : read.size('crop_size'),
    filter: filterNamed(read.text('interpolation')),
    range: 1,
    mean: read.numbers('mean') ?? [0.485, 0.456, 0.406],
    std: read.numbers('std') ?? [0.229, 0.224, 0.225],
    order: 'rgb',
  };
}

const filterNamed = (text: string | undefined): Filter => {
  const name = text?.toLowerCase().replace(/^.*\./, '');
  return name === 'bicubic' || name === 'nearest' || name === 'lanczos' || name === 'box' || name === 'hamming' ? name : 'bilinear';
};

/** Converts x = (p factor - shift) / deviation, with p in 0..255, to the form of a recipe. */
function linear(factor: number, shift: readonly number[], deviation: readonly number[]): Pick<Recipe, 'range' | 'mean' | 'std'> {
  // 0.00392156862745098 and 1 / 255 must be treated as the same number.
  if (Math.abs(factor * 255 - 1) < 1e-6) return { range: 1, mean: shift, std: deviation };
  return { range: 255, mean: shift.map((value) => value / factor), std: deviation.map((value) => value / factor) };
}

/** Preprocessing stated in the model's own metadata, by any exporter; undefined if none. Throws CompileError PREPROCESSING_INVALID. */
export function recipeInMetadata(metadata: ReadonlyMap<string, string>, file: string): Recipe | undefined {
  const own = metadata.get('convolutionize.preprocessing');
  if (own !== undefined) {
    const value = loose(own);
    if (!(value instanceof Object)) throw preprocessingInvalid(file, `'convolutionize.preprocessing' is not a JSON object`);
    return parseRecipe(value, file, 'the model');
  }
  const image = imageMetadata(metadata, file);
  if (image) return image;
  for (const [key, text] of metadata) {
    if (!DESCRIPTIONS.has(key.toLowerCase().replace(/\.json$/, ''))) continue;
    const value = loose(text);
    const recipe = value instanceof Object && !Array.isArray(value) ? recipeFromFields(value, file, `'${key}' in the model`) : undefined;
    if (recipe) return recipe;
  }
  if (/^ultralytics$/i.test(metadata.get('author') ?? '') || /^Ultralytics /.test(metadata.get('description') ?? ''))
    return ultralytics(metadata, file);
  // Separate fields: each value is text.
  const flat = Object.fromEntries([...metadata].map(([key, text]) => [key, loose(text)]));
  const read = fields(flat, file);
  const described = read.has('image_mean', 'image_std') || (read.has('mean') && read.has('std'));
  return described ? recipeFromFields(flat, file, 'the model') : undefined;
}

/** Metadata keys that hold whole descriptions. */
const DESCRIPTIONS = new Set([
  'preprocessor_config',
  'preprocessor',
  'image_processor',
  'feature_extractor',
  'pretrained_cfg',
  'default_cfg',
  'data_config',
  'timm',
  'config',
  'preprocessing',
  'preprocess',
  'transforms',
  'normalization',
]);

/** Parses JSON or the output of Python's print: {'a': (1, 2), 'b': None}. Anything else is returned as text. */
function loose(text: string): unknown {
  const pythonic = text.replaceAll('(', '[').replaceAll(')', ']').replaceAll("'", '"');
  const words = pythonic
    .replace(/\bTrue\b/g, 'true')
    .replace(/\bFalse\b/g, 'false')
    .replace(/\bNone\b/g, 'null');
  const bare = /^\s*-?[\d.]+(e-?\d+)?\s*(,\s*-?[\d.]+(e-?\d+)?\s*)+$/i.test(text) ? `[${text}]` : undefined;
  for (const attempt of [text, bare, words, words.replace(/,\s*([\]}])/g, '$1')]) {
    if (attempt === undefined) continue;
    try {
      return parseJson(attempt);
    } catch {
      // Try the next syntax.
    }
  }
  return text;
}

/**
 * ONNX's image metadata (docs/MetadataProps.md of ONNX), as written by Windows ML and Azure Custom Vision. Keys and values are case-insensitive.
 *
 *   Image.BitmapPixelFormat   Gray8, Rgb8, Bgr8 (Rgba8 and Bgra8: their color channels)
 *   Image.NominalPixelRange   NominalRange_0_255 (the default, as in Windows ML), Normalized_0_1, Normalized_1_1, NominalRange_16_235
 *   Image.ColorSpaceGamma     SRGB, Linear
 */
function imageMetadata(metadata: ReadonlyMap<string, string>, file: string): Recipe | undefined {
  const lower = new Map([...metadata].map(([key, value]) => [key.toLowerCase(), value.trim()]));
  const get = (key: string): string | undefined => lower.get(`image.${key}`.toLowerCase());
  const [format, nominal, gamma] = [get('BitmapPixelFormat'), get('NominalPixelRange'), get('ColorSpaceGamma')];
  const custom = [...lower.keys()].some((key) => key.startsWith('customvision.preprocess.'));
  if (format === undefined && nominal === undefined && gamma === undefined && !custom) return undefined;
  const unknown = (key: string, value: string, known: string): never => {
    throw preprocessingInvalid(file, `Image.${key} is '${value}'; known are ${known}`);
  };
  const orders: Readonly<Record<string, Recipe['order']>> = table({ gray8: 'rgb', rgb8: 'rgb', rgba8: 'rgb', bgr8: 'bgr', bgra8: 'bgr' });
  // Windows ML treats an unspecified format as Bgr8.
  const order = orders[(format ?? 'bgr8').toLowerCase()] ?? unknown('BitmapPixelFormat', format ?? '', 'Gray8, Rgb8, Bgr8, Rgba8, Bgra8');
  const ranges: Readonly<Record<string, Pick<Recipe, 'range' | 'mean' | 'std'>>> = table({
    nominalrange_0_255: { range: 255, mean: [0], std: [1] },
    normalized_0_1: { range: 1, mean: [0], std: [1] },
    normalized_1_1: { range: 255, mean: [127.5], std: [127.5] },
    nominalrange_16_235: { range: 255, mean: [(-16 * 255) / 219], std: [255 / 219] },
  });
  const range =
    ranges[(nominal ?? 'NominalRange_0_255').toLowerCase()] ??
    unknown('NominalPixelRange', nominal ?? '', 'NominalRange_0_255, Normalized_0_1, Normalized_1_1, NominalRange_16_235');
  const curve = (gamma ?? 'SRGB').toLowerCase();
  if (curve !== 'srgb' && curve !== 'linear') unknown('ColorSpaceGamma', gamma ?? '', 'SRGB, Linear');
  return {
    from: 'image metadata in the model',
    ...range,
    order,
    ...(curve === 'linear' && { gamma: 'linear' }),
    ...(custom && customVision(lower, range, file)),
  };
}

/**
 * Azure Custom Vision's own keys, in addition to ONNX's: CustomVision.Preprocess.NormalizeMean, NormalizeStd, ResizeMethod, CropMethod,
 * TargetHeight, TargetWidth.
 */
function customVision(
  lower: ReadonlyMap<string, string>,
  { range, mean, std }: Pick<Recipe, 'range' | 'mean' | 'std'>,
  file: string,
): Partial<Recipe> {
  const keys = Object.fromEntries(
    [...lower].flatMap(([key, text]) =>
      key.startsWith('customvision.preprocess.') ? [[key.slice('customvision.preprocess.'.length), loose(text)]] : [],
    ),
  );
  const read = fields(keys, file);
  const [ownMean, ownStd] = [read.numbers('normalizemean') ?? [0], read.deviations('normalizestd')];
  const at = (list: Recipe['mean'], channel: number): number => (typeof list === 'string' ? 0 : (list[channel] ?? list[0] ?? 0));
  const count = Math.max(ownMean.length, ownStd.length);
  const channels = Array.from({ length: count }, (_, channel) => channel);
  const size = read.length('targetheight') !== undefined ? read.number('targetwidth') : undefined;
  const target = size === undefined ? undefined : { height: read.length('targetheight') ?? size, width: size };
  const stretched = /stretch/i.test(String(read.value('resizemethod') ?? 'stretch'));
  return {
    from: 'Custom Vision metadata in the model',
    range,
    // First to the nominal range, then by the mean and deviation of the training.
    mean: channels.map((channel) => at(mean, channel) + at(std, channel) * at(ownMean, channel)),
    std: channels.map((channel) => at(std, channel) * at(ownStd, channel)),
    ...(target && stretched && { resize: target, crop: target }),
  };
}

/** Ultralytics classifiers (YOLOv8 and later): pixels in 0..1, the shorter side scaled to imgsz, the middle cropped. */
function ultralytics(metadata: ReadonlyMap<string, string>, file: string): Recipe {
  const read = fields({ imgsz: loose(metadata.get('imgsz') ?? 'null') }, file);
  const crop = read.size('imgsz');
  return {
    from: 'Ultralytics metadata in the model',
    resize: crop && (crop.height === crop.width ? crop.height : crop),
    crop,
    filter: 'bilinear',
    range: 1,
    mean: [0],
    std: [1],
    order: 'rgb',
  };
}

/** Finds a torchvision or timm model by name: ResNet50_Weights.IMAGENET1K_V2, timm/resnet50.a1_in1k, resnet50. */
export function recipeOfKnownModel(name: string): Recipe | undefined {
  const wanted = name
    .trim()
    .replace(/^(hf[_-]hub:)?(timm\/|torchvision\.models\.)/, '')
    .toLowerCase();
  for (const [resize, [height, width], filter, mean, std, names] of knownModels())
    for (const known of names.split(' ')) {
      const [full = '', isDefault] = known.endsWith('*') ? [known.slice(0, -1), true] : [known, false];
      const [family = ''] = full.split('.');
      const plain = full.toLowerCase() === wanted;
      const byDefault = isDefault && [family.toLowerCase(), `${family.toLowerCase()}.default`].includes(wanted);
      if (!plain && !byDefault) continue;
      const scaled = typeof resize === 'number' ? resize : { height: resize[0], width: resize[1] };
      return { from: full, resize: scaled, crop: { height, width }, filter, range: 1, mean, std, order: 'rgb' };
    }
  return undefined;
}
