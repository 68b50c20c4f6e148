/**
 * Runs image sizes with each residue of the stride. The converted model must accept each of them and have the declared number of cells. If its cells
 * depend on a part of the image only, the cells inside a smaller image must equal those of a larger image with the same beginning. Needs no original:
 * the sizes are as small as the model accepts, and all residues are tried if the budget allows it.
 */
import { windowAxes } from '../compile/input-size';
import { CompileError } from '../diagnostics/compile-error';
import { sizeText } from '../ir/spatial';
import { table } from '../ir/table';
import type { Allowance } from './budget';
import { type Claim, cellsOf, commonMultiple } from './claim';
import { compare, type Difference, worse } from './compare';
import { cropped } from './inputs';
import { type Feeds, firstInside, lastInside, lengthFor, mapImages, tracksOf } from './moved';
import type { Numbers, Session } from './onnx-runner';
import { asCompileError, type Results } from './results';
import type { Subject } from './subject';

export interface ResiduesSeen {
  readonly outputs: Readonly<Record<string, Difference>>;
  readonly faults: readonly string[];
  readonly sizes: readonly string[];
  /** Number of cells compared. */
  readonly cells: number;
  /** Along each axis: its unit, the residues tried, and the number of residues. */
  readonly tried: readonly { readonly name: string; readonly residues: readonly number[]; readonly of: number }[];
}

/** undefined if the model has no maps. */
export async function everyResidue(
  subject: Subject,
  claims: readonly Claim[],
  session: Session,
  allowance: Allowance,
): Promise<ResiduesSeen | undefined> {
  // An axis that does not slide has one length.
  const periods = subject.lengths.map((_, axis) => (subject.isFixed(axis) ? 1 : periodAlong(claims, axis)));
  const most = Math.max(...periods);
  if (claims.length === 0 || most < 1) return undefined;
  const base = baseOf(subject, claims, most, allowance);
  const largest = base.map((length, axis) => (subject.isFixed(axis) ? length : length + 2 * (periods[axis] ?? 1)));
  const image = subject.feeds('normal', largest, 1, 13);
  const reference = allowance.spend(subject.secondsFor(largest) / 2) ? await session.run(image).catch(asCompileError) : undefined;
  const outputs: Record<string, Difference> = table({});
  const faults: string[] = [];
  const sizes: string[] = [];
  const tried = periods.map(() => new Set<number>());
  let cells = 0;
  for (const step of inOrder(most)) {
    // Rows and columns get different residues, so that swapping them is detected.
    const residues = periods.map((period, axis) => (axis % 2 === 0 ? step : 2 * most - 1 - step) % period);
    if (residues.every((residue, axis) => tried[axis]?.has(residue))) continue;
    const lengths = base.map((length, axis) => length + (residues[axis] ?? 0));
    // The first size is tried in any case.
    if (!allowance.spend(subject.secondsFor(lengths) / 2) && sizes.length > 0) break;
    const found = await session.run(cut(subject, image, lengths)).catch(asCompileError);
    sizes.push(sizeText(lengths));
    residues.forEach((residue, axis) => void tried[axis]?.add(residue));
    if (found instanceof CompileError) {
      faults.push(`the model does not take ${sizeText(lengths)}: ${found.diagnostic.message}`);
      continue;
    }
    faults.push(...countFaults(subject, claims, lengths, found));
    if (!reference || reference instanceof CompileError) continue;
    for (const [output, pairs] of alike(subject, claims, lengths, largest, found, reference)) {
      cells += pairs.cells;
      outputs[output] = worse(outputs[output], compare(pairs.expected, pairs.actual));
    }
  }
  return {
    outputs,
    faults,
    sizes,
    cells,
    tried: periods.flatMap((of, axis) => {
      if (subject.isFixed(axis)) return [];
      const residues = [...(tried[axis] ?? [])].map((residue) => (residue + (base[axis] ?? 0)) % of).sort((a, b) => a - b);
      return { name: claims[0]?.axes[axis]?.name ?? 'pixels', residues, of };
    }),
  };
}

/**
 * Sizes with at least one cell inside the image and the original's residue, if the budget allows trying all residues there; otherwise the original
 * size.
 */
function baseOf(subject: Subject, claims: readonly Claim[], most: number, allowance: Allowance): readonly number[] {
  const large = subject.lengths.map((own, axis) =>
    subject.isFixed(axis) ? own : Math.max(own, ...tracksOf(subject, claims, axis, new Map()).map((track) => lengthFor(track, own, 1))),
  );
  return allowance.has(subject.secondsFor(large) * ((most + 1) / 2)) ? large : subject.lengths;
}

/** Period in pixels after which sizes repeat their residue, for all maps. */
const periodAlong = (claims: readonly Claim[], axis: number): number =>
  claims.reduce((all, { axes }) => {
    const own = axes[axis];
    const period = own ? commonMultiple(Math.ceil(own.period), own.congruent) : 1;
    return Number.isInteger(period) && period > 0 ? Math.min(commonMultiple(all, period), MOST) : all;
  }, 1);
/** Larger than the stride of any known network. */
const MOST = 4096;

/** Residues most likely to find faults come first: one pixel above or below a multiple of the stride, and half a stride; then the rest. */
function* inOrder(most: number): Generator<number> {
  const done = new Set<number>();
  const first = [1, most - 1, Math.floor(most / 2), 0];
  for (const step of [...first, ...Array.from({ length: most }, (_, at) => at)]) {
    if (step < 0 || step >= most || done.has(step)) continue;
    done.add(step);
    yield step;
  }
}

const cut = (subject: Subject, image: Feeds, lengths: readonly number[]): Feeds =>
  mapImages(subject, image, (numbers, window) => cropped(numbers, windowAxes(window), [], subject.grown(window, lengths)));

function countFaults(subject: Subject, claims: readonly Claim[], lengths: readonly number[], found: Results): readonly string[] {
  return claims.flatMap((claim): string[] => {
    const wanted = claim.isMean ? undefined : cellsOf(claim, lengths);
    const given = found.get(claim.output)?.shape.slice(2) ?? [];
    if (!wanted || given.length < subject.lengths.length || wanted.every((count, axis) => count === given[axis])) return [];
    return [`'${claim.output}' has ${sizeText(given)} cells at ${sizeText(lengths)}, where the model says ${sizeText(wanted)}`];
  });
}

interface Pairs {
  readonly expected: number[];
  readonly actual: number[];
  cells: number;
}

/** Pairs the cells inside both images, up to the far end: both images begin at the same pixel. */
function alike(
  subject: Subject,
  claims: readonly Claim[],
  lengths: readonly number[],
  largest: readonly number[],
  found: Results,
  reference: Results,
): ReadonlyMap<string, Pairs> {
  const along = lengths.map((_, axis) => tracksOf(subject, claims, axis, new Map()));
  return new Map(
    claims.flatMap((claim): [string, Pairs][] => {
      const tracks = along.flatMap((list) => list.find(({ output }) => output === claim.output) ?? []);
      if (claim.isMean || tracks.length < lengths.length) return [];
      const isSame = tracks.every(({ congruent }, axis) => ((largest[axis] ?? 0) - (lengths[axis] ?? 0)) % congruent === 0);
      const [small, large] = [found.get(claim.output), reference.get(claim.output)];
      if (!isSame || !small || !large || small.shape.length !== 2 + lengths.length) return [];
      // Of an image whose size it does not take, the model uses a part: its layers pad where that ends.
      const taken = subject.fittedSize(lengths);
      const counts = tracks.map((track, axis) => Math.min(lastInside(track, taken[axis] ?? 0) + 1, small.shape[axis + 2] ?? 0));
      // If the image wraps around, the first cells depend on its size.
      const starts = tracks.map((track) => (subject.request.contract?.wraps ? firstInside(track) : 0));
      const inside = counts.map((count, axis) => count - (starts[axis] ?? 0));
      if (inside.some((count) => count <= 0)) return [];
      const axes = lengths.map((_, axis) => axis + 2);
      const part = (numbers: Numbers): number[] => [...cropped(numbers, axes, starts, inside).data];
      return [[claim.output, { expected: part(large), actual: part(small), cells: inside.reduce((all, count) => all * count, 1) }]];
    }),
  );
}

/** Text for the report: `rows: all 32; columns: 1, 16, 31 of 32`. */
export const triedText = (tried: ResiduesSeen['tried']): string =>
  tried.map(({ name, residues, of }) => `${name}: ${residues.length === of ? `all ${of}` : `${residues.join(', ')} of ${of}`}`).join('; ');
