/** predict and heatmap on arrays, recordings and TIFF files of bands and pages: what they say, what they write, and what is wrong with what they are given. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import sharp from 'sharp';
import { main } from '../../src/cli/main';
import { modelToBytes } from '../../src/onnx/write';
import { npyBytes } from '../../src/pictures/npy';
import { bandsNetwork, noiseNumbers, signalNetwork, volumeNetwork } from '../support/axes-networks';
import { useProgram } from '../support/cli';
import { parseGraph } from '../support/expect-pass';
import { readNpy } from '../support/npy';

jest.setTimeout(240_000);
const program = useProgram();
let cwd = '';

const file = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(cwd, name), bytes);
  return name;
};
const model = (name: string, text: string): string => file(name, modelToBytes(parseGraph(text)));

beforeAll(async () => {
  cwd = program.directory();
  model('signal.onnx', signalNetwork());
  model('stereo.onnx', signalNetwork(2));
  model('volume.onnx', volumeNetwork());
  model('bands.onnx', bandsNetwork());
  model('two.onnx', bandsNetwork(2));
  model('grey.onnx', bandsNetwork(1));
  file('window.npy', npyBytes([200], noiseNumbers(200)));
  file('long.npy', npyBytes([1, 1, 1600], noiseNumbers(1600)));
  file('volume.npy', npyBytes([30, 40, 44], noiseNumbers(30 * 40 * 44)));
  file('bands.npy', npyBytes([13, 44, 52], noiseNumbers(13 * 44 * 52)));
});

/** In this process, which is quicker than a process each; but for TIFF, whose reader Jest cannot load. Files are those of the test's directory. */
async function run(...args: readonly string[]) {
  if (args.some((arg) => arg.endsWith('.tif'))) return program.run(args, { cwd });
  let [stdout, stderr] = ['', ''];
  const named = args.map((arg) => (/^[\w-]+\.(?:onnx|npy|npz|wav|tif|png|svg|csv)$/.test(arg) ? join(cwd, arg) : arg));
  const code = await main(named, { stdout: { write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) }, env: {} });
  return { code, stdout, stderr };
}

async function scores(...args: readonly string[]): Promise<readonly number[]> {
  const { stdout, stderr } = await run('predict', ...args, '--json', '--top', '9');
  expect(stderr).toBe('');
  const best: readonly { readonly class: number; readonly score: number }[] = JSON.parse(stdout).predictions[0].best;
  return [...best].sort((a, b) => a.class - b.class).map(({ score }) => score);
}

/** 16 bits, as cameras and microscopes write them: a recording, or a picture. */
const wav = (samples: ArrayLike<number>, rate: number, channels = 1): Uint8Array => {
  const bytes = new Uint8Array(44 + samples.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [at, text] of [
    [0, 'RIFF'],
    [8, 'WAVEfmt '],
    [36, 'data'],
  ] as const)
    bytes.set(new TextEncoder().encode(text), at);
  view.setUint32(4, bytes.length - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, samples.length * 2, true);
  for (let at = 0; at < samples.length; at++) view.setInt16(44 + at * 2, Math.round((samples[at] ?? 0) * 32767), true);
  return bytes;
};

describe('one array in many forms gives one answer', () => {
  test('with or without batch and channel, in an archive, on the standard input', async () => {
    const plain = await scores('signal.onnx', 'window.npy');
    const numbers = noiseNumbers(200);
    file('batch.npy', npyBytes([1, 1, 200], numbers));
    file('channel.npy', npyBytes([1, 200], numbers));
    file('last.npy', npyBytes([200, 1], numbers));
    file('only.npz', zipSync({ 'whatever.npy': npyBytes([200], numbers) }));
    file('named.npz', zipSync({ 'other.npy': npyBytes([7], new Float32Array(7)), 'X.npy': npyBytes([200], numbers) }));
    for (const name of ['batch.npy', 'channel.npy', 'last.npy', 'only.npz', 'named.npz'])
      expect(await scores('signal.onnx', name)).toEqual(plain);
    expect(await scores('signal.onnx', 'named.npz', '--array', 'X')).toEqual(plain);
    const { stdout } = spawnSync(process.execPath, [program.file, 'predict', 'signal.onnx', '-', '--json', '--top', '9'], {
      cwd,
      input: readFileSync(join(cwd, 'named.npz')),
      encoding: 'utf8',
    });
    expect(JSON.parse(stdout).predictions[0].best[0].score).toBe(Math.max(...plain));
  });

  test('bands: in the order that is asked for; the mean; by the axis that fits', async () => {
    const numbers = noiseNumbers(2 * 20 * 20);
    const [a, b] = [numbers.slice(0, 400), numbers.slice(400)];
    file('ab.npy', npyBytes([2, 20, 20], numbers));
    file('ba.npy', npyBytes([2, 20, 20], Float32Array.of(...b, ...a)));
    file('a.npy', npyBytes([20, 20], a));
    const side = Float32Array.from({ length: 800 }, (_, at) => numbers[(at % 2) * 400 + Math.floor(at / 2)] ?? 0);
    file('side.npy', npyBytes([20, 20, 2], side));
    const plain = await scores('two.onnx', 'ab.npy');
    expect(await scores('two.onnx', 'side.npy')).toEqual(plain);
    expect(await scores('two.onnx', 'ba.npy', '--bands', '2,1')).toEqual(plain);
    expect(await scores('two.onnx', 'ba.npy')).not.toEqual(plain);
    expect(await scores('grey.onnx', 'ab.npy', '--bands', '1')).toEqual(await scores('grey.onnx', 'a.npy'));
  });

  test('mean and deviation per band, the range of 16 bits, and those of the image itself', async () => {
    const numbers = Float32Array.from(noiseNumbers(400), (value) => Math.round((value + 1) * 20000));
    const shares = numbers.map((value) => value / 65535);
    const pixels = Uint16Array.from(numbers);
    await sharp(pixels, { raw: { width: 20, height: 20, channels: 1 } })
      .toColourspace('grey16')
      .tiff({ compression: 'none' })
      .toFile(join(cwd, 'deep.tif'));
    await sharp(pixels, { raw: { width: 20, height: 20, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toFile(join(cwd, 'deep.png'));
    file('raw.npy', npyBytes([20, 20], numbers));
    file('shares.npy', npyBytes([20, 20], shares));
    const mean = numbers.reduce((sum, value) => sum + value / 400, 0);
    const std = Math.sqrt(numbers.reduce((sum, value) => sum + (value - mean) ** 2 / 400, 0));
    file(
      'own.npy',
      npyBytes(
        [20, 20],
        numbers.map((value) => (value - mean) / std),
      ),
    );
    const near = (found: readonly number[], wanted: readonly number[]): void =>
      expect(Math.max(...found.map((value, at) => Math.abs(value - (wanted[at] ?? 0)) / Math.max(1, Math.abs(value))))).toBeLessThan(1e-4);
    const raw = await scores('grey.onnx', 'raw.npy');
    for (const name of ['deep.tif', 'deep.png']) {
      near(await scores('grey.onnx', name, '--range', '65535'), raw);
      near(
        await scores('grey.onnx', name, '--range', '65535', '--mean', '100', '--std', '65535'),
        await scores('grey.onnx', 'raw.npy', '--mean', '100', '--std', '65535'),
      );
      near(await scores('grey.onnx', name, '--normalise', 'image'), await scores('grey.onnx', 'own.npy'));
    }
    near(await scores('grey.onnx', 'deep.tif', '--bands', '1', '--range', '1'), await scores('grey.onnx', 'shares.npy'));
    const two = Float32Array.of(...noiseNumbers(400, 3), ...noiseNumbers(400, 4).map((value) => value * 9 + 5));
    file('uneven.npy', npyBytes([2, 20, 20], two));
    const scaled = await scores('two.onnx', 'uneven.npy', '--mean', '0.5,5', '--std', '2,9');
    file(
      'even.npy',
      npyBytes(
        [2, 20, 20],
        two.map((value, at) => (at < 400 ? (value - 0.5) / 2 : (value - 5) / 9)),
      ),
    );
    near(scaled, await scores('two.onnx', 'even.npy'));
  });
});

describe('recordings', () => {
  test('samples are -1..1; channels are chosen or meaned; another rate is resampled', async () => {
    const samples = noiseNumbers(200).map((value) => Math.round(value * 32767) / 32768);
    file(
      'mono.wav',
      wav(
        samples.map((value) => (value * 32768) / 32767),
        8000,
      ),
    );
    file('mono.npy', npyBytes([200], samples));
    expect(await scores('signal.onnx', 'mono.wav', '--rate', '8000')).toEqual(await scores('signal.onnx', 'mono.npy'));
    const both = Float32Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? (samples[at / 2] ?? 0) : 0));
    file(
      'stereo.wav',
      wav(
        both.map((value) => (value * 32768) / 32767),
        8000,
        2,
      ),
    );
    expect(await scores('signal.onnx', 'stereo.wav', '--rate', '8000', '--bands', '1')).toEqual(await scores('signal.onnx', 'mono.npy'));
    file(
      'half.npy',
      npyBytes(
        [200],
        samples.map((value) => value / 2),
      ),
    );
    expect(await scores('signal.onnx', 'stereo.wav', '--rate', '8000', '--bands', 'mean')).toEqual(await scores('signal.onnx', 'half.npy'));
    expect(await scores('stereo.onnx', 'stereo.wav', '--rate', '8000')).toHaveLength(4);
    const { stdout } = await run('predict', 'signal.onnx', 'mono.wav', '--rate', '16000', '--crop', '200');
    expect(stdout).toContain('400 seen as 200, 8000 Hz resampled to 16000');
  });

  test('a model says its rate: convert writes it down, predict and heatmap obey', async () => {
    file('long.wav', wav(noiseNumbers(3200), 16000));
    expect((await run('convert', 'signal.onnx', '--rate', '8000', '-o', 'rated.onnx')).code).toBe(0);
    const { stdout } = await run('predict', 'rated.onnx', 'long.wav');
    expect(stdout).toContain('1600 as it is, 16000 Hz resampled to 8000');
    expect((await run('predict', 'signal.onnx', 'long.wav', '--crop', '200')).stderr).toContain('error[RATE_NEEDED]');
  });

  test('a heat map in seconds, as PNG and SVG, with a table of peaks', async () => {
    file(
      'events.wav',
      wav(
        Float32Array.from({ length: 8000 }, (_, at) => (at > 4000 && at < 4400 ? Math.sin(at / 3) * 0.9 : 0.01 * Math.sin(at))),
        8000,
      ),
    );
    const { stdout, stderr } = await run(
      'heatmap',
      'signal.onnx',
      'events.wav',
      '--rate',
      '8000',
      '--top',
      '2',
      '--all-peaks',
      'peaks.csv',
      '-o',
      'events.svg',
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/8000 samples, 1 seconds \(8000 Hz, as they are\)/);
    expect(stdout).toMatch(/samples \d+ to \d+ \(0\.\d+ to 0\.\d+ seconds\)/);
    expect(readFileSync(join(cwd, 'peaks.csv'), 'utf8').split('\n')[0]).toBe(
      'class,name,score,sample,first sample,time of window,seconds,first seconds,seconds of window,scale,mirrored',
    );
    const [, first = ''] = readFileSync(join(cwd, 'peaks.csv'), 'utf8').split('\n');
    const cells = first.split(',').map(Number);
    expect(cells[6]).toBeCloseTo((cells[3] ?? 0) / 8000, 6);
    expect(Math.abs((cells[3] ?? 0) - 4200)).toBeLessThan(420);
    const svg = readFileSync(join(cwd, 'events.svg'), 'utf8');
    expect(svg).toMatch(/^<svg xmlns/);
    expect(svg).not.toMatch(/NaN|<image|<text/);
    expect((await run('heatmap', 'signal.onnx', 'events.wav', '--rate', '8000', '-o', 'events.png')).code).toBe(0);
    expect(await sharp(join(cwd, 'events.png')).metadata()).toMatchObject({ format: 'png', width: 1200 });
  });
});

describe('volumes and bands', () => {
  test('the map of a volume, in tiles and in one piece', async () => {
    const result = await run(
      'heatmap',
      'volume.onnx',
      'volume.npy',
      '--head',
      'window',
      '--map',
      'whole.npy',
      '--tile',
      'none',
      '-o',
      'volume.png',
      '--json',
    );
    expect(result.stderr).toBe('');
    const { size, grid, map } = JSON.parse(result.stdout);
    expect(size).toEqual({ depth: 30, height: 40, width: 44 });
    expect(map.shape).toEqual([3, grid.frames.count, grid.rows.count, grid.columns.count]);
    await run('heatmap', 'volume.onnx', 'volume.npy', '--head', 'window', '--map', 'tiled.npy', '--tile', '20', '-o', 'volume.png', '-f');
    await run('heatmap', 'volume.onnx', 'volume.npy', '--head', 'window', '--map', 'tiled.npz', '--tile', '20', '-o', 'volume.png', '-f');
    const archive = unzipSync(readFileSync(join(cwd, 'tiled.npz')));
    expect(Buffer.from(archive['map.npy'] ?? []).equals(readFileSync(join(cwd, 'tiled.npy')))).toBe(true);
    const list = (name: string): number[] => [...new Float64Array(Uint8Array.from(archive[`${name}.npy`] ?? []).buffer.slice(128))];
    expect(list('classes')).toEqual([0, 1, 2]);
    expect(list('start')).toEqual([grid.frames.start, grid.rows.start, grid.columns.start]);
    expect(list('step')).toEqual([grid.frames.step, grid.rows.step, grid.columns.step]);
    const [whole, tiled] = [readNpy(join(cwd, 'whole.npy')), readNpy(join(cwd, 'tiled.npy'))];
    expect(tiled.shape).toEqual(whole.shape);
    expect(Math.max(...tiled.data.map((value, at) => Math.abs(value - (whole.data[at] ?? 0))))).toBeLessThan(1e-5);
    expect((await sharp(join(cwd, 'volume.png')).metadata()).width).toBeGreaterThan(600);
  });

  test('pages of a TIFF are a volume; a page of several is chosen', async () => {
    const planes = Array.from({ length: 14 }, (_, page) => Uint8Array.from({ length: 400 }, (_, at) => (page * 17 + at * 3) % 256));
    await sharp(Buffer.concat(planes), { raw: { width: 20, height: 280, channels: 1, pageHeight: 20 } })
      .toColourspace('b-w')
      .tiff({ compression: 'deflate' })
      .toFile(join(cwd, 'stack.tif'));
    file('stack.npy', npyBytes([14, 20, 20], Float32Array.from(planes.flatMap((plane) => [...plane]))));
    expect(await scores('volume.onnx', 'stack.tif', '--crop', '12x16x16')).toEqual(
      await scores('volume.onnx', 'stack.npy', '--crop', '12x16x16'),
    );
    file('page.npy', npyBytes([20, 20], Float32Array.from(planes[3] ?? [])));
    expect(await scores('grey.onnx', 'stack.tif', '--bands', '1', '--range', '255', '--page', '4')).toEqual(
      await scores('grey.onnx', 'page.npy'),
    );
    expect((await run('predict', 'grey.onnx', 'stack.tif', '--bands', '1')).stderr).toContain('error[PAGE_NEEDED]');
  });

  test('a picture of thirteen bands', async () => {
    const { stdout, stderr } = await run('heatmap', 'bands.onnx', 'bands.npy', '-o', 'bands.png', '--slide', 'peaks');
    expect(stderr).toBe('');
    expect(stdout).toContain('52x44 pixels (as they are)');
    expect(stdout).toContain('the same');
  });
});

test.each<[string, () => string, string, readonly string[], string]>([
  ['of other axes', () => file('wrong.npy', npyBytes([3, 4, 5, 6], new Float32Array(360))), 'signal.onnx', [], 'ARRAY_AXES'],
  ['of other bands', () => file('wrong.npy', npyBytes([5, 20, 20], new Float32Array(2000))), 'two.onnx', [], 'ARRAY_BANDS'],
  ['with a band that is not there', () => 'bands.npy', 'two.onnx', ['--bands', '4,14'], 'BAD_OPTION'],
  ['shorter than the window', () => file('wrong.npy', npyBytes([150], new Float32Array(150))), 'signal.onnx', [], 'ARRAY_TOO_SMALL'],
  ['longer than a network of one size takes', () => 'long.npy', 'signal.onnx', [], 'ARRAY_UNFIT'],
  ['that is empty', () => file('wrong.npy', npyBytes([0], new Float32Array(0))), 'signal.onnx', [], 'ARRAY_AXES'],
  [
    'with a number that is none',
    () => file('wrong.npy', npyBytes([200], noiseNumbers(200).fill(Number.NaN, 77, 78))),
    'signal.onnx',
    [],
    'ARRAY_NOT_FINITE',
  ],
  ['cut short', () => file('wrong.npy', npyBytes([200], noiseNumbers(200)).subarray(0, 300)), 'signal.onnx', [], 'ARRAY_DAMAGED'],
  ['of Python objects', () => file('wrong.npy', new TextEncoder().encode(`\x93NUMPY\x01\x00v\x00{'descr': '|O'`)), 'signal.onnx', [], ''],
  [
    'in an archive of several',
    () => file('wrong.npz', zipSync({ 'a.npy': npyBytes([2], new Float32Array(2)), 'b.npy': npyBytes([3], new Float32Array(3)) })),
    'signal.onnx',
    [],
    'ARRAY_NEEDED',
  ],
  ['in an archive that expands', () => file('bomb.npz', bomb()), 'signal.onnx', [], 'ARRAY_TOO_LARGE'],
  [
    'in no archive',
    () => file('wrong.npz', Uint8Array.of(0x50, 0x4b, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)),
    'signal.onnx',
    [],
    'ARRAY_DAMAGED',
  ],
  [
    'that is a recording, for a network of volumes',
    () => file('some.wav', wav(noiseNumbers(100), 8000)),
    'volume.onnx',
    ['--rate', '8000'],
    'ARRAY_AXES',
  ],
  [
    'whose rate cannot become that',
    () => file('some.wav', wav(noiseNumbers(100), 8000)),
    'signal.onnx',
    ['--rate', '999999'],
    'RATE_UNFIT',
  ],
  ['with another rate that is none', () => file('some.wav', wav(noiseNumbers(100), 8000)), 'signal.onnx', ['--rate', 'fast'], 'BAD_OPTION'],
  ['with two channels for one', () => file('some.wav', wav(noiseNumbers(400), 8000, 2)), 'signal.onnx', ['--rate', '8000'], 'ARRAY_BANDS'],
  ['that is not there', () => 'nowhere.npy', 'signal.onnx', [], 'CANNOT_READ'],
  [
    'that is a photograph, for a network of signals',
    () => join(__dirname, '../../fixtures/photos/coffee.jpg'),
    'signal.onnx',
    [],
    'TAKES_NO_PICTURE',
  ],
])('an array %s is refused', async (_, make, network, options, code) => {
  const name = make();
  const { code: exit, stderr } = await run('predict', network, name, ...options);
  expect([exit, stderr.split(':')[0]]).toEqual([
    2,
    code === '' ? expect.stringMatching(/^error\[(ARRAY_DAMAGED|NOT_A_PICTURE|CANNOT_READ|TAKES_NO_PICTURE)\]/) : `error[${code}]`,
  ]);
});

/** Zeros of half a gigabyte in half a megabyte, by a header that says so. */
function bomb(): Uint8Array {
  const archive = zipSync({ 'X.npy': npyBytes([2 ** 18], new Float32Array(2 ** 18)) });
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  // The size that the directory at the end of the archive claims.
  for (let at = 0; at + 46 < archive.length; at++) if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 2 ** 31 - 1, true);
  return archive;
}
