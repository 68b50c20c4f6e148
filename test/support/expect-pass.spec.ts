/** The helper itself, by sabotage: each way in which a pass can be wrong must fail. */

import { readNumbers } from '../../src/ir/tensor';
import { definePass, defineRulePass, type Numbers } from '../../src/rewrite/pass';
import { node, value } from '../../src/rewrite/pattern';
import { defineRule, refuse } from '../../src/rewrite/rule';
import { expectPass } from './expect-pass';
import { seededConstant } from './seeded';

const become = (from: string, to: string, numbers: Numbers = 'identical') =>
  defineRulePass({
    name: 'test-pass',
    summary: 'replace an operator',
    numbers,
    rules: [defineRule({ name: 'r', match: node(from, [value('x')]), build: ({ x }, make) => make.op(to, [x]) })],
  });
const idle = 'g (float[N, 3] X) => (float[N, 3] Y) { A = Identity (X) Y = Abs (A) }';

test('accepts a right pass, whatever the names of inner values', async () => {
  await expectPass(become('Identity', 'Max'), idle).toBecome('any = Max (X) Y = Abs (any)');
});

test('defaults and spacing do not matter', async () => {
  const text = 'g (float[2, 3] X) => (float[3, 2] Y) { Y = Transpose (X) }';
  const leaky = 'g (float[2] X) => (float[2] Y) { A = Identity (X) Y = LeakyRelu <alpha = 0.01> (A) }';
  await expectPass(become('Identity', 'Abs'), text).toStay();
  await expectPass(become('Identity', 'Max'), leaky).toBecome('A=Max(X)\n\n Y = LeakyRelu(A)');
});

test('rejects other numbers, and tells the first value that departs', async () => {
  await expect(
    expectPass(become('Relu', 'Abs'), 'g (float[3] X) => (float[3] Y) { A = Relu (X) B = Neg (A) Y = Exp (B) }').toBecome(
      'A = Abs (X) B = Neg (A) Y = Exp (B)',
    ),
  ).rejects.toThrow(/output 'Y': element .*\nfirst to depart: 'A' \(Relu\)/);
});

test('holds a pass to what it says about the numbers', async () => {
  // x / (1 / 3) against x * 3: the last bit.
  const text = 'g (float[64] X) => (float[64] Y) <float C = {0.33333334}> { Y = Div (X, C) }';
  const divide = (numbers: Numbers) =>
    defineRulePass({
      name: 'divide',
      summary: 'multiply',
      numbers,
      rules: [
        defineRule({
          name: 'r',
          match: node('Div', [value('x'), value()]),
          build: ({ x }, make) => make.op('Mul', [x, make.scalar('three', 'float', 3)]),
        }),
      ],
    });
  await expect(expectPass(divide('identical'), text).toBecome('Y = Mul (X, three)')).rejects.toThrow("numbers: 'identical'");
  await expectPass(divide('reordered'), text).toBecome('Y = Mul (X, three)');
});

test('notices a claim about the numbers that is too weak', () =>
  expect(expectPass(become('Identity', 'Max', 'reordered'), idle).toBecome('A = Max (X) Y = Abs (A)', { departs: true })).rejects.toThrow(
    'the claim about the numbers is not needed here',
  ));

describe('fails at once, so that a forgotten await hides nothing, when', () => {
  test('the nodes are others', () => {
    expect(() => expectPass(become('Identity', 'Max'), idle).toBecome('A = Abs (X) Y = Abs (A)')).toThrow(
      /node 0: Abs expected, Max found/,
    );
    expect(() => expectPass(become('Identity', 'Max'), idle).toBecome('A = Max (X) B = Abs (A) Y = Abs (B)')).toThrow(
      /3 nodes expected, 2 found/,
    );
  });
  test('the wiring is another', () => {
    const text = 'g (float[2] X, float[2] Z) => (float[2] Y) { A = Identity (X) Y = Sub (A, Z) }';
    expect(() => expectPass(become('Identity', 'Max'), text).toBecome('A = Max (X) Y = Sub (Z, A)')).toThrow(
      /input 0: 'Z' expected, 'A' found/,
    );
    expect(() => expectPass(become('Identity', 'Max'), text).toBecome('A = Max (Z) Y = Sub (A, X)')).toThrow(
      /input 0: 'Z' expected, 'X' found/,
    );
  });
  test('two constants of the source are exchanged', () => {
    const text =
      'g (float[2] X) => (float[2] Y) <float[2] P = {1, 2}, float[2] Q = {1, 2}> { A = Identity (X) B = Add (A, P) Y = Sub (B, Q) }';
    expect(() => expectPass(become('Identity', 'Max'), text).toBecome('A = Max (X) B = Add (A, Q) Y = Sub (B, P)')).toThrow(
      /'Q' expected, 'P' found/,
    );
  });
  test('an attribute is another', () => {
    const text = 'g (float[2, 3] X) => (float[2, 3] Y) { A = Identity (X) Y = Softmax <axis = 0> (A) }';
    expect(() => expectPass(become('Identity', 'Max'), text).toBecome('A = Max (X) Y = Softmax (A)')).toThrow(
      /attribute axis = .*-1.* expected, .*0.* found/,
    );
  });
  test('a second run changes it again', () => {
    const grows = definePass({
      name: 'grow',
      summary: 'grow',
      numbers: 'identical',
      run(graph) {
        const [first] = graph.nodes;
        if (first)
          graph.replaceInput(
            first,
            0,
            graph.addNode({ op: 'Identity', inputs: first.inputs, outputs: ['I'], before: first, origin: first.origin }).outputs[0],
          );
      },
    });
    expect(() => expectPass(grows, 'g (float[2] X) => (float[2] Y) { Y = Abs (X) }').toBecome('I = Identity (X) Y = Abs (I)')).toThrow(
      'a second run changes it again',
    );
  });
  test('a node stands for nothing of the source', () => {
    const stray = definePass({
      name: 'stray',
      summary: 'stray',
      numbers: 'identical',
      run(graph) {
        const [first] = graph.nodes;
        if (first?.op !== 'Identity') return;
        const max = graph.addNode({ op: 'Max', inputs: first.inputs, outputs: ['M'], before: first }).outputs[0];
        if (max && first.outputs[0]) graph.replaceAllUses(first.outputs[0], max);
        graph.removeNode(first);
      },
    });
    expect(() => expectPass(stray, idle).toBecome('A = Max (X) Y = Abs (A)')).toThrow("'M' claims to come from 'M'");
  });
  test('it was to stay', () => {
    expect(() => expectPass(become('Identity', 'Max'), idle).toStay()).toThrow('it was to be left alone');
    expect(() => expectPass(become('Identity', 'Max'), idle).toRefuse()).toThrow('it was to be left alone');
  });
  test('the reason is another', () => {
    const refuses = defineRulePass({
      name: 'p',
      summary: 'refuse',
      numbers: 'identical',
      rules: [defineRule({ name: 'r', match: node('Identity', [value('x')]), when: () => refuse('it is Tuesday'), build: ({ x }) => x })],
    });
    expect(() => expectPass(refuses, idle).toRefuse('it is Monday')).toThrow("no remark says 'it is Monday', only: it is Tuesday");
    expect(() => expectPass(become('Sin', 'Cos'), idle).toRefuse('it is Monday')).toThrow('only: nothing');
    return expectPass(refuses, idle).toRefuse(/Tuesday/);
  });
  test('an integer constant has no data', () => {
    expect(() =>
      expectPass(become('Identity', 'Max'), 'g (float[2] X) => (float[2] Y) <int64[1] S> { Y = Reshape (X, S) }').toStay(),
    ).toThrow("write out the data of 'S'");
  });
});

test('the same name gives the same numbers, another name others, and variances are positive', () => {
  const numbers = (name: string): number[] => [...readNumbers(seededConstant(name, 'float', [50]))];
  expect(numbers('P')).toEqual(numbers('P'));
  expect(numbers('P')).not.toEqual(numbers('Q'));
  expect(Math.min(...numbers('P'))).toBeLessThan(0);
  expect(Math.min(...numbers('running_var'))).toBeGreaterThan(0);
});
