/**
 * What the compiler must accept and refuse of the pattern language. Not run: `npm run typecheck` is the test, since an unused @ts-expect-error is an error.
 */
import type { ConstValue, Node, Value } from '../../src/ir/types';
import { constant, literal, node, oneOf, optional, type Pattern, value } from '../../src/rewrite/pattern';
import { type Builder, defineRule, refuse } from '../../src/rewrite/rule';

/** Fails to compile unless the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type CapturesOf<P> = P extends Pattern<infer C> ? C : never;
const check = <T extends true>(same?: T): void => void same;

const gemm = node('Gemm', [node('Flatten', [value('x')], { as: 'flatten' }), constant('w'), optional(constant('b'))], { as: 'gemm' });
check<
  Same<
    CapturesOf<typeof gemm>,
    { readonly x: Value; readonly flatten: Node; readonly w: ConstValue; readonly b?: ConstValue | undefined; readonly gemm: Node }
  >
>();

// Choices: what all of them bind is there, the rest perhaps.
const choice = node('Relu', [oneOf(node('Cast', [value('x')], { as: 'cast' }), value('x'))]);
check<Same<CapturesOf<typeof choice>['x'], Value>>();
check<Same<CapturesOf<typeof choice>['cast'], Node | undefined>>();

// Nothing bound, nothing there.
const bare = node('Add', [value(), literal(3)], { commutative: true });
check<Same<keyof CapturesOf<typeof bare>, never>>();

const make = undefined as unknown as Builder;

defineRule({
  name: 'captures',
  match: gemm,
  build: ({ x, w, b, gemm: root }) => {
    // A constant has its data without a cast, a value only perhaps.
    w.constant.shape.map((dim) => dim);
    // @ts-expect-error: an optional input may be absent
    b.constant;
    b?.constant.shape.map((dim) => dim);
    // @ts-expect-error: a value need not be constant
    x.constant.shape;
    root.attrs.get('alpha');
    // @ts-expect-error: nobody writes into a node
    root.inputs[0] = x;
    return x;
  },
});

// @ts-expect-error: the pattern does not bind `nope`
defineRule({ name: 'unknown-capture', match: gemm, build: ({ nope }) => nope });

// What `when` proved arrives in `build`, without the refusals.
defineRule({
  name: 'facts',
  match: gemm,
  when({ x, w }) {
    const map = x.type?.shape?.slice(1);
    if (!map?.every((dim) => typeof dim === 'number')) return refuse('C, H or W is not static', x);
    if (w.constant.shape.length !== 2) return undefined;
    return { map, outputs: w.constant.shape[0] };
  },
  build({ x }, build, { map, outputs }) {
    check<Same<typeof map, number[]>>();
    check<Same<typeof outputs, number | undefined>>();
    return build.op('Conv', [x], { kernel_shape: map });
  },
});

// @ts-expect-error: `when` proved no `other`
defineRule({ name: 'unknown-fact', match: gemm, when: () => ({ map: 1 }), build: ({ x }, _, { other }) => (other ? x : x) });

// @ts-expect-error: a rule without `when` has no facts
defineRule({ name: 'no-facts', match: gemm, build: ({ x }, _, { map }) => (map ? x : x) });

// @ts-expect-error: `build` must return a value
defineRule({ name: 'returns-node', match: gemm, build: ({ gemm: root }) => root });

// @ts-expect-error: attributes are numbers, strings, lists of numbers or Attr
make.op('Conv', [], { kernel_shape: true });
// @ts-expect-error: an input is a value or left out
make.op('Conv', ['x']);
make.op('Conv', [undefined], { group: 1, auto_pad: 'SAME_UPPER', pads: [0, 0], left_out: undefined });
// @ts-expect-error: a pattern needs its inputs
node('Relu');
