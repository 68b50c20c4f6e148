import { onnx } from 'onnx-proto';
import { removeDeadNodes } from '../../passes/remove-dead-nodes';
import { removeIdentities } from '../../passes/remove-identities';
import { bufferSource } from '../../src/ir/bytes';
import { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Attr, Node, Use, Value } from '../../src/ir/types';
import { validateModel, violations } from '../../src/ir/validate';
import { readModel } from '../../src/onnx/read';
import { modelToBytes } from '../../src/onnx/write';
import { runPasses } from '../../src/rewrite/manager';
import { parseGraph } from '../support/expect-pass';
import { runModel } from '../support/run';

/** X -> Relu -> A -> Abs -> Y */
function chain(): { model: Model; graph: Graph; relu: Node; abs: Node; x: Value; a: Value; y: Value } {
  const graph = new Graph('g');
  const x = graph.addInput('X', { dtype: 'float', shape: [1, 4] });
  const relu = graph.addNode({ op: 'Relu', inputs: [x], outputs: ['A'] });
  const [a] = relu.outputs;
  const abs = graph.addNode({ op: 'Abs', inputs: [a], outputs: ['Y'] });
  const [y] = abs.outputs;
  if (!a || !y) throw new Error('no outputs');
  graph.setOutputs([y]);
  return { model: new Model({ graph }), graph, relu, abs, x, a, y };
}
/** Behind the back of the graph, as only a bug could. */
const break_ = (target: object, key: string, value: unknown): void => void Reflect.set(target, key, value);
const codes = (model: Model): string[] => [...new Set(violations(model).map(({ code }) => code))];

describe('the invariants of the IR', () => {
  test('a sound graph has no violation', () => {
    expect(codes(chain().model)).toEqual([]);
    expect(() => validateModel(chain().model)).not.toThrow();
  });
  test('an input that nobody makes', () => {
    const { model, abs } = chain();
    const stray = new Graph('other').addInput('S', undefined);
    break_(abs.inputs, '0', stray);
    expect(codes(model)).toEqual(expect.arrayContaining(['UNDEFINED_INPUT', 'USE_MISSING', 'USE_STALE']));
  });
  test('a node before what it reads', () => {
    const { model, graph, y, relu } = chain();
    const early = graph.addNode({ op: 'Neg', inputs: [y], outputs: ['E'], before: relu });
    expect(codes(model)).toEqual(['WRONG_ORDER']);
    expect(early.name).toBe('E');
  });
  test('a use that is not listed, and one that no longer holds', () => {
    const { model, a, abs } = chain();
    break_(a, 'uses', []);
    expect(codes(model)).toEqual(['USE_MISSING']);
    const uses: Use[] = [
      { user: abs, slot: 0 },
      { user: abs, slot: 3 },
    ];
    break_(a, 'uses', uses);
    expect(codes(model)).toEqual(['USE_STALE']);
  });
  test('two values, two nodes of one name', () => {
    const { model, a, y, relu, abs } = chain();
    break_(y, 'name', a.name);
    break_(abs, 'name', relu.name);
    expect(codes(model).sort()).toEqual(['DUPLICATE_NODE_NAME', 'DUPLICATE_VALUE_NAME']);
  });
  test('a value that names another producer', () => {
    const { model, a, abs } = chain();
    break_(a, 'producer', abs);
    expect(codes(model)).toEqual(['WRONG_PRODUCER']);
  });
  test('an output that nobody makes, one listed twice', () => {
    const { model, graph, y } = chain();
    graph.setOutputs([y, y]);
    expect(codes(model)).toEqual(['DUPLICATE_OUTPUT']);
    graph.setOutputs([new Graph('other').addInput('S', undefined)]);
    expect(codes(model)).toEqual(['UNDEFINED_OUTPUT']);
  });
  test('a node that stands for nothing', () => {
    const { model, relu } = chain();
    break_(relu, 'originList', []);
    expect(codes(model)).toEqual(['EMPTY_ORIGIN']);
  });
  test('attributes that the operator does not have, or of another kind', () => {
    const { model, graph, x } = chain();
    graph.addNode({ op: 'Relu', inputs: [x], attrs: new Map([['alpha', { kind: 'float', value: 1 }]]) });
    graph.addNode({ op: 'Elu', inputs: [x], attrs: new Map([['alpha', { kind: 'int', value: 1 }]]) });
    expect(codes(model).sort()).toEqual(['UNKNOWN_ATTRIBUTE', 'WRONG_ATTRIBUTE_KIND']);
  });
  test('the exception lists all of them', () => {
    const { model, relu, abs } = chain();
    break_(relu, 'originList', []);
    break_(abs, 'originList', []);
    expect(() => validateModel(model)).toThrow(/EMPTY_ORIGIN.*'A'.*EMPTY_ORIGIN.*'Y'/);
  });

  test('an outer value that a nested graph hands out is known to be used, and is not removed', () => {
    const { model, graph, relu, a, y } = chain();
    const condition = graph.addConstant('C', fromNumbers('bool', [], [1]));
    const [yes, no] = ['yes', 'no'].map((name) => new Graph(name, graph));
    if (!yes || !no) throw new Error('no graphs');
    yes.setOutputs([a]);
    const [minus] = no.addNode({ op: 'Neg', inputs: [a] }).outputs;
    if (!minus) throw new Error('no output');
    no.setOutputs([minus]);
    const [result] = graph.addNode({
      op: 'If',
      inputs: [condition],
      attrs: new Map<string, Attr>([
        ['then_branch', { kind: 'graph', value: yes }],
        ['else_branch', { kind: 'graph', value: no }],
      ]),
    }).outputs;
    if (!result) throw new Error('no output');
    graph.setOutputs([y, result]);
    expect(yes.nodes.map((node) => node.op)).toEqual(['Identity']);
    expect(a.uses.map(({ user }) => user.op).sort()).toEqual(['Abs', 'Identity', 'Neg']);
    runPasses(model, [removeIdentities, removeDeadNodes]);
    expect(graph.has(relu)).toBe(true);
    expect(codes(model)).toEqual([]);
    expect(codes(model.clone())).toEqual([]);
  });
});

test('a file whose branch hands on an outer value is read with a use of that value, and runs', async () => {
  const model = parseGraph(`<ir_version: 10, opset_import: ["" : 20]> g (float[2] X, bool C) => (float[2] Y) {
    A = Relu (X)
    Y = If (C) <then_branch = yes () => (float[2] P) { P = Identity (A) }, else_branch = no () => (float[2] Q) { Q = Neg (A) }>
  }`);
  // As some exporters write it: the branch has no node, its output is named like the outer value.
  const proto = onnx.ModelProto.decode(modelToBytes(model));
  const branch = proto.graph?.node?.find((node) => node.opType === 'If')?.attribute?.find(({ name }) => name === 'then_branch')?.g;
  if (!branch) throw new Error('no branch');
  branch.node = [];
  branch.output = [{ ...branch.output?.[0], name: 'A' }];
  const read = readModel(bufferSource(onnx.ModelProto.encode(proto).finish()));
  expect(read.graph.nodes[0]?.outputs[0]?.uses.map(({ user }) => user.op).sort()).toEqual(['Identity', 'Neg']);
  runPasses(read, [removeDeadNodes]);
  expect(codes(read)).toEqual([]);
  const feeds = new Map([
    ['X', fromNumbers('float', [2], [-3, 5])],
    ['C', fromNumbers('bool', [], [1])],
  ]);
  const result = (await runModel(read, feeds)).get('Y');
  expect(result && [...readNumbers(result)]).toEqual([0, 5]);
});
