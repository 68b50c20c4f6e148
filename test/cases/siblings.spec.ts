/**
 * Siblings of the networks in semantic.spec.ts: the same kinds of layer in other spellings, each with its right value under every head, by ONNX Runtime on crops.
 */
import { describeContract } from '../../src/analysis/contract';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { parseGraph } from '../support/expect-pass';
import { expectMoves } from '../support/moves';
import { expectCrops, expectMeans } from '../support/windows';
import { judged } from '../verify/oracle/judge';

/** `crops`: each cell, or the mean of the cells of each window, or of all windows, is what the original says of crops. `verified`: padded, by the tool's own checks. */
type Right = 'crops' | 'verified' | RegExp;
interface Sibling {
  readonly text: string;
  readonly window: Right;
  readonly cell: Right;
  readonly image: Right;
}

const PLACES = /no global average: its weights read the places/;
const CONV = 'F = Conv <kernel_shape = [3, 3]> (X, K, B)';
/** [1, 4, 8, 9] of an image of 10 x 11 behind one layer. */
const network = (weights: string, body: string, { batch = '1', outputs = 'float[1, 5] Y' } = {}): string =>
  `g (float[${batch}, 3, 10, 11] X) => (${outputs}) <float[4, 3, 3, 3] K, float[4] B${weights && `, ${weights}`}> {
    ${CONV}
    ${body}
  }`;
const resized = (scale: string, attributes: string): string =>
  network(
    `float[4, 4, 3, 3] L, float[5, 4] W, float[4] S = {1, 1, ${scale}, ${scale}}`,
    `R = Resize <${attributes}> (F, , S)
     E = Conv <kernel_shape = [3, 3]> (R, L)
     M = GlobalAveragePool (E)
     V = Flatten (M)
     Y = Gemm <transB = 1> (V, W)`,
  );

const SIBLINGS: Readonly<Record<string, Sibling>> = {
  'places weighed by a softmax, multiplied out': {
    text: network(
      'float[1, 4, 1, 1] A, float[5, 4] W, int64[3] s = {1, 1, 72}, int64[3] t = {1, 4, 72}',
      `L = Conv (F, A)
       R = Reshape (L, s)
       P = Softmax <axis = 2> (R)
       T = Transpose <perm = [0, 2, 1]> (P)
       Q = Reshape (F, t)
       M = MatMul (Q, T)
       V = Flatten (M)
       Y = Gemm <transB = 1> (V, W)`,
    ),
    window: 'crops',
    cell: /combines the positions of the map in another way/,
    image: 'crops',
  },
  'channels tiled': {
    text: network(
      'float[5, 8] W, int64[4] twice = {1, 2, 1, 1}',
      `T = Tile (F, twice)
       M = GlobalAveragePool (T)
       V = Flatten (M)
       Y = Gemm <transB = 1> (V, W)`,
    ),
    window: 'crops',
    cell: 'crops',
    image: 'crops',
  },
  'columns tiled: the width stays': {
    text: network(
      'float[5, 576] W, int64[4] twice = {1, 1, 1, 2}',
      `T = Tile (F, twice)
       V = Flatten (T)
       Y = Gemm <transB = 1> (V, W)`,
    ),
    window: 'verified',
    cell: /CANNOT_SLIDE.*copies of the map next to each other/,
    image: 'verified',
  },
  'bilinear pooling': {
    text: network(
      'float[5, 16] W, int64[3] t = {1, 4, 72}',
      `Q = Reshape (F, t)
       T = Transpose <perm = [0, 2, 1]> (Q)
       M = MatMul (Q, T)
       V = Flatten (M)
       Y = Gemm <transB = 1> (V, W)`,
    ),
    window: 'crops',
    cell: /combines the positions of the map in another way/,
    image: 'crops',
  },
  'products along the classes': {
    text: network(
      'float[5, 288] W, int64 axis = {1}',
      `V = Flatten (F)
       Z = Gemm <transB = 1> (V, W)
       P = Sigmoid (Z)
       L = Log (P)
       S = CumSum (L, axis)
       Y = Exp (S)`,
    ),
    window: 'crops',
    cell: PLACES,
    image: 'crops',
  },
  'Einsum that sums over places without weights': {
    text: network('float[5, 4] W', 'Y = Einsum <equation = "nchw,oc->no"> (F, W)'),
    window: 'crops',
    cell: /combines the positions of the map in another way/,
    image: 'crops',
  },
  'Einsum of a map, rows, columns and channels': {
    text: network('float[4, 5] W, float[8] H, float[9] C', 'Y = Einsum <equation = "nchw,co,h,w->no"> (F, W, H, C)'),
    window: 'crops',
    cell: PLACES,
    image: 'crops',
  },
  'a column of numbers, weights on its left': {
    text: network(
      'float[5, 288] W, int64[2] s = {288, 1}, int64[2] t = {1, 5}',
      `V = Reshape (F, s)
       P = MatMul (W, V)
       Y = Reshape (P, t)`,
    ),
    window: 'crops',
    cell: PLACES,
    image: 'crops',
  },
  'Gemm with the weights first': {
    text: network(
      'float[5, 288] W, int64[2] s = {288, 1}, int64[2] t = {1, 5}',
      `V = Reshape (F, s)
       P = Gemm <alpha = 0.5> (W, V)
       Y = Reshape (P, t)`,
    ),
    window: 'crops',
    cell: PLACES,
    image: 'crops',
  },
  'picks of the one row and column that a pool leaves': {
    text: network(
      'float[5, 4] W, int64 zero = {0}',
      `M = GlobalAveragePool (F)
       R = Gather <axis = 2> (M, zero)
       V = Gather <axis = 2> (R, zero)
       Y = Gemm <transB = 1> (V, W)`,
    ),
    window: 'crops',
    cell: 'crops',
    image: 'crops',
  },
  'a norm of the channels, written out over a list of places': {
    text: network(
      'float[5, 4] W, float[4] G, float[1] e = {0.00001}, int64[3] t = {1, 4, 72}, int64[1] last = {-1}, int64[1] places = {1}',
      `Q = Reshape (F, t)
       T = Transpose <perm = [0, 2, 1]> (Q)
       A = ReduceMean (T, last)
       D = Sub (T, A)
       D2 = Mul (D, D)
       V0 = ReduceMean (D2, last)
       V1 = Add (V0, e)
       S = Sqrt (V1)
       N = Div (D, S)
       Z = Mul (N, G)
       V = ReduceMean <keepdims = 0> (Z, places)
       Y = Gemm <transB = 1> (V, W)`,
    ),
    window: 'crops',
    cell: 'crops',
    image: 'crops',
  },
  'a norm behind the pool, with channels last': {
    text: network(
      'float[5, 4] W, int64[1] last = {-1}',
      `M = GlobalAveragePool (F)
       T = Transpose <perm = [0, 2, 3, 1]> (M)
       A = ReduceMean (T, last)
       D = Sub (T, A)
       D2 = Mul (D, D)
       V0 = ReduceMean (D2, last)
       S = Sqrt (V0)
       N = Div (D, S)
       B2 = Transpose <perm = [0, 3, 1, 2]> (N)
       V = Flatten (B2)
       Y = Gemm <transB = 1> (V, W)`,
    ),
    window: 'crops',
    cell: /stands between the average and the output and is not affine/,
    image: 'crops',
  },
  'every second column, from the last one backwards': {
    text: `g (float[1, 3, 10, 12] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[4] B, float[5, 128] W,
             int64[1] s = {-1}, int64[1] e = {-2147483647}, int64[1] a = {3}, int64[1] t = {-2}> {
      Z = Slice (X, s, e, a, t)
      F = Conv <kernel_shape = [3, 3]> (Z, K, B)
      V = Flatten (F)
      Y = Gemm <transB = 1> (V, W)
    }`,
    window: 'crops',
    cell: PLACES,
    image: 'crops',
  },
  'the nearest cell, rounded up: the last one is repeated': {
    text: resized('2', 'mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "ceil"'),
    window: 'verified',
    cell: /^converted$/,
    image: /^converted$/,
  },
  'halved, and resized to the size that it had': {
    text: `g (float[1, 3, 10, 12] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[4, 4, 3, 3] L, float[5, 192] W> {
      E = Conv (X, K)
      P = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (E)
      s = Shape (E)
      U = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (P, , , s)
      D = Add (U, E)
      G = Conv (D, L)
      V = Flatten (G)
      Y = Gemm <transB = 1> (V, W)
    }`,
    window: 'crops',
    cell: PLACES,
    image: 'crops',
  },
  'half the size, between cells': { text: resized('0.5', 'mode = "linear"'), window: 'crops', cell: 'crops', image: 'crops' },
  'a third of the size': {
    text: network(
      'float[4, 4, 1, 1] L, float[5, 4] W, float[4] S = {1, 1, 0.33333334, 0.33333334}',
      `R = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (F, , S)
       E = Conv (R, L)
       M = GlobalAveragePool (E)
       V = Flatten (M)
       Y = Gemm <transB = 1> (V, W)`,
    ),
    window: 'crops',
    cell: 'crops',
    image: 'crops',
  },
};

const messageOf = (run: () => unknown): string => {
  try {
    run();
    return 'converted';
  } catch (error) {
    return error instanceof CompileError ? `${error.code}: ${error.message}` : `crash: ${String(error)}`;
  }
};

async function expectRight(text: string, head: 'window' | 'cell' | 'image', right: Right): Promise<void> {
  if (right instanceof RegExp) {
    const message = messageOf(() => compile(parseGraph(text), { head }));
    expect(message).toMatch(right);
  } else if (right === 'crops' && head !== 'window') await expectMeans(text, head);
  else if (right === 'crops') await expectCrops(text, {}, 1e-4, { mayHaveMore: true });
  else expect((await judged(parseGraph(text), undefined, { head, samples: 2 }))?.verdict).toBe('equal');
}

describe.each(Object.entries(SIBLINGS))('%s', (_, { text, window, cell, image }) => {
  test('window', () => expectRight(text, 'window', window));
  test('cell', () => expectRight(text, 'cell', cell));
  test('image', () => expectRight(text, 'image', image));
});

test('a map that is stretched by a third has as many cells as are told', () => {
  const { model } = compile(parseGraph(SIBLINGS['a third of the size']?.text ?? ''));
  expect(model.graph.outputs[0]?.type?.shape?.slice(2)).toEqual([
    expect.stringContaining('floor((height'),
    expect.stringContaining('floor((width'),
  ]);
});

test('what decides where a trunk looks is blamed, not the pool behind it', () => {
  const text = `g (float[1, 3, 10, 11] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[6, 3] T, float[5, 4] W, int64[3] s = {1, 2, 3}> {
    M = GlobalAveragePool (X)
    V = Flatten (M)
    G = Gemm <transB = 1> (V, T)
    R = Reshape (G, s)
    size = Shape (X)
    P = AffineGrid (R, size)
    Z = GridSample <mode = "linear"> (X, P)
    F = Conv <kernel_shape = [3, 3]> (Z, K)
    Q = GlobalAveragePool (F)
    U = Flatten (Q)
    Y = Gemm <transB = 1> (U, W)
  }`;
  expect(messageOf(() => compile(parseGraph(text)))).toMatch(/CANNOT_SLIDE.*(AffineGrid|GridSample)/);
});

test('a model of free sizes is folded without being told one', () => {
  const text = `g (float[n, 3, h, w] X) => (float[n, 4, a, b] Y) <float[4, 3, 3, 3] K> {
    Y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (X, K)
  }`;
  const { model, report } = compile(parseGraph(text), { head: 'original' });
  expect(report.windows).toMatchObject([{ height: 32, width: 32 }]);
  expect(model.metadata.get('convolutionize.window')).toBe('{}');
  expect(model.graph.inputs[0]?.type?.shape).toEqual(['n', 3, 'h', 'w']);
});

test('a map continued with its other end slides, and its border is told', async () => {
  const text = `g (float[1, 3, 10, 11] X) => (float[1, 5] Y) <int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}, float[4, 3, 3, 3] K, float[5, 4] W> {
    V = Pad <mode = "wrap"> (X, p)
    F = Conv <kernel_shape = [3, 3]> (V, K)
    M = GlobalAveragePool (F)
    U = Flatten (M)
    Y = Gemm <transB = 1> (U, W)
  }`;
  for (const head of ['window', 'cell', 'image'] as const) await expectMoves(text, { head });
  expect(describeContract(compile(parseGraph(text)).report.contract)).toMatch(/continued with its other end, by 1 layer \(V\)/);
});
