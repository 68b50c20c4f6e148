/**
 * Finds the preprocessing of a model: from the user, else from the model's file, else from Hugging Face's or timm's files beside it, else the default.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { badOption, cannotRead, preprocessingInvalid } from '../../diagnostics/catalogue';
import { parseJson } from '../../formats/json';
import { readInput } from '../../output';
import { type ImageFormat, PRESETS, type Preset, preprocessings, usualPreset } from '../preprocessing';
import { checkChannels, type Recipe } from '../recipe';
import { recipeFromFields, recipeInMetadata, recipeOfKnownModel } from '../recipe-sources';

export interface FoundRecipe {
  readonly recipe: Recipe;
  /** True if nothing specifies it and the default for this kind of network is used. */
  readonly assumed: boolean;
}

/** A model as far as its preprocessing is concerned. */
export interface Prepared {
  /** undefined: the model is not a file. */
  readonly path: string | undefined;
  readonly image: ImageFormat;
  readonly metadata: ReadonlyMap<string, string>;
}

/** `preset`: the user's choice. Throws CompileError BAD_OPTION, CANNOT_READ, PREPROCESSING_INVALID. */
export function findRecipe(preset: string | undefined, { path, image, metadata }: Prepared): FoundRecipe {
  if (preset !== undefined) return { recipe: namedRecipe(preset), assumed: false };
  const recipe = declaredRecipe(path, metadata);
  if (recipe) return { recipe: checkChannels(recipe, image.channels, path ?? ''), assumed: false };
  return { recipe: builtIn(usualPreset(image.dtype, image.channels, image.layout)), assumed: true };
}

/** Recipe in the model's own file, or in a description beside it; undefined if there is none. Throws CompileError PREPROCESSING_INVALID. */
export function declaredRecipe(path: string | undefined, metadata: ReadonlyMap<string, string>): Recipe | undefined {
  return recipeInMetadata(metadata, path ?? '') ?? (path === undefined ? undefined : recipeBeside(path));
}

/** Recipe by name: a preset, a torchvision or timm model, or a file. Throws CompileError BAD_OPTION, CANNOT_READ, PREPROCESSING_INVALID. */
export function namedRecipe(name: string): Recipe {
  const preset = PRESETS.find((candidate) => candidate === name);
  if (preset) return builtIn(preset);
  if (/\.json$/i.test(name) || existsSync(name)) return recipeInFile(name);
  const known = recipeOfKnownModel(name);
  if (known) return known;
  throw badOption(
    'preset',
    name,
    `${PRESETS.join(', ')}, a model of torchvision or timm (ResNet50_Weights.IMAGENET1K_V2, resnet50.a1_in1k), or a JSON file such as preprocessor_config.json`,
  );
}

const builtIn = (preset: Preset): Recipe => ({ ...preprocessings[preset], from: preset });

function recipeInFile(path: string): Recipe {
  const value = jsonFile(path);
  const recipe = value instanceof Object ? recipeFromFields(value, path, basename(path)) : undefined;
  if (!recipe) throw preprocessingInvalid(path, 'it has none of the fields of a preprocessor_config.json, of timm or of docs/pictures.md');
  return recipe;
}

/** Files that Hugging Face's exporters write beside a model, or above the folder `onnx` that holds it. */
const BESIDE = ['preprocessor_config.json', 'metadata_properties.json', 'config.json'];

function recipeBeside(path: string): Recipe | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  const home = stat?.isDirectory() ? path : dirname(path);
  for (const folder of basename(home) === 'onnx' ? [home, dirname(home)] : [home])
    for (const name of BESIDE) {
      const file = join(folder, name);
      if (!existsSync(file)) continue;
      const value = jsonFile(file);
      const recipe = value instanceof Object ? recipeFromFields(value, file, name) : undefined;
      if (recipe) return recipe;
    }
  return undefined;
}

/** Maximum length of a description; real ones are shorter. */
const LARGEST = 2 ** 24;

function jsonFile(path: string): unknown {
  let text: string;
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new Error('it is a folder');
    if (stat.size > LARGEST) throw new Error(`it has ${stat.size} bytes, too many for a description`);
    text = readInput(path).toString('utf8');
  } catch (error) {
    throw cannotRead(path, error instanceof Error ? error.message : String(error));
  }
  try {
    return parseJson(text);
  } catch (error) {
    throw preprocessingInvalid(path, `it is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
}
