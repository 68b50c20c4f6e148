/** Runs a conversion step by step, for debugging. */
import { closing, evaluation, evaluationOfSizes, type Pipeline } from '../../passes';
import { imageInputs, lettersOf } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { declareWindows } from '../ir/sizes/windows';
import { slideAlong } from '../ir/tied';
import { type Budget, PassRunner } from '../rewrite/manager';
import { resolveWindows, windowLengths } from './input-size';
import { declaredSize } from './metadata';
import type { CompileOptions } from './options';
import { keepOutputs } from './parts';
import { lettersNamed } from './slide';
import { runGroup, stepsOf } from './steps';

/** Result of running a conversion without checking that it succeeded: for finding the step that goes wrong, also on parts of networks. */
export interface Replayed {
  readonly model: Model;
  /** The source with its inputs at the window's size. */
  readonly original: Model;
}

/** Runs the passes of a conversion, as many steps as `budget` allows. Outputs keep their values at the original size, map or not. */
export function replay(source: Model, options: CompileOptions, budget?: Budget): Replayed {
  const original = source.clone();
  if (options.slide) slideAlong(original, lettersNamed(original, options.slide), lettersOf(imageInputs(original.graph)));
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
  const first: Pipeline = [head === 'original' ? evaluationOfSizes : evaluation];
  const last: Pipeline = head === 'original' ? [] : closing(original.graph);
  for (const step of [...first, ...stepsOf(head, options), ...last]) runGroup(runner, step, run);
  return { model, original };
}
