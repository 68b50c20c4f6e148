/**
 * Checks the receptive field that the model declares. Runs only the converted model. Replacement values are so large that their effect stays visible
 * even if many layers attenuate it:
 *
 *   outside   everything outside the field of a cell is replaced: the cell must stay the same. A field that is too small is a fault
 *   corners   one pixel in each corner of the field is replaced, or one row at each side of it: the cell should change. If it does not, the field may be
 *             larger than what the cell uses. That is not a numerical fault (a kernel may have zeros at its edge, units may be dead, a bound may round
 *             up), so it is reported and does not affect the verdict
 */
import { windowAxes } from '../compile/input-size';
import { sizeText } from '../ir/spatial';
import { table } from '../ir/table';
import { elementCount } from '../ir/tensor';
import type { Allowance } from './budget';
import type { Claim } from './claim';
import { compare, type Difference, worse } from './compare';
import { cropped, type InputKind, seededRandom } from './inputs';
import { acrossOf, type Feeds, firstInside, lengthFor, mapImages, sizeOf, sizesFor, type Track, tracksOf } from './moved';
import type { Numbers, Session } from './onnx-runner';
import type { Subject } from './subject';

export interface FieldSeen {
  /** Per output: how much cells changed when pixels outside their field were replaced. */
  readonly outside: Readonly<Record<string, Difference>>;
  readonly sizes: readonly string[];
  /** Number of cells compared. */
  readonly cells: number;
  /** Number of corners that affect the cell, and number of corners tried. */
  readonly corners: number;
  readonly of: number;
  /** Sides of the field that had no visible effect, as text for the report. */
  readonly silent: readonly string[];
  /** Outputs that could not be checked, and the reason. */
  readonly skipped: ReadonlyMap<string, string>;
}

/** A box of pixels: first pixel and end (exclusive), along each axis. */
type Box = readonly (readonly [number, number])[];

/** Images of one size, and a cell in the middle of them; along axes that are not examined, all cells. */
interface View {
  readonly outputs: readonly string[];
  readonly lengths: readonly number[];
  /** The axes that are examined. */
  readonly axes: readonly number[];
  /** Per phase: index of the cell along each axis. */
  readonly phases: readonly (readonly number[])[];
  /** Per phase: the field of the cell. */
  readonly boxes: readonly Box[];
  /** Pixels by which the end of a field may be off because it was rounded to whole pixels. */
  readonly slack: number;
}

export async function edgesOfTheField(
  subject: Subject,
  claims: readonly Claim[],
  session: Session,
  allowance: Allowance,
): Promise<FieldSeen> {
  const skipped = new Map<string, string>();
  const outside: Record<string, Difference> = table({});
  const sizes: string[] = [];
  const silent: string[] = [];
  let [cells, corners, of] = [0, 0, 0];
  for (const alike of groupsOf(subject, claims, skipped)) {
    const all = viewOf(subject, alike, claims, [...alike.tracks.keys()]);
    const count = 2 ** all.axes.length;
    const isWhole = allowance.spend(subject.secondsFor(all.lengths) * (2 + count));
    const views = isWhole ? [all] : all.axes.map((axis) => viewOf(subject, alike, claims, [axis]));
    for (const view of views) {
      if (!isWhole && !allowance.spend(subject.secondsFor(view.lengths) * 4)) {
        for (const output of alike.outputs) skipped.set(output, LATE);
        continue;
      }
      const probe = new Probe(subject, view, session, allowance);
      sizes.push(sizeText(view.lengths));
      for (const [output, difference] of await probe.outside()) {
        outside[output] = worse(outside[output], difference);
        cells++;
      }
      const seen = new Set<string>();
      for (const corner of isWhole ? cornersOf(view.axes) : []) {
        of++;
        if (!(await probe.matters(corner, 0))) continue;
        corners++;
        for (const side of corner) seen.add(keyOf(side));
      }
      for (const side of view.axes.flatMap((axis): Side[] => [
        { axis, end: 0 },
        { axis, end: 1 },
      ])) {
        if (seen.has(keyOf(side)) || (await probe.matters([side], 0))) continue;
        silent.push(silence(side, alike, await probe.firstThatMatters(side)));
      }
    }
  }
  return { outside, sizes, cells, corners, of, silent, skipped };
}
export const LATE = 'for want of time';

function silence({ axis, end }: Side, { outputs, tracks }: Alike, within: number | undefined): string {
  const field = `the field of '${outputs.join("', '")}'`;
  const name = tracks[axis]?.name ?? 'pixels';
  if (within === undefined) return `no ${name} at the ${end === 0 ? 'beginning' : 'end'} of ${field} were seen to matter`;
  return `${field} may ${end === 0 ? 'begin' : 'end'} up to ${within} ${name} ${end === 0 ? 'later' : 'earlier'} than it says`;
}

interface Side {
  readonly axis: number;
  /** 0: near, 1: far. */
  readonly end: 0 | 1;
}
const keyOf = ({ axis, end }: Side): string => `${axis},${end}`;
const cornersOf = (axes: readonly number[]): readonly (readonly Side[])[] =>
  Array.from({ length: 2 ** axes.length }, (_, corner) => axes.map((axis, at): Side => ({ axis, end: (corner >> at) & 1 ? 1 : 0 })));

interface Alike {
  readonly outputs: readonly string[];
  /** One track per axis. */
  readonly tracks: readonly Track[];
}

/** Groups outputs whose cells have the same field, so that they are examined together. */
function groupsOf(subject: Subject, claims: readonly Claim[], skipped: Map<string, string>): readonly Alike[] {
  const along = subject.lengths.map((_, axis) => tracksOf(subject, claims, axis, skipped));
  const groups = new Map<string, { outputs: string[]; tracks: readonly Track[] }>();
  for (const { output } of claims) {
    if (skipped.has(output)) continue;
    const tracks = along.flatMap((list) => list.find((track) => track.output === output) ?? []);
    if (tracks.length < along.length) continue;
    const key = JSON.stringify(tracks.map(({ output: _, ...rest }) => rest));
    const group = groups.get(key);
    if (group) group.outputs.push(output);
    else groups.set(key, { outputs: [output], tracks });
  }
  return [...groups.values()];
}

/** Chooses cells one period after the first one inside the image, so that there are pixels outside the field on both sides. */
function viewOf(subject: Subject, { outputs, tracks }: Alike, claims: readonly Claim[], axes: readonly number[]): View {
  const across = acrossOf(subject, claims);
  const lengths = tracks.reduce<readonly number[]>(
    (sizes, track, axis) => (axes.includes(axis) ? sizesFor(lengthFor(track, sizeOf(subject, axis), 3), sizes, axis) : sizes),
    across,
  );
  const count = Math.min(MOST_PHASES, Math.max(...axes.map((axis) => tracks[axis]?.cells ?? 1)));
  const phases = Array.from({ length: count }, (_, phase) =>
    tracks.map((track) => firstInside(track) + track.cells + (phase % track.cells)),
  );
  const boxes = phases.map(
    (cell): Box =>
      tracks.map((track, axis) => {
        if (!axes.includes(axis)) return [0, lengths[axis] ?? 0];
        const start = track.start + (cell[axis] ?? 0) * track.stride;
        return [Math.floor(start + 1e-9), Math.ceil(start + track.extent - 1e-9)];
      }),
  );
  const slack = tracks.some(({ stride, isRounded }) => isRounded || !Number.isInteger(stride)) ? 1 : 0;
  return { outputs, lengths, axes, phases, boxes, slack };
}
const MOST_PHASES = 4;

/** Replacement values by type, largest first; smaller ones are used if the model no longer returns finite values. */
const AMPLITUDES: Readonly<Record<string, readonly number[]>> = table({
  float: [1e30, 1e12, 1e6, 1e3, 8],
  double: [1e30, 1e12, 1e6, 1e3, 8],
  float16: [3e4, 1e3, 8],
  uint8: [255],
  int8: [127],
  bool: [1],
});
const GROUNDS: readonly (readonly [InputKind, number])[] = [
  ['normal', 11],
  ['uniform', 12],
];

/** Replaces pixels and tests whether cells change. */
class Probe {
  private readonly known = new Map<number, Promise<ReadonlyMap<string, Numbers>>>();

  constructor(
    private readonly subject: Subject,
    private readonly view: View,
    private readonly session: Session,
    private readonly allowance: Allowance,
  ) {}

  /** Spends the time of one more run; false if too little is left. */
  private get hasTime(): boolean {
    return this.allowance.spend(this.subject.secondsFor(this.view.lengths) / 2);
  }

  /** Replaces everything outside the field of the first phase's cell, with the largest values for which the model still returns finite values. */
  async outside(): Promise<ReadonlyMap<string, Difference>> {
    const [box, place] = [this.view.boxes[0] ?? [], this.view.phases[0] ?? []];
    const still = await this.ground(0);
    let found: ReadonlyMap<string, Difference> = new Map();
    for (const level of [...(AMPLITUDES.float?.keys() ?? [])]) {
      const results = await this.session.run(this.replaced(0, box, 'outside', level, 0));
      found = new Map(
        this.view.outputs.map((output) => {
          const wanted = this.cellsAt(still.get(output), place);
          return [output, wanted.length === 0 ? BROKEN : compare(wanted, this.cellsAt(results.get(output), place))] as const;
        }),
      );
      if ([...found.values()].every(({ broken, maxAbs }) => broken === 0 && maxAbs === 0)) return found;
      // Zero times infinity is NaN, although an input with weight zero does not matter.
      const isAllFinite = this.view.outputs.every((output) => results.get(output)?.data.every(Number.isFinite));
      if (isAllFinite) return found;
    }
    return found;
  }

  /** True if the cell of any phase changes when the pixels at these sides of its field, up to `within` pixels from the edge, are replaced. */
  async matters(sides: readonly Side[], within: number): Promise<boolean> {
    for (const [phase, box] of this.view.boxes.entries())
      for (const [round] of GROUNDS.entries())
        for (const seed of [1, 2]) {
          if ((phase > 0 || round > 0 || seed > 1 || within > 0) && !this.hasTime) return false;
          const place = this.view.phases[phase] ?? [];
          const [still, moved] = [
            await this.ground(round),
            await this.session.run(this.replaced(round, this.at(box, sides, within), 'inside', 0, seed)),
          ];
          const hasChanged = this.view.outputs.every((output) => {
            const [before, after] = [this.cellsAt(still.get(output), place), this.cellsAt(moved.get(output), place)];
            return before.some((number, at) => !Object.is(number, after[at]));
          });
          if (hasChanged) return true;
        }
    return false;
  }

  /** Distance in pixels from a side at which replacing first has an effect; undefined if there is none. */
  async firstThatMatters(side: Side): Promise<number | undefined> {
    const [first, end] = this.view.boxes[0]?.[side.axis] ?? [0, 0];
    for (let within = 1; within < end - first; within *= 2) if (await this.matters([side], within)) return within;
    return undefined;
  }

  /** The pixels of a field at these sides, up to that distance from its edge. */
  private at(box: Box, sides: readonly Side[], within: number): Box {
    const width = 1 + within + this.view.slack;
    return box.map(([first, end], axis) => {
      const side = sides.find((each) => each.axis === axis);
      if (!side) return [first, end];
      return side.end === 0 ? [first, Math.min(end, first + width)] : [Math.max(first, end - width), end];
    });
  }

  private ground(round: number): Promise<ReadonlyMap<string, Numbers>> {
    const known = this.known.get(round) ?? this.session.run(this.feeds(round));
    this.known.set(round, known);
    return known;
  }
  private feeds(round: number): Feeds {
    const [kind, seed] = GROUNDS[round] ?? ['normal', 11];
    return this.subject.feeds(kind, this.view.lengths, 1, seed);
  }

  private replaced(round: number, box: Box, where: 'inside' | 'outside', level: number, seed: number): Feeds {
    return mapImages(this.subject, this.feeds(round), (numbers, window) => {
      const levels = AMPLITUDES[numbers.dtype] ?? [100];
      const amplitude = levels[Math.min(level, levels.length - 1)] ?? 1;
      const random = seededRandom(40 + seed);
      const isSigned = !/^u|bool/.test(numbers.dtype);
      const draw = (): number => (random() < 0.5 ? amplitude : isSigned ? -amplitude : 0);
      const axes = windowAxes(window);
      const data = numbers.data.slice();
      const strides = axes.map((axis) => elementCount(numbers.shape.slice(axis + 1)));
      for (let at = 0; at < data.length; at++) {
        const isInside = box.every(([first, end], axis) => {
          const place = Math.floor(at / (strides[axis] ?? 1)) % (numbers.shape[axes[axis] ?? 0] ?? 1);
          return place >= first && place < end;
        });
        if (isInside === (where === 'inside')) data[at] = draw();
      }
      return { ...numbers, data };
    });
  }

  /** The features of one cell; along axes that are not examined, of all cells. */
  private cellsAt(numbers: Numbers | undefined, place: readonly number[]): ArrayLike<number> & readonly number[] {
    if (numbers?.shape.length !== 2 + place.length) return [];
    const axes = this.view.axes.map((axis) => axis + 2);
    const starts = this.view.axes.map((axis) => place[axis] ?? 0);
    if (starts.some((start, at) => start >= (numbers.shape[axes[at] ?? 0] ?? 0))) return [];
    return [
      ...cropped(
        numbers,
        axes,
        starts,
        axes.map(() => 1),
      ).data,
    ];
  }
}
const BROKEN: Difference = { ...compare([], []), broken: 1, maxRel: Number.POSITIVE_INFINITY };
