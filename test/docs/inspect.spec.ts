/** docs/inspect.md shows what the program prints and draws; `npm run docs` makes its picture anew. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useProgram } from '../support/cli';

const root = join(__dirname, '../..');
const page = readFileSync(join(root, 'docs/inspect.md'), 'utf8');
const program = useProgram();

test('the picture is of now', async () => {
  const { code, stdout } = await program.run(['inspect', 'fixtures/models/lenet5.onnx', '--format', 'svg']);
  const path = join(root, 'docs/pictures/lenet5.svg');
  if (process.env.UPDATE_DOCS) writeFileSync(path, stdout);
  expect(code).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe(stdout);
});

test('the comparison is what is printed', async () => {
  const [, shown = ''] = /^\$ convolutionize inspect --diff lenet5\.onnx lenet5-fcn\.onnx\n([\s\S]*?) \.\.\.\n/m.exec(page) ?? [];
  const cwd = program.directory();
  copyFileSync(join(root, 'fixtures/models/lenet5.onnx'), join(cwd, 'lenet5.onnx'));
  await program.run(['convert', 'lenet5.onnx', '--no-verify'], { cwd });
  const { stdout } = await program.run(['inspect', '--diff', 'lenet5.onnx', 'lenet5-fcn.onnx'], { cwd });
  expect(shown.length).toBeGreaterThan(500);
  expect(stdout.startsWith(shown)).toBe(true);
});

test('the list is what is printed', async () => {
  const [, shown = ''] = /^\$ convolutionize inspect fixtures\/models\/lenet5\.onnx\n([\s\S]*?) \.\.\.\n/m.exec(page) ?? [];
  const { stdout } = await program.run(['inspect', 'fixtures/models/lenet5.onnx']);
  expect(shown.length).toBeGreaterThan(500);
  expect(stdout.startsWith(shown)).toBe(true);
});
