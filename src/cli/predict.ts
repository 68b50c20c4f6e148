/** `predict`: prints the best classes of pictures, in the lecture's format. */

import { CompileError, type Diagnostic } from '../diagnostics/compile-error';
import { type PerAxis, perAxis, sizeText } from '../ir/spatial';
import { openImage } from '../pictures/files/arrays';
import type { Image } from '../pictures/files/image';
import { labelsFor } from '../pictures/files/labels';
import { openPictureModel } from '../pictures/files/picture-model';
import { picturesIn } from '../pictures/files/pictures';
import { type PicturePrediction, predictPicture } from '../pictures/files/predict-picture';
import { arrayRecipeOf, assumedText, pixelsText, recipeOf } from '../pictures/files/settings';
import { labelOf } from '../pictures/labels';
import { areShares, ranked } from '../pictures/scores';
import { table } from '../reports/table';
import { STDIN } from '../sources/files/bytes';
import type { PredictArgs } from './commands';
import { EXIT } from './exit';
import { positive, readingOf, tileChoice } from './picture-options';
import type { Terminal } from './terminal';
import { inputSize } from './values';

export async function predictCommand(args: PredictArgs, terminal: Terminal): Promise<number> {
  const files = [args.picture, ...args.more].flatMap(picturesIn);
  const top = positive('top', args.top);
  const reading = readingOf(args);
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
    const named = (lengths: readonly number[]): PerAxis<number> => perAxis(model.letters, (_, axis) => lengths[axis] ?? 1);
    const results: object[] = [];
    let failed = false;
    let hint: string | undefined;
    for (const [at, file] of files.entries()) {
      const label = file === STDIN ? 'standard input' : file;
      progress.step(files.length > 1 ? `${file} (${at + 1} of ${files.length})` : file);
      try {
        const image = await openImage(file, model, reading);
        const chosen = image.picture ? recipeOf(args, model) : arrayRecipeOf(args, model);
        hint ??= assumedText(chosen);
        const prediction = await predictPicture(model, image, chosen, { ...args, ...tiles }, file, (done) => progress.update(done));
        const { scores, fed, taken, cells, runtime } = prediction;
        const labels = labelsFor(args.labels, scores.length, model.metadata, args.model);
        const isShare = areShares(scores);
        const best = ranked(scores, top).map(({ index, score }) => ({ class: index, name: labelOf(labels, index), score }));
        const kind = isShare ? 'probability' : 'score';
        if (args.json)
          results.push({
            file,
            size: named(image.lengths),
            fed: named(fed),
            ...(taken && { taken: named(taken) }),
            pixels: chosen.named,
            assumed: chosen.assumed,
            cells: cells ? named(cells) : null,
            combine: cells ? args.combine : null,
            kind,
            runtime: runtime ?? null,
            best,
          });
        else {
          progress.end();
          terminal.report([
            ...(at > 0 ? [''] : []),
            `${label}: ${seen(image, prediction, pixelsText(chosen), args.combine, model.isMap && image.isPicture === true)}${runtime ? `, ${runtime}` : ''}`,
            ...table(
              [{ title: '', align: 'right' }, { title: '', align: 'right' }, { title: '' }],
              best.map(({ name, score }, place) => [`#${place + 1}`, score.toFixed(isShare ? 4 : 2), name]),
            ),
          ]);
        }
      } catch (error) {
        // If one of several pictures is bad, the others are still reported.
        if (!(error instanceof CompileError) || files.length === 1 || !PICTURE_FAULTS.has(error.diagnostic.code)) throw error;
        failed = true;
        progress.end();
        results.push({ file, error: error.diagnostic satisfies Diagnostic });
        terminal.error(error.diagnostic);
      }
    }
    progress.end();
    if (hint !== undefined && !args.json) terminal.report(['', hint]);
    if (args.json) terminal.result(JSON.stringify({ model: args.model, predictions: results }, undefined, 2));
    return failed ? EXIT.fault : EXIT.done;
  } finally {
    progress.end();
    await model.close();
  }
}

/** Errors that concern one picture, not the command line or the model. */
const PICTURE_FAULTS = new Set([
  'NOT_A_PICTURE',
  'LEVELS_UNKNOWN',
  'PAGE_NEEDED',
  'PICTURE_DAMAGED',
  'PICTURE_IS_FOLDER',
  'CANNOT_READ',
  'PICTURE_TOO_SMALL',
  'PICTURE_UNFIT',
  'ARRAY_AXES',
  'ARRAY_BANDS',
  'ARRAY_DAMAGED',
  'ARRAY_NEEDED',
  'ARRAY_NOT_FINITE',
  'ARRAY_TOO_LARGE',
  'ARRAY_TOO_SMALL',
  'ARRAY_UNFIT',
  'RATE_UNFIT',
]);

/** For a picture the width comes first, as is usual. */
const extent = (lengths: readonly number[]): string => sizeText(lengths.length === 2 ? [...lengths].reverse() : lengths);

function seen(
  { lengths, reading = [] }: Image,
  { fed, padded, taken, cells }: PicturePrediction,
  named: string,
  combine: string,
  isMap: boolean,
): string {
  const size = extent(lengths);
  const how = extent(fed) !== size ? `${size} seen as ${extent(fed)}` : taken ? size : `${size} as it is`;
  const pixels = ['pixels', 'numbers'][lengths.length === 2 ? 0 : 1];
  const all = isMap && !cells ? ' (its window; --resize none: all of the picture)' : '';
  const rim = padded ? `, surrounded with zeros to ${extent(padded)}` : '';
  const cut = taken ? `, cut to ${extent(taken)}` : '';
  const of = cells ? `, ${combine === 'mean' ? 'mean' : 'highest'} of ${sizeText(cells)} cells` : '';
  return `${[how + rim + cut + all, ...reading].join(', ')}, ${pixels} ${named}${of}`;
}
