/** The process in which inputs are tried: it may crash, hang or run full, and is then replaced. Which input it is at is in the file `number` beside its folder. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Attempt, attempt, cleared, type Finding } from './attempt';
import { type Case, caseOf } from './draft';
import { generate } from './generate';
import { Seeds } from './seeds';
import { watch } from './watch';

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

export function work(home: string): void {
  const folder = join(home, 'folder');
  mkdirSync(folder);
  process.chdir(folder);
  process.env.TMPDIR = join(folder, 'tmp');
  const number = openSync(join(home, 'number'), 'w');
  const noted: string[] = [];
  watch(
    () => folder,
    (what) => void noted.push(what),
  );
  const answer = (message: Answer): void => void process.send?.(message);
  const seeds = new Seeds();
  const tried = async (input: Case): Promise<Attempt> => {
    cleared(folder);
    noted.length = 0;
    const { outcome, findings } = await attempt(input, folder);
    return {
      outcome,
      findings: [
        ...findings,
        ...noted.map((what) => ({ kind: 'outside', signature: `outside: ${what.replace(/\d+/g, '#').slice(0, 100)}`, detail: what })),
      ],
    };
  };
  const range = async ({ seed, from, to, only }: RangeTask): Promise<void> => {
    const outcomes: Record<string, number> = {};
    let next = from;
    let full = false;
    for (; next < to && !full; next++) {
      writeSync(number, String(next).padEnd(12), 0);
      const input = caseOf(generate(seeds, seed, next, only));
      const { outcome, findings } = input ? await tried(input) : { outcome: 'cannot be written down', findings: [] };
      const key = `${input?.format ?? 'none'}, ${outcome}`;
      outcomes[key] = (outcomes[key] ?? 0) + 1;
      for (const finding of findings) answer({ kind: 'finding', number: next, finding });
      // The highest mark of memory does not go down again.
      full = findings.some(({ kind }) => kind === 'memory') || process.memoryUsage.rss() > GROWN;
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
      tried(task.case)
        .then((result) => answer({ kind: 'tried', attempt: result }))
        .catch(failed);
  });
  process.on('disconnect', () => {
    closeSync(number);
    process.exit(0);
  });
}
