/**
 * Images larger than the original's, to run the converted model on: two at which its maps grow (not square, a side of each odd where the network takes odd
 * sides), then sizes of every residue of the stride, a map of at least 24 x 24 cells and strips of more than a thousand pixels, as far as the budget goes.
 */
import type { Budget } from './budget';
import { type AxisClaim, type Claim, commonMultiple } from './claim';
import { lastMaps } from './cut';
import type { Numbers } from './onnx-runner';
import type { Subject } from './subject';

export type Purpose = 'growing' | 'residue' | 'many cells' | 'long';

export interface LargerImage {
  readonly height: number;
  readonly width: number;
  readonly purpose: Purpose;
  readonly feeds: ReadonlyMap<string, Numbers>;
}

/** Each with alternatives, the best first: a network may not take odd sides. Empty: no size is known at which the map grows. */
export type Choices = readonly (readonly LargerImage[])[];

export const sizeText = ({ height, width }: { readonly height: number; readonly width: number }): string => `${height}x${width}`;

/** Further sizes are worth so much of the budget. */
const SHARE = 0.04;
/** Cells along each side of a map with many. */
const MANY_CELLS = 24;
/** More than a thousand, and odd: a number like it may be written into a network. */
const LONG = 1037;

export interface SizePlan {
  readonly choices: Choices;
  /** What was left out, and why, for the report. */
  readonly leftOut: readonly string[];
}

export function planSizes(subject: Subject, claims: readonly Claim[], budget: Budget): SizePlan {
  const growth = [growthOf(subject, claims, 0), growthOf(subject, claims, 1)] as const;
  const [rows, columns] = growth;
  if (!rows || !columns) return { choices: [], leftOut: [] };
  const { height, width } = subject.image;
  const image = (y: number, x: number, purpose: Purpose): LargerImage => {
    const feeds = kept(() => subject.feeds('normal', y, x));
    return {
      height: y,
      width: x,
      purpose,
      get feeds() {
        return feeds();
      },
    };
  };
  const odd = (size: number, { grain }: Growth): number => (size % 2 === 0 && grain % 2 === 1 ? size + grain : size);
  const grown = [
    [odd(height + rows.first, rows), width + columns.second],
    [height + rows.first, width + columns.second],
  ] as const;
  const other = [
    [height + rows.second, odd(width + columns.first, columns)],
    [height + rows.second, width + columns.first],
  ] as const;
  const choices: LargerImage[][] = [grown, other].map((sizes) => sizes.map(([y, x]) => image(y, x, 'growing')));
  const leftOut: string[] = [];
  const seen = new Set(choices.flat().map(sizeText));
  const allowance = budget.allowance(SHARE);
  let residues = 0;
  for (const [y, x, purpose] of further(subject, rows, columns)) {
    if (seen.has(sizeText({ height: y, width: x }))) continue;
    seen.add(sizeText({ height: y, width: x }));
    if (allowance.spend(subject.secondsFor(y, x))) choices.push([image(y, x, purpose)]);
    else if (purpose === 'residue') residues++;
    else leftOut.push(purpose === 'long' ? `a side of ${LONG} pixels` : `a map of ${MANY_CELLS}x${MANY_CELLS} cells`);
  }
  if (residues > 0) leftOut.unshift(`${residues} sizes that differ in their residue of the stride`);
  return { choices: choices.filter((sizes) => sizes.length > 0), leftOut: [...new Set(leftOut)] };
}

/** Small images are kept once they are made up: several models are run on them. */
function kept(make: () => LargerImage['feeds']): () => LargerImage['feeds'] {
  let known: LargerImage['feeds'] | undefined;
  return () => {
    if (known) return known;
    const feeds = make();
    if ([...feeds.values()].reduce((sum, { data }) => sum + data.length, 0) <= MOST_KEPT) known = feeds;
    return feeds;
  };
}
/** Numbers: 2 MB. */
const MOST_KEPT = 2 ** 19;

/** Extra pixels at which the map has more cells than at the original size, and more again. */
interface Growth {
  readonly first: number;
  readonly second: number;
  readonly stride: number;
  /** What the contract says holds at sizes that differ by multiples of this. */
  readonly grain: number;
}

/** What finds most comes first. */
function* further(subject: Subject, rows: Growth, columns: Growth): Generator<readonly [number, number, Purpose]> {
  const { height, width } = subject.image;
  // A side that is one pixel more or less than what the stride divides, and half a stride; then the rest.
  const period = Math.max(Math.ceil(rows.stride), Math.ceil(columns.stride));
  const residues = [1, period - 1, Math.floor(period / 2), ...Array.from({ length: period }, (_, at) => at)];
  const done = new Set<number>();
  const size = (residue: number): readonly [number, number, Purpose] => [
    height + rows.first + (residue % Math.max(1, Math.ceil(rows.stride))),
    width + columns.first + ((2 * period - 1 - residue) % Math.max(1, Math.ceil(columns.stride))),
    'residue',
  ];
  for (const residue of residues.slice(0, 3)) {
    if (residue < 0 || done.has(residue)) continue;
    done.add(residue);
    yield size(residue);
  }
  const many = (own: number, growth: Growth): number => Math.max(own + growth.first + Math.ceil((MANY_CELLS - 2) * growth.stride), 0);
  yield [many(height, rows), many(width, columns), 'many cells'];
  yield [height + rows.first, Math.max(LONG, width + columns.second), 'long'];
  yield [Math.max(LONG, height + rows.second), width + columns.first, 'long'];
  for (const residue of residues) {
    if (residue < 0 || done.has(residue)) continue;
    done.add(residue);
    yield size(residue);
  }
  yield [Math.max(LONG + 2, many(height, rows)), Math.max(LONG + 4, many(width, columns)), 'long'];
}

function growthOf(subject: Subject, claims: readonly Claim[], axis: 0 | 1): Growth | undefined {
  if (subject.head === 'original') return undefined;
  const size = axis === 0 ? subject.image.height : subject.image.width;
  const predicting = claims.filter(({ output }) => subject.head === 'window' && !subject.isMap(output));
  const list = (predicting.length > 0 ? predicting : claims.filter(({ output }) => subject.isMap(output))).map((claim) =>
    axis === 0 ? claim.rows : claim.columns,
  );
  if (list.length > 0 && subject.head === 'window') {
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

/** Maps may grow by several cells at a time. `density`: cells for each one of the map that the network has by itself, which is what shall grow. */
function searched(claim: AxisClaim, size: number, density: number): Growth | undefined {
  const coarse = (pixels: number): number | undefined => {
    const cells = claim.cells(pixels);
    return cells === undefined ? undefined : Math.ceil(cells / density);
  };
  const own = coarse(size);
  const stride = claim.stride * density;
  if (own === undefined) return Number.isFinite(stride) && stride > 0 ? evenly(Math.ceil(claim.period * density)) : undefined;
  // Not before a whole window more fits in: where a last pool leaves pixels over, or pads, there are cells of less than a window before.
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
/** No network has a stride beyond this. */
const FURTHEST = 4096;
const evenly = (stride: number): Growth => ({ first: stride, second: 2 * stride, stride, grain: 1 });

/** Pixels between the cells of the original's last map, where the converted model has no map of windows to tell. */
function mapStride(subject: Subject, axis: 0 | 1): number | undefined {
  const maps = lastMaps(subject.whole, subject.whole.graph.outputs);
  const widest = Math.max(...(maps ?? []).map(({ stride }) => stride[axis]));
  return maps && Number.isInteger(widest) ? widest : undefined;
}
