/** Every command with a standard output on a full disk: an error that says so, and never a crash. */
import { spawn } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from '../../src/cli/options';
import { useProgram } from '../support/cli';

const program = useProgram();
const SOUND = join(__dirname, '../../fixtures/fuzz/sound');

const RUNS: readonly (readonly string[])[] = [
  ['convert', 'pair.onnx', 'out.onnx', '--no-verify'],
  ['convert', 'pair.onnx', '--dry-run', '--json'],
  ['verify', 'pair.onnx', 'pair-fcn.onnx', '-n', '1', '--verify-budget', '1s'],
  ['inspect', 'pair.onnx'],
  ['inspect', 'pair.onnx', '--format', 'dot'],
  ['predict', 'pair.onnx', 'small.png', '--resize', '12x10', '--json'],
  ['heatmap', 'pair-fcn.onnx', 'small.png', '-o', 'heat.png'],
  ['passes'],
  ['debug', 'bisect', 'pair.onnx', '-n', '1'],
  ['completion', 'bash'],
  ['playground', '--help'],
  ['--help'],
];

test('every command is in the table', () => {
  expect(COMMANDS.map(({ name }) => name.split(' ')[0]).filter((name) => !RUNS.some(([first]) => first === name))).toEqual([]);
});

(existsSync('/dev/full') ? test : test.skip).each(RUNS.map((args) => [args.join(' '), args] as const))('%s', async (_, args) => {
  const home = program.directory();
  for (const name of ['pair.onnx', 'pair-fcn.onnx', 'small.png']) copyFileSync(join(SOUND, name), join(home, name));
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [program.file, ...args], { cwd: home, stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect([code, said]).toEqual([2, expect.stringMatching(/^error\[CANNOT_PRINT\]: cannot write to the standard output: .*space/)]);
  // What was written to a disk that is not full is there, and nothing else.
  expect(readdirSync(home).filter((name) => !['pair.onnx', 'pair-fcn.onnx', 'small.png', 'out.onnx', 'heat.png'].includes(name))).toEqual(
    [],
  );
});
