/** The process in which inputs are tried: it may crash, hang or run full, and is then replaced. Which input it is at is in the file `number` beside its folder. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Attempt, Finding } from './attempt';
import { Desk } from './desk';
import type { Case } from './draft';
import { inputOf } from './generate';
import { planted } from './plants';
import { Seeds } from './seeds';

export interface RangeTask {
  readonly do: 'range';
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly only?: string | undefined;
}
export interface CaseTask {
  readonly do: 'case';
  readonly case: Case;
}
export type Answer =
  | { readonly kind: 'finding'; readonly number: number; readonly finding: Finding }
  /** `full`: the process has grown, and wants to be replaced. */
  | { readonly kind: 'done'; readonly outcomes: Readonly<Record<string, number>>; readonly next: number; readonly full: boolean }
  | { readonly kind: 'tried'; readonly attempt: Attempt };

const GROWN = 600 * 2 ** 20;
/** Inputs between two looks at its size. */
const EVERY = 50;

/** `plant`: a fault to be found, for the test of the fuzzer. */
export function work(home: string, plant: string | undefined): void {
  const folder = join(home, 'folder');
  mkdirSync(folder);
  process.chdir(folder);
  process.env.TMPDIR = join(folder, 'tmp');
  const number = openSync(join(home, 'number'), 'w');
  const answer = (message: Answer): void => void process.send?.(message);
  const seeds = new Seeds();
  const desk = new Desk(folder, planted(plant));
  const range = async ({ seed, from, to, only }: RangeTask): Promise<void> => {
    const outcomes: Record<string, number> = {};
    let next = from;
    let full = false;
    for (; next < to && !full; next++) {
      writeSync(number, String(next).padEnd(12), 0);
      const input = inputOf(seeds, seed, next, only);
      const { outcome, findings } = input ? await desk.try(input) : { outcome: 'cannot be written down', findings: [] };
      const key = `${input?.format ?? 'none'}, ${outcome}`;
      outcomes[key] = (outcomes[key] ?? 0) + 1;
      for (const finding of findings) answer({ kind: 'finding', number: next, finding });
      // The highest mark of memory does not go down again.
      full = findings.some(({ kind }) => kind === 'memory') || (next % EVERY === 0 && process.memoryUsage.rss() > GROWN);
    }
    answer({ kind: 'done', outcomes, next, full });
  };
  process.on('message', (task: RangeTask | CaseTask) => {
    const failed = (error: unknown): void => {
      console.error(error);
      process.exit(3);
    };
    if (task.do === 'range') range(task).catch(failed);
    else
      desk
        .try(task.case)
        .then((result) => answer({ kind: 'tried', attempt: result }))
        .catch(failed);
  });
  process.on('disconnect', () => {
    closeSync(number);
    process.exit(0);
  });
}
