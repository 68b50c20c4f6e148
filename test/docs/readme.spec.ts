/** What README.md shows is what happens. `npm run docs` puts in what happens now. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { useProgram } from '../support/cli';

const root = join(__dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const program = useProgram();

/** The report below "The command of the quick start prints". */
const shown = /^```text\n(fixtures\/models\/lenet5\.onnx -> [\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';

test('the first command converts LeNet5, with the report that is shown', async () => {
  const [, line = ''] = /^npm ci && npx convolutionize (.*)$/m.exec(readme) ?? [];
  const args = line.split(' ');
  const cwd = program.directory();
  const input = args[1] ?? '';
  mkdirSync(join(cwd, dirname(input)), { recursive: true });
  copyFileSync(join(root, input), join(cwd, input));
  const { code, stdout } = await program.run(args, { cwd });
  expect(code).toBe(0);
  expect(existsSync(join(cwd, 'lenet5-fcn.onnx'))).toBe(true);
  if (process.env.UPDATE_DOCS)
    writeFileSync(
      join(root, 'README.md'),
      readme.replace(shown, () => stdout),
    );
  // The last digits of differences depend on the machine.
  const [told, printed] = [process.env.UPDATE_DOCS ? stdout : shown, stdout].map((text) => text.split('\nverification')[0]);
  expect(printed).toBe(told);
}, 60_000);

test('the second one runs the tests', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect([...readme.matchAll(/^npm ci && .*$/gm)].map(([line]) => line)[1]).toBe('npm ci && npm test');
  expect(scripts.test).toBe('jest');
  expect(readFileSync(join(root, '.ci/run'), 'utf8')).toContain('npm test');
});

test('the pictures and the promises are on the first screen', () => {
  const [screen = ''] = readme.split('## Why it works');
  for (const part of [
    'docs/images/overview.jpg',
    'Nothing leaves your machine',
    'torch.onnx.export',
    'npm install convolutionize',
    'convolutionize heatmap',
    'convolutionize convert',
  ])
    expect(screen).toContain(part);
});

test('the pages that it points to exist', () => {
  const pages = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path ?? '');
  expect(pages.length).toBeGreaterThan(3);
  expect(pages.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('every folder of src is on the map of docs/architecture.md', () => {
  const map = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  for (const entry of readdirSync(join(root, 'src'), { withFileTypes: true }))
    if (entry.isDirectory()) expect(map).toContain(`\`src/${entry.name}/\``);
});
