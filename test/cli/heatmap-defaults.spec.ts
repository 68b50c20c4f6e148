/** `heatmap` without options: the class of the whole picture, scales and head that suit the picture, the contract in words; and crops beside the map. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { main } from '../../src/cli/main';
import { useProgram } from '../support/cli';

jest.setTimeout(60_000);

const program = useProgram();
let directory = '';
let photo = '';
let padded = '';
let plain = '';

/** Four classes by the mean of three channels; a 3x3 convolution that smooths, padded or not. Class 0: red, 1: green, 2: blue, 3: the darkness of all. */
const network = (pads: string): string => `<ir_version: 8, opset_import: ["" : 17], metadata_props: ["names": "red,green,blue,dark"]>
  g (float[1, 3, 32, 32] image) => (float[1, 4] scores)
  <float[3, 3, 3, 3] K, float[4, 3] W = {9, -3, -3, -3, 9, -3, -3, -3, 9, -3, -3, -3}, float[4] B = {0, 0, 0, 1}>
  { c = Conv <kernel_shape = [3, 3], strides = [4, 4]${pads}> (image, K) r = Relu (c) p = GlobalAveragePool (r) f = Flatten (p) scores = Gemm <transB = 1> (f, W, B) }`;
/** 1/9 in each place of the kernel that leads from a channel to itself. */
const kernel = `{${[0, 1, 2]
  .flatMap((to) =>
    [0, 1, 2].map((from) =>
      Array(9)
        .fill(to === from ? 0.111111 : 0)
        .join(', '),
    ),
  )
  .join(', ')}}`;

beforeAll(async () => {
  directory = program.directory();
  photo = join(directory, 'photo.png');
  // Mostly green; a small square of pure blue.
  const image = { width: 160, height: 120, channels: 3 as const, background: { r: 20, g: 140, b: 40 } };
  const square = await sharp({ create: { width: 24, height: 24, channels: 3, background: { r: 0, g: 0, b: 255 } } })
    .png()
    .toBuffer();
  await sharp({ create: image })
    .composite([{ input: square, top: 72, left: 104 }])
    .toFile(photo);
  [padded, plain] = [join(directory, 'padded.onnxtxt'), join(directory, 'plain.onnxtxt')];
  writeFileSync(padded, network(', pads = [1, 1, 1, 1]').replace('K,', `K = ${kernel},`));
  writeFileSync(plain, network('').replace('K,', `K = ${kernel},`));
});

async function heatmap(model: string, ...options: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const code = await main(
    [
      'heatmap',
      model,
      photo,
      '--preset',
      'unit',
      '--size',
      '240',
      ...(options.includes('-o') ? [] : ['-o', join(directory, 'out.png')]),
      '-f',
      ...options,
    ],
    {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env: {},
    },
  );
  return { code, stdout, stderr };
}

interface Shown {
  readonly name: string;
  readonly peak: { readonly score: number; readonly place: { readonly y: number; readonly x: number } };
  readonly onCrop: { readonly score: number; readonly name: string } | null;
}
async function facts(model: string, ...options: readonly string[]) {
  const { code, stdout, stderr } = await heatmap(model, '--json', ...options);
  expect([code, stderr]).toEqual([0, '']);
  const result: {
    readonly head: string;
    readonly headReason: string | null;
    readonly scales: readonly number[];
    readonly chosenBy: string;
    readonly whole: { readonly name: string; readonly score: number } | null;
    readonly contract: string;
    readonly meaning: string;
    readonly shown: readonly Shown[];
  } = JSON.parse(stdout);
  return result;
}

test('shows what predict says of the whole picture, at scales from one window on, as a class activation map', async () => {
  const result = await facts(padded);
  expect(result).toMatchObject({ head: 'cell', chosenBy: 'whole picture', whole: { name: 'green' }, contract: 'border' });
  expect(result.headReason).toMatch(/^a map of windows would have \d+x\d+ cells at most$/);
  expect(result.scales[0]).toBeCloseTo(32 / 120, 3);
  expect(result.scales).toHaveLength(3);
  expect(result.shown.map(({ name }) => name)).toEqual(['green']);
  let stdout = '';
  await main(['predict', padded, photo, '--preset', 'unit', '--json'], {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: () => undefined },
    env: {},
  });
  const [prediction] = JSON.parse(stdout).predictions;
  expect(prediction.best[0]).toMatchObject({ name: 'green' });
  expect(result.whole?.score).toBeCloseTo(prediction.best[0].score, 5);
});

test('says it: the class and why, scales, head, contract', async () => {
  const { stdout } = await heatmap(padded);
  expect(stdout).toContain('shown: what predict says of the whole picture: green');
  expect(stdout).toContain('scales 0.27, 0.38, 0.53: a window sees the whole picture to 50 % of it');
  expect(stdout).toContain('head cell, a class activation map (CAM): a map of windows would have');
  expect(stdout).toMatch(
    /the mean over the map is the original's scores of the whole image, at every size that it takes whole; cells at the border of the image see padding/,
  );
  expect((await heatmap(plain, '--head', 'window')).stdout).toContain('every cell equals the original on its crop');
});

test('--top is what is surest somewhere, and says so; a peak lies on what it shows', async () => {
  const result = await facts(padded, '--top', '2', '--scales', '1');
  expect([result.chosenBy, result.shown.map(({ name }) => name)]).toEqual(['local peaks', ['blue', 'green']]);
  const { y = 0, x = 0 } = result.shown[0]?.peak.place ?? {};
  // The square reaches from (72, 104) to (96, 128).
  expect([y > 74 && y < 94, x > 106 && x < 126]).toEqual([true, true]);
  expect((await heatmap(padded, '--top', '1')).stdout).toContain(
    'the class with the highest local peak: what is surest somewhere, not what the whole picture is',
  );
});

test('where every scale has many windows, windows are taken', async () => {
  expect(await facts(padded, '--scales', '1')).toMatchObject({ head: 'window', headReason: null });
});

test('--slide: crops beside the map differ where a network pads, and not where it does not', async () => {
  const options = ['--class', 'green', '--scales', '0.5', '--slide'] as const;
  const difference = async (model: string): Promise<number> => {
    const [shown] = (await facts(model, ...options, 'peaks')).shown;
    return Math.abs((shown?.onCrop?.score ?? Number.NaN) - (shown?.peak.score ?? 0));
  };
  expect(await difference(plain)).toBeLessThan(1e-5);
  expect(await difference(padded)).toBeGreaterThan(1e-3);
  // All windows by themselves: the peak is then what its crop gives.
  const all = await facts(padded, ...options, 'all');
  expect(all.meaning).toBe('every cell is the network itself, run on its crop (--slide all)');
  const [map, slid] = [await facts(plain, ...options, 'peaks'), await facts(plain, ...options, 'all')];
  expect(slid.shown[0]?.peak.score).toBeCloseTo(map.shown[0]?.peak.score ?? Number.NaN, 5);
  expect(slid.shown[0]?.peak.place).toEqual(map.shown[0]?.peak.place);
  const { code, stderr } = await heatmap(padded, '--slide', 'all', '--head', 'cell');
  expect([code, stderr]).toEqual([2, expect.stringContaining('--slide runs crops of the window')]);
});

test('--slide of a converted model runs the model on crops of its window', async () => {
  const converted = join(directory, 'converted.onnx');
  expect((await program.run(['convert', padded, '-o', converted, '--no-verify'])).code).toBe(0);
  const options = ['--class', '1', '--scales', '1', '--slide', 'peaks'];
  const [own, made] = [await facts(padded, ...options), await facts(converted, ...options)];
  expect(made.shown[0]?.onCrop?.score).toBeCloseTo(own.shown[0]?.onCrop?.score ?? Number.NaN, 4);
});

test('--all-peaks writes every local maximum, --bare the photograph and its colors in its own size', async () => {
  const [peaks, bare] = [join(directory, 'peaks.csv'), join(directory, 'bare.png')];
  const result = await facts(padded, '--class', 'blue', '--scales', '1', '--all-peaks', peaks, '--bare', '--colors', 'viridis', '-o', bare);
  const [titles, ...rows] = readFileSync(peaks, 'utf8').trimEnd().split('\n');
  expect(titles).toBe('class,name,score,row,column,top,left,height,width,scale,mirrored');
  expect(rows[0]?.split(',').slice(0, 2)).toEqual(['2', 'blue']);
  expect(Number(rows[0]?.split(',')[2])).toBeCloseTo(result.shown[0]?.peak.score ?? Number.NaN, 5);
  const { width, height } = await sharp(bare).metadata();
  expect([width, height]).toEqual([160, 120]);
  expect((await heatmap(padded, '--bare', '--top', '3')).stderr).toContain('--bare draws one class');
});
