/** The program as its users run it: built from the sources of now, in a process of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '../..');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Program {
  /** Where it is built. */
  readonly file: string;
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** An empty directory, gone after the tests. */
  directory(): string;
}

/** To be called in a describe block or at the top of a test file: builds before its tests, cleans up after them. */
export function useProgram(): Program {
  // Below node_modules, so that the program finds the packages that are not bundled.
  const home = join(root, 'node_modules/.cache/convolutionize', `${process.pid}-${Date.now()}`);
  const file = join(home, 'cli.js');
  const directories: string[] = [];
  beforeAll(() => {
    mkdirSync(home, { recursive: true });
    execFileSync(process.execPath, [join(root, '.ci/build.mjs'), '--program', file], { stdio: 'pipe' });
  }, 60_000);
  afterAll(() => {
    for (const directory of [home, ...directories]) rmSync(directory, { recursive: true, force: true });
  });
  return {
    file,
    directory() {
      const directory = mkdtempSync(join(tmpdir(), 'convolutionize-'));
      directories.push(directory);
      return directory;
    },
    run: (args, options = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [file, ...args], {
          cwd: options.cwd ?? root,
          env: { ...process.env, ...options.env },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let stdout = '';
        let stderr = '';
        child.stdout.setEncoding('utf8').on('data', (text) => {
          stdout += text;
        });
        child.stderr.setEncoding('utf8').on('data', (text) => {
          stderr += text;
        });
        child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
      }),
  };
}
