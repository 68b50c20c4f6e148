/** --quiet prints only errors, whatever the command; what is asked for by --json or --format is still printed. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../src/cli/main';
import { useProgram } from '../support/cli';

jest.setTimeout(120_000);

const root = join(__dirname, '../..');
const lenet = join(root, 'fixtures/models/lenet5.onnx');
const program = useProgram();
let canvas = '';
let directory = '';
beforeAll(() => {
  directory = program.directory();
  canvas = join(directory, 'canvas.png');
  copyFileSync(join(root, 'fixtures/digits/canvas.png'), canvas);
});

async function run(...args: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const code = await main(args, { stdout: { write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) }, env: {} });
  return { code, stdout, stderr };
}

test.each<[string, () => readonly string[]]>([
  ['convert', () => [lenet, '-o', join(directory, 'fcn.onnx'), '--no-verify']],
  ['convert', () => [lenet, '--explain', '/Flatten']],
  ['inspect', () => [lenet]],
  ['inspect --diff', () => [lenet, lenet]],
  ['passes', () => []],
  ['predict', () => [lenet, canvas, '--resize', '28x28']],
  ['heatmap', () => [lenet, canvas, '--scales', '1']],
  ['verify', () => [lenet, lenet, '-n', '1']],
])('%s -q', async (command, rest) => {
  expect(await run(...command.split(' '), ...rest(), '-q')).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('errors are printed, and so is what was asked for', async () => {
  const { code, stderr } = await run('predict', lenet, join(directory, 'nowhere.png'), '-q');
  expect([code, stderr]).toEqual([2, expect.stringContaining('error[CANNOT_READ]')]);
  expect(JSON.parse((await run('inspect', lenet, '-q', '--json')).stdout)).toBeInstanceOf(Object);
  expect((await run('inspect', lenet, '-q', '--format', 'dot')).stdout).toContain('digraph');
});
