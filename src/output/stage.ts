/**
 * Outputs that appear all at once: written under other names next to their place, checked there, and only then moved.
 * Whatever happens before that, including interrupts, the place keeps its previous content and nothing else is left behind.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { directoryNotEmpty, outputNotModel } from '../diagnostics/catalogue';
import { moveAll, moveOne } from './moves';
import { checkGoing, checkPart, checkPlace, type PlaceRules, placeOf } from './place';
import { orNotWritable } from './single';
import { sendFile } from './stream';
import { ownedUntil, removeAbandoned, scratchDirectory, temporaryBeside } from './temporary';

export interface Staged {
  /** Path to write the file to, with its own name; files that belong to it may be written next to it. */
  readonly path: string;
  /** A directory for other temporary files. */
  readonly scratch: string;
  /** Moves everything to its place. */
  commit(): void;
  /** Removes everything that was not moved. Harmless after `commit`. */
  discard(): void;
}

/**
 * Creates a new directory next to `output` to write it in: on the same disk, so that moving is renaming.
 * `flat`: next to it without a separate directory, for a model that refers to files in the output's directory.
 * Throws CompileError like `checkPlace`, and OUTPUT_NOT_WRITABLE.
 */
export function stage(output: string, flat: boolean, rules: PlaceRules): Staged {
  const place = checkPlace(output, rules);
  if (place.kind === 'stream') return stageStream(output, place.path);
  const home = dirname(place.path);
  const name = basename(place.path);
  const temporary = orNotWritable(output, () => temporaryBeside(home));
  const directory = temporary.path;
  const path = flat ? `${directory}.onnx` : join(directory, name);
  const removeFlat = flat ? ownedUntil(path) : () => undefined;
  const discard = (): void => {
    removeFlat();
    temporary.remove();
  };
  return {
    path,
    scratch: scratchIn(output, directory),
    discard,
    commit: () =>
      orNotWritable(output, () => {
        // Checked again: a file may have been created in the meantime.
        const now = checkPlace(output, rules);
        const parts = flat ? [] : readdirSync(directory).filter((file) => file !== name && file.startsWith(name));
        for (const part of parts) checkPart(output, part.slice(name.length), rules);
        if (parts.length === 0) moveOne(path, place.path, now.kind === 'new');
        else moveAll(directory, home, { main: name, parts });
        discard();
      }),
  };
}

/** A device or pipe receives the bytes when they are complete and have been verified. */
function stageStream(output: string, stream: string): Staged {
  const temporary = orNotWritable(output, scratchDirectory);
  const path = join(temporary.path, 'output.onnx');
  return {
    path,
    scratch: scratchIn(output, temporary.path),
    commit: () => orNotWritable(output, () => sendFile(stream, path)),
    discard: temporary.remove,
  };
}

const SCRATCH = '.scratch';

function scratchIn(output: string, directory: string): string {
  const scratch = join(directory, SCRATCH);
  orNotWritable(output, () => mkdirSync(scratch));
  return scratch;
}

export interface StagedDirectory {
  readonly path: string;
  /** A directory for other temporary files. */
  readonly scratch: string;
  /** Moves it to its place and removes what was there. */
  commit(): void;
  /** Removes it, unless it was committed. */
  discard(): void;
}

export interface DirectoryRules {
  /** Files that this run reads and that must not be removed. Those already read are known. */
  readonly inputs?: readonly string[] | undefined;
  /**
   * Files that may be removed from a directory that is not empty: all, unless `check` throws; or those of an earlier run, while others stay. Default: none.
   */
  readonly replaces?:
    | { readonly kind: 'all'; readonly check: () => void }
    | { readonly kind: 'some'; readonly isOld: (name: string) => boolean }
    | undefined;
}

/**
 * A new directory next to `output`, or inside it if other files stay there.
 * Throws CompileError DIRECTORY_NOT_EMPTY, OUTPUT_IS_INPUT, OUTPUT_NOT_MODEL, OUTPUT_NOT_WRITABLE.
 */
export function stageDirectory(output: string, { replaces, inputs = [] }: DirectoryRules = {}): StagedDirectory {
  const place = placeOf(output.replace(/(?<=.)[/\\]+$/, ''));
  if (place.kind === 'file' || place.kind === 'stream') throw outputNotModel(output, 'it is a file');
  // Before it is refused: what a killed run left beside it goes in any case.
  if (place.kind === 'directory') removeAbandoned(dirname(place.path));
  const old = place.kind === 'directory' ? orNotWritable(output, () => readdirSync(place.path)) : [];
  const check = (files: readonly string[]): void => {
    if (replaces?.kind === 'all') replaces.check();
    else if (files.length > 0 && replaces === undefined) throw directoryNotEmpty(output);
    const going = replaces?.kind === 'some' ? files.filter(replaces.isOld) : files;
    for (const file of going) checkGoing(output, join(place.path, file), inputs);
  };
  check(old);
  const isMerged = old.length > 0 && replaces?.kind === 'some';
  const home = isMerged ? place.path : dirname(place.path);
  const temporary = orNotWritable(output, () => temporaryBeside(home));
  const name = basename(resolve(place.path));
  const path = isMerged ? temporary.path : join(temporary.path, name);
  if (!isMerged) orNotWritable(output, () => mkdirSync(path));
  return {
    path,
    scratch: scratchIn(output, temporary.path),
    discard: temporary.remove,
    commit: () =>
      orNotWritable(output, () => {
        // Checked again: a file may have been created in the meantime.
        check(existsSync(place.path) ? readdirSync(place.path) : []);
        const removed = isMerged && replaces.kind === 'some' ? readdirSync(home).filter(replaces.isOld) : [];
        const [main = name, ...parts] = isMerged ? readdirSync(path).filter((file) => file !== SCRATCH) : [name];
        moveAll(temporary.path, home, { main, parts, removed });
        temporary.remove();
      }),
  };
}
