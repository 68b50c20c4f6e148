/** The judge of TensorFlow.js models is judged: a fault in the files, however small, must be found; the files as they were written, equal. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { closeModel, readModelFile } from '../../src/files';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import { verifyFiles } from '../../src/verify/files/verify';
import type { VerifyReport } from '../../src/verify/report';
import { openTfjsSession } from '../../src/verify/tfjs/runner';
import { expectEqual } from '../support/checks';
import { convolution, type Files, tampered, text, texts, type Weight } from './tamper';

const path = join(__dirname, '../../fixtures/models/lenet5.onnx');
const source = readModelFile(path);
const compiled = compile(source);
const directory = mkdtempSync(join(tmpdir(), 'convolutionize-sabotage-'));
const whole = join(directory, 'whole');
writeTfjsModel(compiled.model, whole);
let warm: Awaited<ReturnType<typeof openTfjsSession>>;
beforeAll(async () => {
  warm = await openTfjsSession(whole);
});
afterAll(async () => {
  await warm.release();
  closeModel(source);
  rmSync(directory, { recursive: true });
});

let count = 0;
const reportAfter = (fault: (files: Files) => void): Promise<VerifyReport> =>
  verifyFiles(path, tampered(whole, join(directory, `copy${count++}`), fault), { compiled });

const filterOf = ({ filters }: Files, index: number): Weight => {
  const filter = filters[index];
  if (!filter) throw new Error('no such filter');
  return filter;
};

describe('sabotage of the files', () => {
  test('without a fault the verdict is equal, every check was made, and the tolerance is a few units in the last place', async () => {
    const report = await reportAfter(() => {});
    const { tolerance, runtime } = report;
    expectEqual(report, 'original size', 'crops of the image');
    expect(tolerance.relative).toBeLessThan(2e-5);
    expect(tolerance.noise.order).toBeGreaterThan(0);
    expect(runtime).toContain('TensorFlow.js on WebAssembly');
  }, 60_000);

  test.each<[string, (files: Files) => void]>([
    [
      'two filters swapped',
      (files) => {
        const { name, shape } = filterOf(files, 2);
        const [numbers, outputs] = [files.numbers(name), shape[3] ?? 1];
        for (let at = 0; at < numbers.length; at += outputs) [numbers[at], numbers[at + 1]] = [numbers[at + 1] ?? 0, numbers[at] ?? 0];
      },
    ],
    [
      'a kernel transposed',
      (files) => {
        const { name, shape } = filterOf(files, 1);
        const [rows = 1, columns = 1, inputs = 1, outputs = 1] = shape;
        const [numbers, block] = [files.numbers(name), inputs * outputs];
        const before = numbers.slice();
        for (let y = 0; y < rows; y++)
          for (let x = 0; x < columns; x++)
            numbers.set(before.subarray((x * columns + y) * block, (x * columns + y + 1) * block), (y * columns + x) * block);
      },
    ],
    [
      'channels in another order',
      (files) => {
        const { name, shape } = filterOf(files, 2);
        const [rows = 1, columns = 1, inputs = 1, outputs = 1] = shape;
        const numbers = files.numbers(name);
        const before = numbers.slice();
        for (let place = 0; place < rows * columns; place++)
          for (let input = 0; input < inputs; input++) {
            const from = (place * inputs + ((input + 1) % inputs)) * outputs;
            numbers.set(before.subarray(from, from + outputs), (place * inputs + input) * outputs);
          }
      },
    ],
    [
      'a pad off by one',
      (files) =>
        Object.assign(convolution(files, 1).attr, {
          padding: text('EXPLICIT'),
          explicit_paddings: { list: { i: ['0', '0', '1', '0', '0', '0', '0', '0'] } },
        }),
    ],
    [
      'a stride of the pool along the wrong axis',
      ({ json }) => {
        const pool = json.modelTopology.node.filter(({ op }) => op === 'MaxPool')[1];
        Object.assign(pool?.attr ?? {}, { strides: { list: { i: ['1', '2', '1', '1'] } } });
      },
    ],
    [
      'rows and columns of the input exchanged',
      ({ json }) => {
        const { inputs } = (json as unknown as { userDefinedMetadata: { convolutionize: { inputs: Record<string, { perm: number[] }> } } })
          .userDefinedMetadata.convolutionize;
        for (const port of Object.values(inputs)) port.perm = [0, 3, 2, 1];
      },
    ],
    ['a bias dropped', (files) => files.numbers(convolution(files, 3).input?.[2] ?? '').fill(0)],
    ['an activation dropped', (files) => Object.assign(convolution(files, 2).attr, { fused_ops: texts('BiasAdd') })],
  ])(
    '%s is found',
    async (_, fault) => {
      expect((await reportAfter(fault)).verdict).toBe('different');
    },
    60_000,
  );

  test.each([0, 1, 2, 3, 4])(
    'one weight of layer %i changed by 1 %% is found',
    async (layer) => {
      const { verdict } = await reportAfter((files) => {
        const numbers = files.numbers(filterOf(files, layer).name);
        const largest = numbers.reduce((best, number, at) => (Math.abs(number) > Math.abs(numbers[best] ?? 0) ? at : best), 0);
        numbers[largest] = (numbers[largest] ?? 0) * 1.01;
      });
      expect(verdict).toBe('different');
    },
    60_000,
  );
});

test('verify needs no conversion: the files say what is to hold', async () => {
  const report = await verifyFiles(path, whole);
  expectEqual(report, 'original size', 'crops of the image');
  expect(report.contract?.kind).toBe('everywhere');
}, 60_000);

describe('a model of another program, which says nothing about itself', () => {
  const foreign = join(directory, 'foreign');
  beforeAll(() => {
    // Named and laid out as that program likes: channels last, an input of its own name.
    writeTfjsModel(compile(source, { head: 'original' }).model, foreign);
    const file = join(foreign, 'model.json');
    const json = JSON.parse(readFileSync(file, 'utf8'));
    delete json.userDefinedMetadata;
    writeFileSync(file, JSON.stringify(json));
  });

  test('is compared by its signature', async () => {
    const { verdict, checks, match, runtime } = await verifyFiles(path, foreign);
    expect([verdict, checks.map(({ status }) => status)]).toEqual(['equal', ['equal']]);
    expect(match?.outputs).toHaveLength(1);
    expect(runtime).toContain('TensorFlow.js');
  }, 60_000);

  test('and found different where it is', async () => {
    const [shard = ''] = readdirSync(foreign).filter((name) => name.endsWith('.bin'));
    const bytes = readFileSync(join(foreign, shard));
    bytes.writeFloatLE(bytes.readFloatLE(400) + 0.05, 400);
    writeFileSync(join(foreign, shard), bytes);
    expect((await verifyFiles(path, foreign)).verdict).toBe('different');
  }, 60_000);
});
