/**
 * Checks what exists at the path of an output and whether it may be written. One rule for every file of every command:
 *
 * - devices and pipes are written to, never replaced; sockets are refused;
 * - symbolic links are followed: their target is replaced, and the links stay. A broken link is refused;
 * - a file that this run reads is never written, under whatever name, and no two outputs of a run are the same file;
 * - an existing file needs `force`, unless this program is known to have written it.
 */
import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import {
  cannotWrite,
  outputDirectoryMissing,
  outputExists,
  outputIsDirectory,
  outputIsInput,
  outputLinkBroken,
  outputNotWritable,
  outputTwice,
} from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { wasRead } from './inputs';
import { noFileOnWindows } from './windows';

export interface Place {
  /** The path as the user gave it, for messages. */
  readonly name: string;
  /** The real path. */
  readonly path: string;
  /** `stream`: a device or a pipe. */
  readonly kind: 'new' | 'file' | 'directory' | 'stream';
}

/** Resolves an output and what exists there. Throws CompileError OUTPUT_DIRECTORY_MISSING, OUTPUT_LINK_BROKEN, OUTPUT_NOT_WRITABLE. */
export function placeOf(output: string): Place {
  const name = output;
  try {
    const stat = statSync(output, { throwIfNoEntry: false });
    if (stat && (isStream(stat) || isDescriptor(output))) return { name, path: output, kind: 'stream' };
    if (stat) return { name, path: realpathSync(output), kind: stat.isDirectory() ? 'directory' : 'file' };
    if (lstatSync(output, { throwIfNoEntry: false })) throw outputLinkBroken(output, readlinkSync(output));
    // 'new/' names a directory to be created.
    const absolute = resolve(output);
    const home = dirname(absolute);
    if (!statSync(home, { throwIfNoEntry: false })?.isDirectory()) throw outputDirectoryMissing(output, dirname(output));
    return { name, path: join(realpathSync(home), basename(absolute)), kind: 'new' };
  } catch (error) {
    throw error instanceof CompileError ? error : outputNotWritable(output, error);
  }
}

const isStream = (stat: Stats): boolean => stat.isCharacterDevice() || stat.isBlockDevice() || stat.isFIFO() || stat.isSocket();

/** True for an open file named by its descriptor: /dev/stdout, /dev/fd/3, /proc/self/fd/3. It cannot be replaced, only written to. */
function isDescriptor(path: string): boolean {
  let at = resolve(path);
  for (let hops = 0; hops < 40; hops++) {
    if (/^\/proc\/[^/]+\/(task\/[^/]+\/)?fd\//.test(at) || /^\/dev\/fd\//.test(at)) return true;
    if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return false;
    const target = readlinkSync(at);
    at = isAbsolute(target) ? target : resolve(dirname(at), target);
  }
  return false;
}

export interface PlaceRules {
  /** Files that this run reads; a directory includes its contents. */
  readonly inputs: readonly string[];
  readonly force: boolean;
  /** Whether this program wrote an existing file, which may then be replaced without `force`. */
  readonly isOurs?: ((path: string) => boolean) | undefined;
  /** Other outputs of the same run. */
  readonly others?: readonly string[] | undefined;
}

/** The place of a file that may be written there. Throws CompileError if it must not. */
export function checkPlace(output: string, rules: PlaceRules): Place {
  const reason = noFileOnWindows(output);
  if (reason !== undefined) throw cannotWrite(output, reason);
  const place = placeOf(output);
  if (place.kind === 'directory') throw outputIsDirectory(output);
  if (place.kind === 'stream') {
    if (statSync(output, { throwIfNoEntry: false })?.isSocket()) throw outputNotWritable(output, new Error('it is a socket'));
    return place;
  }
  for (const other of rules.others ?? []) {
    const its = placeOf(other);
    if (its.kind !== 'stream' && (its.path === place.path || (place.kind === 'file' && isSame(its.path, place.path))))
      throw outputTwice(output);
  }
  if (place.kind === 'new') return place;
  if (isInput(place.path, rules.inputs)) throw outputIsInput(output);
  if (!rules.force && !rules.isOurs?.(place.path)) throw outputExists(output);
  return place;
}

/** The same check with the rules as plain arguments, to be made before any work is done. Throws CompileError if the output must not be written. */
export function checkOutput(output: string, inputs: readonly string[], force: boolean, others: readonly string[] = []): void {
  checkPlace(output, { inputs, force, others });
}

/**
 * The same check for a file with a prescribed name next to an output: the weights of a model. It is in the real directory of the output, and
 * cannot be a link, device or pipe, since a model refers to a plain file. Throws CompileError like `checkPlace`, and OUTPUT_NOT_WRITABLE.
 */
export function checkPart(output: string, suffix: string, rules: PlaceRules): void {
  const path = `${placeOf(output).path}${suffix}`;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw outputNotWritable(path, new Error('it is a symbolic link, which the weights of a model cannot be behind'));
  if (checkPlace(path, rules).kind === 'stream')
    throw outputNotWritable(path, new Error('it is a device or a pipe, which cannot hold the weights of a model'));
}

/** Throws CompileError OUTPUT_IS_INPUT if a file or directory to be removed is or contains an input of this run. */
export function checkGoing(output: string, path: string, inputs: readonly string[]): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() && isInput(path, inputs)) throw outputIsInput(output);
  if (stat?.isDirectory()) for (const name of readdirSync(path)) checkGoing(output, join(path, name), inputs);
}

/** Compares files, not names: links, hard links and relative paths can lead to the same file. */
function isInput(path: string, inputs: readonly string[]): boolean {
  if (wasRead(statSync(path))) return true;
  return inputs.some((input) => {
    const stat = statSync(input, { throwIfNoEntry: false });
    if (!stat) return false;
    return stat.isDirectory() ? path.startsWith(`${realpathSync(input)}${sep}`) : isSame(input, path);
  });
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [statSync(a, { throwIfNoEntry: false }), statSync(b, { throwIfNoEntry: false })];
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}
