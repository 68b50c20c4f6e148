/** `predict` as its users run it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { DIGIT_SIZE, heldOutDigits } from '../../fixtures/digits';
import { digitsCanvas } from '../../fixtures/digits-canvas';
import { main } from '../../src/cli/main';
import { compile } from '../../src/compile';
import { modelToBytes } from '../../src/onnx/write';
import { useProgram } from '../support/cli';
import { parseGraph } from '../support/expect-pass';

jest.setTimeout(60_000);

const root = join(__dirname, '../..');
const lenet = join(root, 'fixtures/models/lenet5.onnx');
const program = useProgram();
let directory: string;
let folder: string;
const digits = heldOutDigits().slice(0, 5);

beforeAll(async () => {
  directory = program.directory();
  folder = join(directory, 'digits');
  mkdirSync(folder);
  for (const [at, { pixels }] of digits.entries())
    await sharp(
      Uint8Array.from(pixels, (pixel) => Math.round(pixel * 255)),
      { raw: { width: DIGIT_SIZE, height: DIGIT_SIZE, channels: 1 } },
    )
      .toColourspace('b-w')
      .toFile(join(folder, `${at}.png`));
});

/** In this process, which takes no time to start. */
async function run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  let [stdout, stderr] = ['', ''];
  const code = await main(['predict', ...args], {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
  });
  return { code, stdout, stderr };
}

interface Json {
  readonly predictions: readonly {
    readonly file: string;
    readonly fed: object;
    readonly pixels: string;
    readonly cells: object | null;
    readonly kind: string;
    readonly best: readonly { readonly class: number; readonly name: string; readonly score: number }[];
    readonly error?: { readonly code: string };
  }[];
}

test('prints place, score and name as the lecture does', async () => {
  const labels = join(directory, 'names.txt');
  writeFileSync(labels, 'zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n');
  const { code, stdout, stderr } = await program.run(['predict', lenet, join(folder, '0.png'), '--labels', labels, '--top', '3']);
  const name = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'][digits[0]?.label ?? 0];
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    new RegExp(
      `^\\S+0.png: 28x28 as it is, pixels unit, assumed, ONNX Runtime \\S+ \\((native|WebAssembly)\\)\n#1 +\\d+\\.\\d\\d  ${name}\n#2 +-?\\d+\\.\\d\\d  \\w+\n#3 .*\n\n'unit' is assumed: if the classes look wrong, .*--preset.*\n$`,
    ),
  );
});

test('a folder, as JSON: each digit is the one that it is, with the scores of the model run on its numbers', async () => {
  const { code, stdout } = await run(lenet, folder, '--json', '--top', '10');
  const { predictions }: Json = JSON.parse(stdout);
  expect([code, predictions.map(({ best }) => best[0]?.class)]).toEqual([0, digits.map(({ label }) => label)]);
  expect(predictions[0]).toMatchObject({
    file: join(folder, '0.png'),
    fed: { height: 28, width: 28 },
    pixels: 'unit',
    cells: null,
    kind: 'score',
  });
  const { openSession } = await import('../../src/verify/runtime/node');
  const session = await openSession(lenet, lenet);
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
  for (const [at, { pixels }] of digits.entries()) {
    const scores = (await session.run(new Map([[input, { dtype: 'float', shape: [1, 1, 28, 28], data: pixels }]]))).get(output)?.data;
    for (const { class: index, score } of predictions[at]?.best ?? []) expect(score).toBeCloseTo(scores?.[index] ?? Number.NaN, 5);
  }
  await session.release();
});

test('probabilities with --softmax', async () => {
  const { stdout } = await run(lenet, join(folder, '1.png'), '--json', '--top', '10', '--softmax');
  const { predictions }: Json = JSON.parse(stdout);
  expect(predictions[0]?.kind).toBe('probability');
  expect(predictions[0]?.best.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
});

test('a picture of another size and in colors is scaled, cut and made grey', async () => {
  const path = join(directory, 'large.jpg');
  await sharp(join(folder, '2.png'))
    .resize(280, 280)
    .extend({ left: 60, right: 60, background: '#000' })
    .toColourspace('srgb')
    .jpeg({ quality: 95 })
    .toFile(path);
  const { stdout } = await run(lenet, path, '--json');
  const { predictions }: Json = JSON.parse(stdout);
  expect(predictions[0]).toMatchObject({ size: { height: 280, width: 400 }, fed: { height: 28, width: 28 } });
  expect(predictions[0]?.best[0]?.class).toBe(digits[2]?.label);
  // Cut from the middle without scaling, a stroke is all there is to see.
  const cut: Json = JSON.parse((await run(lenet, path, '--json', '--crop', '28')).stdout);
  expect(cut.predictions[0]?.best[0]?.score).not.toBeCloseTo(predictions[0]?.best[0]?.score ?? 0, 2);
});

test('a converted model says what the original says; of the whole picture, the mean or highest of its cells, in tiles too', async () => {
  const { picture } = digitsCanvas();
  const canvas = join(directory, 'canvas.png');
  await sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 1 } })
    .toColourspace('b-w')
    .toFile(canvas);
  const map = join(directory, 'map.onnx');
  expect((await program.run(['convert', lenet, '-o', map, '--no-verify'])).code).toBe(0);
  const mean: Json = JSON.parse((await run(map, canvas, '--json', '--top', '10', '--resize', 'none')).stdout);
  const most: Json = JSON.parse((await run(map, canvas, '--json', '--top', '10', '--combine', 'max')).stdout);
  expect(mean.predictions[0]).toMatchObject({ cells: { height: 82, width: 114 }, fed: { height: 352, width: 480 }, combine: 'mean' });
  const score = ({ predictions }: Json, wanted: number): number =>
    predictions[0]?.best.find((one) => one.class === wanted)?.score ?? Number.NaN;
  // The runtime by itself, on the whole picture at once.
  const { openSession } = await import('../../src/verify/runtime/node');
  const session = await openSession(map, map);
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
  const data = Float32Array.from(picture.data, (byte) => byte / 255);
  const scores =
    (await session.run(new Map([[input, { dtype: 'float', shape: [1, 1, 352, 480], data }]]))).get(output)?.data ?? new Float32Array();
  await session.release();
  for (let k = 0; k < 10; k++) {
    const own = [...scores.subarray(k * 82 * 114, (k + 1) * 82 * 114)];
    expect(score(mean, k)).toBeCloseTo(
      own.reduce((sum, value) => sum + value / own.length, 0),
      4,
    );
    expect(score(most, k)).toBeCloseTo(
      own.reduce((largest, value) => Math.max(largest, value), Number.NEGATIVE_INFINITY),
      4,
    );
  }
  const tiled: Json = JSON.parse((await run(map, canvas, '--json', '--top', '10', '--resize', 'none', '--tile', '90')).stdout);
  for (let k = 0; k < 10; k++) expect(score(tiled, k)).toBeCloseTo(score(mean, k), 4);
  expect((await run(map, canvas, '--resize', 'none')).stdout).toContain('480x352 as it is, pixels unit, assumed, mean of 82x114 cells');
  const [original, converted]: Json[] = await Promise.all(
    [lenet, map].map(async (from) => JSON.parse((await run(from, canvas, '--json', '--top', '10')).stdout)),
  );
  expect(converted?.predictions[0]).toMatchObject({ cells: null, combine: null, fed: { height: 28, width: 28 } });
  for (let k = 0; k < 10; k++) expect(converted && score(converted, k)).toBeCloseTo(original ? score(original, k) : Number.NaN, 4);
  expect((await run(map, canvas)).stdout).toContain('480x352 seen as 28x28 (its window; --resize none: all of the picture), pixels unit');
});

describe('models of all kinds', () => {
  /** The mean of each channel is the score of its class: 0 red, 1 green, 2 blue, in the order in which they are fed. */
  const means = (name: string, input: string, body: string, output: string): string => {
    const path = join(directory, `${name}.onnx`);
    writeFileSync(
      path,
      modelToBytes(
        parseGraph(
          `<ir_version: 9, opset_import: ["" : 18]> g (${input} X) => (${output} Y) <int64[2] last = {1, 2}, int64[2] first = {2, 3}, int64[1] one = {3}> { ${body} }`,
        ),
      ),
    );
    return path;
  };
  let orange: string;
  beforeAll(async () => {
    orange = join(directory, 'orange.png');
    await sharp({ create: { width: 40, height: 30, channels: 3, background: { r: 250, g: 120, b: 10 } } })
      .png()
      .toFile(orange);
  });
  const scores = async (model: string, ...options: readonly string[]): Promise<readonly number[]> => {
    const { code, stdout, stderr } = await run(model, orange, '--json', '--top', '3', ...options);
    expect([code, stderr]).toEqual([0, '']);
    const { predictions }: Json = JSON.parse(stdout);
    return [...(predictions[0]?.best ?? [])].sort((a, b) => a.class - b.class).map(({ score }) => Number(score.toFixed(2)));
  };

  test('channels last, half precision: -1 to 1', async () => {
    const model = means('half', 'float16[1, 8, 8, 3]', 'Y = ReduceMean <keepdims = 0> (X, last)', 'float16[1, 3]');
    expect(await scores(model)).toEqual([250, 120, 10].map((byte) => Number((byte / 127.5 - 1).toFixed(2))));
    expect(await scores(model, '--preset', 'unit', '--channels', 'bgr')).toEqual(
      [10, 120, 250].map((byte) => Number((byte / 255).toFixed(2))),
    );
  });
  test('bytes: as they are', async () => {
    const model = means('bytes', 'uint8[1, 3, 8, 8]', 'F = Cast <to = 1> (X) Y = ReduceMean <keepdims = 0> (F, first)', 'float[1, 3]');
    expect(await scores(model)).toEqual([250, 120, 10]);
  });
  test('a batch that is fixed, mean and deviation of one’s own', async () => {
    const model = means('batch', 'float[4, 3, 8, 8]', 'Y = ReduceMean <keepdims = 0> (X, first)', 'float[4, 3]');
    expect(await scores(model, '--mean', '10,20,30', '--std', '2,4,5', '--range', '255')).toEqual([120, 25, -4]);
  });
  test('a size that is open: asked for, or the picture as it is, with the mean and deviation of the lecture', async () => {
    const model = means('open', 'float[1, 3, h, w]', 'Y = ReduceMean <keepdims = 0> (X, first)', 'float[1, 3]');
    const refused = await run(model, orange);
    expect([refused.code, refused.stderr.split(':')[0]]).toEqual([2, 'error[INPUT_SIZE_NEEDED]']);
    expect((await run(model, orange, '--input-size', '16x16')).stdout).toContain('40x30 seen as 16x16');
    const all = [250, 120, 10];
    const mean = all.reduce((sum, byte) => sum + byte / 3, 0);
    const std = Math.sqrt(all.reduce((sum, byte) => sum + (1200 * (byte - mean) ** 2) / 3599, 0));
    expect(await scores(model, '--preset', 'lecture', '--resize', 'none')).toEqual(
      all.map((byte) => Number((0.5 + (0.5 * (byte - mean)) / std).toFixed(2))),
    );
  });
  test('names in the metadata; probabilities stay what they are under --softmax', async () => {
    const model = parseGraph(
      `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 8] X) => (float[1, 3] Y) <int64[2] first = {2, 3}> { M = ReduceMean <keepdims = 0> (X, first) Y = Softmax (M) }`,
    );
    model.metadata.set('names', "{0: 'red', 1: 'green', 2: 'blue'}");
    const path = join(directory, 'named.onnx');
    writeFileSync(path, modelToBytes(model));
    const plain = await run(path, orange, '--preset', 'unit');
    expect(plain.stdout).toContain('red');
    expect((await run(path, orange, '--preset', 'unit', '--softmax')).stdout).toBe(plain.stdout);
  });
  test('what is not a classifier of pictures is told', async () => {
    const deep = means('deep', 'float[1, 4, 8, 8]', 'Y = ReduceMean <keepdims = 0> (X, first)', 'float[1, 4]');
    const rows = means('rows', 'float[1, 3, 8, 8]', 'Y = ReduceMean <keepdims = 0> (X, one)', 'float[1, 3, 8]');
    expect((await run(deep, orange)).stderr).toContain('error[ARRAY_BANDS]: there are 3 bands or channels, and the model takes 4');
    expect((await run(rows, orange)).stderr).toContain('error[NO_SCORES]');
  });
});

describe('TensorFlow.js', () => {
  const directories = { original: '', map: '', foreign: '' };
  beforeAll(async () => {
    for (const [name, head] of [
      ['original', 'original'],
      ['map', 'window'],
      ['foreign', 'original'],
    ] as const) {
      directories[name] = join(directory, `tfjs-${name}`);
      const { code, stderr } = await program.run([
        'convert',
        lenet,
        '--to',
        'tfjs',
        '--head',
        head,
        '-o',
        directories[name],
        '--no-verify',
      ]);
      expect([code, stderr]).toEqual([0, '']);
    }
    // As others write it: names and sizes in the signature, nothing of ours.
    const path = join(directories.foreign, 'model.json');
    const { userDefinedMetadata: _, ...json } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify(json));
  });

  test.each(['original', 'foreign'] as const)('%s: the scores of the ONNX file', async (name) => {
    const picture = join(folder, '4.png');
    const [ours, theirs]: Json[] = await Promise.all(
      [lenet, directories[name]].map(async (model) => JSON.parse((await run(model, picture, '--json', '--top', '10')).stdout)),
    );
    expect(theirs?.predictions[0]).toMatchObject({ fed: { height: 28, width: 28 }, pixels: 'unit', cells: null });
    expect(theirs?.predictions[0]?.best.map((one) => one.class)).toEqual(ours?.predictions[0]?.best.map((one) => one.class));
    for (const [at, { score }] of (ours?.predictions[0]?.best ?? []).entries())
      expect(theirs?.predictions[0]?.best[at]?.score).toBeCloseTo(score, 4);
  });

  test('a map looks at the whole picture', async () => {
    const path = join(directory, 'wide-canvas.png');
    await sharp(join(folder, '0.png')).extend({ left: 12, right: 20, top: 8, background: '#000' }).toFile(path);
    const model = join(directory, 'for-tfjs.onnx');
    expect((await program.run(['convert', lenet, '-o', model, '--no-verify'])).code).toBe(0);
    for (const combine of ['mean', 'max']) {
      const [ours, theirs]: Json[] = await Promise.all(
        [model, directories.map].map(async (from) =>
          JSON.parse((await run(from, path, '--json', '--top', '10', '--resize', 'none', '--combine', combine)).stdout),
        ),
      );
      expect(theirs?.predictions[0]).toMatchObject({ cells: { height: 3, width: 9 } });
      for (const [at, { score }] of (ours?.predictions[0]?.best ?? []).entries())
        expect(theirs?.predictions[0]?.best[at]?.score).toBeCloseTo(score, 4);
    }
  });

  test('heat maps are made from ONNX files', async () => {
    const { code, stderr } = await program.run(['heatmap', directories.map, join(folder, '0.png'), '-o', join(directory, 'no.png')]);
    expect([code, stderr.split('\n')[0]]).toEqual([
      2,
      `error[USAGE]: ${directories.map} is a TensorFlow.js model: a heat map is made from the ONNX file behind it`,
    ]);
  });
});

test('one prediction per image (--head image) sees the whole picture', async () => {
  const model = join(directory, 'image.onnx');
  expect((await program.run(['convert', lenet, '-o', model, '--head', 'image', '--no-verify'])).code).toBe(0);
  const wide = join(directory, 'wide.png');
  await sharp(join(folder, '3.png')).extend({ left: 16, right: 16, background: '#000' }).toFile(wide);
  expect((await run(model, wide, '--json')).stdout).toContain('"width": 60');
  const small = join(directory, 'tiny.png');
  await sharp(join(folder, '3.png')).resize(20, 20).toFile(small);
  const refused = await run(model, small);
  expect([refused.code, refused.stderr.split('\n')[0]]).toEqual([
    2,
    'error[PICTURE_TOO_SMALL]: the picture of 20x20 pixels is smaller than the window of the network, 28x28',
  ]);
  expect((await run(model, small, '--pad')).code).toBe(0);
});

test('of several pictures a bad one is told, and the others are named', async () => {
  const bad = join(directory, 'bad.png');
  writeFileSync(bad, 'not a picture');
  const { code, stdout, stderr } = await run(lenet, join(folder, '0.png'), bad, join(folder, '1.png'));
  expect([code, stdout.match(/^#1 /gm)?.length, stderr.split(':')[0]]).toEqual([2, 2, 'error[NOT_A_PICTURE]']);
  const { predictions }: Json = JSON.parse((await run(lenet, bad, join(folder, '1.png'), '--json')).stdout);
  expect(predictions.map(({ error }) => error?.code)).toEqual(['NOT_A_PICTURE', undefined]);
});

test.each([
  ['an empty folder', 'NO_PICTURES', () => [lenet, program.directory()]],
  ['names for other classes', 'LABELS_DO_NOT_FIT', () => [lenet, join(folder, '0.png'), '--labels', 'imagenet']],
  ['a crop of another size than the model takes', 'PICTURE_UNFIT', () => [lenet, join(folder, '0.png'), '--crop', '20']],
  ['means for three channels of one', 'BAD_OPTION', () => [lenet, join(folder, '0.png'), '--mean', '0.1,0.2,0.3']],
  ['a preset of three channels for one', 'BAD_OPTION', () => [lenet, join(folder, '0.png'), '--preset', 'caffe']],
  ['no deviation', 'BAD_OPTION', () => [lenet, join(folder, '0.png'), '--std', '0']],
  ['no classes', 'BAD_OPTION', () => [lenet, join(folder, '0.png'), '--top', '0']],
  ['an output that is not there', 'UNKNOWN_OUTPUT', () => [lenet, join(folder, '0.png'), '--output-name', 'scoress']],
  ['the lecture with means of its own', 'USAGE', () => [lenet, join(folder, '0.png'), '--preset', 'lecture', '--mean', '0']],
] as const)('%s: %s', async (_, code, args) => {
  const result = await run(...args());
  expect([result.code, result.stdout, result.stderr.split(':')[0]]).toEqual([2, '', `error[${code}]`]);
});

/** Networks trained on photographs, and photographs: not part of this repository. */
const shared = join(root, '../shared');
const squeezenet = join(shared, 'models/squeezenet-imagenet.onnx');
const trained = existsSync(squeezenet) && existsSync(join(shared, 'photos/dog.jpg'));
if (!trained) console.warn(`skipped: photographs and SqueezeNet are not in ${shared}`);
(trained ? describe : describe.skip)('SqueezeNet', () => {
  const photo = (name: string): string => join(shared, 'photos', name);
  const options = ['--preset', 'caffe', '--labels', 'imagenet', '--json'];

  test.each([
    ['dog.jpg', 'golden retriever', 0.97],
    ['cat.jpg', 'Egyptian cat', 0.6],
    ['coffee.png', 'espresso', 0.9],
    ['wolves.jpg', 'white wolf, Arctic wolf, Canis lupus tundrarum', 0.9],
  ])('%s: %s', async (name, label, least) => {
    const { predictions }: Json = JSON.parse((await run(squeezenet, photo(name), ...options)).stdout);
    expect(predictions[0]?.best[0]).toMatchObject({ name: label });
    expect(predictions[0]?.best[0]?.score).toBeGreaterThan(least);
  });

  test('the heat map of the dog lies on the dog', async () => {
    const output = join(directory, 'dog.png');
    const args = ['heatmap', squeezenet, photo('dog.jpg'), '-o', output, '--class', 'golden retriever', '--scales', '0.3,0.5', ...options];
    const { code, stdout } = await program.run(args);
    expect(code).toBe(0);
    const { peak } = JSON.parse(stdout).shown[0];
    expect(peak.score).toBeGreaterThan(0.5);
    const [y, x] = [peak.window.top + peak.window.height / 2, peak.window.left + peak.window.width / 2];
    // The puppy sits between these lines of the photograph of 1080 x 1080 pixels.
    expect([y > 130 && y < 980, x > 200 && x < 720]).toEqual([true, true]);
  });
});

describe('a network that takes multiples of two pixels', () => {
  const shortcut = `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 8] X) => (float[1, 3] Y) <float[4, 3, 3, 3] K, float[4, 3, 1, 1] S, float[3, 4] W> {
    C = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [0, 0, 1, 1]> (X, K)
    Q = AveragePool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1, count_include_pad = 0> (X) D = Conv <kernel_shape = [1, 1]> (Q, S)
    A = Add (C, D) R = Relu (A) P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`;
  test.each([
    ['window', '31x21 seen as 32x22, pixels torchvision, mean of 8x13 cells'],
    ['image', '31x21, cut to 30x20, pixels torchvision'],
  ] as const)('says what it saw of a picture of another size, head %s', async (head, says) => {
    const model = join(directory, `${head}.onnx`);
    writeFileSync(model, modelToBytes(compile(parseGraph(shortcut), { head }).model));
    const picture = join(directory, 'odd.png');
    await sharp({ create: { width: 31, height: 21, channels: 3, background: '#4080c0' } }).toFile(picture);
    const { code, stderr, stdout } = await run(model, picture, '--preset', 'torchvision', '--top', '1', '--resize', 'none');
    expect({ code, text: stderr + stdout }).toMatchObject({ code: 0, text: expect.stringContaining(says) });
  });
});
