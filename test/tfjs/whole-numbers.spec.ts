/** Layers that compute in integers, in TensorFlow.js: whole numbers of float32, exact below 2^24, rounded as ONNX Runtime rounds them. */
import { lowerToTfjs } from '../../src/tfjs/lower';
import { parseGraph } from '../support/expect-pass';
import { bothWays, startBothWays, stopBothWays } from './both-ways';

jest.setTimeout(120_000);
beforeAll(startBothWays);
afterAll(stopBothWays);

const codes = (count: number, step = 37): string => Array.from({ length: count }, (_, at) => ((at * step) % 255) - 127).join(', ');
const QLINEAR = `<ir_version: 9, opset_import: ["" : 18, "com.microsoft" : 1]>`;
const network = (body: string, constants = ''): string => `${QLINEAR} g (float[N, 3, H, W] X) => (float[N, 4, h, w] Y) <
  float xs = {0.021}, uint8 xz = {119}, float as = {0.013}, uint8 az = {101}, float bs = {0.017}, uint8 bz = {0}, float[4] ks = {0.002, 0.004, 0.003, 0.001},
  int8[4] kz = {0, 0, 0, 0}, int8[4, 3, 3, 3] K = {${codes(108)}}, int32[4] bias = {1000, -2000, 31, 0}${constants}> {
  q = QuantizeLinear (X, xs, xz)
  c = QLinearConv <pads = [1, 1, 1, 1]> (q, xs, xz, K, ks, kz, as, az, bias)
  ${body} }`;

const CASES: readonly (readonly [title: string, body: string, constants?: string])[] = [
  ['a convolution with a scale for each channel', 'Y = DequantizeLinear (c, as, az)'],
  [
    'a maximum, moved values, a second convolution',
    `m = MaxPool <kernel_shape = [2, 2], pads = [0, 0, 1, 1], strides = [1, 1]> (c)
     d = QLinearConv (m, as, az, L, ls, lz, bs, bz) Y = DequantizeLinear (d, bs, bz)`,
    `, uint8[4, 4, 1, 1] L = {${Array.from({ length: 16 }, (_, at) => (at * 53) % 256)}}, float ls = {0.003}, uint8 lz = {131}`,
  ],
  ['a product', 'd = com.microsoft.QLinearMul (c, as, az, c, as, az, bs, bz) Y = DequantizeLinear (d, bs, bz)'],
  [
    'a concatenation of other scales',
    `p, r = Split <axis = 1> (c, two) d = com.microsoft.QLinearConcat <axis = 1> (bs, bz, p, as, az, r, xs, xz) Y = DequantizeLinear (d, bs, bz)`,
    ', int64[2] two = {2, 2}',
  ],
  ['a leaky rectifier', 'd = com.microsoft.QLinearLeakyRelu <alpha = 0.1> (c, as, az, as, az) Y = DequantizeLinear (d, as, az)'],
  ['an average of the whole map', 'd = com.microsoft.QLinearGlobalAveragePool (c, as, az, bs, bz) Y = DequantizeLinear (d, bs, bz)'],
  ['integers that another operator reads', 'Y = Cast <to = 1> (c)'],
];
const sizes = [
  { N: 1, H: 6, W: 5 },
  { N: 2, H: 5, W: 9 },
];

// Jest takes a third parameter without a value in its row for `done`.
const ROWS = CASES.map(([title, body, constants = '']) => [title, body, constants] as const);
test.each(ROWS)('%s: the numbers of ONNX Runtime', async (_, body, constants) => {
  expect(await bothWays(network(body, constants), { sizes, scale: 3 })).toBeGreaterThan(0);
});

test('a sum of two maps: the numbers of ONNX Runtime where no sum is between two steps', async () => {
  const body = 'd = com.microsoft.QLinearAdd (c, as, az, c, as, az, bs, bz) Y = DequantizeLinear (d, bs, bz)';
  expect(await bothWays(network(body), { sizes, scale: 3 })).toBeGreaterThan(0);
});

test('weights of integer layers are stored in bytes', () => {
  const { weights } = lowerToTfjs(parseGraph(network('Y = DequantizeLinear (c, as, az)')));
  expect(weights.find(({ tensor }) => tensor.shape.length === 4)?.grid).toEqual({ scale: 1, min: -128 });
});

test('sums that float32 cannot hold are refused by name', () => {
  const columns = 1000;
  const text = `${QLINEAR} g (float[N, ${columns}] X) => (float[N, 1] Y) <float s = {0.02}, uint8 z = {0}, int8 w = {0}, int8[${columns}, 1] W = {${Array.from({ length: columns }, () => 127)}}> {
    q = QuantizeLinear (X, s, z) p = QLinearMatMul (q, s, z, W, s, w, s, z) Y = DequantizeLinear (p, s, z) }`;
  expect(() => lowerToTfjs(parseGraph(text))).toThrow(
    expect.objectContaining({
      diagnostic: expect.objectContaining({
        code: 'UNSUPPORTED_OPERATORS',
        notes: expect.arrayContaining([expect.stringContaining('sums may reach 32385000, and float32')]),
      }),
    }),
  );
});
