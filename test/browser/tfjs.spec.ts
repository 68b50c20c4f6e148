/** Emitted TensorFlow.js models in a real browser, loaded from a server as a page of a user loads them: the numbers of ONNX Runtime, on WebAssembly and on WebGL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { closeModel, readModelFile } from '../../src/files';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import type { Model } from '../../src/ir/model';
import { modelToBytes } from '../../src/onnx/write';
import { compare } from '../../src/verify/compare';
import { makeInput } from '../../src/verify/inputs';
import type { Numbers } from '../../src/verify/onnx-runner';
import { openSession } from '../../src/verify/runtime/node';
import { parseGraph } from '../support/expect-pass';
import { type Browser, browserPath, openBrowser } from './browser';
import type { PageInput, PageResult } from './page';

/** Depthwise and grouped convolutions, norms, a pool with pads, squeeze-and-excitation, a pooled head. */
const POOLED = `<ir_version: 9, opset_import: ["" : 18]> g (float[N, 3, 33, 35] image) => (float[N, 7] scores)
  <float[16, 3, 3, 3] K1, float[16] s, float[16] b, float[16] m, float[16] var, float[16, 1, 3, 3] K2, float[16, 4, 1, 1] K3, float[16, 16, 1, 1] S,
   float[7, 16] W, float[7] B, float zero = {0}, float six = {6}> {
    a = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (image, K1) n = BatchNormalization (a, s, b, m, var) r = Clip (n, zero, six)
    d = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 16> (r, K2) e = HardSwish (d)
    p = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (e)
    g4 = Conv <kernel_shape = [1, 1], group = 4> (p, K3)
    q = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [1, 1]> (g4) u = Add (q, p)
    x = GlobalAveragePool (u) y = Conv <kernel_shape = [1, 1]> (x, S) z = Sigmoid (y) v = Mul (u, z)
    w = GlobalAveragePool (v) f = Flatten (w) scores = Gemm <transB = 1> (f, W, B) }`;

/** Channels last, as the page feeds and gets them. */
const channelsLast = ({ shape, data }: Numbers): { shape: number[]; data: number[] } => {
  const [batch = 1, channels = 1, rows = 1, columns = 1] = shape;
  const at = (index: number): number => {
    const [channel, place] = [index % channels, Math.floor(index / channels)];
    const [n, cell] = [Math.floor(place / (rows * columns)), place % (rows * columns)];
    return data[(n * channels + channel) * rows * columns + cell] ?? Number.NaN;
  };
  return { shape: [batch, rows, columns, channels], data: Array.from({ length: data.length }, (_, index) => at(index)) };
};

const withBrowser = browserPath === undefined ? describe.skip : describe;
if (browserPath === undefined) test.skip('no Chromium was found: install it (Debian: chromium) or name it in CHROMIUM', () => {});

withBrowser('in a browser', () => {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-web-'));
  const lenet = readModelFile(join(__dirname, '../../fixtures/models/lenet5.onnx'));
  const models: Record<string, Model> = { lenet: compile(lenet).model, pooled: compile(parseGraph(POOLED)).model };
  let browser: Browser;

  beforeAll(async () => {
    for (const [name, model] of Object.entries(models)) writeTfjsModel(model, join(directory, name), { shardSize: 20_000 });
    browser = await openBrowser({ models: directory });
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    closeModel(lenet);
    rmSync(directory, { recursive: true });
  });

  test.each([
    ['lenet', 'wasm', [1, 1, 28, 28], 1e-5],
    ['lenet', 'wasm', [2, 1, 41, 36], 1e-5],
    ['lenet', 'webgl', [1, 1, 41, 36], 1e-4],
    ['pooled', 'wasm', [1, 3, 33, 35], 1e-5],
    ['pooled', 'wasm', [2, 3, 64, 51], 1e-5],
    ['pooled', 'webgl', [1, 3, 64, 51], 1e-4],
  ])(
    '%s on %s at %j',
    async (name, backend, shape, allowed) => {
      const model = models[name];
      const [input, output] = [model?.graph.inputs[0]?.name ?? '', model?.graph.outputs[0]?.name ?? ''];
      const image = makeInput('normal', 5, 'float', shape);
      const session = await openSession(model ? modelToBytes(model) : '', name);
      const expected = (await session.run(new Map([[input, image]]))).get(output);
      await session.release();
      const inputs: PageInput[] = [{ name: input, ...channelsLast(image) }];
      const url = `${browser.origin}/models/${name}/model.json`;
      const call = `run(${JSON.stringify(backend)}, ${JSON.stringify(url)}, ${JSON.stringify(inputs)})`;
      const found: PageResult | string = await browser.page.evaluate(call);
      if (typeof found === 'string') {
        // WebGL needs a graphics card, or Chromium's own software for it; WebAssembly is always there.
        expect([backend, found]).toEqual(['webgl', 'the backend webgl does not start']);
        console.log(`not compared: ${found} in this browser`);
        return;
      }
      if (!expected) throw new Error(`no output ${output}`);
      const wanted = channelsLast(expected);
      expect(found.backend).toBe(backend);
      expect(found.outputs[output]?.shape).toEqual(wanted.shape);
      const { maxRel, broken } = compare(wanted.data, found.outputs[output]?.data ?? []);
      expect([broken, maxRel < allowed, maxRel]).toEqual([0, true, maxRel]);
      expect(found.leaked).toBe(0);
      expect(browser.errors).toEqual([]);
    },
    60_000,
  );

  test('what the conversion knows arrives in the page', async () => {
    const found: PageResult | string = await browser.page.evaluate(
      `run('wasm', '${browser.origin}/models/lenet/model.json', ${JSON.stringify([{ name: lenet.graph.inputs[0]?.name, ...channelsLast(makeInput('normal', 1, 'float', [1, 1, 28, 28])) }])})`,
    );
    expect(typeof found === 'string' ? found : found.metadata).toMatchObject({
      convolutionize: { head: 'window', window: { [lenet.graph.inputs[0]?.name ?? '']: [28, 28] } },
    });
  }, 60_000);
});
