/**
 * Cuts the original at its last map, and runs its trunk on larger images and its own head on windows of the resulting map.
 *
 * The trunk consists of the original's own nodes, with only the size of its input made free, if they run on larger images and their maps grow as
 * their strides require: no part of the rewriter has touched it. Only if sizes are hard-coded is the trunk freed by the passes of a conversion; the
 * checks that need no original (moved.ts) must then pass as well.
 */

import { Orientations } from '../analysis/maps/orientation';
import { windowAxes, windowLetters } from '../compile/input-size';
import { notComparable } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { imageInputs, isChannelsFirst } from '../ir/axis-roles';
import { nestedGraphs } from '../ir/graph';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { axisName, placesName } from '../ir/spatial';
import type { Value } from '../ir/types';
import { type AxisClaim, type Claim, cellsOf, commonMultiple } from './claim';
import { onGround, settled } from './crops';
import { type CutMap, headOf, lastMaps, trunkOf } from './cut';
import { withExactSums } from './exact-sums';
import { cropped } from './inputs';
import { cellAt, type ExpectedCell, type ExpectedMap, type Place, places } from './maps';
import { shiftedImages } from './moved';
import type { Numbers, Session } from './onnx-runner';
import { asCompileError, each, only, type Results } from './results';
import type { Choices, LargerImage } from './sizes';
import type { Subject } from './subject';

/** The original's maps for one larger image. */
export interface Features {
  readonly image: LargerImage;
  /** undefined if the original cannot be run on it. */
  readonly results: Results | undefined;
  /** The same with long sums in double precision, if there are any. */
  readonly exact?: Results | undefined;
  /** True if the original's own nodes were run. */
  readonly own: boolean;
}

export interface Trunk {
  readonly features: readonly Features[];
  readonly maps?: readonly CutMap[] | undefined;
  /** Reason why there are no maps. */
  readonly reason?: string | undefined;
}

/** The original's maps at larger sizes; of several alternatives, the first that it accepts. */
export async function runTrunk(subject: Subject, choices: Choices, claims: readonly Claim[]): Promise<Trunk> {
  const without = (reason: string): Trunk => ({
    features: choices.flatMap(([image]) => (image ? [{ image, results: undefined, own: false }] : [])),
    reason,
  });
  if (choices.length === 0) return without('the converted model has no map that grows with the image');
  const model = subject.whole;
  const maps = lastMaps(model, model.graph.outputs);
  if (!maps) return without('the original has no map of more than one cell to cut it at');
  subject.bench.progress('running the trunk of the original on larger images');
  const found = new Map<number, Features>();
  const trunks: readonly (readonly [boolean, () => Model | undefined])[] = [
    [true, () => ownTrunk(subject, maps)],
    [false, () => subject.request.free(trunkOf(model, valuesOf(maps)))],
  ];
  let reason: string | undefined;
  for (const [own, make] of trunks) {
    const missing = [...choices.keys()].filter((at) => !found.has(at));
    if (missing.length === 0) break;
    try {
      const trunk = make();
      if (!trunk) continue;
      for (const [at, features] of await runOn(subject, trunk, maps, choices, missing, own, claims)) found.set(at, features);
    } catch (error) {
      reason = `the trunk of the original cannot be freed: ${asCompileError(error).diagnostic.message}`;
    }
  }
  if (found.size === 0) return without(reason ?? 'the original takes none of the larger sizes that were tried');
  return {
    features: choices.flatMap(([first], at): Features[] => {
      const features = found.get(at);
      return features ? [features] : first ? [{ image: first, results: undefined, own: false }] : [];
    }),
    maps,
  };
}

const fittedFeeds = (subject: Subject, image: LargerImage): ReadonlyMap<string, Numbers> => subject.fitted(image.feeds, image.lengths);

const valuesOf = (maps: readonly CutMap[]): Value[] => maps.map(({ value }) => value);

async function runOn(
  subject: Subject,
  trunk: Model,
  maps: readonly CutMap[],
  choices: Choices,
  wanted: readonly number[],
  own: boolean,
  claims: readonly Claim[],
): Promise<ReadonlyMap<number, Features>> {
  const { bench, request } = subject;
  const found = new Map<number, Features>();
  const name = own ? 'own' : 'trunk';
  await bench.within(request.place(trunk, name), 'the trunk of the original', {}, async (session) => {
    for (const at of wanted)
      for (const image of choices[at] ?? []) {
        const results = await session
          .run(only(fittedFeeds(subject, image), session.inputNames))
          .catch((error: unknown) => asCompileError(error));
        if (results instanceof CompileError) continue;
        // One map that does not grow indicates a hard-coded size, which may go unnoticed at other sizes.
        if (!maps.every((map) => growsAsItShould(subject, map, image, results))) {
          found.clear();
          return;
        }
        found.set(at, { image, results, own });
        break;
      }
    // A trunk that runs only at some sizes is tied to them: for example, a pool as large as the map is the gate of the first window until the map has
    // room for two.
    if (own && found.size < wanted.length) found.clear();
    if (own && found.size > 0 && !(await movesAsItShould(subject, maps, claims, session))) found.clear();
  });
  const exact = found.size > 0 ? withExactSums(trunk) : undefined;
  if (exact)
    await bench
      .within(
        request.place(exact, `${name}-sums`),
        'the trunk of the original, its long sums in double precision,',
        {},
        async (session) => {
          for (const [at, features] of found) {
            const results = await session.run(only(fittedFeeds(subject, features.image), session.inputNames));
            found.set(at, { ...features, exact: results });
          }
        },
      )
      .catch((error: unknown) => void asCompileError(error));
  return found;
}

/** A map that does not grow with the image has a hard-coded size, and is not a map of the larger image. */
export function growsAsItShould(subject: Subject, { value, axes, stride }: CutMap, image: LargerImage, results: Results): boolean {
  const lengths = subject.fittedSize(image.lengths);
  const shape = results.get(value.name)?.shape ?? [];
  return axes.places.every((place, axis) => {
    const [cells, own, by] = [shape[place] ?? 0, axes.shape.places[axis] ?? 1, stride[axis] ?? 1];
    const pixels = (lengths[axis] ?? 0) - (subject.lengths[axis] ?? 0);
    const letter = subject.letters[axis];
    // A map that was made finer grows by several cells at a time: those of one cell of the predictions, or of one period.
    const period = (letter && subject.request.contract?.period?.[placesName(letter)]) ?? 1;
    const steps = Object.values(subject.request.strides ?? {}).map((strides) => strides[axis] ?? 1);
    const apart = Math.max(period > 1 ? period : 0, ...steps);
    const most = Math.max(apart > by + 1e-6 ? apart / by : 0, by > 1 ? 2 : 1e-6);
    return Math.abs(cells - own - pixels / by) < most && (cells > own || pixels < Math.max(2 * by, apart));
  });
}

/**
 * True if the original's own map moves with the image. A map that is mirrored or sliced at fixed positions has a different meaning on a larger image
 * than on the original's window. A map cell depends on no more than the cells of the converted map that use it.
 */
async function movesAsItShould(subject: Subject, maps: readonly CutMap[], claims: readonly Claim[], session: Session): Promise<boolean> {
  const [claim] = claims.filter(({ output }) => !subject.isMap(output));
  if (!claim || subject.head !== 'window') return true;
  const along = (of: AxisClaim, cells: number, stride: number): AxisClaim => {
    if (of.field === undefined || of.field === 'whole') return of;
    const more = Math.ceil((cells - 1) * stride);
    const field = { start: of.field.start - more, extent: of.field.extent + more };
    return { ...of, stride, period: commonMultiple(Math.ceil(stride), of.period), field, cells: () => undefined };
  };
  const own = maps
    .filter(({ axes }) => isChannelsFirst(axes))
    .map(
      ({ value, axes, stride }): Claim => ({
        output: value.name,
        axes: claim.axes.map((of, axis) => along(of, axes.shape.places[axis] ?? 1, stride[axis] ?? 1)),
      }),
    );
  const feeding: Session = { ...session, run: (feeds) => session.run(only(feeds, session.inputNames)) };
  const moved = await shiftedImages(subject, own, feeding).catch(asCompileError);
  if (moved instanceof CompileError) return true;
  return Object.values(moved.outputs).every(({ broken, maxRel }) => broken === 0 && maxRel < MOVED);
}
/** As a share of a map's largest value: far above rounding, and far below the effect of a different pixel. */
const MOVED = 1e-3;

/** The nodes of the file that compute these maps, with the lengths of the image made free. undefined if the file does not contain all of them. */
export function ownTrunk(subject: Subject, maps: readonly CutMap[]): Model | undefined {
  return ownPart(
    subject,
    maps.map(({ value }) => value.name),
  );
}

/**
 * The nodes of the original's file that compute the values of these names, for images of any size. Types are dropped because they describe the
 * original size.
 */
export function ownPart(subject: Subject, names: readonly string[]): Model | undefined {
  const verbatim = subject.request.verbatim?.();
  if (!verbatim || verbatim.graph.nodes.some((node) => nestedGraphs(node).length > 0)) return undefined;
  const values = new Map(verbatim.graph.nodes.flatMap(({ outputs }) => outputs.map((output) => [output.name, output] as const)));
  const ends = names.map((name) => values.get(name));
  if (!ends.every((value): value is Value => value !== undefined)) return undefined;
  const part = trunkOf(verbatim, ends);
  for (const node of part.graph.nodes) for (const output of node.outputs) part.graph.setType(output, undefined);
  for (const input of part.graph.inputs) {
    const shape = input.type?.shape;
    const window = subject.windowOf(input.name);
    if (!input.type || !window || shape?.length !== window.layout.length) continue;
    const letters = windowLetters(window);
    const axes = windowAxes(window);
    const sizes = shape.map((dim, axis) => {
      const letter = letters[axes.indexOf(axis)];
      if (letter && subject.isFixed(letters.indexOf(letter))) return window[axisName(letter)];
      return letter ? axisName(letter) : dim === 0 ? 'N' : dim;
    });
    part.graph.setType(input, { ...input.type, shape: sizes });
  }
  if (imageInputs(part.graph).size === 0) return undefined;
  part.graph.tie(subject.whole.graph.tied);
  inferShapes(part);
  return part;
}

/** Expected results of the head at positions of a larger image's map. */
export interface ExpectedWindows {
  readonly image: LargerImage;
  readonly own: boolean;
  readonly outputs: ReadonlyMap<string, ExpectedMap>;
}

/** For each larger image and output, the results of the head on windows of the original's own map. A string is the reason why there are none. */
export async function headOnWindows(
  subject: Subject,
  { features, maps, reason }: Trunk,
  claims: readonly Claim[],
): Promise<readonly ExpectedWindows[] | string> {
  if (!maps) return reason ?? 'the original was not cut';
  subject.bench.progress('running the head of the original on windows of its map');
  const model = subject.whole;
  const head = headOf(model, valuesOf(maps), model.graph.outputs);
  const exactHead = withExactSums(head);
  const slide = (session: Session, exactly: boolean): Promise<ReadonlyMap<string, ExpectedMap>[]> =>
    each(features, async ({ image, results, exact }) => {
      const maps4 = exactly ? (exact ?? results) : results;
      const perOutput = new Map<string, ExpectedMap>();
      if (!maps4) return perOutput;
      for (const output of model.graph.outputs) {
        const map = await new Slide(subject, session, maps, maps4, output, claims).run(image);
        if (map) perOutput.set(output.name, map);
      }
      return perOutput;
    });
  const { bench, request } = subject;
  const plain = await bench.within(request.place(head, 'head'), 'the head of the original', {}, (session) => slide(session, false));
  const isLong = exactHead !== undefined || features.some(({ exact }) => exact !== undefined);
  const exact = isLong
    ? await bench
        .within(
          request.place(exactHead ?? head, 'head-sums'),
          'the head of the original, its long sums in double precision,',
          {},
          (session) => slide(session, true),
        )
        .catch((error: unknown) => void asCompileError(error))
    : undefined;
  return features.flatMap(({ image, results, own }, at) =>
    results
      ? [
          {
            image,
            own,
            outputs: new Map(
              [...(plain[at] ?? [])].map(([name, map]) => [name, { ...map, exact: exact?.[at]?.get(name)?.cells }] as const),
            ),
          },
        ]
      : [],
  );
}

/** Runs the head for one output, on windows of the maps that lead to it. */
class Slide {
  private readonly used: readonly CutMap[];
  private readonly steps: readonly (readonly number[])[];
  private readonly orientations: Orientations;
  /** Inputs that are not images are passed to the head unchanged. */
  private beside: Results = new Map();

  constructor(
    private readonly subject: Subject,
    private readonly session: Session,
    private readonly maps: readonly CutMap[],
    private readonly features: Results,
    private readonly output: Value,
    private readonly claims: readonly Claim[],
  ) {
    this.used = mapsOf(subject, output, maps);
    this.orientations = new Orientations(subject.whole.graph);
    const strides = strideOf(subject, this.used, output, claims);
    this.steps = this.used.map(({ stride }) => strides.map((pixels, axis) => pixels / (stride[axis] ?? 1)));
  }

  async run(image: LargerImage): Promise<ExpectedMap | undefined> {
    const { purpose } = image;
    this.beside = new Map([...image.feeds].filter(([name]) => !this.subject.isImage(name)));
    const own = this.maps.find(({ value }) => value === this.output);
    const lengths = own ? this.sizeOf(own) : this.counts();
    const all = this.subject.head === 'image' && !own;
    const cells: ExpectedCell[] = [];
    if (all) {
      const claim = this.claims.find(({ output, isMean }) => isMean && output === this.output.name);
      for (const place of places((claim && cellsOf(claim, image.lengths)) ?? lengths, 'all')) {
        const isInside = place.every((at, axis) => at < (lengths[axis] ?? 0));
        const [one, other] = isInside ? [await this.cell(place)] : [await this.cell(place, 1), await this.cell(place, 2)];
        if (one) cells.push({ place, values: isInside ? one : settled(one, other ?? new Float64Array()) });
      }
      return { lengths, cells };
    }
    for (const place of places(lengths, purpose)) {
      const values = own ? cellAt(this.features.get(own.value.name), own.axes.places, place) : await this.cell(place);
      if (values) cells.push({ place, values });
    }
    for (const place of own ? [] : this.beyond(image, lengths)) {
      const [one, other] = [await this.cell(place, 1), await this.cell(place, 2)];
      if (one && other) cells.push({ place, values: settled(one, other) });
    }
    return { lengths, cells };
  }

  /** Cells that the map declares although their windows extend beyond the original's map: valid only if nothing outside is used. */
  private beyond(image: LargerImage, lengths: readonly number[]): Place[] {
    const claim = this.subject.head === 'window' ? this.claims.find(({ output }) => output === this.output.name) : undefined;
    const density = this.subject.request.density?.[this.output.name] ?? [];
    if (!claim || density.some((cells) => cells > 1) || lengths.some((length) => length === 0)) return [];
    return claim.axes.flatMap((along, axis): Place[] => {
      const own = lengths[axis] ?? 0;
      const all = along.cells(image.lengths[axis] ?? 0) ?? own;
      return all > own ? [lengths.map((_, other) => (other === axis ? own : 0))] : [];
    });
  }

  private sizeOf({ value, axes }: CutMap): readonly number[] {
    const shape = this.features.get(value.name)?.shape ?? [];
    return axes.places.map((place) => shape[place] ?? 0);
  }

  /** Number of windows that fit into every map, along each axis. */
  private counts(): readonly number[] {
    const most = (axis: number): number =>
      Math.min(
        ...this.used.map((map, at) => {
          const window = map.axes.shape.places[axis] ?? 1;
          return Math.floor(((this.sizeOf(map)[axis] ?? 0) - window) / (this.steps[at]?.[axis] ?? 1) + 1e-9) + 1;
        }),
      );
    return this.subject.letters.map((_, axis) => Math.max(0, most(axis)));
  }

  /** Returns undefined if no window of the map begins there. */
  private async cell(place: Place, fill?: number): Promise<Float64Array | undefined> {
    const window = (map: CutMap, starts: readonly number[]): [string, Numbers] => {
      const found = this.features.get(map.value.name);
      const { places: lengths } = map.axes.shape;
      const axes = map.axes.places;
      const first = starts.map(Math.round);
      const ends = first.map((start, axis) => start + (lengths[axis] ?? 1));
      const whole = found && fill !== undefined ? onGround(found, axes, ends, fill) : found;
      if (!whole) throw notComparable(`the trunk has no '${map.value.name}'`);
      return [map.value.name, cropped(whole, axes, first, lengths)];
    };
    const starts = this.used.map((map, at) => {
      const backwards = this.orientations.of(map.value);
      const sizes = this.sizeOf(map);
      return this.subject.letters.map((letter, axis) => {
        const start = (place[axis] ?? 0) * (this.steps[at]?.[axis] ?? 1);
        // The map of a mirrored image has its windows in reverse order.
        return backwards[letter] ? (sizes[axis] ?? 0) - (map.axes.shape.places[axis] ?? 1) - start : start;
      });
    });
    if (starts.flat().some((start) => start < 0)) return undefined;
    if (starts.flat().some((start) => Math.abs(start - Math.round(start)) > 1e-6)) return undefined;
    const none = this.subject.letters.map(() => 0);
    const feeds = new Map([
      ...this.beside,
      ...this.used.map((map, at) => window(map, starts[at] ?? none)),
      // The runtime requires every input of the head, including those of other outputs.
      ...this.maps.filter((map) => !this.used.includes(map)).map((map) => window(map, none)),
    ]);
    const result = await this.session.run(only(feeds, this.session.inputNames));
    return Float64Array.from(result.get(this.output.name)?.data ?? []);
  }
}

/** The maps that lead to one output. */
function mapsOf(subject: Subject, output: Value, maps: readonly CutMap[]): readonly CutMap[] {
  const own = new Set(lastMaps(subject.whole, [output])?.map((map) => map.value) ?? []);
  const used = maps.filter((map) => own.has(map.value));
  return used.length > 0 ? used : maps;
}

/**
 * Pixels between the windows that are run: the distance between cells of the converted map; if that is not known, and for maps of several strides,
 * the widest stride.
 */
function strideOf(subject: Subject, used: readonly CutMap[], output: Value, claims: readonly Claim[]): readonly number[] {
  const claim =
    subject.head === 'cell' ? undefined : claims.find((each) => each.output === output.name && (subject.head === 'window' || each.isMean));
  const density = subject.request.density?.[output.name] ?? [];
  return subject.letters.map((_, axis) => {
    const claimed = claim && (claim.axes[axis]?.stride ?? 1) * (density[axis] ?? 1);
    if (claimed !== undefined && Number.isFinite(claimed) && claimed > 0) return claimed;
    return Math.max(...used.map(({ stride }) => stride[axis] ?? 1));
  });
}
