/** The process that runs models: both runtimes in it, what happens when it dies, and how messages to it are put together. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import { parseModel } from '../../src/onnx/text/parser';
import { modelToBytes } from '../../src/onnx/write';
import { verifyFiles } from '../../src/verify/files/verify';
import type { Numbers } from '../../src/verify/onnx-runner';
import { externalLocations } from '../../src/verify/runtime/external-locations.js';
import { FrameReader, type Header, sendFrame } from '../../src/verify/runtime/frames.js';
import { runtimeHost } from '../../src/verify/runtime/host';
import { openSession } from '../../src/verify/runtime/node';

const RUNTIMES = ['native', 'wasm'] as const;
const lenet = join(__dirname, '../../fixtures/models/lenet5.onnx');
const crashing = join(__dirname, '../../fixtures/models/layer-norm-empty-bias.onnx');

const network = (graph: string): Uint8Array => modelToBytes(parseModel(`<ir_version: 10, opset_import: ["" : 21]>\n${graph}`));
const doubled = network('g (float[N, 3] x) => (float[N, 3] y) { y = Add (x, x) }');
const floats = (...numbers: number[]): Numbers => ({ dtype: 'float', shape: [1, numbers.length], data: Float32Array.from(numbers) });

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return 'none';
  } catch (error) {
    return error instanceof CompileError ? error.code : String(error);
  }
}

describe.each(RUNTIMES)('%s', (runtime) => {
  test('runs a model from bytes, more than once, and says which runtime it is', async () => {
    const session = await openSession(doubled, 'the model', { runtime });
    const run = async (...numbers: number[]) => [...((await session.run(new Map([['x', floats(...numbers)]]))).get('y')?.data ?? [])];
    expect(await run(1, 2, 3)).toEqual([2, 4, 6]);
    expect(await run(-1, 0.5, 0)).toEqual([-2, 1, 0]);
    expect(session.runtime).toMatch(
      runtime === 'native' ? /^ONNX Runtime \d+\.\d+\.\d+ \(native\)$/ : /^ONNX Runtime \d.* \(WebAssembly\)$/,
    );
    await session.release();
  });

  test.each(['float', 'double', 'float16', 'int8', 'uint8', 'int32', 'int64', 'bool'])(
    'numbers of type %s go in and come out',
    async (dtype) => {
      const session = await openSession(network(`g (${dtype}[3] x) => (${dtype}[3] y) { y = Identity (x) }`), 'the model', { runtime });
      const data = dtype === 'bool' ? [1, 0, 1] : dtype.startsWith('u') ? [1, 200, 3] : [1, -2, 3];
      const results = await session.run(new Map([['x', { dtype, shape: [3], data: Float64Array.from(data) }]]));
      await session.release();
      expect(results.get('y')).toMatchObject({ dtype, shape: [3] });
      expect([...(results.get('y')?.data ?? [])]).toEqual(data);
    },
  );

  test('reads weights beside the model', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'convolutionize-'));
    const path = join(directory, 'model.onnx');
    try {
      const model = readModelFile(lenet);
      writeModelFile(model, path, { weights: 'external' });
      closeModel(model);
      expect(readdirSync(directory).sort()).toEqual(['model.onnx', 'model.onnx.data']);
      const feeds = new Map([['image', { dtype: 'float', shape: [1, 1, 28, 28], data: new Float32Array(784).fill(0.5) }]]);
      const scores = async (file: string) => {
        const session = await openSession(file, file, { runtime });
        const results = await session.run(feeds);
        await session.release();
        return results.get('scores');
      };
      expect(await scores(path)).toEqual(await scores(lenet));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('says in its own words why a model cannot be run', async () => {
    expect(await codeOf(openSession(Uint8Array.from([1, 2, 3]), 'the model', { runtime }))).toBe('RUNTIME_FAILED');
    const session = await openSession(doubled, 'the model', { runtime });
    await expect(session.run(new Map([['x', { ...floats(1, 2), shape: [2] }]]))).rejects.toThrow(/rank/);
    await session.release();
  });
});

test('a runtime that dies is an error that names the model, and the next model runs', async () => {
  const session = await openSession(doubled, 'the model', { file: 'model.onnx' });
  const running = session.run(new Map([['x', floats(1, 2, 3)]]));
  process.kill(runtimeHost().pid ?? 0, 'SIGKILL');
  await expect(running).rejects.toMatchObject({ code: 'RUNTIME_CRASHED', diagnostic: { at: { file: 'model.onnx' } } });
  expect(await codeOf(session.run(new Map([['x', floats(1, 2, 3)]])))).toBe('RUNTIME_CRASHED');
  await session.release();
  const next = await openSession(doubled, 'the model');
  expect([...((await next.run(new Map([['x', floats(1, 2, 3)]]))).get('y')?.data ?? [])]).toEqual([2, 4, 6]);
  await next.release();
});

test('a model that only this program knows is kept when the runtime dies on it', async () => {
  const kept: (string | Uint8Array)[] = [];
  const keep = (model: string | Uint8Array): string => {
    kept.push(model);
    return 'crashed.onnx';
  };
  const session = await openSession(doubled, 'a part', { keep });
  process.kill(runtimeHost().pid ?? 0, 'SIGKILL');
  await expect(session.run(new Map([['x', floats(1, 2, 3)]]))).rejects.toMatchObject({ diagnostic: { at: { file: 'crashed.onnx' } } });
  await session.release();
  expect(kept).toEqual([doubled]);
});

test("a LayerNormalization with an empty bias crashes the native runtime's optimiser: judged without it", async () => {
  expect((await verifyFiles(crashing, crashing)).verdict).toBe('equal');
});

test('verification says which runtime judged', async () => {
  expect((await verifyFiles(lenet, lenet, { runtime: 'wasm', samples: 1 })).runtime).toMatch(/ONNX Runtime \S+ \(WebAssembly\)/);
  expect((await verifyFiles(lenet, lenet, { runtime: 'native', samples: 1 })).runtime).toMatch(/ONNX Runtime \S+ \(native\)/);
});

describe('frames', () => {
  const parts = [Float32Array.from([1, 2, 3]), new Uint8Array(), Uint8Array.from([7])];
  const written: Uint8Array[] = [];
  const send = (header: { readonly [key: string]: unknown }, bytes: readonly ArrayBufferView[]) =>
    sendFrame({ write: (piece) => written.push(Uint8Array.from(piece)) }, header, bytes);
  send({ id: 1, name: 'größe' }, parts);
  send({ id: 2 }, []);
  send({ id: 3 }, [new Uint8Array()]);
  const bytes = Buffer.concat(written);

  test.each([1, 3, 7, 1000])('arrive whole in pieces of %d bytes', (size) => {
    const frames: { readonly header: Header; readonly parts: readonly ArrayBuffer[] }[] = [];
    const reader = new FrameReader((header, found) => frames.push({ header, parts: found }));
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    expect(frames.map(({ header }) => header)).toEqual([
      { id: 1, name: 'größe', parts: [12, 0, 1] },
      { id: 2, parts: [] },
      { id: 3, parts: [0] },
    ]);
    expect([...new Float32Array(frames[0]?.parts[0] ?? new ArrayBuffer(0))]).toEqual([1, 2, 3]);
    expect([...new Uint8Array(frames[0]?.parts[2] ?? new ArrayBuffer(0))]).toEqual([7]);
  });
});

test('external files are found in the bytes of a model; names that lead elsewhere are not', () => {
  const entry = (key: string, value: string): number[] => [
    0x0a,
    key.length,
    ...Buffer.from(key),
    0x12,
    value.length,
    ...Buffer.from(value),
  ];
  const wrap = (field: number, inner: readonly number[]): number[] => {
    const tag = field * 8 + 2;
    return [...(tag < 128 ? [tag] : [(tag & 127) | 128, tag >> 7]), inner.length, ...inner];
  };
  const tensor = (location: string): number[] => wrap(5, wrap(13, entry('location', location)));
  const model = (...locations: string[]): Uint8Array => Uint8Array.from(wrap(7, locations.flatMap(tensor)));
  expect(externalLocations(model('a.data', 'b/c.data', 'a.data'))).toEqual(['a.data', 'b/c.data']);
  expect(externalLocations(model('../a', '/etc/passwd', 'C:\\a', 'x/../../y'))).toEqual([]);
  expect(externalLocations(readFileSync(lenet))).toEqual([]);
  expect(externalLocations(Uint8Array.from([0x3a, 0xff, 0xff, 0xff]))).toEqual([]);
});
