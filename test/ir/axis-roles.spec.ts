import { axisRolesOf, imageInputs, mapAxes } from '../../src/ir/axis-roles';
import type { Model } from '../../src/ir/model';
import { parseGraph } from '../support/expect-pass';

const graph = (body: string, weights = '', inputs = 'float[N, 3, 8, 10] X'): Model =>
  parseGraph(`<ir_version: 10, opset_import: ["" : 20]> g (${inputs}) => (float[A] Y) ${weights ? `<${weights}>` : ''} { ${body} }`);
const rolesOfY = ({ graph }: Model): readonly string[] | undefined => {
  const [y] = graph.outputs;
  return y && axisRolesOf(graph).of(y);
};

test.each<[string, string, string, readonly string[] | undefined]>([
  ['a convolution', 'Y = Conv (X, W)', 'float[6, 3, 3, 3] W', ['N', 'C', 'H', 'W']],
  ['channels last', 'Y = Transpose <perm = [0, 2, 3, 1]> (X)', '', ['N', 'H', 'W', 'C']],
  ['a flattened map', 'Y = Flatten (X)', '', ['N', 'CHW']],
  ['a flattened map, channels last', 'T = Transpose <perm = [0, 2, 3, 1]> (X) Y = Flatten (T)', '', ['N', 'HWC']],
  ['tokens', 'R = Reshape (X, s) Y = Transpose <perm = [0, 2, 1]> (R)', 'int64[3] s = {0, 3, -1}', ['N', 'HW', 'C']],
  ['groups of channels', 'Y = Reshape (X, s)', 'int64[5] s = {0, 3, 1, 8, 10}', ['N', 'C', '', 'H', 'W']],
  ['windows of rows', 'Y = Reshape (X, s)', 'int64[5] s = {0, 3, 2, 4, 10}', ['N', 'C', 'H', 'H', 'W']],
  [
    'means that stay, and that go',
    'M = ReduceMean (X, b) Y = ReduceMean <keepdims = 0> (M, a)',
    'int64[1] a = {2}, int64[1] b = {-1}',
    ['N', 'C', 'W'],
  ],
  ['a layer at every place', 'T = Transpose <perm = [0, 2, 3, 1]> (X) Y = MatMul (T, W)', 'float[3, 5] W', ['N', 'H', 'W', 'C']],
  ['one row', 'Y = Gather <axis = 2> (X, i)', 'int64 i = {0}', ['N', 'C', 'W']],
  ['a sum with a constant of fewer axes', 'Y = Add (W, X)', 'float[8, 1] W', ['N', 'C', 'H', 'W']],
  ['a type like that of another value', 'Y = CastLike (X, h)', 'float16 h = {0}', ['N', 'C', 'H', 'W']],
  [
    'a softmax over groups of channels, and back',
    'R = Reshape (X, s) L = LogSoftmax <axis = 1> (R) Y = Reshape (L, t)',
    'int64[3] s = {0, 6, 40}, int64[4] t = {0, 3, 8, 10}',
    ['N', 'C', 'H', 'W'],
  ],
  ['a value that does not depend on the image', 'Z = Relu (X) Y = Relu (W)', 'float[1, 3, 8, 10] W', undefined],
  ['an operator that is not known', 'Y = com.example.Mystery (X)', '', undefined],
])('%s', (_, body, weights, expected) => {
  expect(rolesOfY(graph(body, weights))).toEqual(expected);
});

test('an image whose last axis alone is small has its channels there', () => {
  const { graph: main } = graph('Y = Relu (X)', '', 'float[N, 8, 10, 3] X');
  expect([...imageInputs(main).values()]).toEqual([['N', 'H', 'W', 'C']]);
});

test('where channels, rows and columns are, and how to bring them to the front', () => {
  const { graph: main } = graph('Y = Transpose <perm = [0, 3, 1, 2]> (X)');
  const [y] = main.outputs;
  if (!y) throw new Error('no output');
  expect(mapAxes(y, axisRolesOf(main))).toEqual({
    channels: 2,
    places: [3, 1],
    toChannelsFirst: [0, 2, 3, 1],
    shape: { channels: 3, places: [8, 10] },
  });
});

test('what was derived before an edit is derived anew after it', () => {
  const model = graph('T = Transpose <perm = [0, 2, 3, 1]> (X) Y = Relu (T)');
  const { graph: main } = model;
  expect(axisRolesOf(main)).toBe(axisRolesOf(main));
  expect(rolesOfY(model)).toEqual(['N', 'H', 'W', 'C']);
  const relu = main.nodes.find((node) => node.op === 'Relu');
  if (!relu) throw new Error('no Relu');
  main.replaceInput(relu, 0, main.inputs[0]);
  expect(rolesOfY(model)).toEqual(['N', 'C', 'H', 'W']);
});
