/** Networks that might run on a larger image and be wrong there: each is refused, and the node that is the reason is named. */
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { parseGraph } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 16, 16] X) => (float[1, 5] Y)';
const stem = 'A = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) R = Relu (A)';
const tokens = 'V = Reshape (R, to_tokens) T = Transpose <perm = [0, 2, 1]> (V)';
const head = 'P = ReduceMean <keepdims = 0> (Z, one) Y = Gemm <transB = 1> (P, F)';
const constants = 'float[8, 3, 3, 3] K, float[5, 8] F, int64[3] to_tokens = {1, 8, -1}, int64[1] one = {1}';

function refusal(more: string, body: string): CompileError {
  try {
    compile(parseGraph(`${header} <${constants}${more}> { ${stem} ${tokens} ${body} ${head} }`));
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error('it was converted');
}

describe('fixed positions', () => {
  test.each([
    ['attention', '', 'S = MatMul (T, V) B = Softmax (S) Z = MatMul (B, T)', /MatMul 'S'.*compares positions|compares positions/],
    ['position embeddings', ', float[1, 64, 8] e', 'Z = Add (T, e)', /'e' \[1, 64, 8\] has a separate number for each position/],
    ['a learnt class token', ', float[1, 1, 8] c', 'Z = Concat <axis = 1> (c, T)', /extra token/],
    ['the mean as a token', '', 'm = ReduceMean (T, one) Z = Concat <axis = 1> (m, T)', /extra token/],
    ['mixing by weights', ', float[64, 64] w', 'M = MatMul (V, w) Z = Transpose <perm = [0, 2, 1]> (M)', /mixes positions by a weight/],
  ])('%s', (_, more, body, says) => {
    const error = refusal(more, body);
    expect(error.code).toBe('CANNOT_SLIDE');
    expect(error.message).toMatch(says);
    expect(error.diagnostic.at?.node).toBeDefined();
  });

  test('weights that are compared over the places of a window are those of each window', () => {
    const { model, report } = compile(
      parseGraph(`${header} <${constants}, float[8, 1] w, int64[1] axis = {1}> { ${stem} ${tokens}
        S = MatMul (T, w) L = ReduceL2 (S, axis) N = Div (S, L) M = Mul (N, T) G = ReduceSum (M, axis) Z = Mul (G, T) ${head} }`),
    );
    expect(report.contract.kind).toBe('border');
    expect(model.graph.outputs[0]?.type?.shape?.slice(2).every((dim) => typeof dim === 'string')).toBe(true);
  });

  test('a convolutional trunk under such a head is said to be one', () => {
    const two = `${stem} C2 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (R, K2) R2 = Relu (C2)`;
    const text = `${header} <${constants}, float[8, 8, 3, 3] K2> {
      ${two} V = Reshape (R2, to_tokens) T = Transpose <perm = [0, 2, 1]> (V) a1 = MatMul (T, V) s1 = Softmax (a1) b1 = MatMul (s1, T)
      t2 = Transpose <perm = [0, 2, 1]> (b1) a2 = MatMul (b1, t2) s2 = Softmax (a2) Z = MatMul (s2, b1) ${head} }`;
    let found: unknown;
    try {
      compile(parseGraph(text));
    } catch (error) {
      found = error;
    }
    expect(found).toMatchObject({
      diagnostic: { code: 'CANNOT_SLIDE', notes: expect.arrayContaining([expect.stringMatching(/trunk in front of it is convolutional/)]) },
    });
  });

  test('a mean over all positions has a meaning at every size', () => {
    const text = `${header} <${constants}> { ${stem} ${tokens} G = ReduceMean (T, one) S = Sigmoid (G) Z = Mul (S, T) ${head} }`;
    expect(compile(parseGraph(text)).report.contract.kind).toBe('whole-image');
  });
});
