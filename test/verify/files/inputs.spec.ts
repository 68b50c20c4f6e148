/** Inputs from files, as they come out of NumPy, ONNX's test data and a camera. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { CompileError } from '../../../src/diagnostics/compile-error';
import { fromNumbers } from '../../../src/ir/tensor';
import type { DType } from '../../../src/ir/types';
import { tensorFile } from '../../../src/onnx/tensor-file';
import type { FoundRecipe } from '../../../src/pictures/files/recipes';
import { type InputPorts, loadSamples } from '../../../src/verify/files/inputs';
import { readNpy } from '../../../src/verify/files/inputs/npy';
import { saveInputs } from '../../../src/verify/files/save-inputs';
import { verifyFiles } from '../../../src/verify/files/verify';
import { formatVerifyReport } from '../../../src/verify/report';

// A busy machine takes its time.
jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'convolutionize-inputs-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, bytes);
  return path;
};

/** As numpy.save writes it. */
function npy(descr: string, shape: readonly number[], data: Uint8Array, fortran = false): Uint8Array {
  const dims = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${dims}, }`;
  const header = `${text.padEnd(118 - 1)}\n`;
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode('NUMPY'),
    1,
    0,
    header.length,
    0,
    ...new TextEncoder().encode(header),
    ...data,
  ]);
}
const floats = (numbers: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(numbers).buffer);
const count = (length: number): number[] => Array.from({ length }, (_, at) => at);

const image: InputPorts = {
  inputs: [{ name: 'image', type: { dtype: 'float', shape: ['N', 1, 2, 3] } }],
  windows: [{ input: 'image', layout: 'NCHW', height: 2, width: 3, channels: 1 }],
};
const one: InputPorts = { ...image, inputs: [{ name: 'image', type: { dtype: 'float', shape: [1, 1, 2, 3] } }] };
const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error instanceof CompileError ? error.diagnostic.code : String(error)),
  );

describe('.npy', () => {
  test('types, byte orders, and columns first', () => {
    expect([...readNpy(npy('<f4', [2, 3], floats(count(6))), 'a').data]).toEqual(count(6));
    expect(readNpy(npy('|u1', [3], Uint8Array.of(1, 2, 255)), 'a')).toMatchObject({ dtype: 'uint8', shape: [3] });
    expect([...readNpy(npy('>i2', [2], Uint8Array.of(1, 0, 255, 255)), 'a').data]).toEqual([256, -1]);
    // Columns of 2x3 first: 0 3 1 4 2 5.
    const columns = readNpy(npy('<f4', [2, 3], floats([0, 3, 1, 4, 2, 5]), true), 'a');
    expect([columns.shape, [...columns.data]]).toEqual([[2, 3], count(6)]);
  });

  test.each([
    ['another file', new TextEncoder().encode('not an array at all')],
    ['objects', npy('|O8', [1], new Uint8Array(8))],
    ['cut short', npy('<f4', [2, 3], floats([1, 2]))],
  ])('%s is an error', (_, bytes) => {
    expect(() => readNpy(bytes, 'a.npy')).toThrow(CompileError);
  });
});

describe('samples', () => {
  test('a stack of images is as many samples, where the model takes one', async () => {
    const path = file('stack.npy', npy('<f4', [2, 1, 2, 3], floats(count(12))));
    const samples = await loadSamples([path], one);
    expect(samples.map(({ kind }) => kind)).toEqual(['stack.npy[0]', 'stack.npy[1]']);
    expect([...(samples[1]?.feeds.get('image')?.data ?? [])]).toEqual([6, 7, 8, 9, 10, 11]);
    expect(await loadSamples([path], image)).toHaveLength(1);
  });

  test('a folder: arrays, archives, test data by name and by number, pictures', async () => {
    const array = npy('<f4', [1, 2, 3], floats(count(6)));
    file('all/a.npy', array);
    file('all/b.npz', zipSync({ 'image.npy': array }));
    file('all/test_data_set_0/input_0.pb', tensorFile(fromNumbers('float', [1, 1, 2, 3], count(6)), 'image'));
    file('all/test_data_set_0/output_0.pb', Uint8Array.of(1));
    file('all/test_data_set_1/input_0.pb', tensorFile(fromNumbers('float', [1, 1, 2, 3], count(6)), ''));
    file(
      'all/white.png',
      await sharp({ create: { width: 6, height: 4, channels: 3, background: '#fff' } })
        .png()
        .toBuffer(),
    );
    const samples = await loadSamples([join(folder, 'all')], one);
    expect(samples.map(({ kind }) => kind)).toEqual(['a.npy', 'b.npz', 'test_data_set_0', 'test_data_set_1', 'white.png']);
    for (const { feeds } of samples.slice(0, 4)) expect([...(feeds.get('image')?.data ?? [])]).toEqual(count(6));
    expect([...(samples[4]?.feeds.get('image')?.data ?? [])]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('pictures are prepared as predict does: as told, as the model states, else as is usual', async () => {
    const [red, green, blue] = [200, 100, 50];
    const path = file(
      'colour/one.png',
      await sharp({ create: { width: 8, height: 6, channels: 3, background: { r: red, g: green, b: blue } } })
        .png()
        .toBuffer(),
    );
    const port = (shape: readonly number[], dtype: DType = 'float'): InputPorts => ({
      inputs: [{ name: 'x', type: { dtype, shape } }],
      windows: [{ input: 'x', layout: shape[1] === 3 ? 'NCHW' : 'NHWC', height: 2, width: 2, channels: 3 }],
    });
    const firsts = async (ports: InputPorts): Promise<[readonly number[], string | undefined, boolean | undefined]> => {
      const seen: FoundRecipe[] = [];
      const [sample] = await loadSamples([path], { ...ports, onPicture: (prepared) => seen.push(prepared) });
      const { data = [], shape } = sample?.feeds.get('x') ?? {};
      const step = shape?.[1] === 3 ? 4 : 1;
      return [[0, 1, 2].map((channel) => Number((data[channel * step] ?? Number.NaN).toFixed(4))), seen[0]?.recipe.from, seen[0]?.assumed];
    };
    const usual = [red, green, blue].map((value, at) =>
      Number(((value / 255 - ([0.485, 0.456, 0.406][at] ?? 0)) / ([0.229, 0.224, 0.225][at] ?? 1)).toFixed(4)),
    );
    const nchw = port([1, 3, 2, 2]);
    expect(await firsts(nchw)).toEqual([usual, 'torchvision', true]);
    expect(await firsts(port([1, 2, 2, 3], 'uint8'))).toEqual([[red, green, blue], 'raw', true]);
    expect(await firsts({ ...nchw, preset: 'caffe' })).toEqual([[blue - 104, green - 117, red - 123], 'caffe', false]);
    // The second model states it, in its file; the first one says nothing.
    const stated = new Map([['convolutionize.preprocessing', JSON.stringify({ range: 255, mean: 100, std: 50, order: 'rgb' })]]);
    const models = [
      { path: undefined, metadata: new Map<string, string>() },
      { path: undefined, metadata: stated },
    ];
    expect((await firsts({ ...nchw, models }))[0]).toEqual([2, 0, -1]);
    // A description beside the file of the model.
    file('colour/preprocessor_config.json', Buffer.from(JSON.stringify({ image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] })));
    const beside = [{ path: join(folder, 'colour/model.onnx'), metadata: new Map<string, string>() }];
    expect((await firsts({ ...nchw, models: beside }))[0]).toEqual(
      [red, green, blue].map((value) => Number((value / 127.5 - 1).toFixed(4))),
    );
  });

  test('a picture whose white is not known is refused, not read as black', async () => {
    const dark = Uint16Array.from({ length: 48 }, (_, at) => 80 * at);
    const path = file(
      'dark.png',
      await sharp(dark, { raw: { width: 8, height: 6, channels: 1 } })
        .toColourspace('grey16')
        .png()
        .toBuffer(),
    );
    const attempt = await loadSamples([path], one).catch((error: unknown) => error);
    expect(attempt).toMatchObject({ diagnostic: { code: 'LEVELS_UNKNOWN', hint: expect.stringContaining('.npy') } });
  });

  test('what does not fit is told', async () => {
    const f4 = (shape: readonly number[]): string => file('x.npy', npy('<f4', shape, floats(count(shape.reduce((a, b) => a * b, 1)))));
    expect(await codeOf(loadSamples([f4([1, 1, 3, 3])], one))).toBe('INPUT_SHAPE');
    expect(await codeOf(loadSamples([file('d.npy', npy('<f8', [1, 1, 2, 3], new Uint8Array(48)))], one))).toBe('INPUT_DTYPE');
    expect(await codeOf(loadSamples([file('n.npz', zipSync({ 'other.npy': npy('<f4', [1], floats([1])) }))], one))).toBe('INPUT_MISSING');
    expect(await codeOf(loadSamples([file('n.npz', floats(count(40)))], one))).toBe('INPUT_FILE_BROKEN');
    expect(await codeOf(loadSamples([file('p.png', floats(count(40)))], one))).toBe('NOT_A_PICTURE');
    expect(await codeOf(loadSamples([file('q.png', Buffer.from('<svg width="9" height="9"/>'))], one))).toBe('NOT_A_PICTURE');
    expect(await codeOf(loadSamples([file('t.pb', Uint8Array.of(255, 255, 255))], one))).toBe('NOT_A_TENSOR');
    expect(await codeOf(loadSamples([file('readme.txt', floats([1]))], one))).toBe('INPUT_FILE_UNKNOWN');
    expect(await codeOf(loadSamples([join(folder, 'nowhere.npy')], one))).toBe('CANNOT_READ');
  });

  test('inputs that were saved are read back', async () => {
    const samples = await loadSamples([file('stack.npy', npy('<f4', [2, 1, 2, 3], floats(count(12))))], one);
    const saved = join(folder, 'saved');
    saveInputs(saved, samples);
    const again = await loadSamples([saved], one);
    expect(again.map(({ feeds }) => [...(feeds.get('image')?.data ?? [])])).toEqual(
      samples.map(({ feeds }) => [...(feeds.get('image')?.data ?? [])]),
    );
    expect(() => saveInputs(saved, samples)).toThrow(CompileError);
  });
});

test('the report says how pictures were prepared', async () => {
  const fixtures = join(__dirname, '../../../fixtures');
  const [model, inputs] = [join(fixtures, 'models/lenet5.onnx'), [join(fixtures, 'digits/canvas.png')]];
  const report = await verifyFiles(model, model, { inputs, budget: 0 });
  expect(report.pictures).toEqual({ count: 1, pixels: 'unit', assumed: true });
  expect(formatVerifyReport(report)).toMatch(/^ {2}pictures +1 picture, pixels unit, assumed; --preset changes it$/m);
  const chosen = await verifyFiles(model, model, { inputs, budget: 0, preset: 'lecture' });
  expect(chosen.pictures).toEqual({ count: 1, pixels: 'lecture', assumed: false });
});
