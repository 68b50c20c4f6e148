/** Classifiers as exporters other than PyTorch's spell them, and outputs of every form: converted, and verified against their originals. */
import { type CompileOptions, compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { bufferSource } from '../../src/ir/bytes';
import { decodeModel, encodeModel, toInt64 } from '../../src/onnx/proto';
import { readModel } from '../../src/onnx/read';
import { modelToBytes } from '../../src/onnx/write';
import { verifyFiles } from '../../src/verify/files/verify';
import { expectEqual } from '../support/checks';
import { parseGraph } from '../support/expect-pass';

const MAP = ['floor((height + 1)/2) - 3', 'floor((width + 1)/2) - 3'];
/** A stem of 4 channels at 4x4 (T), pooled (P) and flattened (F) in front of what is tested. */
const network = (head: string, { outputs = 'float[1, 5] Y', constants = '', opset = 20, ir = 9 } = {}): string => `
  <ir_version: ${ir}, opset_import: ["" : ${opset}]> g (float[1, 3, 8, 8] X) => (${outputs})
  <float[4, 3, 3, 3] K, float[5, 4] W, float[5] B${constants ? `, ${constants}` : ''}> {
    S = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) T = Relu (S)
    P = GlobalAveragePool (T) F = Flatten (P) G = Gemm <transB = 1> (F, W, B) ${head} }`;

async function outcome(text: string, options: CompileOptions = {}): Promise<unknown> {
  const original = parseGraph(text);
  const compiled = compile(original, options);
  expectEqual(await verifyFiles(original, compiled.model, { compiled }), 'original size');
  return compiled.report.outputs.map(({ converted }) => converted);
}
function failure(text: string, options: CompileOptions = {}): string {
  try {
    compile(parseGraph(text), options);
    return 'no error';
  } catch (error) {
    return error instanceof CompileError ? `${error.code}: ${error.message}` : `crash: ${String(error)}`;
  }
}

describe('outputs', () => {
  test.each<[string, string, Parameters<typeof network>[1], unknown]>([
    ['the best class, its axis dropped', 'Y = ArgMax <axis = 1, keepdims = 0> (G)', { outputs: 'int64[1] Y' }, [[1, 1, ...MAP]]],
    [
      'the best class in another type',
      'A = ArgMax <axis = 1, keepdims = 0> (G) Y = Cast <to = 6> (A)',
      { outputs: 'int32[1] Y' },
      [[1, 1, ...MAP]],
    ],
    [
      'scores in channels-last order',
      'H = Conv <kernel_shape = [1, 1]> (P, V) Y = Transpose <perm = [0, 2, 3, 1]> (H)',
      { outputs: 'float[1, 1, 1, 5] Y', constants: 'float[5, 4, 1, 1] V' },
      [[1, 5, ...MAP]],
    ],
    [
      'the best classes and their scores',
      'Y, I = TopK <axis = 1> (G, k)',
      { outputs: 'float[1, 2] Y, int64[1, 2] I', constants: 'int64[1] k = {2}' },
      [
        [1, 2, ...MAP],
        [1, 2, ...MAP],
      ],
    ],
    ['the best score', 'Y = ReduceMax <keepdims = 0> (G, a)', { outputs: 'float[1] Y', constants: 'int64[1] a = {1}' }, [[1, 1, ...MAP]]],
    [
      'scores without the axis of the batch',
      'Y = Squeeze (G, a)',
      { outputs: 'float[5] Y', constants: 'int64[1] a = {0}' },
      [[1, 5, ...MAP]],
    ],
    ['scores in rows', 'Y = Reshape (G, s)', { outputs: 'float[1, 5, 1] Y', constants: 'int64[3] s = {1, 5, 1}' }, [[1, 5, ...MAP]]],
    [
      'a map of features beside the scores',
      'Y = Identity (G)',
      { outputs: 'float[1, 4, 4, 4] T, float[1, 5] Y' },
      [
        [1, 4, 'floor((height + 1)/2)', 'floor((width + 1)/2)'],
        [1, 5, ...MAP],
      ],
    ],
    [
      'Softmax of a map as a matrix, as it was until opset 12',
      'Y = Softmax (P)',
      { outputs: 'float[1, 4, 1, 1] Y', opset: 7, ir: 3 },
      [[1, 4, ...MAP]],
    ],
  ])('%s', async (_, head, options, shapes) => expect(await outcome(network(head, options))).toEqual(shapes));

  test('of one prediction per image keep their form', async () => {
    const text = network('Y = Reshape (G, s)', { outputs: 'float[1, 4, 4, 4] T, float[1, 5, 1] Y', constants: 'int64[3] s = {1, 5, 1}' });
    expect(await outcome(text, { head: 'image' })).toEqual([
      [1, 4, 'floor((height + 1)/2)', 'floor((width + 1)/2)'],
      [1, 5, 1],
    ]);
  });
  test('labels have no average', () =>
    expect(failure(network('Y = ArgMax <axis = 1, keepdims = 0> (G)', { outputs: 'int64[1] Y' }), { head: 'image' })).toMatch(
      /NOT_CONVERTIBLE.*labels have no average/,
    ));
  test('a map of features is not a class activation map, but may stand beside one', async () => {
    const text = network('Y = Identity (G)', { outputs: 'float[1, 4, 4, 4] T, float[1, 5] Y' });
    const cells = ['floor((height + 1)/2)', 'floor((width + 1)/2)'];
    expect(await outcome(text, { head: 'cell' })).toEqual([
      [1, 4, ...cells],
      [1, 5, ...cells],
    ]);
  });
});

describe('pools', () => {
  test('over rows, then over columns', async () =>
    expect(
      await outcome(
        network('A = ReduceMean (T, h) C = ReduceMean (A, w) D = Flatten (C) Y = Gemm <transB = 1> (D, W, B)', {
          constants: 'int64[1] h = {2}, int64[1] w = {3}',
        }),
      ),
    ).toEqual([[1, 5, ...MAP]]));
  test('side by side over a pyramid of places', async () =>
    expect(
      await outcome(
        network(
          'A = GlobalMaxPool (T) C = Flatten (A) D = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (T) E = Flatten (D) H = Concat <axis = 1> (C, E) Y = Gemm <transB = 1> (H, V, B)',
          { constants: 'float[5, 20] V' },
        ),
      ),
    ).toEqual([[1, 5, ...MAP]]));
});

describe('fully connected layers', () => {
  test.each<[string, string, string]>([
    [
      'on a row [N, 1, K]',
      'R = Reshape (T, r) M = MatMul (R, w) A = Add (M, B) Y = Reshape (A, s)',
      'int64[3] r = {1, 1, 64}, float[64, 5] w, int64[2] s = {1, 5}',
    ],
    [
      'on a pooled row, with an activation',
      'R = Reshape (P, r) M = MatMul (R, w) A = Tanh (M) Y = Squeeze (A, s)',
      'int64[3] r = {1, 1, 4}, float[4, 5] w, int64[1] s = {1}',
    ],
    [
      'on a vector without the axis of the batch',
      'R = Squeeze (P) M = MatMul (R, w) A = Add (M, B) Y = Unsqueeze (A, s)',
      'float[4, 5] w, int64[1] s = {0}',
    ],
    ['from the left', 'D = Flatten (T) R = Transpose (D) M = MatMul (w, R) Y = Transpose (M)', 'float[5, 64] w'],
    ['as a sum of products', 'D = Flatten (T) Y = Einsum <equation = "bi,oi->bo"> (D, w)', 'float[5, 64] w'],
    [
      'behind a norm over the features of a map',
      'D = Flatten (T) N = Mul (D, s) R = Relu (N) Y = MatMul (R, w)',
      'float[64] s, float[64, 5] w',
    ],
  ])('%s', async (_, head, constants) => expect(await outcome(network(head, { constants }))).toEqual([[1, 5, ...MAP]]));
});

test('a number that is an input of its own scales the features', async () => {
  const text = network('M = Mul (F, p) Y = Gemm <transB = 1> (M, W, B)').replace('8, 8] X)', '8, 8] X, float p)');
  expect(await compile(parseGraph(text)).report.outputs.map(({ converted }) => converted)).toEqual([[1, 5, ...MAP]]);
});
test('operators of a runtime are named', () => {
  const text = network('Q = com.microsoft.Trilu (T) A = GlobalAveragePool (Q) D = Flatten (A) Y = Gemm <transB = 1> (D, W, B)');
  expect(failure(text.replace('"" : 20', '"" : 20, "com.microsoft" : 1'))).toMatch(/NOT_CONVERTIBLE.*Trilu 'Q'.*'com.microsoft'/);
});

describe('quantised networks', () => {
  const quantised = (head: string, constants: string): string =>
    `<ir_version: 9, opset_import: ["" : 20]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y)
      <float[4, 3, 3, 3] K, float s = {0.0173}, uint8 z = {0}, float[5] t = {0.011, 0.013, 0.017, 0.019, 0.012}, int8[5] o = {0, 0, 0, 0, 0}, ${constants}> {
        S = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) R = Relu (S) Q = QuantizeLinear (R, s, z) T = DequantizeLinear (Q, s, z) ${head} }`;
  const weight = (count: number): string => Array.from({ length: count }, (_, at) => ((at * 37) % 255) - 127).join(', ');
  test.each([
    [
      'a pooled head',
      'P = GlobalAveragePool (T) A = QuantizeLinear (P, u, z) C = DequantizeLinear (A, u, z) F = Flatten (C) D = DequantizeLinear <axis = 0> (w, t, o) G = Gemm <transB = 1> (F, D) H = QuantizeLinear (G, v) Y = DequantizeLinear (H, v)',
      `int8[5, 4] w = {${weight(20)}}, float u = {0.00531}, float v = {0.0237}`,
    ],
    [
      'a layer over a map, its weight stored the other way round',
      'F = Flatten (T) D = DequantizeLinear <axis = 1> (w, t, o) Y = MatMul (F, D)',
      `int8[64, 5] w = {${weight(320)}}`,
    ],
  ])('%s keeps its few bits', async (_, head, constants) => {
    const text = quantised(head, constants);
    expect(await outcome(text)).toEqual([[1, 5, ...MAP]]);
    const { graph } = compile(parseGraph(text)).model;
    expect(graph.constants.find(({ name }) => name.startsWith('w'))?.constant.dtype).toBe('int8');
  });
  test('with a weight that is turned behind it, and a bias in few bits', async () =>
    expect(
      await outcome(
        quantised(
          'F = Flatten (T) D = DequantizeLinear <axis = 0> (w, t, o) E = Transpose <perm = [1, 0]> (D) M = MatMul (F, E) C = DequantizeLinear (c, u) Y = Add (M, C)',
          `int8[5, 64] w = {${weight(320)}}, int32[5] c = {10, -20, 30, -40, 50}, float u = {0.0031}`,
        ),
      ),
    ).toEqual([[1, 5, ...MAP]]));
  test('computing in integers are refused by the name of the operator', () =>
    expect(
      failure(
        network('Q, q, z = DynamicQuantizeLinear (F) I = MatMulInteger (Q, w, z) J = Cast <to = 1> (I) Y = Mul (J, q)', {
          constants: `int8[4, 5] w = {${weight(20)}}`,
        }),
      ),
    ).toMatch(/NOT_CONVERTIBLE.*DynamicQuantizeLinear 'Q': it computes in integers/));
});

describe('a network of convolutions alone', () => {
  const text = `<ir_version: 9, opset_import: ["" : 20]> g (float[1, 3, 8, 8] X) => (float[1, 5, 1, 1] Y) <float[4, 3, 3, 3] K, float[5, 4, 4, 4] V> {
    S = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) T = Relu (S) Y = Conv <kernel_shape = [4, 4]> (T, V) }`;
  test('gets a free size where the file gives it one', async () => expect(await outcome(text)).toEqual([[1, 5, ...MAP]]));
  test('is left alone where its size is free', () =>
    expect(failure(text.replace('8, 8] X', 'h, w] X').replace('5, 1, 1] Y', '5, y, x] Y'), { inputSize: { lengths: [8, 8] } })).toMatch(
      /NOTHING_TO_CONVERT/,
    ));
  test('has no class activation map', () => expect(failure(text, { head: 'cell' })).toMatch(/NOT_CONVERTIBLE.*no global average/));
});

test('weights that old files list among the inputs, one of them read by a view', async () => {
  const text = `<ir_version: 3, opset_import: ["" : 7]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[4, 4, 4, 5] V, int64[2] s = {64, 5}, int64[2] t = {1, 64}> {
    S = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) T = Relu (S) M = Reshape (V, s) F = Reshape (T, t) Y = MatMul (F, M) }`;
  expect(await outcome(text)).toEqual([[1, 5, ...MAP]]);
});

test('a file of an opset older than the runtime knows is run as a newer one spells it', async () => {
  const text = `<ir_version: 3, opset_import: ["" : 7]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y)
    <float[4, 3, 3, 3] K, float[4] s, float[4] b, float[4] m, float[4] v = {1, 2, 3, 4}, float[5, 64] W> {
      C = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) N = BatchNormalization (C, s, b, m, v) R = Relu (N)
      F = Flatten (R) Y = Gemm <transB = 1> (F, W, z) }`.replace('W> {', 'W, float[5] z> {');
  const proto = decodeModel(modelToBytes(parseGraph(text)));
  // Until opset 6, norms say that they are not being trained, and Gemm says that its bias is broadcast.
  for (const node of proto.graph?.node ?? []) {
    if (node.op_type === 'BatchNormalization') node.attribute = [{ name: 'is_test', type: 2, i: toInt64(1) }];
    if (node.op_type === 'Gemm') node.attribute = [...(node.attribute ?? []), { name: 'broadcast', type: 2, i: toInt64(1) }];
  }
  proto.opset_import = [{ domain: '', version: toInt64(6) }];
  const file = encodeModel(proto);
  const compiled = compile(readModel(bufferSource(file)));
  const warnings: string[] = [];
  const report = await verifyFiles(file, compiled.model, { compiled, warn: ({ code }) => warnings.push(code) });
  expect([report.verdict, warnings]).toEqual(['equal', ['OLD_OPSET']]);
});

test('long means over the outer axes, summed one number after the other: the original is off by more than the conversion', async () => {
  const text = `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 24, 24, 3] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[4, 5] W, int64[2] a = {1, 2}> {
    T = Transpose <perm = [0, 3, 1, 2]> (X) C = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (T, K) L = Transpose <perm = [0, 2, 3, 1]> (C) R = Relu (L)
    M = ReduceMean <keepdims = 0> (R, a) Y = Gemm (M, W) }`;
  const original = parseGraph(text);
  const compiled = compile(original);
  const { verdict, tolerance } = await verifyFiles(original, compiled.model, { compiled });
  expect([verdict, (tolerance.noise.sums ?? 0) > 0]).toEqual(['equal', true]);
});

test('a branch that is taken at every image is the network', async () => {
  const head = `D = Shape <start = 2, end = 3> (P) C = Equal (D, one)
    Q = If <then_branch = taken () => (float[1, 4] A) { A = Squeeze (P, s) }, else_branch = other () => (float[1, 4, 1, 1] E) { E = Identity (P) }> (C)
    Y = Gemm <transB = 1> (Q, W, B)`;
  expect(await outcome(network(head, { constants: 'int64[1] one = {1}, int64[2] s = {2, 3}' }))).toEqual([[1, 5, ...MAP]]);
});
