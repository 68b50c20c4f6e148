/**
 * dist/cli.js: starts the program beside it. Compiling JavaScript takes a large part of a short conversion, so the compiled code is cached between runs
 * in the system's temporary directory: by Node itself from 22.1 on, here before that. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 * The program caches nothing else. V8 executes whatever it is given, so the cache has a checksum, and the program is compiled anew if that does not match.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import vm from 'node:vm';
import { gunzipSync, gzipSync } from 'node:zlib';

/** Hash of the program's text, inserted by .ci/build.mjs, since V8 compares only lengths. */
declare const PROGRAM_HASH: string;

// Required by name, so that it stays a separate file.
const program = join(__dirname, 'program.js');
const keepCompiled: unknown = Reflect.get(Module, 'enableCompileCache');
const directory = typeof keepCompiled === 'function' || process.env.NODE_DISABLE_COMPILE_CACHE !== undefined ? undefined : ownDirectory();
if (typeof keepCompiled === 'function') keepCompiled();
if (directory === undefined) require(program);
else runKept(join(directory, `${PROGRAM_HASH}-${process.version}-${process.arch}-${command()}.bin`));

/**
 * Runs the program from its cached compilation, or writes the cache at exit. If the cache is unusable, the program runs anyway.
 * A script compiled this way cannot use import(); the build leaves none in it.
 */
function runKept(kept: string): void {
  // esbuild's output is ASCII.
  const script = new vm.Script(Module.wrap(readFileSync(program, 'latin1')), {
    filename: program,
    cachedData: checked(contentOf(kept)),
  });
  const exports = {};
  script.runInThisContext()(exports, createRequire(program), { exports }, program, dirname(program));
  if (script.cachedDataRejected !== false)
    process.on('exit', () => {
      const part = `${kept}.${process.pid}.tmp`;
      try {
        writeFileSync(part, withChecksum(script.createCachedData()), { mode: 0o600 });
        renameSync(part, kept);
        // Caches of other versions of the program.
        for (const name of readdirSync(dirname(kept)))
          if (!name.startsWith(PROGRAM_HASH)) rmSync(join(dirname(kept), name), { force: true });
      } catch {
        rmSync(part, { force: true });
      }
    });
}

/** gzip without compression, used only for its native checksum; a checksum in JavaScript would take longer than the cache saves. */
const withChecksum = (data: Buffer): Buffer => gzipSync(data, { level: 0 });

/** Contents of the cache, if its checksum matches. */
function checked(file: Buffer | undefined): Buffer | undefined {
  try {
    // In one chunk: many small ones take twice as long.
    return file && gunzipSync(file, { chunkSize: Math.max(file.length, 64) });
  } catch {
    return undefined;
  }
}

/** Cache key of the command, since each command compiles different parts. */
function command(): string {
  const [, , word = ''] = process.argv;
  return /^(convert|inspect|verify|predict|heatmap|debug|passes|completion)$/.test(word) ? word : 'other';
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** A directory that only this user can write to; undefined if there is none. */
function ownDirectory(): string | undefined {
  const user = process.getuid?.();
  const path = join(tmpdir(), `convolutionize-${user ?? 'cache'}`);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const stat = lstatSync(path);
    return stat.isDirectory() && (user === undefined || (stat.uid === user && (stat.mode & 0o022) === 0)) ? path : undefined;
  } catch {
    return undefined;
  }
}
