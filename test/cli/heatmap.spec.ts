/** `heatmap` as its users run it: what it finds, by numbers; what it writes; what it refuses. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { digitsCanvas, type PlacedDigit } from '../../fixtures/digits-canvas';
import { main } from '../../src/cli/main';
import type { Picture } from '../../src/pictures/picture';
import { useProgram } from '../support/cli';
import { type Npy, readNpy } from '../support/npy';

jest.setTimeout(60_000);

const root = join(__dirname, '../..');
const lenet = join(root, 'fixtures/models/lenet5.onnx');
const program = useProgram();

const { picture, digits } = digitsCanvas();
let directory: string;
let canvas: string;

beforeAll(async () => {
  directory = program.directory();
  canvas = join(directory, 'canvas.png');
  await writePicture(picture, canvas);
});

const writePicture = ({ data, width, height, channels }: Picture, path: string): Promise<unknown> =>
  sharp(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .toFile(path);

interface Result {
  readonly grid: { readonly rows: Axis; readonly columns: Axis };
  readonly converted: boolean;
  readonly views: readonly { readonly scale: number; readonly tiles: number }[];
  readonly shown: readonly {
    readonly class: number;
    readonly name: string;
    readonly peak: { readonly score: number; readonly window: Window; readonly scale: number };
  }[];
}
interface Axis {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}
interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

async function heatmap(name: string, ...options: readonly string[]): Promise<Result & { readonly map: Npy; readonly file: string }> {
  const [file, numbers] = [join(directory, `${name}.png`), join(directory, `${name}.npy`)];
  const scales = options.includes('--scales') ? [] : ['--scales', '1'];
  const given = [...scales, ...options];
  const { code, stdout, stderr } = await program.run(['heatmap', lenet, canvas, '-o', file, '--map', numbers, '--json', ...given]);
  expect([code, stderr]).toEqual([0, '']);
  return { ...JSON.parse(stdout), map: readNpy(numbers), file };
}

/** Scores of all classes at the cell whose middle is nearest to the middle of the digit. */
function scoresAt({ grid, map }: Pick<Result, 'grid'> & { readonly map: Npy }, { top, left, size }: PlacedDigit): number[] {
  const cell = ({ start, step }: Axis, place: number): number => Math.round((place - start) / step);
  const [row, column] = [cell(grid.rows, top + size / 2), cell(grid.columns, left + size / 2)];
  const [classes = 0, rows = 0, columns = 0] = map.shape;
  return Array.from({ length: classes }, (_, k) => map.data[(k * rows + row) * columns + column] ?? Number.NaN);
}
const bestOf = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

describe('digits of two sizes on a canvas with noise', () => {
  const labels = (size: number): number[] => digits.filter((digit) => digit.size === size).map(({ label }) => label);

  test.each([
    [28, '1'],
    [56, '0.5'],
  ])('each of %i pixels is the best class of its place at scale %s', async (size, scale) => {
    const result = await heatmap(`scale-${scale}`, '--scales', scale);
    const step = 4 / Number(scale);
    expect(result.grid).toEqual({
      rows: { start: 14 / Number(scale), step, count: Math.floor((352 * Number(scale) - 28) / 4) + 1 },
      columns: { start: 14 / Number(scale), step, count: Math.floor((480 * Number(scale) - 28) / 4) + 1 },
    });
    expect(result.map.shape).toEqual([10, result.grid.rows.count, result.grid.columns.count]);
    const found = digits.filter((digit) => digit.size === size).map((digit) => bestOf(scoresAt(result, digit)));
    expect(found).toEqual(labels(size));
  });

  test('both scales at once: every digit of either size is the best class of its place, with more than one half', async () => {
    const result = await heatmap('both', '--scales', '0.5,1', '--combine', 'max', '--softmax');
    const places = digits.map((digit) => scoresAt(result, digit));
    expect(places.map(bestOf)).toEqual(digits.map(({ label }) => label));
    expect(Math.min(...digits.map(({ label }, at) => places[at]?.[label] ?? 0))).toBeGreaterThan(0.5);
  });
});

describe('what it writes', () => {
  test('the numbers of the chosen classes, in their order; tiles and mirror images leave them what they are', async () => {
    const whole = await heatmap('whole', '--tile', 'none');
    const [classes = 0, rows = 0, columns = 0] = whole.map.shape;
    expect([classes, rows, columns]).toEqual([10, 82, 114]);
    const few = await heatmap('few', '--class', '7', '--class', '3', '--tile', '100');
    expect(few.views[0]?.tiles).toBeGreaterThan(12);
    expect(few.map.shape).toEqual([2, rows, columns]);
    const area = rows * columns;
    for (const [at, k] of [7, 3].entries()) {
      const [own, all] = [few.map.data.subarray(at * area, (at + 1) * area), whole.map.data.subarray(k * area, (k + 1) * area)];
      expect(own.reduce((most, value, cell) => Math.max(most, Math.abs(value - (all[cell] ?? 0))), 0)).toBeLessThan(1e-5);
    }
    expect(few.shown.map((shown) => shown.class)).toEqual([7, 3]);
    expect(few.shown[0]?.peak.score).toBeCloseTo(Math.max(...few.map.data.subarray(0, area)), 5);
    // A canvas of 480 pixels and windows of 28 at every fourth: the mirror image has its cells at the same places.
    const both = await heatmap('flip', '--flip', '--class', '7', '--combine', 'max');
    expect(both.grid).toEqual(whole.grid);
    const higher = both.map.data.filter((value, cell) => value < (few.map.data[cell] ?? 0) - 1e-5);
    expect(higher).toHaveLength(0);
  });

  test('a picture: the photograph under colors, hot where the class is, a legend below', async () => {
    const result = await heatmap('drawn', '--class', '6', '--softmax', '--size', '960');
    const { data, info } = await sharp(result.file).raw().toBuffer({ resolveWithObject: true });
    expect([info.channels, info.width > 960, info.height > 704]).toEqual([3, true, true]);
    const zoom = 2;
    const gap = Math.round((info.width - 960) / 2);
    const at = (x: number, y: number): readonly number[] => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
    // The photograph begins where rows are no paper any more, for as long as no letter is high.
    const isPaper = (y: number): boolean => at(gap + 400, y).every((byte) => byte > 250);
    const top = [...Array(100).keys()].find((y) => !Array.from({ length: 50 }, (_, more) => y + more).some(isPaper)) ?? 0;
    expect(top).toBeGreaterThan(20);
    const { window } = result.shown[0]?.peak ?? { window: { top: 0, left: 0, height: 0, width: 0 } };
    // Beside the cross in the middle of the window, within the loop of the six: red above blue; where there are no digits: blue above red.
    const [x, y] = [window.left + window.width / 2 + 5, window.top + window.height / 2 - 4];
    const [red = 0, , blue = 0] = at(Math.round(gap + x * zoom), Math.round(top + y * zoom));
    expect(red).toBeGreaterThan(blue + 40);
    // Where nothing speaks for the class, nothing is coloured.
    const [coldRed = 0, coldGreen = 0, coldBlue = 0] = at(gap + 200 * zoom, top + 150 * zoom);
    expect(Math.max(coldRed, coldGreen, coldBlue) - Math.min(coldRed, coldGreen, coldBlue)).toBeLessThan(30);
    expect(at(2, info.height - 2)).toEqual([255, 255, 255]);
  });

  test('JPEG and WebP by the name; by default a PNG beside the picture; a converted model as well as the original', async () => {
    const own = program.directory();
    copyFileSync(canvas, join(own, 'own.png'));
    await program.run(['convert', lenet, '-o', join(own, 'map.onnx'), '--no-verify']);
    for (const [options, name, format] of [
      [[], 'own-heatmap.png', 'png'],
      [['-o', join(own, 'a.jpg')], 'a.jpg', 'jpeg'],
      [['-o', join(own, 'a.webp')], 'a.webp', 'webp'],
    ] as const) {
      const { code, stdout } = await program.run(['heatmap', join(own, 'map.onnx'), join(own, 'own.png'), '--scales', '1', ...options]);
      expect([code, (await sharp(join(own, name)).metadata()).format]).toEqual([0, format]);
      expect(stdout).toContain('82x114 cells: cell (i, j) is at row 14 + 4 i, column 14 + 4 j, the middle of its window');
      expect(stdout).not.toContain('converted');
    }
    expect(readdirSync(own).sort()).toEqual(['a.jpg', 'a.webp', 'map.onnx', 'own-heatmap.png', 'own.png']);
  });

  test('a finer map by --stride', async () => {
    const result = await heatmap('fine', '--stride', '2');
    expect(result.grid.rows).toEqual({ start: 14, step: 2, count: 163 });
    const found = digits.filter(({ size }) => size === 28).map((digit) => bestOf(scoresAt(result, digit)));
    expect(found).toEqual(digits.filter(({ size }) => size === 28).map(({ label }) => label));
  });

  test('a picture that is smaller than the window, with --pad', async () => {
    const small = join(directory, 'small.png');
    await writePicture({ width: 20, height: 40, channels: 1, data: new Uint8Array(800).fill(90) }, small);
    const output = join(directory, 'small-heat.png');
    const refused = await program.run(['heatmap', lenet, small, '-o', output, '--scales', '1']);
    expect([refused.code, existsSync(output)]).toEqual([2, false]);
    expect(refused.stderr).toContain(
      'error[PICTURE_TOO_SMALL]: the picture of 20x40 pixels is smaller than the window of the network, 28x28',
    );
    expect(refused.stderr).toContain(
      'the smallest picture is 28 wide and 28 high; enlarge it with --scales 1.4 or more, or pad it with --pad',
    );
    const padded = await program.run(['heatmap', lenet, small, '-o', output, '--pad', '--scales', '1']);
    expect([padded.code, existsSync(output)]).toEqual([0, true]);
    expect((await program.run(['heatmap', lenet, small, '-o', output, '--scales', '1.4', '-f'])).code).toBe(0);
  });
});

describe('what it refuses, with nothing written', () => {
  const text = (): string => {
    writeFileSync(join(directory, 'text.jpg'), 'no picture');
    return join(directory, 'text.jpg');
  };
  const truncated = (): string => {
    const path = join(directory, 'cut.png');
    writeFileSync(path, readFileSync(canvas).subarray(0, 20_000));
    return path;
  };
  const cases: readonly (readonly [string, string, () => readonly string[]])[] = [
    ['text', 'NOT_A_PICTURE', () => [lenet, text()]],
    ['a truncated picture', 'PICTURE_DAMAGED', () => [lenet, truncated()]],
    ['a folder', 'PICTURE_IS_FOLDER', () => [lenet, directory]],
    ['a picture that is not there', 'CANNOT_READ', () => [lenet, join(directory, 'nowhere.png')]],
    ['a picture for a model', 'NOT_ONNX|MALFORMED_MODEL', () => [canvas, canvas]],
    ['a class of another number', 'UNKNOWN_CLASS', () => [lenet, canvas, '--class', '10']],
    ['a class without names', 'UNKNOWN_CLASS', () => [lenet, canvas, '--class', 'seven']],
    ['names of other classes', 'LABELS_DO_NOT_FIT', () => [lenet, canvas, '--labels', 'imagenet']],
    ['a stride that is not a divisor', 'STRIDE_NOT_DIVISOR', () => [lenet, canvas, '--stride', '3']],
    ['tiles below the window', 'TILE_TOO_SMALL', () => [lenet, canvas, '--tile', '20']],
    ['an output that is there', 'OUTPUT_EXISTS', () => [lenet, canvas, '-o', canvas.replace('canvas', 'there')]],
    ['an output of another kind', 'BAD_OPTION', () => [lenet, canvas, '-o', join(directory, 'x.bmp')]],
    ['the picture as output', 'OUTPUT_IS_INPUT', () => [lenet, canvas, '-o', canvas, '-f']],
    ['numbers of another kind', 'BAD_OPTION', () => [lenet, canvas, '--map', join(directory, 'x.csv')]],
    ['scales that are none', 'BAD_OPTION', () => [lenet, canvas, '--scales', '1,big']],
  ];
  test.each(cases)('%s: %s', async (_, code, args) => {
    copyFileSync(canvas, join(directory, 'there.png'));
    const output = join(directory, 'refused.png');
    const given = args();
    let [stdout, stderr] = ['', ''];
    const exit = await main(['heatmap', ...given, ...(given.includes('-o') ? [] : ['-o', output])], {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env: {},
    });
    expect([exit, stdout, existsSync(output)]).toEqual([2, '', false]);
    expect(stderr).toMatch(new RegExp(`^error\\[(${code})\\]: `));
    expect(stderr).toMatch(/hint: /);
  });
});
