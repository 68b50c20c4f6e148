/**
 * Temporary files and directories and their cleanup: removed when no longer needed, at the latest when the process ends, including by interrupts.
 * Those of a killed run are removed by the next one: their names identify the process that made them.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cannotWrite } from '../diagnostics/catalogue';
import { finishMoves } from './moves';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const NAME = /^\.?convolutionize-([0-9a-f]{6})-(\d+)-([0-9a-z]+)-[0-9a-z]{6,}(\.onnx)?$/;
/** Whether a process on another machine still runs is unknown; none runs this long. */
const ABANDONED_MS = 7 * 24 * 3600 * 1000;

/** Temporary paths of this process. */
const owned = new Set<string>();

const removeAll = (): void => {
  for (const path of owned) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // The next run tries again.
    }
  }
  owned.clear();
};
const interrupted = (signal: NodeJS.Signals): void => {
  removeAll();
  stopListening();
  // If there are other listeners, they decide what happens.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
};
function startListening(): void {
  process.on('exit', removeAll);
  for (const signal of SIGNALS) process.on(signal, interrupted);
}
function stopListening(): void {
  process.off('exit', removeAll);
  for (const signal of SIGNALS) process.off(signal, interrupted);
}

/** Registers a file or directory, which is removed when the returned function is called, or else when the process ends. */
export function ownedUntil(path: string): () => void {
  if (owned.size === 0) startListening();
  owned.add(path);
  return () => {
    rmSync(path, { recursive: true, force: true });
    if (owned.delete(path) && owned.size === 0) stopListening();
  };
}

/** During a call that may block for long (a pipe without a reader), Ctrl-C ends the process at once; the next run removes what is left. */
export function interruptible<T>(action: () => T): T {
  if (owned.size === 0) return action();
  stopListening();
  try {
    return action();
  } finally {
    startListening();
  }
}

/** A name that is unique to this process. `hidden`: begins with a dot, for directories that people look into. */
export function temporaryName(hidden: boolean): string {
  const { host, pid, start } = thisProcess();
  return `${hidden ? '.' : ''}convolutionize-${host}-${pid}-${start}-${Math.random().toString(36).slice(2, 10).padEnd(8, '0')}`;
}

export interface Temporary {
  readonly path: string;
  remove(): void;
}

/** A new directory in `home`, for files that will be moved to `home`. Throws the file system's error. */
export function temporaryBeside(home: string): Temporary {
  removeAbandoned(home);
  return makeDirectory(home, true);
}

/** A directory for temporary files: `path`, created if missing, or a new one in the system's temporary directory. Throws CompileError CANNOT_WRITE. */
export function scratchDirectory(path?: string): Temporary {
  try {
    if (path !== undefined) {
      mkdirSync(path, { recursive: true });
      return { path, remove: ownedUntil(path) };
    }
    removeAbandoned(tmpdir());
    return makeDirectory(tmpdir(), false);
  } catch (error) {
    throw cannotWrite(path ?? tmpdir(), error instanceof Error ? error.message : String(error));
  }
}

function makeDirectory(home: string, hidden: boolean): Temporary {
  const path = join(home, temporaryName(hidden));
  const remove = ownedUntil(path);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    remove();
    throw error;
  }
  return { path, remove };
}

/**
 * Removes what killed runs left in a directory. If a run was killed while it moved its complete output into place, the moves are finished instead.
 * Touches only files of the same user: others that can write to the directory must not make us remove or move theirs.
 */
export function removeAbandoned(home: string): void {
  let names: string[];
  try {
    names = readdirSync(home);
  } catch {
    return;
  }
  for (const name of names) {
    const [, host, pid, start] = NAME.exec(name) ?? [];
    const path = join(home, name);
    if (host === undefined || pid === undefined || start === undefined || owned.has(path)) continue;
    try {
      const stat = lstatSync(path);
      if (process.getuid && stat.uid !== process.getuid()) continue;
      if (isRunning(host, Number(pid), start, stat.mtimeMs)) continue;
      if (stat.isDirectory() && name.startsWith('.')) finishMoves(path, home);
      rmSync(path, { recursive: true, force: true });
    } catch {
      // Another run may be doing the same, or the directory is not ours to change: the file is left.
    }
  }
}

function isRunning(host: string, pid: number, start: string, changed: number): boolean {
  const self = thisProcess();
  if (host !== self.host) return Date.now() - changed < ABANDONED_MS;
  if (pid === self.pid) return start === self.start;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // The process id may have been reused since.
  const now = startOf(pid);
  return now === undefined || now === start;
}

interface Identity {
  readonly host: string;
  readonly pid: number;
  readonly start: string;
}
let self: Identity | undefined;
function thisProcess(): Identity {
  self ??= {
    host: sixDigits(hostname()),
    pid: process.pid,
    start: startOf(process.pid) ?? '0',
  };
  return self;
}

/** FNV-1a: loading node:crypto takes as long as folding a small model. */
function sixDigits(text: string): string {
  let hash = 0x811c9dc5;
  for (const letter of Buffer.from(text)) hash = Math.imul(hash ^ letter, 0x01000193);
  return ((hash >>> 0) % 0x1000000).toString(16).padStart(6, '0');
}

/** Start time of a process, if the system provides it. */
function startOf(pid: number): string | undefined {
  try {
    // The second field is the program name in parentheses, which may contain anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return Number(fields[19]).toString(36);
  } catch {
    return undefined;
  }
}
