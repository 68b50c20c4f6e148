/** Heat maps of one picture: which classes, at which scales, by which head, and what comes of it. */
import type { SizeRequest } from '../../compile/input-size';
import { usage } from '../../diagnostics/catalogue';
import { type Centre, measureCentre } from '../centre';
import { describedFit, fitPicture } from '../fit';
import { type Heat, type HeatClass, heatOf } from '../heat';
import { findClass, labelOf } from '../labels';
import type { Picture, Size } from '../picture';
import { type Encoding, encodePicture, encodingFor } from '../preprocessing';
import type { Recipe } from '../recipe';
import { cellScales, windowScales } from '../scales';
import { areShares, ranked, softmaxInPlace } from '../scores';
import { cropOfPeak, type RunWindow, sliding } from '../slide';
import { type MapNetwork, planView, type ViewOptions } from '../views';
import { labelsFor } from './labels';
import { type OpenedMap, openMap } from './map-network';
import type { PictureModel } from './picture-model';
import { type PixelSettings, pixelsText, recipeOf } from './settings';

export interface HeatmapSettings extends PixelSettings, ViewOptions {
  /** Names or indices; undefined: the best class of the whole picture. */
  readonly class?: readonly string[] | undefined;
  /** The classes with the highest local peaks instead. */
  readonly top?: number | undefined;
  /** undefined: chosen by the sizes of picture and window. */
  readonly scales?: readonly number[] | undefined;
  readonly flip: boolean;
  readonly combine: 'mean' | 'max';
  readonly head: 'auto' | 'window' | 'cell';
  readonly stride?: number | undefined;
  readonly slide?: 'peaks' | 'all' | undefined;
  readonly softmax: boolean;
  readonly labels?: string | readonly string[] | undefined;
  readonly inputSize?: SizeRequest | undefined;
  /** Keep the maps of all classes, not only of those shown. */
  readonly all?: boolean | undefined;
  readonly onProgress?: ((doing: string, share?: number) => void) | undefined;
}

export interface WholePicture {
  readonly class: number;
  readonly name: string;
  readonly score: number;
  readonly kind: 'probability' | 'score';
}

/** The network itself on the crop of a peak. */
export interface OnCrop {
  readonly class: number;
  readonly score: number;
  /** The class that is best there. */
  readonly best: number;
  readonly name: string;
}

export interface FoundHeat {
  readonly named: string;
  readonly heat: Heat;
  readonly shown: readonly HeatClass[];
  readonly name: (item: { readonly index: number }) => string;
  readonly network: OpenedMap;
  readonly window: Size | undefined;
  readonly scales: readonly number[];
  /** Where the class shown is that of the whole picture. */
  readonly whole: WholePicture | undefined;
  readonly crops: readonly OnCrop[] | undefined;
  readonly centre: Centre | undefined;
  readonly unit: 'probability' | 'score';
}

/** `file` is for messages. Throws CompileError as `openMap` and `heatOf`, and for classes and labels that are not known. */
export async function heatmapOf(model: PictureModel, picture: Picture, args: HeatmapSettings, file: string): Promise<FoundHeat> {
  const step = (doing: string): void => args.onProgress?.(doing);
  const chosenRecipe = recipeOf(args, model);
  const { recipe } = chosenRecipe;
  const { scales, stride, top } = args;
  const request = args.inputSize ?? sizeIn(model, recipe);
  const window = model.window ?? sizeOf(request);
  const view = { pad: args.pad, tile: args.tile, memory: args.memory };
  step(`converting ${model.path}`);
  const network = await openMap(model, {
    head: args.slide || (stride !== undefined && args.head === 'auto') ? 'window' : args.head,
    stride,
    inputSize: request,
    // By itself a picture is run at scales that begin with one window, of which there is one map cell.
    tooFew: (map) => tooFew({ ...map, run: noRun }, picture, scales ?? [largestOf(picture, window)], { ...view, tile: 'none' }, file),
  });
  const cellsAt = (scale: number): number => {
    const { rows, columns } = planView(network, picture, scale, { ...view, tile: 'none' }, file).tiling;
    return Math.min(rows.cells, columns.cells);
  };
  const automatic = (): readonly number[] => {
    if (!window) return [1];
    return network.head === 'cell' ? cellScales(picture, window) : windowScales(picture, window, cellsAt);
  };
  try {
    const used = scales ?? automatic();
    const known = network.classes;
    const labels = labelsFor(args.labels, known, model.metadata, model.path);
    const chosen = args.class?.map((name) => findClass(name, labels, known));
    const encoding = encodingFor(recipe, model.image, picture);
    const runWindow = windowRunner(model, network);
    step('looking at the whole picture');
    const whole = chosen || top !== undefined ? undefined : await wholePicture(args, { model, network, window, recipe, picture });
    const centre = await centreOf(network, picture, encoding, step);
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
        classes: !args.all || chosen ? shownClasses && [...new Set(shownClasses)] : 'all',
        onProgress: args.onProgress,
      },
      file,
    );
    const byIndex = (index: number): HeatClass[] => heat.classes.filter((item) => item.index === index).slice(0, 1);
    const shown = shownClasses ? [...new Set(shownClasses)].flatMap(byIndex) : byPeak(heat).slice(0, top ?? 1);
    const crops = args.slide === 'peaks' ? await onCrops(shown, heat, { args, network, picture, encoding, runWindow }) : undefined;
    const areProbabilities = args.softmax || shown.every(({ map }) => map.every((value) => value >= 0 && value <= 1));
    return {
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
  } finally {
    await network.close();
  }
}

const byPeak = ({ classes }: Heat): readonly HeatClass[] => [...classes].sort((a, b) => b.peak.score - a.peak.score || a.index - b.index);

/** One length is that of both sides. */
function sizeOf(request: SizeRequest | undefined): Size | undefined {
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
async function centreOf(
  network: OpenedMap,
  picture: Picture,
  encoding: Encoding,
  step: (doing: string) => void,
): Promise<Centre | undefined> {
  if (network.window && (network.contract === undefined || network.contract.kind === 'everywhere')) return undefined;
  step('measuring where cells look');
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
  { softmax }: HeatmapSettings,
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
  readonly args: HeatmapSettings;
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
