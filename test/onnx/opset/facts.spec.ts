import { Graph } from '../../../src/ir/graph';
import type { Value } from '../../../src/ir/types';
import { dtypeOf, rankOf } from '../../../src/onnx/opset/facts';
import { written } from './verbatim';

const value = (body: string, name: string): Value | undefined =>
  written(28, body)
    .graph.nodes.flatMap((node) => node.outputs)
    .find((output) => output.name === name);

test.each([
  [
    'a layer that has it from its weight',
    'g (float[] x) => (float[] y) <float[1, 1, 3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}> { a = Conv (x, w) b = Relu (a) y = Identity (b) }',
    4,
  ],
  ['a matrix product', 'g (float[] x) => (float[] y) <float[1, 1] w = {1}> { a = Gemm (x, w) b = Clip (a) y = Identity (b) }', 2],
  ['the larger of two', 'g (float[3] p, float[2, 3] q) => (float[] y) { a = Sub (p, q) b = Neg (a) y = Identity (b) }', 2],
  ['one of two that is not known', 'g (float[3] p, float[] q) => (float[] y) { b = Sub (p, q) y = Identity (b) }', undefined],
  [
    'a branch that comes together again',
    'g (float[2, 3] x) => (float[] y) { r = Relu (x) c = Sigmoid (r) b = Mul (r, c) y = Identity (b) }',
    2,
  ],
  ['a permutation', 'g (float[] x) => (float[] y) { a = Transpose <perm = [1, 0, 2]> (x) b = Softmax (a) y = Identity (b) }', 3],
  ['a reduction that keeps axes', 'g (float[2, 3] x) => (float[] y) { b = ReduceMean (x) y = Identity (b) }', 2],
  ['a reduction that does not', 'g (float[2, 3] x) => (float[] y) { b = ReduceMean <keepdims = 0> (x) y = Identity (b) }', undefined],
  ['a constant shape', 'g (float[] x) => (float[] y) <int64[3] s = {1, 2, -1}> { b = Reshape (x, s) y = Identity (b) }', 3],
  ['a shape', 'g (float[] x) => (int64[] y) { b = Shape (x) y = Identity (b) }', 1],
  ['an operator of another domain', 'g (float[2, 3] x) => (float[] y) { b = com.microsoft.Gelu (x) y = Identity (b) }', undefined],
])('rank from %s', (_, body, rank) => {
  expect(rankOf(value(body, 'b'))).toBe(rank);
});

test.each([
  ['operators that keep it', 'g (double[2] x) => (double[] y) { a = Relu (x) b = Add (a, a) y = Identity (b) }', 'double'],
  ['whichever operand tells', 'g (double[2] x) => (double[] y) { a = com.microsoft.Gelu (x) b = Add (a, x) y = Identity (b) }', 'double'],
  ['the chosen values, not the condition', 'g (bool[2] c, double[2] x) => (double[] y) { b = Where (c, x, x) y = Identity (b) }', 'double'],
  ['an output of fixed type', 'g (float[2] x) => (int64[] y) { b = Shape (x) y = Identity (b) }', 'int64'],
  ['nothing', 'g (float[2] x) => (float[] y) { b = com.microsoft.Gelu (x) y = Identity (b) }', undefined],
])('element type from %s', (_, body, dtype) => {
  expect(dtypeOf(value(body, 'b'))).toBe(dtype);
});

/** Which the reader refuses later; the walk has to end. */
test('a cycle has neither', () => {
  const graph = new Graph('g');
  const x = graph.addInput('x', undefined);
  const first = graph.addNode({ op: 'Relu', inputs: [x], outputs: ['a'] });
  const second = graph.addNode({ op: 'Neg', inputs: first.outputs, outputs: ['b'] });
  graph.replaceInput(first, 0, second.outputs[0]);
  expect([rankOf(second.outputs[0]), dtypeOf(second.outputs[0])]).toEqual([undefined, undefined]);
});

test('a chain of 20000 nodes', () => {
  const graph = new Graph('g');
  let last: Value | undefined = graph.addInput('x', { dtype: 'double', shape: [1, 2, 3] });
  for (let index = 0; index < 20000; index++) last = graph.addNode({ op: 'Relu', inputs: [last] }).outputs[0];
  expect([rankOf(last), dtypeOf(last)]).toEqual([3, 'double']);
});
