/** Crops of larger images that cells of the map stand for, and what the original gives for them. */
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

/** The original on the crops of one larger image, for every output that is a map of predictions. */
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
      // Cells between those that repeat see the image in another phase than the original its crop.
      if (starts.some((start, axis) => !Number.isInteger(start) || start % (claim.axes[axis]?.period ?? 1) !== 0)) continue;
      const isInside = place.every((at, axis) => at < (lengths[axis] ?? 0));
      const value = (await run(starts, isInside ? undefined : 0)).get(claim.output);
      const other = isInside ? value : (await run(starts, 1)).get(claim.output);
      if (value && other) cells.push({ place, values: settled(Float64Array.from(value.data), Float64Array.from(other.data)) });
    }
    // A mean over some of the windows is no mean over all.
    if (claim.isMean && (cells.length === 0 || cells.length < wanted.length)) continue;
    found.set(claim.output, { lengths, cells });
  }
  return found;
}

/** Where the crop sticks out of the image, what is beyond must not matter; else there is no right value. */
export const settled = (one: Float64Array, other: Float64Array): Float64Array =>
  compare(one, other).maxRel < 1e-6 ? one : new Float64Array(one.length).fill(Number.NaN);

const count = (more: number, stride: number): number => Math.floor(more / stride + 1e-9) + 1;

/** Cells that the map says it has although their crops stick out of the image: right only where nothing out there is looked at, as behind a pool that leaves pixels over. */
function beyond(subject: Subject, claim: Claim, image: LargerImage, lengths: readonly number[]): Place[] {
  if (subject.request.contract?.kind !== 'everywhere') return [];
  return claim.axes.flatMap((along, axis): Place[] => {
    const all = along.cells(image.lengths[axis] ?? 0) ?? 0;
    return all > (lengths[axis] ?? 0) ? [lengths.map((_, other) => (other === axis ? all - 1 : 0))] : [];
  });
}

/** Pixels between the crops: those between cells of the map; of a finer one only where each of its cells is the original on a crop. */
export function cropSteps(subject: Subject, { output, axes }: Claim): readonly number[] {
  const cells = subject.cropsAreFine ? undefined : subject.request.density?.[output];
  return axes.map(({ stride }, axis) => stride * (cells?.[axis] ?? 1));
}

/** `fill`: the seed of what is beyond the image. */
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

/** An image or a map on a larger ground of random numbers, up to `ends`. */
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
