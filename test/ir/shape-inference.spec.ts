import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zooModel } from '../../fixtures/zoo-weights';
import { compile } from '../../src/compile';
import { windowLengths } from '../../src/compile/input-size';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, readModelFile } from '../../src/files';
import { inferShapes } from '../../src/ir/shape-inference';
import { int64s } from '../../src/ir/tensor';
import { parseGraph } from '../support/expect-pass';
import { wrongShapes } from '../support/shapes';

const header = '<ir_version: 10, opset_import: ["" : 20]>';
const X = 'float[N, 4, 9, 10] X';
const graph = (body: string, weights = '', inputs = X): string =>
  `${header} g (${inputs}) => (float[A, B, C, D] Y) ${weights ? `<${weights}>` : ''} { ${body} }`;
const kernel = 'float[6, 4, 3, 2] W';

describe('shapes, judged by a run', () => {
  test.each<[string, string, string?, string?]>([
    [
      'Conv, uneven pads, strides and dilations',
      'Y = Conv <kernel_shape = [3, 2], pads = [1, 0, 2, 1], strides = [2, 3], dilations = [2, 1]> (X, W)',
      kernel,
    ],
    ['Conv, SAME_UPPER', 'Y = Conv <auto_pad = "SAME_UPPER", strides = [2, 3]> (X, W)', kernel],
    ['Conv, SAME_LOWER', 'Y = Conv <auto_pad = "SAME_LOWER", strides = [2, 3]> (X, W)', kernel],
    ['Conv, VALID', 'Y = Conv <auto_pad = "VALID", strides = [2, 3]> (X, W)', kernel],
    ['Conv, grouped', 'Y = Conv <group = 2> (X, W)', 'float[6, 2, 3, 3] W'],
    ['ConvTranspose', 'Y = ConvTranspose <strides = [2, 3], pads = [1, 0, 0, 1], output_padding = [1, 2]> (X, W)', 'float[4, 5, 3, 2] W'],
    ['ConvTranspose, grouped and dilated', 'Y = ConvTranspose <group = 2, dilations = [2, 1]> (X, W)', 'float[4, 5, 3, 2] W'],
    ['MaxPool, ceil_mode', 'Y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (X)'],
    [
      'MaxPool, ceil_mode with a window in the padding',
      'Y = MaxPool <kernel_shape = [2, 2], strides = [3, 3], pads = [0, 0, 1, 1], ceil_mode = 1> (X)',
    ],
    [
      'AveragePool, ceil_mode and pads',
      'Y = AveragePool <kernel_shape = [3, 3], strides = [2, 3], pads = [1, 1, 1, 1], ceil_mode = 1> (X)',
    ],
    ['MaxPool, dilated', 'Y = MaxPool <kernel_shape = [3, 2], dilations = [2, 3]> (X)'],
    ['GlobalAveragePool', 'Y = GlobalAveragePool (X)'],
    ['DepthToSpace', 'Y = DepthToSpace <blocksize = 2> (X)'],
    ['SpaceToDepth', 'S = Slice (X, z, e, a) Y = SpaceToDepth <blocksize = 2> (S)', 'int64[1] z = {0}, int64[1] e = {8}, int64[1] a = {2}'],
    ['Reshape with 0 and -1', 'Y = Reshape (X, s)', 'int64[4] s = {0, 2, -1, 10}'],
    [
      'Reshape computed from Shape',
      'S = Shape (X) A = Slice (S, z, o) B = Concat <axis = 0> (A, r) Y = Reshape (X, B)',
      'int64[1] z = {0}, int64[1] o = {2}, int64[2] r = {-1, 1}',
    ],
    [
      'Flatten, Unsqueeze, Squeeze',
      'F = Flatten <axis = 2> (X) U = Unsqueeze (F, a) Q = Squeeze (U, b) Y = Unsqueeze (Q, c)',
      'int64[2] a = {0, -1}, int64[1] b = {0}, int64[1] c = {1}',
    ],
    ['Transpose without perm', 'Y = Transpose (X)'],
    [
      'Slice, negative ends and steps',
      'Y = Slice (X, s, e, a, t)',
      'int64[3] s = {1, -1, -3}, int64[3] e = {-1, -100, 9223372036854775807}, int64[3] a = {1, 2, 3}, int64[3] t = {2, -2, 1}',
    ],
    [
      'Slice, beyond both ends',
      'Y = Slice (X, s, e, a, t)',
      'int64[3] s = {-99, -99, 99}, int64[3] e = {99, -100, -99}, int64[3] a = {1, 2, 3}, int64[3] t = {1, -1, -4}',
    ],
    [
      'Reshape with allowzero',
      'S = Slice (X, z, z, o) Y = Reshape <allowzero = 1> (S, s)',
      'int64[1] z = {0}, int64[1] o = {2}, int64[3] s = {0, 5, 7}',
    ],
    ['Split, uneven', 'P, Y = Split <axis = 3> (X, s)', 'int64[2] s = {3, 7}'],
    ['Split into equal parts', 'Y, P = Split <axis = 3, num_outputs = 2> (X)'],
    ['Concat', 'Y = Concat <axis = -1> (X, X, X)'],
    [
      'Gather, one index and several',
      'G = Gather <axis = 1> (X, i) Y = Gather <axis = 1> (G, j)',
      'int64 i = {-1}, int64[2, 2] j = {0, 1, 2, 3}',
    ],
    [
      'Expand and Tile',
      'M = ReduceMean (X, a) E = Expand (M, s) Y = Tile (E, t)',
      'int64[2] a = {2, 3}, int64[4] s = {1, 1, 3, 1}, int64[4] t = {1, 2, 1, 5}',
    ],
    ['broadcasting', 'A = Add (X, c) Y = Mul (d, A)', 'float[4, 1, 1] c, float[1, 1, 1, 10] d'],
    [
      'Pad, all axes and some',
      'P = Pad (X, p) Y = Pad (P, q, , a)',
      'int64[8] p = {0, 1, 2, 3, 0, 0, -1, 4}, int64[2] q = {1, 2}, int64[1] a = {-1}',
    ],
    ['Resize by scales', 'Y = Resize <mode = "nearest"> (X, , s)', 'float[4] s = {1, 1, 1.5, 2}'],
    ['Resize by scales that single precision rounds', 'Y = Resize <mode = "nearest"> (X, , s)', 'float[4] s = {1, 1, 0.7, 1.3}'],
    ['Resize by scales of some axes', 'Y = Resize <mode = "nearest", axes = [3]> (X, , s)', 'float[1] s = {2.5}'],
    [
      'Resize to no more than',
      'Y = Resize <mode = "linear", axes = [2, 3], keep_aspect_ratio_policy = "not_larger"> (X, , , s)',
      'int64[2] s = {5, 21}',
    ],
    [
      'Resize to no less than',
      'Y = Resize <mode = "linear", axes = [2, 3], keep_aspect_ratio_policy = "not_smaller"> (X, , , s)',
      'int64[2] s = {5, 21}',
    ],
    [
      'sizes computed in single precision',
      'S = Shape <start = 3> (X) F = Cast <to = 1> (S) M = Mul (F, c) G = Floor (M) I = Cast <to = 7> (G) Y = Resize <mode = "nearest", axes = [3]> (X, , , I)',
      'float c = {1.3}',
    ],
    [
      'columns beside columns',
      'S = Shape <start = 2> (X) U = Unsqueeze (S, o) C = Concat <axis = -1> (U, U) F = Reshape (C, m) Y = Expand (c, F)',
      'int64[1] o = {1}, int64[1] m = {-1}, float[1] c = {1}',
    ],
    [
      'a table of two axes',
      'S = Shape <start = 2> (X) U = Unsqueeze (S, o) M = Max (U, S) F = Reshape (M, m) G = Gather (F, i) Y = Expand (c, G)',
      'int64[1] o = {1}, int64[1] m = {-1}, int64[2] i = {1, 0}, float[1] c = {1}',
    ],
    [
      'remainders, rounding, backwards',
      'S = Shape <start = 1> (X) M = Mod (S, three) A = Add (M, two) B = Slice (A, s, e, z, m) C = Cast <to = 1> (B) H = Div (C, half) R = Round (H) I = Cast <to = 7> (R) Y = Expand (c, I)',
      'int64 three = {3}, int64 two = {2}, int64[1] s = {-1}, int64[1] e = {-99}, int64[1] z = {0}, int64[1] m = {-1}, float half = {2}, float[1] c = {1}',
    ],
    ['Resize to sizes of some axes', 'Y = Resize <mode = "linear", axes = [2, 3]> (X, , , s)', 'int64[2] s = {5, 21}'],
    [
      'reductions with and without the axes',
      'R = ReduceMax <keepdims = 0> (X, a) S = ReduceSum (R, b) Y = Unsqueeze (S, b)',
      'int64[1] a = {2}, int64[1] b = {1}',
    ],
    ['ArgMax and TopK', 'A = ArgMax <axis = 1> (X) Y, I = TopK <axis = -1> (X, k)', 'int64[1] k = {3}'],
    ['MatMul with broadcast batches', 'Y = MatMul (X, W)', 'float[4, 10, 7] W'],
    ['Einsum', 'Y = Einsum <equation = "nchw,cd->ndhw"> (X, W)', 'float[4, 7] W'],
    [
      'normalisations',
      'L = LayerNormalization <axis = -1> (X, s, s) I = InstanceNormalization (L, t, t) Y = Softmax (I)',
      'float[10] s, float[4] t',
    ],
    [
      'ConstantOfShape, Range, Where, Equal',
      'S = Shape (X) Z = ConstantOfShape <value = int64[1] {1}> (f) Q = Equal (S, Z) V = Where (Q, Z, S) Y = Reshape (X, V)',
      'int64[1] f = {4}',
    ],
  ])('%s', async (_, body, weights = '', inputs = X) => {
    expect(await wrongShapes(parseGraph(graph(body, weights, inputs)), { N: 2 })).toEqual([]);
  });

  const models = join(__dirname, '../../fixtures/models');
  test.each(readdirSync(models).filter((name) => name.endsWith('.onnx')))('%s, before and after conversion, at two sizes', async (name) => {
    const source = readModelFile(join(models, name));
    const { model, report } = compile(source);
    expect(await wrongShapes(source, { N: 2 })).toEqual([]);
    for (const [images, more] of [
      [1, [0, 0]],
      [2, [17, 33]],
    ] as const) {
      const axes = report.windows.flatMap((window) => {
        const open = (model.graph.inputs[0]?.type?.shape ?? []).filter((dim) => typeof dim === 'string' && dim !== 'N');
        return windowLengths(window).map((length, at) => [open[at], length + (more[at] ?? 0)]);
      });
      expect(await wrongShapes(model, { N: images, ...Object.fromEntries(axes) })).toEqual([]);
    }
    closeModel(source);
  });

  test.each([
    'tv-squeezenet1_1.dynamo',
    'tv-mobilenet_v3_small.script',
    'tv-shufflenet_v2_x0_5.dynamo',
    'tv-shufflenet_v2_x0_5.script',
    'timm-ghostnet_050.script',
    'timm-convnext_atto.dynamo',
    'timm-nf_regnet_b0.script',
  ])(
    '%s, before and after conversion, at a larger size',
    async (name) => {
      const directory = mkdtempSync(join(tmpdir(), 'convolutionize-test-'));
      try {
        const source = readModelFile(zooModel(name, { seed: 1, directory }));
        const { model, original } = compile(source);
        expect(await wrongShapes(original)).toEqual([]);
        expect(await wrongShapes(model, { height: 291, width: 320 })).toEqual([]);
        closeModel(source);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
    120_000,
  );
});

test.each([
  ['MatMul', 'Y = MatMul (X, W)', 'float[9, 7] W', "MatMul 'Y'"],
  ['Gemm', 'F = Flatten (X) Y = Gemm (F, W)', 'float[9216, 7] W', "Gemm 'Y'"],
  ['Conv', 'Y = Conv (X, W)', 'float[6, 5, 3, 3] W', "Conv 'Y'"],
  ['a window that does not fit', 'Y = MaxPool <kernel_shape = [20, 20]> (X)', '', "MaxPool 'Y'"],
  ['Concat', 'A = Transpose <perm = [0, 1, 3, 2]> (X) Y = Concat <axis = 1> (X, A)', '', "Concat 'Y'"],
  ['broadcasting', 'Y = Add (X, c)', 'float[3, 1, 1] c', "Add 'Y'"],
  ['Reshape', 'Y = Reshape (X, s)', 'int64[2] s = {7, -1}', "Reshape 'Y'"],
])('shapes that contradict each other at %s are the fault of the model, and the node is named', (_, body, weights, where) => {
  const text = graph(body, weights).replace('float[N, 4', 'float[1, 4');
  try {
    inferShapes(parseGraph(text));
    throw new Error('nothing was found');
  } catch (error) {
    expect(error).toBeInstanceOf(CompileError);
    if (error instanceof CompileError) expect([error.code, error.message]).toEqual(['SHAPE_MISMATCH', expect.stringContaining(where)]);
  }
});

test('wrong element types in the body of a loop are the fault of the model; wrong shapes are not, it may never be entered', () => {
  const loop = (body: string): string =>
    graph(
      `C = Conv (X, W) Y = Loop (trip, "", C) <body = body (int64 i, bool cond, float acc) => (bool go, float made) { ${body} go = Identity (cond) }>`,
      `${kernel} , int64 trip = {2}`,
    );
  const said = (body: string): string => {
    try {
      inferShapes(parseGraph(loop(body)));
      return 'nothing';
    } catch (error) {
      return error instanceof CompileError ? error.code : String(error);
    }
  };
  expect(said('made = Add (acc, C)')).toBe('nothing');
  expect(said('made = Add (X, C)')).toBe('nothing');
  expect(said('S = Shape (acc) made = Add (S, C)')).toBe('BAD_GRAPH');
});

test('integers that were derived before an edit are derived anew after it', () => {
  const model = parseGraph(
    graph('S = Shape (X) G = Gather (S, i) Y = Expand (c, G)', 'int64[1] i = {1}, float[1] c').replace('A, B, C, D', 'A'),
  );
  const inference = inferShapes(model);
  const { graph: main } = model;
  const [image] = main.inputs;
  const gather = main.nodes.find((node) => node.op === 'Gather');
  const [size] = gather?.outputs ?? [];
  if (!image || !gather || !size) throw new Error('no Gather');
  expect(inference.intsOf(size)).toEqual([4]);
  main.replaceInput(gather, 1, main.addConstant('j', int64s([2])));
  expect(inference.intsOf(size)).toEqual([9]);
  main.setType(image, { dtype: 'float', shape: ['N', 4, 'H', 10] });
  expect(inference.intsOf(size)).toEqual(['H']);
});
