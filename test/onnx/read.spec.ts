/** What onnx.checker and ONNX Runtime accept is read, and in their sense. */
import type { Diagnostic } from '../../src/diagnostics/compile-error';
import { bufferSource } from '../../src/ir/bytes';
import type { Model } from '../../src/ir/model';
import { readNumbers } from '../../src/ir/tensor';
import { onnx } from '../../src/onnx/generated/onnx';
import { type ReadOptions, readModel } from '../../src/onnx/read';
import { modelToBytes } from '../../src/onnx/write';
import { codeOf } from '../support/code-of';

type Proto = onnx.ModelProto.$Properties;
type Graph = onnx.GraphProto.$Properties;
type Dim = onnx.TensorShapeProto.Dimension.$Properties;

const port = (name: string, dim: readonly Dim[], elem_type = 1): onnx.ValueInfoProto.$Properties => ({
  name,
  type: { tensor_type: { elem_type, shape: { dim: [...dim] } } },
});
const sizes = (...values: number[]): Dim[] => values.map((dim_value) => ({ dim_value }));
const floats = (name: string, dims: number[], values: number[]): onnx.TensorProto.$Properties => ({
  name,
  dims,
  data_type: 1,
  float_data: values,
});

/** y = x m + 0 with m [2, 3]. */
const model = (graph: Partial<Graph> = {}, around: Partial<Proto> = {}): Uint8Array =>
  onnx.ModelProto.encode({
    ir_version: 8,
    opset_import: [{ domain: '', version: 13 }],
    ...around,
    graph: {
      name: 'g',
      node: [{ op_type: 'MatMul', name: 'a', input: ['x', 'm'], output: ['y'] }],
      input: [port('x', sizes(1, 2))],
      output: [port('y', sizes(1, 3))],
      initializer: [floats('m', [2, 3], [1, 2, 3, 4, 5, 6])],
      ...graph,
    },
  }).finish();
const read = (bytes: Uint8Array, options?: ReadOptions): Model => readModel(bufferSource(bytes), options);
const shapeOf = (bytes: Uint8Array): unknown => read(bytes).graph.inputs[0]?.type?.shape;

describe('an axis of unknown length', () => {
  test.each([
    ['-1', { dim_value: -1 }],
    ['0', { dim_value: 0 }],
    ['-7', { dim_value: -7 }],
    ['nothing', {}],
  ])('is written as %s', (_, dim) => {
    const bytes = model({ input: [port('x', [dim, { dim_value: 2 }])] });
    expect(shapeOf(bytes)).toEqual(['x_0', 2]);
    // And once more, from what we write.
    expect(shapeOf(modelToBytes(read(bytes)))).toEqual(['x_0', 2]);
  });

  test('has a name that no other has', () => {
    expect(shapeOf(model({ input: [port('x', [{ dim_value: -1 }, { dim_param: 'x_0' }])] }))).toEqual(['x_0_1', 'x_0']);
  });

  test('in what is declared of other values is not a fault either', () => {
    const info = port('y', [{ dim_value: -1 }, { dim_value: 0 }]);
    expect(read(model({ output: [info], value_info: [port('nobody', sizes(1)), port('nobody', sizes(2))] })).graph.outputs).toHaveLength(1);
  });

  test('no runtime takes a 0 as it is', () => {
    expect(read(model({ input: [port('x', [{ dim_value: 0 }, { dim_value: 2 }])] })).mended).toBe(true);
    expect(read(model({ input: [port('x', [{ dim_value: -1 }, { dim_value: 2 }])] })).mended).toBe(false);
  });
});

test('a dimension beyond 2^53 is refused, not rounded', () => {
  const Long = { low: 1, high: 0x200000, unsigned: false };
  const dim = { dim_value: Long } as unknown as Dim;
  expect(codeOf(() => read(model({ input: [port('x', [dim, { dim_value: 2 }])] })))).toBe('BAD_GRAPH');
});

test('an output that is listed twice is one output, and that is said', () => {
  const warnings: Diagnostic[] = [];
  const output = port('y', sizes(1, 3));
  const { graph } = read(model({ output: [output, output] }), { warn: (warning) => warnings.push(warning) });
  expect(graph.outputs.map(({ name }) => name)).toEqual(['y']);
  expect(warnings.map(({ code }) => code)).toEqual(['REPEATED_OUTPUT']);
});

test('a branch that gives a value twice gives it twice', () => {
  const branch = (name: string): onnx.AttributeProto.$Properties => ({
    name,
    type: 5,
    g: {
      name,
      node: [{ op_type: 'Relu', input: ['x'], output: [`${name}_r`] }],
      output: [port(`${name}_r`, sizes(1, 2)), port(`${name}_r`, sizes(1, 2))],
    },
  });
  const { graph } = read(
    model({
      node: [
        { op_type: 'If', name: 'if', input: ['c'], output: ['p', 'q'], attribute: [branch('then_branch'), branch('else_branch')] },
        { op_type: 'Add', input: ['p', 'q'], output: ['s'] },
        { op_type: 'MatMul', input: ['s', 'm'], output: ['y'] },
      ],
      input: [port('x', sizes(1, 2)), port('c', [], 9)],
    }),
  );
  const attr = graph.nodes[0]?.attrs.get('then_branch');
  expect(attr?.kind === 'graph' && new Set(attr.value.outputs).size).toBe(2);
});

describe('sparse weights are dense', () => {
  const DENSE = [0, 7, 0, 0, 0, -2];
  const sparse = (indices: number[], dims: number[], values = [7, -2]): onnx.SparseTensorProto.$Properties => ({
    dims: [2, 3],
    values: floats('m', [values.length], values),
    indices: { dims, data_type: 7, int64_data: indices },
  });
  const numbers = (from: Model): number[] => [...readNumbers(from.graph.constants[0]?.constant ?? fail())];
  const fail = (): never => {
    throw new Error('there is no constant');
  };

  test.each([
    ['flat', sparse([1, 5], [2])],
    ['by axes', sparse([0, 1, 1, 2], [2, 2])],
  ])('with indices %s', (_, sparse_initializer) => {
    const bytes = model({ initializer: [], sparse_initializer: [sparse_initializer] });
    expect(numbers(read(bytes))).toEqual(DENSE);
    expect(numbers(read(modelToBytes(read(bytes))))).toEqual(DENSE);
  });

  test('in a Constant node', () => {
    const node = {
      op_type: 'Constant',
      output: ['m'],
      attribute: [{ name: 'sparse_value', type: 11, sparse_tensor: sparse([1, 5], [2]) }],
    };
    const bytes = model({ initializer: [], node: [node, { op_type: 'MatMul', input: ['x', 'm'], output: ['y'] }] });
    expect(numbers(read(bytes))).toEqual(DENSE);
  });

  test.each([
    ['an index outside', sparse([1, 6], [2])],
    ['a negative index', sparse([-1, 5], [2])],
    ['an index outside of its axis', sparse([0, 3, 1, 2], [2, 2])],
    ['fewer indices than values', sparse([1], [1])],
    ['indices of another rank', sparse([1, 5], [2, 1])],
  ])('%s is refused', (_, sparse_initializer) => {
    expect(codeOf(() => read(model({ initializer: [], sparse_initializer: [sparse_initializer] })))).toBe('BAD_TENSOR');
  });

  test('so few values cannot be so many', () => {
    const huge = { ...sparse([1, 5], [2]), dims: [100_000, 100_000] };
    expect(codeOf(() => read(model({ initializer: [], sparse_initializer: [huge] })))).toBe('EXPANDS_TOO_FAR');
  });
});

test.each<[string, Partial<Graph>, Partial<Proto>]>([
  ['an input that is an output', { output: [port('y', sizes(1, 3)), port('x', sizes(1, 2))] }, {}],
  ['an initializer that is an output', { output: [port('y', sizes(1, 3)), port('m', sizes(2, 3))] }, {}],
  ['an initializer that nobody reads', { initializer: [floats('m', [2, 3], [1, 2, 3, 4, 5, 6]), floats('z', [1], [1])] }, {}],
  ['initializers among the inputs', { input: [port('x', sizes(1, 2)), port('m', sizes(2, 3))] }, { ir_version: 3 }],
  ['nodes without a name', { node: [{ op_type: 'MatMul', input: ['x', 'm'], output: ['y'] }] }, {}],
  ['a graph without a name', { name: '' }, {}],
  ['the domain ai.onnx', {}, { opset_import: [{ domain: 'ai.onnx', version: 13 }] }],
  ['an opset that is imported twice', {}, { opset_import: [{ version: 13 }, { domain: '', version: 13 }] }],
  ['a domain that nobody uses', {}, { opset_import: [{ version: 13 }, { domain: 'x.y', version: 1 }] }],
  ['an output without a type', { output: [{ name: 'y' }] }, {}],
])('%s is not a fault', (_, graph, around) => {
  const { graph: result, mended } = read(model(graph, around));
  expect([result.outputs[0]?.name, mended]).toEqual(['y', false]);
});

test('two nodes of one name, and inputs that are left out at the end, are read as they were meant', () => {
  const names = model({
    node: [
      { op_type: 'MatMul', name: 'a', input: ['x', 'm'], output: ['h'] },
      { op_type: 'Relu', name: 'a', input: ['h'], output: ['y'] },
    ],
  });
  expect([read(names).graph.nodes.map(({ name }) => name), read(names).mended]).toEqual([['a', 'a_1'], true]);
  const trailing = read(model({ node: [{ op_type: 'Gemm', name: 'a', input: ['x', 'm', ''], output: ['y'] }] }));
  expect([trailing.graph.nodes[0]?.inputs.length, trailing.mended]).toEqual([2, true]);
});

test.each<[string, Partial<Graph>]>([
  ['an input without a name', { input: [port('', sizes(1, 2))], node: [{ op_type: 'MatMul', input: ['m', 'm'], output: ['y'] }] }],
  ['an output without a name', { output: [port('', sizes(1, 3))] }],
  ['a required input that is left out', { node: [{ op_type: 'MatMul', input: ['', 'm'], output: ['y'] }] }],
  ['a required input that is missing', { node: [{ op_type: 'MatMul', input: ['x'], output: ['y'] }] }],
  ['an input too many', { node: [{ op_type: 'MatMul', input: ['x', 'm', 'm'], output: ['y'] }] }],
  ['an output too many', { node: [{ op_type: 'MatMul', input: ['x', 'm'], output: ['y', 'z'] }] }],
  ['an attribute that it needs', { node: [{ op_type: 'Cast', input: ['x'], output: ['y'] }] }],
  ['an element type that the operator does not take', { input: [port('x', sizes(1, 2), 14)] }],
  ['two element types', { input: [port('x', sizes(1, 2), 11)] }],
  ['an element type that nobody knows', { initializer: [{ name: 'm', dims: [2, 3], data_type: 4096, raw_data: new Uint8Array(24) }] }],
])('%s is the fault of the model', (_, graph) => {
  expect(codeOf(() => read(model(graph)))).toBe('BAD_GRAPH');
});

test('20,000 nodes in reverse order, all read by one, are sorted in no time', () => {
  const count = 20_000;
  const names = Array.from({ length: count }, (_, at) => `v${at}`);
  const bytes = model({
    node: [
      { op_type: 'Sum', input: names, output: ['y'] },
      ...names.map((name, at) => ({ op_type: 'Relu', input: [at === 0 ? 'x' : `v${at - 1}`], output: [name] })).reverse(),
    ],
    output: [port('y', sizes(1, 2)), ...names.map((name) => port(name, sizes(1, 2)))],
  });
  const started = performance.now();
  expect(read(bytes).graph.nodeCount).toBe(count + 1);
  expect(performance.now() - started).toBeLessThan(10_000);
});
