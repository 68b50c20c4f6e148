/**
 * Proof by running both: the converted model against its original in ONNX Runtime, graph optimisations disabled.
 *
 * Three checks, each with a status of its own:
 * (a) original size: the map has one cell, which equals the original's output, over seeded inputs of different statistics;
 * (b) windows of the map: at two larger sizes, not square, one odd, every cell equals the original's own head applied to that window of the original's
 *     own feature map (the original is cut at its last map): exact whatever the padding;
 * (c) crops of the image: cells against the original run on the matching crops: equal for a network without padding, else a report of border effects.
 *
 * The tolerance is measured: how far the original differs from itself between one and more threads, between batch sizes, and when its input moves by one
 * unit in the last place. One model is in memory at a time.
 */
import type { Contract } from '../analysis/contract';
import { notComparable } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import type { ImageWindow } from '../input-size';
import { evaluateDim } from '../ir/dims';
import { nestedGraphs } from '../ir/graph';
import type { Model } from '../ir/model';
import { computedTensor, elementCount, isFloatType, readNumbers, tensorByteLength } from '../ir/tensor';
import type { Dim, Value } from '../ir/types';
import { best, compare, type Difference, worse } from './compare';
import { type CutMap, headOf, lastMaps, trunkOf } from './cut';
import { cropped, INPUT_KINDS, type InputKind, makeInput, nudged, seededRandom } from './inputs';
import { type Numbers, openSession, type Session } from './onnx-runner';
import type { Check, Tolerance, VerifyReport } from './report';

export interface VerifyRequest {
  /** A file, or bytes; and the model read from it at the window's static size, shapes inferred. */
  readonly original: { readonly source: string | Uint8Array; readonly model: Model };
  /** A file, or bytes; and the model read from it, shapes inferred (symbolic height and width). */
  readonly converted: { readonly source: string | Uint8Array; readonly model: Model };
  readonly windows: readonly ImageWindow[];
  readonly contract?: Contract | undefined;
  /** What the converted model gives: predictions per window of the original size (default), per cell of the last map, or per image. */
  readonly head?: 'window' | 'cell' | 'image' | 'original' | undefined;
  /** Makes the height and width of a part of the original symbolic. */
  readonly free: (part: Model) => Model;
  /** The original in a spelling with maps to cut it at, the same function; by default as it is. */
  readonly cuttable?: ((original: Model) => Model) | undefined;
  /** Puts a model where the runtime can load it, for as long as the verification lasts. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
  /** Per output: cells for each one of the map that the network has by itself, along rows and columns, where it was made finer (`--stride`). */
  readonly density?: Readonly<Record<string, readonly [number, number]>> | undefined;
  /** Whether weights were computed anew (folded): the tolerance then allows for what one unit in their last place may do. Default: not known, so yes. */
  readonly rounded?: boolean | undefined;
  readonly options?: VerifyOptions | undefined;
}

export interface VerifyOptions {
  readonly seed?: number | undefined;
  readonly rtol?: number | undefined;
  readonly atol?: number | undefined;
  readonly threads?: number | undefined;
  readonly onProgress?: ((doing: string) => void) | undefined;
}

/** Throws CompileError where the models cannot be run or compared; a difference is a verdict, not an error. */
export async function verifyModels(request: VerifyRequest): Promise<VerifyReport> {
  return new Verification(request).run();
}

/** Differences of this many times the original's own noise are of the same order; measured on the networks of the zoo (docs/verification.md). */
const NOISE_FACTOR = 8;
/** No noise measured still leaves rounding: a few units in the last place of the largest number. */
const FLOOR_ULPS = 16;
/** Half precision is computed in floats and rounded at the same nodes in both models: less is left over. */
const FLOOR_HALF_ULPS = 2;
/** The runtime's own optimised kernels add in other orders; beyond this their difference may be a fault of the optimiser, which must not buy tolerance. */
const MOST_KERNEL_ULPS = 128;
const EPSILON: Readonly<Record<string, number>> = { float: 2 ** -23, double: 2 ** -52, float16: 2 ** -10, bfloat16: 2 ** -7 };

/** The coarsest type that the network computes in: half precision between two Casts is still half precision. Stored weights that are cast up do not count. */
function coarsestType(model: Model): string {
  const computed = model.graph.nodes
    .flatMap((node) => node.outputs)
    .filter(({ producer }) => producer?.inputs.some((input) => input && !input.constant))
    .map((output) => output.type?.dtype ?? 'float');
  return computed.reduce((coarsest, dtype) => ((EPSILON[dtype] ?? 0) > (EPSILON[coarsest] ?? 0) ? dtype : coarsest), 'float');
}

interface Sample {
  readonly kind: InputKind;
  readonly feeds: ReadonlyMap<string, Numbers>;
}
type Results = ReadonlyMap<string, Numbers>;

class Verification {
  private readonly seed: number;
  private readonly image: ImageWindow;
  private readonly axes: readonly [number, number];
  private readonly started = performance.now();
  /** The original, for cutting. */
  private readonly whole: Model;

  constructor(private readonly request: VerifyRequest) {
    this.seed = request.options?.seed ?? 1;
    const [image] = request.windows;
    if (!image) throw notComparable('the original has no image input');
    this.image = image;
    this.whole = request.cuttable?.(request.original.model) ?? request.original.model;
    this.axes = image.layout === 'NCHW' ? [2, 3] : [1, 2];
  }

  async run(): Promise<VerifyReport> {
    const { original, converted, contract } = this.request;
    const samples = Array.from({ length: this.rounds() }, (_, round) => round).flatMap((round) =>
      INPUT_KINDS.map((kind): Sample => ({ kind, feeds: this.feeds(kind, this.image.height, this.image.width, 1, round) })),
    );
    const { plans, ...trunk } = await this.runTrunk();
    const crops = plans.map((plan) => this.cropsOf(plan));
    this.progress('running the original');
    const reference = await this.within(original.source, 'the original', {}, async (session) => ({
      outputs: session.outputNames,
      results: await each(samples, ({ feeds }) => session.run(feeds)),
      nudges: await each(samples, ({ feeds }) => session.run(mapValues(feeds, (numbers) => nudged(numbers, this.seed, this.epsilon)))),
      batched: await this.batched(session, samples),
      crops: await each(crops, (list) => each(list, (feeds) => session.run(feeds))),
    }));
    this.progress('measuring the noise of the original');
    const single = await this.within(original.source, 'the original', { threads: 1 }, (session) =>
      session.run(this.sampleOf(samples, 'normal').feeds),
    );
    const optimised = await this.within(original.source, 'the original', { optimise: true }, (session) =>
      each(samples, ({ feeds }) => session.run(feeds)),
    ).catch((error: unknown) => {
      if (error instanceof CompileError) return undefined;
      throw error;
    });
    const moved = await this.withNudgedWeights(samples);
    const tolerance = this.tolerance(INPUT_KINDS.indexOf('normal'), reference.results, reference.nudges, {
      single,
      batched: reference.batched,
      optimised,
      moved,
    });
    const own = samples.map((_, index) =>
      this.toleranceOf(reference.results[index] ?? new Map(), reference.nudges[index] ?? new Map(), moved?.[index], tolerance),
    );
    const expectedWindows = this.head === 'cell' ? 'a cell is no window of the original' : await this.headOnWindows(plans, trunk);
    const scores = this.head === 'cell' ? await this.scores(samples, plans) : undefined;
    this.progress('running the converted model');
    const actual = await this.within(converted.source, 'the converted model', {}, async (session) => {
      this.requireSameNames(session, reference.outputs);
      return {
        results: await each(samples, async ({ feeds }) => this.coarse(await session.run(feeds))),
        // The finer map at every cell, for the crops; what stands for the cells that it had, for the rest.
        fine: await each(plans, async (plan) => session.run(plan.feeds).catch((error: unknown) => asCompileError(error))),
      };
    });
    const larger = actual.fine.map((found) => (found instanceof CompileError ? found : this.coarse(found)));
    const checks = scores
      ? [
          this.originalSize(samples, scores.small, actual.results.map(meanOfCells), own),
          this.meansOfTheMap(plans, scores.larger, larger, tolerance),
        ]
      : [
          this.originalSize(samples, reference.results, actual.results, own),
          ...(this.head === 'original' ? [] : [this.windowsOfTheMap(plans, expectedWindows, larger, tolerance)]),
          ...(this.head === 'window'
            ? [this.cropsOfTheImage(plans, reference.crops, this.cropsAreFine ? actual.fine : larger, tolerance)]
            : []),
        ];
    // Per input, beyond what its own noise explains.
    const faults = (optimised ?? []).flatMap((results, index) => {
      const found = this.worstOf([reference.results[index] ?? new Map()], [results]);
      return found && (found.broken > 0 || found.maxRel > Math.max(100 * (own[index]?.relative ?? 0), 1e-3)) ? [found] : [];
    });
    const fault = faults.reduce<Difference | undefined>(worse, undefined);
    return {
      verdict: checks.some((check) => check.status === 'different') ? 'different' : 'equal',
      checks,
      tolerance,
      contract,
      runtimeFault: fault,
      runtime: 'ONNX Runtime, graph optimisations disabled',
      seconds: (performance.now() - this.started) / 1000,
    };
  }

  /** Every cell of a finer map that stands for one of the map that the network has by itself. */
  private coarse(results: Results): Results {
    const { density } = this.request;
    if (!density) return results;
    return new Map([...results].map(([name, numbers]) => [name, density[name] ? everyOther(numbers, density[name]) : numbers]));
  }
  private get densest(): readonly [number, number] {
    const all = Object.values(this.request.density ?? {});
    return [Math.max(1, ...all.map(([rows]) => rows)), Math.max(1, ...all.map(([, columns]) => columns))];
  }
  /** Without padding, each cell of the finer map as well equals the original on its crop. */
  private get cropsAreFine(): boolean {
    return this.request.contract?.kind === 'everywhere' && this.head === 'window';
  }

  private get head(): 'window' | 'cell' | 'image' | 'original' {
    return this.request.head ?? 'window';
  }

  // ---- what is run ----

  /** The original's scores, a final softmax taken away, at its own size and, with its sizes freed, at larger ones. */
  private async scores(
    samples: readonly Sample[],
    plans: readonly Larger[],
  ): Promise<{ readonly small: readonly Results[]; readonly larger: readonly (Results | CompileError)[] }> {
    const { model } = this.request.original;
    const values = model.graph.outputs.map(scoresBehind);
    const names = new Map(values.map((value, index) => [value.name, model.graph.outputs[index]?.name ?? value.name]));
    const renamed = (results: Results): Results => new Map([...results].map(([name, numbers]) => [names.get(name) ?? name, numbers]));
    const part = trunkOf(model, values);
    this.progress('running the scores of the original');
    const small = await this.within(this.request.place(part, 'scores'), 'the original', {}, (session) =>
      each(samples, async ({ feeds }) => renamed(await session.run(only(feeds, session.inputNames)))),
    );
    const larger = await this.within(this.request.place(this.request.free(part), 'free'), 'the original', {}, (session) =>
      each(plans, async ({ feeds }) => session.run(only(feeds, session.inputNames)).then(renamed, asCompileError)),
    );
    return { small, larger };
  }

  /** Small networks are cheap to run, and a unit that does not fire on one input may on another. Decided by size, not by time: the same every time. */
  private rounds(): number {
    const bytes = weightBytes(this.request.original.model);
    return bytes < 4e6 ? 16 : bytes < 40e6 ? 3 : 1;
  }

  private feeds(kind: InputKind, height: number, width: number, batch = 1, round = 0): ReadonlyMap<string, Numbers> {
    const { inputs } = this.request.original.model.graph;
    return new Map(
      inputs.map((input, index) => {
        const isImage = this.request.windows.some((window) => window.input === input.name);
        const shape = (input.type?.shape ?? []).map((dim, axis) => {
          if (isImage && axis === this.axes[0]) return height;
          if (isImage && axis === this.axes[1]) return width;
          return typeof dim === 'number' ? dim : axis === 0 ? batch : 1;
        });
        return [input.name, makeInput(kind, this.seed + index + 1009 * round, input.type?.dtype ?? 'float', shape, this.axes)];
      }),
    );
  }

  /** Two larger sizes, 2 x 3 cells and 3 x 2 cells, one side of each odd; each with a second choice, since skip connections can ask for multiples of the stride. */
  private larger(): (readonly Larger[])[] {
    if (this.head === 'original') return [];
    const strides = this.strides();
    if (!strides) return [];
    const [y, x] = strides;
    const { height, width } = this.image;
    const odd = (size: number): number => (size % 2 === 0 ? size + 1 : size);
    const plan = (rows: number, columns: number): Larger => ({
      height: rows,
      width: columns,
      strides,
      feeds: this.feeds('normal', rows, columns),
    });
    return [
      [plan(odd(height + y), width + 2 * x), plan(height + y, width + 2 * x)],
      [plan(height + 2 * y, odd(width + x)), plan(height + 2 * y, width + x)],
    ];
  }

  /** How many pixels further the next cell looks, from the symbolic sizes of the first map among the converted outputs. */
  private strides(): readonly [number, number] | undefined {
    const { graph } = this.request.converted.model;
    const input = graph.inputs.find(({ name }) => name === this.image.input);
    const output = this.head === 'window' ? graph.outputs.find((value) => value.type?.shape?.length === 4) : undefined;
    if (this.head !== 'window') return this.mapStrides();
    const [rows, columns] = this.axes.map((axis) => input?.type?.shape?.[axis]);
    if (typeof rows !== 'string' || typeof columns !== 'string' || !output) return undefined;
    const { height, width } = this.image;
    const [y, x] = [stepOf(output.type?.shape?.[2], rows, height), stepOf(output.type?.shape?.[3], columns, width)];
    const [ky, kx] = this.request.density?.[output.name] ?? [1, 1];
    return y && x ? [y * ky, x * kx] : undefined;
  }

  /** Pixels between the cells of the original's last map, where the converted model has no map of windows to tell. */
  private mapStrides(): readonly [number, number] | undefined {
    const maps = lastMaps(this.whole, this.whole.graph.outputs);
    const widest = (axis: 0 | 1): number => Math.max(...(maps ?? []).map(({ stride }) => stride[axis]));
    return maps && Number.isInteger(widest(0)) && Number.isInteger(widest(1)) ? [widest(0), widest(1)] : undefined;
  }

  private cropsOf({ feeds, strides, height, width }: Larger): ReadonlyMap<string, Numbers>[] {
    const crops: ReadonlyMap<string, Numbers>[] = [];
    const [stepY, stepX] = this.cropSteps(strides);
    for (let top = 0; top + this.image.height <= height; top += stepY) {
      for (let left = 0; left + this.image.width <= width; left += stepX) {
        crops.push(
          new Map(
            [...feeds].map(([name, numbers]) => [
              name,
              this.isImage(name) ? cropped(numbers, this.axes, top, left, this.image.height, this.image.width) : numbers,
            ]),
          ),
        );
      }
    }
    return crops;
  }
  private cropSteps([y, x]: readonly [number, number]): readonly [number, number] {
    const [ky, kx] = this.cropsAreFine ? this.densest : [1, 1];
    return [y / ky, x / kx];
  }
  private readonly isImage = (name: string): boolean => this.request.windows.some((window) => window.input === name);

  /** The same sample as one of a batch of two, where the model takes batches. */
  private async batched(session: Session, samples: readonly Sample[]): Promise<Results | undefined> {
    const { inputs } = this.request.original.model.graph;
    if (!inputs.every((input) => typeof input.type?.shape?.[0] !== 'number')) return undefined;
    const pair = mapValues(this.sampleOf(samples, 'normal').feeds, (numbers): Numbers => {
      const data = new Float32Array(2 * numbers.data.length);
      data.set(numbers.data);
      data.set(
        numbers.data.map((number) => -number),
        numbers.data.length,
      );
      return { dtype: numbers.dtype, shape: [2, ...numbers.shape.slice(1)], data };
    });
    try {
      return mapValues(await session.run(pair), (numbers) => ({
        ...numbers,
        shape: [1, ...numbers.shape.slice(1)],
        data: numbers.data.slice(0, numbers.data.length / 2),
      }));
    } catch (error) {
      // A batch may be declared and not supported; that is the model's own affair.
      if (error instanceof CompileError) return undefined;
      throw error;
    }
  }

  /** The original with each of its weights moved to a neighbour: what folding may do, which rounds weights anew. */
  private async withNudgedWeights(samples: readonly Sample[]): Promise<readonly Results[] | undefined> {
    const { original, rounded } = this.request;
    if (rounded === false || weightBytes(original.model) > MOST_NUDGED) return undefined;
    const model = original.model.clone();
    for (const constant of [...model.graph.constants]) {
      const { dtype, shape } = constant.constant;
      const isWeight = constant.uses.length > 0 && constant.uses.every(({ user }) => WEIGHTED.has(user.op));
      if (!isWeight || !isFloatType(dtype) || elementCount(shape) < 2) continue;
      const unit = EPSILON[dtype] ?? 2 ** -23;
      const neighbours = (): Float64Array => {
        const random = seededRandom(this.seed);
        return readNumbers(constant.constant).map((number) => number * (1 + (random() < 0.5 ? -unit : unit)));
      };
      model.graph.replaceAllUses(constant, model.graph.addConstant(`${constant.name}_moved`, computedTensor(dtype, shape, neighbours)));
    }
    return this.within(this.request.place(model, 'moved'), 'the original', {}, (session) =>
      each(samples, ({ feeds }) => session.run(feeds)),
    );
  }

  /** The original's own maps at larger sizes, and which sizes it takes. */
  private async runTrunk(): Promise<Trunk> {
    const model = this.whole;
    const choices = this.larger();
    const without = (reason: string): Trunk => ({ plans: choices.flatMap(([first]) => first ?? []), reason });
    if (choices.length === 0) return without('the converted model has no map that grows with the image');
    if (model.graph.nodes.some((node) => nestedGraphs(node).length > 0))
      return without('the original has nested graphs, which cannot be cut');
    const maps = lastMaps(model, model.graph.outputs);
    if (!maps) return without('the original has no map of more than one cell to cut it at');
    this.progress('running the trunk of the original on larger images');
    let trunk: Model;
    try {
      trunk = this.request.free(
        trunkOf(
          model,
          maps.map((map) => map.value),
        ),
      );
    } catch (error) {
      if (error instanceof CompileError) return without(`the trunk of the original cannot be freed: ${error.diagnostic.message}`);
      throw error;
    }
    const run = (session: Session) => async (plans: readonly Larger[]) => {
      for (const plan of plans) {
        const found = await session.run(only(plan.feeds, session.inputNames)).catch((error: unknown) => asCompileError(error));
        if (!(found instanceof CompileError)) return [{ plan, features: found }];
      }
      return [];
    };
    const taken = await this.within(this.request.place(trunk, 'trunk'), 'the trunk of the original', {}, (session) =>
      each(choices, run(session)),
    );
    const found = taken.flat();
    if (found.length === 0) return without('the original takes none of the larger sizes that were tried');
    return { plans: found.map(({ plan }) => plan), features: found.map(({ features }) => features), maps };
  }

  /** For each larger size and output, the head's result for every window of the original's own map. */
  private async headOnWindows(
    plans: readonly Larger[],
    { reason, features, maps }: Omit<Trunk, 'plans'>,
  ): Promise<readonly WindowResults[] | string> {
    if (!features || !maps) return reason ?? 'the original was not cut';
    this.progress('running the head of the original on windows of its map');
    const model = this.whole;
    const { outputs } = model.graph;
    const head = headOf(
      model,
      maps.map((map) => map.value),
      outputs,
    );
    return this.within(this.request.place(head, 'head'), 'the head of the original', {}, (session) =>
      each(plans, async (_, index): Promise<WindowResults> => {
        const perOutput: WindowResults = new Map();
        for (const output of outputs) perOutput.set(output.name, await this.slide(session, maps, features[index] ?? new Map(), output));
        return perOutput;
      }),
    );
  }

  /** Those of the maps that lead to one output. */
  private mapsOf(output: Value, maps: readonly CutMap[]): readonly CutMap[] {
    const own = new Set(lastMaps(this.whole, [output])?.map((map) => map.value) ?? []);
    const used = maps.filter((map) => own.has(map.value));
    return used.length > 0 ? used : maps;
  }

  private async slide(session: Session, maps: readonly CutMap[], features: Results, output: Value): Promise<WindowMap> {
    const used = this.mapsOf(output, maps);
    const [strideY, strideX] = stridesOf(used);
    const steps = used.map((map): readonly [number, number] => [strideY / map.stride[0], strideX / map.stride[1]]);
    const others = maps.filter((map) => !used.includes(map));
    const counts = used.map((map, index) => {
      const shape = features.get(map.value.name)?.shape ?? [];
      const [stepY, stepX] = steps[index] ?? [1, 1];
      return [
        Math.floor(((shape[map.axes.rows] ?? 0) - map.axes.shape.rows) / stepY) + 1,
        Math.floor(((shape[map.axes.columns] ?? 0) - map.axes.shape.columns) / stepX) + 1,
      ];
    });
    const [rows, columns] = [Math.min(...counts.map(([y]) => y ?? 0)), Math.min(...counts.map(([, x]) => x ?? 0))];
    const cells: Float64Array[] = [];
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const window = (map: CutMap, top: number, left: number): [string, Numbers] => {
          const whole = features.get(map.value.name);
          if (!whole) throw notComparable(`the trunk has no '${map.value.name}'`);
          const { rows: height, columns: width } = map.axes.shape;
          return [map.value.name, cropped(whole, [map.axes.rows, map.axes.columns], Math.round(top), Math.round(left), height, width)];
        };
        const feeds = new Map([
          ...used.map((map, index) => window(map, y * (steps[index]?.[0] ?? 1), x * (steps[index]?.[1] ?? 1))),
          // The runtime wants every input of the head, those of other outputs too.
          ...others.map((map) => window(map, 0, 0)),
        ]);
        const result = await session.run(only(feeds, session.inputNames));
        cells.push(Float64Array.from(result.get(output.name)?.data ?? []));
      }
    }
    return { rows, columns, cells };
  }

  private async within<T>(
    source: string | Uint8Array,
    name: string,
    options: { readonly threads?: number; readonly optimise?: boolean },
    use: (session: Session) => Promise<T>,
  ): Promise<T> {
    const threads = options.threads ?? this.request.options?.threads;
    const session = await openSession(source, typeof source === 'string' ? source : name, {
      ...options,
      ...(threads !== undefined && { threads }),
    });
    try {
      return await use(session);
    } finally {
      await session.release();
    }
  }

  // ---- what is compared ----

  /** Relative size of one unit in the last place of the coarsest type that the original computes in. */
  private get epsilon(): number {
    return EPSILON[coarsestType(this.request.original.model)] ?? 2 ** -23;
  }

  private tolerance(
    at: number,
    references: readonly Results[],
    nudges: readonly Results[],
    again: {
      readonly single: Results;
      readonly batched: Results | undefined;
      readonly optimised: readonly Results[] | undefined;
      readonly moved: readonly Results[] | undefined;
    },
  ): Tolerance {
    const { rtol, atol } = this.request.options ?? {};
    const [reference, nudge] = [references[at] ?? new Map(), nudges[at] ?? new Map()];
    const kernels = again.optimised && this.worstOf(references, again.optimised);
    const noise = {
      threads: this.worstOf([reference], [again.single])?.maxRel ?? 0,
      nudge: this.worstOf([reference], [nudge])?.maxRel ?? 0,
      batch: again.batched && this.worstOf([reference], [again.batched])?.maxRel,
      kernels: kernels && kernels.broken === 0 ? kernels.maxRel : undefined,
      weights: again.moved && this.worstOf([reference], [again.moved[at] ?? new Map()])?.maxRel,
    };
    if (rtol !== undefined || atol !== undefined) return { relative: rtol ?? 0, absolute: atol ?? 0, noise, from: 'options' };
    const float = 2 ** -23;
    const floor = this.epsilon > float ? FLOOR_HALF_ULPS * this.epsilon : FLOOR_ULPS * float;
    const order = Math.min(NOISE_FACTOR * (noise.kernels ?? 0), MOST_KERNEL_ULPS * float);
    return {
      relative: Math.max(NOISE_FACTOR * Math.max(noise.threads, noise.nudge, noise.batch ?? 0, noise.weights ?? 0), order, floor),
      absolute: 0,
      noise,
      from: 'noise',
    };
  }

  /** An input on which the original is more sensitive than on the reference input is judged by its own noise. */
  private toleranceOf(reference: Results, nudge: Results, moved: Results | undefined, base: Tolerance): Tolerance {
    if (base.from === 'options') return base;
    const of = (other: Results | undefined): number => (other && this.worstOf([reference], [other])?.maxRel) ?? 0;
    const noise = Math.max(of(nudge), of(moved));
    return { ...base, relative: Math.max(base.relative, NOISE_FACTOR * noise) };
  }

  private worstOf(expected: readonly Results[], actual: readonly Results[]): Difference | undefined {
    let worst: Difference | undefined;
    expected.forEach((results, index) => {
      for (const [name, numbers] of results) worst = worse(worst, compare(numbers.data, actual[index]?.get(name)?.data ?? []));
    });
    return worst;
  }

  private isWithin(difference: Difference, { relative, absolute }: Tolerance): boolean {
    return difference.broken === 0 && difference.maxAbs <= absolute + relative * difference.scale;
  }

  private originalSize(
    samples: readonly Sample[],
    expected: readonly Results[],
    actual: readonly Results[],
    tolerances: readonly Tolerance[],
  ): Check {
    const outputs: Record<string, Difference> = {};
    let equal = true;
    samples.forEach((_, index) => {
      for (const [name, numbers] of expected[index] ?? []) {
        const difference = compare(numbers.data, actual[index]?.get(name)?.data ?? []);
        const tolerance = tolerances[index];
        equal &&= tolerance !== undefined && this.isWithin(difference, tolerance);
        outputs[name] = worse(outputs[name], difference);
      }
    });
    return {
      name: 'original size',
      status: equal ? 'equal' : 'different',
      outputs,
      sizes: [`${this.image.height}x${this.image.width}`],
      cells: samples.length,
      note: `inputs: ${INPUT_KINDS.join(', ')}${samples.length > INPUT_KINDS.length ? `, ${samples.length / INPUT_KINDS.length} of each` : ''}`,
    };
  }

  private windowsOfTheMap(
    plans: readonly Larger[],
    expected: readonly WindowResults[] | string,
    actual: readonly (Results | CompileError)[],
    tolerance: Tolerance,
  ): Check {
    const skipped = (note: string): Check => ({ name: 'windows of the map', status: 'skipped', outputs: {}, sizes: [], cells: 0, note });
    if (typeof expected === 'string') return skipped(expected);
    const outputs: Record<string, Difference> = {};
    const sizes: string[] = [];
    const notes: string[] = [];
    let [equal, cells] = [true, 0];
    plans.forEach((plan, index) => {
      const size = `${plan.height}x${plan.width}`;
      const [wanted, found] = [expected[index], actual[index]];
      if (!wanted || !found || found instanceof CompileError) {
        equal = false;
        notes.push(`the converted model does not take ${size}: ${found instanceof CompileError ? found.diagnostic.message : ''}`);
        return;
      }
      sizes.push(size);
      for (const [name, map] of wanted) {
        const difference =
          this.head === 'image' ? compare(meanOf(map.cells), found.get(name)?.data ?? []) : compareMaps(map, found.get(name));
        equal &&= this.isWithin(difference, tolerance);
        outputs[name] = worse(outputs[name], difference);
        cells += map.rows * map.columns;
      }
    });
    if (sizes.length === 0 && equal) return skipped(notes.join('; '));
    return {
      name: 'windows of the map',
      status: equal ? 'equal' : 'different',
      outputs,
      sizes,
      cells,
      note: notes.join('; ') || undefined,
    };
  }

  /** The mean over all cells against the original's scores of the whole image. */
  private meansOfTheMap(
    plans: readonly Larger[],
    expected: readonly (Results | CompileError)[],
    actual: readonly (Results | CompileError)[],
    tolerance: Tolerance,
  ): Check {
    const outputs: Record<string, Difference> = {};
    const sizes: string[] = [];
    let equal = true;
    plans.forEach((plan, index) => {
      const [wanted, found] = [expected[index], actual[index]];
      if (!wanted || wanted instanceof CompileError) return;
      sizes.push(`${plan.height}x${plan.width}`);
      const means = !found || found instanceof CompileError ? new Map<string, Numbers>() : meanOfCells(found);
      for (const [name, numbers] of wanted) {
        const difference = compare(numbers.data, means.get(name)?.data ?? []);
        equal &&= this.isWithin(difference, tolerance);
        outputs[name] = worse(outputs[name], difference);
      }
    });
    if (sizes.length === 0)
      return { name: 'mean of the map', status: 'skipped', outputs, sizes, cells: 0, note: 'the original does not take larger images' };
    return { name: 'mean of the map', status: equal ? 'equal' : 'different', outputs, sizes, cells: sizes.length };
  }

  private cropsOfTheImage(
    plans: readonly Larger[],
    expected: readonly (readonly Results[])[],
    actual: readonly (Results | CompileError)[],
    tolerance: Tolerance,
  ): Check {
    const outputs: Record<string, Difference> = {};
    const sizes: string[] = [];
    let [equal, cells, same] = [true, 0, 0];
    plans.forEach((plan, index) => {
      const found = actual[index];
      const crops = expected[index];
      if (!found || !crops || found instanceof CompileError) return;
      sizes.push(`${plan.height}x${plan.width}`);
      const rows = Math.floor((plan.height - this.image.height) / this.cropSteps(plan.strides)[0]) + 1;
      const columns = crops.length / rows;
      for (const name of crops[0]?.keys() ?? []) {
        // An auxiliary classifier may look every 48 pixels where the main one looks every 32: its cells are other crops.
        if (!this.hasStrides(name, plan.strides)) continue;
        const map: WindowMap = { rows, columns, cells: crops.map((crop) => Float64Array.from(crop.get(name)?.data ?? [])) };
        const difference = compareMaps(map, found.get(name));
        equal &&= this.isWithin(difference, tolerance);
        outputs[name] = worse(outputs[name], difference);
        cells += crops.length;
        same += agreeing(map, found.get(name));
      }
    });
    if (sizes.length === 0)
      return {
        name: 'crops of the image',
        status: 'skipped',
        outputs,
        sizes,
        cells,
        note: 'the converted model has no map that grows with the image',
      };
    const mustBeEqual = this.request.contract?.kind === 'everywhere';
    return {
      name: 'crops of the image',
      status: equal ? 'equal' : mustBeEqual ? 'different' : 'informative',
      outputs,
      sizes,
      cells,
      sameBest: cells > 0 ? same / cells : undefined,
    };
  }

  private hasStrides(name: string, [y, x]: readonly [number, number]): boolean {
    const model = this.whole;
    const output = model.graph.outputs.find((candidate) => candidate.name === name);
    const maps = output && lastMaps(model, [output]);
    if (!maps) return true;
    const [ownY, ownX] = stridesOf(maps);
    return ownY === y && ownX === x;
  }

  private requireSameNames(session: Session, outputs: readonly string[]): void {
    const missing = outputs.filter((name) => !session.outputNames.includes(name));
    const kept = this.request.original.model.graph.outputs.map(({ name }) => name);
    if (missing.some((name) => kept.includes(name)))
      throw notComparable(`the converted model has no output '${missing[0]}' (it has ${session.outputNames.join(', ')})`);
  }

  private sampleOf(samples: readonly Sample[], kind: InputKind): Sample {
    const sample = samples.find((candidate) => candidate.kind === kind);
    if (!sample) throw notComparable(`there is no '${kind}' input`);
    return sample;
  }
  private progress(doing: string): void {
    this.request.options?.onProgress?.(doing);
  }
}

/** [N, C, h, w]: every ky-th row and kx-th column. */
function everyOther(numbers: Numbers, [ky, kx]: readonly [number, number]): Numbers {
  const [batch = 1, channels = 1, rows = 1, columns = 1] = numbers.shape;
  if (numbers.shape.length !== 4 || (ky === 1 && kx === 1)) return numbers;
  const [height, width] = [Math.ceil(rows / ky), Math.ceil(columns / kx)];
  const data = new Float32Array(batch * channels * height * width);
  for (let map = 0; map < batch * channels; map++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        data[(map * height + y) * width + x] = numbers.data[(map * rows + y * ky) * columns + x * kx] ?? Number.NaN;
  return { ...numbers, shape: [batch, channels, height, width], data };
}

/** Operators whose constants are trained numbers. */
const WEIGHTED = new Set([
  'Conv',
  'ConvTranspose',
  'Gemm',
  'MatMul',
  'BatchNormalization',
  'LayerNormalization',
  'Mul',
  'Add',
  'Sub',
  'Div',
  'PRelu',
]);
/** Larger models are not copied for it. */
const MOST_NUDGED = 300e6;
const weightBytes = (model: Model): number => model.graph.constants.reduce((sum, { constant }) => sum + tensorByteLength(constant), 0);

/** What a final softmax reads, through views; the value itself where there is none. */
function scoresBehind(output: Value): Value {
  for (let at: Value | undefined = output; at?.producer; at = at.producer.inputs[0]) {
    const { op } = at.producer;
    if (op === 'Softmax' || op === 'LogSoftmax') return at.producer.inputs[0] ?? output;
    if (!['Flatten', 'Reshape', 'Squeeze', 'Identity'].includes(op)) break;
  }
  return output;
}

/** [1, K, h, w] -> [1, K]. */
const meanOfCells = (results: Results): Results =>
  mapValues(results, (numbers): Numbers => {
    const [, features = 0, rows = 1, columns = 1] = numbers.shape;
    const cells = rows * columns;
    const data = Float64Array.from(
      { length: features },
      (_, feature) =>
        Float64Array.from(numbers.data.subarray(feature * cells, (feature + 1) * cells)).reduce((sum, number) => sum + number, 0) / cells,
    );
    return { dtype: numbers.dtype, shape: [1, features], data };
  });

function meanOf(cells: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(cells[0]?.length ?? 0);
  for (const cell of cells) for (const [at, number] of cell.entries()) mean[at] = (mean[at] ?? 0) + number / cells.length;
  return mean;
}

interface Larger {
  readonly height: number;
  readonly width: number;
  readonly strides: readonly [number, number];
  readonly feeds: ReadonlyMap<string, Numbers>;
}
interface WindowMap {
  readonly rows: number;
  readonly columns: number;
  /** Row by row; all features of the cell. */
  readonly cells: readonly Float64Array[];
}
type WindowResults = Map<string, WindowMap>;

/** What came of running the original's trunk on larger images: its maps, or why there are none. */
interface Trunk {
  readonly plans: readonly Larger[];
  readonly features?: readonly Results[] | undefined;
  readonly maps?: readonly CutMap[] | undefined;
  readonly reason?: string | undefined;
}

/** Distance between the sizes at which a second and a third cell appear. */
function stepOf(dim: Dim, symbol: string, size: number): number | undefined {
  const cells = (at: number): number | undefined => evaluateDim(dim, { [symbol]: at });
  const first = cells(size);
  if (typeof dim !== 'string' || first === undefined) return undefined;
  const appears = (more: number): number | undefined => {
    for (let extra = 0; extra <= 4096; extra++) if ((cells(size + extra) ?? 0) >= first + more) return extra;
    return undefined;
  };
  const [second, third] = [appears(1), appears(2)];
  return second !== undefined && third !== undefined ? third - second : undefined;
}

/** Each cell of [1, K, h, w] against the features expected there; another number of cells is broken. */
function compareMaps(expected: WindowMap, actual: Numbers | undefined): Difference {
  const [, features = 0, rows = 0, columns = 0] = actual?.shape ?? [];
  if (actual?.shape.length !== 4 || rows < expected.rows || columns < expected.columns) {
    return { ...compare([], []), count: expected.cells.length, broken: expected.cells.length, maxRel: Number.POSITIVE_INFINITY };
  }
  const wanted: number[] = [];
  const found: number[] = [];
  expected.cells.forEach((cell, at) => {
    const [y, x] = [Math.floor(at / expected.columns), at % expected.columns];
    for (let feature = 0; feature < Math.max(features, cell.length); feature++) {
      wanted.push(cell[feature] ?? Number.NaN);
      found.push(feature < features ? (actual.data[(feature * rows + y) * columns + x] ?? Number.NaN) : Number.POSITIVE_INFINITY);
    }
  });
  return compare(wanted, found);
}

function agreeing(expected: WindowMap, actual: Numbers | undefined): number {
  const [, features = 0, rows = 0, columns = 0] = actual?.shape ?? [];
  return expected.cells.filter((cell, at) => {
    const [y, x] = [Math.floor(at / expected.columns), at % expected.columns];
    const scores = Array.from({ length: features }, (_, feature) => actual?.data[(feature * rows + y) * columns + x] ?? 0);
    return best(scores) === best(cell);
  }).length;
}

/** Where maps of several strides meet, the widest sets the pace. */
const stridesOf = (maps: readonly CutMap[]): readonly [number, number] => [
  Math.max(...maps.map(({ stride }) => stride[0])),
  Math.max(...maps.map(({ stride }) => stride[1])),
];

function asCompileError(error: unknown): CompileError {
  if (error instanceof CompileError) return error;
  throw error;
}

async function each<T, R>(items: readonly T[], action: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) results.push(await action(item, index));
  return results;
}

const mapValues = <T, R>(map: ReadonlyMap<string, T>, apply: (value: T) => R): ReadonlyMap<string, R> =>
  new Map([...map].map(([key, value]) => [key, apply(value)]));
const only = <T>(map: ReadonlyMap<string, T>, names: readonly string[]): ReadonlyMap<string, T> =>
  new Map([...map].filter(([name]) => names.includes(name)));
