/** Gives one input to the program, in this process, and says what about it was not right. */
import { summarise } from '../../src/analysis/summary';
import type { Compiled } from '../../src/compile';
import { systemFault } from '../../src/diagnostics/catalogue';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel } from '../../src/files';
import { bufferSource } from '../../src/ir/bytes';
import { validateModel } from '../../src/ir/validate';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { printModel } from '../../src/onnx/text/printer';
import { drawing } from '../../src/reports/drawing';
import { typed } from '../../src/reports/typed';
import type { Action, Case } from './draft';
import { compare } from './equal';
import { Sink } from './sink';
import { REAL, type Target } from './target';

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

export type Tell = (kind: string, detail: string, signature?: string) => void;

/** The files are there already, and this process is in their folder. */
export async function attempt({ files, action }: Case, target: Target, tell: Tell): Promise<string> {
  switch (action.kind) {
    case 'library':
      return useLibrary(files, action, target, tell);
    case 'door':
      return useDoor(action, target, tell);
    case 'cli':
      return useCommand(action, target, tell);
  }
}

/** Errors of the catalogue are answers. */
function guarded<T>(doing: string, tell: Tell, action: () => T, answers = true): { readonly done: T } | { readonly refused: string } {
  try {
    return { done: action() };
  } catch (error) {
    return { refused: refusal(doing, tell, error, answers) };
  }
}

function refusal(doing: string, tell: Tell, error: unknown, answers: boolean): string {
  if (error instanceof CompileError && answers) return error.code;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  tell(error instanceof CompileError ? `${doing} is refused` : 'exception', `while ${doing}: ${stack}`, signatureOf(stack));
  return 'BUG';
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
  target: Target,
  tell: Tell,
): Promise<string> {
  const name = [...files.keys()].find((file) => /^model\.onnx/.test(file)) ?? '';
  const read = guarded('reading', tell, () => target.readModelFile(name));
  if ('refused' in read) return `read: ${read.refused}`;
  const model = read.done;
  try {
    guarded('listing layers', tell, () => summarise(model));
    if (action.draws) guarded('drawing', tell, () => drawing('svg', typed(model, undefined), { title: 'model', depth: 'auto' }));
    if (action.depth === 'read') return 'read: done';
    guarded('printing', tell, () => parseModel(printModel(model, { weights: 'elide', types: 'both', beyond: true })));
    const written = guarded('writing', tell, () => target.modelToBytes(model));
    if ('done' in written) guarded('what was written back', tell, () => readModel(bufferSource(written.done)), false);
    if (action.depth === 'print') return 'printed';
    const compiled = guarded('converting', tell, () =>
      target.compile(model, { head: action.head, optimise: action.optimise, stride: action.stride }),
    );
    if ('refused' in compiled) return `${action.head}: ${compiled.refused}`;
    const made = compiled.done.model;
    guarded('the converted model', tell, () => validateModel(made), false);
    const bytes = guarded('writing the conversion', tell, () => target.modelToBytes(made));
    if ('done' in bytes) guarded('the conversion', tell, () => readModel(bufferSource(bytes.done)), false);
    const lowered = action.tfjs ? guarded('lowering', tell, () => target.lowerToTfjs(made)) : undefined;
    const web = lowered ? `, tfjs: ${'refused' in lowered ? lowered.refused : 'done'}` : '';
    // A mean of cells, or a finer map, is no single answer.
    if (!action.runs || !('done' in bytes) || action.head === 'cell' || action.stride !== undefined)
      return `${action.head}: converted${web}`;
    const original = files.get('model.onnx');
    return `${action.head}: converted${web}, ${original ? await runBoth(original, compiled.done, bytes.done, tell) : 'not run'}`;
  } finally {
    closeModel(model);
  }
}

async function runBoth(original: Uint8Array, compiled: Compiled, bytes: Uint8Array, tell: Tell): Promise<string> {
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

async function useDoor({ door, name }: Extract<Action, { kind: 'door' }>, { doors }: Target, tell: Tell): Promise<string> {
  try {
    await doors[door](name);
    return 'read: done';
  } catch (error) {
    // As the command line takes it.
    return `read: ${refusal('reading', tell, systemFault(error) ?? error, true)}`;
  }
}

async function useCommand({ args }: Extract<Action, { kind: 'cli' }>, { main }: Target, tell: Tell): Promise<string> {
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

export const nothingWrong: Target = REAL;
