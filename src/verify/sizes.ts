/**
 * Chooses images larger than the original's for the converted model: two at which its maps grow (not square, with one side of each odd if the network
 * accepts odd sides), then sizes with every residue of the stride, a map of at least 24 x 24 cells, and strips of more than a thousand pixels, as far
 * as the budget allows.
 */
import { sizeText, unitOf } from '../ir/spatial';
import type { Budget } from './budget';
import { type AxisClaim, type Claim, commonMultiple, periodOf } from './claim';
import { lastMaps } from './cut';
import type { Numbers } from './onnx-runner';
import type { Subject } from './subject';

export type Purpose = 'growing' | 'residue' | 'many cells' | 'long';

export interface LargerImage {
  /** Length along each spatial axis. */
  readonly lengths: readonly number[];
  readonly purpose: Purpose;
  readonly feeds: ReadonlyMap<string, Numbers>;
}

/** Each entry is a list of alternatives, best first, because a network may not accept odd sides. Empty if no size is known at which the map grows. */
export type Choices = readonly (readonly LargerImage[])[];

/** Share of the budget for additional sizes. */
const SHARE = 0.04;
/** Cells along each side of a map with many cells; fewer for volumes. */
const MANY_CELLS = 24;
const MANY_CELLS_OF_VOLUMES = 8;
const manyCells = (axes: number): number => (axes > 2 ? MANY_CELLS_OF_VOLUMES : MANY_CELLS);
/** More than a thousand, and odd, to detect sizes hard-coded in a network. */
const LONG = 1037;

export interface SizePlan {
  readonly choices: Choices;
  /** Sizes that were omitted, as text for the report. */
  readonly leftOut: readonly string[];
}

export function planSizes(subject: Subject, claims: readonly Claim[], budget: Budget): SizePlan {
  const own = subject.lengths;
  const growth = own.flatMap((_, axis) => growthOf(subject, claims, axis) ?? []);
  if (own.length === 0 || growth.length < own.length) return { choices: [], leftOut: [] };
  const image = (lengths: readonly number[], purpose: Purpose): LargerImage => {
    const feeds = kept(() => subject.feeds('normal', lengths));
    return {
      lengths,
      purpose,
      get feeds() {
        return feeds();
      },
    };
  };
  const odd = (size: number, { grain, first }: Growth): number => (first > 0 && size % 2 === 0 && grain % 2 === 1 ? size + grain : size);
  // Not square: one side grows by one step while the others grow by two, and vice versa.
  const sides = (isFirst: (axis: number) => boolean, oddAxis: number): readonly number[] =>
    growth.map((by, axis) => {
      const size = (own[axis] ?? 1) + (isFirst(axis) ? by.first : by.second);
      return axis === oddAxis ? odd(size, by) : size;
    });
  const free = [...own.keys()].filter((axis) => !subject.isFixed(axis));
  const one = (axis: number): boolean => axis === free[0];
  const rest = (axis: number): boolean => axis !== free[0];
  const choices: LargerImage[][] = [
    [sides(one, free[0] ?? 0), sides(one, -1)],
    [sides(rest, free[Math.min(1, free.length - 1)] ?? 0), sides(rest, -1)],
  ].map((sizes) => sizes.map((lengths) => image(lengths, 'growing')));
  const { also } = subject.request;
  if (also?.length === own.length && also.every((length, axis) => length >= (own[axis] ?? 1))) choices.push([image(also, 'residue')]);
  const leftOut: string[] = [];
  const seen = new Set(choices.flat().map(({ lengths }) => sizeText(lengths)));
  const allowance = budget.allowance(SHARE);
  let residues = 0;
  for (const [lengths, purpose] of further(subject, growth)) {
    if (seen.has(sizeText(lengths))) continue;
    seen.add(sizeText(lengths));
    if (allowance.spend(subject.secondsFor(lengths))) choices.push([image(lengths, purpose)]);
    else if (purpose === 'residue') residues++;
    else
      leftOut.push(
        purpose === 'long' ? `a side of ${LONG} ${unitOf(own.length)}` : `a map of ${sizeText(own.map(() => manyCells(own.length)))} cells`,
      );
  }
  if (residues > 0) leftOut.unshift(`${residues} sizes that differ in their residue of the stride`);
  return { choices: choices.filter((sizes) => sizes.length > 0), leftOut: [...new Set(leftOut)] };
}

/** Keeps small generated images in memory, because several models are run on them. */
function kept(make: () => LargerImage['feeds']): () => LargerImage['feeds'] {
  let known: LargerImage['feeds'] | undefined;
  return () => {
    if (known) return known;
    const feeds = make();
    if ([...feeds.values()].reduce((sum, { data }) => sum + data.length, 0) <= MOST_KEPT) known = feeds;
    return feeds;
  };
}
/** Maximum number of elements kept: 2 MB. */
const MOST_KEPT = 2 ** 19;

/** Additional pixels at which the map has more cells than at the original size (`first`), and more again (`second`). */
interface Growth {
  readonly first: number;
  readonly second: number;
  readonly stride: number;
  /** The contract holds between sizes that differ by multiples of this number. */
  readonly grain: number;
}

/** Additional sizes; those most likely to find faults come first. */
function* further(subject: Subject, growth: readonly Growth[]): Generator<readonly [readonly number[], Purpose]> {
  const own = (axis: number): number => subject.lengths[axis] ?? 1;
  // Sides that are one pixel above or below a multiple of the stride, and half a stride; then the rest.
  const period = Math.max(...growth.map(({ stride }) => Math.ceil(stride)));
  const residues = [1, period - 1, Math.floor(period / 2), ...Array.from({ length: period }, (_, at) => at)];
  const done = new Set<number>();
  const size = (residue: number): readonly [readonly number[], Purpose] => [
    growth.map(({ first, stride }, axis) => {
      const steps = axis === 0 ? residue : 2 * period - 1 - residue;
      return own(axis) + first + (steps % Math.max(1, Math.ceil(stride)));
    }),
    'residue',
  ];
  for (const residue of residues.slice(0, 3)) {
    if (residue < 0 || done.has(residue)) continue;
    done.add(residue);
    yield size(residue);
  }
  const many = growth.map(({ first, stride }, axis) =>
    first === 0 ? own(axis) : Math.max(own(axis) + first + Math.ceil((manyCells(growth.length) - 2) * stride), 0),
  );
  yield [many, 'many cells'];
  for (const long of [...growth.keys()].reverse().filter((axis) => growth[axis]?.first !== 0))
    yield [growth.map(({ first, second }, axis) => (axis === long ? Math.max(LONG, own(axis) + second) : own(axis) + first)), 'long'];
  for (const residue of residues) {
    if (residue < 0 || done.has(residue)) continue;
    done.add(residue);
    yield size(residue);
  }
  yield [many.map((length, axis) => (growth[axis]?.first === 0 ? length : Math.max(LONG + 2 * (axis + 1), length))), 'long'];
}

function growthOf(subject: Subject, claims: readonly Claim[], axis: number): Growth | undefined {
  if (subject.head === 'original') return undefined;
  if (subject.isFixed(axis)) return FIXED;
  const size = subject.lengths[axis] ?? 1;
  const predicting = claims.filter(({ output, isMean }) => (subject.head === 'window' || isMean) && !subject.isMap(output));
  const list = (predicting.length > 0 ? predicting : claims.filter(({ output }) => subject.isMap(output))).flatMap(
    (claim) => claim.axes[axis] ?? [],
  );
  if (list.length > 0 && (subject.head === 'window' || predicting.length > 0)) {
    const all = list.map((claim) => searched(claim, size, subject.densestAlong(axis)));
    const known = all.filter((growth): growth is Growth => growth !== undefined);
    if (known.length < all.length) return undefined;
    return {
      first: Math.max(...known.map(({ first }) => first)),
      second: Math.max(...known.map(({ second }) => second)),
      stride: Math.max(...known.map(({ stride }) => stride)),
      grain: known.reduce((all, { grain }) => commonMultiple(all, grain), 1),
    };
  }
  const stride = mapStride(subject, axis);
  return stride === undefined ? undefined : evenly(stride);
}

/**
 * Searches for the growth, because maps may grow by several cells at a time. `density`: cells per cell of the network's own map, which is the map
 * that must grow.
 */
function searched(claim: AxisClaim, size: number, density: number): Growth | undefined {
  const coarse = (pixels: number): number | undefined => {
    const cells = claim.cells(pixels);
    return cells === undefined ? undefined : Math.ceil(cells / density);
  };
  const own = coarse(size);
  const stride = claim.stride * density;
  if (own === undefined) return Number.isFinite(stride) && stride > 0 ? evenly(Math.ceil(claim.period * density)) : undefined;
  // Requires room for another whole window: if a last pool drops pixels or pads, cells with less than a full window appear earlier.
  const grows = (from: number, above: number): number | undefined => {
    for (let extra = from; extra <= FURTHEST; extra++) if ((coarse(size + extra) ?? own) > above) return extra;
    return undefined;
  };
  const first = grows(Math.max(1, Math.ceil(stride - 1e-9)), own);
  const second = first && grows(Math.max(first + 1, Math.ceil(2 * stride - 1e-9)), coarse(size + first) ?? own);
  if (!first || !second) return undefined;
  const grain = claim.congruent;
  const whole = Math.ceil(first / grain) * grain;
  return { first: whole, second: Math.max(Math.ceil(second / grain) * grain, whole + grain), stride, grain };
}
/** Nothing slides along the axis. */
const FIXED: Growth = { first: 0, second: 0, stride: 1, grain: 1 };
/** Larger than the stride of any known network. */
const FURTHEST = 4096;
const evenly = (stride: number): Growth => ({ first: stride, second: 2 * stride, stride, grain: 1 });

/** Pixels between the cells of the original's last map, if the converted model has no map of windows to derive it from. */
function mapStride(subject: Subject, axis: number): number | undefined {
  const maps = lastMaps(subject.whole, subject.whole.graph.outputs);
  // The map of an upsampled image has several cells for each pixel.
  const widest = periodOf(Math.max(...(maps ?? []).map(({ stride }) => stride[axis] ?? 1)));
  return maps && Number.isInteger(widest) ? widest : undefined;
}
