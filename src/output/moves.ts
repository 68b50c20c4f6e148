/**
 * Moves complete files to their place. Several related files cannot be moved atomically: the list of moves is written first, so that the
 * next run can finish the moves of a killed one. In the meantime, a main file (the model) is never next to parts (its weights) that belong to another.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { jsonIn } from '../formats/json';
import { rename } from './windows';

const JOURNAL = 'moves.json';

export interface Moves {
  /** Name of the file that the others belong to, in the temporary directory and later in the output's: it is removed first and moved last. */
  readonly main: string;
  readonly parts: readonly string[];
  /** Names in the output's directory to remove. */
  readonly removed?: readonly string[] | undefined;
}

/** Moves files and directories from `from`, a temporary directory in `home`, to `home`. On any failure, the previous files are restored. */
export function moveAll(from: string, home: string, moves: Moves): void {
  for (const name of [...moves.parts, moves.main]) {
    takeModeFrom(join(home, name), join(from, name));
    sync(join(from, name));
  }
  writeFileSync(join(from, JOURNAL), JSON.stringify(moves));
  syncOne(join(from, JOURNAL));
  syncOne(from);
  carryOut(from, home, moves);
  syncOne(home);
  rmSync(from, { recursive: true, force: true });
}

/** Finishes the moves that a killed run had begun; does nothing if it had not begun. */
export function finishMoves(from: string, home: string): void {
  if (!existsSync(join(from, JOURNAL))) return;
  const moves = jsonIn(readFileSync(join(from, JOURNAL), 'utf8'));
  if (isMoves(moves)) carryOut(from, home, moves);
  syncOne(home);
}

/** Names only: nothing outside the two directories is touched, whatever the file says. */
function isMoves(value: unknown): value is Moves {
  const { main, parts, removed }: { readonly main: unknown; readonly parts: unknown; readonly removed: unknown } = {
    main: undefined,
    parts: undefined,
    removed: [],
    ...(typeof value === 'object' ? value : {}),
  };
  const isName = (name: unknown): boolean =>
    typeof name === 'string' && name !== '' && name === basename(name) && name !== '.' && name !== '..';
  return isName(main) && Array.isArray(parts) && parts.every(isName) && Array.isArray(removed) && removed.every(isName);
}

/** Carries out the moves; those already done are skipped. */
function carryOut(from: string, home: string, { main, parts, removed = [] }: Moves): void {
  const undo: (() => void)[] = [];
  const move = (source: string, target: string): void => {
    rename(source, target);
    undo.unshift(() => rename(target, source));
  };
  const aside = (name: string): void => {
    const old = join(from, `.old-${name}`);
    if (existsSync(join(home, name)) && !existsSync(old)) move(join(home, name), old);
  };
  const isNew = (name: string): boolean => existsSync(join(from, name));
  try {
    if (isNew(main)) aside(main);
    for (const name of removed) if (!isNew(name)) aside(name);
    for (const name of [...parts, main]) {
      if (!isNew(name)) continue;
      aside(name);
      move(join(from, name), join(home, name));
    }
  } catch (error) {
    for (const step of undo) step();
    throw error;
  }
}

/** Moves one complete file to its place: a previous file stays there until then. `isNew`: no file may exist there; throws EEXIST. */
export function moveOne(from: string, to: string, isNew: boolean): void {
  takeModeFrom(to, from);
  sync(from);
  if (!isNew || !linked(from, to)) rename(from, to);
  syncOne(dirname(to));
}

/** Moves by a hard link, which, unlike a rename, does not replace a file that has been created in the meantime. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
  } catch (error) {
    // Not every file system supports links.
    if (!(error instanceof Error && 'code' in error) || error.code === 'EEXIST' || existsSync(to)) throw error;
    return false;
  }
  rmSync(from);
  return true;
}

/** Gives a replacement the permissions of the file that it replaces. */
function takeModeFrom(old: string, made: string): void {
  const there = statSync(old, { throwIfNoEntry: false });
  const stat = statSync(made, { throwIfNoEntry: false });
  if (!stat) return;
  if (there && there.isDirectory() === stat.isDirectory()) chmodSync(made, there.mode & 0o777);
  // Temporary directories are private to this user; a web server that runs as another user must be able to read the result.
  else if (stat.isDirectory()) chmodSync(made, 0o777 & ~process.umask());
}

/** Flushes the file to disk. */
function sync(path: string): void {
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) sync(join(path, name));
  syncOne(path);
}

function syncOne(path: string): void {
  try {
    const file = openSync(path, 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    // Windows does not open directories, some file systems do not sync them, and a file may be unreadable even for its owner.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!['EPERM', 'EACCES', 'EISDIR', 'EINVAL', 'ENOTSUP', 'EBADF', 'ENOSYS'].includes(code)) throw error;
  }
}
