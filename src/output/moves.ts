/**
 * Moving complete files to their place. Several files that belong together cannot be moved at once: what is to be moved is written down first, so that the
 * next run finishes what a killed one had begun. In between, a main file (the model) never stands beside parts (its weights) that are not its own.
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
  /** Name, in the temporary directory and in the end in the output's, of what others belong to: it goes away first and comes last. */
  readonly main: string;
  readonly parts: readonly string[];
  /** Names in the output's directory that go. */
  readonly removed?: readonly string[] | undefined;
}

/** Moves files and directories from `from`, a temporary directory in `home`, to `home`. Whatever goes wrong, what was there comes back. */
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

/** Finishes what a killed run had begun to move; nothing, where it had not. */
export function finishMoves(from: string, home: string): void {
  if (!existsSync(join(from, JOURNAL))) return;
  const moves = jsonIn(readFileSync(join(from, JOURNAL), 'utf8'));
  if (isMoves(moves)) carryOut(from, home, moves);
  syncOne(home);
}

/** Names only: nothing outside of the two directories is touched, whatever the file says. */
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

/** What has been done already is skipped. */
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

/** Moves one complete file to its place: what was there, if anything, is there until then. `isNew`: nothing may be there. Throws EEXIST. */
export function moveOne(from: string, to: string, isNew: boolean): void {
  takeModeFrom(to, from);
  sync(from);
  if (!isNew || !linked(from, to)) rename(from, to);
  syncOne(dirname(to));
}

/** A link is not made over what has come into being meanwhile, where a rename would replace it. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
  } catch (error) {
    // Not every file system has links.
    if (!(error instanceof Error && 'code' in error) || error.code === 'EEXIST' || existsSync(to)) throw error;
    return false;
  }
  rmSync(from);
  return true;
}

/** What replaces a file keeps who may read it. */
function takeModeFrom(old: string, made: string): void {
  const there = statSync(old, { throwIfNoEntry: false });
  const stat = statSync(made, { throwIfNoEntry: false });
  if (!stat) return;
  if (there && there.isDirectory() === stat.isDirectory()) chmodSync(made, there.mode & 0o777);
  // Directories were made for this user alone; a web server that runs as another one must read them.
  else if (stat.isDirectory()) chmodSync(made, 0o777 & ~process.umask());
}

/** All of it is on the disk, not in memory only. */
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
    // Windows does not open directories, some file systems do not sync them, and a file may be unreadable for its own owner.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!['EPERM', 'EACCES', 'EISDIR', 'EINVAL', 'ENOTSUP', 'EBADF', 'ENOSYS'].includes(code)) throw error;
  }
}
