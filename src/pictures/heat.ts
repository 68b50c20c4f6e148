/**
 * Heat maps: runs a network that outputs maps over a whole image at several scales, plain and mirrored, and combines the results on one grid.
 * Memory use is bounded: one tile at a time, and only the maps of the requested classes.
 */
import { mapTooLarge } from '../diagnostics/catalogue';
import { eachLine, product, type Source } from '../sources/source';
import type { Centre } from './centre';
import { type Combine, combineViews, commonGrid, type Grid, localPeaks, mirrorMap, type Peak, peakOf, type View } from './grid';
import type { Encoding } from './preprocessing';
import { scan, type TileCells, tilesIn } from './scan';
import { ranked } from './scores';
import { imageOf, type MapNetwork, type PlannedView, placed, planView, type Shown, type ViewOptions } from './views';

export interface HeatOptions extends ViewOptions {
  readonly scales: readonly number[];
  readonly flip: boolean;
  readonly combine: Combine;
  /** Class indices; undefined: the `top` best; `all`: every class. */
  readonly classes: readonly number[] | 'all' | undefined;
  readonly top: number;
  readonly softmax: boolean;
  /** Measured centre of cell 0, if any. */
  readonly centre?: Centre | undefined;
  readonly onProgress?: ((doing: string, share: number) => void) | undefined;
}

export interface HeatClass {
  readonly index: number;
  /** One value per cell of the grid, last axis fastest. */
  readonly map: Float32Array;
  readonly peak: Peak;
  /** All local maxima, highest first. */
  peaks(): readonly Peak[];
}

export interface Heat {
  readonly grid: Grid;
  /** In the order requested; best first if none were. */
  readonly classes: readonly HeatClass[];
  /** Number of classes of the network. */
  readonly known: number;
  /** Number of tiles run, per scale and orientation. */
  readonly views: readonly {
    readonly scale: number;
    readonly flipped: boolean;
    readonly size: readonly number[];
    readonly tiles: number;
  }[];
  readonly plans: readonly PlannedView[];
}

/** Maximum bytes of maps kept at once. Above it, a first run over the picture finds the best classes and a second run keeps their maps. */
const KEPT_BYTES = 256e6;

/** Throws CompileError PICTURE_TOO_SMALL, ARRAY_TOO_SMALL, CANNOT_TILE, TILE_TOO_SMALL, MAP_TOO_LARGE. */
export async function heatOf(
  network: MapNetwork,
  image: Source & Shown,
  encoding: Encoding,
  options: HeatOptions,
  file: string,
): Promise<Heat> {
  const plans = options.scales.flatMap((scale) => {
    const planned = planView(network, image, scale, options, file);
    return options.flip ? [planned, { ...planned, flipped: true }] : [planned];
  });
  const known = plans[0]?.tiling.classes ?? 0;
  const cells = plans.reduce((sum, { tiling }) => sum + cellsIn(tiling), 0);
  const everyClass = Array.from({ length: known }, (_, index) => index);
  const fits = (classes: number): boolean => cells * classes * 4 <= KEPT_BYTES;
  const view = (classes: readonly number[], what: string) => runViews(network, image, encoding, plans, classes, options, what);

  const wanted = options.classes === 'all' ? everyClass : options.classes;
  if (wanted && !fits(wanted.length) && wanted.length > 1) throw mapTooLarge(wanted.length, cells, Math.floor(KEPT_BYTES / cells / 4));
  const first = await view(wanted ?? (fits(known) ? everyClass : []), 'running');
  const chosen = wanted ?? best(first.highest, options).slice(0, Math.max(1, Math.floor(KEPT_BYTES / cells / 4)));
  const { views } = wanted || fits(known) ? first : await view(chosen, 'running again, for the best classes');

  const grid = commonGrid(views);
  const classes = chosen.map((index): HeatClass => {
    const map = combineViews(views, index, grid, options.combine);
    return { index, map, peak: peakOf(map, grid, views, index), peaks: () => localPeaks(map, grid, views, index) };
  });
  if (!wanted) classes.sort((a, b) => b.peak.score - a.peak.score || a.index - b.index);
  return {
    grid,
    classes,
    known,
    views: plans.map(({ scale, flipped, size, plan }) => ({ scale, flipped, size, tiles: tilesIn(plan) })),
    plans,
  };
}

/** Ranks classes by their highest score anywhere: over all views, or in the mean of the views. */
function best(highest: readonly Float32Array[], { combine, top }: HeatOptions): number[] {
  const scores = Float64Array.from(highest[0] ?? [], (_, index) => {
    const seen = highest.map((scores) => scores[index] ?? Number.NaN);
    return combine === 'max' ? Math.max(...seen) : seen.reduce((sum, score) => sum + score / seen.length, 0);
  });
  return ranked(scores, top).map(({ index }) => index);
}

/** Runs all views. Keeps the maps of `classes`, and the highest score of every class per view. */
async function runViews(
  network: MapNetwork,
  source: Source,
  encoding: Encoding,
  plans: readonly PlannedView[],
  classes: readonly number[],
  { softmax, centre, onProgress }: HeatOptions,
  what: string,
): Promise<{ readonly views: View[]; readonly highest: Float32Array[] }> {
  const views: View[] = [];
  const highest: Float32Array[] = [];
  for (const planned of plans) {
    const { scale, flipped, tiling, plan } = planned;
    const label = `${what}${plans.length > 1 ? ` at scale ${scale}${flipped ? ', mirrored' : ''}` : ''}`;
    onProgress?.(label, 0);
    const counts = tiling.along.map(({ cells }) => cells);
    const maps = new Map(classes.map((index) => [index, new Float32Array(product(counts))]));
    const most = new Float32Array(tiling.classes).fill(Number.NEGATIVE_INFINITY);
    await scan(
      {
        tiling,
        plan,
        image: (spans) => imageOf(source, planned, encoding, spans),
        run: (image) => network.run(image),
        softmax,
        onDone: (share) => onProgress?.(label, share),
      },
      (cells) => keep(cells, maps, most, counts),
    );
    if (flipped) for (const map of maps.values()) mirrorMap(map, counts.at(-1) ?? 1);
    highest.push(most);
    views.push({ scale, flipped, maps, ...placed(source.lengths, planned, network.window, centre) });
  }
  return { views, highest };
}

function keep({ spans, data }: TileCells, maps: ReadonlyMap<number, Float32Array>, most: Float32Array, counts: readonly number[]): void {
  const lengths = spans.map(({ first, last }) => last - first);
  const area = product(lengths);
  const wide = lengths.at(-1) ?? 1;
  for (let k = 0; k < most.length; k++) {
    let largest = most[k] ?? 0;
    for (let at = k * area; at < (k + 1) * area; at++) largest = Math.max(largest, data[at] ?? 0);
    most[k] = largest;
  }
  const box = { starts: spans.map(({ first }) => first), lengths };
  for (const [k, map] of maps)
    eachLine(counts, box, (to, line) => map.set(data.subarray(k * area + line * wide, k * area + (line + 1) * wide), to));
}

const cellsIn = ({ along }: PlannedView['tiling']): number => product(along.map(({ cells }) => cells));
