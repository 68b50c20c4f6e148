import type { Node, Value } from '../../src/ir/types';
import { constant, literal, matchAt, node, oneOf, optional, type Pattern, rootOps, value } from '../../src/rewrite/pattern';
import { parseGraph } from '../support/expect-pass';

/** Matches at the node that makes `Y`; the name of everything bound, or what was missed. */
function match(pattern: Pattern<object>, text: string): Record<string, string> | string | undefined {
  const { graph } = parseGraph(text);
  const root = graph.outputs[0]?.producer;
  if (!root) throw new Error('the first output is made by no node');
  const { result, miss } = matchAt<object, Record<string, string>>(pattern, root, ({ captures }) =>
    Object.fromEntries(Object.entries(captures).map(([name, found]: [string, Node | Value]) => [name, found.name])),
  );
  return result ?? miss?.reason;
}

const graph = (
  body: string,
  inputs = 'float[2, 3] X, float[2, 3] Z',
  outputs = 'float[2, 3] Y',
  constants = 'float[3] C = {1, 2, 3}',
): string => `g (${inputs}) => (${outputs}) <${constants}> { ${body} }`;

describe('value and constant', () => {
  test('bind what is there', () => {
    expect(match(node('Add', [value('x'), constant('c')], { as: 'add' }), graph('Y = Add (X, C)'))).toEqual({ x: 'X', c: 'C', add: 'Y' });
  });
  test('a constant is not an input of the graph', () => {
    expect(match(node('Add', [constant('c'), value('x')]), graph('Y = Add (X, C)'))).toBeUndefined();
  });
  test('without a name they bind nothing', () => {
    expect(match(node('Add', [value(), constant()]), graph('Y = Add (X, C)'))).toEqual({});
  });
  test('the same name twice is the same value', () => {
    const square = node('Mul', [value('x'), value('x')]);
    expect(match(square, graph('Y = Mul (X, X)'))).toEqual({ x: 'X' });
    expect(match(square, graph('Y = Mul (X, Z)'))).toBeUndefined();
  });
});

describe('literal', () => {
  const plusThree = node('Add', [value('x'), literal(3)]);
  test.each([
    ['a scalar', 'float C = {3}'],
    ['one element', 'float[1, 1] C = {3}'],
  ])('is %s of that number', (_, c) => expect(match(plusThree, graph('Y = Add (X, C)', undefined, undefined, c))).toEqual({ x: 'X' }));
  test('is not another number, nor several equal ones', () => {
    expect(match(plusThree, graph('Y = Add (X, C)', undefined, undefined, 'float C = {3.5}'))).toBeUndefined();
    expect(match(plusThree, graph('Y = Add (X, C)', undefined, undefined, 'float[3] C = {3, 3, 3}'))).toBeUndefined();
  });
  test('is rounded to the type of the constant', () => {
    expect(
      match(node('Mul', [value('x'), literal(1 / 6)]), graph('Y = Mul (X, C)', undefined, undefined, 'float C = {0.16666667}')),
    ).toEqual({ x: 'X' });
  });
  test('that is not a whole number is no int', () => {
    const text = 'g (int64[2] X) => (int64[2] Y) <int64 C = {0}> { Y = Add (X, C) }';
    expect(match(node('Add', [value('x'), literal(0.5)]), text)).toBeUndefined();
  });
});

describe('inputs', () => {
  const clip = node('Clip', [value('x'), optional(constant('low')), optional(constant('high'))]);
  test('optional ones may be left out at the end and in the middle', () => {
    const c = 'float C = {1}';
    expect(match(clip, graph('Y = Clip (X)', undefined, undefined, c))).toEqual({ x: 'X' });
    expect(match(clip, graph('Y = Clip (X, C)', undefined, undefined, c))).toEqual({ x: 'X', low: 'C' });
    expect(match(clip, graph('Y = Clip (X, "", C)', undefined, undefined, c))).toEqual({ x: 'X', high: 'C' });
  });
  test('an optional one that is there must match', () => {
    expect(match(clip, graph('Y = Clip (X, low)', 'float[2, 3] X, float low'))).toBeUndefined();
  });
  test('more than the pattern lists is not a match', () => {
    expect(match(node('Clip', [value('x')]), graph('Y = Clip (X, C)', undefined, undefined, 'float C = {1}'))).toBeUndefined();
    expect(
      match(node('Clip', [value('x')], { moreInputs: true }), graph('Y = Clip (X, C)', undefined, undefined, 'float C = {1}')),
    ).toEqual({ x: 'X' });
  });
});

describe('node', () => {
  test('takes any of several operators', () => {
    const view = node(['Flatten', 'Identity'], [value('x')]);
    expect(match(view, graph('Y = Identity (X)'))).toEqual({ x: 'X' });
    expect(match(view, graph('Y = Relu (X)'))).toBeUndefined();
  });

  test('compares attributes with literals, absent ones by their default', () => {
    const leaky = (alpha: number) => node('LeakyRelu', [value('x')], { attrs: { alpha } });
    expect(match(leaky(0.2), graph('Y = LeakyRelu <alpha = 0.2> (X)'))).toEqual({ x: 'X' });
    expect(match(leaky(0.01), graph('Y = LeakyRelu (X)'))).toEqual({ x: 'X' });
    expect(match(leaky(0.2), graph('Y = LeakyRelu (X)'))).toBeUndefined();
    expect(
      match(
        node('Transpose', [value('x')], { attrs: { perm: [1, 0] } }),
        graph('Y = Transpose <perm = [1, 0]> (X)', undefined, 'float[3, 2] Y'),
      ),
    ).toEqual({ x: 'X' });
    expect(
      match(
        node('Transpose', [value('x')], { attrs: { perm: [1] } }),
        graph('Y = Transpose <perm = [1, 0]> (X)', undefined, 'float[3, 2] Y'),
      ),
    ).toBeUndefined();
  });

  test('commutative inputs match in either order, with what lies behind them', () => {
    const swish = node('Mul', [value('x'), node('Sigmoid', [value('x')])], { commutative: true });
    expect(match(swish, graph('S = Sigmoid (X) Y = Mul (X, S)'))).toEqual({ x: 'X' });
    expect(match(swish, graph('S = Sigmoid (X) Y = Mul (S, X)'))).toEqual({ x: 'X' });
    expect(match(swish, graph('S = Sigmoid (Z) Y = Mul (S, X)'))).toMatch('not the same value');
  });

  test('tries the other order when the first leads nowhere further in', () => {
    const pattern = node('Add', [node('Mul', [value('a'), constant('c')]), value('b')], { commutative: true });
    expect(match(pattern, graph('P = Mul (X, Z) Q = Mul (Z, C) Y = Add (P, Q)'))).toEqual({ a: 'Z', c: 'C', b: 'P' });
  });

  test('a given output, or any', () => {
    const text = graph('P, Q = Split <axis = 0, num_outputs = 2> (X) Y = Relu (Q)', undefined, 'float[1, 3] Y');
    expect(match(node('Relu', [node('Split', [value('x')])]), text)).toBeUndefined();
    expect(match(node('Relu', [node('Split', [value('x')], { output: 1 })]), text)).toEqual({ x: 'X' });
    expect(match(node('Relu', [node('Split', [value('x')], { output: 'any' })]), text)).toEqual({ x: 'X' });
  });
});

describe('an inner node', () => {
  const pair = node('Relu', [node('Neg', [value('x')])]);
  test('feeds the match only', () => {
    expect(match(pair, graph('N = Neg (X) Y = Relu (N) W = Abs (N)', undefined, 'float[2, 3] Y, float[2, 3] W'))).toBe(
      "'N' is also read by Abs 'W'",
    );
  });
  test('is not an output of the graph', () => {
    expect(match(pair, graph('N = Neg (X) Y = Relu (N)', undefined, 'float[2, 3] Y, float[2, 3] N'))).toBe(
      "'N' is also an output of the graph",
    );
  });
  test('may have other readers where the pattern says so', () => {
    const shared = node('Relu', [node('Neg', [value('x')], { shared: true })]);
    expect(match(shared, graph('N = Neg (X) Y = Relu (N) W = Abs (N)', undefined, 'float[2, 3] Y, float[2, 3] W'))).toEqual({ x: 'X' });
  });
  test('may be read by the match twice', () => {
    const swish = node('Mul', [node('Neg', [value('x')], { as: 'n' }), node('Sigmoid', [node('Neg', [value('x')], { as: 'n' })])]);
    expect(match(swish, graph('N = Neg (X) S = Sigmoid (N) Y = Mul (N, S)'))).toEqual({ x: 'X', n: 'N' });
  });
  test('is read within nested graphs too', () => {
    const text = `g (float[2, 3] X, bool B) => (float[2, 3] Y, float[2, 3] W) {
      N = Neg (X) Y = Relu (N)
      W = If (B) <then_branch = a () => (float[2, 3] U) { U = Abs (N) }, else_branch = b () => (float[2, 3] V) { V = Abs (X) }>
    }`;
    expect(match(pair, text)).toBe("'N' is also read by Abs 'U'");
  });
  test('is not found beyond the border of a nested graph', () => {
    const { graph: outer } = parseGraph(`g (float[2, 3] X, bool B) => (float[2, 3] W) {
      N = Neg (X)
      W = If (B) <then_branch = a () => (float[2, 3] U) { U = Relu (N) }, else_branch = b () => (float[2, 3] V) { V = Abs (X) }>
    }`);
    const branch = outer.nodes[1]?.attrs.get('then_branch');
    const relu = branch?.kind === 'graph' ? branch.value.nodes[0] : undefined;
    if (!relu) throw new Error('no branch');
    expect(matchAt(pair, relu, () => true).result).toBeUndefined();
    expect(matchAt(node('Relu', [value('n')]), relu, ({ captures }) => captures.n.name).result).toBe('N');
  });
});

describe('oneOf', () => {
  const maybeCast = oneOf(node('Cast', [value('x')], { as: 'cast' }), value('x'));
  test('takes the first that leads to a match', () => {
    expect(match(node('Relu', [maybeCast]), graph('D = Cast <to = 1> (X) Y = Relu (D)'))).toEqual({ x: 'X', cast: 'D' });
    expect(match(node('Relu', [maybeCast]), graph('Y = Relu (X)'))).toEqual({ x: 'X' });
  });
  test('falls back when a later part does not fit', () => {
    const pattern = node('Add', [maybeCast, value('x')]);
    expect(match(pattern, graph('D = Cast <to = 1> (X) Y = Add (D, D)'))).toEqual({ x: 'D' });
  });
  test('can be the root', () => {
    const either = oneOf(node('Relu', [value('x')]), node(['Abs', 'Neg'], [value('x')]));
    expect(rootOps(either)).toEqual(['Relu', 'Abs', 'Neg']);
    expect(match(either, graph('Y = Neg (X)'))).toEqual({ x: 'X' });
  });
});

describe('a near miss', () => {
  const pattern = node('Mul', [node('Conv', [value('x'), constant('w')], { attrs: { group: 1 } }), constant('c')]);
  const conv = (attributes: string, reader = 'Y = Mul (F, C)', constants = 'float[4, 1, 1, 1] W, float C = {2}'): string =>
    graph(`F = Conv ${attributes} (X, W) ${reader}`, 'float[1, 4, 5, 5] X', 'float[1, 4, 5, 5] Y', constants);
  test('says what is wrong once an inner node was there', () => {
    expect(match(pattern, conv('<group = 4>'))).toBe("Conv 'F' has group = 4, not 1");
    expect(match(pattern, conv('<group = 4>', 'Y = Mul (F, F)'))).toMatch('group = 4');
    expect(
      match(pattern, graph('F = Conv (X, W) Y = Mul (F, X)', 'float[1, 1, 5, 5] X', 'float[1, 1, 5, 5] Y', 'float[1, 1, 1, 1] W')),
    ).toBe("input 1 of Mul 'Y', 'X', is not constant");
  });
  test('is silent when only the root was there', () => {
    expect(match(pattern, graph('A = Abs (X) Y = Mul (A, C)'))).toBeUndefined();
  });
});

test('a pattern whose root is not a node is our mistake', () => {
  expect(() => rootOps(value('x'))).toThrow('a rule matches a node');
});
