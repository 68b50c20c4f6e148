/** Processes that try inputs, seen from the one that directs them. */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attempt } from './attempt';
import { LIMITS } from './desk';
import type { Case } from './draft';
import type { Answer, RangeTask } from './worker';

/** In memory where the system has such a place: inputs are written and removed by the thousand. */
const HOMES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const WATCH_MS = 500;
/** Without a step for so long, whatever the machine is busy with. */
const STUCK_MS = 300_000;

export type Ended = { readonly kind: 'ended'; readonly number: number; readonly how: string };

export class Process {
  private readonly home = mkdtempSync(join(HOMES, 'convolutionize-fuzz-'));
  private readonly child: ChildProcess;
  private readonly timer: NodeJS.Timeout;
  private wait: { at: number; cpu: number; since: number } = { at: -1, cpu: 0, since: Date.now() };
  private stopped: string | undefined;
  private words = '';
  private hear: (answer: Answer | Ended) => void = () => undefined;

  /** `plant`: a fault to be found. */
  constructor(plant: string | undefined) {
    const planted = plant === undefined ? [] : [plant];
    this.child = fork(__filename.endsWith('.ts') ? (process.argv[1] ?? '') : __filename, ['--worker', this.home, ...planted], {
      execArgv: ['--enable-source-maps', '--max-old-space-size=1500', '--stack-size=984'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    });
    this.child.stderr?.on('data', (bytes: Buffer) => {
      this.words = (this.words + bytes.toString()).slice(-4000);
    });
    this.child.on('message', (answer: Answer) => this.hear(answer));
    this.child.on('exit', (code, signal) => this.ended(this.stopped ?? `${signal ?? `code ${code}`}: ${this.words.slice(0, 1500)}`));
    this.timer = setInterval(() => this.look(), WATCH_MS);
  }

  range(task: RangeTask, hear: (answer: Answer | Ended) => void): void {
    this.hear = hear;
    this.wait = { at: -1, cpu: 0, since: Date.now() };
    this.child.send(task);
  }

  /** What comes of one input, the end of the process included. */
  async try(input: Case): Promise<Attempt> {
    return new Promise((resolve) => {
      this.hear = (answer) => {
        if (answer.kind === 'tried') resolve(answer.attempt);
        else if (answer.kind === 'ended') resolve({ outcome: 'ended', findings: [ending(answer.how)] });
      };
      this.wait = { at: -1, cpu: 0, since: Date.now() };
      this.child.send({ do: 'case', case: input });
    });
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  close(): void {
    this.hear = () => undefined;
    clearInterval(this.timer);
    this.child.kill('SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }

  private number(): number {
    try {
      return Number(readFileSync(join(this.home, 'number'), 'utf8'));
    } catch {
      return -1;
    }
  }

  /** Ends it where it has been at one input for too long, by its own time and not by that of a busy machine. */
  private look(): void {
    const at = this.number();
    const cpu = cpuSeconds(this.child.pid);
    const now = Date.now();
    if (at !== this.wait.at) this.wait = { at, cpu: cpu ?? 0, since: now };
    else if ((cpu !== undefined && cpu - this.wait.cpu > 2 * LIMITS.seconds) || now - this.wait.since > STUCK_MS) {
      this.stopped = 'hang';
      this.child.kill('SIGKILL');
    }
  }

  private ended(how: string): void {
    clearInterval(this.timer);
    const number = this.number();
    rmSync(this.home, { recursive: true, force: true });
    this.hear({ kind: 'ended', number, how });
  }
}

export const ending = (how: string): { kind: string; signature: string; detail: string } =>
  how === 'hang'
    ? { kind: 'time', signature: 'time: took too long', detail: `it was ended after ${2 * LIMITS.seconds} s of computing` }
    : {
        kind: 'crash',
        signature: `crash: ${/heap out of memory/.test(how) ? 'out of memory' : how.split('\n')[0]?.replace(/\d+/g, '#').slice(0, 80)}`,
        detail: how,
      };

function cpuSeconds(pid: number | undefined): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
}
