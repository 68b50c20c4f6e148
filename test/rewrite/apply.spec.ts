import { int } from '../../src/ir/attrs';
import type { Graph } from '../../src/ir/graph';
import { nestedGraphs } from '../../src/ir/graph';
import { inferShapes } from '../../src/ir/shape-inference';
import { fromNumbers, scalar } from '../../src/ir/tensor';
import { validateModel } from '../../src/ir/validate';
import { printNode } from '../../src/onnx/text/printer';
import { applyRules, type RuleRemark } from '../../src/rewrite/apply';
import { constant, literal, node, optional, value } from '../../src/rewrite/pattern';
import { defineRule, type Rule, refuse } from '../../src/rewrite/rule';
import { parseGraph } from '../support/expect-pass';

interface Applied {
  readonly graph: Graph;
  /** One line per node. */
  readonly text: string[];
  readonly remarks: RuleRemark[];
}

function apply(rules: Rule | readonly Rule[], source: string): Applied {
  const model = parseGraph(source);
  const remarks: RuleRemark[] = [];
  applyRules(model.graph, [rules].flat(), { model, inference: inferShapes(model), remark: (remark) => remarks.push(remark) });
  validateModel(model);
  return { graph: model.graph, text: model.graph.nodes.map((found) => printNode(found)), remarks };
}

const doubleNegation = defineRule({
  name: 'double-negation',
  match: node('Neg', [node('Neg', [value('x')])]),
  build: ({ x }) => x,
});
const reluToMax = defineRule({
  name: 'relu-to-max',
  match: node('Relu', [value('x')], { as: 'relu' }),
  build: ({ x, relu }, make) => make.op('Max', [x, make.scalar(`${relu.name}_zero`, 'float', 0)]),
});

describe('replacing', () => {
  test('moves all readers to the replacement and removes what was matched', () => {
    const { text, graph } = apply(
      doubleNegation,
      'g (float[2] X) => (float[2] Y, float[2] Z) { A = Neg (X) B = Neg (A) Y = Abs (B) Z = Relu (B) }',
    );
    expect(text).toEqual(['Y = Abs (X)', 'Z = Relu (X)']);
    expect(graph.inputs[0]?.uses).toHaveLength(2);
  });

  test('keeps the name of what it replaces, inner and public', () => {
    const { text } = apply(reluToMax, 'g (float[2] X) => (float[2] Y) { A = Relu (X) Y = Relu (A) }');
    expect(text).toEqual(['[A_Max] A = Max (X, A_zero)', '[Y_Max] Y = Max (A, Y_zero)']);
  });

  test('gives new nodes the origins of all matched ones', () => {
    const absOfNeg = defineRule({
      name: 'r',
      match: node('Abs', [node('Neg', [value('x')])]),
      build: ({ x }, make) => make.op('Abs', [make.op('Cos', [x])]),
    });
    const { graph } = apply(absOfNeg, 'g (float[2] X) => (float[2] Y) { [one] A = Neg (X) [two] Y = Abs (A) }');
    expect(graph.nodes.map(({ op, origin }) => [op, origin])).toEqual([
      ['Cos', ['two', 'one']],
      ['Abs', ['two', 'one']],
    ]);
  });

  test('gives new values their types', () => {
    const { graph } = apply(reluToMax, 'g (float[N, 3] X) => (float[N, 3] Y) { A = Relu (X) Y = Abs (A) }');
    expect(graph.nodes[0]?.outputs[0]?.type).toEqual({ dtype: 'float', shape: ['N', 3] });
  });

  test('puts new nodes where the old ones were', () => {
    const { text } = apply(reluToMax, 'g (float[2] X) => (float[2] Y, float[2] Z) { A = Relu (X) Z = Abs (X) Y = Cos (A) }');
    expect(text.map((line) => line.split(' = ')[1])).toEqual(['Max (X, A_zero)', 'Abs (X)', 'Cos (A)']);
  });

  test('removes producers and constants that nobody reads any more, and keeps those that were idle before', () => {
    const first = defineRule({ name: 'r', match: node('Reshape', [value('x'), value()]), build: ({ x }) => x });
    const { text, graph } = apply(
      first,
      `g (float[2, 3] X) => (float[2, 3] Y) <int64[1] last = {-1}, int64[1] zero = {0}, int64[1] one = {1}> {
        S = Shape (X) first = Slice (S, zero, one) T = Concat <axis = 0> (first, last) R = Reshape (X, T) Y = Relu (R)
        idle = Abs (X)
      }`,
    );
    expect(text).toEqual(['Y = Relu (X)', 'idle = Abs (X)']);
    expect(graph.constants).toEqual([]);
  });

  test('keeps a shared node for its other readers', () => {
    const shared = defineRule({
      name: 'r',
      match: node('Abs', [node('Neg', [value('x')], { shared: true })]),
      build: ({ x }, make) => make.op('Abs', [x]),
    });
    const { text } = apply(shared, 'g (float[2] X) => (float[2] Y, float[2] N) { N = Neg (X) Y = Abs (N) }');
    expect(text).toEqual(['N = Neg (X)', '[Y_Abs] Y = Abs (X)']);
  });

  test('removes what was built and not used', () => {
    const wasteful = defineRule({
      name: 'r',
      match: node('Relu', [value('x')]),
      build({ x }, make) {
        make.op('Cos', [make.op('Sin', [x]), make.constant('spare', scalar('float', 1))].slice(0, 1));
        return make.op('Abs', [x]);
      },
    });
    const { text, graph } = apply(wasteful, 'g (float[2] X) => (float[2] Y) { Y = Relu (X) }');
    expect(text).toEqual(['[Y_Abs] Y = Abs (X)']);
    expect(graph.constants).toEqual([]);
  });
});

describe('public names', () => {
  const drop = defineRule({ name: 'drop', match: node('Dropout', [value('x')]), build: ({ x }) => x });
  test.each([
    ['an input', 'g (float[2] X) => (float[2] Y) { Y = Dropout (X) }', ['[Y_Identity] Y = Identity (X)']],
    ['a constant', 'g () => (float[2] Y) <float[2] C = {1, 2}> { Y = Dropout (C) }', ['[Y_Identity] Y = Identity (C)']],
    [
      'another output',
      'g (float[2] X) => (float[2] A, float[2] Y) { A = Abs (X) Y = Dropout (A) }',
      ['A = Abs (X)', '[Y_Identity] Y = Identity (A)'],
    ],
  ])('an output that would become %s goes through an Identity', (_, source, expected) =>
    expect(apply(drop, source).text).toEqual(expected),
  );

  test('the output keeps its name where the replacement can take it', () => {
    expect(apply(drop, 'g (float[2] X) => (float[2] Y) { A = Abs (X) Y = Dropout (A) }').text).toEqual(['[A] Y = Abs (X)']);
  });

  test('an Identity between two public names stays, and says why', () => {
    const identity = defineRule({ name: 'identity', match: node('Identity', [value('x')]), build: ({ x }) => x });
    const { text, remarks } = apply(identity, 'g (float[2] X) => (float[2] Y) { Y = Identity (X) }');
    expect(text).toEqual(['Y = Identity (X)']);
    expect(remarks).toMatchObject([
      { kind: 'refused', rule: 'identity', reason: expect.stringContaining('both names are public'), at: { node: 'Y' } },
    ]);
  });
});

describe('several outputs', () => {
  const single = defineRule({
    name: 'single',
    match: node('Split', [value('x')], { moreInputs: true }),
    build: ({ x }, make) => make.op('Abs', [x]),
  });
  const swap = defineRule({
    name: 'swap',
    outputs: 'all',
    match: node('Split', [node('Neg', [value('x')])], { as: 'split', moreInputs: true }),
    build: ({ x, split }, make) => make.ops('Split', [x], { num_outputs: 2 }, split.outputs.length).map((part) => make.op('Neg', [part])),
  });
  test('are all replaced by a list', () => {
    const { text } = apply(
      swap,
      'g (float[4] X) => (float[2] Y, float[2] Z) { N = Neg (X) Y, B = Split <num_outputs = 2> (N) Z = Abs (B) }',
    );
    expect(text).toEqual([
      '[Y_Split] Y_Split_0, Y_Split_1 = Split <num_outputs = 2> (X)',
      '[Y_Neg] Y = Neg (Y_Split_0)',
      '[Y_Neg_1] B = Neg (Y_Split_1)',
      'Z = Abs (B)',
    ]);
  });
  test('a rule for the first is refused while another is read', () => {
    const { remarks, graph } = apply(single, 'g (float[2] X) => (float[1] Y, float[1] Z) { Y, Z = Split <num_outputs = 2> (X) }');
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Split']);
    expect(remarks).toMatchObject([{ kind: 'refused', reason: "its output 'Z' is read as well" }]);
  });
  test('a list that leaves out an output that is read is our mistake', () => {
    const short = defineRule({
      name: 'short',
      outputs: 'all',
      match: node('Split', [value('x')], { moreInputs: true }),
      build: ({ x }) => [x],
    });
    expect(() => apply(short, 'g (float[2] X) => (float[1] Y, float[1] Z) { Y, Z = Split <num_outputs = 2> (X) }')).toThrow(
      /rule 'short' at Split 'Y'.*'Z'/,
    );
  });
  test('a list without saying so is our mistake', () => {
    const unsaid = defineRule({ name: 'unsaid', match: node('Relu', [value('x')]), build: ({ x }) => [x] });
    expect(() => apply(unsaid, 'g (float[2] X) => (float[2] Y) { Y = Relu (X) }')).toThrow("outputs: 'all'");
  });
});

describe('types', () => {
  const wrong = (op: string, name = 'wrong') =>
    defineRule({ name, match: node('Relu', [value('x')]), build: ({ x }, make) => make.op(op, [x]) });
  test.each([
    ['element type', 'IsNaN', 'bool[2, 3]'],
    ['rank', 'Shape', 'int64[2]'],
  ])('another %s is our mistake, with the name of the rule', (_, op, type) => {
    expect(() => apply(wrong(op), 'g (float[2, 3] X) => (float[2, 3] Y) { Y = Relu (X) }')).toThrow(
      `rule 'wrong' at Relu 'Y': 'Y' would change its type from float[2, 3] to ${type}`,
    );
  });
  test('so are other dimensions', () => {
    expect(() => apply(wrong('Transpose'), 'g (float[2, 3] X) => (float[2, 3] Y) { Y = Relu (X) }')).toThrow(
      'from float[2, 3] to float[3, 2]',
    );
  });
  test('an operator that inference does not know takes the type of what it replaces', () => {
    const { graph } = apply(wrong('my.domain.Op'), 'g (float[2, 3] X) => (float[2, 3] Y) { A = Relu (X) Y = Abs (A) }');
    expect(graph.nodes[0]).toMatchObject({ op: 'my.domain.Op', outputs: [{ type: { dtype: 'float', shape: [2, 3] } }] });
  });
});

describe('the walk', () => {
  test('tries rules in list order; the first that fires wins', () => {
    const rename = (to: string) => defineRule({ name: to, match: node('Relu', [value('x')]), build: ({ x }, make) => make.op(to, [x]) });
    const { text, remarks } = apply([rename('Sin'), rename('Cos')], 'g (float[2] X) => (float[2] Y) { Y = Relu (X) }');
    expect(text).toEqual(['[Y_Sin] Y = Sin (X)']);
    expect(remarks.map(({ rule }) => rule)).toEqual(['Sin']);
  });

  test('goes on from what was built', () => {
    const two = defineRule({ name: 'cos', match: node('Max', [value('x'), value()]), build: ({ x }, make) => make.op('Cos', [x]) });
    const { text } = apply([reluToMax, two], 'g (float[2] X) => (float[2] Y) { Y = Relu (X) }');
    expect(text.map((line) => line.split('= ')[1])).toEqual(['Cos (X)']);
  });

  test('repeats until nothing changes: a chain collapses whatever its length', () => {
    const lines = Array.from({ length: 2000 }, (_, index) => `v${index + 1} = Neg (v${index})`);
    const { text, remarks } = apply(doubleNegation, `g (float[2] v0) => (float[2] Y) { ${lines.join('\n')} Y = Abs (v2000) }`);
    expect(text).toEqual(['Y = Abs (v0)']);
    expect(remarks.filter(({ kind }) => kind === 'applied')).toHaveLength(1000);
  });

  test('lets a node travel upwards through a long graph in one go', () => {
    const rise = defineRule({
      name: 'rise',
      match: node('Neg', [node('Abs', [value('x')])]),
      build: ({ x }, make) => make.op('Abs', [make.op('Neg', [x])]),
    });
    const lines = Array.from({ length: 300 }, (_, index) => `v${index + 1} = Abs (v${index})`);
    const { graph } = apply(rise, `g (float[2] v0) => (float[2] Y) { ${lines.join('\n')} Y = Neg (v300) }`);
    expect(graph.nodes[0]?.op).toBe('Neg');
    expect(graph.nodes).toHaveLength(301);
  });

  test('rules that undo each other end in an InvariantError that names one', () => {
    const to = (from: string, target: string) =>
      defineRule({ name: `${from}-to-${target}`, match: node(from, [value('x')]), build: ({ x }, make) => make.op(target, [x]) });
    expect(() => apply([to('Sin', 'Cos'), to('Cos', 'Sin')], 'g (float[2] X) => (float[2] Y) { Y = Sin (X) }')).toThrow(
      /do not come to an end: '(Sin-to-Cos|Cos-to-Sin)'/,
    );
  });

  test('visits nested graphs', () => {
    const { graph } = apply(
      reluToMax,
      `g (float[2] X, bool B) => (float[2] W) {
        W = If (B) <then_branch = a () => (float[2] U) { U = Relu (X) }, else_branch = b () => (float[2] V) { V = Abs (X) }>
      }`,
    );
    const [branch] = graph.nodes.flatMap(nestedGraphs);
    expect(branch?.nodes.map(({ op }) => op)).toEqual(['Max']);
    expect(branch?.outputs[0]?.name).toBe('U');
  });

  test('is quick on a large graph', () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `v${index + 1} = Relu (v${index})`);
    const source = `g (float[2] v0) => (float[2] v5000) { ${lines.join('\n')} }`;
    const model = parseGraph(source);
    const inference = inferShapes(model);
    const start = performance.now();
    applyRules(model.graph, [reluToMax, doubleNegation], { model, inference, remark: () => {} });
    // 5000 rewrites; a quadratic engine needs minutes.
    expect(performance.now() - start).toBeLessThan(5000);
    expect(model.graph.nodes.every(({ op }) => op === 'Max')).toBe(true);
  });
});

describe('when', () => {
  const guarded = defineRule({
    name: 'guarded',
    match: node('Mul', [value('x'), constant('c')], { as: 'mul' }),
    when({ c }) {
      if (c.constant.shape.length > 1) return undefined;
      return c.constant.shape.length === 0 ? { factor: c.constant } : refuse('the factor is not a scalar', c);
    },
    build: ({ x }, make, { factor }) => make.op('Mul', [x, make.constant('factor', factor)]),
  });
  const mul = (c: string): string => `g (float[2, 2] X) => (float[2, 2] Y) <${c}> { Y = Mul (X, C) }`;
  test('a refusal becomes a remark with rule, reason, place and origin', () => {
    expect(apply(guarded, mul('float[2] C = {1, 2}')).remarks).toEqual([
      { kind: 'refused', rule: 'guarded', reason: 'the factor is not a scalar', at: { value: 'C' }, origin: ['Y'] },
    ]);
  });
  test('undefined says nothing', () => {
    expect(apply(guarded, mul('float[2, 2] C = {1, 2, 3, 4}')).remarks).toEqual([]);
  });
  test('a refusal of one order does not hinder the other', () => {
    const rule = defineRule({
      name: 'r',
      match: node('Add', [value('x'), value('y')], { commutative: true }),
      when: ({ x, y }) => (x.name > y.name ? {} : refuse('wrong order')),
      build: ({ x, y }, make) => make.op('Sub', [x, y]),
    });
    expect(apply(rule, 'g (float[2] P, float[2] Q) => (float[2] Y) { Y = Add (P, Q) }').text).toEqual(['[Y_Sub] Y = Sub (Q, P)']);
  });
  test('gets the integers of shape arithmetic from the context', () => {
    const rule = defineRule({
      name: 'r',
      match: node('Reshape', [value('x'), value('shape')]),
      when: ({ shape }, { inference }) => ({ dims: inference.intsOf(shape) }),
      build: ({ x }, make, { dims }) => make.op('Reshape', [x, make.constant(`to_${dims?.join('_')}`, fromNumbers('int64', [1], [-1]))]),
    });
    const stop = { ...rule, attempt: onlyOnce(rule) };
    const { graph } = apply(stop, 'g (float[2, 3] X) => (float[6] Y) <int64[1] S = {6}> { Y = Reshape (X, S) }');
    expect(graph.constants.map(({ name }) => name)).toEqual(['to_6']);
  });
  test('near misses and refusals are told of what is left at the end, not of what went before', () => {
    const { remarks } = apply(
      [guarded, doubleNegation],
      'g (float[2] X) => (float[2] Y, float[2] W) { A = Neg (X) B = Neg (A) Y = Abs (B) W = Cos (A) }',
    );
    expect(remarks).toEqual([
      {
        kind: 'refused',
        rule: 'double-negation',
        reason: "'A' is also read by Cos 'W'",
        at: expect.objectContaining({ node: 'A' }),
        origin: ['B'],
      },
    ]);
  });
});

describe('mistakes', () => {
  test('an error in a rule names rule and node', () => {
    const broken = defineRule({
      name: 'broken',
      match: node('Relu', [value('x')]),
      build: () => {
        throw new TypeError('no such thing');
      },
    });
    expect(() => apply(broken, 'g (float[2] X) => (float[2] Y) { Y = Relu (X) }')).toThrow("rule 'broken' at Relu 'Y': no such thing");
  });
});

test('attributes can be literals, attributes, or those of another node', () => {
  const rule = defineRule({
    name: 'r',
    match: node('Gemm', [value('x'), constant('w'), optional(value('b'))], { as: 'gemm', attrs: { transB: 1 } }),
    build: ({ x, w, b, gemm }, make) => make.op('com.example.Linear', [x, w, b], new Map([...gemm.attrs, ['more', int(1)]])),
  });
  expect(apply(rule, 'g (float[2, 3] X) => (float[2, 2] Y) <float[2, 3] W> { Y = Gemm <transB = 1> (X, W) }').text).toEqual([
    '[Y_Linear] Y = com.example.Linear <transB = 1, more = 1> (X, W)',
  ]);
  const named = defineRule({
    name: 'r',
    match: node('HardSigmoid', [node('Add', [value('x'), literal(3)], { commutative: true })]),
    build: ({ x }, make) => make.op('Cast', [x], { to: 1, unused: undefined, saturate: int(1) }, { name: 'chosen' }),
  });
  expect(apply(named, 'g (float[2] X) => (float[2] Y) <float T = {3}> { A = Add (T, X) Y = HardSigmoid (A) }').text).toEqual([
    '[chosen] Y = Cast <to = 1, saturate = 1> (X)',
  ]);
});

/** A rule that would apply to its own result, stopped after the first time. */
function onlyOnce(rule: Rule): Rule['attempt'] {
  let done = false;
  return (root, context) => {
    if (done) return undefined;
    done = true;
    return rule.attempt(root, context);
  };
}
