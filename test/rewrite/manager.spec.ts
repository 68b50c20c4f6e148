import { InvariantError } from '../../src/diagnostics/compile-error';
import { attributes, int, string } from '../../src/ir/attrs';
import type { Node } from '../../src/ir/types';
import { printModel } from '../../src/onnx/text/printer';
import { PassRunner, type RunOptions, runPasses } from '../../src/rewrite/manager';
import { definePass, defineRulePass, type Pass } from '../../src/rewrite/pass';
import { node, value } from '../../src/rewrite/pattern';
import { defineRule, refuse } from '../../src/rewrite/rule';
import { parseGraph } from '../support/expect-pass';

const TEXT = `g (float[2, 3] X) => (float[2, 3] Y) {
  A = Relu (X)
  B = Abs (A)
  Y = Relu (B)
}`;

const run = (passes: readonly Pass[], options?: RunOptions, text = TEXT) => {
  const model = parseGraph(text);
  return { model, reports: runPasses(model, passes, options) };
};

const reluToMax = defineRulePass({
  name: 'relu-to-max',
  summary: 'write Relu as Max',
  numbers: 'identical',
  rules: [
    defineRule({
      name: 'relu',
      match: node('Relu', [value('x')], { as: 'relu' }),
      when: ({ x, relu }) => (x.producer ? {} : refuse('it reads an input', relu)),
      build: ({ x }, make) => make.op('Max', [x]),
    }),
  ],
});
const nothing = definePass({ name: 'nothing', summary: 'do nothing', numbers: 'identical', run: () => {} });
/** Leaves a node behind that stands for nothing. */
const breaks = definePass({
  name: 'break-origins',
  summary: 'break the IR',
  numbers: 'identical',
  run(graph) {
    const [first] = graph.nodes;
    if (first) graph.addNode({ op: 'Abs', inputs: first.inputs, attrs: new Map([['no_such_attribute', int(1)]]) });
  },
});
/** A rule that breaks the IR when it sees Abs, in a pass with one that does not. */
const breaksByRule = defineRulePass({
  name: 'break-by-rule',
  summary: 'break the IR',
  numbers: 'identical',
  rules: [
    ...reluToMax.rules,
    defineRule({ name: 'bad', match: node('Abs', [value('x')]), build: ({ x }, make) => make.op('Neg', [x], { axis: string('none') }) }),
  ],
});

describe('the report', () => {
  test('counts what was applied, refused, added and removed', () => {
    const [report] = run([reluToMax]).reports;
    expect(report).toMatchObject({ pass: 'relu-to-max', applied: { relu: 1 }, nodesBefore: 3, nodesAfter: 3 });
    expect(report?.refusals).toEqual([
      {
        kind: 'refused',
        pass: 'relu-to-max',
        rule: 'relu',
        reason: 'it reads an input',
        at: expect.objectContaining({ node: 'A' }),
        origin: ['A'],
      },
    ]);
    expect(report?.remarks.map(({ kind }) => kind)).toEqual(['applied', 'refused']);
    expect(report?.edits).toBeGreaterThan(0);
    expect(report?.ms).toBeGreaterThan(0);
  });

  test('says that nothing changed, whatever the pass says', () => {
    const liar = definePass({
      ...nothing,
      name: 'liar',
      run: (graph, { remark }) => remark({ kind: 'applied', at: { node: graph.nodes[0]?.name }, origin: ['A'] }),
    });
    expect(run([nothing, liar]).reports).toMatchObject([
      { pass: 'nothing', edits: 0, applied: {} },
      { pass: 'liar', edits: 0, applied: { liar: 1 } },
    ]);
  });

  test('counts the nodes of nested graphs', () => {
    const text = `g (float[2] X, bool B) => (float[2] Y) {
      Y = If (B) <then_branch = a () => (float[2] U) { U = Abs (X) }, else_branch = b () => (float[2] V) { V = Neg (X) }>
    }`;
    expect(run([nothing], {}, text).reports).toMatchObject([{ nodesBefore: 3, nodesAfter: 3 }]);
  });
});

describe('a pass that breaks the IR', () => {
  test('is named', () => {
    expect(() => run([nothing, breaks])).toThrow(InvariantError);
    expect(() => run([nothing, breaks])).toThrow(/pass 'break-origins' broke the IR: UNKNOWN_ATTRIBUTE/);
  });
  test('is named with the rules that it applied', () => {
    expect(() => run([breaksByRule])).toThrow(/pass 'break-by-rule' broke the IR \(rules applied: bad, relu\): UNKNOWN_ATTRIBUTE/);
  });
  test('is named with the very rule where each rewrite is checked', () => {
    expect(() => run([breaksByRule], { validate: 'rule' })).toThrow(
      /pass 'break-by-rule': rule 'bad' at 'B' broke the IR: UNKNOWN_ATTRIBUTE/,
    );
  });
  test('is one of those that ran where only the end is checked', () => {
    expect(() => run([breaks, nothing], { validate: 'end' })).toThrow(/one of the passes 'break-origins', 'nothing' broke the IR/);
  });
  test('is named when it throws', () => {
    const refusing = definePass({ ...nothing, name: 'remove-used', run: (graph) => graph.nodes[0] && graph.removeNode(graph.nodes[0]) });
    expect(() => run([refusing])).toThrow(/pass 'remove-used'.*still read/);
  });
});

test('each pass finds types that are up to date', () => {
  const seen: unknown[] = [];
  const transpose = definePass({
    ...nothing,
    name: 'respell',
    run(graph) {
      const [first] = graph.nodes;
      // Without a type: the next pass needs it.
      if (first)
        graph.replaceInput(first, 0, graph.addNode({ op: 'Identity', inputs: first.inputs, outputs: ['I'], before: first }).outputs[0]);
    },
  });
  const look = definePass({ ...nothing, name: 'look', run: (graph) => seen.push(graph.nodes[0]?.outputs[0]?.type) });
  run([transpose, look]);
  expect(seen).toEqual([{ dtype: 'float', shape: [2, 3] }]);
});

test('onPass sees the model after each pass, to print it', () => {
  const printed: string[] = [];
  run([nothing, reluToMax], {
    onPass: ({ pass, model, report }) => printed.push(`${pass.name} ${report.edits > 0} ${/Max/.test(printModel(model))}`),
  });
  expect(printed).toEqual(['nothing false false', 'relu-to-max true true']);
});

test('a runner keeps what it inferred, and sees attributes, inputs and types that change', () => {
  const model = parseGraph(`<ir_version: 8, opset_import: ["" : 17]> g (float[2, 3, 8, 8] X) => (float[2, 3, 4, 4] Y) {
    A = Relu (X)
    Y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (A)
  }`);
  const runner = new PassRunner(model);
  const shapeAfter = (edit: (pool: Node, relu: Node) => void): unknown => {
    const pass = definePass({
      name: 'edit',
      summary: 'edit',
      numbers: 'identical',
      run(graph) {
        const [relu, pool] = graph.nodes;
        if (relu && pool) edit(pool, relu);
      },
    });
    runner.run([pass]);
    return model.graph.outputs[0]?.type?.shape;
  };
  const { graph } = model;
  expect(shapeAfter(() => {})).toEqual([2, 3, 4, 4]);
  expect(shapeAfter((pool) => graph.respell(pool, { attrs: attributes({ kernel_shape: [2, 2], strides: [1, 1] }) }))).toEqual([2, 3, 7, 7]);
  expect(shapeAfter((pool) => graph.replaceInput(pool, 0, graph.addInput('Z', { dtype: 'float', shape: [1, 3, 5, 5] })))).toEqual([
    1, 3, 4, 4,
  ]);
  expect(shapeAfter((_, relu) => graph.respell(relu, { opType: 'GlobalAveragePool' }))).toEqual([1, 3, 4, 4]);
  expect(graph.nodes[0]?.outputs[0]?.type?.shape).toEqual([2, 3, 1, 1]);
});
