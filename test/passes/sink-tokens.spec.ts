import { sinkTokens } from '../../passes/sink-tokens';
import { compile, cuttable, freeSizes } from '../../src/compile';
import { modelToBytes } from '../../src/onnx/write';
import { verifyModels } from '../../src/verify/equivalence';
import { openSession } from '../../src/verify/runtime/node';
import { expectPass, parseGraph } from '../support/expect-pass';

const on = (body: string, more = '', output = 'float[2, 12, 5] Y'): string =>
  `g (float[2, 5, 3, 4] X) => (${output}) <int64[3] to_places = {2, 5, 12}${more}> {
    R = Reshape (X, to_places) T = Transpose <perm = [0, 2, 1]> (R) ${body} }`;

describe('sink-tokens', () => {
  test('activations, constants per channel, linear layers and norms keep the map', () =>
    expectPass(
      sinkTokens,
      on(
        'M = MatMul (T, W) B = Add (M, b) L = LayerNormalization <axis = -1> (B, s) Y = Relu (L)',
        ', float[5, 5] W, float[5] b, float[5] s',
      ),
    ).toBecome(
      'C = Transpose <perm = [0, 2, 3, 1]> (X) M = MatMul (C, W) B = Add (M, b) L = LayerNormalization <axis = -1> (B, s) A = Relu (L) Y = Reshape (A, new)',
    ));

  test('a list that becomes the map again is not a list', () =>
    expectPass(
      sinkTokens,
      on('A = Relu (T) U = Transpose <perm = [0, 2, 1]> (A) Y = Reshape (U, map)', ', int64[4] map = {2, 5, 3, 4}', 'float[2, 5, 3, 4] Y'),
    ).toBecome('C = Transpose <perm = [0, 2, 3, 1]> (X) A = Relu (C) Y = Transpose <perm = [0, 3, 1, 2]> (A)'));

  test('a gate of one number per channel', () =>
    expectPass(sinkTokens, on('G = ReduceMean <keepdims = 1> (T, one) S = Sigmoid (G) Y = Mul (S, T)', ', int64[1] one = {1}')).toBecome(
      'C = Transpose <perm = [0, 2, 3, 1]> (X) G = ReduceMean <keepdims = 1> (C, axes) S = Sigmoid (G) Z = Mul (S, C) Y = Reshape (Z, new)',
    ));

  test.each([
    ['a number for each place', 'Y = Add (T, e)', ', float[12, 5] e'],
    ['a softmax over the places', 'Y = Softmax <axis = 1> (T)', ''],
  ])('stops at %s', (_, body, more) =>
    expectPass(sinkTokens, on(body, more)).toBecome(`C = Transpose <perm = [0, 2, 3, 1]> (X) T = Reshape (C, new) ${body}`),
  );

  const header = '<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 16, 16] X) => (float[1, 5] Y)';
  const stem = 'A = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) R = Relu (A) V = Reshape (R, to_tokens)';
  const turn = 'T = Transpose <perm = [0, 2, 1]> (V)';
  const constants =
    'float[8, 3, 3, 3] K, float[5, 8] F, float[8] s, int64[3] to_tokens = {1, 8, -1}, int64[1] one = {1}, int64[1] two = {2}, int64[2] flat = {1, 8}';
  test.each([
    ['mean of the last axis', 'P = ReduceMean <keepdims = 0> (V, two) Y = Gemm <transB = 1> (P, F)'],
    ['mean of tokens', `${turn} P = ReduceMean <keepdims = 0> (T, one) Y = Gemm <transB = 1> (P, F)`],
    ['maximum', 'P = ReduceMax <keepdims = 0> (V, two) Y = Gemm <transB = 1> (P, F)'],
    ['axis kept and dropped later', 'P = ReduceMean <keepdims = 1> (V, two) Q = Reshape (P, flat) Y = Gemm <transB = 1> (Q, F)'],
    [
      'a norm of tokens in front',
      `${turn} L = LayerNormalization (T, s) P = ReduceMean <keepdims = 0> (L, one) Y = Gemm <transB = 1> (P, F)`,
    ],
    [
      'a gate over tokens in front',
      `${turn} G = ReduceMean <keepdims = 1> (T, one) S = Sigmoid (G) Z = Mul (S, T) P = ReduceMean <keepdims = 0> (Z, one) Y = Gemm <transB = 1> (P, F)`,
    ],
  ])('a classifier over a list of places: %s', async (_, body) => {
    const { model, original, report } = compile(parseGraph(`${header} <${constants}> { ${stem} ${body} }`));
    expect(report.outputs[0]?.converted).toEqual([1, 5, 'floor((height + 1)/2) - 7', 'floor((width + 1)/2) - 7']);
    const { verdict, checks } = await verifyModels({
      original: { source: modelToBytes(original), model: original },
      converted: { source: modelToBytes(model), model },
      windows: report.windows,
      contract: report.contract,
      free: freeSizes,
      cuttable,
      open: openSession,
      place: (part) => modelToBytes(part),
    });
    expect([verdict, checks[1]?.status]).toEqual(['equal', 'equal']);
  });
});
