/** The runner of TF.js on a graph model written by hand, beside the same network in ONNX Runtime: what it takes, gives, and says when files are broken. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { CompileError } from '../../src/diagnostics/compile-error';
import { readNumbers } from '../../src/ir/tensor';
import { modelToBytes } from '../../src/onnx/write';
import { compare } from '../../src/verify/compare';
import { makeInput } from '../../src/verify/inputs';
import type { Numbers, Session } from '../../src/verify/onnx-runner';
import { openSession } from '../../src/verify/runtime/node';
import type { TfjsBackend } from '../../src/verify/tfjs/backend';
import { isAllocator, refuseNull } from '../../src/verify/tfjs/memory';
import { openTfjsSession, type TfjsOptions } from '../../src/verify/tfjs/runner';
import { parseGraph } from '../support/expect-pass';
import { list, text, type, writeHandMade } from './hand-made';

/** Padding that is not the same on two sides, a size of input that is not square, and a flattened map: layout mistakes would show. */
const model = parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[N, 24, 9, 7] X) => (float[N, 5, 4, 3] map, float[N, 5] Y)
  <float[5, 24, 3, 3] K, float[5] B, float[5, 60] W> {
    C = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 0, 0, 1]> (X, K, B)
    map = Relu (C)
    F = Flatten (map)
    Y = Gemm <transB = 1> (F, W) }`);
const numbersOf = (name: string): Float64Array => {
  const constant = model.graph.constants.find((candidate) => candidate.name === name);
  if (!constant) throw new Error(name);
  return readNumbers(constant.constant);
};
/** OIHW to HWIO. */
const kernel = Float32Array.from({ length: 3 * 3 * 24 * 5 }, (_, at) => {
  const [o, i, w, h] = [at % 5, Math.floor(at / 5) % 24, Math.floor(at / 120) % 3, Math.floor(at / 360)];
  return numbersOf('K')[((o * 24 + i) * 3 + h) * 3 + w] ?? 0;
});
/** Rows in the order of HWC. */
const fc = Float32Array.from({ length: 60 * 5 }, (_, at) => {
  const [place, row] = [at % 60, Math.floor(at / 60)];
  const [channel, cell] = [place % 5, Math.floor(place / 5)];
  return numbersOf('W')[row * 60 + channel * 12 + cell] ?? 0;
});
const directory = writeHandMade({
  inputs: { X: [-1, -1, -1, 24] },
  outputs: { map: 'relu', Y: 'scores' },
  weights: [
    { name: 'K', shape: [3, 3, 24, 5], data: kernel },
    { name: 'B', shape: [5], data: Float32Array.from(numbersOf('B')) },
    { name: 'flat', shape: [2], data: Int32Array.of(-1, 60) },
    { name: 'W', shape: [5, 60], data: fc },
  ],
  nodes: [
    {
      name: 'relu',
      op: '_FusedConv2D',
      input: ['X', 'K', 'B'],
      attr: {
        T: type(),
        num_args: { i: '1' },
        fused_ops: { list: { s: [Buffer.from('BiasAdd').toString('base64'), Buffer.from('Relu').toString('base64')] } },
        epsilon: { f: 0 },
        strides: list(1, 2, 2, 1),
        dilations: list(1, 1, 1, 1),
        padding: text('EXPLICIT'),
        explicit_paddings: list(0, 0, 1, 0, 0, 1, 0, 0),
        data_format: text('NHWC'),
      },
    },
    { name: 'flattened', op: 'Reshape', input: ['relu', 'flat'], attr: { T: type() } },
    { name: 'scores', op: 'MatMul', input: ['flattened', 'W'], attr: { T: type(), transpose_a: { b: false }, transpose_b: { b: true } } },
  ],
  about: { inputs: { X: { perm: [0, 2, 3, 1] } }, outputs: { map: { perm: [0, 2, 3, 1] }, Y: {} } },
});
afterAll(() => rmSync(directory, { recursive: true }));

const feeds = new Map<string, Numbers>([['X', makeInput('normal', 3, 'float', [2, 24, 9, 7])]]);
async function withSession<T>(session: Promise<Session>, use: (session: Session) => Promise<T>): Promise<T> {
  const opened = await session;
  try {
    return await use(opened);
  } finally {
    await opened.release();
  }
}
const inTfjs = (options: TfjsOptions = {}): Promise<ReadonlyMap<string, Numbers>> =>
  withSession(openTfjsSession(directory, options), (session) => session.run(feeds));
const nodeIsThere = ((): boolean => {
  try {
    require.resolve('@tensorflow/tfjs-node');
    return true;
  } catch {
    return false;
  }
})();

describe.each<TfjsBackend>(nodeIsThere ? ['wasm', 'node'] : ['wasm'])('on %s', (backend) => {
  test('gives what ONNX Runtime gives, in the layout of ONNX', async () => {
    const expected = await withSession(openSession(modelToBytes(model), 'original'), (session) => session.run(feeds));
    const found = await inTfjs({ backend });
    expect([...found.keys()]).toEqual(['map', 'Y']);
    for (const [name, { shape, data }] of expected) {
      expect(found.get(name)?.shape).toEqual(shape);
      expect(compare(data, found.get(name)?.data ?? []).maxRel).toBeLessThan(2e-6);
    }
  });

  test('in another order of its sums it differs by rounding, and by no more', async () => {
    const [straight, shuffled] = [await inTfjs({ backend }), await inTfjs({ backend, reorder: 1 })];
    for (const [name, { data }] of straight) {
      const { maxRel } = compare(data, shuffled.get(name)?.data ?? []);
      expect(maxRel).toBeGreaterThan(0);
      expect(maxRel).toBeLessThan(2e-6);
    }
  });
});

if (!nodeIsThere) test.skip('on node: @tensorflow/tfjs-node is not installed', () => {});

test('keeps the handlers of the process as they were', async () => {
  const count = (): number[] => [process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection')];
  const mine = (): void => {};
  process.on('unhandledRejection', mine);
  const before = count();
  await inTfjs();
  expect(count()).toEqual(before);
  process.off('unhandledRejection', mine);
});

test('sessions release their memory', async () => {
  const tf = await import('@tensorflow/tfjs-core');
  await inTfjs();
  expect(tf.engine().state.numTensors).toBe(0);
  const first = await openTfjsSession(directory);
  await inTfjs();
  await first.run(feeds);
  const held = tf.engine().state.numTensors;
  await first.run(feeds);
  expect(tf.engine().state.numTensors).toBe(held);
  await first.release();
  expect(tf.engine().state.numTensors).toBe(0);
});

describe('says what is wrong with', () => {
  const codeOf = async (path: string): Promise<string> => {
    try {
      return await withSession(openTfjsSession(path), async (session) => {
        await session.run(new Map([['X', makeInput('normal', 1, 'float', [2, 3])]]));
        return 'none';
      });
    } catch (error) {
      if (error instanceof CompileError) return error.code;
      throw error;
    }
  };
  const small = (): string =>
    writeHandMade({
      inputs: { X: [-1, 3] },
      outputs: { Y: 'Y' },
      weights: [{ name: 'W', shape: [3, 4], data: new Float32Array(12) }],
      nodes: [{ name: 'Y', op: 'MatMul', input: ['X', 'W'], attr: { T: type() } }],
    });
  const edited = (
    edit: (json: { modelTopology: { node: { op: string }[] }; weightsManifest: { paths: string[] }[] }) => unknown,
  ): string => {
    const broken = small();
    const json = JSON.parse(readFileSync(join(broken, 'model.json'), 'utf8'));
    writeFileSync(join(broken, 'model.json'), JSON.stringify(edit(json) ?? json));
    return broken;
  };

  test.each<[string, () => string, string]>([
    ['nothing', small, 'none'],
    ['a directory without model.json', () => join(__dirname), 'TFJS_NOT_A_MODEL'],
    ['a file that is not valid JSON', () => edited(() => undefined).concat('/shard0.bin'), 'TFJS_NOT_A_MODEL'],
    ['a layers model', () => edited(() => ({ format: 'layers-model', modelTopology: {}, weightsManifest: [] })), 'TFJS_NOT_A_MODEL'],
    [
      'a manifest that leads elsewhere',
      () => edited(({ weightsManifest: [group] }) => void group?.paths.push('../x.bin')),
      'TFJS_NOT_A_MODEL',
    ],
    ['a shard that is missing', () => edited(({ weightsManifest: [group] }) => void group?.paths.push('shard9.bin')), 'TFJS_SHARD_MISSING'],
    [
      'a shard that is cut short',
      () => {
        const broken = small();
        truncateSync(join(broken, 'shard0.bin'), 40);
        return broken;
      },
      'TFJS_SHARD_LENGTH',
    ],
    [
      'an operator that TF.js does not know',
      () => edited(({ modelTopology: { node } }) => node.at(-1) && Object.assign(node.at(-1) ?? {}, { op: 'ResizeBicubic' }) && undefined),
      'TFJS_KERNEL_MISSING',
    ],
  ])('%s', async (_, make, code) => {
    const path = make();
    expect(await codeOf(path)).toBe(code);
    if (path !== __dirname) rmSync(path.replace(/\/shard0.bin$/, ''), { recursive: true });
  });

  test('data of another shape', async () => {
    const path = small();
    await withSession(openTfjsSession(join(path, 'model.json')), async (session) => {
      const wrong = session.run(new Map([['X', makeInput('normal', 1, 'float', [2, 5])]]));
      await expect(wrong).rejects.toMatchObject({ diagnostic: { code: 'TFJS_FAILED' } });
    });
    rmSync(path, { recursive: true });
  });
});

test('memory that WebAssembly does not get is an error, not a wrong number; the next session works', async () => {
  const session = await openTfjsSession(directory);
  const module: unknown = Reflect.get(tf.backend(), 'wasm');
  if (!isAllocator(module)) throw new Error('the backend keeps its module elsewhere');
  // The module's own, under the check that the session put over it.
  const places: number[] = [];
  const fails = { _malloc: (bytes: number) => (bytes > 100 ? 0 : places.push(bytes)) };
  refuseNull(fails);
  const own = module._malloc;
  module._malloc = fails._malloc;
  const feeds = new Map([['X', makeInput('normal', 1, 'float', [1, 24, 9, 7])]]);
  await expect(session.run(feeds)).rejects.toMatchObject({
    code: 'TFJS_FAILED',
    diagnostic: { message: expect.stringContaining('out of memory: WebAssembly has no 0.0 MB more') },
  });
  module._malloc = own;
  await session.release();
  const again = await openTfjsSession(directory);
  expect((await again.run(feeds)).get('Y')?.data).toHaveLength(5);
  await again.release();
});

test('a session checks every allocation', async () => {
  const session = await openTfjsSession(directory);
  const module: unknown = Reflect.get(tf.backend(), 'wasm');
  if (!isAllocator(module)) throw new Error('the backend keeps its module elsewhere');
  // More than the 4 GB that WebAssembly can address.
  expect(() => module._malloc(2 ** 32 - 2 ** 16)).toThrow('out of memory');
  await session.release();
});
