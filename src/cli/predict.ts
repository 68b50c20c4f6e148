/** `predict`: the best classes of pictures, as the lecture prints them. */

import { CompileError, type Diagnostic } from '../diagnostics/compile-error';
import { labelsFor } from '../pictures/files/labels';
import { openPictureModel } from '../pictures/files/picture-model';
import { picturesIn, readPicture } from '../pictures/files/pictures';
import { type PicturePrediction, predictPicture } from '../pictures/files/predict-picture';
import { pixelsText, recipeOf } from '../pictures/files/settings';
import { labelOf } from '../pictures/labels';
import type { Size } from '../pictures/picture';
import { areShares, ranked } from '../pictures/scores';
import type { PredictArgs } from './commands';
import { EXIT } from './exit';
import { colour, levelsOf, positive, tileChoice } from './picture-options';
import { table } from './table';
import type { Terminal } from './terminal';
import { inputSize } from './values';

export async function predictCommand(args: PredictArgs, terminal: Terminal): Promise<number> {
  const files = [args.picture, ...args.more].flatMap(picturesIn);
  const top = positive('top', args.top);
  const background = colour(args.background);
  const reading = levelsOf(args);
  const tiles = tileChoice(args);
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
        const prediction = await predictPicture(model, picture, chosen, { ...args, ...tiles }, file, (done) => progress.update(done));
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

const sizeJson = ({ height, width }: Size): Size => ({ height, width });

function seen(picture: Size, { fed, taken, cells }: PicturePrediction, named: string, combine: string): string {
  const size = `${picture.width}x${picture.height}`;
  const how =
    fed.width !== picture.width || fed.height !== picture.height
      ? `${size} seen as ${fed.width}x${fed.height}`
      : taken
        ? size
        : `${size} as it is`;
  return `${how}${taken ? `, cut to ${taken.width}x${taken.height}` : ''}, pixels ${named}${cells ? `, ${combine === 'mean' ? 'mean' : 'highest'} of ${cells.height}x${cells.width} cells` : ''}`;
}
