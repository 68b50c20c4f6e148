/**
 * Signals, volumes and pictures with a list of axes: every layout, every head, finer maps; crops of a larger image against the original, by running both.
 * The networks are written by hand, as exporters write them.
 */
import { type CompileOptions, compile } from '../../src/compile';
import { windowAxes, windowLengths } from '../../src/compile/input-size';
import { declaredSize } from '../../src/compile/metadata';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { modelToBytes } from '../../src/onnx/write';
import { pixelStride } from '../../src/operators/pixel-stride';
import { verifyFiles } from '../../src/verify/files/verify';
import { cropped } from '../../src/verify/inputs';
import { parseGraph } from '../support/expect-pass';
import { runModel } from '../support/run';
import { seededTensor } from '../support/seeded';

const header = '<ir_version: 9, opset_import: ["" : 17]>';

/** Convolution, pool, convolution, fully connected layer over what is left: 64 samples. */
const SIGNAL = `${header} g (float[N, 1, 64] X) => (float[N, 3] Y) <float[4, 1, 5] K, float[6, 4, 3] L, float[3, 78] W, float[3] b> {
  c = Conv <strides = [2]> (X, K) r = Relu (c) p = MaxPool <kernel_shape = [2], strides = [2]> (r) d = Conv (p, L) s = Relu (d)
  f = Flatten (s) g = Gemm <transB = 1> (f, W, b) Y = Softmax <axis = 1> (g) }`;
const POOLED_SIGNAL = `${header} g (float[N, 2, 40] X) => (float[N, 3] Y) <float[4, 2, 5] K, float[3, 4] W> {
  c = Conv <strides = [2], pads = [2, 2]> (X, K) r = Relu (c) p = GlobalAveragePool (r) f = Flatten (p) Y = Gemm <transB = 1> (f, W) }`;
/** Channels last: a Transpose in front. */
const SIGNAL_LAST = `${header} g (float[1, 40, 6] X) => (float[1, 3] Y) <float[4, 6, 5] K, float[3, 4] W, int64[1] last = {-1}> {
  t = Transpose <perm = [0, 2, 1]> (X) c = Conv <strides = [2]> (t, K) m = ReduceMax <axes = [-1], keepdims = 0> (c) Y = Gemm <transB = 1> (m, W) }`;
/** No channels, no batch. */
const RAW_SIGNAL = `${header} g (float[2, 40] X) => (float[2, 3] Y) <float[4, 1, 5] K, float[3, 72] W, int64[1] one = {1}> {
  u = Unsqueeze (X, one) c = Conv <strides = [2]> (u, K) f = Flatten (c) Y = Gemm <transB = 1> (f, W) }`;
const SIGNAL_ALONE = `${header} g (float[2, 40] X) => (float[1, 3] Y) <float[4, 2, 5] K, float[3, 72] W, int64[1] zero = {0}> {
  u = Unsqueeze (X, zero) c = Conv <strides = [2]> (u, K) f = Flatten (c) Y = Gemm <transB = 1> (f, W) }`;
const VOLUME = `${header} g (float[N, 1, 6, 9, 11] X) => (float[N, 3] Y) <float[4, 1, 3, 3, 3] K, float[3, 96] W> {
  c = Conv <strides = [1, 2, 2]> (X, K) r = Relu (c) p = MaxPool <kernel_shape = [2, 2, 2], strides = [2, 1, 1]> (r) f = Flatten (p) Y = Gemm <transB = 1> (f, W) }`;
const POOLED_VOLUME = `${header} g (float[1, 2, 6, 8, 8] X) => (float[1, 3] Y) <float[4, 2, 3, 3, 3] K, float[3, 4] W> {
  c = Conv <strides = [1, 2, 2]> (X, K) r = Relu (c) m = ReduceMean <axes = [2, 3, 4], keepdims = 0> (r) Y = Gemm <transB = 1> (m, W) }`;
/** A picture without a batch. */
const PICTURE_ALONE = `${header} g (float[3, 9, 10] X) => (float[1, 3] Y) <float[4, 3, 3, 3] K, float[3, 64] W, int64[1] zero = {0}> {
  u = Unsqueeze (X, zero) c = Conv <strides = [2, 2]> (u, K) r = Relu (c) f = Flatten (r) Y = Gemm <transB = 1> (f, W) }`;

/** Each cell against the original on its crop. Returns how many were compared. */
async function expectCrops(text: string, options: CompileOptions = {}): Promise<Model> {
  const original = parseGraph(text);
  const { model, report } = compile(original, options);
  const [window] = report.windows;
  const [output] = model.graph.outputs;
  const [input] = model.graph.inputs;
  if (!window || !output || !input) throw new Error('no image, or no output');
  const [axes, lengths] = [windowAxes(window), windowLengths(window)];
  const strides = pixelStride(output);
  expect(strides).toHaveLength(lengths.length);
  const larger = lengths.map((length, axis) => length + (strides[axis] ?? 1) * (axis + 1) + (axis === 0 ? 1 : 0));
  const shape = (original.graph.inputs[0]?.type?.shape ?? []).map(
    (dim, axis) => larger[axes.indexOf(axis)] ?? (typeof dim === 'number' ? dim : 1),
  );
  const image = seededTensor('float', shape, 7);
  const map = (await runModel(model, new Map([[input.name, image]]))).get(output.name);
  if (!map) throw new Error('no map');
  const counts = larger.map((length, axis) => Math.floor((length - (lengths[axis] ?? 1)) / (strides[axis] ?? 1)) + 1);
  // Cells of less than a window, where a stride leaves samples over, may come after these.
  expect(map.shape.slice(2).map((count, axis) => Math.min(count, counts[axis] ?? 0))).toEqual(counts);
  const cells = counts.reduce((product, count) => product * count, 1);
  for (let cell = 0; cell < cells; cell++) {
    const place = placeOf(cell, counts);
    const crop = cropOf(
      image,
      axes,
      place.map((at, axis) => at * (strides[axis] ?? 1)),
      lengths,
    );
    const wanted = (await runModel(original, new Map([[input.name, crop]]))).get(output.name);
    const found = cropOf(
      map,
      counts.map((_, axis) => axis + 2),
      place,
      counts.map(() => 1),
    );
    const [a, b] = [readNumbers(wanted ?? map), readNumbers(found)];
    expect(b).toHaveLength(a.length);
    for (const [at, number] of a.entries()) expect(Math.abs(number - (b[at] ?? Number.NaN))).toBeLessThan(1e-4);
  }
  return model;
}

function placeOf(cell: number, counts: readonly number[]): number[] {
  let rest = cell;
  return [...counts]
    .reverse()
    .map((count) => {
      const at = rest % count;
      rest = Math.floor(rest / count);
      return at;
    })
    .reverse();
}

function cropOf(tensor: Tensor, axes: readonly number[], starts: readonly number[], lengths: readonly number[]): Tensor {
  const numbers = { dtype: tensor.dtype, shape: tensor.shape, data: Float32Array.from(readNumbers(tensor)) };
  const part = cropped(numbers, axes, starts, lengths);
  return fromNumbers('float', part.shape, part.data);
}

test.each([
  ['a signal', SIGNAL, ['N', 3, 'floor((time + 1)/4) - 15']],
  ['channels last', SIGNAL_LAST, undefined],
  ['without channels', RAW_SIGNAL, undefined],
  ['without a batch', SIGNAL_ALONE, undefined],
  ['a volume', VOLUME, undefined],
  ['a picture without a batch', PICTURE_ALONE, undefined],
])('%s: each cell is the original on its crop', async (_, text, shape) => {
  const model = await expectCrops(text);
  if (shape) expect(model.graph.outputs[0]?.type?.shape).toEqual(shape);
});

test.each([
  ['a signal', SIGNAL, { stride: 2 }],
  ['a signal, by shifting', SIGNAL, { stride: 1, dense: 'shift' }],
  ['a volume, one stride for each axis', VOLUME, { stride: [1, 2, 1] }],
  ['a volume, by shifting', VOLUME, { stride: 1, dense: 'shift' }],
] as const)('%s: each cell of a finer map is the original on its crop', async (_, text, options) => {
  const model = await expectCrops(text, options);
  const wanted = typeof options.stride === 'number' ? new Set([options.stride]) : new Set(options.stride);
  expect(new Set(pixelStride(model.graph.outputs[0] ?? model.graph.inputs[0] ?? never()))).toEqual(wanted);
});
const never = (): never => {
  throw new Error('no output');
};

test.each([
  ['a signal, a cell of the last map', POOLED_SIGNAL, 'cell', [1, 3, 'floor((time + 1)/2)']],
  ['a signal, its mean', POOLED_SIGNAL, 'image', [1, 3]],
  ['a volume, a cell of the last map', POOLED_VOLUME, 'cell', undefined],
  ['a volume, a window', POOLED_VOLUME, 'window', undefined],
  ['a signal, folded only', SIGNAL_LAST, 'original', [1, 3]],
] as const)('%s: verified', async (_, text, head, shape) => {
  const original = parseGraph(text.replaceAll('float[N,', 'float[1,'));
  const { model } = compile(original, { head });
  if (shape) expect(model.graph.outputs[0]?.type?.shape).toEqual(shape);
  const report = await verifyFiles(modelToBytes(original), modelToBytes(model), { budget: 1, samples: 4 });
  expect(report.verdict).toBe('equal');
});

test('what a conversion says about itself is read again', () => {
  const { model } = compile(parseGraph(VOLUME));
  expect(model.metadata.get('convolutionize.window')).toBe('{"X":[6,9,11]}');
  expect(model.metadata.get('convolutionize.stride')).toBe('{"Y":[2,2,2]}');
  expect(model.metadata.get('convolutionize.field')).toBe('{"Y":[[0,6],[0,9],[0,11]]}');
  expect(Object.keys(JSON.parse(model.metadata.get('convolutionize.sizes') ?? '{}').X)).toEqual(['depth', 'height', 'width']);
  expect([...(declaredSize(model)?.shapes ?? [])]).toEqual([['X', [1, 1, 6, 9, 11]]]);
});

describe('what does not fit is refused', () => {
  test.each([
    ['a size of other axes', SIGNAL.replace('1, 64]', '1, T]'), { inputSize: { lengths: [8, 8] } }, /one axis, time/],
    ['no size', SIGNAL.replace('1, 64]', '1, T]'), {}, /which time the network was made for/],
    ['a stride of other axes', VOLUME, { stride: [1, 1] }, /the axes depth, height and width/],
    ['a stride that does not divide', SIGNAL, { stride: 3 }, /a cell every 3 samples/],
    [
      'a bias of its own for each sample',
      SIGNAL.replace('r = Relu (c)', 'q = Add (c, B) r = Relu (q)').replace('float[3] b', 'float[3] b, float[30] B'),
      {},
      /a number of its own for each position/,
    ],
    [
      'attention over samples',
      `${header} g (float[1, 2, 40] X) => (float[1, 3] Y) <float[4, 2, 5] K, float[3, 4] W> {
        c = Conv <strides = [2]> (X, K) t = Transpose <perm = [0, 2, 1]> (c) a = MatMul (t, c) q = Softmax <axis = -1> (a) v = MatMul (q, t)
        m = ReduceMean <axes = [1], keepdims = 0> (v) Y = Gemm <transB = 1> (m, W) }`,
      {},
      /attention/,
    ],
    [
      'tokens, which no convolution reads',
      `${header} g (float[1, 7, 4] X) => (float[1, 7, 3] Y) <float[4, 3] W> { Y = MatMul (X, W) }`,
      {},
      /no image input/,
    ],
  ])('%s', (_, text, options, message) => {
    expect(() => compile(parseGraph(text), options)).toThrow(message);
  });
});
