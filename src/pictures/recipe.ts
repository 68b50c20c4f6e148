/**
 * Preprocessing of a network's pictures: one format, used in ONNX metadata, in TensorFlow.js metadata and in JSON files of its own.
 *
 *   {"resize": 256, "crop": [224, 224], "filter": "bilinear", "range": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "order": "rgb"}
 *
 * In this order: the picture is scaled (`resize`, with `filter`), its middle is cut out (`crop`), and each pixel p becomes x = (p - mean) / std, where p is in
 * 0..`range`. docs/pictures.md documents each field. recipe-sources.ts translates the formats of other programs.
 */
import { preprocessingInvalid } from '../diagnostics/catalogue';
import type { Fit } from './fit';
import type { Size } from './picture';
import { MEASURED, type Measured, type Preprocessing } from './preprocessing';
import { FILTERS, type Filter } from './resample';

export interface Recipe extends Preprocessing {
  /** Origin of the recipe, for reports: 'torchvision', 'preprocessor_config.json'. */
  readonly from: string;
  /** A number: new length of the shorter side; a size: stretched to it; `none`: unchanged; undefined: unspecified. */
  readonly resize?: Fit['resize'] | undefined;
  readonly crop?: Size | 'none' | undefined;
  readonly filter?: Filter | undefined;
  /** Sampling rate in Hz of the recordings that the network was trained on. */
  readonly rate?: number | undefined;
}

/** JSON form of a recipe; absent fields are unspecified. */
export interface RecipeJson {
  readonly preset?: string;
  readonly resize?: number | readonly [height: number, width: number] | null;
  readonly crop?: readonly [height: number, width: number] | null;
  readonly filter?: Filter;
  readonly range: number;
  readonly mean: readonly number[] | Measured;
  readonly std: readonly number[] | Measured;
  readonly order: 'rgb' | 'bgr';
  readonly gamma?: 'linear';
  readonly rate?: number;
}

export function recipeJson({ from, resize, crop, filter, range, mean, std, order, gamma, rate }: Recipe): RecipeJson {
  return {
    preset: from,
    ...(resize !== undefined && { resize: resize === 'none' ? null : typeof resize === 'number' ? resize : [resize.height, resize.width] }),
    ...(crop !== undefined && { crop: crop === 'none' ? null : [crop.height, crop.width] }),
    ...(filter !== undefined && { filter }),
    range,
    mean,
    std,
    order,
    ...(gamma !== undefined && { gamma }),
    ...(rate !== undefined && { rate }),
  };
}

/** Parses the output of `recipeJson`, or a file written by hand. `file` is used in messages. Throws CompileError PREPROCESSING_INVALID. */
export function parseRecipe(value: object, file: string, from: string): Recipe {
  const read = fields(value, file);
  const filter = read.text('filter');
  if (filter !== undefined && !isFilter(filter)) throw preprocessingInvalid(file, `'filter' is '${filter}', not ${FILTERS.join(', ')}`);
  const order = read.text('order')?.toLowerCase() ?? 'rgb';
  if (order !== 'rgb' && order !== 'bgr') throw preprocessingInvalid(file, `'order' is '${order}', not rgb or bgr`);
  const gamma = read.text('gamma')?.toLowerCase();
  if (gamma !== undefined && gamma !== 'linear' && gamma !== 'srgb')
    throw preprocessingInvalid(file, `'gamma' is '${gamma}', not srgb or linear`);
  const range = read.number('range') ?? 1;
  if (!(range > 0)) throw preprocessingInvalid(file, `'range' is ${range}, not a number above 0`);
  const rate = read.number('rate');
  if (rate !== undefined && !(rate > 0)) throw preprocessingInvalid(file, `'rate' is ${rate}, not samples a second`);
  const [mean, std] = [read.value('mean'), read.value('std')];
  const measured = MEASURED.find((how) => mean === how && std === how);
  const crop = read.value('crop') === null ? 'none' : read.size('crop');
  return {
    from: read.text('preset') ?? from,
    resize: read.value('resize') === null ? 'none' : (read.length('resize') ?? read.size('resize')),
    crop,
    filter: filter === undefined ? undefined : filter,
    range,
    mean: measured ?? read.numbers('mean') ?? [0],
    std: measured ?? read.deviations('std'),
    order,
    ...(gamma === 'linear' && { gamma }),
    ...(rate !== undefined && { rate }),
  };
}

const isFilter = (text: string): text is Filter => FILTERS.some((filter) => filter === text);

/** Whether the recipe's mean and std have one number, or one per channel of the network. */
export function checkChannels(recipe: Recipe, channels: number, file: string): Recipe {
  for (const [name, list] of [
    ['mean', recipe.mean],
    ['std', recipe.std],
  ] as const)
    if (typeof list !== 'string' && list.length !== 1 && list.length !== channels)
      throw preprocessingInvalid(
        file,
        `'${name}' has ${list.length} numbers, and the model takes ${channels === 1 ? 'grey pictures' : `${channels} channels`}`,
      );
  return recipe;
}

/** Typed access to the fields of a description from another program. */
export interface Fields {
  has(...names: readonly string[]): boolean;
  value(name: string): unknown;
  text(name: string): string | undefined;
  number(name: string): number | undefined;
  flag(name: string): boolean | undefined;
  /** A positive whole number of pixels; undefined for anything else. */
  length(name: string): number | undefined;
  numbers(name: string): readonly number[] | undefined;
  /** Numbers above zero; 1 if absent. */
  deviations(name: string): readonly number[];
  /** [height, width], or {height, width}, or one number for a square. */
  size(name: string): Size | undefined;
}

export function fields(source: object, file: string): Fields {
  const entries = new Map<string, unknown>(Object.entries(source));
  const wrong = (name: string, expected: string): never => {
    throw preprocessingInvalid(file, `'${name}' is ${JSON.stringify(entries.get(name))?.slice(0, 60)}, not ${expected}`);
  };
  const isLength = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 1e5;
  const absent = (name: string): boolean => entries.get(name) === undefined || entries.get(name) === null;
  const read: Fields = {
    has: (...names) => names.some((name) => entries.has(name)),
    value: (name) => entries.get(name),
    text(name) {
      const value = entries.get(name);
      return absent(name) ? undefined : typeof value === 'string' ? value : wrong(name, 'a text');
    },
    number(name) {
      const value = entries.get(name);
      return absent(name) ? undefined : typeof value === 'number' && Number.isFinite(value) ? value : wrong(name, 'a number');
    },
    flag(name) {
      const value = entries.get(name);
      return absent(name) ? undefined : typeof value === 'boolean' ? value : wrong(name, 'true or false');
    },
    length: (name) => {
      const value = entries.get(name);
      return isLength(value) ? value : undefined;
    },
    numbers(name) {
      if (absent(name)) return undefined;
      const value = entries.get(name);
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      const numbers = list.filter((item): item is number => typeof item === 'number' && Number.isFinite(item));
      return list.length > 0 && numbers.length === list.length ? numbers : wrong(name, 'a list of numbers');
    },
    deviations(name) {
      const numbers = read.numbers(name) ?? [1];
      return numbers.every((number) => number > 0) ? numbers : wrong(name, 'numbers above 0');
    },
    size(name) {
      if (absent(name)) return undefined;
      const value = entries.get(name);
      if (isLength(value)) return { height: value, width: value };
      const [height, width]: readonly unknown[] = Array.isArray(value)
        ? value.slice(-2)
        : value instanceof Object
          ? [Reflect.get(value, 'height'), Reflect.get(value, 'width')]
          : [];
      return isLength(height) && isLength(width) ? { height, width } : wrong(name, 'a height and a width');
    },
  };
  return read;
}
