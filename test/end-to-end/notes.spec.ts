/** A network trained on recordings of a piano, converted, finds every key that is struck in a recording that it never heard. */
import { join } from 'node:path';
import { MELODY_RATE, melody, noteNames, struckKeys } from '../../fixtures/notes';
import { compile } from '../../src/compile';
import { readModelFile } from '../../src/files';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import { runModel } from '../support/run';

const WINDOW = 1024;
const STRIDE = 64;
const original = readModelFile(join(__dirname, '../../fixtures/models/notes.onnx'));
const { model, report } = compile(original);
const sound = melody();
const names = noteNames();

async function run(network: Model, samples: Float32Array): Promise<{ readonly shape: readonly unknown[]; readonly scores: Float64Array }> {
  const image = fromNumbers('float', [1, 1, samples.length], samples);
  const [scores] = [...(await runModel(network, new Map([['sound', image]]))).values()];
  if (!scores) throw new Error('no scores');
  return { shape: scores.shape, scores: Float64Array.from(readNumbers(scores)) };
}
const best = (scores: ArrayLike<number>): number =>
  Array.from(scores).reduce((top, score, at) => (score > (scores[top] ?? 0) ? at : top), 0);

test('one run over the recording finds each key, when it was struck and when it was let go', async () => {
  const { shape, scores } = await run(model, sound);
  const cells = Math.floor((sound.length - WINDOW) / STRIDE) + 1;
  expect(shape).toEqual([1, 9, cells]);
  const classes = Array.from({ length: cells }, (_, cell) => best(names.map((_, row) => scores[row * cells + cell] ?? 0)));
  // Events: the same key for at least a fifth of a second.
  const found: { key: string; from: number; to: number }[] = [];
  const time = (cell: number): number => (cell * STRIDE + WINDOW / 2) / MELODY_RATE;
  for (let cell = 0, first = 0; cell <= cells; cell++) {
    if (cell < cells && classes[cell] === classes[first]) continue;
    const key = names[classes[first] ?? 0] ?? '';
    if (key !== 'silence' && time(cell) - time(first) > 0.2) found.push({ key, from: time(first), to: time(cell) });
    first = cell;
  }
  const struck = struckKeys();
  expect(struck).toHaveLength(16);
  expect(found.map(({ key }) => key)).toEqual(struck.map(({ key }) => key));
  for (const [at, { from, to }] of struck.entries()) {
    expect(Math.abs((found[at]?.from ?? 0) - from)).toBeLessThan(0.15);
    expect(Math.abs((found[at]?.to ?? 0) - to)).toBeLessThan(0.25);
  }
});

test('each cell is the network on its crop', async () => {
  expect(report.contract.kind).toBe('everywhere');
  const { shape, scores } = await run(model, sound.subarray(20_000, 30_000));
  const cells = Number(shape[2]);
  for (const cell of [0, 1, 57, cells - 1]) {
    const crop = await run(original, sound.slice(20_000 + cell * STRIDE, 20_000 + cell * STRIDE + WINDOW));
    for (const row of names.keys()) expect(scores[row * cells + cell]).toBeCloseTo(crop.scores[row] ?? Number.NaN, 4);
  }
});
