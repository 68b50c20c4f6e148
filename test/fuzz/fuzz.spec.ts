/** A part of `npm run fuzz`: sound input is taken, four thousand mutants are answered. Always the same ones, whatever the speed of the machine. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generate, inputOf } from './generate';
import { Seeds } from './seeds';
import { shrunk } from './shrink';

const root = join(__dirname, '../..');
const run = promisify(execFile);
jest.setTimeout(900_000);

test('four thousand inputs: answers only', async () => {
  const args = [
    join(root, '.ci/ts.mjs'),
    join(root, 'test/fuzz/run.ts'),
    '--count',
    '4000',
    '--seed',
    '1',
    '--workers',
    '2',
    '--shrink',
    '0',
  ];
  const { stdout } = await run(process.execPath, [...args, '--keep', join(root, 'node_modules/.cache/convolutionize/fuzz-findings')], {
    maxBuffer: 2 ** 26,
  }).catch((error: { stdout?: string }) => ({ stdout: `${error.stdout}\n${String(error).slice(0, 2000)}` }));
  expect(stdout).toMatch(/^seed 1: 4000 inputs in \d+ s, \d+ accepted, \d+ run and equal, 0 kinds of findings$/m);
  const [, accepted, equal] = /(\d+) accepted, (\d+) run and equal/.exec(stdout) ?? [];
  // Mutants that are refused at the first look test little. (Most inputs go to a reader alone; about one in forty is a model that is taken.)
  expect(Number(accepted)).toBeGreaterThan(60);
  expect(Number(equal)).toBeGreaterThan(4);
});

test('a seed and a number are one input', () => {
  const seeds = new Seeds();
  for (const number of [0, 1, 2, 3, 50]) {
    const [first, second] = [inputOf(seeds, 5, number), inputOf(seeds, 5, number)];
    expect(first && [...first.files]).toEqual(second && [...second.files]);
  }
});

test('a finding is made small', async () => {
  const root = { a: [1, 2, 3], weights: [{ name: 'w', at: [7] }, { name: 'v' }], b: { c: 'd' } };
  const draft = { ...generate(new Seeds(), 5, 0, 'certificate'), tree: { root }, scars: [1, 2] };
  const names = (tree: unknown): unknown => JSON.parse(JSON.stringify(tree)).root?.weights?.map((each: { name?: string }) => each.name);
  const found = await shrunk(draft, async ({ tree }) => JSON.stringify(names(tree) ?? null).includes('"v"'), 300);
  expect([found.tree, found.scars]).toEqual([{ root: { weights: [{ name: 'v' }] } }, []]);
});
