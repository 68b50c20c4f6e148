/** The individual checks. Each compares expected results with those of the converted model. */
import { CompileError } from '../diagnostics/compile-error';
import { sizeText } from '../ir/spatial';
import { table } from '../ir/table';
import type { Claim } from './claim';
import { type Agreement, agreeingOverall, agreement, compare, compareTensors, type Difference, worse } from './compare';
import type { ExpectedCrops } from './crops';
import type { FieldSeen } from './field';
import { agreeing, compareCells, type ExpectedMap, meanOf, meanOfCells, ownNoise } from './maps';
import type { Moved } from './moved';
import { isMeasured, ORDER_FACTOR } from './noise';
import type { Numbers } from './onnx-runner';
import type { Check, Tolerance } from './report';
import { type ResiduesSeen, triedText } from './residues';
import { agreesEnough, isWithin, type Results } from './results';
import { describeSamples, type Sample } from './samples';
import type { LargerScores } from './scores';
import type { LargerImage } from './sizes';
import type { Subject } from './subject';
import { isVague } from './verdict';
import type { ExpectedWindows } from './windows';

/** Results of the converted model on larger images. */
export type Given = ReadonlyMap<LargerImage, Results | CompileError>;

export const skipped = (name: Check['name'], note: string, required = false): Check => ({
  name,
  status: 'skipped',
  outputs: {},
  sizes: [],
  cells: 0,
  note,
  ...(required && { required }),
});

export function originalSize(
  subject: Subject,
  samples: readonly Sample[],
  expected: readonly Results[],
  actual: readonly Results[],
  tolerances: readonly Tolerance[],
): Check {
  const tally = new Tally(subject.head === 'original');
  samples.forEach((_, index) => {
    for (const [name, numbers] of expected[index] ?? []) {
      const found = actual[index]?.get(name);
      tally.add(name, compareTensors(numbers, found), tolerances[index], agreement(numbers, found));
    }
  });
  return tally.check('original size', {
    sizes: [sizeText(subject.lengths)],
    cells: samples.length,
    note: describeSamples(samples),
    required: true,
  });
}

export interface LargerRequest {
  readonly subject: Subject;
  readonly claims: readonly Claim[];
  readonly given: Given;
  /** True if a finer map has been reduced to the cells of the network's own map. */
  readonly isCoarse: boolean;
  readonly tolerance: Tolerance;
  /** Noise of the converted model on this image, as a share of its largest value. */
  readonly noiseAt: (image: LargerImage) => number;
}

/** `isMapsOnly`: predictions are compared with the original on crops, so that only outputs that are already maps in the original remain. */
export function windowsOfTheMap(
  request: LargerRequest,
  expected: readonly ExpectedWindows[] | string,
  required: boolean,
  isMapsOnly = false,
): Check {
  const name = 'windows of the map';
  const { subject, given, tolerance } = request;
  if (typeof expected === 'string') return skipped(name, expected, required);
  const tally = new Tally();
  const sizes: string[] = [];
  const growing = new Growing((axis) => subject.isFixed(axis));
  let cells = 0;
  for (const { image, outputs } of expected) {
    const found = given.get(image);
    if (!found || found instanceof CompileError) {
      tally.fault(
        `the converted model does not take ${sizeText(image.lengths)}: ${found instanceof CompileError ? found.diagnostic.message : ''}`,
      );
      continue;
    }
    tally.faults(sizeFaults(request, image, found));
    sizes.push(sizeText(image.lengths));
    for (const [output, map] of outputs) {
      if (map.cells.length === 0) continue;
      const isMean = subject.head === 'image' && !subject.isMap(output);
      const difference = isMean ? compare(meanOf(map.cells), found.get(output)?.data ?? []) : compareCells(map, found.get(output));
      const allowed = allowing(tolerance, ownNoise(map), request.noiseAt(image));
      tally.add(output, difference, allowed, isMean ? undefined : agreementOf(map, found.get(output), tolerance));
      cells += map.cells.length;
      if (!showsNothing(allowed, output)) growing.add(output, image, map);
    }
  }
  if (sizes.length === 0 && tally.equal) return skipped(name, 'the original takes none of the larger sizes that were tried', required);
  const own = expected.every((each) => each.own);
  const missing = growing.missing(outputsOf(subject).filter((output) => !isMapsOnly || subject.isMap(output)));
  const notes = own ? [] : ["the original's sizes are baked in: its trunk was freed as a conversion frees it"];
  const note = [...notes, ...missing].join('; ') || undefined;
  return tally.check(name, { sizes, cells, note, required, isEnough: missing.length === 0 });
}

/** Share of cells with the same best class, if the tolerance asks for it. */
function agreementOf(map: ExpectedMap, actual: Numbers | undefined, { criteria, from }: Tolerance): Agreement | undefined {
  if ((criteria?.minAgreement === undefined && from !== 'measured') || (map.cells[0]?.values.length ?? 0) < 2) return undefined;
  return { cases: map.cells.length, sameBest: agreeing(map, actual) / map.cells.length, sameTopFive: undefined };
}

/** Counts at how many sizes each output was seen to grow. */
class Growing {
  private readonly counts = new Map<string, number>();
  /** `isFixed`: nothing slides along the axis, so that it has only one cell. */
  constructor(private readonly isFixed: (axis: number) => boolean) {}
  add(output: string, { purpose }: LargerImage, { lengths }: ExpectedMap): void {
    if (purpose === 'growing' && lengths.every((length, axis) => length > 1 || this.isFixed(axis)))
      this.counts.set(output, (this.counts.get(output) ?? 0) + 1);
  }
  /** Outputs that were not seen to grow at two sizes, as text for the report. */
  missing(outputs: readonly string[]): readonly string[] {
    return outputs
      .filter((output) => (this.counts.get(output) ?? 0) < 2)
      .map((output) => `'${output}' was compared at ${this.counts.get(output) ?? 0} sizes at which it grows, of 2`);
  }
}
const outputsOf = (subject: Subject): readonly string[] => subject.request.original.model.graph.outputs.map(({ name }) => name);

/** Widens the tolerance if the original itself is inexact: at larger sizes it sums more values. */
const allowing = (tolerance: Tolerance, ...noise: readonly number[]): Tolerance =>
  isMeasured(tolerance) ? { ...tolerance, relative: Math.max(tolerance.relative, ORDER_FACTOR * Math.max(...noise)) } : tolerance;

/** Maps whose sizes differ from those that the model declares. */
function sizeFaults({ subject, claims, isCoarse }: LargerRequest, image: LargerImage, found: Results): string[] {
  if (subject.head === 'image') return [];
  return claims.flatMap(({ output, axes }): string[] => {
    const lengths = found.get(output)?.shape.slice(2) ?? [];
    const density = isCoarse ? subject.request.density?.[output] : undefined;
    const wanted = axes.map(({ cells }, axis) => {
      const count = cells(image.lengths[axis] ?? 0);
      return count === undefined ? undefined : Math.ceil(count / (density?.[axis] ?? 1));
    });
    if (!wanted.every((count): count is number => count !== undefined) || lengths.length < wanted.length) return [];
    return wanted.every((count, axis) => count === lengths[axis])
      ? []
      : [`'${output}' has ${sizeText(lengths)} cells at ${sizeText(image.lengths)}, where the model says ${sizeText(wanted)}`];
  });
}

/** Compares the mean over all cells with the original's scores of the whole image. */
export function meansOfTheMap(
  { subject, given, tolerance, noiseAt }: LargerRequest,
  expected: readonly LargerScores[],
  required: boolean,
): Check {
  const name = 'mean of the map';
  const tally = new Tally();
  const sizes: string[] = [];
  let growing = 0;
  for (const { image, results, noise } of expected) {
    const found = given.get(image);
    const means = !found || found instanceof CompileError ? new Map<string, Numbers>() : meanOfCells(found, subject.isMap);
    sizes.push(sizeText(image.lengths));
    for (const [output, numbers] of results)
      tally.add(
        output,
        compare(numbers.data, means.get(output)?.data ?? []),
        allowing(tolerance, noise, noiseAt(image)),
        tolerance.criteria && agreement(numbers, means.get(output)),
      );
    if (image.purpose === 'growing') growing++;
  }
  if (sizes.length === 0) return skipped(name, 'the original does not take larger images', required);
  const note = expected.every(({ own }) => own) ? undefined : "the original's sizes are baked in: it was freed as a conversion frees it";
  return tally.check(name, { sizes, cells: sizes.length, note, required, isEnough: growing >= 2 });
}

export function cropsOfTheImage(request: LargerRequest, expected: ReadonlyMap<LargerImage, ExpectedCrops>, required: boolean): Check {
  const name = 'crops of the image';
  const { subject, given, tolerance } = request;
  const mustBeEqual = subject.request.contract?.kind === 'everywhere';
  const tally = new Tally();
  const sizes: string[] = [];
  const notes: string[] = [];
  const growing = new Growing((axis) => subject.isFixed(axis));
  let [cells, same] = [0, 0];
  for (const [image, outputs] of expected) {
    const found = given.get(image);
    if (!found || found instanceof CompileError) {
      notes.push(`the converted model does not take ${sizeText(image.lengths)}`);
      continue;
    }
    if (mustBeEqual) tally.faults(sizeFaults(request, image, found));
    sizes.push(sizeText(image.lengths));
    for (const [output, map] of outputs) {
      if (map.cells.length === 0) continue;
      const actual = found.get(output);
      const isMean = subject.head === 'image' && !subject.isMap(output);
      const difference = isMean ? compare(meanOf(map.cells), actual?.data ?? []) : compareCells(map, actual);
      const allowed = allowing(tolerance, request.noiseAt(image));
      tally.add(output, difference, allowed, isMean ? undefined : agreementOf(map, actual, tolerance));
      cells += map.cells.length;
      same += isMean ? map.cells.length : agreeing(map, actual);
      if (!showsNothing(allowed, output)) growing.add(output, image, map);
    }
  }
  const missing = required ? growing.missing(outputsOf(subject).filter((output) => !subject.isMap(output))) : [];
  const note = [...notes, ...missing].join('; ') || undefined;
  if (sizes.length === 0) return skipped(name, note ?? 'the converted model has no map that grows with the image', required);
  const check = tally.check(name, { sizes, cells, note, required, isEnough: missing.length === 0 });
  return {
    ...check,
    status: (check.status === 'different' || check.status === 'measured') && !mustBeEqual ? 'informative' : check.status,
    sameBest: cells > 0 ? same / cells : undefined,
  };
}

/** Result of a check that runs only the converted model. */
export function movedCheck(
  subject: Subject,
  moved: Moved | CompileError,
  name: Check['name'],
  tolerance: Tolerance,
  required: boolean,
): Check {
  if (moved instanceof CompileError)
    return { ...skipped(name, '', required), status: 'different', note: `the converted model cannot be run: ${moved.diagnostic.message}` };
  const tally = new Tally();
  for (const [output, difference] of Object.entries(moved.outputs)) if (difference.count > 0) tally.add(output, difference, tolerance);
  const why = [...new Set(moved.skipped.values())].join('; ') || undefined;
  if (moved.cells === 0) return skipped(name, why ?? 'no map of predictions', required);
  const missing = [...moved.skipped.keys()].some((output) => !subject.isMap(output));
  return tally.check(name, { sizes: moved.sizes, cells: moved.cells, note: why, required, isEnough: !missing });
}

/** Receptive fields of cells. A field that is too small is a fault; one that may be too large is only reported. */
export function fieldCheck(seen: FieldSeen | CompileError, tolerance: Tolerance): Check {
  const name = 'edges of the field';
  if (seen instanceof CompileError) return skipped(name, `the converted model cannot be run: ${seen.diagnostic.message}`);
  const tally = new Tally();
  for (const [output, difference] of Object.entries(seen.outside)) tally.add(output, difference, tolerance);
  const why = [...new Set(seen.skipped.values())].join('; ') || undefined;
  if (seen.cells === 0) return skipped(name, why ?? 'no map of predictions');
  const corners = seen.of > 0 ? [`${seen.corners} of ${seen.of} corners matter`] : [];
  const note = [...corners, ...seen.silent, ...(why === undefined ? [] : [why])].join('; ') || undefined;
  const check = tally.check(name, { sizes: seen.sizes, cells: seen.cells, note, required: false });
  return check.status === 'equal' && seen.silent.length > 0 ? { ...check, status: 'informative' } : check;
}

/** Image sizes with each residue of the stride. */
export function residuesCheck(seen: readonly (ResiduesSeen | CompileError)[], tolerance: Tolerance): Check {
  const name = 'stride residues';
  const tally = new Tally();
  const sizes: string[] = [];
  let [cells, text] = [0, ''];
  for (const each of seen) {
    if (each instanceof CompileError) return skipped(name, `the converted model cannot be run: ${each.diagnostic.message}`);
    for (const [output, difference] of Object.entries(each.outputs)) tally.add(output, difference, tolerance);
    tally.faults(each.faults);
    for (const size of each.sizes) if (!sizes.includes(size)) sizes.push(size);
    cells += each.cells;
    text ||= triedText(each.tried);
  }
  // If there are no cells to compare, the check only shows that the model runs and has the declared number of cells.
  if (cells === 0) {
    const status = tally.equal ? 'equal' : 'different';
    return { name, status, outputs: {}, sizes, cells, note: [text, ...tally.told].join('; '), required: false };
  }
  return tally.check(name, { sizes, cells, note: text, required: false });
}

/**
 * True if the tolerance is so large that hardly anything would be detected. Outputs with an activation error of their own are exempt: saturated
 * activations have larger relative errors.
 */
const showsNothing = (tolerance: Tolerance, output: string): boolean =>
  isMeasured(tolerance) && !tolerance.criteria && isVague(tolerance.relative) && !tolerance.activation?.[output];

/** Collects differences per output, and whether all are within tolerance. */
export class Tally {
  equal = true;
  private asked: Tolerance | undefined;
  private compared = 0;
  /** Comparisons in which the original differs from itself so much that they show nothing. */
  private vague = 0;
  private hasNoBound = false;
  private readonly outputs: Record<string, Difference> = table({});
  private readonly agreements: Record<string, Agreement> = table({});
  private readonly notes: string[] = [];

  /** `isCopy`: the converted model is the original, only folded. */
  constructor(private readonly isCopy = false) {}

  add(output: string, difference: Difference, tolerance: Tolerance | undefined, agreed?: Agreement): void {
    this.equal &&= tolerance !== undefined && isWithin(difference, tolerance, output, agreed);
    if (tolerance?.criteria) this.asked = tolerance;
    this.hasNoBound ||= tolerance?.from === 'measured';
    // The very same numbers do show something, however sensitive the original is.
    const isSame = this.isCopy && difference.maxAbs === 0 && difference.broken === 0 && difference.scale > 0;
    const isVain = tolerance !== undefined && !isSame && showsNothing(tolerance, output);
    if (isVain) this.vague++;
    const all = agreeingOverall(this.agreements[output], agreed);
    if (all) this.agreements[output] = all;
    this.outputs[output] = worse(this.outputs[output], difference);
    if (!isVain) this.compared += difference.count + difference.broken;
  }
  get told(): readonly string[] {
    return this.notes;
  }
  fault(note: string): void {
    this.equal = false;
    if (this.notes.length < 3) this.notes.push(note);
  }
  faults(notes: readonly string[]): void {
    for (const note of notes) this.fault(note);
  }

  /** `isEnough`: true if the subject of the check was covered. If no values were compared, nothing is proven. */
  check(name: Check['name'], about: Pick<Check, 'sizes' | 'cells' | 'note' | 'required'> & { readonly isEnough?: boolean }): Check {
    const { isEnough = true, note, ...rest } = about;
    const { asked } = this;
    if (asked) this.equal &&= Object.values(this.agreements).every((agreed) => agreesEnough(agreed, asked));
    const vague = this.vague > 0 ? [`${this.vague} comparisons show nothing: there the original's noise is more than 1 %`] : [];
    const notes = [...this.notes, ...vague, ...(note === undefined ? [] : [note])].join('; ') || undefined;
    if (this.equal && this.compared === 0)
      return skipped(name, vague[0] ?? 'there was nothing to compare: the outputs are empty', about.required);
    const status = !this.equal ? 'different' : !isEnough ? 'partial' : this.hasNoBound ? 'measured' : 'equal';
    const agreed = Object.keys(this.agreements).length > 0 ? { agreement: this.agreements } : {};
    return { name, status, outputs: this.outputs, ...agreed, ...rest, note: notes };
  }
}
