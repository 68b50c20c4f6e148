/**
 * The flow of a conversion in one screen: size of the window -> passes at that size -> freed model -> was it done?
 * Only importer of ../passes. Pure: bytes are read by src/onnx before and written after, and src/verify judges.
 */
import { type Head, type OptimisationLevel, type Pipeline, pipelineFor } from '../../passes';
import { closeIntegers, integerOrigins } from '../../passes/close-integers';
import { denseShift } from '../../passes/finer-maps/dense-shift';
import { denseStride } from '../../passes/finer-maps/dense-stride';
import { commonDivisor } from '../../passes/finer-maps/density';
import { fitImages } from '../../passes/fit-images';
import { foldConstants } from '../../passes/fold-constants';
import { foldShapes } from '../../passes/fold-shapes';
import { freeSpatialDims } from '../../passes/free-spatial-dims';
import { gatePoolToGlobal } from '../../passes/gate-pool-to-global';
import { normaliseGlobalPool } from '../../passes/normalise-global-pool';
import { removeDeadNodes } from '../../passes/remove-dead-nodes';
import { sinkRows } from '../../passes/sink-rows';
import { sinkTokens } from '../../passes/sink-tokens';
import { spaceToDepth } from '../../passes/space-to-depth';
import { uniformParameters } from '../../passes/uniform-parameters';
import { type Contract, contractOf, originalContract } from '../analysis/contract';
import { type Cells, cellsOf } from '../analysis/growing';
import { motionOf } from '../analysis/motion';
import {
  cannotRefine,
  notConvertible,
  strideNotDivisor,
  strideNotFor,
  strideOfOtherAxes,
  unknownOutput,
  unknownPass,
} from '../diagnostics/catalogue';
import { assertInvariant, CompileError } from '../diagnostics/compile-error';
import { imageInputs } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { declareWindows } from '../ir/sizes/windows';
import { axisName, unitOf } from '../ir/spatial';
import { table } from '../ir/table';
import type { Dim } from '../ir/types';
import { pixelStride, strideBySize } from '../operators/pixel-stride';
import { type Budget, type PassReport, PassRunner, type RunOptions, runPasses } from '../rewrite/manager';
import type { Pass, Remark } from '../rewrite/pass';
import { type ImageWindow, resolveWindows, type SizeRequest, windowLengths, windowLetters } from './input-size';
import { type Density, declaredSize, writeMetadata } from './metadata';
import { type Phased, phasesIn, requireInPhase } from './phases';
import { hasFixedImages, requireCells, requireFreed, requireMaps, requireOneWay, requireSliding, requireTrained } from './requirements';

export interface CompileOptions {
  /** The size of image that the network was made for, where the file does not say. */
  readonly inputSize?: SizeRequest | undefined;
  /** One prediction per window of the original size (default), per cell of the last map, or per image; `original`: the output stays as it is. */
  readonly head?: Head | undefined;
  /** Pixels between neighbouring cells of the map, for all spatial axes or for each: divisors of what they are, for a finer map. Heads `window` and `cell`. */
  readonly stride?: number | readonly number[] | undefined;
  /** How a finer map is made: by dilating what follows (default), or by shifted copies for runtimes without dilated pools. The maps are the same. */
  readonly dense?: DenseMethod | undefined;
  /** Folds what can be folded: 0 only what the conversion needs, 1 without rounding anything anew, 2 (default) all. */
  readonly optimise?: OptimisationLevel | undefined;
  /** Keeps these outputs and removes what only the others need. Values within the network may be named: the scores that labels are made of. */
  readonly outputs?: readonly string[] | undefined;
  /** Only these passes of the pipeline, by name. The last one, free-spatial-dims, always runs. */
  readonly passes?: readonly string[] | undefined;
  /** Passes of the caller's own. Each runs once, after the one that it names, or last before the height and width become symbols. */
  readonly plugins?: readonly PluginPass[] | undefined;
  /** All but these. */
  readonly skip?: readonly string[] | undefined;
  readonly validate?: RunOptions['validate'] | undefined;
  readonly onPass?: RunOptions['onPass'] | undefined;
  readonly onAttempt?: RunOptions['onAttempt'] | undefined;
  readonly budget?: Budget | undefined;
}

/** `atrous`: a stride is left away, what follows is dilated; `shift`: a stride is left away, what follows runs on each phase of the map. */
export type DenseMethod = 'atrous' | 'shift';
const DENSE: Readonly<Record<DenseMethod, (strides: readonly number[]) => Pass>> = { atrous: denseStride, shift: denseShift };

/** A pass from outside, and its place. */
export type PluginPass = Pass & {
  /** The pass of the pipeline that it runs after, or after the group which that one is repeated in. */
  readonly after?: string | undefined;
};

export interface OutputReport {
  readonly name: string;
  /** Shape at the original input size, e.g. [N, 1000]. */
  readonly original: readonly Dim[] | undefined;
  /** Shape now, in terms of the lengths of the input. */
  readonly converted: readonly Dim[] | undefined;
}

export interface CompileReport {
  /** The size of image that one prediction looks at, per image input. */
  readonly windows: readonly ImageWindow[];
  readonly outputs: readonly OutputReport[];
  readonly head: Head;
  /** Per output that was made finer (`stride`): how many cells there are for each one, along each spatial axis. */
  readonly density: Density;
  /** What holds between the two models, read off the graph. */
  readonly contract: Contract;
  /** One entry per pass, rounds of a repeated group added up. */
  readonly passes: readonly PassReport[];
  readonly remarks: readonly Remark[];
}

export interface Compiled {
  readonly model: Model;
  /**
   * The original with its input at the window's size, constants folded and all shapes inferred: what the report's "before" is about.
   * Head `original`: made when it is first asked for, of the given model as it is then.
   */
  readonly original: Model;
  readonly report: CompileReport;
}

/**
 * Makes a classifier fully convolutional. The given model is not touched.
 * Throws CompileError where the size of the window is not known or an output cannot become a map.
 */
export function compile(source: Model, options: CompileOptions = {}): Compiled {
  return options.head === 'original' ? folded(source, options) : converted(source, options);
}

/** Sizes and outputs stay what they are. */
function folded(source: Model, options: CompileOptions): Compiled {
  if (options.stride !== undefined) throw strideNotFor('original');
  const model = source.clone();
  keepOutputs(model, options.outputs);
  const size = options.inputSize ?? declaredSize(source);
  const sized = size ? source.clone() : source;
  // What is only folded need not look at images.
  const windows = !size && imageInputs(sized.graph).size === 0 ? [] : resolveWindows(sized, size);
  const runner = new PassRunner(model);
  // Sizes stay what they are, so that all arithmetic on them can go. (A conversion follows it instead: it says how sizes grow.)
  const passes = settle(runner, [foldShapes, foldConstants]);
  for (const step of stepsOf('original', options)) passes.push(...runGroup(runner, step, options));
  writeMetadata(model, windows, originalContract, 'original', {});
  // Reports ask for it, the file does not.
  let before: Model | undefined;
  const original = (): Model => {
    if (!before) {
      before = source.clone();
      if (windows.length > 0) resolveWindows(before, size);
      keepOutputs(before, options.outputs);
      runPasses(before, [foldConstants]);
    }
    return before;
  };
  return {
    model,
    get original() {
      return original();
    },
    report: {
      windows,
      get outputs() {
        return outputsOf(original(), model);
      },
      head: 'original',
      density: {},
      contract: originalContract,
      passes: merged(passes),
      remarks: passes.flatMap((report) => report.remarks),
    },
  };
}

function converted(source: Model, options: CompileOptions): Compiled {
  const original = source.clone();
  const head = options.head ?? 'window';
  const windows = resolveWindows(original, options.inputSize ?? declaredSize(original));
  keepOutputs(original, options.outputs);
  // Shapes that are computed from constants must be numbers for anything to be said about the original.
  const passes: PassReport[] = runPasses(original, [foldConstants]);
  requireTrained(original);
  requireOneWay(original, leavesOut(options));
  const model = original.clone();
  const runner = new PassRunner(model);
  const said = (): Remark[] => passes.flatMap((report) => report.remarks);
  let contract: Contract | undefined;
  let cells: Cells = new Map();
  let phased: readonly Phased[] = [];
  declareWindows(
    model,
    windows.map((window) => [window.input, windowLengths(window)]),
  );
  for (const step of stepsOf(head, options)) {
    // Asked while all sizes are those of the window, and the classifier has become convolutions.
    if (isLast(step)) {
      if (head === 'cell') requireCells(model, said(), { passesLeftOut: leavesOut(options), otherwise: () => asWindows(source, options) });
      const motion = motionOf(model.graph);
      requireSliding(model, motion, said(), { original, passesLeftOut: leavesOut(options) });
      contract = contractOf(model.graph, { head, original: original.graph, motion });
      cells = cellsOf(model.graph, motion);
      phased = phasesIn(model.graph, motion);
    }
    // A finer map asks other things of its lengths.
    if (namesIn(step).includes(fitImages.name) && options.stride !== undefined) continue;
    passes.push(...runGroup(runner, step, options));
  }
  requireMaps(model, { original, wasFixed: hasFixedImages(source), head, passesLeftOut: leavesOut(options) }, said());
  requireFreed(model, cells, said(), leavesOut(options));
  const strides = options.stride === undefined ? undefined : perAxisOf(options.stride, windows);
  if (strides) requireInPhase(phased, strides);
  const density = strides ? refine(model, strides, head, passes, options) : {};
  passes.push(...closeAgain(model, integerOrigins(original.graph), options));
  assertInvariant(contract, () => 'the pipeline does not end in free-spatial-dims');
  writeMetadata(model, windows, contract, head, density);
  return {
    model,
    original,
    report: { windows, outputs: outputsOf(original, model), head, density, contract, passes: merged(passes), remarks: said() },
  };
}

/** What stands in the way of a prediction for each window; undefined: nothing does. */
function asWindows(
  source: Model,
  { onPass: _, onAttempt: __, budget: ___, stride: ____, ...options }: CompileOptions,
): CompileError | undefined {
  try {
    converted(source, { ...options, head: 'window' });
    return undefined;
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
}

const stepsOf = (head: Head, options: CompileOptions): Pipeline =>
  selected(withPlugins(pipelineFor(head, options.optimise ?? 2), options.plugins ?? []), options);

const outputsOf = (original: Model, model: Model): OutputReport[] =>
  original.graph.outputs.map((before, index) => {
    const after = model.graph.outputs[index];
    assertInvariant(after?.name === before.name, () => `output '${before.name}' became '${after?.name}'`);
    return { name: before.name, original: before.type?.shape, converted: after.type?.shape };
  });

/** What a conversion does to a model, without asking whether it is one: for finding the step at which it goes wrong, on parts of networks too. */
export interface Replayed {
  readonly model: Model;
  /** The source with its inputs at the window's size. */
  readonly original: Model;
}

/** Runs the passes of a conversion, as many steps of them as `budget` allows. Outputs stay what they are at the original size, map or not. */
export function replay(source: Model, options: CompileOptions, budget?: Budget): Replayed {
  const original = source.clone();
  const windows = imageInputs(original.graph).size > 0 ? resolveWindows(original, options.inputSize ?? declaredSize(original)) : [];
  keepOutputs(original, options.outputs);
  inferShapes(original);
  const model = original.clone();
  declareWindows(
    model,
    windows.map((window) => [window.input, windowLengths(window)]),
  );
  const head = options.head ?? 'window';
  const runner = new PassRunner(model);
  const run: CompileOptions = { ...options, budget };
  const first: Pipeline = head === 'original' ? [[foldShapes, foldConstants]] : [foldConstants];
  const last: Pipeline = head === 'original' ? [] : [closeIntegers(integerOrigins(original.graph)), removeDeadNodes];
  for (const step of [...first, ...stepsOf(head, options), ...last]) runGroup(runner, step, run);
  return { model, original };
}

/** Makes the maps finer. Throws CompileError where the stride is no divisor, or a node is in the way. */
function refine(model: Model, strides: readonly number[], head: Head, passes: PassReport[], options: CompileOptions): Density {
  if (head !== 'window' && head !== 'cell') throw strideNotFor(head);
  const before = model.graph.outputs.map((output) => pixelStride(output));
  const own = before[0] ?? [];
  const isDivisor = (stride: number, axis: number): boolean => Number.isInteger(stride) && stride >= 1 && (own[axis] ?? 1) % stride === 0;
  if (!strides.every(isDivisor)) throw strideNotDivisor(strides, own.map(divisorsOf), unitOf(own.length));
  const pass = DENSE[options.dense ?? 'atrous'](strides);
  const reports = runPasses(model, [pass, removeDeadNodes, fitImages], options.onPass ? { onPass: options.onPass } : {});
  passes.push(...reports);
  const [refusal] = reports.flatMap((report) => report.refusals);
  if (refusal) throw cannotRefine(refusal.at, refusal.reason ?? '');
  return Object.fromEntries(
    model.graph.outputs.map((output, at): [string, readonly number[]] => {
      const old = before[at] ?? [];
      const density = old.map((stride, axis) => stride / commonDivisor(stride, strides[axis] ?? 1));
      const now = strideBySize(output) ?? old.map((stride, axis) => stride / (density[axis] ?? 1));
      assertInvariant(
        now.every((stride, axis) => stride * (density[axis] ?? 1) === old[axis]),
        () => `'${output.name}' has a cell every ${now.join(', ')}`,
      );
      return [output.name, density];
    }),
  );
}

/** A network of integers computes in integers again. Throws CompileError where a layer of it cannot. */
function closeAgain(model: Model, origins: ReadonlySet<string>, { onPass }: CompileOptions): PassReport[] {
  if (origins.size === 0) return [];
  const reports = runPasses(model, [closeIntegers(origins), removeDeadNodes], onPass ? { onPass } : {});
  const [refusal] = reports.flatMap((report) => report.refusals);
  const [output] = model.graph.outputs;
  if (refusal && output) throw notConvertible(output, [`${refusal.at.op} '${refusal.at.node}': ${refusal.reason}`], refusal.at);
  return reports;
}

/** One stride for all axes, or one for each. */
function perAxisOf(stride: number | readonly number[], windows: readonly ImageWindow[]): readonly number[] {
  const list = typeof stride === 'number' ? [stride] : stride;
  const letters = windows[0] ? windowLetters(windows[0]) : [];
  if (list.length !== 1 && list.length !== letters.length) throw strideOfOtherAxes(list, letters.map(axisName));
  return letters.map((_, axis) => list[axis] ?? list[0] ?? 1);
}

const divisorsOf = (number: number): number[] =>
  Array.from({ length: number }, (_, at) => at + 1).filter((divisor) => number % divisor === 0);

function keepOutputs(model: Model, names: readonly string[] | undefined): void {
  if (!names) return;
  const { graph } = model;
  const results = [...graph.outputs, ...graph.nodes.flatMap((node) => node.outputs)];
  const kept = names.map((name) => {
    const output = name === '' ? undefined : results.find((candidate) => candidate.name === name);
    if (!output) throw unknownOutput(name, graph.outputs);
    return output;
  });
  // In the model's own order.
  graph.setOutputs([...new Set(results)].filter((value) => kept.includes(value)));
  runPasses(model, [removeDeadNodes]);
}

/** The same network with these of its values as outputs, which may lie within. Throws CompileError UNKNOWN_OUTPUT. */
export function withOutputs(original: Model, names: readonly string[]): Model {
  const model = original.clone();
  keepOutputs(model, names);
  return model;
}

/** The same function, with maps where an exporter wrote lists of places: for cutting a network between trunk and head. */
export function cuttable(original: Model): Model {
  const model = original.clone();
  runPasses(model, [sinkRows, sinkTokens, removeDeadNodes]);
  return model;
}

/** A part of a network, its input at the window's size, with height and width made symbolic: for running a trunk on larger images. */
export function freeSizes(part: Model): Model {
  const model = part.clone();
  // A pool over the whole map means the whole map at any size, however it is spelled.
  runPasses(model, [spaceToDepth, uniformParameters, normaliseGlobalPool, gatePoolToGlobal, freeSpatialDims, removeDeadNodes]);
  return model;
}

/** Finds all types, of values too that depend on arithmetic over constants. Constant parts of the graph are folded on the way. */
export function settle(of: Model | PassRunner, passes: readonly Pass[] = [foldConstants]): PassReport[] {
  const runner = of instanceof PassRunner ? of : new PassRunner(of);
  const reports: PassReport[] = [];
  // Each round knows more shapes than the one before, and with them more constants.
  for (let rounds = runner.model.graph.nodeCount; rounds > 0; rounds--) {
    const round = runner.run(passes);
    reports.push(...round);
    if (round.every(({ edits }) => edits === 0)) break;
  }
  return reports;
}

const isLast = (step: Pass | readonly Pass[]): boolean => ('run' in step ? [step] : step).some((pass) => pass.name === 'free-spatial-dims');

const leavesOut = ({ passes, skip }: CompileOptions): boolean => passes !== undefined || (skip?.length ?? 0) > 0;

/** A group runs until a whole round changes nothing. */
function runGroup(runner: PassRunner, step: Pass | readonly Pass[], options: CompileOptions): PassReport[] {
  const group = 'run' in step ? [step] : step;
  const run: RunOptions = {
    ...(options.validate && { validate: options.validate }),
    ...(options.onPass && { onPass: options.onPass }),
    onAttempt: options.onAttempt,
    budget: options.budget,
  };
  const reports = runner.run(group, run);
  if (group.length === 1 || reports.every(({ edits }) => edits === 0)) return reports;
  // Each round moves at least one Flatten past one node, so the number of nodes bounds the rounds.
  for (let rounds = runner.model.graph.nodeCount; rounds > 0; rounds--) {
    const round = runner.run(group, run);
    if (round.every((report) => report.edits === 0)) break;
    reports.push(...round);
  }
  return reports;
}

/** Throws CompileError UNKNOWN_PASS where a plugin asks for a place that is not there. */
function withPlugins(pipeline: Pipeline, plugins: readonly PluginPass[]): Pipeline {
  const steps = [...pipeline];
  for (const plugin of plugins) {
    const at =
      plugin.after === undefined ? lastBeforeFreeing(steps) : steps.findIndex((step) => namesIn(step).includes(plugin.after ?? ''));
    if (at < 0)
      throw unknownPass(
        plugin.after ?? '',
        steps.flatMap((step) => namesIn(step)),
      );
    steps.splice(at + 1, 0, plugin);
  }
  return steps;
}

const namesIn = (step: Pass | readonly Pass[]): readonly string[] => ('run' in step ? [step] : step).map(({ name }) => name);
/** In front of the steps that tidy up and free the sizes. */
const lastBeforeFreeing = (steps: Pipeline): number => {
  const freeing = steps.findIndex((step) => namesIn(step).includes('free-spatial-dims'));
  return (freeing < 0 ? steps.length : freeing) - 2;
};

/** The sizes of a conversion are free, whatever else is left out. */
const ALWAYS: ReadonlySet<string> = new Set([freeSpatialDims.name, fitImages.name]);

function selected(pipeline: Pipeline, { passes, skip }: CompileOptions): Pipeline {
  const known = [...new Set(pipeline.flat().map((pass) => pass.name))];
  for (const name of [...(passes ?? []), ...(skip ?? [])]) if (!known.includes(name)) throw unknownPass(name, known);
  const keeps = (pass: Pass): boolean => ALWAYS.has(pass.name) || ((!passes || passes.includes(pass.name)) && !skip?.includes(pass.name));
  return pipeline.map((step) => ('run' in step ? [step] : step).filter(keeps)).filter((group) => group.length > 0);
}

/** Reports of the rounds of one pass as one. */
function merged(reports: readonly PassReport[]): PassReport[] {
  const byName = new Map<string, PassReport>();
  for (const report of reports) {
    const before = byName.get(report.pass);
    byName.set(report.pass, before ? added(before, report) : report);
  }
  return [...byName.values()];
}

function added(a: PassReport, b: PassReport): PassReport {
  const applied: Record<string, number> = table({ ...a.applied });
  for (const [rule, count] of Object.entries(b.applied)) applied[rule] = (applied[rule] ?? 0) + count;
  return {
    pass: a.pass,
    numbers: a.numbers,
    applied,
    remarks: [...a.remarks, ...b.remarks],
    refusals: [...a.refusals, ...b.refusals],
    nodesBefore: a.nodesBefore,
    nodesAfter: b.nodesAfter,
    edits: a.edits + b.edits,
    ms: a.ms + b.ms,
  };
}
