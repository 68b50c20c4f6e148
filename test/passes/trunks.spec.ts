/** Pieces of trunks as exporters spell them, compiled and run at the original size and a larger one. */
import { type CompileOptions, compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { readNumbers } from '../../src/ir/tensor';
import { parseGraph } from '../support/expect-pass';
import { feedsFor, runModel } from '../support/run';

const header = '<ir_version: 9, opset_import: ["" : 20]>';
/** A stem of 4 channels at 8x8, the piece from S to T, a pooled classifier. */
const network = (piece: string, constants: string): string => `${header} g (float[1, 3, 16, 16] X) => (float[1, 5] Y)
  <float[4, 3, 3, 3] K, float[5, 4] W, float[5] B${constants ? `, ${constants}` : ''}> {
    S = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) ${piece}
    P = GlobalAveragePool (T) F = Flatten (P) Y = Gemm <transB = 1> (F, W, B) }`;
const shapeOf = (text: string, options: CompileOptions = {}): unknown => compile(parseGraph(text), options).report.outputs[0]?.converted;
const failure = (text: string): string => {
  try {
    compile(parseGraph(text));
    return 'no error';
  } catch (error) {
    return error instanceof CompileError ? `${error.code}: ${error.message}` : `crash: ${String(error)}`;
  }
};

const pieces: readonly [string, string, string][] = [
  [
    'a norm over groups of channels, with views around an InstanceNormalization',
    'A = Reshape (S, a) I = InstanceNormalization (A, s, t) R = Reshape (I, b) T = Relu (R)',
    'int64[3] a = {0, 2, -1}, int64[4] b = {1, 4, 8, 8}, float[2] s = {1, 1}, float[2] t = {0, 0}',
  ],
  [
    'a deviation of groups of channels, spread over the map that it was taken from',
    'A = Reshape (S, a) M = ReduceMean (A, r) D = Sub (A, M) Q = Mul (D, D) V = ReduceMean (Q, r) U = Add (V, e) E = Expand (U, a) H = Reshape (E, b) T = Div (S, H)',
    'int64[5] a = {1, 2, 2, 8, 8}, int64[4] b = {1, 4, 8, 8}, int64[3] r = {2, 3, 4}, float e = {0.01}',
  ],
  [
    'such a deviation spread to a size of which only the batch is asked for',
    'A = Reshape (S, a) M = ReduceMean (A, r) D = Sub (A, M) Q = Mul (D, D) V = ReduceMean (Q, r) U = Add (V, e) N = Shape <end = 1> (X) Z = Concat <axis = 0> (N, g, g, o, o) E = Expand (U, Z) H = Reshape (E, b) T = Div (S, H)',
    'int64[5] a = {-1, 2, 2, 8, 8}, int64[4] b = {-1, 4, 8, 8}, int64[3] r = {2, 3, 4}, int64[1] g = {2}, int64[1] o = {8}, float e = {0.01}',
  ],
  [
    'a gate resized to a map whose batch and channels are asked for and whose size is not',
    'A = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (S) H = Shape <end = 2> (A) Z = Concat <axis = 0> (H, z) R = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (A, , , Z) T = Mul (S, R)',
    'int64[2] z = {8, 8}',
  ],
  [
    'channels shuffled',
    'A = Reshape (S, a) Q = Transpose <perm = [0, 2, 1, 3, 4]> (A) R = Reshape (Q, b) T = Conv <kernel_shape = [1, 1]> (R, V)',
    'int64[5] a = {1, 2, 2, 8, 8}, int64[4] b = {1, 4, 8, 8}, float[4, 4, 1, 1] V',
  ],
  [
    'blocks of pixels moved into channels',
    'A = Reshape (S, a) Q = Transpose <perm = [0, 3, 5, 1, 2, 4]> (A) R = Reshape (Q, b) T = Conv (R, V)',
    'int64[6] a = {1, 4, 4, 2, 4, 2}, int64[4] b = {1, 16, 4, 4}, float[4, 16, 1, 1] V',
  ],
  [
    'channels of unit length, the norm expanded',
    'N = ReduceL2 (S, c) E = Expand (N, b) T = Div (S, E)',
    'int64[1] c = {1}, int64[4] b = {1, 4, 8, 8}',
  ],
];

test('a view back to the shape of a map asks for that shape, in one node', () => {
  const shuffled =
    'A = Reshape (S, a) Q = Transpose <perm = [0, 2, 1, 3, 4]> (A) R = Reshape (Q, b) T = Conv <kernel_shape = [1, 1]> (R, V)';
  const { model } = compile(parseGraph(network(shuffled, 'int64[5] a = {1, 2, 2, 8, 8}, int64[4] b = {1, 4, 8, 8}, float[4, 4, 1, 1] V')));
  const back = model.graph.nodes.filter(({ op }) => op === 'Reshape')[1];
  expect(back?.inputs[1]?.producer?.op).toBe('Shape');
  expect(back?.outputs[0]?.type?.shape).toEqual(back?.inputs[1]?.producer?.inputs[0]?.type?.shape);
});

describe('trunks', () => {
  test.each(pieces)('%s', async (_, piece, constants) => {
    const original = parseGraph(network(piece, constants));
    const { model, report } = compile(original);
    const shape = report.outputs[0]?.converted;
    expect(shape?.slice(2).every((dim) => typeof dim === 'string')).toBe(true);
    const feeds = feedsFor(original.graph.inputs);
    const [expected, actual] = [(await runModel(original, feeds)).get('Y'), (await runModel(model, feeds)).get('Y')];
    expect(actual?.shape).toEqual([1, 5, 1, 1]);
    const numbers = actual ? readNumbers(actual) : [];
    for (const [k, number] of (expected ? readNumbers(expected) : []).entries()) expect(numbers[k]).toBeCloseTo(number, 4);
  });

  test('a unit vector in front of the classifier', () => {
    const text = `${header} g (float[1, 3, 8, 8] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[4, 5] W, int64[1] c = {1}, int64[2] b = {1, 4}> {
      S = Conv <kernel_shape = [3, 3]> (X, K) P = GlobalAveragePool (S) F = Flatten (P) N = ReduceL2 (F, c) E = Expand (N, b) U = Div (F, E) Y = MatMul (U, W) }`;
    expect(shapeOf(text)).toEqual([1, 5, 'height - 7', 'width - 7']);
  });

  test.each([
    [
      'a matrix of channels by channels, summed over all positions',
      'A = Reshape (S, a) Z = Transpose <perm = [0, 2, 1]> (A) M = MatMul (A, Z) O = Softmax (M) V = MatMul (O, A) R = Reshape (V, b) T = Add (S, R)',
      'int64[3] a = {1, 4, 64}, int64[4] b = {1, 4, 8, 8}',
      /CANNOT_SLIDE.*'M'|CANNOT_SLIDE.*MatMul.*channels with each other/,
    ],
    [
      'positions compared with each other, under views that hide their axes',
      'A = Reshape (S, a) Z = Transpose <perm = [0, 2, 1]> (A) M = MatMul (Z, A) O = Softmax (M) V = MatMul (A, O) R = Reshape (V, b) T = Add (S, R)',
      'int64[3] a = {1, 32, 8}, int64[4] b = {1, 4, 8, 8}',
      /CANNOT_SLIDE.*MatMul/,
    ],
  ])('refuses %s', (_, piece, constants, message) => expect(failure(network(piece, constants))).toMatch(message));
});
