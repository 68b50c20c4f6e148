import { closeIntegers, integerOrigins } from '../../passes/close-integers';
import { openIntegers } from '../../passes/open-integers';
import { removeDeadNodes } from '../../passes/remove-dead-nodes';
import { compile } from '../../src/compile';
import type { Model } from '../../src/ir/model';
import { printModel } from '../../src/onnx/text/printer';
import { runPasses } from '../../src/rewrite/manager';
import { codeOf } from '../support/code-of';
import { expectPass, parseGraph } from '../support/expect-pass';
import { integers, meaning } from '../support/integers';
import { expectCrops } from '../support/windows';

const OPSETS = '<ir_version: 9, opset_import: ["" : 21, "com.microsoft" : 1]>';
const ops = ({ graph }: Model): string[] => graph.nodes.map(({ op }) => op);

/** As onnxruntime's quantize_static writes it: uneven steps, weights over their whole range. */
const network = (layers: string, weights: readonly string[], output = 'float[1, 5] Y', type: 'uint8' | 'int8' = 'uint8'): string =>
  `${OPSETS} g (float[1, 2, 12, 10] X) => (${output}) <${meaning('Q', 0.0213, type === 'uint8' ? 121 : -7, type)}, ${meaning('A', 0.0731, type === 'uint8' ? 0 : -128, type)}, ${meaning('P', 0.0717, type === 'uint8' ? 3 : -125, type)}, ${meaning('Y', 0.211, type === 'uint8' ? 131 : 9, type)}, ${weights.join(', ')}> {
    x = QuantizeLinear (X, Qs, Qz)
    a = QLinearConv (x, Qs, Qz, K, Ws, Wz, As, Az, B)
    m = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)
    ${layers}
    Y = DequantizeLinear (y, Ys, Yz) }`;
const STEM = [integers('int8', 'K', [4, 2, 3, 3]), integers('int32', 'B', [4])];
const PLAIN = [...STEM, meaning('W', 0.0031, 0, 'int8'), meaning('V', 0.0017, 0, 'int8')];
const PER_CHANNEL = [
  ...STEM,
  meaning('W', [0.0031, 0.002, 0.0047, 0.0009], 0, 'int8'),
  meaning('V', [0.001, 0.002, 0.003, 0.0011, 0.0019], 0, 'int8'),
];

describe('close-integers', () => {
  const conv = `${OPSETS} g (uint8[N, 2, 5, 4] A) => (uint8[N, 3, 3, 2] Y) <${meaning('A', 0.071, 0)}, ${meaning('W', 0.0031, 0, 'int8')}, ${meaning('Y', 0.2, 131)}, ${integers('int8', 'K', [3, 2, 3, 3])}, ${integers('int32', 'B', [3])}> {
    Y = QLinearConv (A, As, Az, K, Ws, Wz, Ys, Yz, B) }`;
  test('gives back what was opened, under its own names', () => {
    const model = parseGraph(conv);
    const before = printModel(model);
    runPasses(model, [openIntegers, closeIntegers(integerOrigins(model.graph)), removeDeadNodes]);
    expect(printModel(model)).toBe(before);
  });
  test('leaves a network that came opened alone: its numbers are those of floating point', () =>
    expectPass(
      closeIntegers(new Set()),
      `${OPSETS} g (uint8[N, 2, 3, 3] A) => (uint8[N, 2, 3, 3] Y) <${meaning('A', 0.071, 0)}, ${meaning('Y', 0.2, 131)}> {
        r = DequantizeLinear (A, As, Az) s = Sigmoid (r) Y = QuantizeLinear (s, Ys, Yz) }`,
    ).toStay());

  test.each([
    ['one scale', PLAIN, 'uint8'],
    ['scales per output', PER_CHANNEL, 'uint8'],
    ['scales per output, signed data', PER_CHANNEL, 'int8'],
  ] as const)('a flattened map: each cell is in every bit what the original says of its crop (%s)', async (_, weights, type) => {
    const { converted } = await expectCrops(
      network(
        'f = Flatten <axis = 1> (m) y = com.microsoft.QGemm <transB = 1> (f, As, Az, L, Vs, Vz, C, Ys, Yz)',
        [...weights, integers('int8', 'L', [5, 80]), integers('int32', 'C', [5])],
        undefined,
        type,
      ),
      {},
      0,
    );
    expect(ops(converted)).toEqual(['QuantizeLinear', 'QLinearConv', 'MaxPool', 'QLinearConv', 'DequantizeLinear']);
  });
  test("ONNX's own product, the weight on the right", async () => {
    const { converted } = await expectCrops(
      network('f = Flatten <axis = 1> (m) y = QLinearMatMul (f, As, Az, L, Vs, Vz, Ys, Yz)', [...PLAIN, integers('int8', 'L', [80, 5])]),
      {},
      0,
    );
    expect(ops(converted)).toEqual(['QuantizeLinear', 'QLinearConv', 'MaxPool', 'QLinearConv', 'DequantizeLinear']);
  });
  test('a pooled head, with branches, activations and a softmax', async () => {
    const { converted } = await expectCrops(
      network(
        `s = com.microsoft.QLinearSigmoid (m, As, Az, Ps, Pz)
         n = com.microsoft.QLinearMul (m, As, Az, s, Ps, Pz, As, Az)
         c = com.microsoft.QLinearConcat <axis = 1> (As, Az, m, As, Az, n, As, Az)
         l = com.microsoft.QLinearLeakyRelu <alpha = 0.1> (c, As, Az, Ps, Pz)
         p = com.microsoft.QLinearGlobalAveragePool (l, Ps, Pz, Ps, Pz)
         f = Flatten <axis = 1> (p)
         g = com.microsoft.QGemm <transB = 1> (f, Ps, Pz, L, Vs, Vz, C, Ys, Yz)
         y = com.microsoft.QLinearSoftmax <axis = 1, opset = 13> (g, Ys, Yz, Ys, Yz)`,
        [...PLAIN, integers('int8', 'L', [5, 8]), integers('int32', 'C', [5])],
      ),
      {},
      0,
    );
    expect(ops(converted)).toEqual([
      'QuantizeLinear',
      'QLinearConv',
      'MaxPool',
      'com.microsoft.QLinearSigmoid',
      'com.microsoft.QLinearMul',
      'com.microsoft.QLinearConcat',
      'com.microsoft.QLinearLeakyRelu',
      'com.microsoft.QLinearAveragePool',
      'QLinearConv',
      'com.microsoft.QLinearSoftmax',
      'DequantizeLinear',
    ]);
  });
  test('an average between layers, and a sum', async () => {
    await expectCrops(
      network(
        `q = com.microsoft.QLinearAveragePool <kernel_shape = [2, 2]> (m, As, Az, Ps, Pz)
         r = com.microsoft.QLinearAdd (q, Ps, Pz, q, Ps, Pz, As, Az)
         f = Flatten <axis = 1> (r) y = com.microsoft.QGemm <transB = 1> (f, As, Az, L, Vs, Vz, C, Ys, Yz)`,
        [...PLAIN, integers('int8', 'L', [5, 48]), integers('int32', 'C', [5])],
      ),
      {},
      0,
    );
  });
  test('a finer map computes in integers as well', () => {
    const text = network('f = Flatten <axis = 1> (m) y = com.microsoft.QGemm <transB = 1> (f, As, Az, L, Vs, Vz, C, Ys, Yz)', [
      ...PLAIN,
      integers('int8', 'L', [5, 80]),
      integers('int32', 'C', [5]),
    ]);
    const { model } = compile(parseGraph(text), { stride: 1 });
    expect(ops(model)).toEqual(['QuantizeLinear', 'QLinearConv', 'MaxPool', 'QLinearConv', 'DequantizeLinear']);
  });
  test('what ONNX Runtime has no integers for is refused by name', () => {
    const text = network(
      `q = com.microsoft.QLinearAveragePool <kernel_shape = [2, 2]> (m, As, Az, As, Az)
       f = Flatten <axis = 1> (q) y = com.microsoft.QGemm <transB = 1> (f, As, Az, L, Vs, Vz, C, Ys, Yz)`,
      [...PLAIN, integers('int8', 'L', [5, 48]), integers('int32', 'C', [5])],
    );
    expect(codeOf(() => compile(parseGraph(text), { stride: 1 }))).toBe('NOT_CONVERTIBLE');
  });
  test('a prediction per cell of a pooled network is refused: the average is rounded before the layer', () => {
    const text = network(
      'p = com.microsoft.QLinearGlobalAveragePool (m, As, Az, Ps, Pz) f = Flatten <axis = 1> (p) y = com.microsoft.QGemm <transB = 1> (f, Ps, Pz, L, Vs, Vz, C, Ys, Yz)',
      [...PLAIN, integers('int8', 'L', [5, 4]), integers('int32', 'C', [5])],
    );
    expect(codeOf(() => compile(parseGraph(text), { head: 'cell' }))).toBe('NOT_CONVERTIBLE');
  });
});
