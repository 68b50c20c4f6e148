/**
 * What is at the place of an output, and whether it may be written. One rule for every file of every command:
 *
 * - devices and pipes are written to, never replaced; sockets are refused by the system;
 * - symbolic links are followed: what they lead to is replaced, and they stay. One that leads nowhere is refused;
 * - what this run reads is never written, under whatever name, and no two outputs of a run are the same file;
 * - what is there already needs `force`, unless this program is known to have written it.
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
  /** As the user said it, for messages. */
  readonly name: string;
  /** Where it really is. */
  readonly path: string;
  /** `stream`: a device or a pipe. */
  readonly kind: 'new' | 'file' | 'directory' | 'stream';
}

/** What is there. Throws CompileError OUTPUT_DIRECTORY_MISSING, OUTPUT_LINK_BROKEN, OUTPUT_NOT_WRITABLE. */
export function placeOf(output: string): Place {
  const name = output;
  try {
    const stat = statSync(output, { throwIfNoEntry: false });
    if (stat && (isStream(stat) || isDescriptor(output))) return { name, path: output, kind: 'stream' };
    if (stat) return { name, path: realpathSync(output), kind: stat.isDirectory() ? 'directory' : 'file' };
    if (lstatSync(output, { throwIfNoEntry: false })) throw outputLinkBroken(output, readlinkSync(output));
    // 'new/' is a directory that is to be.
    const absolute = resolve(output);
    const home = dirname(absolute);
    if (!statSync(home, { throwIfNoEntry: false })?.isDirectory()) throw outputDirectoryMissing(output, dirname(output));
    return { name, path: join(realpathSync(home), basename(absolute)), kind: 'new' };
  } catch (error) {
    throw error instanceof CompileError ? error : outputNotWritable(output, error);
  }
}

const isStream = (stat: Stats): boolean => stat.isCharacterDevice() || stat.isBlockDevice() || stat.isFIFO() || stat.isSocket();

/** A file that is open already, by the name of its descriptor: /dev/stdout, /dev/fd/3, /proc/self/fd/3. It cannot be replaced, only written to. */
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
  /** Files that this run reads; directories: whatever is in them. */
  readonly inputs: readonly string[];
  readonly force: boolean;
  /** Whether an existing file is one that this program wrote, to be replaced without `force`. */
  readonly isOurs?: ((path: string) => boolean) | undefined;
  /** Further outputs of the same run. */
  readonly others?: readonly string[] | undefined;
}

/** The place of a file, which may be written there. Throws CompileError where it must not. */
export function checkPlace(output: string, rules: PlaceRules): Place {
  const reason = noFileOnWindows(output);
  if (reason !== undefined) throw cannotWrite(output, reason);
  const place = placeOf(output);
  if (place.kind === 'directory') throw outputIsDirectory(output);
  if (place.kind === 'stream') return place;
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

/** The same for an output whose inputs are plain: throws CompileError where it must not be written, before any work is done for it. */
export function checkOutput(output: string, inputs: readonly string[], force: boolean, others: readonly string[] = []): void {
  checkPlace(output, { inputs, force, others });
}

/**
 * The same for a file that belongs to an output and must have its name and stand beside it: the weights of a model. It is where the output really is, and
 * can be no link, device or pipe, since a model refers to a plain file. Throws CompileError as `checkPlace` does, and OUTPUT_NOT_WRITABLE.
 */
export function checkPart(output: string, suffix: string, rules: PlaceRules): void {
  const path = `${placeOf(output).path}${suffix}`;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw outputNotWritable(path, new Error('it is a symbolic link, which the weights of a model cannot be behind'));
  if (checkPlace(path, rules).kind === 'stream')
    throw outputNotWritable(path, new Error('it is a device or a pipe, which cannot hold the weights of a model'));
}

/** Throws CompileError OUTPUT_IS_INPUT where a file or directory that is to go holds what this run reads. */
export function checkGoing(output: string, path: string, inputs: readonly string[]): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() && isInput(path, inputs)) throw outputIsInput(output);
  if (stat?.isDirectory()) for (const name of readdirSync(path)) checkGoing(output, join(path, name), inputs);
}

/** Not by name: links, hard links and relative paths lead to the same file. */
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
