/** Crops of larger images that correspond to cells of the map, and the original's results on them. */
import { windowAxes, windowLengths } from '../compile/input-size';
import { type Claim, cellsOf } from './claim';
import { compare } from './compare';
import { cropped, makeInput, pasted } from './inputs';
import { type ExpectedCell, type ExpectedMap, type Place, places } from './maps';
import type { Numbers, Session } from './onnx-runner';
import type { Results } from './results';
import type { LargerImage } from './sizes';
import type { Subject } from './subject';

export type ExpectedCrops = ReadonlyMap<string, ExpectedMap>;

/** Runs the original on the crops of one larger image, for every output that is a map of predictions. */
export async function runCrops(subject: Subject, claims: readonly Claim[], image: LargerImage, session: Session): Promise<ExpectedCrops> {
  const feeds = image.feeds;
  const known = new Map<string, Promise<Results>>();
  const run = (starts: readonly number[], fill?: number): Promise<Results> => {
    const key = `${starts.join()},${fill ?? ''}`;
    const before = known.get(key);
    if (before) return before;
    const started = session.run(cropOf(subject, feeds, starts, fill));
    known.set(key, started);
    return started;
  };
  const found = new Map<string, ExpectedMap>();
  for (const claim of claims) {
    if (subject.isMap(claim.output)) continue;
    const more = image.lengths.map((length, axis) => length - (subject.lengths[axis] ?? 0));
    if (more.some((pixels, axis) => pixels % (claim.axes[axis]?.congruent ?? 1) !== 0)) continue;
    const steps = cropSteps(subject, claim);
    const lengths = more.map((pixels, axis) => count(pixels, steps[axis] ?? 1));
    const cells: ExpectedCell[] = [];
    const wanted = claim.isMean
      ? places(cellsOf(claim, image.lengths) ?? [], 'all')
      : [...places(lengths, image.purpose), ...beyond(subject, claim, image, lengths)];
    for (const place of wanted) {
      const starts = place.map((at, axis) => at * (steps[axis] ?? 1));
      // Cells between the periodic ones have a different phase in the image than in the original's crop.
      if (starts.some((start, axis) => !Number.isInteger(start) || start % (claim.axes[axis]?.period ?? 1) !== 0)) continue;
      const isInside = place.every((at, axis) => at < (lengths[axis] ?? 0));
      const value = (await run(starts, isInside ? undefined : 0)).get(claim.output);
      const other = isInside ? value : (await run(starts, 1)).get(claim.output);
      if (value && other) cells.push({ place, values: settled(Float64Array.from(value.data), Float64Array.from(other.data)) });
    }
    // A mean over some of the windows is not the mean over all of them.
    if (claim.isMean && (cells.length === 0 || cells.length < wanted.length)) continue;
    found.set(claim.output, { lengths, cells });
  }
  return found;
}

/** If the crop extends beyond the image, the pixels outside must not matter; otherwise there is no correct value (NaN). */
export const settled = (one: Float64Array, other: Float64Array): Float64Array =>
  compare(one, other).maxRel < 1e-6 ? one : new Float64Array(one.length).fill(Number.NaN);

const count = (more: number, stride: number): number => Math.floor(more / stride + 1e-9) + 1;

/**
 * Cells that the map declares although their crops extend beyond the image: valid only if nothing outside is used, for example behind a pool that
 * drops pixels.
 */
function beyond(subject: Subject, claim: Claim, image: LargerImage, lengths: readonly number[]): Place[] {
  if (subject.request.contract?.kind !== 'everywhere') return [];
  return claim.axes.flatMap((along, axis): Place[] => {
    const all = along.cells(image.lengths[axis] ?? 0) ?? 0;
    return all > (lengths[axis] ?? 0) ? [lengths.map((_, other) => (other === axis ? all - 1 : 0))] : [];
  });
}

/**
 * Pixels between the crops: the distance between cells of the map; in a finer map, the distance between the network's own cells unless each of its
 * cells equals the original on a crop.
 */
export function cropSteps(subject: Subject, { output, axes }: Claim): readonly number[] {
  const cells = subject.cropsAreFine ? undefined : subject.request.density?.[output];
  return axes.map(({ stride }, axis) => stride * (cells?.[axis] ?? 1));
}

/** `fill`: seed of the pixels beyond the image. */
function cropOf(
  subject: Subject,
  feeds: ReadonlyMap<string, Numbers>,
  starts: readonly number[],
  fill: number | undefined,
): ReadonlyMap<string, Numbers> {
  return new Map(
    [...feeds].map(([name, numbers]) => {
      const own = subject.windowOf(name);
      if (!own) return [name, numbers];
      const [axes, lengths] = [windowAxes(own), windowLengths(own)];
      const ends = starts.map((start, axis) => start + (lengths[axis] ?? 0));
      const whole = fill === undefined ? numbers : onGround(numbers, axes, ends, fill);
      return [name, cropped(whole, axes, starts, lengths)];
    }),
  );
}

/** Places an image or a map on a larger background of random values, up to `ends`. */
export function onGround(numbers: Numbers, axes: readonly number[], ends: readonly number[], seed: number): Numbers {
  const shape = numbers.shape.map((dim, axis) => Math.max(dim, ends[axes.indexOf(axis)] ?? 0));
  const ground = makeInput('normal', 77 + seed, numbers.dtype, shape, axes);
  return pasted(
    ground,
    numbers,
    axes,
    axes.map(() => 0),
  );
}
