/** Gives one input to the program, in this process, and says what about it was not right. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { summarise } from '../../src/analysis/summary';
import { drawing } from '../../src/cli/drawing';
import { main } from '../../src/cli/main';
import { typed } from '../../src/cli/typed';
import { type Compiled, compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, readModelFile } from '../../src/files';
import { bufferSource } from '../../src/ir/bytes';
import { validateModel } from '../../src/ir/validate';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { printModel } from '../../src/onnx/text/printer';
import { modelToBytes } from '../../src/onnx/write';
import { lowerToTfjs } from '../../src/tfjs/lower';
import type { Action, Case } from './draft';
import { compare } from './equal';
import { Sink } from './sink';

export interface Finding {
  readonly kind: string;
  /** The same for findings that have one cause. */
  readonly signature: string;
  readonly detail: string;
}

export interface Attempt {
  /** For statistics. */
  readonly outcome: string;
  readonly findings: readonly Finding[];
}

export const LIMITS = { seconds: 10, bytes: 2 ** 30 };

/** `folder` is empty, and this process is in it. */
export async function attempt({ files, action }: Case, folder: string): Promise<Attempt> {
  const findings: Finding[] = [];
  const tell = (kind: string, detail: string, signature = detail): void =>
    void findings.push({ kind, signature: `${kind}: ${signature}`, detail });
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  const begun = process.cpuUsage();
  const outcome = action.kind === 'library' ? await useLibrary(files, action, tell) : await useCommand(action, tell);
  const { user, system } = process.cpuUsage(begun);
  const seconds = (user + system) / 1e6;
  if (seconds > LIMITS.seconds) tell('time', `${seconds.toFixed(0)} s`, 'took too long');
  const peak = process.resourceUsage().maxRSS * 1024;
  if (peak > LIMITS.bytes) tell('memory', `${(peak / 2 ** 20).toFixed(0)} MB`, 'took too much memory');
  checkFolder(folder, files, action.kind === 'cli' ? action.may : [], tell);
  return { outcome, findings };
}

type Tell = (kind: string, detail: string, signature?: string) => void;

/** Errors of the catalogue are answers. Returns undefined where there was one. */
function guarded<T>(doing: string, tell: Tell, action: () => T, answers = true): { readonly done: T } | { readonly refused: string } {
  try {
    return { done: action() };
  } catch (error) {
    if (error instanceof CompileError && answers) return { refused: error.code };
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell(error instanceof CompileError ? `${doing} is refused` : 'exception', `while ${doing}: ${stack}`, signatureOf(stack));
    return { refused: 'BUG' };
  }
}

/** The place in our code, and the message without its numbers and names. */
export function signatureOf(stack: string): string {
  const [message = ''] = stack.split('\n');
  const place = /\b((?:src|passes)\/[\w./-]+\.ts)/.exec(stack)?.[1] ?? '';
  return `${message
    .replace(/'[^']*'/g, "'...'")
    .replace(/\d+/g, '#')
    .slice(0, 120)} at ${place}`;
}

async function useLibrary(
  files: ReadonlyMap<string, Uint8Array>,
  action: Extract<Action, { kind: 'library' }>,
  tell: Tell,
): Promise<string> {
  const read = guarded('reading', tell, () => readModelFile('model.onnx'));
  if ('refused' in read) return `read: ${read.refused}`;
  const model = read.done;
  try {
    guarded('listing layers', tell, () => summarise(model));
    if (action.draws) guarded('drawing', tell, () => drawing('svg', typed(model, undefined), { title: 'model', depth: 'auto' }));
    guarded('printing', tell, () => parseModel(printModel(model, { weights: 'elide', types: 'both', beyond: true })));
    const written = guarded('writing', tell, () => modelToBytes(model));
    if ('done' in written) guarded('what was written back', tell, () => readModel(bufferSource(written.done)), false);
    const compiled = guarded('converting', tell, () =>
      compile(model, { head: action.head, optimise: action.optimise, stride: action.stride }),
    );
    if ('refused' in compiled) return `${action.head}: ${compiled.refused}`;
    const made = compiled.done.model;
    guarded('the converted model', tell, () => validateModel(made), false);
    const bytes = guarded('writing the conversion', tell, () => modelToBytes(made));
    if ('done' in bytes) guarded('the conversion', tell, () => readModel(bufferSource(bytes.done)), false);
    const lowered = action.tfjs ? guarded('lowering', tell, () => lowerToTfjs(made)) : undefined;
    const web = lowered ? `, tfjs: ${'refused' in lowered ? lowered.refused : 'done'}` : '';
    // A mean of cells, or a finer map, is no single answer.
    if (!action.runs || !('done' in bytes) || action.head === 'cell' || action.stride !== undefined)
      return `${action.head}: converted${web}`;
    return `${action.head}: converted${web}, ${await runBoth(files, compiled.done, bytes.done, tell)}`;
  } finally {
    closeModel(model);
  }
}

async function runBoth(files: ReadonlyMap<string, Uint8Array>, compiled: Compiled, bytes: Uint8Array, tell: Tell): Promise<string> {
  const original = files.get('model.onnx');
  if (!original) return 'not run';
  const result = await compare(original, bytes, compiled.original);
  if (result.kind === 'idle') return `not run: ${result.why}`;
  if (result.kind === 'equal') return 'equal';
  tell(
    'different',
    result.how,
    result.how
      .replace(/'[^']*'/g, "'...'")
      .replace(/\d+/g, '#')
      .slice(0, 120),
  );
  return 'different';
}

async function useCommand({ args }: Extract<Action, { kind: 'cli' }>, tell: Tell): Promise<string> {
  const [out, err] = [new Sink(), new Sink()];
  const isJson = args.includes('--json');
  const code = await main([...args, '--debug'], { stdout: out, stderr: err, env: {} });
  const [stdout, stderr] = [out.text, err.text];
  const [command] = args;
  if (![0, 1, 2, 3].includes(code)) tell(`exit ${code}`, stderr.slice(0, 5000), signatureOf(stackIn(stderr)));
  if (isJson && code !== 70) {
    try {
      JSON.parse(stdout);
    } catch {
      tell('no JSON', `${args.join(' ')}: ${stdout.slice(0, 200)}`, String(command));
    }
  }
  // JSON is for machines; a string in it may hold the upper control characters as they are.
  for (const text of [isJson ? '' : stdout, stderr.replace(/^CompileError: .*/ms, '')]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    const raw = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.exec(text);
    if (raw)
      tell(
        'control characters',
        `${args.join(' ')}: ${JSON.stringify(text.slice(Math.max(0, raw.index - 80), raw.index + 80))}`,
        String(command),
      );
    if (/^::\w+/m.test(text) && !args.some((arg) => arg.startsWith('github'))) tell('workflow command', args.join(' '), String(command));
  }
  const refused = code === 2 ? ` ${/\b[A-Z]{2,}(?:_[A-Z0-9]+)+\b/.exec(stderr)?.[0] ?? ''}` : '';
  return `${command}: ${code}${refused}`;
}

/** From the line that names the error on. */
const stackIn = (stderr: string): string => /^\w*Error: .*/ms.exec(stderr)?.[0] ?? stderr;

/** Inputs are as they were, and nothing is there but what may be. */
function checkFolder(folder: string, files: ReadonlyMap<string, Uint8Array>, may: readonly string[], tell: Tell): void {
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

/** An empty folder with an empty TMPDIR in it. */
export function cleared(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
  mkdirSync(join(folder, 'tmp'));
}
