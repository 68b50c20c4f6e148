/**
 * The first step of a conversion after which the numbers leave the tolerance: a rewrite by a rule, or the run of a pass that has no rules.
 *
 * Every step is to keep the numbers at the original size, so the model after the first k steps can be run for any k; halving finds the step in log2(n) runs.
 * If numbers go wrong, right and wrong again, one of the wrong steps is found.
 */
import { type CompileOptions, replay } from '../compile';
import { InvariantError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import type { Budget, Step } from '../rewrite/manager';
import { Trial, type TrialOptions, type Verdict } from './trial';

export interface Bisected {
  /** Steps in all; up to the one that cannot be taken, where there is one. */
  readonly steps: readonly Step[];
  /** How many models were run. */
  readonly runs: number;
  /** undefined: the numbers stay within the tolerance all the way. */
  readonly culprit:
    | {
        /** From 1. */
        readonly number: number;
        readonly step: Step | undefined;
        readonly verdict: Exclude<Verdict, { kind: 'equal' }>;
        /** undefined: a pass failed before it was done. */
        readonly after: Model | undefined;
        readonly before: Model;
      }
    | undefined;
}

/** Throws CompileError where the original cannot be run. */
export async function bisect(source: Model, options: CompileOptions, settings: TrialOptions): Promise<Bisected> {
  const all = stepsOf(source, options);
  const trial = await Trial.of(all.original, settings);
  let runs = 0;
  const judge = (count: number): Promise<Verdict> => {
    runs++;
    settings.onProgress?.(`running the model after ${count} of ${all.steps.length} steps`);
    return trial.judge(() => after(source, options, count));
  };
  // A pass that fails does so in the step behind those that it took.
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
  /** Where a pass failed: it, and what it said. */
  readonly failed: Step | undefined;
}

/** Everything that a conversion does, a step at a time. */
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

/** The model after that many steps. */
export function after(source: Model, options: CompileOptions, count: number): Model {
  let taken = 0;
  return replay(source, options, { left: () => taken < count, take: () => void taken++ }).model;
}
