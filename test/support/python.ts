/** Python with the `onnx` package, as an oracle where there is one: tests that want it skip with a message elsewhere. */
import { spawnSync } from 'node:child_process';

/** Taken from the environment variable PYTHON; default `python3`. */
const COMMAND = process.env.PYTHON ?? 'python3';

const found = spawnSync(COMMAND, ['-c', 'import onnx; print(onnx.__version__)'], { encoding: 'utf8' });
export const hasOnnx = found.status === 0;

/** `describe`, or its skipping sister with the reason in the title. */
export const describeWithOnnx = (title: string, tests: () => void): void =>
  hasOnnx
    ? describe(`${title} (onnx ${found.stdout.trim()})`, tests)
    : describe.skip(`${title} (skipped: '${COMMAND}' has no onnx; set PYTHON)`, tests);

/** Runs a script; what it prints. Throws with what it complains about. */
export function python(script: string, input: string): string {
  const run = spawnSync(COMMAND, ['-c', script], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(run.stderr.trim().split('\n').slice(-3).join('\n'));
  return run.stdout;
}
