import { keepAxes } from '../../passes/keep-axes';
import { removeDeadNodes } from '../../passes/remove-dead-nodes';
import { definePass } from '../../src/rewrite/pass';
import { expectPass } from '../support/expect-pass';

/** As a conversion does that slides along rows alone. */
const columnsStay = definePass({
  name: 'columns-stay',
  summary: 'slide along rows alone',
  numbers: 'identical',
  run(graph) {
    if (graph.tied.size === 0) graph.tie(['W']);
  },
});
const passes = [columnsStay, keepAxes, removeDeadNodes];

test('a mean over columns keeps their axis, and what reads it sees a map', () =>
  expectPass(
    passes,
    `g (float[N, 3, 9, 8] X) => (float[N, 4] Y) <float[4, 3, 3, 3] K, int64[1] columns = {3}, int64[1] rows = {2}> {
      c = Conv (X, K)
      m = ReduceMean <keepdims = 0> (c, columns)
      r = Relu (m)
      Y = ReduceMax <keepdims = 0> (r, rows)
    }`,
  ).toBecome(`
      c = Conv (X, K)
      m = ReduceMean <keepdims = 1> (c, axes)
      r = Relu (m)
      x = ReduceMax <keepdims = 1> (r, axes_1)
      Y = Squeeze (x, still)`));

test('a convolution over rows alone is one of width 1', () =>
  expectPass(
    passes,
    `g (float[N, 3, 9, 8] X) => (float[N, 5, 3] Y) <float[4, 3, 3, 3] K, int64[1] columns = {3}, float[5, 4, 2] L, float[4, 1] B> {
      c = Conv (X, K)
      m = ReduceMean <keepdims = 0> (c, columns)
      a = Add (m, B)
      Y = Conv <strides = [2], pads = [0, 0]> (a, L)
    }`,
  ).toBecome(`
      c = Conv (X, K)
      m = ReduceMean <keepdims = 1> (c, axes)
      a = Add (m, B_map)
      d = Conv <strides = [2, 1], pads = [0, 0, 0, 0], kernel_shape = [2, 1]> (a, L_kernel)
      Y = Squeeze (d, still)`));

test.each([
  ['channels before columns', '[0, 2, 1, 3]', 24, { departs: false }],
  ['columns before channels', '[0, 2, 3, 1]', 24, { departs: true }],
])('a layer for each row is a convolution as wide as the map: %s', (_, perm, features, how) =>
  expectPass(
    passes,
    `g (float[N, 3, 9, 8] X) => (float[N, 7, 5] Y) <float[4, 3, 3, 3] K, int64[3] list = {0, 7, ${features}}, float[${features}, 5] W, float[5] b> {
      c = Conv (X, K)
      t = Transpose <perm = ${perm}> (c)
      l = Reshape (t, list)
      m = MatMul (l, W)
      Y = Add (m, b)
    }`,
  ).toBecome(
    `
      c = Conv (X, K)
      m = Conv <kernel_shape = [1, 6]> (c, W_kernel)
      a = Add (m, b_map)
      u = Transpose <perm = ${perm}> (a)
      Y = Reshape (u, frames)`,
    how,
  ),
);

test('a network that slides along all axes stays as it is', () =>
  expectPass(
    keepAxes,
    `g (float[N, 3, 9, 8] X) => (float[N, 4, 7] Y) <float[4, 3, 3, 3] K, int64[1] columns = {3}> {
      c = Conv (X, K)
      Y = ReduceMean <keepdims = 0> (c, columns)
    }`,
  ).toStay());

test('the mean over channels is not a map', () =>
  expectPass(
    passes,
    `g (float[N, 3, 9, 8] X) => (float[N, 7, 6] Y) <float[4, 3, 3, 3] K, int64[1] channels = {1}> {
      c = Conv (X, K)
      Y = ReduceMean <keepdims = 0> (c, channels)
    }`,
  ).toBecome(`
      c = Conv (X, K)
      Y = ReduceMean <keepdims = 0> (c, channels)`));
