/** Files of other kinds are named as what they are; `inspect` opens models whose weights are not there; endings that are no format are refused. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { main } from '../../src/cli/main';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import { useProgram } from '../support/cli';
import { parseGraph } from '../support/expect-pass';

jest.setTimeout(120_000);

const program = useProgram();
let directory = '';
beforeAll(() => {
  directory = program.directory();
});

async function run(...args: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const code = await main(args, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
  });
  return { code, stdout, stderr };
}

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
test.each([
  ['net.h5', latin('\x89HDF\r\n\x1a\n'), 'this is an HDF5 file, of Keras perhaps', 'tf2onnx.convert.from_keras'],
  ['net.keras', latin('PK\x03\x04 metadata.json {}'), 'this is a model of Keras 3', "format='onnx'"],
  ['net.pt', latin('PK\x03\x04 archive/data.pkl'), 'this is a file of PyTorch', 'torch.onnx.export'],
  ['jit.pt', latin('PK\x03\x04 net/constants.pkl'), 'this is a file of PyTorch', 'torch.onnx.export'],
  ['net.pth', latin('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'), 'this is a file of PyTorch (torch.save)', 'model.eval()'],
  ['net.tflite', latin('\x1c\0\0\0TFL3\x14\0 '), 'this is a TensorFlow Lite model', '--tflite'],
  ['net.mlmodel', latin('\x08\x01\x12\x04abcd'), 'this is a Core ML model', 'the framework that it came from'],
  ['net.engine', latin('ptrt\x01\0\0\0'), 'this is an engine of TensorRT', 'the .onnx file that it was built from'],
  ['net.gguf', latin('GGUF\x03\0\0\0'), 'this is a GGUF file', 'it holds no graph'],
  ['net.safetensors', latin('\x40\0\0\0\0\0\0\0{"w":{"dtype":"F32"}}'), 'this is a safetensors file', 'torch.onnx.export'],
  ['net.png', latin('\x89PNG\r\n\x1a\n'), 'this is a picture', 'MODEL PICTURE'],
  ['net.jpg', latin('\xff\xd8\xff\xe0'), 'this is a picture', 'MODEL PICTURE'],
  ['page.onnx', latin('<!DOCTYPE html><html>'), 'this is a web page', 'download'],
  ['lfs.onnx', latin('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'), 'this is a Git LFS pointer', 'git lfs pull'],
  ['net.tar.gz', latin('\x1f\x8b\x08\0'), 'this is a compressed file', 'unpack'],
  ['net.zip', latin('PK\x03\x04\x14\0\0\0\x08\0 model.onnx'), 'this is a zip archive', 'unpack'],
  ['my net.tflite', latin('\x1c\0\0\0TFL3\x14\0 '), 'this is a TensorFlow Lite model', 'my net.tflite" --output'],
  ['net.pb', latin('\x0a\x20\x0a\x05input'), 'this is a frozen graph of TensorFlow', '--graphdef'],
  ['net.ort', latin('\x20\0\0\0ORTM\0\0\0\0'), 'this is a model in the format of ONNX Runtime', 'the .onnx file'],
  [
    'layers/model.json',
    latin('{"format": "layers-model", "modelTopology": {}}'),
    'this is a layers model of TensorFlow.js',
    'tensorflowjs_converter',
  ],
  [
    'graph/model.json',
    latin('{"format": "graph-model", "modelTopology": {"node": []}}'),
    'this is a graph model of TensorFlow.js',
    '--tfjs',
  ],
])('%s', async (name, bytes, what, hint) => {
  const path = join(directory, name);
  if (name.includes('/')) mkdirSync(join(directory, name.split('/')[0] ?? ''));
  writeFileSync(path, bytes);
  const { code, stderr } = await run('convert', path, '-o', join(directory, 'out.onnx'));
  expect([code, stderr]).toEqual([2, expect.stringContaining(`error[NOT_ONNX]: not an ONNX model: ${what}`)]);
  expect(stderr).toContain(hint);
});

test('a folder with a SavedModel, to convert and to inspect; one with a layers model', async () => {
  const saved = join(directory, 'saved');
  mkdirSync(saved);
  writeFileSync(join(saved, 'saved_model.pb'), latin('\x08\x01'));
  for (const command of ['convert', 'inspect']) {
    const { code, stderr } = await run(command, saved);
    expect([code, stderr]).toEqual([2, expect.stringContaining('this is a SavedModel of TensorFlow')]);
    expect(stderr).toContain(`--saved-model ${saved}`);
  }
  mkdirSync(join(directory, 'keras-js'));
  writeFileSync(join(directory, 'keras-js/model.json'), '{"format": "layers-model", "modelTopology": {}}');
  expect((await run('inspect', join(directory, 'keras-js'))).stderr).toContain('tensorflowjs_converter');
});

test('dropout that still drops', async () => {
  const path = join(directory, 'dropout.onnxtxt');
  const text = (mode: number): string => `<ir_version: 8, opset_import: ["" : 17]> g (float[1, 3, 8, 8] image) => (float[1, 3] scores)
  <float half = {0.5}, bool mode = {${mode}}, float[3, 3] W = {1, 0, 0, 0, 1, 0, 0, 0, 1}>
  { d = Dropout (image, half, mode) p = GlobalAveragePool (d) f = Flatten (p) scores = MatMul (f, W) }`;
  writeFileSync(path, text(1));
  const { code, stderr } = await run('convert', path, '-o', join(directory, 'dropout.onnx'));
  expect([code, stderr]).toEqual([2, expect.stringContaining("training mode: Dropout 'd' drops numbers at random")]);
  writeFileSync(path, text(0));
  expect((await run('convert', path, '-o', join(directory, 'dropout.onnx'), '--no-verify')).code).toBe(0);
});

test('a model that was exported while it was trained', async () => {
  const path = join(directory, 'training.onnxtxt');
  writeFileSync(
    path,
    `<ir_version: 8, opset_import: ["" : 17]> g (float[1, 3, 8, 8] image) => (float[1, 3] scores)
  <float[3] s = {1, 1, 1}, float[3] b = {0, 0, 0}, float[3] m = {0, 0, 0}, float[3] v = {1, 1, 1}, float[3, 3] W = {1, 0, 0, 0, 1, 0, 0, 0, 1}>
  { n, rm, rv = BatchNormalization <training_mode = 1> (image, s, b, m, v) p = GlobalAveragePool (n) f = Flatten (p) scores = MatMul (f, W) }`,
  );
  const { code, stderr } = await run('convert', path, '-o', join(directory, 'training.onnx'));
  expect([code, stderr]).toEqual([2, expect.stringContaining('error[IN_TRAINING_MODE]: the model was exported in training mode')]);
  expect(stderr).toContain('call model.eval()');
});

describe('a model whose weights are not beside it', () => {
  let lost = '';
  let whole = '';
  beforeAll(() => {
    const source = join(directory, 'whole/model.onnx');
    mkdirSync(join(directory, 'whole'));
    mkdirSync(join(directory, 'lost'));
    const model = parseGraph(`g (float[N, 3, 20, 20] x) => (float[N, 5] y) <float[8, 3, 9, 9] K, float[8] B, float[5, 1152] W> {
      c = Conv <kernel_shape = [9, 9]> (x, K, B) r = Relu (c) f = Flatten (r) y = Gemm <transB = 1> (f, W) }`);
    writeModelFile(model, source, { weights: 'external' });
    [whole, lost] = [source, join(directory, 'lost/model.onnx')];
    writeFileSync(lost, readFileSync(source));
  });

  test('is listed, drawn and printed as with them, and the missing ones are named', async () => {
    for (const options of [[], ['--json'], ['--format', 'svg'], ['--format', 'dot'], ['--format', 'text']]) {
      const { code, stdout, stderr } = await run('inspect', lost, ...options);
      expect([options, code]).toEqual([options, 0]);
      expect(stderr).toMatch(
        /warning\[WEIGHTS_MISSING\]: 'model.onnx.data', which holds \d of the weights, is not beside the model.*: .*\bK\b/,
      );
      expect(stdout.replaceAll('/lost/', '/whole/')).toBe((await run('inspect', whole, ...options)).stdout);
    }
  });

  test('is listed where the file is too short, and refused where numbers are needed', async () => {
    writeFileSync(join(directory, 'lost/model.onnx.data'), 'version https://git-lfs.github.com/spec/v1');
    expect((await run('inspect', lost)).code).toBe(0);
    const { code, stderr } = await run('convert', lost, '-o', join(directory, 'never.onnx'));
    expect([code, stderr]).toEqual([2, expect.stringContaining('error[BAD_EXTERNAL_DATA]')]);
    expect(() => closeModel(readModelFile(lost))).toThrow(/bytes/);
  });
});

test('-o model.png is a picture; an ending that is not a format is refused, with those that are', async () => {
  const lenet = join(__dirname, '../../fixtures/models/lenet5.onnx');
  const png = join(directory, 'lenet5.png');
  expect((await run('inspect', lenet, '-o', png)).code).toBe(0);
  const { format, width = 0, height = 0 } = await sharp(png).metadata();
  expect([format, width > 300, height > 600]).toEqual(['png', true, true]);
  const { dominant } = await sharp(png).stats();
  expect([dominant.r, dominant.g, dominant.b].every((byte) => byte > 200)).toBe(true);
  for (const name of ['x.pdf', 'x.xlsx']) {
    const { code, stderr } = await run('inspect', lenet, '-o', join(directory, name));
    expect([code, stderr]).toEqual([2, expect.stringContaining('.json, .onnxtxt')]);
    expect(stderr).toContain('.png');
  }
});
