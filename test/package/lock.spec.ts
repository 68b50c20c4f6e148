/**
 * package-lock.json names the native parts of every platform. npm leaves out those that it could not find where the lock was made, and `npm ci` then
 * refuses the lock everywhere; entries that are missing are to be added by hand (version, os, cpu, optional).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Entry {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test('the lock is whole', () => {
  const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync(join(__dirname, '../../package-lock.json'), 'utf8'));
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies }]) =>
    Object.keys(optionalDependencies ?? {}).filter(
      (name) => !lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/node_modules/${name}`],
    ),
  );
  expect(missing).toEqual([]);
});

test('it is of the package.json beside it', () => {
  const read = (name: string) => JSON.parse(readFileSync(join(__dirname, '../..', name), 'utf8'));
  const [{ dependencies, devDependencies }, lock] = [read('package.json'), read('package-lock.json')];
  expect(lock.packages['']).toMatchObject({ dependencies, devDependencies });
});
