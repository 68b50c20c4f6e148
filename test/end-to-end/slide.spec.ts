/**
 * Networks that slide along some axes while others stay as long as they are: which do is found out, or asked for (`--slide`). Crops along what slides are
 * compared with the original, by running both; images keep their length along the others.
 */
import { compile } from '../../src/compile';
import { windowLengths } from '../../src/compile/input-size';
import { declaredContract, declaredSize } from '../../src/compile/metadata';
import { bufferSource } from '../../src/ir/bytes';
import { readModel } from '../../src/onnx/read';
import { modelToBytes } from '../../src/onnx/write';
import { verifyFiles } from '../../src/verify/files/verify';
import { expectCrops } from '../support/crops';
import { parseGraph } from '../support/expect-pass';
import { runModel } from '../support/run';
import { seededTensor } from '../support/seeded';

const header = '<ir_version: 9, opset_import: ["" : 17]>';
const TAIL = 'r = Relu (a) d = Conv (r, L) e = Relu (d) f = Flatten (e) Y = Gemm <transB = 1> (f, W) }';

/** A picture's network with a separate number for each column. */
const COLUMN_BIAS = `${header} g (float[N, 3, 14, 16] X) => (float[N, 5] Y) <float[4, 3, 3, 3] K, float[1, 1, 1, 7] B, float[5, 4, 3, 3] L, float[5, 100] W> {
  c = Conv <strides = [2, 2]> (X, K) a = Add (c, B) ${TAIL}`;
/** The same for each row: slides along the other axis. */
const ROW_SCALE = `${header} g (float[N, 3, 14, 16] X) => (float[N, 5] Y) <float[4, 3, 3, 3] K, float[6, 1] B, float[5, 4, 3, 3] L, float[5, 100] W> {
  c = Conv <strides = [2, 2]> (X, K) a = Mul (c, B) ${TAIL}`;
/** A norm over the bins of a spectrogram, with a scale for each. */
const NORM_PER_BIN = `${header} g (float[N, 1, time, 12] X) => (float[N, 5] Y) <float[12] S, float[12] B, float[4, 1, 3, 3] K, float[5, 4] W> {
  n = LayerNormalization <axis = -1> (X, S, B) c = Conv <strides = [2, 1]> (n, K) r = Relu (c) p = GlobalAveragePool (r) f = Flatten (p) Y = Gemm <transB = 1> (f, W) }`;
/** A batch norm with the bins as its channels; a mean over frequencies, then maximum and mean over time. */
const POOLED_FREQUENCIES = `${header} g (float[1, 1, 24, 12] X) => (float[1, 5] Y)
  <float[12] S, float[12] B, float[12] M, float[12] V = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2}, float[4, 1, 3, 3] K, float[6, 4, 3, 3] L,
   int64[1] bins = {3}, int64[1] frames = {2}, float[8, 6] W1, float[5, 8] W> {
  t = Transpose <perm = [0, 3, 2, 1]> (X) n = BatchNormalization (t, S, B, M, V) u = Transpose <perm = [0, 3, 2, 1]> (n)
  c = Conv (u, K) r = Relu (c) p = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (r) d = Conv (p, L) e = Relu (d)
  m = ReduceMean <keepdims = 0> (e, bins) x1 = ReduceMax <keepdims = 0> (m, frames) x2 = ReduceMean <keepdims = 0> (m, frames)
  x = Add (x1, x2) h = Gemm <transB = 1> (x, W1) i = Relu (h) z = Gemm <transB = 1> (i, W) Y = Sigmoid (z) }`;
/** A fully connected layer over all bins of each frame. */
const LAYER_PER_FRAME = `${header} g (float[1, 1, 20, 12] X) => (float[1, 5] Y)
  <float[4, 1, 3, 3] K, int64[3] list = {0, 9, 20}, float[20, 6] D, float[6] b, int64[1] one = {1}, float[5, 6] W> {
  c = Conv (X, K) r = Relu (c) p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r) t = Transpose <perm = [0, 2, 1, 3]> (p)
  l = Reshape (t, list) m = MatMul (l, D) a = Add (m, b) s = Relu (a) g1 = ReduceMean <keepdims = 0> (s, one) Y = Gemm <transB = 1> (g1, W) }`;
/** Convolutions over time alone, once frequencies are averaged; bins stand first. */
const CONV_OVER_TIME = `${header} g (float[1, 1, 10, 30] X) => (float[1, 5] Y)
  <float[10, 1] S, float[4, 1, 3, 3] K, int64[1] bins = {2}, float[6, 4, 3] L, float[6] b, float[5, 72] W> {
  n = Mul (X, S) c = Conv (n, K) r = Relu (c) m = ReduceMean <keepdims = 0> (r, bins) d = Conv (m, L, b) e = Relu (d)
  p = MaxPool <kernel_shape = [4], strides = [2]> (e) f = Flatten (p) Y = Gemm <transB = 1> (f, W) }`;
/** A recurrent layer over time, of which the last state goes to the classifier; each window has a state of its own. */
const RECURRENT = `${header} g (float[N, 1, 14, 12] X) => (float[N, 5] Y)
  <float[12] S, float[4, 1, 3, 3] K, int64[3] list = {0, 0, 20}, float[1, 18, 20] G, float[1, 18, 6] R, float[1, 36] b, int64[1] first = {0}, float[5, 6] W> {
  n = Mul (X, S) c = Conv (n, K) r = Relu (c) p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r) t = Transpose <perm = [2, 0, 1, 3]> (p)
  l = Reshape (t, list) a, h = GRU <hidden_size = 6, linear_before_reset = 1> (l, G, R, b) q = Squeeze (h, first) Y = Gemm <transB = 1> (q, W) }`;
/** The same with a first state of zeros, as long as the batch, which an exporter reads off the sequence. */
const FIRST_STATE = RECURRENT.replace(
  'a, h = GRU',
  'z = Shape (l) n1 = Gather (z, one) n2 = Unsqueeze (n1, first) n3 = Concat <axis = 0> (ones, n2, six) h0 = Expand (nought, n3) a, h = GRU',
)
  .replace('(l, G, R, b)', '(l, G, R, b, , h0)')
  .replace('int64[1] first = {0}', 'int64[1] first = {0}, int64 one = {1}, int64[1] ones = {1}, int64[1] six = {6}, float nought = {0}');
const FRAME_BIAS = `${header} g (float[1, 1, 5, 9, 8] X) => (float[1, 4] Y) <float[3, 1, 2, 3, 3] K, float[4, 1, 1] B, float[4, 504] W> {
  c = Conv (X, K) a = Add (c, B) r = Relu (a) f = Flatten (r) Y = Gemm <transB = 1> (f, W) }`;
/** The mean over the frames of a video, then convolutions over the picture that is left: height and width slide, but only together. */
const MEAN_OVER_FRAMES = `${header} g (float[1, 2, 5, 9, 9] X) => (float[1, 3] Y)
  <float[5, 2, 3, 3, 3] K, int64[1] frames = {2}, float[6, 5, 3, 3] L, int64[2] places = {2, 3}, float[3, 6] W> {
  c = Conv (X, K) r = Relu (c) m = ReduceMean <keepdims = 0> (r, frames) d = Conv (m, L) e = Relu (d)
  p = ReduceMean <keepdims = 0> (e, places) Y = Gemm <transB = 1> (p, W) }`;
const ALL_TIED = COLUMN_BIAS.replace('[1, 1, 1, 7] B', '[6, 7] B');
const FREE = COLUMN_BIAS.replace('[1, 1, 1, 7] B', '[1] B');

const size = { inputSize: { lengths: [24, 12] } };

test.each([
  ['a bias for each column', COLUMN_BIAS, {}, ['height'], /Add 'a'.*constant 'B' \[1, 1, 1, 7\]/],
  ['a scale for each row', ROW_SCALE, {}, ['width'], /Mul 'a'/],
  ['a norm over bins', NORM_PER_BIN, size, ['height'], /LayerNormalization 'n'/],
  ['frequencies that are pooled', POOLED_FREQUENCIES, {}, ['height'], /BatchNormalization 'n'/],
  ['a layer for each frame', LAYER_PER_FRAME, {}, ['height'], /MatMul 'm'/],
  ['convolutions over time alone', CONV_OVER_TIME, {}, ['width'], /Mul 'n'/],
  ['a recurrent layer over time', RECURRENT, {}, ['height'], /Mul 'n'/],
  ['a recurrent layer that begins with zeros', FIRST_STATE, {}, ['height'], /Mul 'n'/],
  ['a bias for each frame of a video', FRAME_BIAS, {}, ['height', 'width'], /Add 'a'/],
  ['a mean over the frames of a video, and convolutions', MEAN_OVER_FRAMES, {}, ['height', 'width'], /Conv 'd'/],
] as const)('%s: slides along the other axes, each cell is the original on its crop', async (_, text, options, sliding, reason) => {
  const model = await expectCrops(text, options);
  expect(JSON.parse(model.metadata.get('convolutionize.slides') ?? '')).toEqual(sliding);
  const { report } = compile(parseGraph(text), options);
  expect(report.tied).toHaveLength(1);
  expect(report.tied[0]?.reason).toMatch(reason);
  // What does not slide keeps its length.
  const shape = model.graph.inputs[0]?.type?.shape ?? [];
  expect(shape.filter((dim) => typeof dim === 'string' && dim !== 'N')).toEqual(sliding);
});

test.each([
  ['height', FREE, ['height']],
  ['2', FREE, ['height']],
  ['-1', FREE, ['width']],
  ['time', NORM_PER_BIN, ['height']],
  ['time', COLUMN_BIAS, ['height']],
  ['height, width', FREE, undefined],
] as const)('--slide %s', async (wanted, text, sliding) => {
  const model = await expectCrops(text, { slide: wanted.split(', '), ...(text === NORM_PER_BIN && size) });
  const found = model.metadata.get('convolutionize.slides');
  expect(found === undefined ? undefined : JSON.parse(found)).toEqual(sliding);
});

test.each([
  ['an axis that cannot slide', COLUMN_BIAS, ['width'], 'CANNOT_SLIDE', /Add 'a'/],
  ['one of several that cannot', COLUMN_BIAS, ['height', 'width'], 'CANNOT_SLIDE', /Add 'a'/],
  ['an axis that is not there', FREE, ['depth'], 'UNKNOWN_AXIS', /'depth', which is not a spatial axis/],
  ['the axis of channels', FREE, ['1'], 'UNKNOWN_AXIS', /'1'/],
  ['time, which could be either', FREE, ['time'], 'UNKNOWN_AXIS', /'time'/],
  ['no axis that could slide', ALL_TIED, undefined, 'CANNOT_SLIDE', /Add 'a'/],
] as const)('refused: %s', (_, text, slide, code, message) => {
  let error: unknown;
  try {
    compile(parseGraph(text), { slide });
  } catch (found) {
    error = found;
  }
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
});

test.each([
  ['window', {}],
  ['cell', { head: 'cell' }],
  ['image', { head: 'image' }],
  ['a finer map', { stride: 1 }],
] as const)('%s: verified', async (_, options) => {
  const original = parseGraph(NORM_PER_BIN.replace('[N, 1, time, 12]', '[1, 1, 24, 12]').replace('[N, 5]', '[1, 5]'));
  const { model } = compile(original, options);
  const report = await verifyFiles(modelToBytes(original), modelToBytes(model), { budget: 1, samples: 3 });
  expect(report.verdict).toBe('equal');
  // Sizes along what slides only.
  expect(report.checks.flatMap(({ sizes }) => sizes ?? []).every((text) => text.endsWith('x12'))).toBe(true);
});

test('pools along an axis that does not slide: verified at sizes that keep it', async () => {
  const original = parseGraph(POOLED_FREQUENCIES);
  const { model } = compile(original);
  const report = await verifyFiles(modelToBytes(original), modelToBytes(model), { budget: 1, samples: 3 });
  expect(report.verdict).toBe('equal');
  expect(report.checks.flatMap(({ sizes }) => sizes ?? []).every((text) => text.endsWith('x12'))).toBe(true);
});

test('what a file says about its axes is read again, and holds', async () => {
  const { model, report } = compile(parseGraph(COLUMN_BIAS));
  expect(report.contract.axes).toEqual({ height: 'everywhere', width: 'fixed' });
  const read = readModel(bufferSource(modelToBytes(model)));
  expect(model.metadata.get('convolutionize.axes')).toBe('{"height":"everywhere","width":"fixed"}');
  expect(model.metadata.get('convolutionize.field')).toBe('{"Y":[[0,13],"whole"]}');
  expect([...read.graph.tied]).toEqual(expect.arrayContaining(['W']));
  expect(declaredContract(read)?.axes).toEqual({ height: 'everywhere', width: 'fixed' });
  expect([...(declaredSize(read)?.shapes ?? [])]).toEqual([['X', [1, 3, 14, 16]]]);
  expect(JSON.parse(model.metadata.get('convolutionize.sizes') ?? '').X.width).toEqual({ multiple: 0, rest: 16, minimum: 16 });
  const [window] = report.windows;
  expect(window && windowLengths(window)).toEqual([14, 16]);
  await expect(runModel(model, new Map([['X', seededTensor('float', [1, 3, 14, 18], 1)]]))).rejects.toThrow();
});

test('a network that slides along all its axes says nothing about them', () => {
  const { model, report } = compile(parseGraph(FREE));
  expect(report.tied).toEqual([]);
  expect([...model.metadata.keys()].filter((key) => /slides|axes/.test(key))).toEqual([]);
});
