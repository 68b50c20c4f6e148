import { flattenToChannels } from '../../passes/flatten-to-channels';
import { runPasses } from '../../src/rewrite/manager';
import { expectPass, parseGraph } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 20]>';
const graph = (body: string, constants: string, output = 'float[N, 24] Y') =>
  `${header} g (float[N, 4, 2, 3] X) => (${output}) <${constants}> { F = Flatten (X) ${body} }`;
const norm = 'float[24] s, float[24] b, float[24] m, float[24] v = {1,2,3,4,5,6,7,8,9,8,7,6,5,4,3,2,1,2,3,4,5,6,7,8}';

describe('flatten-to-channels', () => {
  test('gives each number of a window a channel, in front of a norm over features', () =>
    expectPass(flattenToChannels, graph('Y = BatchNormalization (F, s, b, m, v)', norm)).toBecome(`
      C = Conv <kernel_shape = [2, 3], group = 4> (X, Y_places)
      G = Flatten <axis = 1> (C)
      Y = BatchNormalization (G, s, b, m, v)`));
  test.each([
    ['a scale for each feature', 'Y = Mul (s, F)', 'float[24] s'],
    ['a softmax over all features', 'Y = Softmax <axis = 1> (F)', 'float[1] s'],
    ['a norm over all features', 'Y = LayerNormalization (F, s, s)', 'float[24] s'],
  ])('in front of %s', (_, body, constants) => {
    const model = parseGraph(graph(body, constants));
    runPasses(model, [flattenToChannels]);
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Conv', 'Flatten', expect.any(String)]);
  });
  test('a channels-last map has its features in the order of Flatten', () =>
    expectPass(
      flattenToChannels,
      `${header} g (float[N, 5, 2, 3] X) => (float[N, 30] Y) <float[30] s> { R = Relu (X) F = Flatten (R) Y = Mul (F, s) }`,
    ).toBecome(`
      R = Relu (X)
      T = Transpose <perm = [0, 3, 1, 2]> (R)
      C = Conv <kernel_shape = [5, 2], group = 3> (T, Y_places)
      G = Gather <axis = 1> (C, Y_order)
      H = Flatten <axis = 1> (G)
      Y = Mul (H, s)`));
  test.each([
    ['one scale for all', 'Y = Mul (F, s)', 'float[1] s', undefined],
    ['what becomes a map again', 'A = Mul (F, s) Y = Reshape (A, t)', 'float[24] s, int64[4] t = {0, 4, 2, 3}', 'float[N, 4, 2, 3] Y'],
    ['a fully connected layer', 'Y = Gemm (F, w)', 'float[24, 5] w', 'float[N, 5] Y'],
  ])('leaves %s alone', (_, body, constants, output) => expectPass(flattenToChannels, graph(body, constants, output)).toStay());
});
