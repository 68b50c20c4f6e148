import { removeDeadNodes } from '../../passes/remove-dead-nodes';
import { runPasses } from '../../src/rewrite/manager';
import { expectPass, parseGraph } from '../support/expect-pass';

const graph = (body: string, outputs = 'float[N, 3] Y'): string =>
  `g (float[N, 3] X) => (${outputs}) <float[3] a = {1, 2, 3}, float[3] b = {4, 5, 6}> { ${body} }`;

describe('remove-dead-nodes', () => {
  test('drops a chain that nobody reads', () =>
    expectPass(removeDeadNodes, graph('A = Exp (X) B = Add (A, b) Y = Add (X, a)')).toBecome('Y = Add (X, a)'));
  test('drops the constants that only a dropped node has read, and keeps the others', () => {
    const model = parseGraph(graph('B = Add (X, b) Y = Add (X, a)'));
    runPasses(model, [removeDeadNodes], { validate: 'rule' });
    expect([...model.graph.constants].map(({ name }) => name)).toEqual(['a']);
  });
  test('keeps inputs that nobody reads: they belong to the interface', () => {
    const model = parseGraph('g (float[2] X, float[2] unused) => (float[2] Y) { Y = Relu (X) Z = Exp (unused) }');
    runPasses(model, [removeDeadNodes], { validate: 'rule' });
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['X', 'unused']);
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Relu']);
  });
  test('keeps a node of which one of two results is read', () =>
    expectPass(
      removeDeadNodes,
      'g (float[2, 4] X) => (float[2, 2] Y) <int64[2] s = {2, 2}> { A, B = Split <axis = 1> (X, s) Y = Relu (B) }',
    ).toStay());
  test('drops what is dead within a branch', () => {
    const model = parseGraph(
      'g (bool C, float[2] X) => (float[2] Y) { Y = If (C) <then_branch = t () => (float[2] P) { D = Exp (X) P = Relu (X) }, else_branch = e () => (float[2] Q) { Q = Neg (X) }> }',
    );
    runPasses(model, [removeDeadNodes], { validate: 'rule' });
    const [node] = model.graph.nodes;
    const attr = node?.attrs.get('then_branch');
    expect(attr?.kind === 'graph' ? attr.value.nodes.map(({ op }) => op) : undefined).toEqual(['Relu']);
  });
});
