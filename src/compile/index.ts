/**
 * The conversion in one screen: size of the window -> passes at that size -> freed model -> was it converted?
 * Only this folder imports ../passes. Pure: src/onnx reads the bytes before and writes them after, and src/verify checks the result.
 */
import { closing, evaluation, evaluationOfSizes } from '../../passes';
import { type Contract, contractAtSizes, contractOf, originalContract } from '../analysis/contract';
import { type Cells, cellsOf } from '../analysis/growing';
import { motionOf } from '../analysis/motion';
import { formedAlready, notConvertible, strideNotFor, strideOfOtherAxes } from '../diagnostics/catalogue';
import { assertInvariant, CompileError } from '../diagnostics/compile-error';
import { imageInputs, lettersOf, slidingLetters } from '../ir/axis-roles';
import { whereNotEmpty } from '../ir/dims';
import type { Model } from '../ir/model';
import { sizesOf } from '../ir/sizes/taken';
import { declareWindows, windowsOf } from '../ir/sizes/windows';
import { axisName, isSpatialRole, type Letter } from '../ir/spatial';
import { slideAlong, slidingNames } from '../ir/tied';
import type { Dim } from '../ir/types';
import { type PassReport, PassRunner, runPasses } from '../rewrite/manager';
import type { Remark } from '../rewrite/pass';
import { declaredForm, formText } from './form';
import { type ImageWindow, resolveWindows, type SizeRequest, windowLengths, windowLetters } from './input-size';
import { declaredSize, writeMetadata } from './metadata';
import type { Compiled, CompileOptions, OutputReport } from './options';
import { keepOutputs } from './parts';
import { type Phased, phasesIn, requireInPhase } from './phases';
import { refine } from './refine';
import { hasFixedImages, requireCells, requireFreed, requireMaps, requireOneWay, requireSliding, requireTrained } from './requirements';
import { alongAxes } from './slide';
import { hasRole, leavesOut, merged, runGroup, settle, stepsOf } from './steps';

export type { DenseMethod } from '../../passes';
export type { Compiled, CompileOptions, CompileReport, OutputReport, PluginPass } from './options';
export { cuttable, freeSizes, withOutputs } from './parts';
export { type Replayed, replay } from './replay';
export { settle } from './steps';

/**
 * Makes a classifier fully convolutional. Does not modify the given model.
 * Throws CompileError if the size of the window is not known or an output cannot become a map.
 */
export function compile(source: Model, options: CompileOptions = {}): Compiled {
  const form = declaredForm(source);
  if (form) throw formedAlready(formText(form));
  return options.head === 'original' ? folded(source, options) : slidden(source, options);
}

/** Names of the axes along which a network slides; undefined if it slides along all of them, or cannot be converted. */
export function slidingAxes(source: Model, { onPass: _, onAttempt: __, ...options }: CompileOptions): readonly string[] | undefined {
  try {
    const { model } = compile(source, options);
    return slidingNames(model);
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** Converts along every axis that slides, or along the requested axes. */
function slidden(source: Model, options: CompileOptions): Compiled {
  let isFirst = true;
  const { result, tied } = alongAxes(source, options.slide, (sliding, isTrial) => {
    // Trial conversions call no hooks.
    const own: CompileOptions = isTrial ? { ...options, onPass: undefined, onAttempt: undefined, budget: undefined } : options;
    if (!isTrial && !isFirst) options.onRestart?.();
    isFirst &&= isTrial;
    return converted(source, own, sliding);
  });
  return tied.length === 0 ? result : { ...result, report: { ...result.report, tied } };
}

/** Folds only: sizes and outputs stay as they are. */
function folded(source: Model, options: CompileOptions): Compiled {
  if (options.stride !== undefined) throw strideNotFor('original');
  const model = source.clone();
  keepOutputs(model, options.outputs);
  const told = options.inputSize ?? declaredSize(source);
  const size = told ?? assumedSize(source);
  const sized = size ? source.clone() : source;
  // A model that is only folded need not take images.
  const windows = !size && imageInputs(sized.graph).size === 0 ? [] : resolveWindows(sized, size);
  const runner = new PassRunner(model);
  const passes = settle(runner, evaluationOfSizes);
  for (const step of stepsOf('original', options)) passes.push(...runGroup(runner, step, options));
  // An assumed size is not a fact about the model.
  writeMetadata(model, {
    windows: size === told ? windows : [],
    contract: originalContract,
    head: 'original',
    density: {},
    inference: runner.infer(),
  });
  // Computed on request: only reports need it.
  let before: Model | undefined;
  const original = (): Model => {
    if (!before) {
      before = source.clone();
      if (windows.length > 0) resolveWindows(before, size);
      keepOutputs(before, options.outputs);
      runPasses(before, evaluation);
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
      tied: [],
      passes: merged(passes),
      remarks: passes.flatMap((report) => report.remarks),
    },
  };
}

/**
 * Assumes a size for a model of free sizes that is only folded, if none is given: the first common size that it accepts. Undefined if its sizes are fixed,
 * or if it accepts none of the common ones.
 */
function assumedSize(source: Model): SizeRequest | undefined {
  const images = [...imageInputs(source.graph)];
  const isOpen = (dim: Dim, role: string | undefined): boolean => typeof dim !== 'number' && isSpatialRole(role);
  if (!images.some(([{ type }, roles]) => roles.some((role, axis) => isOpen(type?.shape?.[axis], role)))) return undefined;
  for (const length of USUAL) {
    const shapes = new Map(
      images.map(([{ name, type }, roles]) => [
        name,
        roles.map((role, axis) => {
          const dim = type?.shape?.[axis];
          return typeof dim === 'number' ? dim : isSpatialRole(role) ? length : role === 'C' ? 3 : 1;
        }),
      ]),
    );
    const trial = source.clone();
    try {
      resolveWindows(trial, { shapes });
      settle(trial);
      const isTaken = trial.graph.nodes.every(({ outputs }) =>
        outputs.every(({ type }) => type?.shape?.every((dim) => typeof dim !== 'number' || dim > 0) ?? true),
      );
      if (isTaken) return { shapes };
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
    }
  }
  return undefined;
}
const USUAL = [32, 64, 128, 224, 299, 512, 1024, 4096, 16000];

function converted(source: Model, options: CompileOptions, sliding: readonly Letter[]): Compiled {
  const original = source.clone();
  slideAlong(original, sliding, lettersOf(imageInputs(original.graph)));
  const head = options.head ?? 'window';
  const windows = resolveWindows(original, options.inputSize ?? declaredSize(original));
  keepOutputs(original, options.outputs);
  // Shapes that are computed from constants must be known before the original can be analysed.
  const passes: PassReport[] = runPasses(original, evaluation);
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
    // Checked while all sizes are those of the window and the classifier consists of convolutions.
    if (hasRole(step, 'frees')) {
      if (head === 'cell')
        requireCells(model, said(), { passesLeftOut: leavesOut(options), otherwise: () => asWindows(source, options, sliding) });
      const motion = motionOf(model.graph);
      requireSliding(model, motion, said(), { original, passesLeftOut: leavesOut(options) });
      contract = contractOf(model.graph, { head, original: original.graph, motion });
      cells = cellsOf(model.graph, motion);
      phased = phasesIn(model.graph, motion);
    }
    // A finer map has other constraints on its lengths.
    if (hasRole(step, 'fits') && options.stride !== undefined) continue;
    passes.push(...runGroup(runner, step, options));
  }
  requireMaps(model, { original, wasFixed: hasFixedImages(source), head, passesLeftOut: leavesOut(options) }, said());
  requireFreed(model, cells, said(), leavesOut(options));
  const strides = options.stride === undefined ? undefined : perAxisOf(options.stride, windows, slidingLetters(model.graph));
  if (strides) requireInPhase(phased, strides);
  const density = strides ? refine(runner, strides, head, passes, options) : {};
  passes.push(...closeAgain(model, original, options));
  assertInvariant(contract, () => 'no pass of the pipeline frees the sizes');
  const [window] = windows;
  if (contract.congruent && window)
    contract = contractAtSizes(contract, sizesOf(model.graph, runner.infer(), windowsOf(model)).get(window.input));
  writeMetadata(model, { windows, contract, head, density, inference: runner.infer() });
  return {
    model,
    original,
    report: { windows, outputs: outputsOf(original, model), head, density, contract, tied: [], passes: merged(passes), remarks: said() },
  };
}

/** Reason why the network cannot give a prediction per window; undefined if it can. */
function asWindows(
  source: Model,
  { onPass: _, onAttempt: __, budget: ___, stride: ____, ...options }: CompileOptions,
  sliding: readonly Letter[],
): CompileError | undefined {
  try {
    converted(source, { ...options, head: 'window' }, sliding);
    return undefined;
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
}

const outputsOf = (original: Model, model: Model): OutputReport[] =>
  original.graph.outputs.map((before, index) => {
    const after = model.graph.outputs[index];
    assertInvariant(after?.name === before.name, () => `output '${before.name}' became '${after?.name}'`);
    return { name: before.name, original: before.type?.shape, converted: after.type?.shape?.map(whereNotEmpty) };
  });

/** Makes an integer network compute in integers again. Throws CompileError if one of its layers cannot. */
function closeAgain(model: Model, original: Model, { onPass }: CompileOptions): PassReport[] {
  const passes = closing(original.graph);
  if (passes.length === 0) return [];
  const reports = runPasses(model, passes, onPass ? { onPass } : {});
  const [refusal] = reports.flatMap((report) => report.refusals);
  const [output] = model.graph.outputs;
  if (refusal && output) throw notConvertible(output, [`${refusal.at.op} '${refusal.at.node}': ${refusal.reason}`], refusal.at);
  return reports;
}

/** One stride for all axes that slide, or one per axis; undefined for the other axes, where nothing can be made finer. */
function perAxisOf(
  stride: number | readonly number[],
  windows: readonly ImageWindow[],
  sliding: readonly Letter[],
): readonly (number | undefined)[] {
  const list = typeof stride === 'number' ? [stride] : stride;
  const letters = windows[0] ? windowLetters(windows[0]) : [];
  const isPerAxis = list.length === letters.length && list.length !== sliding.length;
  if (list.length !== 1 && !isPerAxis && list.length !== sliding.length) throw strideOfOtherAxes(list, sliding.map(axisName));
  return letters.map((letter, axis) => {
    if (!sliding.includes(letter)) return undefined;
    return (list.length === 1 ? list[0] : list[isPerAxis ? axis : sliding.indexOf(letter)]) ?? 1;
  });
}
