/**
 * Finds the first step of a conversion after which the results leave the tolerance: a rewrite by a rule, or the run of a pass that has no rules.
 *
 * Every step should preserve the results at the original size, so the model after the first k steps can be run for any k; bisection finds the step in log2(n)
 * runs. If results go wrong, right and wrong again, one of the wrong steps is found.
 */
import { type CompileOptions, replay } from '../compile';
import { InvariantError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import type { Budget, Step } from '../rewrite/manager';
import { Trial, type TrialOptions, type Verdict } from './trial';

export interface Bisected {
  /** All steps; if one fails, the steps up to it. */
  readonly steps: readonly Step[];
  /** Number of models that were run. */
  readonly runs: number;
  /** Undefined if the results stay within the tolerance throughout. */
  readonly culprit:
    | {
        /** Counted from 1. */
        readonly number: number;
        readonly step: Step | undefined;
        readonly verdict: Exclude<Verdict, { kind: 'equal' }>;
        /** Undefined if a pass failed before it finished. */
        readonly after: Model | undefined;
        readonly before: Model;
      }
    | undefined;
}

/** Runs the bisection. Throws CompileError if the original cannot be run. */
export async function bisect(source: Model, options: CompileOptions, settings: TrialOptions): Promise<Bisected> {
  const all = stepsOf(source, options);
  const trial = await Trial.of(all.original, settings);
  let runs = 0;
  const judge = (count: number): Promise<Verdict> => {
    runs++;
    settings.onProgress?.(`running the model after ${count} of ${all.steps.length} steps`);
    return trial.judge(() => after(source, options, count));
  };
  // A failing pass counts as one more step after those that it completed.
  const last = all.steps.length + (all.failed ? 1 : 0);
  let verdict = await judge(last);
  if (verdict.kind === 'equal') return { steps: all.steps, runs, culprit: undefined };
  let [good, bad] = [0, last];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    const found = await judge(middle);
    if (found.kind === 'equal') good = middle;
    else [bad, verdict] = [middle, found];
  }
  const culprit = {
    number: bad,
    step: all.steps[bad - 1] ?? all.failed,
    verdict,
    before: after(source, options, bad - 1),
    after: bad <= all.steps.length ? after(source, options, bad) : undefined,
  };
  return { steps: all.steps, runs, culprit };
}

export interface Steps {
  readonly original: Model;
  readonly steps: readonly Step[];
  /** The pass that failed, if any. */
  readonly failed: Step | undefined;
}

/** Lists all steps of a conversion. */
export function stepsOf(source: Model, options: CompileOptions): Steps {
  const steps: Step[] = [];
  const budget: Budget = { left: () => true, take: (step) => steps.push(step) };
  try {
    return { original: replay(source, options, budget).original, steps, failed: undefined };
  } catch (error) {
    if (!(error instanceof InvariantError)) throw error;
    const { original } = replay(source, options, { left: () => false, take: () => {} });
    return { original, steps, failed: { pass: /^pass '([^']*)'/.exec(error.message)?.[1] ?? 'unknown' } };
  }
}

/** The model after `count` steps. */
export function after(source: Model, options: CompileOptions, count: number): Model {
  let taken = 0;
  return replay(source, options, { left: () => taken < count, take: () => void taken++ }).model;
}
