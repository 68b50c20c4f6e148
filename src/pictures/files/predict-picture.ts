/** What a network says of one picture: one score per class. */
import { noScores, pictureTooSmall } from '../../diagnostics/catalogue';
import { largestTaken } from '../../ir/sizes/taken';
import { fitPicture, resizedSize } from '../fit';
import type { Picture, Size } from '../picture';
import { encodePicture, encodingFor } from '../preprocessing';
import { softmaxInPlace } from '../scores';
import type { ViewOptions } from '../views';
import { scoresOfWhole } from '../whole';
import { openMap } from './map-network';
import type { PictureModel } from './picture-model';
import { type ChosenRecipe, type FitSettings, fitOf, requireFit } from './settings';

export interface PredictSettings extends FitSettings, ViewOptions {
  readonly combine: 'mean' | 'max';
  readonly softmax: boolean;
}

export interface PicturePrediction {
  readonly scores: Float64Array;
  /** What the network saw. */
  readonly fed: Size;
  /** The part of that which it takes, where it cuts off the rest. */
  readonly taken?: Size | undefined;
  /** Cells that the scores are of; undefined: there is one prediction. */
  readonly cells: Size | undefined;
  /** What ran the model. */
  readonly runtime: string | undefined;
}

/**
 * What a network says of one picture. `file` is for messages.
 * Throws CompileError PICTURE_TOO_SMALL, PICTURE_UNFIT, INPUT_SIZE_NEEDED, NO_SCORES, RUNTIME_FAILED.
 */
export async function predictPicture(
  model: PictureModel,
  picture: Picture,
  { recipe }: ChosenRecipe,
  args: PredictSettings,
  file: string,
  onProgress?: (share: number) => void,
): Promise<PicturePrediction> {
  const { isMap, window } = model;
  const fit = fitOf(args, model, isMap || model.head === 'image', recipe);
  const fitted = requireFit(fitPicture(picture, fit), resizedSize(picture, fit.resize), fit.crop, model, file);
  const encoding = encodingFor(recipe, model.image, fitted);
  if (isMap && model.model) {
    const network = await openMap(model, { head: 'window' });
    const options = { combine: args.combine, softmax: args.softmax, pad: args.pad, tile: args.tile, memory: args.memory, onProgress };
    const { scores, rows, columns, size } = await scoresOfWhole(network, fitted, encoding, options, file);
    return { scores, fed: size, cells: { height: rows, width: columns }, runtime: network.runtime() };
  }
  const small = (isMap || model.head === 'image') && window !== undefined && (fitted.height < window.height || fitted.width < window.width);
  if (small && window && !args.pad) throw pictureTooSmall(file, fitted, window, 1);
  const result = await model.run(encodePicture(fitted, encoding, small ? window : undefined));
  return { ...single(result, args, model), fed: fitted, taken: takenOf(model, small ? window : fitted), runtime: model.runtime() };
}

/** The part of a picture that the network takes; undefined: all of it, or it does not say. */
function takenOf({ sizes }: PictureModel, { height, width }: Size): Size | undefined {
  if (!sizes?.height || !sizes.width || sizes.height.multiple === 0) return undefined;
  const taken = { height: largestTaken(sizes.height, height) ?? height, width: largestTaken(sizes.width, width) ?? width };
  return taken.height === height && taken.width === width ? undefined : taken;
}

/** [1, classes], or a map of one size, whose cells become one prediction. */
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
  if (shape.length !== 4) throw noScores(model.path, `output '${model.output}' is [${shape.join(', ')}]`);
  const last = model.classesLast;
  const [height, width] = last ? [shape[1] ?? 0, shape[2] ?? 0] : [shape[2] ?? 0, shape[3] ?? 0];
  const classes = shape[last ? 3 : 1] ?? 0;
  const cells = height * width;
  const planar = Float64Array.from(data, (_, at) => data[last ? (at % cells) * classes + Math.floor(at / cells) : at] ?? 0);
  if (args.softmax) softmaxInPlace(planar, classes, cells);
  const scores = Float64Array.from({ length: classes }, (_, k) => {
    const own = planar.subarray(k * cells, (k + 1) * cells);
    return args.combine === 'max'
      ? own.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY)
      : own.reduce((sum, score) => sum + score / cells, 0);
  });
  return { scores, cells: cells === 1 ? undefined : { height, width } };
}
