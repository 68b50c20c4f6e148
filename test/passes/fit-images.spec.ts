/** Images of sizes that the network itself cannot take: the converted model runs at each, and every window that fits has its cell. */
import { compile } from '../../src/compile';
import { sizesTaken } from '../../src/compile/sizes';
import { codeOf } from '../support/code-of';
import { parseGraph } from '../support/expect-pass';
import { runModel } from '../support/run';
import { seededTensor } from '../support/seeded';
import { expectSliding } from '../support/sliding';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const head = 'P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W)';

/** SAME padding baked in, beside a pool that rounds up. */
const shortcut = `${header} g (float[1, 2, 8, 8] X) => (float[1, 3] Y) <float[4, 2, 3, 3] K, float[4, 2, 1, 1] S, float[3, 4] W> {
  C = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [0, 0, 1, 1]> (X, K)
  Q = AveragePool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1, count_include_pad = 0> (X) D = Conv <kernel_shape = [1, 1]> (Q, S)
  A = Add (C, D) R = Relu (A) ${head} }`;

/** Every second row and column, from the first and from the second. */
const focus = `${header} g (float[1, 2, 8, 10] X) => (float[1, 3] Y)
  <float[4, 8, 3, 3] K, float[3, 4] W, int64[2] a = {2, 3}, int64[2] t = {2, 2}, int64[2] e = {9223372036854775807, 9223372036854775807},
   int64[2] s = {0, 0}, int64[2] u = {1, 0}, int64[2] v = {0, 1}, int64[2] w = {1, 1}> {
  S = Slice (X, s, e, a, t) T = Slice (X, u, e, a, t) U = Slice (X, v, e, a, t) V = Slice (X, w, e, a, t) Z = Concat <axis = 1> (S, T, U, V)
  C = Conv <kernel_shape = [3, 3]> (Z, K) R = Relu (C) ${head} }`;

/** Blocks of pixels moved into the channels by views. */
const blocks = `${header} g (float[1, 2, 9, 12] X) => (float[1, 3] Y) <float[4, 18, 2, 2] K, float[3, 4] W, int64[6] a = {1, 2, 3, 3, 4, 3}, int64[4] b = {1, 18, 3, 4}> {
  V = Reshape (X, a) T = Transpose <perm = [0, 1, 3, 5, 2, 4]> (V) Z = Reshape (T, b) C = Conv <kernel_shape = [2, 2]> (Z, K) R = Relu (C) ${head} }`;

/** Down by two and up again, beside what it came from. */
const upAndDown = `${header} g (float[1, 2, 8, 8] X) => (float[1, 3] Y) <float[2, 2, 2, 2] K, float[4] s = {1.0, 1.0, 2.0, 2.0}, float[4, 4, 2, 2] L, float[3, 4] W> {
  C = Conv <kernel_shape = [2, 2], strides = [2, 2]> (X, K) U = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (C, , s)
  Z = Concat <axis = 1> (X, U) D = Conv <kernel_shape = [2, 2], strides = [2, 2]> (Z, L) R = Relu (D) ${head} }`;

/** Pooled maps of three strides, beside each other. */
const scales = `${header} g (float[1, 2, 9, 10] X) => (float[1, 3] Y) <float[2, 2, 2, 2] K, float[2, 2, 2, 2] L, float[2, 2, 2, 2] M, float[3, 6] W> {
  A = Conv <kernel_shape = [2, 2]> (X, K) B = Conv <kernel_shape = [2, 2], strides = [2, 2]> (A, L) R = Relu (B) C = Conv <kernel_shape = [2, 2], strides = [2, 2]> (R, M)
  P = GlobalAveragePool (A) Q = GlobalAveragePool (R) O = GlobalAveragePool (C) Z = Concat <axis = 1> (P, Q, O) F = Flatten (Z) Y = Gemm <transB = 1> (F, W) }`;

const sizesOf = (text: string): unknown => {
  const { model } = compile(parseGraph(text));
  return sizesTaken(model).get('X');
};

describe('fit-images', () => {
  test.each([
    ['blocks by views', blocks],
    ['a focus stem', focus],
    ['down and up beside a skip', upAndDown],
    ['pooled maps of three strides', scales],
  ])('%s: every window has its cell, at every size', async (_, text) => {
    await expectSliding(text, {
      beyond: [
        [0, 0],
        [1, 0],
        [0, 1],
        [2, 3],
        [5, 4],
      ],
    });
  });

  test('every residue of two periods of the stride runs', async () => {
    const { model } = compile(parseGraph(shortcut));
    for (let more = 0; more <= 5; more++) {
      const map = (await runModel(model, new Map([['X', seededTensor('float', [1, 2, 8 + more, 8 + 2 * more], more)]]))).get('Y');
      expect(map?.shape).toEqual([1, 3, 1 + Math.floor(more / 2), 1 + more]);
    }
  });

  test('the sizes that are taken whole are told', () => {
    expect(sizesOf(shortcut)).toEqual({ height: { multiple: 2, rest: 0, minimum: 8 }, width: { multiple: 2, rest: 0, minimum: 8 } });
    expect(sizesOf(blocks)).toEqual({ height: { multiple: 3, rest: 0, minimum: 9 }, width: { multiple: 3, rest: 0, minimum: 12 } });
    const { model } = compile(parseGraph(shortcut));
    expect(model.metadata.get('convolutionize.sizes')).toContain('"multiple":2');
  });

  test('a network that takes every size is left alone', () => {
    const plain = `${header} g (float[1, 2, 8, 9] X) => (float[1, 3] Y) <float[4, 2, 3, 3] K, float[3, 4] W> {
      C = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) R = Relu (C) ${head} }`;
    const { model } = compile(parseGraph(plain));
    expect(model.graph.nodes.map(({ op }) => op)).not.toContain('Mod');
    // A window of 4x5 cells of the map.
    expect(sizesTaken(model).get('X')).toEqual({
      height: { multiple: 1, rest: 0, minimum: 7 },
      width: { multiple: 1, rest: 0, minimum: 9 },
    });
  });

  test('an odd window leaves a rest', () => {
    const odd = shortcut.replace('float[1, 2, 8, 8] X', 'float[1, 2, 9, 8] X').replace('pads = [0, 0, 1, 1]', 'pads = [1, 0, 1, 1]');
    expect(sizesOf(odd)).toMatchObject({ height: { multiple: 1 }, width: { multiple: 2, rest: 0 } });
    const rest = `${header} g (float[1, 2, 11, 11] X) => (float[1, 3] Y) <float[4, 2, 3, 3] K, float[4, 2, 1, 1] S, float[3, 4] W> {
      C = Conv <kernel_shape = [3, 3], strides = [4, 4]> (X, K) D = Conv <kernel_shape = [1, 1], strides = [4, 4]> (X, S)
      E = Sigmoid (D) A = Add (C, E) R = Relu (A) ${head} }`;
    expect(sizesOf(rest)).toMatchObject({ height: { multiple: 4, rest: 3, minimum: 11 } });
  });

  test('a SAME pool whose steps are longer than its windows: where places are left over, the runtime has a padding below zero', async () => {
    // 8 places: windows at 0, 3 and 6. At 9 the last would end one place before the image.
    const skipping = `${header} g (float[1, 2, 8, 11] X) => (float[1, 3] Y) <float[3, 2] W> {
      R = MaxPool <kernel_shape = [2, 2], strides = [3, 3], auto_pad = "SAME_UPPER"> (X) ${head} }`;
    expect(sizesOf(skipping)).toEqual({ height: { multiple: 3, rest: 2, minimum: 8 }, width: { multiple: 3, rest: 2, minimum: 11 } });
    const { model } = compile(parseGraph(skipping));
    for (let more = 0; more <= 6; more++) {
      const map = (await runModel(model, new Map([['X', seededTensor('float', [1, 2, 8 + more, 11 + more], more)]]))).get('Y');
      expect(map?.shape).toEqual([1, 3, 1 + Math.floor(more / 3), 1 + Math.floor(more / 3)]);
    }
  });

  test('lengths that agree at the original size only are a refusal', () => {
    const fixed = `${header} g (float[1, 2, 8, 8] X) => (float[1, 3] Y) <float[4, 2, 3, 3] K, float[4, 6, 6] S, float[3, 4] W> {
      C = Conv <kernel_shape = [3, 3]> (X, K) R = PRelu (C, S) ${head} }`;
    expect(codeOf(() => compile(parseGraph(fixed)))).toBe('CANNOT_SLIDE');
  });
});
