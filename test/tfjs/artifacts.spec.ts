/** The bytes of the files: shards, manifest, fewer bits, weights that are permuted on the way. */

import { streamTensor } from '../../src/ir/stream';
import { fromNumbers, permuted, readNumbers, tensorBytes } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { type ArtifactOptions, writeArtifacts } from '../../src/tfjs/artifacts';
import type { TfjsGraph } from '../../src/tfjs/graph';
import { lowerToTfjs } from '../../src/tfjs/lower';
import { quantise } from '../../src/tfjs/quantize';
import { parseGraph } from '../support/expect-pass';

function written(graph: TfjsGraph, options: Partial<ArtifactOptions> = {}) {
  const shards = new Map<string, Uint8Array[]>();
  let current: Uint8Array[] = [];
  let text = '';
  const report = writeArtifacts(
    graph,
    {
      shard: (name) => {
        current = [];
        shards.set(name, current);
      },
      write: (bytes) => current.push(bytes.slice()),
      json: (json) => {
        text = json;
      },
    },
    { about: {}, ...options },
  );
  return { report, json: JSON.parse(text), shards: [...shards].map(([name, pieces]) => ({ name, bytes: Buffer.concat(pieces) })) };
}

const dense = lowerToTfjs(parseGraph('g (float[N, 600] X) => (float[N, 5] Y) <float[600, 5] W, float[5] B> { Y = Gemm (X, W, B) }'));

test('weights straddle shards of one size, and the manifest says what they are', () => {
  const { report, json, shards } = written(dense, { shardSize: 5000 });
  expect(shards.map(({ name, bytes }) => [name, bytes.length])).toEqual([
    ['group1-shard1of3.bin', 5000],
    ['group1-shard2of3.bin', 5000],
    ['group1-shard3of3.bin', 2020],
  ]);
  expect(report).toMatchObject({ shards: 3, weightBytes: 12020, quantised: [] });
  expect(json.weightsManifest).toEqual([
    {
      paths: shards.map(({ name }) => name),
      weights: [
        { name: 'W', shape: [600, 5], dtype: 'float32' },
        { name: 'B', shape: [5], dtype: 'float32' },
      ],
    },
  ]);
  expect(json.signature.inputs.X).toEqual({ name: 'X:0', dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '-1' }, { size: '600' }] } });
  expect(json.modelTopology.node.map(({ name, op }: { name: string; op: string }) => `${name} ${op}`)).toEqual([
    'X Placeholder',
    'W Const',
    'B Const',
    'Y _FusedMatMul',
  ]);
});

test('a name for the signature, and only then', () => {
  expect(written(dense).json.signature.signatureName).toBeUndefined();
  expect(written(dense, { signatureName: 'classify' }).json.signature.signatureName).toBe('classify');
});

test('weights in fewer bits by pattern; what has one number stays', () => {
  const { report, json, shards } = written(dense, { quantisation: { uint8: ['W*'], float16: ['B'] } });
  expect(report.quantised.map(({ name, type, bytes }) => [name, type, bytes])).toEqual([
    ['W', 'uint8', 3000],
    ['B', 'float16', 10],
  ]);
  expect(json.weightsManifest[0].weights[0].quantization).toMatchObject({ dtype: 'uint8', original_dtype: 'float32' });
  expect(shards.map(({ bytes }) => bytes.length)).toEqual([3010]);
});

test('the error of fewer bits is what decoding gives, and zero is exact', () => {
  const numbers = [-1, -0.3, 0, 0.2, 2.5];
  const weight = { name: 'w', dtype: 'float32' as const, tensor: fromNumbers('float', [5], numbers) };
  for (const type of ['uint8', 'uint16'] as const) {
    const written: Uint8Array[] = [];
    const { entry, error } = quantise(weight, type, (piece) => written.push(piece));
    const bytes = new Uint8Array(Buffer.concat(written));
    if (entry.dtype === 'float16') throw new Error('not asked for');
    const stored = readNumbers({ dtype: type, shape: [5], data: { kind: 'bytes', bytes } });
    // TensorFlow.js decodes into float32.
    const decoded = [...stored].map((level) => Math.fround(level * entry.scale + entry.min));
    const exact = [...readNumbers(weight.tensor)];
    expect(decoded[2]).toBeCloseTo(0, 12);
    expect(error).toBeCloseTo(Math.max(...decoded.map((value, at) => Math.abs(value - (exact[at] ?? 0)))), 12);
    expect(error).toBeLessThanOrEqual(entry.scale);
  }
  const half = quantise(weight, 'float16', () => undefined);
  expect(half.error).toBeGreaterThan(0);
  expect(half.error).toBeLessThan(0.001);
});

test('a pattern that no weight has is refused before anything is written', () => {
  for (const quantisation of [{ uint8: ['W*', 'V*'] }, { float16: ['dense'] }])
    expect(() => written(dense, { quantisation })).toThrow(expect.objectContaining({ code: 'NO_WEIGHT_MATCHES' }));
});

test('a weight that is permuted in slabs is the one that is permuted at once', () => {
  const shape = [7, 5, 3, 2];
  const bytes = tensorBytes(
    fromNumbers(
      'float',
      shape,
      Float64Array.from({ length: 210 }, (_, at) => at + 0.5),
    ),
  );
  const source = { name: 'file', size: bytes.length, read: (offset: number, length: number) => bytes.slice(offset, offset + length) };
  const tensor: Tensor = {
    dtype: 'float',
    shape,
    data: { kind: 'ranges', encoding: 'raw', ranges: [{ source, offset: 0, length: bytes.length }] },
  };
  for (const perm of [
    [2, 3, 1, 0],
    [1, 0, 2, 3],
    [3, 2, 1, 0],
  ]) {
    const turned = permuted(tensor, perm);
    for (const slab of [16, 100, 400, 1e6]) {
      const pieces: Uint8Array[] = [];
      streamTensor(turned, (piece) => pieces.push(piece.slice()), undefined, { slab, chunk: 64 });
      expect(Buffer.concat(pieces).equals(Buffer.from(tensorBytes(turned)))).toBe(true);
      if (slab === 16 && perm[3] === 0) expect(pieces.length).toBeGreaterThan(10);
    }
  }
});
