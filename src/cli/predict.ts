/** `predict`: the best classes of pictures, as the lecture prints them. */

import { noScores, pictureTooSmall } from '../diagnostics/catalogue';
import { CompileError, type Diagnostic } from '../diagnostics/compile-error';
import { largestTaken } from '../ir/sizes/taken';
import { labelsFor } from '../pictures/files/labels';
import { openMap } from '../pictures/files/map-network';
import { openPictureModel, type PictureModel } from '../pictures/files/picture-model';
import { picturesIn, readPicture } from '../pictures/files/pictures';
import { fitPicture, resizedSize } from '../pictures/fit';
import { labelOf } from '../pictures/labels';
import type { Picture, Size } from '../pictures/picture';
import { encodePicture, encodingFor } from '../pictures/preprocessing';
import { areShares, ranked, softmaxInPlace } from '../pictures/scores';
import { scoresOfWhole } from '../pictures/whole';
import type { PredictArgs } from './commands';
import { EXIT } from './exit';
import { type ChosenRecipe, colour, fitOf, levelsOf, pixelsText, positive, recipeOf, requireFit, tileChoice } from './picture-options';
import { table } from './table';
import type { Terminal } from './terminal';
import { inputSize } from './values';

interface Prediction {
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

export async function predictCommand(args: PredictArgs, terminal: Terminal): Promise<number> {
  const files = [args.picture, ...args.more].flatMap(picturesIn);
  const top = positive('top', args.top);
  const background = colour(args.background);
  const reading = levelsOf(args);
  const progress = terminal.progress();
  const model = await openPictureModel(args.model, {
    inputSize: args.inputSize?.length ? inputSize(args.inputSize) : undefined,
    output: args.outputName,
    tfjsBackend: args.tfjsBackend,
    runtime: args.runtime,
    allowSymlinks: args.allowSymlinks,
    warn: (warning) => terminal.warning(warning),
  });
  try {
    const chosen = recipeOf(args, model);
    const results: object[] = [];
    let failed = false;
    for (const [at, file] of files.entries()) {
      progress.step(files.length > 1 ? `${file} (${at + 1} of ${files.length})` : file);
      try {
        const picture = await readPicture(file, background, reading);
        const prediction = await predict(args, model, picture, chosen, file, (done) => progress.update(done));
        const { scores, fed, taken, cells, runtime } = prediction;
        const labels = labelsFor(args.labels, scores.length, model.metadata, args.model);
        const isShare = areShares(scores);
        const best = ranked(scores, top).map(({ index, score }) => ({ class: index, name: labelOf(labels, index), score }));
        const kind = isShare ? 'probability' : 'score';
        if (args.json)
          results.push({
            file,
            size: sizeJson(picture),
            fed: sizeJson(fed),
            ...(taken && { taken: sizeJson(taken) }),
            pixels: chosen.named,
            assumed: chosen.assumed,
            cells: cells ?? null,
            combine: cells ? args.combine : null,
            kind,
            runtime: runtime ?? null,
            best,
          });
        else {
          progress.end();
          terminal.report([
            ...(at > 0 ? [''] : []),
            `${file}: ${seen(picture, prediction, pixelsText(chosen), args.combine)}${runtime ? `, ${runtime}` : ''}`,
            ...table(
              [{ title: '', align: 'right' }, { title: '', align: 'right' }, { title: '' }],
              best.map(({ name, score }, place) => [`#${place + 1}`, score.toFixed(isShare ? 4 : 2), name]),
            ),
          ]);
        }
      } catch (error) {
        // One bad picture of several does not keep the others from being told.
        if (!(error instanceof CompileError) || files.length === 1 || !PICTURE_FAULTS.has(error.diagnostic.code)) throw error;
        failed = true;
        progress.end();
        results.push({ file, error: error.diagnostic satisfies Diagnostic });
        terminal.error(error.diagnostic);
      }
    }
    progress.end();
    if (args.json) terminal.result(JSON.stringify({ model: args.model, predictions: results }, undefined, 2));
    return failed ? EXIT.fault : EXIT.done;
  } finally {
    progress.end();
    await model.close();
  }
}

/** Errors of one picture, not of the command line or the model. */
const PICTURE_FAULTS = new Set([
  'NOT_A_PICTURE',
  'LEVELS_UNKNOWN',
  'PAGE_NEEDED',
  'PICTURE_DAMAGED',
  'PICTURE_IS_FOLDER',
  'CANNOT_READ',
  'PICTURE_TOO_SMALL',
  'PICTURE_UNFIT',
]);

async function predict(
  args: PredictArgs,
  model: PictureModel,
  picture: Picture,
  { recipe }: ChosenRecipe,
  file: string,
  onProgress: (share: number) => void,
): Promise<Prediction> {
  const { isMap, window } = model;
  const fit = fitOf(args, model, isMap || model.head === 'image', recipe);
  const fitted = requireFit(fitPicture(picture, fit), resizedSize(picture, fit.resize), fit.crop, model, file);
  const encoding = encodingFor(recipe, model.image, fitted);
  if (isMap && model.model) {
    const network = await openMap(model, { head: 'window' });
    const options = { combine: args.combine, softmax: args.softmax, pad: args.pad, ...tileChoice(args), onProgress };
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
  args: PredictArgs,
  model: PictureModel,
): Pick<Prediction, 'scores' | 'cells'> {
  if (shape.length === 2 && (shape[1] ?? 0) > 0) {
    const scores = Float64Array.from(data);
    if (args.softmax) softmaxInPlace(scores, scores.length);
    return { scores, cells: undefined };
  }
  if (shape.length !== 4) throw noScores(args.model, `output '${model.output}' is [${shape.join(', ')}]`);
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

const sizeJson = ({ height, width }: Size): Size => ({ height, width });

function seen(picture: Size, { fed, taken, cells }: Prediction, named: string, combine: string): string {
  const size = `${picture.width}x${picture.height}`;
  const how =
    fed.width !== picture.width || fed.height !== picture.height
      ? `${size} seen as ${fed.width}x${fed.height}`
      : taken
        ? size
        : `${size} as it is`;
  return `${how}${taken ? `, cut to ${taken.width}x${taken.height}` : ''}, pixels ${named}${cells ? `, ${combine === 'mean' ? 'mean' : 'highest'} of ${cells.height}x${cells.width} cells` : ''}`;
}
