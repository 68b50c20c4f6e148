/**
 * The picture of a volume: the three planes through the peak of a class, and the maximum projection along depth, each over the data. A short depth axis (a clip of
 * sixteen frames) is stretched so that its planes can be seen; the title states the factor.
 */
import { scaledSource } from '../sources/resample';
import { type Block, blockSource, type Source, wholeBox } from '../sources/source';
import { between, type Grid, sampleBetween } from './grid';
import { drawItems, type Item, type Panel, type Poster, type PosterOptions } from './poster';
import { type Ends, endsOf, pictureOfBlock, reduced } from './preview';

/** Depth, rows and columns. */
const AXES = [0, 1, 2] as const;
const PLACES = ['frame', 'row', 'column'] as const;
/** Minimum aspect of a plane; below it, depth is stretched. */
const FLATTEST = 0.4;
/** Maximum number of positions drawn along a side; beyond it, neighbours are merged. */
const LONGEST = 1024;

export async function drawVolume(source: Source, grid: Grid, panels: readonly Panel[], options: PosterOptions): Promise<Poster> {
  const factors = source.lengths.map((length) => Math.max(1, Math.ceil(length / LONGEST)));
  const [depth = 1, height = 1, width = 1] = source.lengths.map((length, axis) => Math.ceil(length / (factors[axis] ?? 1)));
  const stretch = Math.max(1, Math.round((FLATTEST * Math.max(height, width)) / depth));
  const scales = factors.map((factor, axis) => (axis === 0 ? stretch : 1) / factor);
  const projection = pictureOfBlock(
    await reduced(source, wholeBox(source), [source.lengths[0] ?? 1, factors[1] ?? 1, factors[2] ?? 1], 'max'),
  );
  const items: Item[] = [];
  // Equal greys mean equal values in all planes: the range is that of a few planes in the middle of each axis, where the data is.
  const middle = source.lengths.map((length) => length / 2);
  const samples: number[] = [];
  for (const across of AXES) for (const value of (await planeBlock(source, middle, across, factors)).data) samples.push(value);
  for (const { peak } of panels)
    for (const across of AXES) for (const value of (await planeBlock(source, peak.place, across, factors)).data) samples.push(value);
  const ends = endsOf(samples);
  for (const panel of panels) {
    for (const across of AXES) items.push(await planeOf(source, grid, panel, across, { factors, scales, stretch, ends }));
    items.push({
      ...flat(panel, grid, 0, scales),
      photo: projection,
      title: 'highest along depth',
      map: highest(panel.map, grid),
    });
  }
  const box = {
    height: Math.max(...items.map(({ photo }) => photo.height)),
    width: Math.max(...items.map(({ photo }) => photo.width)),
  };
  return drawItems(items, box, { ...options, across: panels.length > 1 ? 4 : 2 });
}

interface Scaling {
  readonly factors: readonly number[];
  /** Pixels of the drawing per position. */
  readonly scales: readonly number[];
  readonly stretch: number;
  readonly ends: Ends;
}

/** The plane through the peak, perpendicular to one axis. */
async function planeOf(
  source: Source,
  grid: Grid,
  panel: Panel,
  across: 0 | 1 | 2,
  { factors, scales, stretch, ends }: Scaling,
): Promise<Item> {
  const block = await planeBlock(source, panel.peak.place, across, factors);
  const plane = { ...block, lengths: block.lengths.filter((_, axis) => axis !== across) };
  const [first = 1, second = 1] = plane.lengths;
  const tall = scaledSource(blockSource(plane), [across === 0 ? first : first * stretch, second], 'nearest');
  const stretched = across !== 0 && stretch > 1 ? `, depth x ${stretch}` : '';
  return {
    ...flat(panel, grid, across, scales),
    photo: pictureOfBlock(await tall.read(wholeBox(tall)), ends),
    title: `${PLACES[across]} ${placeOn(source, panel.peak.place, across)}${stretched}${across === 0 ? `: ${panel.title}` : ''}`,
    map: slice(panel.map, grid, across, panel.peak.place[across] ?? 0),
  };
}

/** The data on a plane that is one position deep. */
function planeBlock(source: Source, place: readonly number[], across: number, factors: readonly number[]): Promise<Block> {
  const box = {
    starts: source.lengths.map((_, axis) => (axis === across ? placeOn(source, place, across) : 0)),
    lengths: source.lengths.map((length, axis) => (axis === across ? 1 : length)),
  };
  return reduced(
    source,
    box,
    factors.map((factor, axis) => (axis === across ? 1 : factor)),
    'mean',
  );
}

const placeOn = ({ lengths }: Source, place: readonly number[], across: number): number =>
  Math.min(Math.max(Math.floor(place[across] ?? 0), 0), (lengths[across] ?? 1) - 1);

/** Peak, window and grid without one axis, in pixels of the drawing. */
function flat({ peak }: Panel, grid: Grid, across: number, scales: readonly number[]): Pick<Item, 'grid' | 'peak'> {
  const without = (list: readonly number[]): readonly number[] =>
    list.map((value, axis) => value * (scales[axis] ?? 1)).filter((_, axis) => axis !== across);
  return {
    grid: grid
      .map(({ start, step, count }, axis) => ({ start: start * (scales[axis] ?? 1), step: step * (scales[axis] ?? 1), count }))
      .filter((_, axis) => axis !== across),
    peak: {
      score: peak.score,
      place: without(peak.place),
      window: { starts: without(peak.window.starts), lengths: without(peak.window.lengths) },
    },
  };
}

/** The map on a plane, interpolated between cells of the perpendicular axis. */
function slice(map: Float32Array, grid: Grid, across: number, place: number): Float32Array {
  const along = grid.map((axis, at) =>
    between(axis, at === across ? [place] : Float64Array.from({ length: axis.count }, (_, cell) => axis.start + cell * axis.step)),
  );
  const others = grid.filter((_, axis) => axis !== across);
  const [rows = 1, columns = 1] = others.map(({ count }) => count);
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const cell = [Math.floor(at / columns), at % columns];
    cell.splice(across, 0, 0);
    return sampleBetween(map, grid, along, cell);
  });
}

function highest(map: Float32Array, [depth, rows, columns]: Grid): Float32Array {
  const area = (rows?.count ?? 1) * (columns?.count ?? 1);
  const made = new Float32Array(area).fill(Number.NEGATIVE_INFINITY);
  for (let at = 0; at < (depth?.count ?? 1) * area; at++) made[at % area] = Math.max(made[at % area] ?? 0, map[at] ?? 0);
  return made;
}
