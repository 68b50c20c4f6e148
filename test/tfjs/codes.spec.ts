/** Quantised networks in TensorFlow.js: weights stay codes of eight bits, pairs of QuantizeLinear and DequantizeLinear are few nodes, images are channels-last. */
import { readNumbers } from '../../src/ir/tensor';
import { type ArtifactReport, writeArtifacts } from '../../src/tfjs/artifacts';
import { lowerToTfjs } from '../../src/tfjs/lower';
import { parseGraph } from '../support/expect-pass';
import { bothWays, startBothWays, stopBothWays } from './both-ways';

jest.setTimeout(120_000);
beforeAll(startBothWays);
afterAll(stopBothWays);

/** Codes by a pattern, so that no two channels are alike. */
const codes = (count: number, step = 37): string => Array.from({ length: count }, (_, at) => ((at * step) % 255) - 127).join(', ');
const graph = (body: string, constants: string, input = 'N, 3, H, W', output = 'N, 4, h, w'): string =>
  `<ir_version: 9, opset_import: ["" : 19]> g (float[${input}] X) => (float[${output}] Y) <
    float by = {0.02}, int8 zero = {-3}, float step = {0.05}, ${constants}> { ${body} }`;
const input = 'A = QuantizeLinear (X, by, zero) B = DequantizeLinear (A, by, zero)';
const after = 'E = QuantizeLinear (C, step, zero) Y = DequantizeLinear (E, step, zero)';
const perChannel = 'float[4] scales = {0.01, 0.02, 0.005, 0.03}, int8[4] zeros = {0, 0, 0, 0}';

const conv = graph(
  `${input} V = DequantizeLinear <axis = 0> (W, scales, zeros) C = Conv <pads = [1, 1, 1, 1]> (B, V, bias) ${after}`,
  `int8[4, 3, 3, 3] W = {${codes(108)}}, ${perChannel}, float[4] bias = {0.1, -0.2, 0.3, 0.0}`,
);

const CASES: readonly (readonly [title: string, text: string, stored: readonly string[]])[] = [
  ['a scale for each channel', conv, ['uint8 [3,3,3,4]']],
  [
    'one scale',
    graph(
      `${input} V = DequantizeLinear (W, one) C = Conv (B, V) Y = Relu (C)`,
      `int8[4, 3, 1, 1] W = {${codes(12)}}, float one = {0.0123}`,
    ),
    ['uint8 [1,1,3,4]'],
  ],
  [
    'a channel by itself',
    graph(
      `${input} V = DequantizeLinear <axis = 0> (W, scales, zeros) C = Conv <group = 4> (B, V) ${after}`,
      `int8[4, 1, 3, 3] W = {${codes(36)}}, ${perChannel}`,
      'N, 4, H, W',
    ),
    ['uint8 [3,3,4,1]'],
  ],
  [
    'in groups, merged with zeros between',
    graph(
      `${input} V = DequantizeLinear <axis = 0> (W, scales, zeros) C = Conv <group = 2> (B, V) ${after}`,
      `int8[4, 2, 3, 3] W = {${codes(72)}}, ${perChannel}`,
      'N, 4, H, W',
    ),
    ['uint8 [3,3,4,4]'],
  ],
  [
    'a linear layer, of unsigned codes',
    graph(
      `F = Flatten (X) V = DequantizeLinear <axis = 0> (W, scales, mids) Y = Gemm <transB = 1> (F, V)`,
      `uint8[4, 6] W = {${Array.from({ length: 24 }, (_, at) => (at * 37) % 256)}}, float[4] scales = {0.01, 0.02, 0.005, 0.03}, uint8[4] mids = {128, 128, 128, 128}`,
      'N, 6',
      'N, 4',
    ),
    ['uint8 [6,4]'],
  ],
  [
    'codes of 32 bits, as biases have them, become floats',
    graph(
      `${input} V = DequantizeLinear (W, one) D = DequantizeLinear (bias, one) Y = Conv (B, V, D)`,
      `int8[4, 3, 1, 1] W = {${codes(12)}}, float one = {0.0123}, int32[4] bias = {100, -20000, 3, 0}`,
    ),
    ['uint8 [1,1,3,4]'],
  ],
];

const sizes = [
  { N: 1, H: 6, W: 5 },
  { N: 2, H: 5, W: 8 },
];

test.each(CASES)('%s: the same numbers, from codes', async (_, text, stored) => {
  expect(await bothWays(text, { sizes, scale: 2 })).toBeGreaterThan(0);
  const { weights, report } = written(text);
  expect(weights.filter(({ quantization }) => quantization).map(({ shape, quantization }) => `${quantization?.dtype} [${shape}]`)).toEqual(
    stored,
  );
  // Nothing is lost, so that nothing has to be measured.
  expect(report.quantised).toEqual([]);
});

test('a pair of QuantizeLinear and DequantizeLinear is four nodes, and the image is channels-last', () => {
  const { nodes, inputs } = lowerToTfjs(parseGraph(conv));
  const ops = nodes.filter(({ op }) => op !== 'Const').map(({ op }) => op);
  const pair = ['RealDiv', 'Round', 'ClipByValue', 'Mul'];
  expect(ops).toEqual(['Placeholder', ...pair, 'Mul', '_FusedConv2D', ...pair]);
  expect(inputs[0]?.layout).toBe('nhwc');
});

test('parameters of a norm that are codes are decoded before they are folded', async () => {
  const text = graph(
    'C = Conv (X, K) S = DequantizeLinear (s, one) T = DequantizeLinear (t, one) Y = BatchNormalization (C, S, T, mean, variance)',
    'float[4, 3, 1, 1] K, int8[4] s = {10, -20, 30, 40}, int8[4] t = {5, 6, -7, 8}, float one = {0.05}, float[4] mean = {0.1, 0.2, 0.3, 0.4}, float[4] variance = {1.0, 2.0, 3.0, 4.0}',
  );
  expect(await bothWays(text, { sizes })).toBeGreaterThan(0);
});

test('a network of codes alone keeps pairs with other scales apart', async () => {
  const text = graph('A = QuantizeLinear (X, by, zero) B = DequantizeLinear (A, step, zero) Y = Conv (B, K)', 'float[4, 3, 1, 1] K');
  expect(await bothWays(text, { sizes, scale: 2 })).toBeGreaterThan(0);
});

interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
  readonly quantization?: { readonly dtype: string; readonly scale: number; readonly min: number };
}

function written(text: string): { readonly weights: readonly Stored[]; readonly report: ArtifactReport } {
  let json = '';
  const sink = {
    shard: (): void => {},
    write: (): void => {},
    json: (content: string): void => {
      json = content;
    },
  };
  const graph = lowerToTfjs(parseGraph(text));
  for (const { tensor } of graph.weights) expect(readNumbers(tensor).every(Number.isFinite)).toBe(true);
  const report = writeArtifacts(graph, sink, { about: {} });
  return { weights: JSON.parse(json).weightsManifest[0].weights, report };
}
