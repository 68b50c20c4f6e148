/** `convert --to tfjs`, as a user runs it. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelToBytes } from '../../src/onnx/write';
import { useProgram } from '../support/cli';
import { parseGraph } from '../support/expect-pass';

jest.setTimeout(120_000);
const program = useProgram();

function home(): string {
  const directory = program.directory();
  copyFileSync(join(__dirname, '../../fixtures/models/lenet5.onnx'), join(directory, 'lenet5.onnx'));
  return directory;
}

test('writes a directory that was run in TensorFlow.js, and says what is in it', async () => {
  const cwd = home();
  const { code, stdout } = await program.run(['convert', 'lenet5.onnx', '-o', 'web', '--to', 'tfjs', '--preset', 'unit'], { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/lenet5\.onnx -> web \(model\.json of .* nodes, .* of weights in 1 file\)/);
  expect(stdout).toMatch(/verdict {12}equal \(.*TensorFlow\.js on WebAssembly/);
  expect(readdirSync(join(cwd, 'web')).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
  expect(readdirSync(cwd).sort()).toEqual(['lenet5.onnx', 'web']);
  const { convolutionize } = JSON.parse(readFileSync(join(cwd, 'web/model.json'), 'utf8')).userDefinedMetadata;
  expect(convolutionize).toMatchObject({ head: 'window', preprocessing: { preset: 'unit', range: 1 }, source: { file: 'lenet5.onnx' } });
});

test('the default name is that of a directory; weights in fewer bits are measured, not judged', async () => {
  const cwd = home();
  const { code, stdout } = await program.run(['convert', '--quantize-uint8', 'lenet5.onnx', '--to', 'tfjs', '--head', 'original'], { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/uint8 +\d+ weights, largest error of a number/);
  expect(stdout).toMatch(/original size +measured: .*largest difference/);
  expect(stdout).toMatch(
    /verdict +MEASURED, held to no bound: scores differ by up to .* of the largest; the best class is the same in .* % of \d+ random inputs/,
  );
  expect(stdout).toContain('nearly, since weights are stored in uint8: equal to the original at every size that it takes');
  const { convolutionize } = JSON.parse(readFileSync(join(cwd, 'lenet5-folded-tfjs/model.json'), 'utf8')).userDefinedMetadata;
  expect(convolutionize.meaning).toMatch(/^nearly, since weights are stored in uint8: /);
  expect(existsSync(join(cwd, 'lenet5-folded-tfjs/model.json'))).toBe(true);
});

test('a model that looks at no images is written with --head original, and verified again later', async () => {
  const cwd = program.directory();
  writeFileSync(
    join(cwd, 'plain.onnx'),
    modelToBytes(parseGraph('g (float[3, 4] X, bool[3, 4] C, float[4] B) => (float[3, 4] Y) { Y = Where (C, X, B) }')),
  );
  const { code, stdout } = await program.run(['convert', 'plain.onnx', '--to', 'tfjs', '--head', 'original', '-o', 'web'], { cwd });
  expect(stdout).toMatch(/verdict +equal/);
  expect(code).toBe(0);
  const again = await program.run(['verify', 'plain.onnx', 'web'], { cwd });
  expect(again.code).toBe(0);
});

test('all that has no counterpart is told, and nothing is written', async () => {
  const cwd = program.directory();
  const strange = parseGraph(`g (float[N, 1, 8, 8] X) => (float[N, 2] Y) <float[2, 64] W> {
    R = RandomUniformLike (X)
    B = Bernoulli (R)
    S = Add (X, B)
    F = Flatten (S)
    Y = Gemm <transB = 1> (F, W)
  }`);
  writeFileSync(join(cwd, 'strange.onnx'), modelToBytes(strange));
  const { code, stderr } = await program.run(['convert', 'strange.onnx', '--to', 'tfjs', '--head', 'original', '-o', 'web'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toMatch(/error\[UNSUPPORTED_OPERATORS\].*RandomUniformLike, Bernoulli/);
  expect(readdirSync(cwd)).toEqual(['strange.onnx']);
});

test.each([
  [['--no-fuse'], '--no-fuse is for --to tfjs'],
  [['--to', 'tfjs', '--external-data'], '--external-data is for ONNX'],
  [['--to', 'tfjs', '--quantize-uint8', '--quantize-float16'], 'all weights cannot be both'],
  [['--to', 'tfjs', '--weight-shard-size-bytes', '12'], 'at least 1024'],
])('%j do not go together', async (options, message) => {
  const cwd = home();
  const { code, stderr } = await program.run(['convert', 'lenet5.onnx', ...options], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(readdirSync(cwd)).toEqual(['lenet5.onnx']);
});
