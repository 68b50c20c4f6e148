/** The fuzzer finds each kind of fault: they are put into the program one at a time. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PLANTS } from './plants';

const root = join(__dirname, '../..');
const run = promisify(execFile);
jest.setTimeout(900_000);

/** How each is found. */
const FOUND: Readonly<Record<string, RegExp>> = {
  weights: /^different: other numbers$/m,
  unreadable: /^what was written back is refused: /m,
  'type error': /^exception: TypeError: /m,
  'type error in a door': /^exception: TypeError: /m,
  'exit 70': /^exit 70: /m,
  crash: /^crash: SIGABRT/m,
  slow: /^time: took too long$/m,
  loop: /^time: took too long$/m,
  memory: /^memory: took too much memory$/m,
  heap: /^crash: out of memory$/m,
  'stray file': /^left behind: beside the output$/m,
  'stray file of a reader': /^outside: writeFileSync within its folder$/m,
  'file left in TMPDIR': /^left behind: in TMPDIR$/m,
  'file elsewhere': /^outside: writeFileSync of \.\.\/elsewhere\.txt$/m,
  'input overwritten': /^input changed: model\.onnx$/m,
  network: /^outside: node:dns\.lookup$/m,
  program: /^outside: node:child_process\.execFileSync$/m,
  escape: /^control characters: /m,
  'workflow command': /^workflow command: /m,
  'no JSON': /^no JSON: /m,
};

/** Those that do not hide each other are put in together. */
const RUNS: readonly { readonly plants: readonly string[]; readonly only: string; readonly count: number }[] = [
  { plants: ['weights', 'network', 'program', 'stray file of a reader'], only: 'onnx', count: 500 },
  { plants: ['escape', 'workflow command', 'no JSON', 'stray file', 'file left in TMPDIR', 'unreadable'], only: 'onnx', count: 500 },
  { plants: ['exit 70', 'input overwritten', 'type error'], only: 'onnx', count: 300 },
  { plants: ['file elsewhere'], only: 'certificate', count: 30 },
  { plants: ['type error in a door'], only: 'certificate', count: 30 },
  ...['crash', 'slow', 'loop', 'heap'].map((plant) => ({ plants: [plant], only: 'onnx', count: 4 })),
  { plants: ['memory'], only: 'onnx', count: 20 },
];

test('every fault has its turn', () => {
  const names = Object.keys(PLANTS).sort();
  expect(Object.keys(FOUND).sort()).toEqual(names);
  expect(RUNS.flatMap(({ plants }) => plants).sort()).toEqual(names);
});

describe('faults in the program are found', () => {
  const keep = mkdtempSync(join(tmpdir(), 'convolutionize-plants-'));
  afterAll(() => rmSync(keep, { recursive: true, force: true }));

  test.each(RUNS)('$plants', async ({ plants, only, count }) => {
    const folder = join(keep, plants.join('-').replaceAll(' ', '-'));
    const options = { plant: plants.join(), count, seed: 3, workers: 1, shrink: 0, keep: folder, only };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const ended = await run(process.execPath, [join(root, '.ci/ts.mjs'), join(root, 'test/fuzz/run.ts'), ...args], { maxBuffer: 2 ** 26 })
      .then(({ stdout }) => ({ code: 0, stdout }))
      .catch(({ code, stdout }: { code: unknown; stdout: string }) => ({ code, stdout }));
    for (const plant of plants) expect(ended.stdout).toMatch(FOUND[plant] ?? /nothing/);
    // A finding is exit code 1, and its input is kept.
    expect(ended.code).toBe(1);
    expect(readdirSync(folder).length).toBeGreaterThanOrEqual(1);
  });
});
