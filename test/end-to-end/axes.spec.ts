/**
 * Signals, volumes and pictures with a list of axes: every layout, every head, finer maps; crops of a larger image against the original, by running both.
 * The networks are written by hand, as exporters write them.
 */
import { compile } from '../../src/compile';
import { declaredSize } from '../../src/compile/metadata';
import { modelToBytes } from '../../src/onnx/write';
import { pixelStride } from '../../src/operators/pixel-stride';
import { verifyFiles } from '../../src/verify/files/verify';
import { expectCrops } from '../support/crops';
import { parseGraph } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 17]>';

/** Convolution, pool, convolution, fully connected layer over what is left: 64 samples. */
const SIGNAL = `${header} g (float[N, 1, 64] X) => (float[N, 3] Y) <float[4, 1, 5] K, float[6, 4, 3] L, float[3, 78] W, float[3] b> {
  c = Conv <strides = [2]> (X, K) r = Relu (c) p = MaxPool <kernel_shape = [2], strides = [2]> (r) d = Conv (p, L) s = Relu (d)
  f = Flatten (s) g = Gemm <transB = 1> (f, W, b) Y = Softmax <axis = 1> (g) }`;
const POOLED_SIGNAL = `${header} g (float[N, 2, 40] X) => (float[N, 3] Y) <float[4, 2, 5] K, float[3, 4] W> {
  c = Conv <strides = [2], pads = [2, 2]> (X, K) r = Relu (c) p = GlobalAveragePool (r) f = Flatten (p) Y = Gemm <transB = 1> (f, W) }`;
/** WaveNet: what is skipped is cut to the length of what was computed, counted from its end. */
const WAVENET = `${header} g (float[1, 2, 40] X) => (float[1, 3] Y) <float[2, 2, 2] K, float[2, 2, 2] L, float[2, 2, 2] M, float[3, 2] W,
  int64[1] a = {-37}, int64[1] b = {-33}, int64[1] end = {9223372036854775807}, int64[1] time = {2}> {
  c = Conv (X, K) d = Conv <dilations = [2]> (c, L) t = Tanh (d) s = Slice (c, a, end, time) e = Add (s, t)
  h = Conv <dilations = [4]> (e, M) k = Slice (e, b, end, time) j = Slice (t, b, end, time) i = Add (j, h) l = Add (i, k)
  p = GlobalAveragePool (l) f = Flatten (p) Y = Gemm <transB = 1> (f, W) }`;
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

test.each([
  ['a signal', SIGNAL, ['N', 3, 'floor((time + 1)/4) - 15']],
  ['channels last', SIGNAL_LAST, undefined],
  ['without channels', RAW_SIGNAL, undefined],
  ['without a batch', SIGNAL_ALONE, undefined],
  ['a volume', VOLUME, undefined],
  ['a picture without a batch', PICTURE_ALONE, undefined],
  ['branches cut to the same end', WAVENET, undefined],
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
      /a separate number for each position/,
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
