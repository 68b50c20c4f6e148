/** Crops of larger images that cells of the map stand for, and what the original gives for them. */
import type { Claim } from './claim';
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
  const run = (top: number, left: number, fill?: number): Promise<Results> => {
    const key = `${top},${left},${fill ?? ''}`;
    const before = known.get(key);
    if (before) return before;
    const started = session.run(cropOf(subject, feeds, top, left, fill));
    known.set(key, started);
    return started;
  };
  const found = new Map<string, ExpectedMap>();
  for (const claim of claims) {
    if (subject.isMap(claim.output)) continue;
    const [moreRows, moreColumns] = [image.height - subject.image.height, image.width - subject.image.width];
    if (moreRows % claim.rows.congruent !== 0 || moreColumns % claim.columns.congruent !== 0) continue;
    const [y, x] = cropSteps(subject, claim);
    const [rows, columns] = [count(moreRows, y), count(moreColumns, x)];
    const cells: ExpectedCell[] = [];
    for (const place of [...places(rows, columns, image.purpose), ...beyond(subject, claim, image, rows, columns)]) {
      const [top, left] = [place.row * y, place.column * x];
      // Cells between those that repeat see the image in another phase than the original its crop.
      if (!Number.isInteger(top) || !Number.isInteger(left) || top % claim.rows.period !== 0 || left % claim.columns.period !== 0) continue;
      const isInside = place.row < rows && place.column < columns;
      const value = (await run(top, left, isInside ? undefined : 0)).get(claim.output);
      const other = isInside ? value : (await run(top, left, 1)).get(claim.output);
      if (value && other) cells.push({ ...place, values: settled(Float64Array.from(value.data), Float64Array.from(other.data)) });
    }
    found.set(claim.output, { rows, columns, cells });
  }
  return found;
}

/** Where the crop sticks out of the image, what is beyond must not matter; else there is no right value. */
export const settled = (one: Float64Array, other: Float64Array): Float64Array =>
  compare(one, other).maxRel < 1e-6 ? one : new Float64Array(one.length).fill(Number.NaN);

const count = (more: number, stride: number): number => Math.floor(more / stride + 1e-9) + 1;

/** Cells that the map says it has although their crops stick out of the image: right only where nothing out there is looked at, as behind a pool that leaves pixels over. */
function beyond(subject: Subject, { rows: y, columns: x }: Claim, image: LargerImage, rows: number, columns: number): Place[] {
  if (subject.request.contract?.kind !== 'everywhere') return [];
  const [allRows, allColumns] = [y.cells(image.height) ?? rows, x.cells(image.width) ?? columns];
  return [
    ...(allRows > rows ? [{ row: allRows - 1, column: 0 }] : []),
    ...(allColumns > columns ? [{ row: 0, column: allColumns - 1 }] : []),
  ];
}

/** Pixels between the crops: those between cells of the map; of a finer one only where each of its cells is the original on a crop. */
export function cropSteps(subject: Subject, { output, rows, columns }: Claim): readonly [number, number] {
  const [ky, kx] = subject.cropsAreFine ? [1, 1] : (subject.request.density?.[output] ?? [1, 1]);
  return [rows.stride * ky, columns.stride * kx];
}

/** `fill`: the seed of what is beyond the image. */
function cropOf(
  subject: Subject,
  feeds: ReadonlyMap<string, Numbers>,
  top: number,
  left: number,
  fill: number | undefined,
): ReadonlyMap<string, Numbers> {
  const { height, width } = subject.image;
  return new Map(
    [...feeds].map(([name, numbers]) => {
      if (!subject.isImage(name)) return [name, numbers];
      const own = subject.windowOf(name);
      const [rows, columns] = [own?.height ?? height, own?.width ?? width];
      const whole = fill === undefined ? numbers : onGround(numbers, subject.axes, [top + rows, left + columns], fill);
      return [name, cropped(whole, subject.axes, top, left, rows, columns)];
    }),
  );
}

/** An image or a map on a larger ground of random numbers. */
export function onGround(
  numbers: Numbers,
  axes: readonly [number, number],
  [bottom, right]: readonly [number, number],
  seed: number,
): Numbers {
  const [rows, columns] = axes;
  const shape = numbers.shape.map((dim, axis) => Math.max(dim, axis === rows ? bottom : axis === columns ? right : 0));
  const ground = makeInput('normal', 77 + seed, numbers.dtype, shape, axes);
  return pasted(ground, numbers, axes, [0, 0]);
}
