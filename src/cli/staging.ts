/**
 * Files that come into being all at once: written under other names beside their place, looked at there, and only then moved to it.
 * Whatever happens before, interrupts included, the place keeps what it had and nothing else stays behind.
 */
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { outputDirectoryMissing, outputExists, outputIsDirectory, outputIsInput, outputNotWritable } from '../diagnostics/catalogue';
import { nameBeside, removedAtTheLatestOnExit } from '../files/temporary';

/** Throws CompileError where the output must not be written: called before any work is done for it. */
export function checkOutput(output: string, sources: readonly string[], force: boolean): void {
  if (!statSync(dirname(output), { throwIfNoEntry: false })?.isDirectory()) throw outputDirectoryMissing(output, dirname(output));
  const there = statSync(output, { throwIfNoEntry: false });
  if (!there) return;
  if (there.isDirectory()) throw outputIsDirectory(output);
  // Not by name: links and relative paths lead to the same file.
  const same = (source: string): boolean => {
    const stat = statSync(source, { throwIfNoEntry: false });
    return stat !== undefined && stat.dev === there.dev && stat.ino === there.ino;
  };
  if (sources.some(same)) throw outputIsInput(output);
  if (!force) throw outputExists(output);
}

/** Writes a text to its place: whole or not at all. Throws CompileError as `checkOutput` does. */
export function writeTextFile(output: string, text: string, sources: readonly string[], force: boolean): void {
  checkOutput(output, sources, force);
  const temporary = nameBeside(output);
  orNotWritable(output, () => {
    try {
      writeFileSync(temporary, text);
      renameSync(temporary, output);
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

export interface Staged {
  /** Where to write the model, under its own name; files that belong to it may be written next to it. */
  readonly path: string;
  /** A directory for other temporary files; it does not exist yet. */
  readonly scratch: string;
  /** Moves everything to its place. */
  commit(): void;
  /** Removes everything that was not moved. Harmless after `commit`. */
  discard(): void;
}

/**
 * A place to write `output` to, in a new directory beside it: on the same disk, so that moving is renaming.
 * `flat`: beside it without a directory of its own, for a model that refers to files in the output's directory.
 */
export function stage(output: string, flat: boolean): Staged {
  const home = dirname(output);
  const name = basename(output);
  const directory = orNotWritable(output, () => mkdtempSync(join(home, '.convolutionize-')));
  const path = flat ? join(home, `${basename(directory)}.onnx`) : join(directory, name);
  const discard = removedAtTheLatestOnExit(...(flat ? [path] : []), directory);
  return {
    path,
    scratch: join(directory, 'scratch'),
    commit: () =>
      orNotWritable(output, () => {
        const files = flat ? [] : readdirSync(directory).filter((file) => file !== name && file.startsWith(name));
        // A model must never stand beside weights that are not its own: the old one goes first, the new one comes last.
        if (files.length > 0) rmSync(output, { force: true });
        for (const file of files) renameSync(join(directory, file), join(home, file));
        renameSync(path, output);
        rmSync(directory, { recursive: true });
      }),
    discard,
  };
}

function orNotWritable<T>(output: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw outputNotWritable(output, error);
  }
}
