/** --config: options by name for each command; the command line wins; what is wrong is named with its line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseAction } from '../../src/cli/commands';
import { readConfig } from '../../src/cli/config';
import { main } from '../../src/cli/main';
import { CompileError } from '../../src/diagnostics/compile-error';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, 'convolutionize.yaml');
  writeFileSync(path, text);
  return path;
}

const WHOLE = `convert:
  head: cell
  optimise: 1
  stride: 8
  dry-run: true
  rtol: [1e-3, 'scores:1e-4']
  quantize-uint8: true
  quantize-float16: '*/conv*'
verify:
  seed: 7
passes:
`;

test('values are those of the command line, of the one command', () => {
  expect(readConfig(file(WHOLE), 'convert')).toEqual({
    head: 'cell',
    optimise: '1',
    stride: '8',
    'dry-run': true,
    rtol: ['0.001', 'scores:1e-4'],
    'quantize-uint8': '*',
    'quantize-float16': '*/conv*',
  });
  expect(readConfig(file(WHOLE.replaceAll('\n', '\r\n')), 'verify')).toEqual({ seed: '7' });
  expect(readConfig(file(WHOLE), 'inspect')).toEqual({});
});

test.each([
  ['convert:\n  hed: cell\n', "there is no option 'hed' of convert; did you mean 'head'?", 2],
  ['convrt:\n  head: cell\n', "there is no command 'convrt'; did you mean 'convert'?", 1],
  ['convert:\n  head: cells\n', "'head' cannot be 'cells', only window or cell or image or original", 2],
  ['convert:\n\n  force: yes please\n', "'force' must be true or false", 3],
  ['convert:\n  stride: [8, 16]\n', "'stride' must be a text or a number", 2],
  ['convert:\n  rtol: { default: 1 }\n', "'rtol' must be a text or a number, or a list of such", 2],
  ['convert:\n  config: other.yaml\n', "'config' is an option of the command line only", 2],
  ['convert:\n  constructor: 1\n', "there is no option 'constructor' of convert", 2],
  ['convert: cell\n', "'convert' must have options as keys", 1],
  ['- convert\n', 'it must have a key for each command', 1],
  ['convert:\n  head: *nowhere\n', 'Unresolved alias', undefined],
  [
    'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nconvert: [*c,*c,*c,*c]\n',
    'alias',
    undefined,
  ],
  ['convert: &c\n  rtol: [*c]\n', "'rtol' must be a text or a number", 2],
])('%j is refused', (text, message, line) => {
  let caught: unknown;
  try {
    readConfig(file(text), 'convert');
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(CompileError);
  if (!(caught instanceof CompileError)) return;
  expect([caught.diagnostic.code, caught.diagnostic.at?.line]).toEqual(['CONFIG_INVALID', line]);
  expect(caught.message).toContain(message);
});

test('the command line wins, and lists are replaced, not joined', async () => {
  const run = async (...args: readonly string[]) => {
    let [stdout, stderr] = ['', ''];
    const code = await main(args, {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env: {},
    });
    return { code, stdout, stderr };
  };
  const lenet = join(__dirname, '../../fixtures/models/lenet5.onnx');
  const config = file('convert:\n  dry-run: true\n  head: image\n  skip: [nonsense]\n');
  const fromFile = await run('convert', lenet, '--config', config);
  expect([fromFile.code, fromFile.stderr]).toEqual([2, expect.stringContaining("'nonsense'")]);
  const { code, stdout } = await run('convert', lenet, '--config', config, '--skip', 'fold-batch-norm', '--head', 'window', '--json');
  expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ dryRun: true, head: 'window' })]);
  const written = JSON.parse((await run('convert', lenet, `--config=${config}`, '--skip', 'fold-batch-norm', '--json')).stdout);
  expect(written).toMatchObject({ dryRun: true, head: 'image', output: null });
  expect((await chooseAction(['convert', lenet, '--config', file('')], 80).catch(String)).toString()).toContain('key for each command');
});
