/** The functions that check JSON are made from docs/schemas, and say in plain words what is wrong. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fits, misfit } from '../../src/formats/schemas';

const root = join(__dirname, '../..');

test('are those that .ci/schemas.mjs makes', () => {
  const made = execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { validators } from ${JSON.stringify(join(root, '.ci/schemas.mjs'))}; process.stdout.write(validators());`,
    ],
    {
      encoding: 'utf8',
      maxBuffer: 2 ** 24,
    },
  );
  expect(
    readFileSync(join(root, 'src/formats/schemas/validators.generated.js'), 'utf8') === made || 'run npm run generate:validators',
  ).toBe(true);
});

test('need no compiler at run time', () => {
  const text = readFileSync(join(root, 'src/formats/schemas/validators.generated.js'), 'utf8');
  expect(text).not.toMatch(/new Function|\beval\(|require\("ajv"\)/);
});

test.each([
  [{}, "it has no 'modelTopology'"],
  [{ modelTopology: { node: [{ name: 'a' }] }, weightsManifest: [] }, "'modelTopology.node[0]' has no 'op'"],
  [{ modelTopology: { node: [] }, weightsManifest: [{ paths: [1], weights: [] }] }, "'weightsManifest[0].paths[0]' must be string"],
  [
    { modelTopology: { node: [] }, weightsManifest: [{ paths: ['a\0'], weights: [] }] },
    `'weightsManifest[0].paths[0]' must match pattern "^[^\\u0000]*$"`,
  ],
])('%j', (value, message) => expect(misfit('tfjsModel', value)?.message).toBe(message));

test('fields that nobody knows are no fault', () => {
  expect(fits('tfjsModel', { modelTopology: { node: [], versions: {} }, weightsManifest: [], extra: [[]] })).toBe(true);
});
