/** The commands of docs/config.md run, with the file that it shows. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { configSchema } from '../../src/cli/config-schema';
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
  const [first = '', second = ''] = block.split('\n').filter((line) => line.startsWith('convolutionize '));
  const run = (line: string) => program.run(line.split(' ').slice(1), { cwd });
  const fromFile = await run(first);
  expect([fromFile.code, fromFile.stdout]).toEqual([0, expect.stringMatching(/^lenet5\.onnx -> lenet5-folded\.onnx/)]);
  const { code, stdout } = await run(second);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^lenet5\.onnx -> lenet5-fcn\.onnx[\s\S]*verdict +equal/)]);
});

test('the schema in docs/schemas is that of the options (npm run docs), and says what the program says', () => {
  const path = join(root, 'docs/schemas/config.schema.json');
  const text = `${JSON.stringify(configSchema(), undefined, 2)}\n`;
  if (process.env.UPDATE_DOCS) writeFileSync(path, text);
  expect(readFileSync(path, 'utf8')).toBe(text);
  const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const validate = new Ajv({ allowUnionTypes: true }).compile(configSchema());
  expect(validate(parse(yaml))).toBe(true);
  for (const bad of [
    'convert: { hed: cell }',
    'convert: { head: cells }',
    'convrt: {}',
    'convert: { force: 1 }',
    'convert: { stride: [8] }',
  ])
    expect([bad, validate(parse(bad))]).toEqual([bad, false]);
});
