/**
 * External data is named by the model, which may come from an untrusted source: only plain files below the model's own directory are opened.
 *
 * Allowed are relative locations without `..`; no symbolic links (unless permitted: caches of model hubs consist of them), hard links, directories or devices.
 * To ensure that the file checked is the file read, checks are made on the open file where possible.
 */
import { constants, fstatSync, lstatSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { badExternalData } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import type { ByteSource } from '../ir/bytes';
import { noFileOnWindows } from '../output/windows';
import { FileSource } from './file-source';

export interface ExternalDataOptions {
  readonly allowSymlinks?: boolean | undefined;
  /** Called for weights that cannot be reached, instead of an error: for tools that inspect the graph. Reading their values is still an error. */
  readonly onMissing?: ((tensor: string, location: string, reason: CompileError) => void) | undefined;
}

/** Replaces a missing file: it has a name and no bytes. */
class AbsentFile implements ByteSource {
  readonly size = Number.MAX_SAFE_INTEGER;
  readonly isAbsent = true;
  constructor(
    readonly name: string,
    private readonly reason: CompileError,
  ) {}

  read(): Uint8Array {
    throw this.reason;
  }
}

/** Opens the external files of one model, each once. */
export class ExternalFiles {
  private readonly open = new Map<string, FileSource>();
  /** Locations by source, for writers that leave the data in place. */
  readonly locations = new Map<FileSource, string>();

  constructor(
    private readonly modelPath: string,
    private readonly options: ExternalDataOptions = {},
  ) {}

  /** The external file at a location. Throws CompileError BAD_EXTERNAL_DATA naming the tensor, unless missing weights are allowed. */
  source(location: string, tensor: string): ByteSource {
    try {
      return this.file(location, tensor);
    } catch (error) {
      const absent = error instanceof CompileError ? this.absent(location, tensor, error) : undefined;
      if (!absent) throw error;
      return absent;
    }
  }

  /** Replacement for a tensor whose bytes are missing; undefined if that is an error. */
  absent(location: string, tensor: string, reason: CompileError): ByteSource | undefined {
    if (!this.options.onMissing) return undefined;
    this.options.onMissing(tensor, location, reason);
    return new AbsentFile(join(dirname(this.modelPath), location), reason);
  }

  private file(location: string, tensor: string): FileSource {
    const known = this.open.get(location);
    if (known) return known;
    const source = this.openChecked(location, tensor);
    this.open.set(location, source);
    this.locations.set(source, location);
    return source;
  }

  close(): void {
    for (const source of this.open.values()) source.close();
    this.open.clear();
  }

  private openChecked(location: string, tensor: string): FileSource {
    const fail = (what: string, hint?: string): CompileError => badExternalData(tensor, what, hint);
    if (/^([/\\]|[A-Za-z]:)/.test(location)) throw fail(`location '${location}' must be relative`);
    if (location.split(/[/\\]/).includes('..')) throw fail(`location '${location}' must not contain ".."`);
    if (location.includes('\\') || location.includes('\0')) throw fail(`location '${location}' is not a portable path`);
    const device = noFileOnWindows(location);
    if (device !== undefined) throw fail(`location '${location}': ${device}`);
    const home = dirname(this.modelPath);
    const path = join(home, location);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) throw fail(`'${location}' does not exist beside the model`, 'copy the weights along with the model');
    const allowed = this.options.allowSymlinks ?? false;
    if (stat.isSymbolicLink() && !allowed) throw fail(`'${location}' is a symbolic link`, 'if you trust the model, use --allow-symlinks');
    this.requireInside(path, location, fail, allowed);
    let source: FileSource;
    try {
      source = FileSource.open(path, allowed ? 0 : constants.O_NOFOLLOW);
    } catch (error) {
      throw fail(error instanceof CompileError ? `'${location}': ${error.diagnostic.message}` : String(error));
    }
    const opened = fstatSync(source.descriptor);
    if (opened.nlink > 1 && !allowed) {
      source.close();
      throw fail(`'${location}' has ${opened.nlink} hard links`, 'if you trust the model, use --allow-symlinks');
    }
    return source;
  }

  /** Requires a path below the model's directory or, if links are allowed, below the directory that the model itself links into (as in hub caches). */
  private requireInside(path: string, location: string, fail: (what: string) => CompileError, allowed: boolean): void {
    const real = realpathSync(path);
    const homes = [realpathSync(dirname(this.modelPath)), ...(allowed ? [dirname(realpathSync(this.modelPath))] : [])];
    if (!homes.some((home) => real.startsWith(home.endsWith(sep) ? home : `${home}${sep}`)))
      throw fail(`'${location}' resolves outside the model directory`);
  }
}
