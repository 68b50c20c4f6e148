/**
 * Opsets 1 to 6, which no runtime loads any more: each graph is raised, written for opset 13, and gives the numbers of the graph beside it,
 * which says the same in opset 13 by itself.
 */
import { pinnedSince, raiseToNormalForm, spell } from '../../../src/onnx/opset';
import { run, spelling, written } from './verbatim';

const X = 'float[2, 3, 4, 5] x';
const Y = 'float[2, 3, 4, 5] y';
const B34 = 'float[3, 4] b = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}';
const B3 = 'float[3] b = {1, 2, 3}';
const STATISTICS = 'float[3] s = {1, 0.5, 2}, float[3] b = {0, 1, -1}, float[3] m = {0.1, 0.2, 0.3}, float[3] v = {1, 2, 0.5}';
const binary = ['Add', 'Sub', 'Mul', 'Div', 'Pow'];

/** A value of unknown rank: its shape comes as an input. */
const unknown = (name: string, from: string): string => `i${name} = Identity (t${name}) ${name} = Reshape (${from}, i${name})`;

const cases: readonly (readonly [title: string, opset: number, old: string, recent: string])[] = [
  ...binary.map(
    (op) =>
      [
        `${op} of a constant in the middle`,
        op === 'Pow' ? 1 : 6,
        `g (${X}) => (${Y}) <${B34}> { a = Abs (x) y = ${op} <broadcast = 1, axis = 1> (a, b) }`,
        `g (${X}) => (${Y}) <${B34.replace('[3, 4]', '[3, 4, 1]')}> { a = Abs (x) y = ${op} (a, b) }`,
      ] as const,
  ),
  [
    'Add of a value in the middle',
    6,
    `g (${X}, float[3] z) => (${Y}) { y = Add <broadcast = 1, axis = 1> (x, z) }`,
    `g (${X}, float[3] z) => (${Y}) <int64[2] a = {1, 2}> { u = Unsqueeze (z, a) y = Add (x, u) }`,
  ],
  [
    'Add from an axis counted from the back',
    1,
    `g (${X}, float[3] z) => (${Y}) { y = Add <broadcast = 1, axis = -3, consumed_inputs = [0, 0]> (x, z) }`,
    `g (${X}, float[3] z) => (${Y}) <int64[2] a = {1, 2}> { u = Unsqueeze (z, a) y = Add (x, u) }`,
  ],
  [
    'Add of the last axes',
    6,
    `g (${X}) => (${Y}) <float[5] b = {1, 2, 3, 4, 5}> { y = Add <broadcast = 1> (x, b) }`,
    `g (${X}) => (${Y}) <float[5] b = {1, 2, 3, 4, 5}> { y = Add (x, b) }`,
  ],
  [
    'Add of the last axes by number',
    6,
    `g (${X}) => (${Y}) <float[5] b = {1, 2, 3, 4, 5}> { y = Add <broadcast = 1, axis = 3> (x, b) }`,
    `g (${X}) => (${Y}) <float[5] b = {1, 2, 3, 4, 5}> { y = Add (x, b) }`,
  ],
  [
    'Sub where no rank is known',
    6,
    `g (${X}, float[12] z) => (${Y}) <int64[4] tp = {2, 3, 4, 5}, int64[2] tq = {3, 4}> { ${unknown('p', 'x')} ${unknown('q', 'z')} y = Sub <broadcast = 1, axis = 1> (p, q) }`,
    `g (${X}, float[12] z) => (${Y}) <int64[3] t = {3, 4, 1}> { u = Reshape (z, t) y = Sub (x, u) }`,
  ],
  [
    'Sub where no rank is known, from an axis counted from the back',
    6,
    `g (${X}, float[12] z) => (${Y}) <int64[4] tp = {2, 3, 4, 5}, int64[2] tq = {3, 4}> { ${unknown('p', 'x')} ${unknown('q', 'z')} y = Sub <broadcast = 1, axis = -3> (p, q) }`,
    `g (${X}, float[12] z) => (${Y}) <int64[3] t = {3, 4, 1}> { u = Reshape (z, t) y = Sub (x, u) }`,
  ],
  [
    'Sub of a constant where the other rank is not known, from an axis counted from the back',
    6,
    `g (${X}) => (${Y}) <${B34}, int64[4] tp = {2, 3, 4, 5}> { ${unknown('p', 'x')} y = Sub <broadcast = 1, axis = -3> (p, b) }`,
    `g (${X}) => (${Y}) <${B34.replace('[3, 4]', '[3, 4, 1]')}> { y = Sub (x, b) }`,
  ],
  [
    'Sub of a constant where the other rank is not known',
    6,
    `g (${X}) => (${Y}) <${B34}, int64[4] tp = {2, 3, 4, 5}> { ${unknown('p', 'x')} y = Sub <broadcast = 1, axis = 1> (p, b) }`,
    `g (${X}) => (${Y}) <${B34.replace('[3, 4]', '[3, 4, 1]')}> { y = Sub (x, b) }`,
  ],
  [
    'comparison and logic',
    1,
    `g (${X}, float[3] z) => (bool[2, 3, 4, 5] y) { l = Less <broadcast = 1, axis = 1> (x, z) r = Greater <broadcast = 1, axis = 1> (x, z) o = Or (l, r) y = Xor (o, l) }`,
    `g (${X}, float[3] z) => (bool[2, 3, 4, 5] y) <int64[2] a = {1, 2}> { u = Unsqueeze (z, a) l = Less (x, u) r = Greater (x, u) o = Or (l, r) y = Xor (o, l) }`,
  ],
  [
    'PRelu with a slope per channel',
    6,
    `g (${X}) => (${Y}) <${B3}> { y = PRelu (x, b) }`,
    `g (${X}) => (${Y}) <float[3, 1, 1] b = {1, 2, 3}> { y = PRelu (x, b) }`,
  ],
  [
    'PRelu with one slope',
    1,
    `g (${X}) => (${Y}) <float[1] b = {0.25}> { y = PRelu <consumed_inputs = [0]> (x, b) }`,
    `g (${X}) => (${Y}) <float[1] b = {0.25}> { y = PRelu (x, b) }`,
  ],
  [
    'BatchNormalization at rest',
    1,
    `g (${X}) => (${Y}) <${STATISTICS}> { y = BatchNormalization <is_test = 1, consumed_inputs = [0, 0, 0, 1, 1], epsilon = 0.01> (x, s, b, m, v) }`,
    `g (${X}) => (${Y}) <${STATISTICS}> { y = BatchNormalization <epsilon = 0.01> (x, s, b, m, v) }`,
  ],
  [
    'BatchNormalization at rest that lists its statistics',
    6,
    `g (${X}) => (${Y}) <${STATISTICS}> { y, om, ov, sm, sv = BatchNormalization <is_test = 1, spatial = 1> (x, s, b, m, v) }`,
    `g (${X}) => (${Y}) <${STATISTICS}> { y = BatchNormalization (x, s, b, m, v) }`,
  ],
  [
    'BatchNormalization in training mode',
    6,
    `g (${X}) => (${Y}) <${STATISTICS}> { y = BatchNormalization (x, s, b, m, v) }`,
    `g (${X}) => (${Y}) <${STATISTICS}> { y, om, ov, sm, sv = BatchNormalization (x, s, b, m, v) }`,
  ],
  [
    'Dropout at rest',
    1,
    `g (${X}) => (${Y}) { y = Dropout <is_test = 1, ratio = 0.5, consumed_inputs = [1]> (x) }`,
    `g (${X}) => (${Y}) { y = Dropout (x) }`,
  ],
  [
    'Gemm that broadcasts',
    6,
    `g (float[2, 3] x) => (float[2, 3] y) <float[3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, ${B3}> { y = Gemm <broadcast = 1, transB = 1, beta = 2.0> (x, w, b) }`,
    `g (float[2, 3] x) => (float[2, 3] y) <float[3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, ${B3}> { y = Gemm <transB = 1, beta = 2.0> (x, w, b) }`,
  ],
  [
    'Reshape by attribute',
    1,
    `g (${X}) => (float[2, 60] y) { y = Reshape <shape = [0, -1], consumed_inputs = [0]> (x) }`,
    `g (${X}) => (float[2, 60] y) <int64[2] s = {0, -1}> { y = Reshape (x, s) }`,
  ],
  [
    'Concat without an axis',
    1,
    `g (${X}) => (float[2, 6, 4, 5] y) { y = Concat (x, x) }`,
    `g (${X}) => (float[2, 6, 4, 5] y) { y = Concat <axis = 1> (x, x) }`,
  ],
  [
    'Cast by name',
    1,
    `g (${X}) => (int64[2, 3, 4, 5] y) { y = Cast <to = "INT64"> (x) }`,
    `g (${X}) => (int64[2, 3, 4, 5] y) { y = Cast <to = 7> (x) }`,
  ],
  [
    'Clip',
    1,
    `g (${X}) => (${Y}) { y = Clip <min = -1.0, max = 1.5, consumed_inputs = [0]> (x) }`,
    `g (${X}) => (${Y}) <float l = {-1}, float h = {1.5}> { y = Clip (x, l, h) }`,
  ],
  [
    'Pad',
    1,
    `g (float[2, 3] x) => (float[4, 6] y) { y = Pad <paddings = [1, 2, 1, 1], value = 0.5> (x) }`,
    `g (float[2, 3] x) => (float[4, 6] y) <int64[4] p = {1, 2, 1, 1}, float v = {0.5}> { y = Pad (x, p, v) }`,
  ],
  [
    'Split by a constant of the data type',
    1,
    `g (float[4, 3] x) => (float[1, 3] y, float[3, 3] z) <float[2] s = {1, 3}> { y, z = Split (x, s) }`,
    `g (float[4, 3] x) => (float[1, 3] y, float[3, 3] z) <int64[2] s = {1, 3}> { y, z = Split (x, s) }`,
  ],
  [
    'Split by what is computed',
    1,
    `g (float[4, 3] x) => (float[1, 3] y, float[3, 3] z) <float[2] s = {1, 3}> { t = Identity (s) y, z = Split <axis = 0> (x, t) }`,
    `g (float[4, 3] x) => (float[1, 3] y, float[3, 3] z) <int64[2] s = {1, 3}> { y, z = Split (x, s) }`,
  ],
  [
    'Split by attribute',
    2,
    `g (float[2, 6] x) => (float[2, 1] y, float[2, 5] z) { y, z = Split <axis = 1, split = [1, 5]> (x) }`,
    `g (float[2, 6] x) => (float[2, 1] y, float[2, 5] z) <int64[2] s = {1, 5}> { y, z = Split <axis = 1> (x, s) }`,
  ],
  [
    'Tile along one axis',
    1,
    `g (float[2, 3] x) => (float[2, 9] y) <float t = {3}, float a = {1}> { y = Tile (x, t, a) }`,
    `g (float[2, 3] x) => (float[2, 9] y) <int64[2] r = {1, 3}> { y = Tile (x, r) }`,
  ],
  [
    'Upsample of height and width',
    1,
    `g (float[1, 2, 3, 4] x) => (float[] y) { y = Upsample <height_scale = 2.0, width_scale = 1.5, mode = "bilinear"> (x) }`,
    `g (float[1, 2, 3, 4] x) => (float[] y) <float[4] s = {1, 1, 2, 1.5}> { y = Resize <mode = "linear", coordinate_transformation_mode = "asymmetric"> (x, , s) }`,
  ],
  [
    'Upsample to the nearest',
    1,
    `g (float[1, 2, 3, 4] x) => (float[] y) { y = Upsample <height_scale = 2.0, width_scale = 1.5> (x) }`,
    `g (float[1, 2, 3, 4] x) => (float[] y) <float[4] s = {1, 1, 2, 1.5}> { y = Resize <coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (x, , s) }`,
  ],
  [
    'TopK, ReduceSum, Squeeze, Slice',
    1,
    `g (float[2, 3, 6] x) => (float[2, 2] y) { r = ReduceSum <axes = [1]> (x) s = Squeeze <axes = [1]> (r) l = Slice <axes = [1], starts = [1], ends = [1000]> (s) y, i = TopK <k = 2> (l) }`,
    `g (float[2, 3, 6] x) => (float[2, 2] y) <int64[1] one = {1}, int64[1] end = {1000}, int64[1] k = {2}> { r = ReduceSum (x, one) s = Squeeze (r, one) l = Slice (s, one, end, one) y, i = TopK (l, k) }`,
  ],
  [
    'Selu with the digits of its time',
    1,
    `g (${X}) => (${Y}) { y = Selu (x) }`,
    `g (${X}) => (${Y}) { y = Selu <alpha = 1.6732, gamma = 1.0507> (x) }`,
  ],
  [
    'memory hints',
    1,
    `g (${X}) => (${Y}) { a = Relu <consumed_inputs = [0]> (x) b = Elu <consumed_inputs = [1]> (a) c = Sum <consumed_inputs = [0, 0]> (b, x) d = Max <consumed_inputs = [0, 0]> (c, x) y = LeakyRelu <consumed_inputs = [0]> (d) }`,
    `g (${X}) => (${Y}) { a = Relu (x) b = Elu (a) c = Sum (b, x) d = Max (c, x) y = LeakyRelu (d) }`,
  ],
  [
    'norms of powers that are floats',
    1,
    `g (${X}) => (float[2, 3, 1, 1] y) { p = LpPool <p = 3.0, kernel_shape = [2, 2]> (x) y = GlobalLpPool <p = 1.0> (p) }`,
    `g (${X}) => (float[2, 3, 1, 1] y) { p = LpPool <p = 3, kernel_shape = [2, 2]> (x) y = GlobalLpPool <p = 1> (p) }`,
  ],
  [
    'Softmax over channels and pixels',
    1,
    `g (${X}) => (${Y}) { y = Softmax (x) }`,
    `g (${X}) => (${Y}) <int64[2] f = {2, 60}, int64[4] s = {2, 3, 4, 5}> { r = Reshape (x, f) m = Softmax (r) y = Reshape (m, s) }`,
  ],
  [
    'GRU',
    3,
    `g (float[3, 1, 2] x) => (float[1, 1, 1] h) <float[1, 3, 2] w = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, float[1, 3, 1] r = {0.1, -0.2, 0.3}> { s, h = GRU <hidden_size = 1, output_sequence = 1, direction = "foward"> (x, w, r) }`,
    `g (float[3, 1, 2] x) => (float[1, 1, 1] h) <float[1, 3, 2] w = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, float[1, 3, 1] r = {0.1, -0.2, 0.3}> { , h = GRU <hidden_size = 1> (x, w, r) }`,
  ],
];

test.each(cases)('%s', async (_, opset, old, recent) => {
  const model = written(opset, old);
  raiseToNormalForm(model);
  expect(model.opsets.get('')).toBe(13);
  expect(model.irVersion).toBe(7);
  const expected = await run(written(13, recent));
  const actual = await run(spell(model).model);
  expect(Object.fromEntries(Object.entries(actual).map(([name, { bytes: _bytes, ...rest }]) => [name, rest]))).toEqual(
    Object.fromEntries(Object.entries(expected).map(([name, { bytes: _bytes, ...rest }]) => [name, rest])),
  );
});

test('Dropout that does not say it is at rest trains', () => {
  const model = written(6, `g (${X}) => (${Y}) { y, mask = Dropout <ratio = 0.25> (x) }`);
  raiseToNormalForm(model);
  expect(spelling(model)[1]).toBe('y: y,mask = Dropout(x,float[]#0000803e,bool[]#01) ');
});

test.each([
  ['Tile of unknown rank', 5, 'g (float[] x) => (float[] y) <float t = {3}, float a = {1}> { y = Tile (x, t, a) }', 'y'],
  ['a power that is not an integer', 1, 'g (float[2, 3, 4] x) => (float[] y) { y = GlobalLpPool <p = 1.5> (x) }', 'y'],
  ['a type that ONNX never had', 5, 'g (float[2] x) => (float[] y) { y = Cast <to = "FLOATY"> (x) }', 'y'],
  [
    'statistics read at rest',
    6,
    `g (${X}) => (${Y}, float[3] om) <${STATISTICS}> { y, om = BatchNormalization <is_test = 1> (x, s, b, m, v) }`,
    'y',
  ],
  ['an operator that ONNX gave up', 5, 'g (float[1, 3, 4, 5] x) => (float[] y) { y = ImageScaler <scale = 2.0> (x) }', 'y'],
])('%s cannot be said today', (_, opset, text, node) => {
  expect(() => raiseToNormalForm(written(opset, text))).toThrow(
    expect.objectContaining({ code: 'OPERATOR_TOO_OLD', diagnostic: expect.objectContaining({ at: expect.objectContaining({ node }) }) }),
  );
});

test('a pinned node is not an operator that passes know', () => {
  const model = written(7, 'g (float[2, 3] x) => (float[2, 3] y, float[2, 3] m) { y, m = Dropout (x) }');
  raiseToNormalForm(model);
  expect(model.graph.nodes.map((node) => [node.op, pinnedSince(node)])).toEqual([['ai.onnx.v7.Dropout', 7]]);
});
