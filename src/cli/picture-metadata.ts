/** Records preprocessing and class names in a converted model, so that `predict`, `heatmap` and web pages do not need them as options. */
import type { ArgumentsCamelCase, InferredOptionTypes } from 'yargs';
import { imageInputs } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { labelsFor } from '../pictures/files/labels';
import { declaredRecipe, type FoundRecipe, namedRecipe } from '../pictures/files/recipes';
import { cropOption, resizeOption, withOptions } from '../pictures/files/settings';
import { preprocessings } from '../pictures/preprocessing';
import { checkChannels, recipeJson } from '../pictures/recipe';
import type { OptionTable } from './options/option';
import { preprocessingOptions } from './options/pictures';
import { positive } from './picture-options';

export const recordOptions = {
  labels: {
    type: 'string',
    requiresArg: true,
    value: 'FILE',
    completes: 'file',
    describe: "Names of the classes: imagenet, or a file (see 'predict --help'; default: those in the model, if any)",
  },
  preset: {
    type: 'string',
    requiresArg: true,
    value: 'NAME',
    describe:
      "How pixels become numbers: a preset, a model of torchvision or timm, or a file (see 'predict --help'; default: what the model states)",
  },
  mean: preprocessingOptions.mean,
  std: preprocessingOptions.std,
  range: preprocessingOptions.range,
  channels: preprocessingOptions.channels,
  normalise: preprocessingOptions.normalise,
  rate: preprocessingOptions.rate,
  resize: {
    type: 'string',
    requiresArg: true,
    value: 'SIZE',
    describe: 'How a picture is scaled: N (shorter side), HxW (stretched) or none',
  },
  crop: { type: 'string', requiresArg: true, value: 'SIZE', describe: 'What is then cut from its middle: N, HxW or none' },
} as const satisfies OptionTable;

type RecordArgs = ArgumentsCamelCase<InferredOptionTypes<typeof recordOptions>>;

/**
 * Writes `convolutionize.labels` and `convolutionize.preprocessing` into the metadata of the converted model, if they are known.
 * Throws CompileError as `findRecipe` and `labelsFor` do.
 */
export function describePictures(args: RecordArgs, path: string, original: Model, converted: Model): void {
  const [image] = imageInputs(original.graph);
  if (!image) return;
  const [{ type }, roles] = image;
  const dim = type?.shape?.[roles.indexOf('C')];
  const channels = typeof dim === 'number' ? dim : roles.includes('C') ? 3 : 1;
  const { metadata } = converted;
  const classes = original.graph.outputs[0]?.type?.shape?.[1];
  const labels = typeof classes === 'number' ? labelsFor(args.labels, classes, original.metadata, path) : undefined;
  if (labels) metadata.set('convolutionize.labels', JSON.stringify(labels));
  const given = [args.preset, args.mean, args.std, args.range, args.channels, args.normalise, args.rate, args.resize, args.crop].some(
    (option) => option !== undefined,
  );
  const declared = args.preset === undefined ? declaredRecipe(path, original.metadata) : namedRecipe(args.preset);
  if (!given && !declared) return;
  const found: FoundRecipe = { recipe: declared ?? { ...preprocessings.unit, from: 'unit' }, assumed: declared === undefined };
  const { recipe } = withOptions(args, found, channels);
  const resize = args.resize === undefined ? recipe.resize : resizeOption(args.resize);
  const crop = args.crop === undefined ? recipe.crop : cropOption(args.crop);
  const rate = args.rate === undefined ? recipe.rate : positive('rate', args.rate);
  metadata.set(
    'convolutionize.preprocessing',
    JSON.stringify(recipeJson({ ...checkChannels(recipe, channels, path), resize, crop, rate })),
  );
}
