/**
 * dist/cli.js: starts the program beside it. A good part of what a short conversion takes is the compilation of JavaScript, so what was compiled is kept
 * from run to run, in the system's directory for temporary files: by Node itself from 22.1 on, here before that. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 * It is the only thing that the program keeps. V8 runs what it is given: what is kept has a checksum, and is compiled anew where that does not hold.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import vm from 'node:vm';
import { gunzipSync, gzipSync } from 'node:zlib';

/** Of the program's text, put in by .ci/build.mjs: V8 compares lengths only. */
declare const PROGRAM_HASH: string;

// By name, so that it stays a file of its own.
const program = join(__dirname, 'program.js');
const keepCompiled: unknown = Reflect.get(Module, 'enableCompileCache');
const directory = typeof keepCompiled === 'function' || process.env.NODE_DISABLE_COMPILE_CACHE !== undefined ? undefined : ownDirectory();
if (typeof keepCompiled === 'function') keepCompiled();
if (directory === undefined) require(program);
else runKept(join(directory, `${PROGRAM_HASH}-${process.version}-${process.arch}-${command()}.bin`));

/**
 * Runs the program from what was compiled of it, or else keeps that at the end. Whatever goes wrong with the kept file, the program runs.
 * A script that comes from there cannot import(): the build leaves none in it.
 */
function runKept(kept: string): void {
  // esbuild writes ASCII.
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
        // Of other versions of the program.
        for (const name of readdirSync(dirname(kept)))
          if (!name.startsWith(PROGRAM_HASH)) rmSync(join(dirname(kept), name), { force: true });
      } catch {
        rmSync(part, { force: true });
      }
    });
}

/** Stored, not compressed: it is the checksum of the format that counts, by native code. One of our own would take longer than it saves. */
const withChecksum = (data: Buffer): Buffer => gzipSync(data, { level: 0 });

/** What was kept, if it is what was written. */
function checked(file: Buffer | undefined): Buffer | undefined {
  try {
    return file && gunzipSync(file);
  } catch {
    return undefined;
  }
}

/** Each command compiles other parts. */
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

/** A directory that nobody else can write into; undefined where there is none. */
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
