/** `heatmap`: where in a picture classes are seen, as a picture and as numbers. */
import { basename, dirname, extname, join } from 'node:path';
import type { SizeRequest } from '../compile/input-size';
import { badOption, usage } from '../diagnostics/catalogue';
import { checkOutput, writeOutput } from '../output';
import { type Centre, measureCentre } from '../pictures/centre';
import { labelsFor } from '../pictures/files/labels';
import { type OpenedMap, openMap } from '../pictures/files/map-network';
import { openPictureModel, type PictureModel } from '../pictures/files/picture-model';
import { posterBytes, readPicture, WRITABLE } from '../pictures/files/pictures';
import { describedFit, fitPicture } from '../pictures/fit';
import { type Heat, type HeatClass, heatOf } from '../pictures/heat';
import { findClass, labelOf, shortName } from '../pictures/labels';
import { npyBytes } from '../pictures/npy';
import type { Picture, Size } from '../pictures/picture';
import { drawPoster } from '../pictures/poster';
import { type Encoding, encodePicture, encodingFor } from '../pictures/preprocessing';
import type { Recipe } from '../pictures/recipe';
import { cellScales, windowScales } from '../pictures/scales';
import { areShares, ranked, softmaxInPlace } from '../pictures/scores';
import { cropOfPeak, type RunWindow, sliding } from '../pictures/slide';
import { type MapNetwork, planView } from '../pictures/views';
import type { HeatmapArgs } from './commands';
import { EXIT } from './exit';
import { caption, csv, type HeatFacts, json, lines, type OnCrop, type WholePicture } from './heatmap-report';
import { colour, levelsOf, pixelsText, positive, recipeOf, scaleList, share, tileChoice } from './picture-options';
import type { Progress } from './progress';
import type { Terminal } from './terminal';
import { inputSize } from './values';

export async function heatmapCommand(args: HeatmapArgs, terminal: Terminal): Promise<number> {
  const output = args.output ?? join(dirname(args.picture), `${basename(args.picture, extname(args.picture))}-heatmap.png`);
  const format = WRITABLE[extname(output).toLowerCase()];
  if (!format) throw badOption('output', output, 'a name in .png, .jpg or .webp');
  for (const [option, file, extension] of [
    ['map', args.map, '.npy'],
    ['all-peaks', args.allPeaks, '.csv'],
  ] as const)
    if (file !== undefined && extname(file).toLowerCase() !== extension) throw badOption(option, file, `a name in ${extension}`);
  const scales = scaleList(args.scales);
  const top = args.top === undefined ? undefined : positive('top', args.top);
  const tiles = tileChoice(args);
  const drawing = { alpha: share('alpha', args.alpha), size: positive('size', args.size), colours: args.colors, bare: args.bare };
  const background = colour(args.background);
  const stride = args.stride === undefined ? undefined : positive('stride', args.stride);
  if (args.class && top !== undefined) throw usage('--top is for the best classes, --class for chosen ones: leave one away', 'heatmap');
  if (args.bare && ((top ?? 1) > 1 || (args.class?.length ?? 1) > 1))
    throw usage('--bare draws one class: choose it by --class', 'heatmap');
  if (args.slide && args.head === 'cell') throw usage('--slide runs crops of the window: leave --head cell away', 'heatmap');
  const picture = await readPicture(args.picture, background, levelsOf(args));
  const others = [args.map, args.allPeaks].filter((file) => file !== undefined);
  const inputs = [args.picture, args.model];
  for (const [at, file] of [output, ...others].entries()) checkOutput(file, inputs, args.force, [output, ...others].slice(0, at));

  const progress = terminal.progress();
  progress.step(`reading ${args.model}`);
  const asked = args.inputSize?.length ? inputSize(args.inputSize) : undefined;
  const model = await openPictureModel(args.model, {
    inputSize: asked,
    output: args.outputName,
    runtime: args.runtime,
    allowSymlinks: args.allowSymlinks,
    warn: (warning) => terminal.warning(warning),
  });
  try {
    const chosenRecipe = recipeOf(args, model);
    const { recipe } = chosenRecipe;
    const request = asked ?? sizeIn(model, recipe);
    const window = model.window ?? sizeOf(request);
    const view = { pad: args.pad, ...tiles };
    progress.step(`converting ${args.model}`);
    const network = await openMap(model, {
      head: args.slide || (stride !== undefined && args.head === 'auto') ? 'window' : args.head,
      stride,
      inputSize: request,
      // By itself a picture is run at scales that begin with one window, of which there is one map cell.
      tooFew: (map) =>
        tooFew({ ...map, run: noRun }, picture, scales ?? [largestOf(picture, window)], { ...view, tile: 'none' }, args.picture),
    });
    const cellsAt = (scale: number): number => {
      const { rows, columns } = planView(network, picture, scale, { ...view, tile: 'none' }, args.picture).tiling;
      return Math.min(rows.cells, columns.cells);
    };
    const automatic = (): readonly number[] => {
      if (!window) return [1];
      return network.head === 'cell' ? cellScales(picture, window) : windowScales(picture, window, cellsAt);
    };
    try {
      const used = scales ?? automatic();
      const known = network.classes;
      const labels = labelsFor(args.labels, known, model.metadata, args.model);
      const chosen = args.class?.map((name) => findClass(name, labels, known));
      const encoding = encodingFor(recipe, model.image, picture);
      const runWindow = windowRunner(model, network);
      progress.step('looking at the whole picture');
      const whole = chosen || top !== undefined ? undefined : await wholePicture(args, { model, network, window, recipe, picture });
      const centre = await centreOf(network, picture, encoding, progress);
      const shownClasses = chosen ?? (whole && [whole.class]);
      const ran = args.slide === 'all' && network.window ? sliding(network, network.window, model.image.layout, runWindow) : network;
      const heat = await heatOf(
        ran,
        picture,
        encoding,
        {
          ...view,
          scales: used,
          flip: args.flip,
          combine: args.combine,
          softmax: args.softmax,
          top: top ?? 1,
          centre: args.slide === 'all' ? undefined : centre,
          classes: args.map === undefined || chosen ? shownClasses && [...new Set(shownClasses)] : 'all',
          onProgress: reporting(progress),
        },
        args.picture,
      );
      const byIndex = (index: number): HeatClass[] => heat.classes.filter((item) => item.index === index).slice(0, 1);
      const shown = shownClasses ? [...new Set(shownClasses)].flatMap(byIndex) : byPeak(heat).slice(0, top ?? 1);
      const crops = args.slide === 'peaks' ? await onCrops(shown, heat, { args, network, picture, encoding, runWindow }) : undefined;
      const areProbabilities = args.softmax || shown.every(({ map }) => map.every((value) => value >= 0 && value <= 1));
      const facts: HeatFacts = {
        args,
        output,
        picture,
        named: pixelsText(chosenRecipe),
        heat,
        shown,
        name: ({ index }) => labelOf(labels, index),
        network,
        window,
        scales: used,
        whole: whole && { ...whole, name: labelOf(labels, whole.class) },
        crops: crops?.map((crop) => ({ ...crop, name: labelOf(labels, crop.best) })),
        centre,
        unit: areProbabilities ? 'probability' : 'score',
      };
      progress.step('drawing');
      const poster = drawPoster(
        picture,
        heat.grid,
        shown.map((item) => ({ title: shortName(facts.name(item)), map: item.map, peak: item.peak })),
        { ...drawing, unit: facts.unit, caption: caption(facts) },
      );
      const rules = { inputs, force: args.force };
      writeOutput(output, await posterBytes(poster, format), rules);
      for (const file of others) writeOutput(file, file === args.map ? numbersOf(heat) : csv(facts), rules);
      progress.end();
      if (args.json) terminal.result(JSON.stringify(json(facts), undefined, 2));
      else terminal.report(lines(facts, terminal.columns));
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

function reporting(progress: Progress): (label: string, done: number) => void {
  let doing = '';
  return (label, done) => {
    if (label !== doing) progress.step(label);
    doing = label;
    progress.update(done);
  };
}

/** One length is that of both sides. */
function sizeOf(request: SizeRequest | undefined): { readonly height: number; readonly width: number } | undefined {
  const [height, width = height] = request?.lengths ?? [];
  return height === undefined || width === undefined ? undefined : { height, width };
}

/** The size that the model's description names, where its file leaves it open. */
function sizeIn({ fixed, window }: PictureModel, { crop, resize }: Recipe): SizeRequest | undefined {
  const size = crop === 'none' || crop === undefined ? resize : crop;
  return !fixed && !window && size instanceof Object ? { lengths: [size.height, size.width], shapes: new Map() } : undefined;
}

/** Along its shorter side a map of so few cells shows bands and blankets rather than places. */
const FEW = 16;

function tooFew(
  network: MapNetwork,
  picture: Picture,
  scales: readonly number[],
  view: Parameters<typeof planView>[3],
  file: string,
): Size | undefined {
  const { rows, columns } = planView(network, picture, Math.min(...scales), view, file).tiling;
  return Math.min(rows.cells, columns.cells) < FEW ? { height: rows.cells, width: columns.cells } : undefined;
}

/** The scale at which the window sees half of the picture. */
const largestOf = (picture: Size, window: Size | undefined): number =>
  window ? 2 * Math.max(window.height / picture.height, window.width / picture.width) : 1;

const noRun: MapNetwork['run'] = async () => {
  throw new Error('a network that is only planned does not run');
};

/** Measured where cells are what they look at, or look beyond their windows; else a cell stands for the middle of its window. */
async function centreOf(network: OpenedMap, picture: Picture, encoding: Encoding, progress: Progress): Promise<Centre | undefined> {
  if (network.window && (network.contract === undefined || network.contract.kind === 'everywhere')) return undefined;
  progress.step('measuring where cells look');
  return measureCentre(network, picture, encoding);
}

/** Runs one window: by the classifier itself, or by the map, which is the classifier at that size. */
const windowRunner =
  (model: PictureModel, network: OpenedMap): RunWindow =>
  (image) =>
    model.isMap ? network.run(image) : model.run(image);

interface Looking {
  readonly model: PictureModel;
  readonly network: OpenedMap;
  readonly window: Size | undefined;
  readonly recipe: Recipe;
  readonly picture: Picture;
}

/** What `predict` says of the whole picture: scaled and cut to one window. undefined where the window is not known. */
async function wholePicture(
  { softmax }: HeatmapArgs,
  { model, network, window, recipe, picture }: Looking,
): Promise<Omit<WholePicture, 'name'> | undefined> {
  const size = model.fixed ?? window;
  if (!size) return undefined;
  const fitted = fitPicture(picture, { ...describedFit(size, recipe), filter: recipe.filter });
  if (!fitted) return undefined;
  const image = encodePicture(fitted, encodingFor(recipe, model.image, fitted));
  const scores = classScores(await windowRunner(model, network)(image), network, softmax);
  const [best] = ranked(scores, 1);
  return best && { class: best.index, score: best.score, kind: areShares(scores) ? 'probability' : 'score' };
}

/** One score per class: [1, classes], or the mean over the cells of a map. */
function classScores({ shape, data }: Awaited<ReturnType<RunWindow>>, { classes, classesLast }: OpenedMap, softmax: boolean): Float64Array {
  const cells = data.length / classes;
  const scores = Float64Array.from({ length: classes }, (_, k) => {
    let sum = 0;
    for (let cell = 0; cell < cells; cell++) sum += data[classesLast && shape.length === 4 ? cell * classes + k : k * cells + cell] ?? 0;
    return sum / cells;
  });
  if (softmax) softmaxInPlace(scores, classes);
  return scores;
}

interface Cropping {
  readonly args: HeatmapArgs;
  readonly network: OpenedMap;
  readonly picture: Picture;
  readonly encoding: Encoding;
  readonly runWindow: RunWindow;
}

/** The network itself on the crop of each peak. */
async function onCrops(
  shown: readonly HeatClass[],
  { plans }: Heat,
  { args, network, picture, encoding, runWindow }: Cropping,
): Promise<Omit<OnCrop, 'name'>[]> {
  const { window, strides } = network;
  if (!window || !strides) throw usage('--slide needs a classifier, or a model that was converted with --head window', 'heatmap');
  const crops: Omit<OnCrop, 'name'>[] = [];
  for (const { index, peak } of shown) {
    const planned = plans.find(({ scale, flipped }) => scale === peak.scale && flipped === peak.flipped);
    if (!planned) continue;
    const image = cropOfPeak(picture, planned, encoding, peak, window, strides);
    const scores = classScores(await runWindow(image), network, args.softmax);
    crops.push({ class: index, score: scores[index] ?? Number.NaN, best: ranked(scores, 1)[0]?.index ?? index });
  }
  return crops;
}

function numbersOf({ classes, grid }: Heat): Uint8Array {
  const area = grid.rows.count * grid.columns.count;
  const all = new Float32Array(classes.length * area);
  for (const [at, { map }] of classes.entries()) all.set(map, at * area);
  return npyBytes([classes.length, grid.rows.count, grid.columns.count], all);
}
