/** Hostile YAML: long and broken files are answered in time, with the place of the first error. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { YamlFile } from '../../src/files/yaml-file';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'convolutionize-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** The error of a file with this text. */
function errorOf(text: string): readonly unknown[] {
  const file = join(home, 'a.yaml');
  writeFileSync(file, text);
  let told: readonly unknown[] = [];
  const invalid = (_: string, ...rest: readonly unknown[]): never => {
    told = rest;
    throw new Error('invalid');
  };
  expect(() => new YamlFile(file, invalid)).toThrow('invalid');
  return told;
}

test('the first error has its line and column', () => {
  expect(errorOf('a: 1\nb: [1\nc: 2\n')).toEqual([expect.stringMatching(/Flow sequence/), 3, 1]);
  expect(errorOf('a: 1\nb: &x &y 2\n')).toEqual([expect.stringMatching(/anchor/), 2, 7]);
});

test('a hundred thousand errors in one line take no longer than their text', () => {
  const before = process.cpuUsage();
  expect(errorOf(`pairs:\n${'&a '.repeat(100_000)}`)).toEqual([expect.stringMatching(/anchor/), 2, 4]);
  const { user, system } = process.cpuUsage(before);
  // 13 s if each error is described.
  expect((user + system) / 1e6).toBeLessThan(5);
});

test('a file that is too long is not parsed', () => {
  expect(errorOf(`a: ${'b'.repeat(2 ** 22)}`)).toEqual([expect.stringMatching(/4194307 characters; at most 4194304/)]);
});
