/** Outputs of a single file, and files in temporary directories. */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { outputNotWritable } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { moveOne } from './moves';
import { checkPlace, type PlaceRules } from './place';
import { sendBytes } from './stream';
import { ownedUntil, removeAbandoned, temporaryName } from './temporary';

/** Writes a file to its place, completely or not at all. Throws CompileError like `checkPlace`, and OUTPUT_NOT_WRITABLE. */
export function writeOutput(output: string, content: string | Uint8Array, rules: PlaceRules): void {
  const place = checkPlace(output, rules);
  orNotWritable(output, () => {
    if (place.kind === 'stream') return sendBytes(place.path, typeof content === 'string' ? Buffer.from(content) : content);
    const home = dirname(place.path);
    removeAbandoned(home);
    const temporary = join(home, temporaryName(true));
    const remove = ownedUntil(temporary);
    try {
      writeFileSync(temporary, content, { flag: 'wx' });
      moveOne(temporary, place.path, place.kind === 'new');
    } finally {
      remove();
    }
  });
}

/** The same for a text, with the rules as plain arguments. */
export const writeTextFile = (
  output: string,
  text: string,
  inputs: readonly string[],
  force: boolean,
  others: readonly string[] = [],
): void => writeOutput(output, text, { inputs, force, others });

/** Appends to a file that other programs also write, such as the GitHub job summary. */
export function appendText(path: string, text: string): void {
  orNotWritable(path, () => appendFileSync(path, text));
}

/** Writes a file into a temporary directory of this run. */
export function writeInScratch(directory: string, name: string, content: string | Uint8Array): string {
  const path = fileInScratch(directory, name);
  writeFileSync(path, content);
  return path;
}

/** Path of a file in a temporary directory of this run; an existing file there is removed. */
export function fileInScratch(directory: string, name: string): string {
  const path = join(directory, name);
  rmSync(path, { force: true });
  return path;
}

/** Creates a directory below a temporary one. */
export function makeFolder(directory: string, ...names: readonly string[]): string {
  const path = join(directory, ...names);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Keeps a temporary model for a bug report and returns its path; undefined if it cannot be kept. */
export function keepForReport(model: string | Uint8Array): string | undefined {
  try {
    const kept = join(mkdtempSync(join(tmpdir(), 'convolutionize-crashed-')), 'model.onnx');
    if (typeof model !== 'string') writeFileSync(kept, model);
    else {
      copyFileSync(model, kept);
      // A model refers to its weights file by name.
      if (existsSync(`${model}.data`)) copyFileSync(`${model}.data`, join(dirname(kept), basename(`${model}.data`)));
    }
    return kept;
  } catch {
    return undefined;
  }
}

export function orNotWritable<T>(output: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof CompileError ? error : outputNotWritable(output, error);
  }
}
