/** predict and heatmap of the library give what the commands give, and say what is wrong with what they are given. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { digitsCanvas } from '../../../fixtures/digits-canvas';
import { main } from '../../../src/cli/main';
import { heatmap, type PictureOptions, predict, type TfjsMetadata } from '../../../src/index';
import { cropPicture } from '../../../src/pictures/picture';
import { useProgram } from '../../support/cli';
import { readNpy } from '../../support/npy';

jest.setTimeout(120_000);

const lenet = join(__dirname, '../../../fixtures/models/lenet5.onnx');
const program = useProgram();
const { picture, digits } = digitsCanvas();
const NAMES = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
let directory = '';
let canvas = '';

beforeAll(async () => {
  directory = program.directory();
  canvas = join(directory, 'canvas.png');
  const { data, width, height } = picture;
  await sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .toFile(canvas);
});

async function run(...args: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const code = await main(args, { stdout: { write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) }, env: {} });
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

describe('predict', () => {
  test('gives what the command prints, with the scores of all classes', async () => {
    const labels = join(directory, 'labels.txt');
    writeFileSync(labels, NAMES.join('\r\n'));
    const told = await run('predict', lenet, canvas, '--resize', '28x28', '--labels', labels, '--softmax', '--top', '3', '--json');
    const found = await predict(lenet, canvas, { resize: { height: 28, width: 28 }, labels: NAMES, softmax: true, top: 3 });
    expect(found.best.map(({ index, name, score }) => ({ class: index, name, score }))).toEqual(told.predictions[0].best);
    expect([found.kind, found.fed, found.scores.length, found.cells]).toEqual(['probability', { height: 28, width: 28 }, 10, undefined]);
    expect([...found.scores].reduce((sum, score) => sum + score)).toBeCloseTo(1, 6);
    expect(found.runtime).toContain('ONNX Runtime');
  });

  test('takes pixels, and lists, of which each answer is that of the one', async () => {
    const small = digits.filter(({ size }) => size === 28).slice(0, 3);
    const crops = small.map(({ top, left }) => cropPicture(picture, { top, left, height: 28, width: 28 }));
    const all = await predict(lenet, crops, { top: 1 });
    expect(all.map(({ best: [first] }) => first?.index)).toEqual(small.map(({ label }) => label));
    const [first] = crops;
    if (first) expect((await predict(lenet, first, { top: 1 })).scores).toEqual(all[0]?.scores);
    expect(await predict(lenet, [])).toEqual([]);
  });

  test.each<[string, PictureOptions & { top?: number }, string]>([
    ['a mean for three channels', { mean: [1, 2, 3] }, 'BAD_OPTION'],
    ['a deviation of 0', { std: 0 }, 'BAD_OPTION'],
    ['no classes', { top: 0 }, 'BAD_OPTION'],
    ['memory of 0', { memory: 0 }, 'BAD_OPTION'],
    ['labels for other classes', { labels: ['a', 'b'] }, 'LABELS_DO_NOT_FIT'],
    ['an output that is not there', { output: 'nowhere' }, 'UNKNOWN_OUTPUT'],
  ])('%s is refused', async (_, options, code) => {
    await expect(predict(lenet, canvas, { ...options, resize: 28, crop: 28 })).rejects.toMatchObject({ code });
  });

  test('pixels that are none, and files that are none', async () => {
    await expect(predict(lenet, { ...picture, width: picture.width + 1 })).rejects.toMatchObject({ code: 'BAD_OPTION' });
    await expect(predict(lenet, lenet)).rejects.toMatchObject({ code: 'NOT_A_PICTURE' });
    await expect(predict(canvas, canvas)).rejects.toMatchObject({
      code: 'NOT_ONNX',
      message: expect.stringContaining('this is a picture'),
    });
  });
});

describe('heatmap', () => {
  test('gives what the command writes', async () => {
    const [file, numbers] = [join(directory, 'heat.png'), join(directory, 'heat.npy')];
    const told = await run('heatmap', lenet, canvas, '-o', file, '--map', numbers, '--class', '7', '--scales', '1,1.5', '--json');
    const found = await heatmap(lenet, canvas, { classes: [7], scales: [1, 1.5] });
    const [seven] = found.classes;
    expect(Buffer.from(Float32Array.from(readNpy(numbers).data).buffer).equals(Buffer.from(seven?.map.buffer ?? new ArrayBuffer(0)))).toBe(
      true,
    );
    expect(readNpy(numbers).shape).toEqual([1, found.rows.count, found.columns.count]);
    expect({ rows: found.rows, columns: found.columns }).toEqual(told.grid);
    expect([seven?.index, seven?.peak.score, seven?.peak.window]).toEqual([7, told.shown[0].peak.score, told.shown[0].peak.window]);
    expect([found.head, found.scales, found.kind]).toEqual(['window', [1, 1.5], 'score']);
    expect(found.contract).toBe('every cell equals the original on its crop, at every size');
    expect(seven?.peaks()[0]).toEqual(seven?.peak);
  });

  test('shows the class of the whole picture by default, and draws it', async () => {
    const found = await heatmap(lenet, picture, { labels: NAMES });
    expect(found.classes.map(({ index }) => index)).toEqual([found.whole?.index]);
    expect(found.classes[0]?.name).toBe(NAMES[found.whole?.index ?? -1]);
    const { format, width } = await sharp(await found.draw({ format: 'jpeg', size: 600 })).metadata();
    expect([format, width]).toEqual(['jpeg', expect.any(Number)]);
    const bare = await sharp(await found.draw({ bare: true })).metadata();
    expect([bare.format, bare.width, bare.height]).toEqual(['png', picture.width, picture.height]);
    await expect(found.draw({ alpha: 2 })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  test('gives all classes, or the best peaks', async () => {
    const all = await heatmap(lenet, picture, { classes: 'all', scales: [1] });
    expect(all.classes.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const best = await heatmap(lenet, picture, { top: 2, scales: [1] });
    const byPeak = [...all.classes].sort((a, b) => b.peak.score - a.peak.score).slice(0, 2);
    expect(best.classes.map(({ index }) => index)).toEqual(byPeak.map(({ index }) => index));
  });

  test.each([
    [{ top: 1, classes: [1] }, 'USAGE'],
    [{ scales: [] }, 'BAD_OPTION'],
    [{ scales: [100] }, 'BAD_OPTION'],
    [{ stride: 3 }, 'STRIDE_NOT_DIVISOR'],
    [{ classes: ['elephant'] }, 'UNKNOWN_CLASS'],
    [{ slide: true, head: 'cell' as const }, 'USAGE'],
  ])('%j is refused', async (options, code) => {
    await expect(heatmap(lenet, picture, options)).rejects.toMatchObject({ code });
  });
});

test('the type of the metadata is what is written', async () => {
  const output = join(directory, 'web_model');
  await run('convert', lenet, '-o', output, '--to', 'tfjs', '--no-verify', '--preset', 'unit', '--json');
  const { userDefinedMetadata }: { userDefinedMetadata: TfjsMetadata } = JSON.parse(readFileSync(join(output, 'model.json'), 'utf8'));
  const { preprocessing, window, stride, head, contract } = userDefinedMetadata.convolutionize;
  expect(preprocessing).toMatchObject({ range: 1, mean: [0], std: [1], order: 'rgb' });
  expect([window?.image, stride?.scores, head, contract]).toEqual([[28, 28], [4, 4], 'window', 'everywhere']);
});
