/** Where a TensorFlow.js model parts from its original: whatever node of the files is tampered with, that node is named. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import { modelToBytes } from '../../src/onnx/write';
import { makeBench } from '../../src/verify/bench';
import { compareTensors } from '../../src/verify/compare';
import { verifyFiles } from '../../src/verify/files/verify';
import { makeInput } from '../../src/verify/inputs';
import { probe } from '../../src/verify/locate/probe';
import { formatVerifyReport, type VerifyReport } from '../../src/verify/report';
import { openSession } from '../../src/verify/runtime/node';
import { tfjsSide } from '../../src/verify/tfjs/inside';
import { openTfjsSession } from '../../src/verify/tfjs/runner';
import { parseGraph } from '../support/expect-pass';
import { convolution, convolutions, type Files, filterOf, type NodeJson, tampered, texts } from './tamper';

// A busy machine takes its time.
jest.setTimeout(120_000);

/** Every kind of convolution (plain, grouped, depthwise, strided), norms that fold, a residual sum, sizes that are equal to numbers of channels. */
const network = parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 16, 16] X) => (float[1, 6] Y)
  <float[16, 3, 3, 3] K0, float[16] S0, float[16] B0, float[16] M0, float[16] var0,
   float[16, 1, 3, 3] K1, float[16] b1, float[8, 16, 1, 1] K2, float[8, 2, 3, 3] K3, float[8] b3,
   float[8, 8, 3, 3] K4, float[7, 8] W1, float[7] d1, float[6, 7] W2> {
    c0 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, K0)
    n0 = BatchNormalization (c0, S0, B0, M0, var0)
    r0 = Relu (n0)
    c1 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2], group = 16> (r0, K1, b1)
    c2 = Conv <kernel_shape = [1, 1]> (c1, K2)
    r2 = Relu (c2)
    c3 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 4> (r2, K3, b3)
    s3 = Sigmoid (c3)
    a3 = Add (s3, r2)
    c4 = Conv <kernel_shape = [3, 3], strides = [2, 2]> (a3, K4)
    r4 = Relu (c4)
    gp = GlobalAveragePool (r4)
    fl = Flatten (gp)
    g1 = Gemm <transB = 1> (fl, W1, d1)
    rg = Relu (g1)
    Y = Gemm <transB = 1> (rg, W2)
  }`);

const directory = mkdtempSync(join(tmpdir(), 'convolutionize-locate-'));
const compiled = compile(network);
let warm: Awaited<ReturnType<typeof openTfjsSession>>;
beforeAll(async () => {
  for (const [name, fuse] of [
    ['fused', true],
    ['plain', false],
  ] as const) {
    writeTfjsModel(compiled.model, join(directory, name), { fuse });
    // As another program would have made it: it says nothing about itself.
    writeTfjsModel(compile(network, { head: 'original' }).model, join(directory, `${name}-origin`), { fuse });
    tampered(join(directory, `${name}-origin`), join(directory, `${name}-foreign`), ({ json }) => {
      delete json.userDefinedMetadata;
    });
  }
  warm = await openTfjsSession(join(directory, 'fused'));
});
afterAll(async () => {
  await warm.release();
  rmSync(directory, { recursive: true });
});

let count = 0;
const judged = (whole: string, fault: (files: Files) => void): Promise<VerifyReport> =>
  verifyFiles(network, tampered(join(directory, whole), join(directory, `copy${count++}`), fault), { samples: 7 });

/** One filter off by 0.1 %: what is said, and the node that reads it. */
async function withFilterOff(whole: string, at: number): Promise<{ readonly report: VerifyReport; readonly node: NodeJson | undefined }> {
  let node: NodeJson | undefined;
  const report = await judged(whole, (files) => {
    node = convolution(files, at);
    const numbers = filterOf(files, at);
    numbers.set(numbers.map((number) => number * 1.001));
  });
  return { report, node };
}

describe.each(['fused', 'plain'])('a model whose nodes are %s', (whole) => {
  test('every tensor that is matched holds the numbers of its value', async () => {
    const side = tfjsSide(join(directory, whole), 'wasm');
    const pairs = [...side.counterparts(network.graph)];
    // Within a fused node there is nothing to look at.
    expect(pairs.length).toBeGreaterThan(whole === 'fused' ? 8 : 12);
    const bench = makeBench({ options: {}, epsilon: 2 ** -23, files: [], open: openSession, place: (part) => modelToBytes(part) });
    const feeds = new Map([['X', makeInput('normal', 1, 'float', [1, 3, 16, 16])]]);
    const [to, from] = [pairs.map(([value]) => value), pairs.map(([, value]) => value)];
    const [actual, expected] = [await side.probe(to, feeds), await probe(bench, network, from, feeds, 'original')];
    for (const [value, source] of pairs) {
      const [wanted, found] = [expected.get(source.name), actual.get(value.name)];
      if (!wanted) throw new Error('not run');
      // The heads are convolutions: one cell.
      expect([source.name, found?.shape.slice(0, wanted.shape.length)]).toEqual([source.name, wanted.shape]);
      expect([source.name, compareTensors(wanted, found).maxRel < 1e-5]).toEqual([source.name, true]);
    }
  });

  test.each([0, 1, 2, 3, 4, 5, 6])('the filter of convolution %i changed by 0.1 %%', async (at) => {
    const { report, node } = await withFilterOff(whole, at);
    expect(report.verdict).toBe('different');
    // What it is added to is the next that there is to look at.
    const named = [report.departure?.node, ...(report.departure?.others ?? []).map((other) => other.node)];
    expect(named).toContain(node?.name);
    expect(named.length).toBeLessThan(3);
    expect(report.departure?.origin.length).toBeGreaterThan(0);
  });

  test('a pad moved, a stride on the wrong axis, an input of a sum exchanged', async () => {
    const padded = await judged(whole, (files) => {
      const pads = convolution(files, 0).attr.explicit_paddings;
      pads?.list?.i?.splice(2, 4, '2', '0', '1', '1');
    });
    expect(padded.departure).toMatchObject({ inputs: [] });
    expect(padded.departure?.origin).toContain('c0');
    const strided = await judged(whole, (files) => {
      Object.assign(convolution(files, 1).attr, { strides: { list: { i: ['1', '2', '1', '1'] } } });
    });
    expect(strided.departure?.origin).toContain('c1');
    const wrong = await judged(whole, ({ json }) => {
      const sum = json.modelTopology.node.find(({ op }) => op === 'AddV2');
      sum?.input?.splice(1, 1, sum.input[0] ?? '');
    });
    expect(wrong.departure).toMatchObject({ op: 'AddV2', original: 'a3' });
  });

  test('NaN is followed to where it is born, past other differences', async () => {
    const report = await judged(whole, (files) => {
      const numbers = filterOf(files, 0);
      numbers.set(numbers.map((number) => number * 1.01));
      filterOf(files, 5).fill(3e38);
    });
    expect(report.departure?.notFinite).toBe(true);
    expect(report.departure?.origin).toContain('g1');
    expect(formatVerifyReport(report)).toContain('are NaN, infinite or missing on one side');
  });
});

test('an activation that a fused node has lost', async () => {
  const report = await judged('fused', (files) => Object.assign(convolution(files, 2).attr, { fused_ops: texts('BiasAdd') }));
  expect(report.departure).toMatchObject({ op: '_FusedConv2D', original: 'r2', origin: expect.arrayContaining(['c2', 'r2']) });
  expect(formatVerifyReport(report)).toContain("parts at           _FusedConv2D 'c2', which stands for 'r2'");
});

test('what shows on larger images only', async () => {
  const report = await judged('fused', ({ json }) => {
    // At the original size SAME begins where this convolution does not; two pixels more, and it does.
    const node = convolutions(json).at(-1);
    expect(node?.op).toContain('Conv2D');
    const pool = json.modelTopology.node.find(({ op }) => op === 'AvgPool');
    Object.assign(pool?.attr ?? {}, { strides: { list: { i: ['1', '2', '1', '1'] } } });
  });
  expect(report.verdict).toBe('different');
  expect(report.departureNote).toContain('behind the last map');
});

describe.each(['fused-foreign', 'plain-foreign'])('%s: a model that says nothing about itself', (whole) => {
  test.each([0, 2, 4])('convolution %i is found by the names of the nodes', async (at) => {
    const { report, node } = await withFilterOff(whole, at);
    expect(report.verdict).toBe('different');
    expect([report.departure?.node, ...(report.departure?.others ?? []).map((other) => other.node)]).toContain(node?.name);
  });

  test('nothing is found where no name is known, and it is said', async () => {
    const report = await judged(whole, (files) => {
      const numbers = filterOf(files, 0);
      numbers.set(numbers.map((number) => number * 1.01));
      const names = new Map(files.json.modelTopology.node.map(({ name }, index) => [name, `node_${index}`]));
      const renamed = (name: string): string => names.get(name.replace(/:.*/, '')) ?? name;
      for (const each of files.json.modelTopology.node) {
        if (each.input) each.input = each.input.map(renamed);
        each.name = renamed(each.name);
      }
      for (const { weights } of files.json.weightsManifest)
        for (const weight of weights) Object.assign(weight, { name: renamed(weight.name) });
      const { signature } = files.json as unknown as { signature: Record<string, Record<string, { name: string }>> };
      for (const ports of Object.values(signature)) for (const port of Object.values(ports)) port.name = renamed(port.name);
    });
    expect([report.verdict, report.departure]).toEqual(['different', undefined]);
    expect(report.departureNote).toContain('neither by name nor by origin');
  });
});
