import { outputCells } from '../../passes/output-cells';
import { readNumbers } from '../../src/ir/tensor';
import { runPasses } from '../../src/rewrite/manager';
import { expectPass, parseGraph } from '../support/expect-pass';
import { feedsFor, runModel } from '../support/run';

const graph = (body: string, output = 'float[2, 3] Y'): string =>
  `g (float[2, 4, 2, 3] X) => (${output}) <float[3, 4, 1, 1] W> { C = Conv (X, W) ${body} }`;

describe('output-cells', () => {
  test('the mean over the cells is the vector of the original', async () => {
    const before = parseGraph(graph('P = GlobalAveragePool (C) Y = Flatten (P)'));
    const after = before.clone();
    runPasses(after, [outputCells], { validate: 'rule' });
    const feeds = feedsFor(before.graph.inputs);
    const [expected, map] = [(await runModel(before, feeds)).get('Y'), (await runModel(after, feeds)).get('Y')];
    expect(map?.shape).toEqual([2, 3, 2, 3]);
    const cells = [...(map ? readNumbers(map) : [])];
    const means = Array.from({ length: 6 }, (_, at) => cells.slice(6 * at, 6 * at + 6).reduce((sum, number) => sum + number, 0) / 6);
    for (const [at, number] of (expected ? [...readNumbers(expected)] : []).entries()) expect(means[at]).toBeCloseTo(number, 5);
  });
  test('a final Softmax goes, since probabilities would not average', () => {
    const model = parseGraph(graph('P = GlobalAveragePool (C) F = Flatten (P) Y = Softmax <axis = 1> (F)'));
    runPasses(model, [outputCells], { validate: 'rule' });
    expect(model.graph.outputs.map(({ name, producer }) => [name, producer?.op])).toEqual([['Y', 'Conv']]);
  });
  test.each([
    ['Sigmoid', 'Y = Sigmoid (F)'],
    ['Tanh', 'Y = Tanh (F)'],
    ['two activations', 'S = Sigmoid (F) Y = Clip (S, low, high)'],
    ['a view between them', 'S = Sigmoid (F) U = Reshape (S, shape) Y = Flatten (U)'],
    ['Relu', 'Y = Relu (F)'],
  ])('a final activation of each class goes: %s', (_, end) => {
    const constants = ', float low = {0.0}, float high = {0.9}, int64[3] shape = {2, 3, 1}';
    const model = parseGraph(graph(`P = GlobalAveragePool (C) F = Flatten (P) ${end}`).replace('> {', `${constants}> {`));
    runPasses(model, [outputCells], { validate: 'rule' });
    expect(model.graph.outputs.map(({ name, producer }) => [name, producer?.op])).toEqual([['Y', 'Conv']]);
  });
  test('two vectors of one average each become a map', () => {
    const model = parseGraph(graph('P = GlobalAveragePool (C) Y = Flatten (P) Z = Softmax <axis = 1> (Y)', 'float[2, 3] Y, float[2, 3] Z'));
    runPasses(model, [outputCells], { validate: 'rule' });
    expect(model.graph.outputs.map(({ name, type }) => [name, type?.shape])).toEqual([
      ['Y', [2, 3, 2, 3]],
      ['Z', [2, 3, 2, 3]],
    ]);
  });
  test.each([
    ['what mixes up the order of scores', graph('P = GlobalAveragePool (C) F = Flatten (P) Y = Abs (F)'), "Abs 'Y' stands between"],
    [
      'a hidden layer behind the average',
      graph('P = GlobalAveragePool (C) R = Relu (P) D = Conv (R, V) F = Flatten (D) Y = Sigmoid (F)').replace(
        '> {',
        ', float[3, 3, 1, 1] V> {',
      ),
      'is not affine',
    ],
    [
      'a limit that is computed',
      graph('P = GlobalAveragePool (C) F = Flatten (P) m = ReduceMin <keepdims = 0> (X) Y = Clip (F, m)'),
      "ReduceMin 'm' combines the positions of the map",
    ],
    [
      'a layer that reads places',
      'g (float[2, 4, 2, 3] X) => (float[2, 3] Y) <float[24, 3] V> { F = Flatten (X) Y = Gemm (F, V) }',
      'the classifier has no global average',
    ],
    [
      'a maximum over places',
      graph('P = GlobalMaxPool (C) Y = Flatten (P)'),
      'combines the positions of the map in another way than by their average',
    ],
    [
      'averages of maps of other sizes',
      graph('D = MaxPool <kernel_shape = [2, 2]> (C) P = GlobalAveragePool (C) Q = GlobalAveragePool (D) A = Add (P, Q) Y = Flatten (A)'),
      'brings together the averages of maps of 2x3 and 1x2 cells',
    ],
    [
      'an output that is an input',
      'g (float[2, 4, 2, 3] X) => (float[2, 4, 2, 3] X, float[2, 3] Y) <float[24, 3] V> { F = Flatten (X) Y = Gemm (F, V) }',
      'it is not a result of the network',
    ],
  ])('refuses %s', (_, text, reason) => expectPass(outputCells, text).toRefuse(reason));
});
