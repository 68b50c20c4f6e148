/** Heat maps of one picture, recording or volume: chooses classes, scales and head, and runs the network. */
import type { SizeRequest } from '../../compile/input-size';
import { usage } from '../../diagnostics/catalogue';
import { wholeBox } from '../../sources/source';
import { type Centre, measureCentre } from '../centre';
import { describedFit, fitPicture } from '../fit';
import { type Heat, type HeatClass, heatOf } from '../heat';
import { findClass, labelOf } from '../labels';
import { type Encoding, encodeBlock } from '../preprocessing';
import type { Recipe } from '../recipe';
import { cellScales, windowScales } from '../scales';
import { areShares, ranked, softmaxInPlace } from '../scores';
import { cropOfPeak, type RunWindow, sliding } from '../slide';
import { type MapNetwork, planView, type ViewOptions } from '../views';
import { type Image, imageOfPicture } from './image';
import { labelsFor } from './labels';
import { type OpenedMap, openMap } from './map-network';
import type { PictureModel } from './picture-model';
import { arrayRecipeOf, assumedText, type ChosenRecipe, encodingOf, type PixelSettings, pixelsText, recipeOf } from './settings';

export interface HeatmapSettings extends PixelSettings, ViewOptions {
  /** Class names or indices; undefined: the best class of the whole picture. */
  readonly class?: readonly string[] | undefined;
  /** Show this many classes with the highest local peaks instead. */
  readonly top?: number | undefined;
  /** undefined: chosen from the sizes of picture and window. */
  readonly scales?: readonly number[] | undefined;
  readonly flip: boolean;
  readonly combine: 'mean' | 'max';
  readonly head: 'auto' | 'window' | 'cell';
  readonly stride?: number | readonly number[] | undefined;
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

/** Result of running the network itself on the crop of a peak. */
export interface OnCrop {
  readonly class: number;
  readonly score: number;
  /** Best class of the crop. */
  readonly best: number;
  readonly name: string;
}

export interface FoundHeat {
  readonly named: string;
  /** What to do if the preprocessing was assumed and is wrong. */
  readonly assumed: string | undefined;
  readonly heat: Heat;
  readonly shown: readonly HeatClass[];
  readonly name: (item: { readonly index: number }) => string;
  readonly network: OpenedMap;
  readonly window: readonly number[] | undefined;
  readonly scales: readonly number[];
  /** Prediction for the whole picture, if it chose the class shown. */
  readonly whole: WholePicture | undefined;
  readonly crops: readonly OnCrop[] | undefined;
  readonly centre: Centre | undefined;
  readonly unit: 'probability' | 'score';
}

/** `file` is used in messages. Throws CompileError as `openMap` and `heatOf` do, and for unknown classes and labels. */
export async function heatmapOf(model: PictureModel, image: Image, args: HeatmapSettings, file: string): Promise<FoundHeat> {
  const step = (doing: string): void => args.onProgress?.(doing);
  const { picture, isPicture = false } = image;
  const chosenRecipe = picture ? recipeOf(args, model) : arrayRecipeOf(args, model);
  const { recipe } = chosenRecipe;
  const { scales, stride, top } = args;
  const request = args.inputSize ?? sizeIn(model, recipe);
  const window = model.window ?? lengthsOf(request, model);
  const view = { pad: args.pad, tile: args.tile, memory: args.memory };
  step(`converting ${model.path}`);
  const network = await openMap(model, {
    head: args.slide || (stride !== undefined && args.head === 'auto') ? 'window' : args.head,
    stride,
    inputSize: request,
    // By default, a picture's scales start at one window, at which the map has a single cell.
    tooFew: (map) =>
      tooFew({ ...map, run: noRun }, image, scales ?? [isPicture ? largestOf(image.lengths, window) : 1], { ...view, tile: 'none' }, file),
  });
  const cellsAt = (scale: number): number =>
    Math.min(...planView(network, image, scale, { ...view, tile: 'none' }, file).tiling.along.map(({ cells }) => cells));
  const automatic = (): readonly number[] => {
    // A map with a fixed size runs at that size only. (A classifier with a fixed size has been converted.)
    if (!window || !picture || (model.fixed && !network.converted)) return [1];
    const [height = 1, width = 1] = window;
    const size = { height, width };
    return network.head === 'cell' ? cellScales(picture, size) : windowScales(picture, size, cellsAt);
  };
  try {
    const used = scales ?? automatic();
    const known = network.classes;
    const labels = labelsFor(args.labels, known, model.metadata, model.path);
    const chosen = args.class?.map((name) => findClass(name, labels, known));
    const encoding = await encodingOf(chosenRecipe, model.image, image);
    const runWindow = windowRunner(model, network);
    step('looking at the whole picture');
    const whole =
      chosen || top !== undefined ? undefined : await wholePicture(args, { model, network, window, chosen: chosenRecipe, image });
    const centre = await centreOf(network, image, encoding, step);
    const shownClasses = chosen ?? (whole && [whole.class]);
    const ran = args.slide === 'all' && network.window ? sliding(network, network.window, model.image.layout, runWindow) : network;
    const heat = await heatOf(
      ran,
      image,
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
    const crops = args.slide === 'peaks' ? await onCrops(shown, heat, { args, network, image, encoding, runWindow }) : undefined;
    const areProbabilities = args.softmax || shown.every(({ map }) => map.every((value) => value >= 0 && value <= 1));
    return {
      named: pixelsText(chosenRecipe),
      assumed: assumedText(chosenRecipe),
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

/** A single length applies to all axes. */
function lengthsOf(request: SizeRequest | undefined, { letters }: PictureModel): readonly number[] | undefined {
  const [first, ...others] = request?.lengths ?? [];
  return first === undefined ? undefined : letters.map((_, axis) => (axis === 0 ? first : (others[axis - 1] ?? first)));
}

/** Input size from the model's preprocessing description, if its file leaves the size open. */
function sizeIn({ fixed, window, letters }: PictureModel, { crop, resize }: Recipe): SizeRequest | undefined {
  const size = crop === 'none' || crop === undefined ? resize : crop;
  return !fixed && !window && letters.length === 2 && size instanceof Object
    ? { lengths: [size.height, size.width], shapes: new Map() }
    : undefined;
}

/** A map with fewer cells per side than this shows bands and blobs rather than positions. */
const FEW = 16;

function tooFew(
  network: MapNetwork,
  image: Image,
  scales: readonly number[],
  view: Parameters<typeof planView>[3],
  file: string,
): readonly number[] | undefined {
  const counts = planView(network, image, Math.min(...scales), view, file).tiling.along.map(({ cells }) => cells);
  // A clip has few frames and a recording has one axis, so the longest axis decides whether positions are visible.
  const side = image.isPicture ? Math.min(...counts) : Math.max(...counts);
  return side < FEW ? counts : undefined;
}

/** Scale at which the window sees half of the picture. */
const largestOf = (lengths: readonly number[], window: readonly number[] | undefined): number =>
  window ? 2 * Math.max(...window.map((length, axis) => length / (lengths[axis] ?? 1))) : 1;

const noRun: MapNetwork['run'] = async () => {
  throw new Error('a network that is only planned does not run');
};

/** Measures the centre if cells are receptive fields or look beyond their windows; otherwise a cell is at the middle of its window. */
async function centreOf(network: OpenedMap, image: Image, encoding: Encoding, step: (doing: string) => void): Promise<Centre | undefined> {
  if (network.window && (network.contract === undefined || network.contract.kind === 'everywhere')) return undefined;
  step('measuring where cells look');
  return measureCentre(network, image, encoding);
}

/** Runs one window on the classifier itself, or on the map, which equals the classifier at that size. */
const windowRunner =
  (model: PictureModel, network: OpenedMap): RunWindow =>
  (image) =>
    model.isMap ? network.run(image) : model.run(image);

interface Looking {
  readonly model: PictureModel;
  readonly network: OpenedMap;
  readonly window: readonly number[] | undefined;
  readonly chosen: ChosenRecipe;
  readonly image: Image;
}

/**
 * Prediction for the whole picture, as `predict` makes it: scaled and cropped to one window. Other images are not scaled, so they have such a prediction only
 * if they have the window's size; otherwise undefined.
 */
async function wholePicture(
  { softmax }: HeatmapSettings,
  { model, network, window, chosen, image }: Looking,
): Promise<Omit<WholePicture, 'name'> | undefined> {
  const lengths = model.fixed ?? window;
  const shown = lengths && wholeAt(lengths, image, chosen.recipe);
  if (!shown) return undefined;
  const numbers = encodeBlock(await shown.read(wholeBox(shown)), await encodingOf(chosen, model.image, shown));
  const scores = classScores(await windowRunner(model, network)(numbers), network, softmax);
  const [best] = ranked(scores, 1);
  return best && { class: best.index, score: best.score, kind: areShares(scores) ? 'probability' : 'score' };
}

function wholeAt(lengths: readonly number[], image: Image, recipe: Recipe): Image | undefined {
  const [height = 1, width = 1] = lengths;
  if (!image.picture) return lengths.every((length, axis) => length === image.lengths[axis]) ? image : undefined;
  const fitted = fitPicture(image.picture, { ...describedFit({ height, width }, recipe), filter: recipe.filter });
  return fitted && imageOfPicture(fitted);
}

/** One score per class, from [1, classes] or as the mean over the cells of a map. */
function classScores({ shape, data }: Awaited<ReturnType<RunWindow>>, { classes, classesLast }: OpenedMap, softmax: boolean): Float64Array {
  const cells = data.length / classes;
  const scores = Float64Array.from({ length: classes }, (_, k) => {
    let sum = 0;
    for (let cell = 0; cell < cells; cell++) sum += data[classesLast && shape.length > 2 ? cell * classes + k : k * cells + cell] ?? 0;
    return sum / cells;
  });
  if (softmax) softmaxInPlace(scores, classes);
  return scores;
}

interface Cropping {
  readonly args: HeatmapSettings;
  readonly network: OpenedMap;
  readonly image: Image;
  readonly encoding: Encoding;
  readonly runWindow: RunWindow;
}

/** Runs the network itself on the crop of each peak. */
async function onCrops(
  shown: readonly HeatClass[],
  { plans }: Heat,
  { args, network, image, encoding, runWindow }: Cropping,
): Promise<Omit<OnCrop, 'name'>[]> {
  const { window, strides } = network;
  if (!window || !strides) throw usage('--slide needs a classifier, or a model that was converted with --head window', 'heatmap');
  const crops: Omit<OnCrop, 'name'>[] = [];
  for (const { index, peak } of shown) {
    const planned = plans.find(({ scale, flipped }) => scale === peak.scale && flipped === peak.flipped);
    if (!planned) continue;
    const crop = await cropOfPeak(image, planned, encoding, peak, window, strides);
    const scores = classScores(await runWindow(crop), network, args.softmax);
    crops.push({ class: index, score: scores[index] ?? Number.NaN, best: ranked(scores, 1)[0]?.index ?? index });
  }
  return crops;
}
