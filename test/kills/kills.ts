/**
 * Ends the program at random moments of every command that runs or writes: a place has what it had, or all that is new; Ctrl-C and its like leave nothing;
 * what a kill leaves, the next run removes. Used by kills.spec.ts (a few moments) and run.ts (many).
 */
import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Dice } from '../fuzz/dice';
import { leaky } from './leaky';

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGKILL';
export const SIGNALS: readonly Signal[] = process.platform === 'win32' ? ['SIGKILL'] : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'];

interface Command {
  readonly name: string;
  readonly args: readonly string[];
  /** Files and directories at the top that it makes. */
  readonly outputs: readonly string[];
  /** Files of which no two runs are the same: what tells a whole one. */
  readonly whole?: Readonly<Record<string, RegExp>>;
  /** The one exit code of a run to the end. */
  readonly code?: number;
}

const JSON_END = /\}\s*$/;

const COMMANDS: readonly Command[] = [
  { name: 'convert', args: ['convert', 'model.onnx', 'out.onnx', '-f'], outputs: ['out.onnx'] },
  {
    name: 'convert --external-data --certificate',
    args: ['convert', 'model.onnx', 'out.onnx', '-f', '--external-data', '--certificate', 'out.json'],
    outputs: ['out.onnx', 'out.onnx.data', 'out.json'],
    whole: { 'out.json': JSON_END },
  },
  {
    name: 'convert --external-data',
    args: ['convert', 'model.onnx', 'out.onnx', '-f', '--external-data', '--no-verify'],
    outputs: ['out.onnx', 'out.onnx.data'],
  },
  {
    name: 'convert --to tfjs',
    args: ['convert', 'model.onnx', 'web', '-f', '--to', 'tfjs', '--weight-shard-size-bytes', '50000'],
    outputs: ['web'],
  },
  {
    name: 'fold',
    args: ['convert', 'model.onnx', 'out.onnx', '-f', '--head', 'original', '--weights', 'reference'],
    outputs: ['out.onnx'],
  },
  {
    name: 'convert --dump-dir',
    args: ['convert', 'model.onnx', 'out.onnx', '-f', '--no-verify', '--dump-dir', 'dump'],
    outputs: ['out.onnx', 'dump'],
  },
  {
    name: 'verify with reports',
    args: [
      'verify',
      'model.onnx',
      'map.onnx',
      '-n',
      '3',
      '--reporter',
      'json=report.json',
      '--reporter',
      'junit=report.xml',
      '--reporter',
      'markdown=report.md',
    ],
    outputs: ['report.json', 'report.xml', 'report.md'],
    whole: { 'report.json': JSON_END, 'report.xml': /<\/testsuites>\s*$/, 'report.md': /\S/ },
  },
  { name: 'verify --save-inputs', args: ['verify', 'model.onnx', 'map.onnx', '-n', '3', '--save-inputs', 'inputs'], outputs: ['inputs'] },
  {
    name: 'heatmap',
    args: ['heatmap', 'map.onnx', 'picture.png', '-o', 'heat.png', '-f', '--class', '3', '--map', 'heat.npy', '--all-peaks', 'heat.csv'],
    outputs: ['heat.png', 'heat.npy', 'heat.csv'],
  },
  { name: 'predict', args: ['predict', 'model.onnx', 'picture.png'], outputs: [] },
  { name: 'verify', args: ['verify', 'model.onnx', 'map.onnx', '-n', '2'], outputs: [] },
  {
    name: 'verify --suite',
    args: ['verify', '--suite', 'suite.yaml', '-n', '1', '--reporter', 'json=suite.json', '--reporter', 'github=suite.github'],
    outputs: ['suite.json', 'suite.github'],
    whole: { 'suite.json': JSON_END, 'suite.github': /convolutionize verify::.*\n$/ },
  },
  { name: 'verify --certificate', args: ['verify', '--certificate', 'record.json'], outputs: [] },
  ...['svg', 'dot', 'png', 'html', 'onnxtxt'].map((kind) => ({
    name: `inspect -o ${kind}`,
    args: ['inspect', 'model.onnx', '-o', `graph.${kind}`, '-f'],
    outputs: [`graph.${kind}`],
  })),
  { name: 'inspect --diff', args: ['inspect', '--diff', 'model.onnx', 'map.onnx', '-o', 'diff.html', '-f'], outputs: ['diff.html'] },
  {
    name: 'debug bisect',
    args: ['debug', 'bisect', 'model.onnx', '--plugin', './bad.cjs', '-o', 'steps', '-f'],
    outputs: ['steps'],
    code: 1,
  },
  {
    name: 'debug reduce',
    args: ['debug', 'reduce', 'model.onnx', '--plugin', './bad.cjs', '-o', 'case', '-f'],
    outputs: ['case'],
    code: 1,
  },
];

/** What a command makes of what was there, and how long that takes. */
interface Reference {
  readonly command: Command;
  readonly old: ReadonlyMap<string, Buffer>;
  readonly fresh: ReadonlyMap<string, Buffer>;
  readonly ms: number;
}

export interface Outcome {
  /** Runs that were to be ended, those that were done before included. */
  readonly moments: number;
  /** Ended before it was done, by signal. */
  readonly hits: ReadonlyMap<Signal, number>;
  /** Moments at which outputs were the new ones already. */
  readonly done: number;
  readonly problems: readonly string[];
}

export class Kills {
  private readonly root = mkdtempSync(join(tmpdir(), 'convolutionize-kills-'));
  private readonly inputs = join(this.root, 'inputs');
  private readonly references = new Map<string, Reference>();
  private readonly mark = `kills-${process.pid}-${Date.now()}`;

  /** `program`: the file to run. */
  constructor(private readonly program: string) {
    const fixtures = join(__dirname, '../../fixtures');
    mkdirSync(this.inputs);
    copyFileSync(join(fixtures, 'models/lenet5.onnx'), join(this.inputs, 'model.onnx'));
    copyFileSync(join(fixtures, 'digits/canvas.png'), join(this.inputs, 'picture.png'));
    writeFileSync(join(this.inputs, 'suite.yaml'), 'pairs:\n  - original: model.onnx\n    converted: map.onnx\n');
    writeFileSync(join(this.inputs, 'bad.cjs'), leaky("node.name.includes('classifier.1/')"));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Commands in turn, signals in turn, moments by the seed, until so many runs were ended before they were done. `tell` hears each moment. */
  async run(wanted: number, seed: number, tell: (text: string) => void = () => undefined): Promise<Outcome> {
    const made = await this.start(
      ['convert', 'model.onnx', 'map.onnx', '--no-verify', '--certificate', 'record.json'],
      this.inputs,
      this.root,
    ).ended;
    if (made.code !== 0) throw new Error(made.words);
    const dice = new Dice(seed);
    const problems: string[] = [];
    const hits = new Map<Signal, number>(SIGNALS.map((signal) => [signal, 0]));
    let [done, moments] = [0, 0];
    for (let turn = 0; turn < wanted; turn++) {
      const command = COMMANDS[turn % COMMANDS.length];
      const signal = SIGNALS[(turn + Math.floor(turn / COMMANDS.length)) % SIGNALS.length];
      if (!command || !signal) continue;
      const reference = await this.reference(command);
      // The next one is earlier, where a run was done before its moment: how long it takes depends on what else the machine does.
      for (let tries = 0; tries < TRIES; tries++) {
        const after = tries === TRIES - 1 ? { ms: 0 } : someMoment(dice, reference.ms * 0.7 ** tries, command.outputs.length > 0);
        const result = await this.moment(reference, signal, after);
        moments++;
        if (result.hit) hits.set(signal, (hits.get(signal) ?? 0) + 1);
        if (result.done) done++;
        const where = `${command.name}, ${signal} after ${'ms' in after ? `${after.ms.toFixed(0)} of ${reference.ms.toFixed(0)} ms` : `change ${after.change} of its folder`}`;
        problems.push(...result.problems.map((problem) => `${where}: ${problem}`));
        const wrong = result.problems.map((problem) => `\n  WRONG: ${problem}`).join('');
        tell(`${where}: ${result.hit ? 'hit' : 'too late'}, ${result.done ? 'new' : 'old'}${wrong}`);
        if (result.hit) break;
      }
    }
    problems.push(...(await this.orphans()));
    return { moments, hits, done, problems };
  }

  private async reference(command: Command): Promise<Reference> {
    const known = this.references.get(command.name);
    if (known) return known;
    const { home, tmp } = this.place('reference');
    await this.whole(command, home, tmp);
    const begun = performance.now();
    // Twice: the second one replaces what is there, as the one that is ended will.
    const old = aged(files(home));
    put(home, old, command.outputs);
    const { code, words } = await this.start(command.args, home, tmp).ended;
    if (code !== (command.code ?? 0)) throw new Error(`${command.name}: exit code ${code}: ${words}`);
    const reference = { command, old, fresh: files(home), ms: performance.now() - begun };
    this.references.set(command.name, reference);
    return reference;
  }

  /** A run from nothing: what an old output looks like. */
  private async whole(command: Command, home: string, tmp: string): Promise<void> {
    const { code, words } = await this.start(command.args, home, tmp).ended;
    if (code !== (command.code ?? 0)) throw new Error(`${command.name}: exit code ${code}: ${words}`);
    if (command.name === 'verify --save-inputs') rmSync(join(home, 'inputs'), { recursive: true });
  }

  private async moment(
    reference: Reference,
    signal: Signal,
    after: Moment,
  ): Promise<{ readonly hit: boolean; readonly done: boolean; readonly problems: string[] }> {
    const { command, old, fresh } = reference;
    const { home, tmp } = this.place('moment');
    put(home, old, command.outputs);
    const run = this.start(command.args, home, tmp);
    const cancel = at(after, home, () => run.kill(signal));
    const ended = await run.ended;
    cancel();
    const hit = ended.signal === signal;
    const now = files(home);
    const problems = hit || ended.code === (command.code ?? 0) ? [] : [`exit code ${ended.code}: ${ended.words.slice(-500)}`];
    problems.push(...states(reference, now));
    if (signal !== 'SIGKILL') problems.push(...strays(home, tmp, fresh, old));
    else {
      const again = await this.start(command.args, home, tmp).ended;
      // A directory that must be new stays as the first run has left it.
      const refused = command.name === 'verify --save-inputs' && again.code === 2;
      if (again.code !== (command.code ?? 0) && !refused) problems.push(`the next run ends with ${again.code}: ${again.words.slice(-500)}`);
      const after = files(home);
      for (const [name, bytes] of fresh)
        if (!isWhole(command, name, after.get(name), bytes)) problems.push(`after the next run, ${name} is not whole`);
      problems.push(...strays(home, tmp, fresh, old));
    }
    const done = command.outputs.length > 0 && [...fresh].every(([name, bytes]) => isWhole(command, name, now.get(name), bytes));
    return { hit, done, problems };
  }

  private place(name: string): { readonly home: string; readonly tmp: string } {
    const [home, tmp] = [join(this.root, name, 'home'), join(this.root, name, 'tmp')];
    rmSync(join(this.root, name), { recursive: true, force: true });
    cpSync(this.inputs, home, { recursive: true });
    mkdirSync(tmp);
    return { home, tmp };
  }

  private start(args: readonly string[], cwd: string, tmp: string) {
    const child = spawn(process.execPath, [this.program, ...args], {
      cwd,
      env: { ...process.env, TMPDIR: tmp, TEMP: tmp, TMP: tmp, CONVOLUTIONIZE_KILLS: this.mark },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    child.stderr.on('data', (bytes: Buffer) => {
      words += bytes.toString();
    });
    return {
      kill: (signal: Signal) => child.kill(signal),
      ended: new Promise<{ code: number | null; signal: string | null; words: string }>((resolve, reject) => {
        child.on('error', reject).on('exit', (code, signal) => resolve({ code, signal, words }));
      }),
    };
  }

  /** Processes that outlive the program that started them; where the system tells. */
  private async orphans(): Promise<string[]> {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    let pids: string[];
    try {
      pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    } catch {
      return [];
    }
    return pids.flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(this.mark)
          ? [`process ${pid} is still there: ${readFileSync(`/proc/${pid}/cmdline`, 'latin1')}`]
          : [];
      } catch {
        return [];
      }
    });
  }
}

const TRIES = 4;

/** So long after the start, or as soon as the folder has changed so often: temporary files come, and take their places. */
type Moment = { readonly ms: number } | { readonly change: number };

const someMoment = (dice: Dice, ms: number, writes: boolean): Moment =>
  writes && dice.chance(0.5) ? { change: 1 + dice.below(dice.chance(0.5) ? 3 : 12) } : { ms: (dice.below(1000) / 1000) * ms };

/** Answers with what takes it back. */
function at(moment: Moment, home: string, act: () => void): () => void {
  if ('ms' in moment) {
    const timer = setTimeout(act, moment.ms);
    return () => clearTimeout(timer);
  }
  let left = moment.change;
  const watcher = watch(home, () => {
    if (--left === 0) act();
  });
  return () => watcher.close();
}

/** All files below a directory, hidden ones left out. */
function files(home: string): Map<string, Buffer> {
  const entries = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path): [string, Buffer] => [relative(home, path).replaceAll('\\', '/'), readFileSync(path)])
      .filter(([name]) => !name.startsWith('.')),
  );
}

/** The same files with other bytes that a command still takes for its own: blanks behind them, or a bit of the last weight changed. */
const aged = (now: ReadonlyMap<string, Buffer>): Map<string, Buffer> =>
  new Map(
    [...now].map(([name, bytes]): [string, Buffer] => {
      if (/\.(json|xml|md|html|svg|dot|onnxtxt|csv)$/.test(name)) return [name, Buffer.concat([bytes, Buffer.from('\n\n')])];
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
      return [name, copy];
    }),
  );

const belongs = (name: string, outputs: readonly string[]): boolean =>
  outputs.some((output) => name === output || name.startsWith(`${output}/`));

function put(home: string, old: ReadonlyMap<string, Buffer>, outputs: readonly string[]): void {
  for (const [name, bytes] of old) {
    if (!belongs(name, outputs)) continue;
    mkdirSync(join(home, name, '..'), { recursive: true });
    writeFileSync(join(home, name), bytes);
  }
}

const isWhole = ({ whole, outputs }: Command, name: string, now: Buffer | undefined, fresh: Buffer): boolean => {
  if (!belongs(name, outputs)) return true;
  const pattern = whole?.[name];
  return now !== undefined && (pattern && now.compare(fresh) !== 0 ? pattern.test(now.toString()) : now.compare(fresh) === 0);
};

/** Each output is what it was, or whole; a model is beside its own weights. */
function states({ command, old, fresh }: Reference, now: ReadonlyMap<string, Buffer>): string[] {
  const problems: string[] = [];
  for (const [name, bytes] of fresh) {
    const [before, present] = [belongs(name, command.outputs) ? old.get(name) : bytes, now.get(name)];
    const isOld = before === undefined ? present === undefined : present?.compare(before) === 0;
    if (!isOld && present !== undefined && !(belongs(name, command.outputs) && isWhole(command, name, present, bytes)))
      problems.push(`${name} is neither old nor new`);
    // While several files take their places, some may be missing; a file of its own never is.
    if (
      present === undefined &&
      before !== undefined &&
      command.outputs.includes(name) &&
      !command.outputs.includes(`${name}.data`) &&
      !name.endsWith('.data')
    )
      problems.push(`${name} is gone`);
  }
  const [model, data] = ['out.onnx', 'out.onnx.data'].map((name) => [now.get(name), fresh.get(name)] as const);
  if (model?.[0] && data?.[0] && data[1] && (model[0].compare(model[1] ?? model[0]) === 0) !== (data[0].compare(data[1]) === 0))
    problems.push('out.onnx is beside weights that are not its own');
  return problems;
}

/** What is there and should not be. */
function strays(home: string, tmp: string, fresh: ReadonlyMap<string, Buffer>, old: ReadonlyMap<string, Buffer>): string[] {
  const tops = new Set([...fresh.keys(), ...old.keys()].map((name) => name.split('/')[0]));
  return [
    ...readdirSync(home)
      .filter((name) => !tops.has(name))
      .map((name) => `${name} is left behind`),
    // What was compiled of the program is kept between runs, where Node has no place of its own for it.
    ...readdirSync(tmp)
      .filter((name) => !isCompileCache(join(tmp, name)))
      .map((name) => `${name} is left behind in TMPDIR`),
  ];
}

const isCompileCache = (path: string): boolean => /(node-compile-cache|convolutionize-[^-]+)$/.test(path) && statSync(path).isDirectory();
