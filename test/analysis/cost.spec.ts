import { costs, total } from '../../src/analysis/cost';
import { attributes } from '../../src/ir/attrs';
import { Graph } from '../../src/ir/graph';
import type { Value } from '../../src/ir/types';
import { TypedGraph } from './typed-graph';

const only = (graph: Graph) => [...costs(graph).values()].map(({ parameters, multiplyAdds }) => [parameters, multiplyAdds]);

test('counts a convolution by hand: 5 filters of 3x2x2 over 6x7 places', () => {
  const g = new TypedGraph();
  g.input('x', 'N', 3, 7, 8);
  g.node('Conv', ['last', g.weight(5, 3, 2, 2), g.weight(5)], ['N', 5, 6, 7]);
  expect(only(g.done())).toEqual([[65, 5 * 6 * 7 * 12]]);
});

test('counts groups once, and a batch that is given', () => {
  const g = new TypedGraph();
  g.input('x', 2, 6, 4, 4);
  g.node('Conv', ['last', g.weight(6, 1, 3, 3)], [2, 6, 2, 2], { group: 6 });
  expect(only(g.done())).toEqual([[54, 2 * 6 * 4 * 9]]);
});

test('counts a batch of one in whatever expression it stands', () => {
  const g = new TypedGraph();
  g.input('x', 'N', 6, 4);
  g.node('Reshape', ['last', g.constant('int64', [2], [-1, 4])], ['6*N', 4]);
  g.node('Gemm', ['last', g.weight(4, 3)], ['6*N', 3]);
  expect(only(g.done())).toEqual([
    [0, 0],
    [12, 6 * 3 * 4],
  ]);
});

test('counts a transposed convolution by its input', () => {
  const g = new TypedGraph();
  g.input('x', 'N', 3, 4, 4);
  g.node('ConvTranspose', ['last', g.weight(3, 5, 2, 2)], ['N', 5, 8, 8], { strides: [2, 2] });
  expect(only(g.done())).toEqual([[60, 3 * 16 * 20]]);
});

test.each([['Gemm', [4, 3], { transA: 1 }, ['a', 5], [15, 0]]] as const)(
  'does not know the products of a %s over a symbolic axis',
  (op, weight, attrs) => {
    const g = new TypedGraph();
    g.input('x', 'K', 'M');
    g.node(op, ['last', g.weight(...weight)], ['M', 3], attrs);
    // M is no batch: the first axis of the input is K.
    expect(only(g.done())).toEqual([[12, undefined]]);
  },
);

test('counts a product of two activations without parameters', () => {
  const g = new TypedGraph();
  const x = g.input('x', 'N', 6, 4);
  const y = g.input('y', 'N', 4, 5);
  g.node('MatMul', [x, y], ['N', 6, 5]);
  expect(only(g.done())).toEqual([[0, 6 * 5 * 4]]);
});

test('counts a shared weight once', () => {
  const g = new TypedGraph();
  g.input('x', 'N', 4);
  const w = g.weight(4, 4);
  g.node('MatMul', ['last', w], ['N', 4]);
  g.node('MatMul', ['last', w], ['N', 4]);
  expect(only(g.done())).toEqual([
    [16, 16],
    [0, 16],
  ]);
});

test('finds a weight behind Identity, and counts it where it meets data', () => {
  const g = new TypedGraph();
  const x = g.input('x', 'N', 4);
  const w = g.node('Identity', [g.weight(4, 3)], [4, 3]);
  g.node('MatMul', [x, w], ['N', 3]);
  expect(only(g.done())).toEqual([[12, 12]]);
});

test('counts a weight that is normalised before it is used', () => {
  const g = new TypedGraph();
  const x = g.input('x', 'N', 4, 2, 2);
  const [gain, shift, mean, variance] = [g.weight(4), g.weight(4), g.weight(4), g.weight(4)];
  const w = g.node('BatchNormalization', [g.weight(1, 4, 12), gain, shift, mean, variance], [1, 4, 12], { training_mode: 1 });
  const kernel = g.node('Reshape', [w, g.constant('int64', [4], [4, 4, 3, 1])], [4, 4, 3, 1]);
  g.node('Conv', [x, kernel], ['N', 4, 2, 2]);
  expect(only(g.done())[0]?.[0]).toBe(48 + 4 + 4);
});

test('leaves running statistics, bounds, scales and shapes out', () => {
  const g = new TypedGraph();
  g.input('x', 'N', 4, 2, 2);
  g.node('BatchNormalization', ['last', g.weight(4), g.weight(4), g.weight(4), g.weight(4)], ['N', 4, 2, 2]);
  g.node('Clip', ['last', g.constant('float', [], [0]), g.constant('float', [], [6])], ['N', 4, 2, 2]);
  g.node('Mul', ['last', g.constant('float', [], [0.5])], ['N', 4, 2, 2]);
  g.node('Mul', ['last', g.weight(4, 1, 1)], ['N', 4, 2, 2]);
  g.node('Resize', ['last', undefined, g.constant('float', [4], [1, 1, 2, 2])], ['N', 4, 4, 4]);
  g.node('Reshape', ['last', g.constant('int64', [2], [0, -1])], ['N', 64]);
  expect(only(g.done()).map(([parameters]) => parameters)).toEqual([8, 0, 0, 4, 0, 0]);
});

test('counts quantised weights through DequantizeLinear', () => {
  const g = new TypedGraph();
  const x = g.input('x', 'N', 3);
  const w = g.node('DequantizeLinear', [g.constant('int8', [3, 2], [1, 2, 3, 4, 5, 6]), g.constant('float', [], [0.1])], [3, 2]);
  g.node('MatMul', [x, w], ['N', 2]);
  expect(only(g.done())).toEqual([[6, 6]]);
});

test('admits what it does not know: recurrent layers, foreign operators, control flow', () => {
  const g = new TypedGraph();
  g.input('x', 'N', 3);
  g.node('com.example.Warp', ['last', g.weight(7)], ['N', 3]);
  g.node('Relu', ['last'], ['N', 3]);
  const all = costs(g.done());
  expect(only(g.graph)).toEqual([
    [7, undefined],
    [0, 0],
  ]);
  expect(total(all.values())).toEqual({ parameters: 7, multiplyAdds: 0, complete: false });
});

test('counts the weights of a branch at the If that carries it', () => {
  const g = new TypedGraph();
  const x = g.input('x', 'N', 3);
  const condition = g.input('c');
  const branch = (name: string): Graph => {
    const inner = new Graph(name, g.graph);
    const weight: Value = inner.addConstant(`${name}_w`, {
      dtype: 'float',
      shape: [3, 2],
      data: { kind: 'bytes', bytes: new Uint8Array(24) },
    });
    inner.setOutputs(inner.addNode({ op: 'MatMul', inputs: [x, weight] }).outputs);
    return inner;
  };
  const node = g.graph.addNode({
    op: 'If',
    inputs: [condition],
    attrs: attributes({
      then_branch: { kind: 'graph', value: branch('then') },
      else_branch: { kind: 'graph', value: branch('else') },
    }),
  });
  g.graph.setOutputs(node.outputs);
  expect(only(g.graph)).toEqual([[12, undefined]]);
});
