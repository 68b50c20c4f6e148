/** Verification from files, bytes and models in memory. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, type Model, modelToBytes, readModel, verify, writeModel } from '../../src';

const LENET = join(__dirname, '../../fixtures/models/lenet5.onnx');

let home: string;
let converted: Model;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'convolutionize-'));
  converted = compile(readModel(LENET)).model;
  writeModel(converted, join(home, 'fcn.onnx'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('both models may be given as', () => {
  const forms: readonly [string, () => [string | Uint8Array | Model, string | Uint8Array | Model]][] = [
    ['files', () => [LENET, join(home, 'fcn.onnx')]],
    ['bytes', () => [readFileSync(LENET), modelToBytes(converted)]],
    ['models', () => [readModel(LENET), converted]],
    ['a file and a model', () => [LENET, converted]],
  ];
  test.each(forms)('%s', async (_, models) => {
    const report = await verify(...models());
    expect(report.verdict).toBe('equal');
    expect(report.contract?.kind).toBe('everywhere');
    expect(report.checks.map(({ name, status }) => [name, status])).toEqual([
      ['original size', 'equal'],
      ['windows of the map', 'equal'],
      ['crops of the image', 'equal'],
    ]);
  });
});

test('the size that the original leaves open is read from the converted model', async () => {
  const open = readModel(LENET);
  const [input] = open.graph.inputs;
  if (!input?.type) throw new Error('no input');
  open.graph.setType(input, { ...input.type, shape: ['N', 1, 'h', 'w'] });
  expect((await verify(open, converted)).verdict).toBe('equal');
  const silent = converted.clone();
  silent.metadata.clear();
  await expect(verify(open, silent)).rejects.toMatchObject({ code: 'INPUT_SIZE_NEEDED' });
  expect((await verify(open, silent, { inputSize: { hw: [28, 28] } })).verdict).toBe('equal');
});

test('leaves nothing behind, also when it fails', async () => {
  const scratch = join(home, 'scratch');
  await verify(LENET, converted, { scratch });
  expect(existsSync(scratch)).toBe(false);
  await expect(verify(LENET, join(home, 'nowhere.onnx'), { scratch })).rejects.toMatchObject({ code: 'CANNOT_READ' });
  expect(readdirSync(home)).toEqual(['fcn.onnx']);
});

test('refuses to compare what is not a conversion', async () => {
  const other = readModel(LENET);
  const [output] = other.graph.outputs;
  if (!output) throw new Error('no output');
  other.graph.rename(output, 'something_else');
  await expect(verify(LENET, other)).rejects.toMatchObject({ code: 'NOT_COMPARABLE' });
});
