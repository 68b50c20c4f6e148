import { mergeEqualNodes } from '../../passes/merge-equal-nodes';
import { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { runPasses } from '../../src/rewrite/manager';
import { expectPass } from '../support/expect-pass';

const map = (body: string, constants = '', output = 'float[N, 3, 4, 5] Y'): string =>
  `g (float[N, 3, 4, 5] X) => (${output}) <${constants || 'float unused = {1}'}> { ${body} }`;

describe('merge-equal-nodes', () => {
  test('keeps one of two, and then one of those that read them', () =>
    expectPass(mergeEqualNodes, map('A = Relu (X) B = Relu (X) C = Exp (A) D = Exp (B) Y = Add (C, D)')).toBecome(
      'A = Relu (X) C = Exp (A) Y = Add (C, C)',
    ));
  test.each([
    ['other attributes', 'A = LeakyRelu <alpha = 0.1> (X) B = LeakyRelu <alpha = 0.2> (X) Y = Add (A, B)'],
    ['other inputs', 'A = Sub (X, u) B = Sub (u, X) Y = Add (A, B)'],
    ['random numbers', 'A = RandomNormalLike (X) B = RandomNormalLike (X) C = Sub (A, A) D = Sub (B, B) E = Add (C, D) Y = Add (X, E)'],
  ])('tells %s apart', (_, body) => expectPass(mergeEqualNodes, map(body, 'float u = {0.5}')).toStay());
  test('an output that is left out does not stand for one that is read', () => {
    const graph = new Graph('g');
    const type = { dtype: 'float', shape: [1, 3, 4, 5] } as const;
    const image = graph.addInput('X', type);
    graph.addNode({ op: 'Relu', inputs: [image], outputs: [''], outputTypes: [type] });
    const read = graph.addNode({ op: 'Relu', inputs: [image], outputs: ['A'], outputTypes: [type] });
    graph.setOutputs(graph.addNode({ op: 'Exp', inputs: read.outputs, outputs: ['Y'], outputTypes: [type] }).outputs);
    runPasses(new Model({ graph }), [mergeEqualNodes]);
    expect(graph.outputs[0]?.producer?.inputs[0]?.name).toBe('A');
  });
  test('leaves a result that has a public name', () =>
    expectPass(mergeEqualNodes, map('Y = Relu (X) Z = Relu (X)', '', 'float[N, 3, 4, 5] Y, float[N, 3, 4, 5] Z')).toStay());
});
