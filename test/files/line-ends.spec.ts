/**
 * Text files as editors on Windows save them, with CRLF and a byte order mark: each gives what it gives with plain line ends.
 * The configuration file: test/cli/config.spec.ts.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../src/cli/main';
import { closeModel, readModelFile } from '../../src/files';
import { printModel } from '../../src/onnx/text/printer';
import { labelsFor } from '../../src/pictures/files/labels';
import { namedRecipe } from '../../src/pictures/files/recipes';
import { readSuite } from '../../src/verify/files/suite';
import { useProgram } from '../support/cli';

jest.setTimeout(60_000);

const program = useProgram();
let home = '';
const at = (...names: readonly string[]): string => join(home, ...names);

async function run(...args: readonly string[]): Promise<string> {
  let text = '';
  const write = (part: string): string => (text += part);
  const code = await main(args, { stdout: { write }, stderr: { write }, env: {} });
  return `${code} ${text}`;
}

beforeAll(async () => {
  home = program.directory();
  copyFileSync(join(__dirname, '../../fixtures/models/lenet5.onnx'), at('lenet5.onnx'));
  const converted = await run('convert', at('lenet5.onnx'), '-o', at('fcn.onnx'), '--certificate', at('record.json'), '--no-verify', '-q');
  const printed = await run('inspect', at('lenet5.onnx'), '-o', at('lenet5.onnxtxt'), '-q');
  const web = await run('convert', at('lenet5.onnx'), '-o', at('web'), '--to', 'tfjs', '--no-verify', '-q');
  expect([converted, printed, web]).toEqual(['0 ', '0 ', '0 ']);
  writeFileSync(
    at('pairs.yaml'),
    'pairs:\n  - name: two words\n    original: lenet5.onnx\n    converted: fcn.onnx\n    rtol:\n      scores: 1e-5\n',
  );
  writeFileSync(at('labels.txt'), 'zero\none, uno\ntwo\n');
  writeFileSync(at('preprocessor_config.json'), '{\n  "image_mean": [0.5],\n  "image_std": [0.25]\n}\n');
});

function onWindows(name: string, mark: string, to = `windows-${name}`): string {
  const text = readFileSync(at(name), 'utf8');
  expect(text).toMatch(/[^\r]\n/);
  writeFileSync(at(to), mark + text.replaceAll('\n', '\r\n'));
  return at(to);
}

describe.each([
  ['CRLF', ''],
  ['CRLF and a byte order mark', '\ufeff'],
])('%s', (_, mark) => {
  test('ONNX text', () => {
    const [plain, other] = [at('lenet5.onnxtxt'), onWindows('lenet5.onnxtxt', mark)].map((path) => readModelFile(path));
    if (!plain || !other) throw new Error('nothing was read');
    expect(printModel(other)).toBe(printModel(plain));
    for (const model of [plain, other]) closeModel(model);
  });

  test('a certificate', async () => {
    const told = await run('verify', '--certificate', onWindows('record.json', mark));
    expect(told).toMatch(/^0 [\s\S]*verdict +valid/);
  });

  test('a list of pairs', () => {
    expect(readSuite(onWindows('pairs.yaml', mark))).toEqual(readSuite(at('pairs.yaml')));
  });

  test('names of classes', () => {
    const read = (path: string): readonly string[] | undefined => labelsFor(path, 3, new Map(), at('lenet5.onnx'));
    expect(read(onWindows('labels.txt', mark))).toEqual(['zero', 'one, uno', 'two']);
    expect(read(at('labels.txt'))).toEqual(['zero', 'one, uno', 'two']);
  });

  test('a description of preprocessing', () => {
    const [plain, other] = [at('preprocessor_config.json'), onWindows('preprocessor_config.json', mark)].map((path) => namedRecipe(path));
    expect({ ...other, from: '' }).toEqual({ ...plain, from: '' });
    expect(plain).toMatchObject({ mean: [0.5], std: [0.25] });
  });

  test('model.json of TensorFlow.js', async () => {
    mkdirSync(at(`web-${mark.length}`));
    const json = readFileSync(at('web', 'model.json'), 'utf8');
    const spread = JSON.stringify(JSON.parse(json), undefined, 1).replaceAll('\n', '\r\n');
    writeFileSync(at(`web-${mark.length}`, 'model.json'), mark + spread);
    const told = await Promise.all(['web', `web-${mark.length}`].map((folder) => run('inspect', at(folder), '--json')));
    expect(told[0]).toMatch(/^0 \{/);
    expect(told[1]).toBe(told[0]?.replaceAll(at('web'), at(`web-${mark.length}`)));
  });
});
