/** A TensorFlow.js model on integers: bit for bit what the original gives in ONNX Runtime; what rounding would hide is found. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { type WriteTfjsOptions, writeTfjsModel } from '../../src/files/tfjs-files';
import type { Model } from '../../src/ir/model';
import { verifyFiles } from '../../src/verify/files/verify';
import { formatVerifyReport, type VerifyReport } from '../../src/verify/report';
import { openTfjsSession } from '../../src/verify/tfjs/runner';
import { parseGraph } from '../support/expect-pass';
import { convolution, type Files, filterOf, tampered } from './tamper';

// A busy machine takes its time.
jest.setTimeout(120_000);

/** Norms that fold, grouped and depthwise convolutions, a slope, averages that are to be rounded. `last`: what stands between the two linear layers. */
const network = (last = 'Relu (g1)'): Model =>
  parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 16, 18] X) => (float[1, 6] Y)
  <float[16, 3, 3, 3] K0, float[16] S0, float[16] B0, float[16] M0, float[16] var0,
   float[16, 1, 3, 3] K1, float[16] b1, float[8, 16, 1, 1] K2, float[8, 2, 3, 3] K3, float[8] b3,
   float[8, 8, 3, 3] K4, float[7, 8] W1, float[7] d1, float[6, 7] W2> {
    c0 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, K0)
    n0 = BatchNormalization (c0, S0, B0, M0, var0)
    r0 = Relu (n0)
    c1 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2], group = 16> (r0, K1, b1)
    l1 = LeakyRelu <alpha = 0.1> (c1)
    c2 = Conv <kernel_shape = [1, 1]> (l1, K2)
    r2 = Relu (c2)
    c3 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 4> (r2, K3, b3)
    p3 = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (c3)
    a3 = Add (p3, r2)
    c4 = Conv <kernel_shape = [3, 3]> (a3, K4)
    gp = GlobalAveragePool (c4)
    fl = Flatten (gp)
    g1 = Gemm <transB = 1> (fl, W1, d1)
    rg = ${last}
    Y = Gemm <transB = 1> (rg, W2)
  }`);

const directory = mkdtempSync(join(tmpdir(), 'convolutionize-tfjs-exact-'));
let count = 0;
const written = (model: Model, options: WriteTfjsOptions = {}): string => {
  const path = join(directory, `model${count++}`);
  writeTfjsModel(compile(model).model, path, options);
  return path;
};
const exactly = (original: Model, path: string): Promise<VerifyReport> => verifyFiles(original, path, { exact: true, samples: 4 });
const original = network();
const whole = written(original);
const spoilt = (fault: (files: Files) => void): Promise<VerifyReport> =>
  exactly(original, tampered(whole, join(directory, `copy${count++}`), fault));

let warm: Awaited<ReturnType<typeof openTfjsSession>>;
beforeAll(async () => {
  warm = await openTfjsSession(whole);
});
afterAll(async () => {
  await warm.release();
  rmSync(directory, { recursive: true });
});

test.each<[string, WriteTfjsOptions]>([
  ['fused', {}],
  ['not fused', { fuse: false }],
  ['with images as ONNX has them', { inputLayout: 'nchw' }],
])('%s: the whole network is equal in every bit', async (_, options) => {
  const { verdict, exact, runtime } = await exactly(original, written(original, options));
  expect([verdict, exact?.isWhole, exact?.stops, exact?.altered]).toEqual(['equal', true, [], []]);
  expect(exact?.alive).toBeGreaterThan(0.3);
  expect(exact?.reduced).toBeGreaterThan(3);
  expect(runtime).toContain('TensorFlow.js');
});

test.each([0, 1, 2, 3, 4])('two neighbouring numbers of filter %i changed for each other', async (at) => {
  let name: string | undefined;
  const report = await spoilt((files) => {
    name = convolution(files, at).name;
    const numbers = filterOf(files, at);
    // Of a grouped filter most are zeros.
    const first = numbers.findIndex((number, index) => number !== 0 && (numbers[index + 1] ?? 0) !== 0 && index > 0);
    [numbers[first], numbers[first + 1]] = [numbers[first + 1] ?? 0, numbers[first] ?? 0];
  });
  expect([report.verdict, report.exact?.altered]).toEqual(['different', []]);
  const departure = report.departure;
  expect([departure?.node, ...(departure?.inputs ?? []).map(({ value }) => value)]).toContain(name);
  expect(departure?.allowed).toBe(0);
});

test('a weight that is one unit in the last place off is named', async () => {
  let name = '';
  const report = await spoilt((files) => {
    name = convolution(files, 2).input?.[1] ?? '';
    const numbers = files.numbers(name);
    const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, 1);
    bits[0] = (bits[0] ?? 0) + 1;
  });
  expect([report.verdict, report.exact?.altered]).toEqual(['different', [name]]);
  expect(formatVerifyReport(report)).toContain(`weights with other numbers than this conversion gives: '${name}'`);
});

test('a pad moved, a sum of the wrong operands, another slope', async () => {
  const padded = await spoilt((files) => {
    convolution(files, 0).attr.explicit_paddings?.list?.i?.splice(2, 4, '2', '0', '1', '1');
  });
  expect(padded.departure?.origin).toContain('c0');
  const summed = await spoilt(({ json }) => {
    const sum = json.modelTopology.node.find(({ op }) => op === 'AddV2');
    sum?.input?.splice(0, 1, sum.input[1] ?? '');
  });
  expect([summed.verdict, summed.departure?.original]).toEqual(['different', 'a3']);
  const slope = await spoilt(({ json }) => {
    const leaky = json.modelTopology.node.find(({ op }) => op === 'LeakyRelu');
    Object.assign(leaky?.attr ?? {}, { alpha: { f: 0.25 } });
  });
  expect([slope.verdict, slope.departure?.origin]).toEqual(['different', expect.arrayContaining(['l1'])]);
});

test('a value that lies in parts, by channels, is read and kept small like any other', async () => {
  const model = parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 9, 9] X) => (float[1, 6, 7, 7] Y)
    <float[96, 3, 1, 1] K0, float[96] b0, float[48, 32, 3, 3] K1, float[6, 48, 1, 1] K2> {
      c0 = Conv (X, K0, b0)
      r0 = Relu (c0)
      c1 = Conv <group = 3> (r0, K1)
      r1 = Relu (c1)
      Y = Conv (r1, K2)
    }`);
  const path = join(directory, `model${count++}`);
  writeTfjsModel(compile(model, { head: 'original' }).model, path);
  const { verdict, exact } = await exactly(model, path);
  expect([verdict, exact?.isWhole, exact?.stops]).toEqual(['equal', true, []]);
  const copy = tampered(path, join(directory, `copy${count++}`), (files) => {
    // Of the second part of r0.
    const filter = filterOf(files, 1);
    [filter[5], filter[6]] = [filter[6] ?? 0, filter[5] ?? 0];
  });
  const report = await exactly(model, copy);
  expect(report.verdict).toBe('different');
  expect(formatVerifyReport(report)).toContain("'c0'");
});

test('where a node is not exact on integers it ends, and says at which', async () => {
  const model = network('Sigmoid (g1)');
  const { verdict, exact } = await exactly(model, written(model));
  expect([verdict, exact?.isWhole]).toEqual(['equal', false]);
  expect(exact?.stops.map(({ op }) => op)).toContain('Sigmoid');
});

test('weights that cannot be traced are refused, and why', async () => {
  const refused = async (path: string): Promise<string> => exactly(original, path).then(String, (error: Error) => error.message);
  expect(await refused(written(original, { quantisation: { float16: ['*'] } }))).toContain('are stored in fewer bits');
  const foreign = tampered(whole, join(directory, `copy${count++}`), ({ json }) => {
    delete json.userDefinedMetadata;
  });
  expect(await refused(foreign)).toContain('was made by another program');
});
