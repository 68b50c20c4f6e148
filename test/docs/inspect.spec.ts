/** docs/inspect.md shows what the program draws; `npm run docs` makes its picture anew. What it prints: commands.spec.ts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useProgram } from '../support/cli';

const root = join(__dirname, '../..');
const program = useProgram();

test('the picture is of now', async () => {
  const { code, stdout } = await program.run(['inspect', 'fixtures/models/lenet5.onnx', '--format', 'svg']);
  const path = join(root, 'docs/pictures/lenet5.svg');
  if (process.env.UPDATE_DOCS) writeFileSync(path, stdout);
  expect(code).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe(stdout);
});
