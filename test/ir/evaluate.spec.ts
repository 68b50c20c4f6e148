import { evaluate } from '../../src/ir/evaluate';
import { isFloatType, readNumbers } from '../../src/ir/tensor';
import type { DType, Tensor } from '../../src/ir/types';
import { parseGraph } from '../support/expect-pass';
import { runModel } from '../support/run';

/** Body of a graph without inputs whose output is Y; weights; element type of Y. */
type Row = [title: string, body: string, weights: string, dtype?: DType];

const INTS = 'int64[6] A = {-7, 7, -8, 8, 0, 5}';
const FLOATS = 'float[2, 3] A = {-1.5, 0.5, 2.5, -0.25, 3, 1.75}';
const MAP = 'float[2, 3, 2, 2] A';
/** Different numbers in every place, and both signs. */
const CUBE = 'int64[2, 3, 4] A = {0, -1, 2, -3, 4, -5, 6, -7, 8, -9, 10, -11, 12, -13, 14, -15, 16, -17, 18, -19, 20, -21, 22, -23}';

const unary = ['Abs', 'Ceil', 'Cos', 'Exp', 'Floor', 'Neg', 'Reciprocal', 'Relu', 'Sigmoid', 'Sign', 'Sin', 'Tanh'];
const positive = ['Log', 'Sqrt'];
const binary = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum'];
const compare = ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'];
const reductions = ['ReduceL1', 'ReduceL2', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSum', 'ReduceSumSquare'];

const ROWS: Row[] = [
  ...unary.map((op): Row => [op, `Y = ${op} (A)`, FLOATS, 'float']),
  ...positive.map((op): Row => [op, `Y = ${op} (A)`, 'float[3] A = {0.25, 1, 7.5}', 'float']),
  ...binary.map((op): Row => [`${op}, broadcast`, `Y = ${op} (A, B)`, `${FLOATS}, float[2, 1] B = {2, -0.5}`, 'float']),
  ...compare.map((op): Row => [op, `Y = ${op} (A, B)`, `${INTS}, int64 B = {5}`, 'bool']),
  ...['And', 'Or'].map((op): Row => [op, `Y = ${op} (A, B)`, 'bool[4] A = {0, 0, 1, 1}, bool[4] B = {0, 1, 0, 1}', 'bool']),
  ['Not', 'Y = Not (A)', 'bool[2] A = {0, 1}', 'bool'],
  ['Max of one and of three', 'M = Max (A) Y = Max (A, B, C)', `${FLOATS}, float B = {0}, float[3] C = {-9, 9, 0}`, 'float'],
  ['Sum of one', 'Y = Sum (A)', FLOATS, 'float'],
  ['integer Div truncates', 'Y = Div (A, B)', `${INTS}, int64 B = {2}`],
  ['integer Div by a negative number', 'Y = Div (A, B)', `${INTS}, int64 B = {-3}`],
  ['Mod has the sign of the divisor', 'Y = Mod (A, B)', `${INTS}, int64 B = {3}`],
  ['Mod, negative divisor', 'Y = Mod (A, B)', `${INTS}, int64 B = {-3}`],
  ['Mod with fmod has the sign of the dividend', 'Y = Mod <fmod = 1> (A, B)', `${INTS}, int64 B = {3}`],
  ['Mod of floats', 'Y = Mod <fmod = 1> (A, B)', `${FLOATS}, float B = {-0.75}`, 'float'],
  ['Pow', 'Y = Pow (A, B)', `${FLOATS}, float B = {2}`, 'float'],
  ['Pow of integers', 'Y = Pow (A, B)', `${INTS}, int64 B = {3}`],
  ['Neg and Abs of integers', 'Y = Abs (A)', INTS],
  ['Clip, both bounds', 'Y = Clip (A, l, h)', `${FLOATS}, float l = {-1}, float h = {2}`, 'float'],
  ['Clip, upper bound only', 'Y = Clip (A, , h)', `${FLOATS}, float h = {2}`, 'float'],
  ['Cast to integers truncates', 'Y = Cast <to = 7> (A)', FLOATS],
  ['Cast to bool', 'Y = Cast <to = 9> (A)', FLOATS, 'bool'],
  ['Cast of bool', 'Y = Cast <to = 1> (A)', 'bool[2] A = {0, 1}', 'float'],
  ['Cast to narrower integers', 'Y = Cast <to = 3> (A)', 'int64[3] A = {127, -128, 300}', 'int8'],
  ['Cast to half precision and back', 'H = Cast <to = 10> (A) Y = Cast <to = 1> (H)', 'float[3] A = {0.1, 1000.3, -65000.7}', 'float'],
  ['Where', 'Y = Where (C, A, B)', `bool[2, 1] C = {1, 0}, ${FLOATS}, float[3] B = {7, 8, 9}`, 'float'],
  ['Gather, negative indices', 'Y = Gather <axis = 1> (A, i)', `${CUBE}, int64[2, 2] i = {-1, 0, 1, -3}`],
  ['Gather, one index', 'Y = Gather <axis = -1> (A, i)', `${CUBE}, int64 i = {-2}`],
  ['Slice', 'Y = Slice (A, s, e, a)', `${CUBE}, int64[2] s = {1, -3}, int64[2] e = {100, -1}, int64[2] a = {1, -1}`],
  [
    'Slice, steps',
    'Y = Slice (A, s, e, a, t)',
    `${CUBE}, int64[2] s = {0, 0}, int64[2] e = {3, 4}, int64[2] a = {1, 2}, int64[2] t = {2, 3}`,
  ],
  [
    'Slice, backwards to the front',
    'Y = Slice (A, s, e, a, t)',
    `${CUBE}, int64[2] s = {-1, 100}, int64[2] e = {-9223372036854775808, 0}, int64[2] a = {0, 2}, int64[2] t = {-1, -2}`,
  ],
  ['Slice, nothing left', 'Y = Slice (A, s, e)', `${CUBE}, int64[1] s = {1}, int64[1] e = {1}`],
  [
    'Slice, backwards from before the front',
    'Y = Slice (A, s, e, a, t)',
    `${CUBE}, int64[1] s = {-9}, int64[1] e = {-20}, int64[1] a = {2}, int64[1] t = {-1}`,
  ],
  ['Concat', 'Y = Concat <axis = -2> (A, A, B)', `${CUBE}, int64[2, 1, 4] B = {1, 2, 3, 4, 5, 6, 7, 8}`],
  ['Expand', 'Y = Expand (A, s)', 'int64[2, 1] A = {3, 4}, int64[3] s = {2, 1, 3}'],
  ['Expand, the target may be shorter', 'Y = Expand (A, s)', 'int64[2, 1] A = {3, 4}, int64[1] s = {3}'],
  ['Tile', 'Y = Tile (A, r)', `${CUBE}, int64[3] r = {1, 2, 3}`],
  ['Transpose', 'Y = Transpose <perm = [2, 0, 1]> (A)', CUBE],
  ['Transpose without perm', 'Y = Transpose (A)', CUBE],
  ['Reshape', 'Y = Reshape (A, s)', `${CUBE}, int64[3] s = {0, -1, 2}`],
  ['Flatten, Squeeze, Unsqueeze', 'F = Flatten <axis = 0> (A) S = Squeeze (F) Y = Unsqueeze (S, a)', `${CUBE}, int64[1] a = {-1}`],
  ['Shape', 'Y = Shape (A)', CUBE],
  ['Shape, from behind', 'Y = Shape <start = -2, end = -1> (A)', CUBE],
  ['Shape, beyond the end', 'Y = Shape <start = -9, end = 9> (A)', CUBE],
  ['Size', 'Y = Size (A)', CUBE],
  ['ConstantOfShape', 'Y = ConstantOfShape <value = int64[1] {-3}> (A)', 'int64[2] A = {2, 3}'],
  ['ConstantOfShape, default', 'Y = ConstantOfShape (A)', 'int64[2] A = {2, 3}', 'float'],
  ['Range', 'Y = Range (A, B, C)', 'int64 A = {7}, int64 B = {-2}, int64 C = {-2}'],
  ['Range of floats', 'Y = Range (A, B, C)', 'float A = {0}, float B = {1}, float C = {0.3}', 'float'],
  ...reductions.flatMap((op): Row[] => [
    [`${op}, all axes`, `Y = ${op} <keepdims = 0> (A)`, MAP, 'float'],
    [`${op}, some axes`, `Y = ${op} <keepdims = 0> (A, a)`, `${MAP}, int64[2] a = {-1, 1}`, 'float'],
    [`${op}, axes kept`, `Y = ${op} (A, a)`, `${MAP}, int64[2] a = {0, 2}`, 'float'],
  ]),
  ['ReduceSum of nothing, on demand', 'Y = ReduceSum <noop_with_empty_axes = 1> (A)', MAP, 'float'],
  ['ReduceSum of integers', 'Y = ReduceSum <keepdims = 0> (A, a)', `${CUBE}, int64[1] a = {1}`],
  ['ReduceMean of integers', 'Y = ReduceMean <keepdims = 0> (A, a)', `int64[2, 2] A = {-1, -2, 1, 2}, int64[1] a = {1}`],
  [
    'BatchNormalization',
    'Y = BatchNormalization <epsilon = 0.01> (A, s, b, m, var)',
    `${MAP}, float[3] s, float[3] b, float[3] m, float[3] var`,
    'float',
  ],
  ['InstanceNormalization', 'Y = InstanceNormalization (A, s, b)', `${MAP}, float[3] s, float[3] b`, 'float'],
  ['Pad', 'Y = Pad (A, p)', `${CUBE}, int64[6] p = {0, 1, 2, 1, 0, 1}`],
  ['Pad some axes with a value', 'Y = Pad (A, p, v, a)', `${CUBE}, int64[4] p = {1, 2, 0, 1}, int64 v = {9}, int64[2] a = {-1, 0}`],
  ['Pad that crops', 'Y = Pad (A, p)', `${CUBE}, int64[6] p = {0, -1, -1, 0, 0, -1}`],
  [
    'a float that is rounded before it is cut off',
    'M = Mul (A, B) F = Floor (M) Y = Cast <to = 7> (F)',
    'float[1] A = {10}, float[1] B = {1.3}',
  ],
  [
    'a float that is rounded twice before it is compared',
    'D = Div (A, B) M = Mul (D, B) Y = Less (M, A)',
    'float[1] A = {1}, float[1] B = {49}',
    'bool',
  ],
];

describe('constants, judged by a run', () => {
  test.each<Row>(ROWS)('%s', async (_, body, weights, dtype: DType = 'int64') => {
    const model = parseGraph(`<ir_version: 10, opset_import: ["" : 20]> g () => (${dtype}[A] Y) <${weights}> { ${body} }`);
    const expected = (await runModel(model, new Map())).get('Y');
    const actual = folded(model);
    if (!expected || !actual) throw new Error('no result');
    expect([actual.dtype, actual.shape]).toEqual([expected.dtype, expected.shape]);
    const [a, b] = [rounded(actual), readNumbers(expected)];
    if (!isFloatType(dtype)) expect([...a]).toEqual([...b]);
    const largest = b.reduce((max, number) => Math.max(max, Math.abs(number)), 1e-6);
    a.forEach((number, at) => {
      expect(Math.abs(number - (b[at] ?? Number.NaN))).toBeLessThanOrEqual(1e-6 * largest);
    });
  });
});

test.each([
  ['Mod by zero', 'Y = Mod (A, B)', 'int64[2] A = {1, 2}, int64[2] B = {1, 0}'],
  ['Div by zero', 'Y = Div (A, B)', 'int64[2] A = {1, 2}, int64[2] B = {1, 0}'],
  ['an integer that is not a number', 'F = Div (A, B) Y = Cast <to = 7> (F)', 'float[2] A = {1, 2}, float[2] B = {1, 0}'],
  ['an index beyond the end', 'Y = Gather (A, i)', 'int64[2] A = {1, 2}, int64[1] i = {2}'],
  ['padding by reflection', 'Y = Pad <mode = "reflect"> (A, p)', 'int64[4] A = {1, 2, 3, 4}, int64[2] p = {2, 2}'],
])('%s is left to the run', (_, body, weights) => {
  const model = parseGraph(`<ir_version: 10, opset_import: ["" : 20]> g () => (int64[A] Y) <${weights}> { ${body} }`);
  expect(folded(model)).toBeUndefined();
});

/** Y, from nodes that are evaluated one after the other. */
function folded(source: ReturnType<typeof parseGraph>): Tensor | undefined {
  const { graph } = source.clone();
  for (const node of graph.nodes) {
    const [tensor] = evaluate(node) ?? [];
    const [output] = node.outputs;
    if (!tensor || !output) return undefined;
    if (output.name === 'Y') return tensor;
    const constant = graph.addConstant(`${output.name}_folded`, tensor);
    for (const { user, slot } of [...output.uses]) graph.replaceInput(user, slot, constant);
  }
  return undefined;
}

/** As they are written. */
const rounded = (tensor: Tensor): Float64Array =>
  readNumbers(tensor.data.kind === 'computed' ? { ...tensor, data: { kind: 'bytes', bytes: tensor.data.compute() } } : tensor);
