/** The commands of docs/config.md run, with the file that it shows. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useProgram } from '../support/cli';

const root = join(__dirname, '../..');
const page = readFileSync(join(root, 'docs/config.md'), 'utf8');
const program = useProgram();

test('the file is read, and the command line wins', async () => {
  const cwd = program.directory();
  copyFileSync(join(root, 'fixtures/models/lenet5.onnx'), join(cwd, 'lenet5.onnx'));
  const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? [];
  writeFileSync(join(cwd, 'convolutionize.yaml'), yaml);
  const [, block = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const [first = '', second = ''] = block.trim().split('\n');
  const run = (line: string) => program.run(line.split(' ').slice(1), { cwd });
  // LeNet5 has no global average, so the file's --head cell is refused.
  const fromFile = await run(first);
  expect([fromFile.code, fromFile.stderr]).toEqual([2, expect.stringContaining('error[NOT_CONVERTIBLE]')]);
  const { code, stdout } = await run(second);
  expect([code, stdout]).toEqual([0, expect.stringContaining('verdict            equal')]);
});
