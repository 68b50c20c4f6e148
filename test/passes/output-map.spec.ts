import { outputMap } from '../../passes/output-map';
import { readNumbers } from '../../src/ir/tensor';
import { runPasses } from '../../src/rewrite/manager';
import { expectPass, parseGraph } from '../support/expect-pass';
import { feedsFor, runModel } from '../support/run';

const graph = (body: string, output: string): string =>
  `g (float[2, 4, 2, 3] X) => (${output}) <float[6, 4, 2, 3] W, int64[3] s = {2, 2, 3}, int64[1] k = {2}> { ${body} }`;

describe('output-map', () => {
  test.each([
    ['a vector per image', 'C = Conv (X, W) Y = Flatten (C)', 'float[2, 6] Y'],
    ['a view behind the Flatten', 'C = Conv (X, W) F = Flatten (C) Y = Reshape (F, s)', 'float[2, 2, 3] Y'],
  ])('%s becomes a map of one cell with the same numbers', async (_, body, output) => {
    const before = parseGraph(graph(body, output));
    const after = before.clone();
    runPasses(after, [outputMap], { validate: 'rule' });
    expect(after.graph.outputs.map(({ name, type }) => [name, type?.shape])).toEqual([['Y', [2, 6, 1, 1]]]);
    const feeds = feedsFor(before.graph.inputs);
    const [expected, actual] = [(await runModel(before, feeds)).get('Y'), (await runModel(after, feeds)).get('Y')];
    expect([...(actual ? readNumbers(actual) : [])]).toEqual([...(expected ? readNumbers(expected) : [])]);
  });
  test('two outputs of one map each keep their name', () => {
    const model = parseGraph(graph('C = Conv (X, W) Y = Flatten (C) Z = Flatten (C)', 'float[2, 6] Y, float[2, 6] Z'));
    runPasses(model, [outputMap], { validate: 'rule' });
    expect(model.graph.outputs.map(({ name, type }) => [name, type?.shape])).toEqual([
      ['Y', [2, 6, 1, 1]],
      ['Z', [2, 6, 1, 1]],
    ]);
  });
  test('refuses a flattened map of several cells', () =>
    expectPass(outputMap, graph('R = Relu (X) Y = Flatten (R)', 'float[2, 24] Y')).toRefuse('whose places would change their meaning'));
  test('leaves a vector that was no map alone', () =>
    expectPass(outputMap, graph('M = ReduceMean <keepdims = 0> (X, k) Y = Relu (M)', 'float[2, 4, 3] Y')).toStay());
});
