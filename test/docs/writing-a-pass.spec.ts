/** docs/writing-a-pass.md shows its example as it is; the example has its own test beside it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const page = readFileSync(join(__dirname, '../../docs/writing-a-pass.md'), 'utf8');
const blocks = new Map(
  [...page.matchAll(/^`([\w/.-]+)`:\n\n```ts\n([^`]*(?:`(?!``)[^`]*)*)```$/gm)].map(([, name = '', code = '']) => [name, code]),
);

test.each([
  ['passes/merge-scales.ts', 'merge-scales.ts', [["'../../../src/", "'../src/"]]],
  [
    'test/passes/merge-scales.spec.ts',
    'merge-scales.spec.ts',
    [
      ["'../../support/", "'../support/"],
      ["'./merge-scales'", "'../../passes/merge-scales'"],
    ],
  ],
])('%s on the page is the file that is tested, but for where it lies', (name, file, moves) => {
  let source = readFileSync(join(__dirname, 'writing-a-pass', file), 'utf8');
  for (const [from = '', to = ''] of moves) source = source.replaceAll(from, to);
  expect(blocks.get(name)).toBe(source);
});

test('every file that the page names exists', () => {
  const named = [...page.matchAll(/\b((?:src|passes|test)\/[\w/.-]+\.ts)\b/g)]
    .map(([, path = '']) => path)
    .filter((path) => !path.includes('merge-scales'));
  expect(named.length).toBeGreaterThan(2);
  for (const path of named) expect(() => readFileSync(join(__dirname, '../..', path))).not.toThrow();
});
