/** The folder in which inputs are tried, and the watches around each: what is left, what was changed, what was written elsewhere, how long and how much it took. */
import { mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Attempt, attempt, type Finding } from './attempt';
import type { Case } from './draft';
import type { Target } from './target';
import { type Event, watch } from './watch';

export const LIMITS = { seconds: 10, bytes: 2 ** 30 };
/** Asking the system costs as much as a small input: it is asked after so many, and after each that took long. */
const EVERY = 16;
const LONG_MS = 100;

export class Desk {
  private readonly events: Event[] = [];
  private present: ReadonlyMap<string, Uint8Array> = new Map();
  private isTidy = false;
  private since = 0;
  private cpu = process.cpuUsage();
  private isWatching = false;

  /** `folder` is empty, and this process is in it. */
  constructor(
    private readonly folder: string,
    private readonly target: Target,
  ) {
    watch(folder, (event) => {
      if (this.isWatching) this.events.push(event);
    });
  }

  async try(input: Case): Promise<Attempt> {
    const findings: Finding[] = [];
    const tell = (kind: string, detail: string, signature = detail): void =>
      void findings.push({ kind, signature: `${kind}: ${signature.slice(0, 200)}`, detail });
    const { files, action } = input;
    this.lay(files);
    this.events.length = 0;
    this.isWatching = true;
    const begun = performance.now();
    const outcome = await attempt(input, this.target, tell);
    const ms = performance.now() - begun;
    this.isWatching = false;
    for (const { what, path } of this.events) {
      // Functions of the library that read write nothing; a command may write into its folder, at which we look afterwards.
      if (path === undefined || action.kind !== 'cli') tell('outside', `${what}${path === undefined ? '' : `: ${path}`}`, what);
    }
    if (this.events.length > 0) this.isTidy = false;
    if (action.kind === 'cli') {
      checkFolder(this.folder, files, action.may, tell);
      this.isTidy = false;
    }
    this.measure(ms, tell);
    return { outcome, findings };
  }

  /** Files that are there from the input before are not written again. */
  private lay(files: ReadonlyMap<string, Uint8Array>): void {
    if (!this.isTidy) {
      for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { recursive: true, force: true });
      mkdirSync(join(this.folder, 'tmp'));
      this.present = new Map();
    }
    const present = new Map(this.present);
    for (const name of present.keys()) {
      const [top = name, ...below] = name.split('/');
      if (files.has(name)) continue;
      if (below.length === 0) unlinkSync(join(this.folder, name));
      else rmSync(join(this.folder, top), { recursive: true, force: true });
      for (const gone of [...present.keys()].filter((each) => each === name || (below.length > 0 && each.startsWith(`${top}/`))))
        present.delete(gone);
    }
    for (const [name, bytes] of files) {
      if (present.get(name) === bytes) continue;
      const path = join(this.folder, name);
      if (name.includes('/') && !present.has(name)) mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
    this.present = files;
    this.isTidy = true;
  }

  private measure(ms: number, tell: (kind: string, detail: string, signature?: string) => void): void {
    this.since++;
    if (ms < LONG_MS && this.since < EVERY) return;
    const { user, system } = process.cpuUsage(this.cpu);
    // Its own time, not that of a busy machine; those before it were short.
    const seconds = Math.min(ms / 1000, (user + system) / 1e6);
    if (seconds > LIMITS.seconds) tell('time', `${seconds.toFixed(0)} s`, 'took too long');
    const peak = process.resourceUsage().maxRSS * 1024;
    if (peak > LIMITS.bytes)
      tell('memory', `${(peak / 2 ** 20).toFixed(0)} MB, by it or one of the ${this.since - 1} before it`, 'took too much memory');
    this.since = 0;
    this.cpu = process.cpuUsage();
  }
}

/** Inputs are as they were, and nothing is there but what may be. */
function checkFolder(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
  may: readonly string[],
  tell: (kind: string, detail: string, signature?: string) => void,
): void {
  for (const [name, bytes] of files) {
    let now: Uint8Array | undefined;
    try {
      now = readFileSync(join(folder, name));
    } catch {
      now = undefined;
    }
    if (!now || Buffer.compare(now, bytes) !== 0) tell('input changed', name);
  }
  const tops = new Set([...files.keys()].map((name) => name.split('/')[0]));
  for (const name of readdirSync(folder)) {
    if (name === 'tmp')
      for (const left of readdirSync(join(folder, 'tmp')))
        if (!left.startsWith('convolutionize-crashed')) tell('left behind', left, 'in TMPDIR');
    if (name !== 'tmp' && !tops.has(name) && !may.includes(name)) tell('left behind', name, 'beside the output');
  }
}
