/** How values move with the image: exact facts, and the node that is to blame where there are none. */
import { motionOf } from '../../src/analysis/motion';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { toNumber } from '../../src/ir/ratio';
import { parseGraph } from '../support/expect-pass';

const WEIGHTS = `float[4, 3, 3, 3] K, float[4, 4, 3, 3] K2, float[4, 8, 3, 3] K8, float[4, 12, 3, 3] K12, float[5, 4] W, float[4] S2 = {1, 1, 2, 2}, float small = {0.01},
  int64 zero = {0}, int64 one = {1}, int64[1] rows = {2}, int64[1] single = {1}, int64[2] start = {0, 0}, int64[2] places = {2, 3}, int64[2] firsts = {0, 1}, int64[2] ones = {1, 1}, int64[1] size = {19}, int64[4] fixed = {1, 4, 13, 11},
  int64[4] swapped = {1, 4, 18, 20}, int64[4] longer = {1, 4, 10, 36}, int64[5] bands = {1, 4, 2, 10, 18}, int64[4] banded = {1, 8, 10, 18},
  int64[6] far = {1, 3, 2, 10, 2, 9}, int64[4] fars = {1, 12, 10, 9}, float[1, 4, 40, 40] table`;

const network = (trunk: string, more = ''): string =>
  `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 20, 18] X) => (float[1, 5] Y) <${WEIGHTS}${more}> {
    ${trunk} P = GlobalAveragePool (M) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`;

describe('refused with every head, by the node that is the reason', () => {
  test.each<[string, string, RegExp]>([
    [
      'a coordinate by Range',
      'A = Conv (X, K) S = Shape <start = 3, end = 4> (A) N = Squeeze (S) C = Range (zero, N, one) D = Cast <to = 1> (C) E = Mul (D, small) R = Add (A, E) M = Conv (R, K2)',
      /Add 'R'.*where a place is.*coordinates/,
    ],
    [
      'a table cut to the size',
      'A = Conv (X, K) S = Shape <start = 2, end = 4> (A) T = Slice (table, start, S, places) R = Add (A, T) M = Conv (R, K2)',
      /Add 'R'.*where a place is, by Slice 'T'/,
    ],
    ['sums along rows', 'A = Conv (X, K) R = CumSum (A, rows) M = Conv (R, K2)', /CumSum 'R'.*one after the other/],
    ['a triangle', 'A = Conv (X, K) R = Trilu (A) M = Conv (R, K2)', /Trilu 'R'.*where places of the map are/],
    [
      'the places of maxima',
      'A = Conv (X, K) B, I = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (A) J = Cast <to = 1> (I) R = Add (B, J) M = Conv (R, K2)',
      /Add 'R'.*where a place is/,
    ],
    [
      'maxima put back to their places',
      'A = Conv (X, K) B, I = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (A) R = MaxUnpool <kernel_shape = [2, 2], strides = [2, 2]> (B, I) M = Conv (R, K2)',
      /MaxUnpool 'R'.*places that are counted/,
    ],
    [
      'a choice by the size',
      'A = Conv (X, K) S = Shape <start = 2, end = 3> (X) G = Greater (S, size) N = Neg (A) R = Where (G, A, N) M = Conv (R, K2)',
      /Where 'R'.*computes with the size of the image/,
    ],
    [
      'a map divided by its length',
      'A = Conv (X, K) S = Shape <start = 3, end = 4> (A) D = Cast <to = 1> (S) R = Div (A, D) M = Conv (R, K2)',
      /Div 'R'.*computes with the size of the image/,
    ],
    [
      'the number of channels and of rows',
      'A = Conv (X, K) S = Shape <start = 1, end = 3> (A) Q = ReduceProd <keepdims = 0> (S) T = Cast <to = 1> (Q) R = Div (A, T) M = Conv (R, K2)',
      /Div 'R'.*computes with the size of the image/,
    ],
    [
      'a stretch corner to corner',
      'A = Conv (X, K) U = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (A, , S2) M = Conv (U, K2)',
      /Resize 'U'.*align_corners/,
    ],
    [
      'a stretch to a fixed size',
      'A = Conv (X, K) U = Resize <mode = "linear"> (A, , , fixed) M = Conv (U, K2)',
      /Resize 'U'.*resizes \[1,4,18,16\] to \[1,4,13,11\]/,
    ],
    [
      'rows taken for columns',
      'A = Conv <pads = [1, 1, 1, 1]> (X, K) V = Reshape (A, swapped) M = Conv (V, K2)',
      /Reshape 'V'.*no longer rows and columns/,
    ],
    [
      'rows taken apart',
      'A = Conv <pads = [1, 1, 1, 1]> (X, K) V = Reshape (A, longer) M = Conv (V, K2)',
      /Conv 'M'.*not neighbours on the image/,
    ],
    [
      'halves of the map as channels',
      'A = Conv <pads = [1, 1, 1, 1]> (X, K) V = Reshape (A, bands) T = Transpose <perm = [0, 2, 1, 3, 4]> (V) U = Reshape (T, banded) M = Conv (U, K8)',
      /Conv 'M'.*far from each other/,
    ],
    [
      'quarters of the image as channels',
      'V = Reshape (X, far) T = Transpose <perm = [0, 1, 2, 4, 3, 5]> (V) U = Reshape (T, fars) M = Conv (U, K12)',
      /Conv 'M'.*far from each other/,
    ],
    [
      'one cell as a gate',
      'A = Conv (X, K) G = Slice (A, start, ones, places) R = Mul (A, G) M = Conv (R, K2)',
      /Mul 'R'.*one cell of a map over all others/,
    ],
  ])('%s', (_, trunk, says) => {
    for (const head of ['window', 'cell', 'image'] as const) {
      let found: unknown;
      try {
        compile(parseGraph(network(trunk)), { head, slide: ['height', 'width'] });
      } catch (error) {
        found = error;
      }
      if (!(found instanceof CompileError)) throw new Error(`--head ${head}: ${found === undefined ? 'it was converted' : String(found)}`);
      expect([head, found.message]).toEqual([head, expect.stringMatching(says)]);
    }
  });
});

describe('not refused', () => {
  test.each<[string, string]>([
    ['zeros as large as the map', 'A = Conv (X, K) S = Shape (A) O = ConstantOfShape (S) R = Max (A, O) M = Conv (R, K2)'],
    [
      'a mean of the image that is laid over it',
      'G = GlobalAveragePool (X) S = Shape (X) E = Expand (G, S) A = Sub (X, E) M = Conv (A, K)',
    ],
    [
      'the root of how many channels there are',
      'A = Conv (X, K) S = Shape (A) N = Gather (S, one) D = Cast <to = 1> (N) Q = Sqrt (D) R = Div (A, Q) M = Conv (R, K2)',
    ],
    [
      'a number of channels that is sliced from the sizes',
      'A = Conv (X, K) S = Shape (A) N = Slice (S, single, rows) D = Cast <to = 1> (N) R = Mul (A, D) M = Conv (R, K2)',
    ],
    ['sums along channels', 'A = Conv (X, K) R = CumSum (A, one) M = Conv (R, K2)'],
  ])('%s', (_, trunk) => {
    expect(compile(parseGraph(network(trunk))).report.outputs[0]?.converted?.length).toBe(4);
  });
});

describe('exact', () => {
  const along = (body: string, letter = 'H') => {
    const { graph } = parseGraph(`g (float[1, 1, 48, 48] X) => (float[1, c, h, w] Y)
      <float[1, 1, 3, 3] K, float[1, 1, 3, 1] K31, int64[1] axis = {2}, float[4] S15 = {1, 1, 1.5, 1.5}, float[4] S2 = {1, 1, 2, 2}, int64[1] last = {-1}, int64[1] front = {-1000}, int64[1] cut = {-44}, int64[1] end = {1000}, int64[1] w = {2}, int64[1] back = {-1}> { ${body} }`);
    const state = graph.outputs[0] && motionOf(graph).of(graph.outputs[0]);
    const track = state?.kind === 'moving' ? state.tracks.get(letter) : undefined;
    return track && { ...track, stride: toNumber(track.stride), offset: toNumber(track.offset), window: toNumber(track.window) };
  };
  test.each([11, 13, 17, 22])('a stride of %i', (stride) => {
    expect(along(`Y = Conv <strides = [${stride}, ${stride}]> (X, K)`)).toMatchObject({ stride, period: stride, offset: 0, window: 3 });
  });
  test('three cells for every two', () => {
    expect(along('Y = Resize <mode = "nearest"> (X, , S15)')).toMatchObject({ stride: 2 / 3, period: 2 });
    expect(along('A = Conv <strides = [3, 3]> (X, K) Y = Resize <mode = "nearest"> (A, , S15)')).toMatchObject({ stride: 2, period: 6 });
  });
  test('backwards, and straight again', () => {
    expect(along('Y = Slice (X, last, front, w, back)')).toMatchObject({ stride: -1, offset: 47 });
    expect(along('A = Slice (X, last, front, w, back) B = Conv (A, K) Y = Slice (B, last, front, w, back)')).toMatchObject({
      stride: 1,
      offset: 0,
      window: 3,
      congruent: 1,
      far: undefined,
    });
    // Every second cell from the far end: where they are depends on what is left over.
    expect(
      along('A = Slice (X, last, front, w, back) B = Conv <strides = [2, 2]> (A, K) Y = Slice (B, last, front, w, back)'),
    ).toMatchObject({ stride: 2, congruent: 2 });
  });
  test('a slice counted from the far end keeps its distance from both edges: it meets what is counted from the front', () => {
    expect(along('A = Conv (X, K) C = Conv <kernel_shape = [3, 1]> (A, K31) B = Slice (A, cut, end, axis) Y = Add (B, C)')).toMatchObject({
      stride: 1,
      offset: 0,
      window: 5,
      far: undefined,
    });
  });
  test('SAME padding that is somewhere else at other sizes', () => {
    expect(along('Y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (X, K)')).toMatchObject({ stride: 2, congruent: 2 });
    expect(along('Y = Conv <auto_pad = "SAME_UPPER"> (X, K)')).toMatchObject({ stride: 1, congruent: 1 });
  });
});
