/** The shape of what is emitted: which nodes, in which layout. That the numbers are right is for the runner's specs. */
import type { TfjsGraph } from '../../src/tfjs/graph';
import { type LowerOptions, lowerToTfjs } from '../../src/tfjs/lower';
import { parseGraph } from '../support/expect-pass';

const lower = (text: string, options: LowerOptions = {}): TfjsGraph => lowerToTfjs(parseGraph(text), options);
const ops = (graph: TfjsGraph): string[] => graph.nodes.map(({ op }) => op).filter((op) => op !== 'Const' && op !== 'Placeholder');

const CNN = `g (float[N, 3, 9, 9] X) => (float[N, 4, 4, 4] Y) <float[4, 3, 3, 3] W, float[4] B> {
  C = Conv <pads = [1, 1, 1, 1]> (X, W, B)
  R = Relu (C)
  Y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (R)
}`;

test('a plain network has no Transpose, inside or at its border', () => {
  const graph = lower(CNN);
  expect(ops(graph)).toEqual(['_FusedConv2D', 'MaxPool']);
  expect(graph.inputs).toMatchObject([{ name: 'X', perm: [0, 2, 3, 1], shape: ['N', 9, 9, 3] }]);
  expect(graph.outputs).toMatchObject([{ name: 'Y', perm: [0, 2, 3, 1], shape: ['N', 4, 4, 4] }]);
  expect(graph.weights.map(({ name, tensor }) => [name, tensor.shape])).toEqual([
    ['W', [3, 3, 3, 4]],
    ['B', [4]],
  ]);
});

test('an input in the layout of ONNX costs one Transpose', () => {
  const graph = lower(CNN, { inputLayout: 'nchw' });
  expect(ops(graph)).toEqual(['Transpose', '_FusedConv2D', 'MaxPool']);
  expect(graph.inputs[0]).toMatchObject({ perm: [0, 1, 2, 3] });
});

test('without fusing, bias and activation are nodes of their own', () => {
  expect(ops(lower(CNN, { fuse: false }))).toEqual(['Conv2D', 'BiasAdd', 'Relu', 'MaxPool']);
});

test('a norm that could not be folded is a depthwise convolution of one place, with its activation', () => {
  const norm = `g (float[N, 3, 9, 9] X) => (float[N, 3, 9, 9] Y) <float[3] s, float[3] b, float[3] m, float[3] v = {1, 2, 3}> {
    B = BatchNormalization (X, s, b, m, v)
    Y = Relu (B)
  }`;
  const graph = lower(norm);
  expect(ops(graph)).toEqual(['FusedDepthwiseConv2dNative']);
  expect(graph.weights.map(({ name, tensor }) => [name, tensor.shape])).toEqual([
    ['s', [1, 1, 3, 1]],
    ['b', [3]],
  ]);
  expect(ops(lower(norm, { fuse: false }))).toEqual(['FusedBatchNormV3', 'Relu']);
});

test('a 1 x 1 convolution in front of groups gives their parts; one that something else reads is split', () => {
  const text = (
    outputs: string,
  ): string => `g (float[N, 8, 9, 9] X) => (${outputs}) <float[64, 8, 1, 1] P, float[64] B, float[4, 32, 3, 3] K> {
    A = Conv (X, P, B)
    R = Relu (A)
    Y = Conv <group = 2> (R, K)
  }`;
  const graph = lower(text('float[N, 4, 7, 7] Y'));
  expect(ops(graph)).toEqual(['_FusedConv2D', '_FusedConv2D', 'Conv2D', 'Conv2D', 'ConcatV2']);
  expect(graph.weights.map(({ tensor }) => tensor.shape)).toEqual(expect.arrayContaining([[1, 1, 8, 32], [32]]));
  expect(graph.weights.some(({ tensor }) => tensor.shape.includes(64))).toBe(false);
  expect(ops(lower(text('float[N, 4, 7, 7] Y, float[N, 64, 9, 9] R')))).toContain('Split');
});

test('a network that was channels-last in the first place keeps its border, without Transposes', () => {
  const graph = lower(`g (float[N, 9, 9, 3] X) => (float[N, 9, 9, 4] Y) <float[4, 3, 3, 3] W> {
    T = Transpose <perm = [0, 3, 1, 2]> (X)
    C = Conv <pads = [1, 1, 1, 1]> (T, W)
    Y = Transpose <perm = [0, 2, 3, 1]> (C)
  }`);
  expect(ops(graph)).toEqual(['Conv2D']);
  expect(graph.inputs[0]?.perm).toEqual([0, 1, 2, 3]);
  expect(graph.outputs[0]?.perm).toEqual([0, 1, 2, 3]);
});

test('a flattened map keeps its order, and the linear layer has its weight permuted', () => {
  const graph = lower(`g (float[N, 3, 5, 5] X) => (float[N, 7] Y) <float[4, 3, 2, 2] W, float[7, 64] V, float[7] B> {
    C = Conv (X, W)
    R = Relu (C)
    F = Flatten (R)
    Y = Gemm <transB = 1> (F, V, B)
  }`);
  expect(ops(graph)).toEqual(['_FusedConv2D', 'Reshape', '_FusedMatMul']);
});

test('a channel shuffle is one Transpose of five axes', () => {
  const graph =
    lower(`g (float[N, 6, 5, 5] X) => (float[N, 6, 5, 5] Y) <float[6, 6, 1, 1] W, int64[5] S = {0, 2, 3, 5, 5}, int64[4] T = {0, 6, 5, 5}> {
    C = Conv (X, W)
    A = Reshape (C, S)
    B = Transpose <perm = [0, 2, 1, 3, 4]> (A)
    Y = Reshape (B, T)
  }`);
  expect(ops(graph)).toEqual(['Conv2D', 'Reshape', 'Transpose', 'Reshape']);
});

test('all operators without a counterpart are named at once', () => {
  expect(() =>
    lower(`g (float[3, 4] X) => (float Y, float[3, 4] Z) {
      D = Det (X)
      Y = Identity (D)
      Z = Bernoulli (X)
    }`),
  ).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED_OPERATORS',
      diagnostic: expect.objectContaining({ notes: ["Det 'D'", "Bernoulli 'Z'"] }),
    }),
  );
});

test('seven axes are refused by the value that has them, unless nothing is computed on them', () => {
  const seven = 'float[2, 1, 2, 1, 2, 1, 3]';
  expect(() => lower(`g (${seven} X, float[3] B) => (${seven} Y) { Y = Sub (X, B) }`)).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED_OPERATORS',
      diagnostic: expect.objectContaining({ notes: [expect.stringMatching(/Sub 'Y'.*at most 6 axes, and 'X' has 7/)] }),
    }),
  );
  const viewed = lower(`g (${seven} X) => (float[4, 6] Y) <int64[2] flat = {4, 6}> { S = Reshape (X, flat) Y = Relu (S) }`);
  expect(ops(viewed)).toContain('Relu');
});
