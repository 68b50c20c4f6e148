/** Verification from files, bytes and models in memory. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, type Model, modelToBytes, readModel, verify, writeModel } from '../../../src';
import { expectEqual } from '../../support/checks';
import { parseGraph } from '../../support/expect-pass';

const LENET = join(__dirname, '../../../fixtures/models/lenet5.onnx');

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
    expectEqual(report, 'original size', 'crops of the image');
    expect(report.contract?.kind).toBe('everywhere');
  });
});

describe('a conversion is found equal', () => {
  const classifier = (input: string, outputs: string, header = '<ir_version: 9, opset_import: ["" : 17]>'): Model =>
    parseGraph(`${header} g (${input}) => (${outputs}) <float[4, 3, 3, 3] K, float[4] s, float[4] b, float[4] m, float[4] var, float[5, 100] W, float[5] B> {
      C = Conv (X, K) N = BatchNormalization (C, s, b, m, var) R = Relu (N) P = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R)
      F = Flatten (P) Y = Gemm <transB = 1> (F, W, B) }`);
  test.each<[string, Model]>([
    ['with a fixed batch of three', classifier('float[3, 3, 12, 12] X', 'float[3, 5] Y')],
    ['with a map among its outputs', classifier('float[1, 3, 12, 12] X', 'float[1, 4, 10, 10] R, float[1, 5] Y')],
    // Before IR version 4 the runtime takes weights for constants only where a node reads them.
    ['from an IR version of old', classifier('float[1, 3, 12, 12] X', 'float[1, 5] Y', '<ir_version: 3, opset_import: ["" : 8]>')],
  ])('%s', async (_, original) => {
    const report = await verify(original, compile(original).model);
    expectEqual(report, 'original size');
    // A map that was there before is compared as well, cell by cell.
    const maps = original.graph.outputs.filter(({ type }) => type?.shape?.length === 4);
    for (const { name } of maps) expect(report.checks.some(({ outputs }) => (outputs[name]?.count ?? 0) > 1000)).toBe(true);
  });

  test('but not with a fault in a map among its outputs', async () => {
    const original = classifier('float[1, 3, 12, 12] X', 'float[1, 4, 10, 10] R, float[1, 5] Y');
    const { model } = compile(original);
    const { graph } = model;
    const map = graph.outputs.find(({ name }) => name === 'R');
    if (!map?.producer) throw new Error('no map');
    const shifted = graph.addNode({ op: 'Neg', inputs: [map] });
    graph.rename(map, 'R_before');
    graph.setOutputs(graph.outputs.map((output) => (output === map ? (shifted.outputs[0] ?? map) : output)));
    if (shifted.outputs[0]) graph.rename(shifted.outputs[0], 'R');
    expect((await verify(original, model)).verdict).toBe('different');
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
  expect((await verify(open, silent, { inputSize: { lengths: [28, 28] } })).verdict).toBe('equal');
});

test('leaves nothing behind, also when it fails', async () => {
  const scratch = join(home, 'scratch');
  await verify(LENET, converted, { scratch });
  expect(existsSync(scratch)).toBe(false);
  await expect(verify(LENET, join(home, 'nowhere.onnx'), { scratch })).rejects.toMatchObject({ code: 'CANNOT_READ' });
  expect(readdirSync(home)).toEqual(['fcn.onnx']);
});

test('refuses images that no memory holds', async () => {
  const huge = parseGraph(
    '<ir_version: 9, opset_import: ["" : 17]> g (float[1, 3, 90000, 90000] X) => (float[1, 4] Y) <float[4, 3, 1, 1] K> { C = Conv (X, K) P = GlobalAveragePool (C) Y = Flatten (P) }',
  );
  const refused = verify(huge, compile(huge, { head: 'original' }).model);
  await expect(refused).rejects.toMatchObject({ code: 'NOT_COMPARABLE', message: expect.stringContaining('too large') });
});

test('a copy with another name for its output is compared all the same; one that takes other images is not', async () => {
  const other = readModel(LENET);
  const [output] = other.graph.outputs;
  if (!output) throw new Error('no output');
  other.graph.rename(output, 'something_else');
  expect((await verify(LENET, other)).verdict).toBe('equal');
  const [input] = other.graph.inputs;
  if (!input) throw new Error('no input');
  other.graph.rename(input, 'colours');
  other.graph.setType(input, { dtype: 'float', shape: ['N', 3, 28, 28] });
  await expect(verify(LENET, other)).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' });
});
