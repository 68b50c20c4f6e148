/**
 * Gives the program inputs that are nearly sound, and looks for everything but an answer: `npm run fuzz`.
 *
 *   npm run fuzz -- --minutes 60           for an hour, from a seed of its own
 *   npm run fuzz -- --count 3000 --seed 1  the same inputs each time, whatever the speed of the machine
 *   npm run fuzz -- --seed 1 --number 77   one of them again, made smaller, kept in a folder
 *   --only onnx                            one format: onnx, onnxtxt, tfjs, certificate, report, preprocessing, labels, config, suite, picture, array
 *   --workers 2                            processes at a time; by default all cores but one
 *   --keep DIRECTORY                       where findings go; by default fuzz-findings
 *   --verbose                              how often each outcome was
 *   --make-seeds                           writes fixtures/fuzz/sound anew
 *
 * A finding is: an exception that is no error of the catalogue (exit code 70), a crash, more than 10 s or 1 GB, something written where it should not be or
 * left behind, a changed input, control characters or workflow commands in what is printed, a conversion that this program refuses to read, and one that gives other
 * numbers in ONNX Runtime than its original at the original's size. Exit code 1 with any.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Finding } from './attempt';
import { caseOf, type Draft } from './draft';
import { generate, inputOf } from './generate';
import { makeSeeds } from './make-seeds';
import { ending, Process } from './pool';
import { Seeds } from './seeds';
import { shrunk } from './shrink';
import { work } from './worker';

const [, , mode, home, planted] = process.argv;
if (mode === '--worker' && home !== undefined) work(home, planted);
else
  direct().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 70;
  });

interface Found {
  readonly number: number;
  readonly finding: Finding;
  times: number;
}

async function direct(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      count: { type: 'string' },
      seed: { type: 'string' },
      number: { type: 'string' },
      only: { type: 'string' },
      workers: { type: 'string' },
      keep: { type: 'string', default: 'fuzz-findings' },
      shrink: { type: 'string', default: '400' },
      verbose: { type: 'boolean', default: false },
      // A fault in the program, which is to be found: plants.ts.
      plant: { type: 'string' },
      'make-seeds': { type: 'boolean', default: false },
    },
  });
  if (values['make-seeds']) return makeSeeds();
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const { only, keep, plant } = values;
  const seeds = new Seeds();
  const found = new Map<string, Found>();
  const outcomes = new Map<string, number>();
  const started = Date.now();
  let tried = 1;
  if (values.number !== undefined) {
    const number = Number(values.number);
    const input = inputOf(seeds, seed, number, only);
    const probe = new Process(plant);
    const { outcome, findings } = input ? await probe.try(input) : { outcome: 'cannot be written down', findings: [] };
    probe.close();
    console.log(`${input?.format}, ${outcome}: ${JSON.stringify(input?.action)}`);
    for (const finding of findings) found.set(finding.signature, { number, finding, times: 1 });
  } else {
    const until = values.minutes === undefined ? undefined : started + 60_000 * Number(values.minutes);
    const count = values.count === undefined ? (until === undefined ? 3000 : Number.POSITIVE_INFINITY) : Number(values.count);
    const workers = Number(values.workers ?? Math.max(1, availableParallelism() - 1));
    tried = await runAll({ seeds, seed, only, count, until, workers, outcomes, found, plant });
  }
  for (const [signature, { number, finding, times }] of found) {
    const again = `npm run fuzz -- --seed ${seed} --number ${number}${only === undefined ? '' : ` --only ${only}`}`;
    const draft = await smallest(generate(seeds, seed, number, only), signature, Number(values.shrink), plant);
    const folder = join(keep, `${seed}-${number}-${finding.kind.replace(/\W+/g, '-')}`);
    const files = save(draft, folder, `${signature}\n${times} times\n${again}\n\n${finding.detail}\n`);
    console.log(
      `\n${signature}\n  ${times} times; ${again}\n  ${folder}: ${files}\n  ${finding.detail.split('\n').slice(0, 8).join('\n  ')}`,
    );
  }
  if (values.verbose)
    for (const [outcome, times] of [...outcomes].sort(([, a], [, b]) => b - a)) console.log(`${String(times).padStart(8)} ${outcome}`);
  const sum = (has: RegExp): number => [...outcomes].reduce((all, [outcome, times]) => all + (has.test(outcome) ? times : 0), 0);
  const seconds = (Date.now() - started) / 1000;
  if (values.number === undefined)
    console.log(
      `\nseed ${seed}: ${tried} inputs in ${seconds.toFixed(0)} s, ${sum(/: converted|^(?!onnx,).*: [013]\b|^onnx.*: 0\b/)} accepted, ` +
        `${sum(/, equal$/)} run and equal, ${found.size} kinds of findings`,
    );
  process.exitCode = found.size > 0 ? 1 : 0;
}

interface Run {
  readonly seeds: Seeds;
  readonly seed: number;
  readonly only: string | undefined;
  readonly count: number;
  readonly until: number | undefined;
  readonly workers: number;
  readonly outcomes: Map<string, number>;
  readonly found: Map<string, Found>;
  readonly plant: string | undefined;
}

/** Inputs among which is the one that took too much memory. */
const SUSPECTS = 16;
const isShared = ({ kind }: Finding): boolean => kind === 'time' || kind === 'memory';

/** Inputs in blocks; a process has one block after the other, and a new one goes on behind the input that ended it. */
async function runAll({ seeds, seed, only, count, until, workers, outcomes, found, plant }: Run): Promise<number> {
  const BLOCK = 1000;
  let next = 0;
  let tried = 0;
  const note = (number: number, finding: Finding): void => {
    const known = found.get(finding.signature);
    if (known) known.times++;
    else {
      found.set(finding.signature, { number, finding, times: 1 });
      console.log(`--seed ${seed} --number ${number}: ${finding.signature}`);
    }
  };
  /** What a process grew to, or how long it was busy, may be the fault of others: the inputs that can be at fault are tried alone. */
  const confirm = async (number: number, finding: Finding): Promise<void> => {
    for (let at = number; at > number - (finding.kind === 'memory' ? SUSPECTS : 1) && at >= 0; at--) {
      const input = inputOf(seeds, seed, at, only);
      const alone = new Process(plant);
      const { findings } = input ? await alone.try(input) : { findings: [] };
      alone.close();
      const same = findings.find(({ signature }) => signature === finding.signature);
      if (same) return note(at, same);
    }
    console.log(`${number}: ${finding.signature}, but not alone`);
  };
  const isOver = (): boolean => next >= count || (until !== undefined && Date.now() >= until);
  let told = Date.now();
  const one = async (): Promise<void> => {
    let worker = new Process(plant);
    while (!isOver()) {
      let from = next;
      const to = Math.min(count, from + BLOCK);
      next = to;
      while (from < to) {
        const task = { do: 'range', seed, from, to, only } as const;
        const begun = from;
        const suspects: [number, Finding][] = [];
        const answer = await new Promise<{ next: number; fresh: boolean }>((resolve) =>
          worker.range(task, (reply) => {
            if (reply.kind === 'finding' && isShared(reply.finding) && !found.has(reply.finding.signature))
              suspects.push([reply.number, reply.finding]);
            else if (reply.kind === 'finding') note(reply.number, reply.finding);
            else if (reply.kind === 'done') {
              for (const [outcome, times] of Object.entries(reply.outcomes)) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + times);
              resolve({ next: reply.next, fresh: reply.full });
            } else if (reply.kind === 'ended') {
              note(reply.number, ending(reply.how));
              resolve({ next: Math.max(begun, reply.number) + 1, fresh: true });
            }
          }),
        );
        for (const [number, finding] of suspects) await confirm(number, finding);
        tried += answer.next - from;
        from = answer.next;
        if (answer.fresh) {
          worker.close();
          worker = new Process(plant);
        }
        if (Date.now() - told > 120_000) {
          told = Date.now();
          console.log(`${tried} inputs, ${found.size} kinds of findings`);
        }
      }
    }
    worker.close();
  };
  await Promise.all(Array.from({ length: workers }, one));
  return tried;
}

/** The smallest draft found with the same finding. */
async function smallest(draft: Draft, signature: string, budget: number, plant: string | undefined): Promise<Draft> {
  let probe = new Process(plant);
  const fails = async (candidate: Draft): Promise<boolean> => {
    const input = caseOf(candidate);
    if (!input) return false;
    const { findings } = await probe.try(input);
    if (!probe.isAlive || findings.some(({ kind }) => kind === 'memory' || kind === 'crash' || kind === 'time')) {
      probe.close();
      probe = new Process(plant);
    }
    return findings.some((each) => each.signature === signature);
  };
  // What takes long is not tried hundreds of times.
  const best = await shrunk(draft, fails, /^(time|memory|crash)/.test(signature) ? Math.min(budget, 15) : budget);
  probe.close();
  return best;
}

function save(draft: Draft, folder: string, note: string): string {
  const input = caseOf(draft);
  if (!input) return 'nothing';
  for (const [name, bytes] of input.files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  writeFileSync(join(folder, 'finding.txt'), `${note}\n${JSON.stringify(input.action)}\n`);
  return `${draft.name}, ${input.files.get(draft.name)?.length} bytes, ${input.action.kind === 'cli' ? input.action.args.join(' ') : JSON.stringify(input.action)}`;
}
