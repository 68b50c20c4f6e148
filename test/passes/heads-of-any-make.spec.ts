/** Whole networks that were converted wrongly, or refused: each cell of the map is what the original says of its crop, judged by ONNX Runtime. */
import { compile } from '../../src/compile';
import { codeOf } from '../support/code-of';
import { parseGraph } from '../support/expect-pass';
import { expectCrops } from '../support/windows';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const stem = 'F = Conv <kernel_shape = [3, 3]> (X, K, k)';
/** F: 4 channels, 8 rows, 7 columns. */
const network = (body: string, weights: string, inputs = 'float[1, 3, 10, 9] X'): string =>
  `${header} g (${inputs}) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[4] k${weights}> { ${stem} ${body} }`;
const second = 'G = Conv <kernel_shape = [3, 3]> (X, L)';

describe('heads of any make', () => {
  test.each([
    [
      'one channel added to all (W01)',
      'o = Conv <kernel_shape = [3, 3]> (X, L) S = Add (F, o) f = Flatten (S) Y = Gemm <transB = 1> (f, W)',
      ', float[1, 3, 3, 3] L, float[5, 224] W',
    ],
    [
      'a transposed branch beside another (R04)',
      `${second} T = Transpose <perm = [0, 1, 3, 2]> (G) f = Flatten (F) g = Flatten (T) c = Concat <axis = 1> (f, g) Y = Gemm <transB = 1> (c, W)`,
      ', float[2, 3, 3, 3] L, float[5, 336] W',
    ],
    [
      'channels last beside channels first',
      `${second} T = Transpose <perm = [0, 2, 3, 1]> (G) f = Flatten (F) g = Flatten (T) c = Concat <axis = 1> (g, f) Y = Gemm (c, W)`,
      ', float[2, 3, 3, 3] L, float[336, 5] W',
    ],
    [
      'the middle channels alone',
      'M = CenterCropPad <axes = [1]> (F, t) f = Flatten (M) Y = Gemm <transB = 1> (f, W)',
      ', int64[1] t = {2}, float[5, 112] W',
    ],
    [
      'a global pool beside the flattened map (W10)',
      'f = Flatten (F) p = GlobalAveragePool (F) g = Flatten (p) c = Concat <axis = 1> (f, g) Y = Gemm <transB = 1> (c, W)',
      ', float[5, 228] W',
    ],
    [
      'pools side by side in space (R03)',
      `${second} p = GlobalAveragePool (F) q = GlobalMaxPool (G) c = Concat <axis = 2> (p, q) f = Flatten (c) Y = Gemm <transB = 1> (f, W)`,
      ', float[4, 3, 3, 3] L, float[5, 8] W',
    ],
    [
      'a global pool laid over the map (R09)',
      'p = GlobalAveragePool (F) r = Resize <mode = "nearest"> (p, , , z) c = Concat <axis = 1> (F, r) f = Flatten (c) Y = Gemm <transB = 1> (f, W)',
      ', int64[4] z = {1, 4, 8, 7}, float[5, 448] W',
    ],
    [
      'a mean image of one number per channel (R05)',
      'm = Mul (F, s) f = Flatten (m) Y = Gemm <transB = 1> (f, W)',
      ', float[4, 1, 1] s, float[5, 224] W',
    ],
    [
      'rows pooled, columns dense',
      'p = ReduceMean <keepdims = 0> (F, two) f = Flatten (p) Y = Gemm <transB = 1> (f, W)',
      ', int64[1] two = {2}, float[5, 28] W',
    ],
    [
      'columns pooled by a maximum, rows dense',
      'p = ReduceMax <keepdims = 1> (F, three) f = Flatten (p) Y = Gemm <transB = 1> (f, W)',
      ', int64[1] three = {3}, float[5, 32] W',
    ],
    [
      'a bias behind DequantizeLinear',
      'p = GlobalAveragePool (F) f = Flatten (p) m = MatMul (f, W) b = DequantizeLinear (q, s) r = Relu (m) Y = Add (r, b)',
      ', float[4, 5] W, int8[5] q = {1, -2, 3, 4, -5}, float s = {0.25}',
    ],
    ['GlobalLpPool', 'p = GlobalLpPool <p = 2> (F) f = Flatten (p) Y = Gemm <transB = 1> (f, W)', ', float[5, 4] W'],
    [
      'the norm of all numbers of a channel',
      'p = ReduceL1 <keepdims = 0> (F, hw) Y = Gemm <transB = 1> (p, W)',
      ', int64[2] hw = {2, 3}, float[5, 4] W',
    ],
    [
      'a sum of squares',
      'p = ReduceSumSquare <keepdims = 0> (F, hw) Y = Gemm <transB = 1> (p, W)',
      ', int64[2] hw = {2, 3}, float[5, 4] W',
    ],
    [
      'the logarithm of a sum',
      'e = Exp (F) p = ReduceLogSum <keepdims = 0> (e, hw) Y = Gemm <transB = 1> (p, W)',
      ', int64[2] hw = {2, 3}, float[5, 4] W',
    ],
  ])('%s', async (_, body, weights) => {
    expect((await expectCrops(network(body, weights))).stride).toEqual([1, 1]);
  });

  test.each([
    ['pooled', 'p = GlobalAveragePool (F) f = Flatten (p)', 12],
    ['flattened', 'f = Flatten (F)', 232],
  ])('a vector of metadata beside a %s map (15)', (_, map, features) =>
    expectCrops(
      network(
        `${map} m = Gemm <transB = 1> (M, V) r = Relu (m) c = Concat <axis = 1> (f, r) h = Gemm <transB = 1> (c, W) R = Relu (h) Y = Gemm <transB = 1> (R, U)`,
        `, float[8, 3] V, float[6, ${features}] W, float[5, 6] U`,
        'float[1, 3, 10, 9] X, float[1, 3] M',
      ),
    ),
  );

  const ensemble = (op: string, strides: readonly [number, number], pooled: boolean): string => {
    const cells = (stride: number, kernel: number): readonly [number, number] => [
      Math.floor((13 - kernel) / stride) + 1,
      Math.floor((16 - kernel) / stride) + 1,
    ];
    const branch = (name: string, stride: number, kernel: number): { readonly nodes: string; readonly weights: string } => {
      const [rows, columns] = cells(stride, kernel);
      const features = pooled ? 4 : 4 * rows * columns;
      return {
        nodes: `A${name} = Conv <kernel_shape = [${kernel}, ${kernel}], strides = [${stride}, ${stride}]> (X, K${name}) R${name} = Relu (A${name})
          ${pooled ? `P${name} = GlobalAveragePool (R${name})` : `P${name} = Identity (R${name})`} f${name} = Flatten (P${name}) y${name} = Gemm <transB = 1> (f${name}, W${name})`,
        weights: `float[4, 3, ${kernel}, ${kernel}] K${name}, float[5, ${features}] W${name}`,
      };
    };
    const [a, b] = [branch('a', strides[0], 3), branch('b', strides[1], 2)];
    return `${header} g (float[1, 3, 13, 16] X) => (float[1, 5] Y) <${a.weights}, ${b.weights}> { ${a.nodes} ${b.nodes} Y = ${op} (ya, yb) }`;
  };
  test.each([
    ['Mean', [2, 4], false],
    ['Add', [4, 2], true],
    ['Max', [1, 3], false],
    ['Sum', [2, 2], false],
  ] as const)('%s of two networks with strides %j meets at the cells that they share (07)', async (op, strides, pooled) => {
    const widest = Math.max(...strides);
    expect((await expectCrops(ensemble(op, strides, pooled))).stride).toEqual([widest, widest]);
  });
  test.each([true, false])('strides 2 and 3 are refused by name (W13, pooled: %s)', (pooled) => {
    expect(codeOf(() => compile(parseGraph(ensemble('Add', [2, 3], pooled))))).toBe('NOT_CONVERTIBLE');
    expect(() => compile(parseGraph(ensemble('Add', [2, 3], pooled)))).toThrow(/strides of which none divides/);
  });
});
