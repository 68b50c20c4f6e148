/** The GitHub action of this repository, performed as GitHub does it: step by step, each in bash with its own environment. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

interface Step {
  readonly id: string;
  readonly env: Readonly<Record<string, string>>;
  readonly run: string;
}
export interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

export const action: Action = parse(readFileSync(join(__dirname, '../../.github/actions/verify/action.yml'), 'utf8'));

export interface Performed {
  /** Of the step that failed, or of the last. */
  readonly code: number | null;
  readonly failed: string | undefined;
  readonly log: string;
  readonly verdict: string;
  readonly summary: string;
}

/** `outputs`: of steps that need not be run, by their id. */
export function perform(
  cwd: string,
  inputs: Readonly<Record<string, string>>,
  outputs: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): Performed {
  const home = mkdtempSync(join(tmpdir(), 'convolutionize-'));
  const known: Record<string, Readonly<Record<string, string>>> = { ...outputs };
  const summary = join(home, 'summary');
  writeFileSync(summary, '');
  let [log, code, failed]: [string, number | null, string | undefined] = ['', 0, undefined];
  try {
    for (const { id, env, run } of action.runs.steps) {
      if (outputs[id]) continue;
      const output = join(home, `output-${id}`);
      writeFileSync(output, '');
      const filled = Object.entries(env).map(([name, text]) => [
        name,
        text.replace(/\$\{\{ (?:inputs\.(\w+)|steps\.(\w+)\.outputs\.(\w+)) \}\}/g, (_, input, step, key) =>
          input === undefined ? (known[step]?.[key] ?? '') : (inputs[input] ?? action.inputs[input]?.default ?? ''),
        ),
      ]);
      const ran = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', run], {
        cwd,
        encoding: 'utf8',
        env: {
          ...process.env,
          RUNNER_TEMP: home,
          GITHUB_ACTIONS: 'true',
          GITHUB_OUTPUT: output,
          GITHUB_STEP_SUMMARY: summary,
          ...Object.fromEntries(filled),
        },
      });
      log += ran.stdout + ran.stderr;
      known[id] = Object.fromEntries(
        readFileSync(output, 'utf8')
          .split('\n')
          .filter((line) => line.includes('='))
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
      code = ran.status;
      if (code !== 0) {
        failed = id;
        break;
      }
    }
    return { code, failed, log, verdict: known.verify?.verdict ?? '', summary: readFileSync(summary, 'utf8') };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
