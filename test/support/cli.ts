/** The program as its users run it: built from the present sources, in a process of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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

/** To be called in a describe block or at the top of a test file. The program is built once for a whole run, by build-program.js. */
export function useProgram(): Program {
  const file = process.env.CONVOLUTIONIZE_TEST_PROGRAM;
  if (file === undefined) throw new Error('run by Jest with the configuration in package.json, whose globalSetup builds the program');
  const directories: string[] = [];
  afterAll(() => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
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
