/**
 * Outputs that come into being all at once: written under other names beside their place, looked at there, and only then moved to it.
 * Whatever happens before, interrupts included, the place keeps what it had and nothing else stays behind.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { directoryNotEmpty, outputNotModel } from '../diagnostics/catalogue';
import { moveAll, moveOne } from './moves';
import { checkGoing, checkPart, checkPlace, type PlaceRules, placeOf } from './place';
import { orNotWritable } from './single';
import { sendFile } from './stream';
import { ownedUntil, scratchDirectory, temporaryBeside } from './temporary';

export interface Staged {
  /** Where to write the file, under its own name; files that belong to it may be written next to it. */
  readonly path: string;
  /** A directory for other temporary files. */
  readonly scratch: string;
  /** Moves everything to its place. */
  commit(): void;
  /** Removes everything that was not moved. Harmless after `commit`. */
  discard(): void;
}

/**
 * A place to write `output` to, in a new directory beside it: on the same disk, so that moving is renaming.
 * `flat`: beside it without a directory of its own, for a model that refers to files in the output's directory.
 * Throws CompileError as `checkPlace` does, OUTPUT_NOT_WRITABLE.
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
        // Again: something may have come into being meanwhile.
        const now = checkPlace(output, rules);
        const parts = flat ? [] : readdirSync(directory).filter((file) => file !== name && file.startsWith(name));
        for (const part of parts) checkPart(output, part.slice(name.length), rules);
        if (parts.length === 0) moveOne(path, place.path, now.kind === 'new');
        else moveAll(directory, home, { main: name, parts });
        discard();
      }),
  };
}

/** A device or pipe takes the bytes when they are complete and were judged. */
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
  /** Puts it in its place; what was there goes. */
  commit(): void;
  /** Removes it, unless it was committed. */
  discard(): void;
}

export interface DirectoryRules {
  /** Files that this run reads, which do not go. Those that it has read by then are known. */
  readonly inputs?: readonly string[] | undefined;
  /**
   * What in a directory that is not empty may go: all, if `check` does not throw; the files of an earlier run, beside which others stay. By default nothing.
   */
  readonly replaces?:
    | { readonly kind: 'all'; readonly check: () => void }
    | { readonly kind: 'some'; readonly isOld: (name: string) => boolean }
    | undefined;
}

/** A new directory beside `output`, or, where others' files stay in that, within it. Throws CompileError DIRECTORY_NOT_EMPTY, OUTPUT_IS_INPUT, OUTPUT_NOT_MODEL, OUTPUT_NOT_WRITABLE. */
export function stageDirectory(output: string, { replaces, inputs = [] }: DirectoryRules = {}): StagedDirectory {
  const place = placeOf(output.replace(/(?<=.)[/\\]+$/, ''));
  if (place.kind === 'file' || place.kind === 'stream') throw outputNotModel(output, 'it is a file');
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
        // Again: something may have come into being meanwhile.
        check(existsSync(place.path) ? readdirSync(place.path) : []);
        const removed = isMerged && replaces.kind === 'some' ? readdirSync(home).filter(replaces.isOld) : [];
        const [main = name, ...parts] = isMerged ? readdirSync(path).filter((file) => file !== SCRATCH) : [name];
        moveAll(temporary.path, home, { main, parts, removed });
        temporary.remove();
      }),
  };
}
