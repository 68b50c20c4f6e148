/** What a model's file says about its pictures is what it is fed, by `predict` and by what `convert` makes of it. The network under test gives the means of its channels. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { main } from '../../src/cli/main';
import { useProgram } from '../support/cli';

jest.setTimeout(60_000);

const program = useProgram();
let directory = '';
let picture = '';

/** Three classes: the mean of each channel as it was fed, through weights that do not mix them. */
const network = (metadata: Readonly<Record<string, string>> = {}, side: number | string = 8): string =>
  `<ir_version: 8, opset_import: ["" : 17], metadata_props: [${Object.entries(metadata)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(', ')}]> g (float[1, 3, ${side}, ${side}] image) => (float[1, 3] scores)
  <float[3, 3, 1, 1] K = {1, 0, 0, 0, 1, 0, 0, 0, 1}, float[3, 3] W = {1, 0, 0, 0, 1, 0, 0, 0, 1}, float[3] B = {0, 0, 0}>
  { c = Conv <kernel_shape = [1, 1]> (image, K) p = GlobalAveragePool (c) f = Flatten (p) scores = Gemm (f, W, B) }`;

function model(name: string, metadata?: Readonly<Record<string, string>>, side?: number | string): string {
  const path = join(directory, `${name}.onnxtxt`);
  writeFileSync(path, network(metadata, side));
  return path;
}

beforeAll(async () => {
  directory = program.directory();
  picture = join(directory, 'plain.png');
  await sharp({ create: { width: 10, height: 9, channels: 3, background: { r: 200, g: 100, b: 50 } } }).toFile(picture);
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

interface Prediction {
  readonly pixels: string;
  readonly assumed: boolean;
  readonly fed: { readonly height: number; readonly width: number };
  readonly best: readonly { readonly class: number; readonly name: string; readonly score: number }[];
}

async function predicted(path: string, ...options: readonly string[]): Promise<Prediction & { readonly scores: readonly number[] }> {
  const { code, stdout, stderr } = await run('predict', path, picture, '--json', ...options);
  expect([code, stderr]).toEqual([0, '']);
  const [prediction]: Prediction[] = JSON.parse(stdout).predictions;
  if (!prediction) throw new Error('nothing is predicted');
  const scores = [0, 1, 2].map((index) => prediction.best.find((item) => item.class === index)?.score ?? Number.NaN);
  return { ...prediction, scores };
}

const expectClose = (scores: readonly number[], expected: readonly number[]): void =>
  scores.forEach((score, at) => {
    expect(score).toBeCloseTo(expected[at] ?? Number.NaN, 3);
  });

const WINDOWS_ML = { 'Image.BitmapPixelFormat': 'Bgr8', 'Image.ColorSpaceGamma': 'SRGB', 'Image.NominalPixelRange': 'NominalRange_0_255' };
const ULTRALYTICS = { author: 'Ultralytics', task: 'classify', imgsz: '[8, 8]', names: "{0: 'red', 1: 'green', 2: 'blue'}" };

test('what Windows ML and Ultralytics write is fed; without a word, what is usual, and that is said', async () => {
  const windows = await predicted(model('windows', WINDOWS_ML));
  expectClose(windows.scores, [50, 100, 200]);
  const yolo = await predicted(model('yolo', ULTRALYTICS));
  expectClose(yolo.scores, [200 / 255, 100 / 255, 50 / 255]);
  expect([yolo.best[0]?.name, yolo.assumed]).toEqual(['red', false]);
  const plain = model('plain');
  expect(await predicted(plain)).toMatchObject({ pixels: 'torchvision', assumed: true });
  expect((await run('predict', plain, picture)).stdout).toContain('pixels torchvision, assumed, ONNX Runtime ');
  expect((await run('predict', model('yolo', ULTRALYTICS), picture)).stdout).toContain(
    'pixels Ultralytics metadata in the model, ONNX Runtime ',
  );
});

test('options go before what the file says, and change single parts of it', async () => {
  const path = model('windows', WINDOWS_ML);
  expectClose((await predicted(path, '--preset', 'unit')).scores, [200 / 255, 100 / 255, 50 / 255]);
  expectClose((await predicted(path, '--mean', '10')).scores, [40, 90, 190]);
  expectClose((await predicted(path, '--channels', 'rgb')).scores, [200, 100, 50]);
  expectClose((await predicted(path, '--preset', 'EfficientNet_V2_L_Weights.IMAGENET1K_V1')).scores, [0.5686, -0.2157, -0.6078]);
});

test('a size that only the description says; a description and names beside the model', async () => {
  const open = await predicted(model('open', { ...ULTRALYTICS, imgsz: '[6, 6]' }, '"H"'.replaceAll('"', '')));
  expect(open.fed).toEqual({ height: 6, width: 6 });
  const home = join(directory, 'hub');
  mkdirSync(join(home, 'onnx'), { recursive: true });
  copyFileSync(model('plain'), join(home, 'onnx/model.onnxtxt'));
  writeFileSync(
    join(home, 'preprocessor_config.json'),
    JSON.stringify({ do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5], do_resize: true, size: 8 }),
  );
  writeFileSync(join(home, 'config.json'), JSON.stringify({ model_type: 'resnet', id2label: { 0: 'warm', 1: 'fresh', 2: 'cool' } }));
  const hub = await predicted(join(home, 'onnx/model.onnxtxt'));
  expectClose(hub.scores, [0.5686, -0.2157, -0.6078]);
  expect([hub.pixels, hub.best[0]?.name]).toEqual(['preprocessor_config.json', 'warm']);
  // The same file, by name, for a model elsewhere.
  expectClose((await predicted(model('plain'), '--preset', join(home, 'preprocessor_config.json'))).scores, [0.5686, -0.2157, -0.6078]);
});

test.each([
  [[], 'onnx', { ...WINDOWS_ML, names: 'a,b,c' }, [50, 100, 200]],
  [[], 'tfjs', { ...WINDOWS_ML, names: 'a,b,c' }, [50, 100, 200]],
  [['--preset', 'caffe', '--labels', 'NAMES'], 'onnx', {}, [50 - 104, 100 - 117, 200 - 123]],
  [['--preset', 'caffe', '--labels', 'NAMES'], 'tfjs', {}, [50 - 104, 100 - 117, 200 - 123]],
  [['--mean', '0.5', '--std', '0.25', '--labels', 'NAMES'], 'onnx', {}, [1.1373, -0.4314, -1.2157]],
])('convert %j writes it into %s, and predict reads it from there', async (options, target, metadata, expected) => {
  const names = join(directory, 'names.txt');
  writeFileSync(names, 'a\nb\nc\n');
  const output = join(directory, target === 'tfjs' ? 'web_model' : 'map.onnx');
  const source = model('source', metadata);
  const given = options.map((option) => (option === 'NAMES' ? names : option));
  const { code, stderr } = await program.run(['convert', source, '-o', output, '--to', target, '--force', '--no-verify', ...given]);
  expect([code, stderr]).toEqual([0, '']);
  const prediction = await predicted(output);
  expectClose(prediction.scores, expected);
  expect([[...prediction.best.map(({ name }) => name)].sort(), prediction.assumed]).toEqual([['a', 'b', 'c'], false]);
});

test('a preset that nobody knows', async () => {
  const { code, stderr } = await run('predict', model('plain'), picture, '--preset', 'resnet51');
  expect([code, stderr]).toEqual([2, expect.stringContaining('error[BAD_OPTION]')]);
});
