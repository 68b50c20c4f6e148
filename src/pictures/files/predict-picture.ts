/** Class scores of one picture, recording or volume. */
import { arrayTooSmall, noScores, pictureTooSmall } from '../../diagnostics/catalogue';
import { largestTaken, type SizeFamily } from '../../ir/sizes/taken';
import { axisName, lengthsOf } from '../../ir/spatial';
import { product, wholeBox } from '../../sources/source';
import { fitPicture, resizedSize } from '../fit';
import { encodeBlock } from '../preprocessing';
import { softmaxInPlace } from '../scores';
import type { ViewOptions } from '../views';
import { scoresOfWhole } from '../whole';
import { type Image, imageOfPicture } from './image';
import { openMap } from './map-network';
import type { PictureModel } from './picture-model';
import { type ChosenRecipe, encodingOf, type FitSettings, fitArray, fitOf, requireFit } from './settings';

export interface PredictSettings extends FitSettings, ViewOptions {
  readonly combine: 'mean' | 'max';
  readonly softmax: boolean;
}

export interface PicturePrediction {
  readonly scores: Float64Array;
  /** Size of the image as the network saw it. */
  readonly fed: readonly number[];
  /** Size that it was surrounded with zeros to. */
  readonly padded?: readonly number[] | undefined;
  /** Size of the part that the network uses, if it ignores the rest. */
  readonly taken?: readonly number[] | undefined;
  /** Number of cells whose scores were combined; undefined if the network gives one prediction. */
  readonly cells: readonly number[] | undefined;
  /** Runtime that ran the model. */
  readonly runtime: string | undefined;
}

/**
 * Predicts the class scores of one image. `file` is used in messages.
 * Throws CompileError PICTURE_TOO_SMALL, ARRAY_TOO_SMALL, PICTURE_UNFIT, ARRAY_UNFIT, INPUT_SIZE_NEEDED, NO_SCORES, RUNTIME_FAILED.
 */
export async function predictPicture(
  model: PictureModel,
  image: Image,
  chosen: ChosenRecipe,
  args: PredictSettings,
  file: string,
  onProgress?: (share: number) => void,
): Promise<PicturePrediction> {
  const { isMap, window } = model;
  const fitted = fittedTo(model, image, chosen, args, file);
  const encoding = await encodingOf(chosen, model.image, fitted);
  if (isMap && model.model) {
    const network = await openMap(model, { head: 'window' });
    const options = { combine: args.combine, softmax: args.softmax, pad: args.pad, tile: args.tile, memory: args.memory, onProgress };
    const { scores, cells, size } = await scoresOfWhole(network, fitted, encoding, options, file);
    return { scores, fed: size, cells: product(cells) > 1 ? cells : undefined, runtime: network.runtime() };
  }
  const { lengths } = fitted;
  const least = model.fixed ?? (isMap || model.head === 'image' ? window : undefined);
  const small = least?.some((length, axis) => (lengths[axis] ?? 0) < length) === true;
  if (small && least && !args.pad)
    throw image.isPicture ? pictureTooSmall(file, lengths, least, 1) : arrayTooSmall(file, model.letters.map(axisName), lengths, least);
  const padTo = small ? least : undefined;
  const result = await model.run(encodeBlock(await fitted.read(wholeBox(fitted)), encoding, padTo));
  return { ...single(result, args, model), fed: lengths, padded: padTo, taken: takenOf(model, padTo ?? lengths), runtime: model.runtime() };
}

/** Fits the image to the input size of the network. */
function fittedTo(model: PictureModel, image: Image, { recipe }: ChosenRecipe, args: PredictSettings, file: string): Image {
  const anySize = model.isMap || model.head === 'image';
  const { picture } = image;
  if (!picture) return fitArray(args, model, image, anySize, file);
  const fit = fitOf(args, model, anySize && (!model.isMap || model.window === undefined || wantsCells(args)), recipe);
  return imageOfPicture(requireFit(fitPicture(picture, fit), resizedSize(picture, fit.resize), fit.crop, model, file));
}

/**
 * Whether the map is to cover the whole picture at a size chosen by the user. Otherwise the picture is prepared as for the original classifier, so that the
 * prediction is the same; the mean over cells that each see a fifth of a photograph would differ.
 */
const wantsCells = ({ resize, crop, combine }: PredictSettings): boolean => resize !== undefined || crop !== undefined || combine === 'max';

/** Part of an image that the network uses; undefined if it uses all of it or does not declare it. */
function takenOf({ sizes, letters }: PictureModel, lengths: readonly number[]): readonly number[] | undefined {
  const families = sizes && lengthsOf<SizeFamily>(sizes);
  if (families?.length !== letters.length || families[0]?.multiple === 0) return undefined;
  const taken = lengths.map((length, axis) => {
    const family = families[axis];
    return (family && largestTaken(family, length)) ?? length;
  });
  return taken.every((length, axis) => length === lengths[axis]) ? undefined : taken;
}

/** One prediction from [1, classes], or from a map of fixed size, whose cells are combined. */
function single(
  { shape, data }: { readonly shape: readonly number[]; readonly data: ArrayLike<number> },
  args: PredictSettings,
  model: PictureModel,
): Pick<PicturePrediction, 'scores' | 'cells'> {
  if (shape.length === 2 && (shape[1] ?? 0) > 0) {
    const scores = Float64Array.from(data);
    if (args.softmax) softmaxInPlace(scores, scores.length);
    return { scores, cells: undefined };
  }
  if (shape.length !== model.letters.length + 2 && !(model.isMap && shape.length > 2))
    throw noScores(model.path, `output '${model.output}' is [${shape.join(', ')}]`);
  const last = model.classesLast;
  const counts = last ? shape.slice(1, -1) : shape.slice(2);
  const classes = (last ? shape.at(-1) : shape[1]) ?? 0;
  const cells = product(counts);
  const planar = Float64Array.from(data, (_, at) => data[last ? (at % cells) * classes + Math.floor(at / cells) : at] ?? 0);
  if (args.softmax) softmaxInPlace(planar, classes, cells);
  const scores = Float64Array.from({ length: classes }, (_, k) => {
    const own = planar.subarray(k * cells, (k + 1) * cells);
    return args.combine === 'max'
      ? own.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY)
      : own.reduce((sum, score) => sum + score / cells, 0);
  });
  return { scores, cells: cells === 1 ? undefined : counts };
}
