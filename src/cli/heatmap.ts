/** `heatmap`: where in a picture classes are seen, as a picture and as numbers. */
import { writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { badOption, cannotWrite, usage } from '../diagnostics/catalogue';
import { labelsFor } from '../pictures/files/labels';
import { openMap } from '../pictures/files/map-network';
import { openPictureModel } from '../pictures/files/picture-model';
import { readPicture, WRITABLE, writePoster } from '../pictures/files/pictures';
import { type Heat, type HeatClass, heatOf } from '../pictures/heat';
import { findClass, labelOf, shortName } from '../pictures/labels';
import { npyBytes } from '../pictures/npy';
import type { Picture } from '../pictures/picture';
import { drawPoster, numberText } from '../pictures/poster';
import { encodingFor } from '../pictures/preprocessing';
import type { HeatmapArgs } from './commands';
import { EXIT } from './exit';
import { colour, pixelsText, positive, recipeOf, scaleList, share, tileChoice } from './picture-options';
import { checkOutput, stage } from './staging';
import { table } from './table';
import type { Terminal } from './terminal';
import { inputSize } from './values';

export async function heatmapCommand(args: HeatmapArgs, terminal: Terminal): Promise<number> {
  const output = args.output ?? join(dirname(args.picture), `${basename(args.picture, extname(args.picture))}-heatmap.png`);
  const format = WRITABLE[extname(output).toLowerCase()];
  if (!format) throw badOption('output', output, 'a name in .png, .jpg or .webp');
  if (args.map !== undefined && extname(args.map).toLowerCase() !== '.npy') throw badOption('map', args.map, 'a name in .npy');
  const options = {
    scales: scaleList(args.scales),
    flip: args.flip,
    combine: args.combine,
    softmax: args.softmax,
    pad: args.pad,
    top: positive('top', args.top),
    ...tileChoice(args),
  };
  const [alpha, size, background] = [share('alpha', args.alpha), positive('size', args.size), colour(args.background)];
  const stride = args.stride === undefined ? undefined : positive('stride', args.stride);
  if (args.class && args.top !== '1') throw usage('--top is for the best classes, --class for chosen ones: leave one away', 'heatmap');
  const picture = await readPicture(args.picture, background);
  for (const file of [output, ...(args.map === undefined ? [] : [args.map])]) checkOutput(file, [args.picture, args.model], args.force);

  const progress = terminal.progress();
  progress.step(`reading ${args.model}`);
  const request = args.inputSize?.length ? inputSize(args.inputSize) : undefined;
  const model = await openPictureModel(args.model, {
    inputSize: request,
    output: args.outputName,
    allowSymlinks: args.allowSymlinks,
    warn: (warning) => terminal.warning(warning),
  });
  try {
    const chosenRecipe = recipeOf(args, model);
    const named = pixelsText(chosenRecipe);
    progress.step(`converting ${args.model}`);
    const network = await openMap(model, { head: args.head, stride, inputSize: request });
    try {
      const known = network.classes;
      const labels = labelsFor(args.labels, known, model.metadata, args.model);
      const chosen = args.class?.map((name) => findClass(name, labels, known));
      let doing = '';
      const heat = await heatOf(
        network,
        picture,
        encodingFor(chosenRecipe.recipe, model.image, picture),
        {
          ...options,
          classes: chosen ? [...new Set(chosen)] : args.map === undefined ? undefined : 'all',
          onProgress: (label, done) => {
            if (label !== doing) progress.step(label);
            doing = label;
            progress.update(done);
          },
        },
        args.picture,
      );
      const shown = chosen ? heat.classes : byPeak(heat).slice(0, options.top);
      progress.step('drawing');
      const name = ({ index }: HeatClass): string => labelOf(labels, index);
      const areShares = args.softmax || shown.every(({ map }) => map.every((value) => value >= 0 && value <= 1));
      const poster = drawPoster(
        picture,
        heat.grid,
        shown.map((item) => ({ title: shortName(name(item)), map: item.map, peak: item.peak })),
        { alpha, size, unit: areShares ? 'probability' : 'score', caption: caption(args, heat) },
      );
      const staged = stage(output, false);
      const numbers = args.map === undefined ? undefined : stage(args.map, false);
      try {
        await writePoster(poster, staged.path, format);
        if (numbers) writeNumbers(heat, numbers.path);
        staged.commit();
        numbers?.commit();
      } finally {
        staged.discard();
        numbers?.discard();
      }
      progress.end();
      const facts = { args, output, picture, named, heat, shown, name, head: network.head, converted: network.converted };
      if (args.json) terminal.result(JSON.stringify(json(facts), undefined, 2));
      else terminal.report(lines(facts));
      return EXIT.done;
    } finally {
      await network.close();
    }
  } finally {
    progress.end();
    await model.close();
  }
}

const byPeak = ({ classes }: Heat): readonly HeatClass[] => [...classes].sort((a, b) => b.peak.score - a.peak.score || a.index - b.index);

function writeNumbers({ classes, grid }: Heat, path: string): void {
  const area = grid.rows.count * grid.columns.count;
  const all = new Float32Array(classes.length * area);
  for (const [at, { map }] of classes.entries()) all.set(map, at * area);
  try {
    writeFileSync(path, npyBytes([classes.length, grid.rows.count, grid.columns.count], all));
  } catch (error) {
    throw cannotWrite(path, error instanceof Error ? error.message : String(error));
  }
}

/** What stands below the picture. */
function caption({ model, flip, combine }: HeatmapArgs, { views }: Heat): string {
  const scales = [...new Set(views.map(({ scale }) => scale))];
  const made =
    scales.length > 1 ? `, ${combine} of scales ${scales.join(', ')}${flip ? ', mirrored too' : ''}` : flip ? ', mirrored too' : '';
  return `${basename(model)}${made}. Frame: window of the peak`;
}

interface Facts {
  readonly args: HeatmapArgs;
  readonly output: string;
  readonly picture: Picture;
  readonly named: string;
  readonly heat: Heat;
  readonly shown: readonly HeatClass[];
  readonly name: (item: HeatClass) => string;
  readonly head: string | undefined;
  readonly converted: boolean;
}

function lines({ args, output, picture, named, heat, shown, name, head, converted }: Facts): string[] {
  const { rows, columns } = heat.grid;
  const round = (value: number): string => String(Number(value.toFixed(2)));
  const most = Math.max(...shown.map(({ peak }) => Math.abs(peak.score)));
  const tiles = heat.views.reduce((sum, view) => sum + view.tiles, 0);
  return [
    `${args.picture} -> ${output}`,
    `  ${picture.width}x${picture.height} pixels (${named}), ${heat.views.length} run${heat.views.length > 1 ? 's' : ''} in ${tiles} tile${tiles > 1 ? 's' : ''}${converted ? `, converted on the fly (--head ${head})` : ''}`,
    `  ${rows.count}x${columns.count} cells: the middle of cell (i, j) is at row ${round(rows.start)} + ${round(rows.step)} i, column ${round(columns.start)} + ${round(columns.step)} j`,
    ...(args.map === undefined ? [] : [`  numbers: ${args.map}, float32 [${heat.classes.length}, ${rows.count}, ${columns.count}]`]),
    '',
    ...table(
      [
        { title: '', align: 'right' },
        { title: 'peak', align: 'right' },
        { title: 'class' },
        { title: 'window' },
        { title: 'scale', align: 'right' },
      ],
      shown.map((item, at) => {
        const { top, left, height, width } = item.peak.window;
        const [y, x] = [Math.round(top), Math.round(left)];
        return [
          `#${at + 1}`,
          numberText(item.peak.score, most).replace('−', '-'),
          name(item),
          `rows ${y} to ${Math.round(top + height) - 1}, columns ${x} to ${Math.round(left + width) - 1}`,
          `${item.peak.scale}${item.peak.flipped ? ' mirrored' : ''}`,
        ];
      }),
    ),
  ];
}

function json({ args, output, picture, named, heat, shown, name, head, converted }: Facts): object {
  const found = (item: HeatClass): object => ({ class: item.index, name: name(item), peak: item.peak });
  return {
    model: args.model,
    picture: args.picture,
    size: { height: picture.height, width: picture.width },
    pixels: named,
    head: head ?? null,
    converted,
    output,
    map:
      args.map === undefined
        ? null
        : {
            path: args.map,
            shape: [heat.classes.length, heat.grid.rows.count, heat.grid.columns.count],
            classes: heat.classes.map(({ index }) => index),
          },
    grid: heat.grid,
    views: heat.views,
    shown: shown.map(found),
  };
}
