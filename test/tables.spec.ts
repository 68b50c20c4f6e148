/**
 * Tables are indexed by names from models, and a model may call an operator `constructor`. Every object with string keys that has a name of its own
 * in the sources is made by `table`, which inherits nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { table } from '../src/ir/table';

const ROOT = join(__dirname, '..');
const sources = ['src', 'passes'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.includes('browser'))
    .map((name) => join(folder, name)),
);

test('a table has what was put into it and nothing else', () => {
  const sizes = table({ float: 4 });
  expect(sizes.float).toBe(4);
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf']) expect(sizes[name]).toBeUndefined();
  const name = '__proto__';
  sizes[name] = 8;
  expect(Object.keys(sizes)).toEqual(['float', '__proto__']);
});

test('every table is one of these', () => {
  const plain = sources.flatMap((file) =>
    readFileSync(join(ROOT, file), 'utf8')
      .split('\n')
      .flatMap((line, at) => (/: (Readonly<)?Record<string, .*> = \{(?! \.\.\.)/.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
  );
  expect(plain).toEqual([]);
  expect(sources.length).toBeGreaterThan(300);
});
