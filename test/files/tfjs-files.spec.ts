/** A TensorFlow.js model as a directory: whole or not there, and never in the place of something else. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import { computedTensor } from '../../src/ir/tensor';
import { parseGraph } from '../support/expect-pass';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'convolutionize-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const model = () => parseGraph('g (float[N, 6] X) => (float[N, 5] Y) <float[6, 5] W> { Y = MatMul (X, W) }');
const code = (expected: string) => expect.objectContaining({ code: expected });

test('the directory holds model.json and its weights, and nothing else is left behind', () => {
  const report = writeTfjsModel(model(), join(home, 'web'), { labels: ['a', 'b', 'c', 'd', 'e'], preprocessing: { preset: 'unit' } });
  expect(readdirSync(home)).toEqual(['web']);
  expect(readdirSync(join(home, 'web')).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
  expect(report).toMatchObject({ shards: 1, weightBytes: 120, directory: join(home, 'web') });
  const { userDefinedMetadata } = JSON.parse(readFileSync(join(home, 'web', 'model.json'), 'utf8'));
  expect(userDefinedMetadata.convolutionize).toMatchObject({
    labels: ['a', 'b', 'c', 'd', 'e'],
    preprocessing: { preset: 'unit' },
    inputs: { X: { layout: 'original', perm: [0, 1], dtype: 'float', shape: ['N', 6] } },
  });
});

test('a model is replaced with force only, an empty directory always, anything else never', () => {
  const web = join(home, 'web');
  mkdirSync(web);
  writeTfjsModel(model(), web);
  expect(() => writeTfjsModel(model(), web)).toThrow(code('OUTPUT_EXISTS'));
  writeTfjsModel(model(), web, { force: true, signatureName: 'second' });
  expect(readFileSync(join(web, 'model.json'), 'utf8')).toContain('second');
  writeFileSync(join(web, 'notes.txt'), 'mine');
  expect(() => writeTfjsModel(model(), web, { force: true })).toThrow(code('OUTPUT_NOT_MODEL'));
  expect(readFileSync(join(web, 'notes.txt'), 'utf8')).toBe('mine');
  writeFileSync(join(home, 'file'), 'mine');
  expect(() => writeTfjsModel(model(), join(home, 'file'), { force: true })).toThrow(code('OUTPUT_NOT_MODEL'));
  expect(() => writeTfjsModel(model(), join(home, 'nowhere', 'web'))).toThrow(code('OUTPUT_DIRECTORY_MISSING'));
});

test('others may read the directory as they may any new one, so that a web server can', () => {
  const [plain, web] = [join(home, 'plain'), join(home, 'web')];
  mkdirSync(plain);
  writeTfjsModel(model(), web);
  expect(statSync(web).mode).toBe(statSync(plain).mode);
});

test('what cannot be said is told before anything is written', () => {
  const unknown = parseGraph('g (float[3, 3] X) => (float Y) { Y = Det (X) }');
  expect(() => writeTfjsModel(unknown, join(home, 'web'))).toThrow(code('UNSUPPORTED_OPERATORS'));
  expect(readdirSync(home)).toEqual([]);
});

test('a weight that cannot be made leaves the old model in its place', () => {
  const web = join(home, 'web');
  writeTfjsModel(model(), web);
  const before = readFileSync(join(web, 'model.json'), 'utf8');
  const broken = model();
  const [weight] = broken.graph.constants;
  const failing = broken.graph.addConstant(
    'V',
    computedTensor('float', [6, 5], () => {
      throw new Error('the disk is gone');
    }),
  );
  if (weight) broken.graph.replaceAllUses(weight, failing);
  expect(() => writeTfjsModel(broken, web, { force: true })).toThrow('the disk is gone');
  expect(readFileSync(join(web, 'model.json'), 'utf8')).toBe(before);
  expect(readdirSync(home)).toEqual(['web']);
  expect(existsSync(join(web, 'group1-shard1of1.bin'))).toBe(true);
});
