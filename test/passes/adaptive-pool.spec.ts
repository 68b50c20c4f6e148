import { adaptivePool } from '../../passes/adaptive-pool';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { verifyFiles } from '../../src/verify/files/verify';
import { expectEqual } from '../support/checks';
import { expectPass, parseGraph } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 20]>';
/** Windows of 2x2 at these rows and columns, as a table of [rows, 2, columns, 2] places. */
const table = (rows: readonly number[], columns: readonly number[]): string => {
  const places = rows.flatMap((row) => [0, 1].flatMap((k) => columns.flatMap((column) => [0, 1].flatMap((l) => [row + k, column + l]))));
  return `int64[${rows.length}, 2, ${columns.length}, 2, 2] t = {${places}}, int64[2] a = {-3, -1}`;
};
const pool =
  'F = Transpose <perm = [2, 3, 0, 1]> (X) G = GatherND (F, t) T = Transpose <perm = [4, 5, 0, 1, 2, 3]> (G) Y = ReduceMean <keepdims = 0> (T, a)';
const graph = (rows: readonly number[], columns: readonly number[]): string =>
  `${header} g (float[1, 3, 5, 4] X) => (float[1, 3, ${rows.length}, ${columns.length}] Y) <${table(rows, columns)}> { ${pool} }`;
/** A classifier behind such a pool of a 5x5 map, with a layer at each place in between. */
const classifier = (constants: string, head = pool): string => `${header} g (float[1, 3, 11, 11] I) => (float[1, 5] O)
  <float[4, 3, 3, 3] K, float[6, 4, 1, 1] V, float[5, 54] W, float[5] B, int64[2] s = {1, 54}, ${constants}> {
    C = Conv <kernel_shape = [3, 3], strides = [2, 2]> (I, K) X = Relu (C) ${head}
    D = Conv <kernel_shape = [1, 1]> (Y, V) E = Relu (D) R = Reshape (E, s) O = Gemm <transB = 1> (R, W, B) }`;

describe('adaptive-pool', () => {
  test('windows evenly apart are those of a pool', () =>
    expectPass(adaptivePool, graph([0, 1, 2, 3], [0, 2])).toBecome('Y = AveragePool <kernel_shape = [2, 2], strides = [1, 2]> (X)'));
  test('others are picked from windows at every place', () =>
    expectPass(adaptivePool, graph([0, 1, 3], [0, 2])).toBecome(`
      P = AveragePool <kernel_shape = [2, 2], strides = [1, 2]> (X)
      Y = Gather <axis = 2> (P, Y_picked)`));
  test('a layer on the picks is one on the whole map, summed over more numbers', () =>
    expectPass(
      adaptivePool,
      `${header} g (float[1, 90, 7, 5] X) => (float[1, 5] Y) <int64[3] r = {0, 2, 6}, float[5, 1350] W> {
        R = Gather <axis = 2> (X, r) F = Flatten (R) Y = Gemm <transB = 1> (F, W) }`,
    ).toBecome('F = Flatten (X) Y = Gemm <transB = 1> (F, W_all)', { departs: true }));
  test('a classifier reads the windows that were picked from the whole map', async () => {
    const original = parseGraph(classifier(table([0, 1, 3], [0, 2, 3])));
    const compiled = compile(original);
    expect(compiled.report.outputs[0]?.converted).toEqual([1, 5, 'floor((height + 1)/2) - 5', 'floor((width + 1)/2) - 5']);
    expectEqual(await verifyFiles(original, compiled.model, { compiled }), 'original size', 'crops of the image');
  });
  test('windows of different sizes are refused, and said to be so', () => {
    const masked = pool.replace('Y = ReduceMean <keepdims = 0> (T, a)', 'M = Where (m, z, T) Y = ReduceMean <keepdims = 0> (M, a)');
    const text = classifier(`${table([0, 1, 3], [0, 2, 3])}, bool[3, 2] m = {1, 0, 0, 0, 0, 0}, float z = {0}`, masked);
    let error: unknown;
    try {
      compile(parseGraph(text));
    } catch (thrown) {
      error = thrown;
    }
    expect(error instanceof CompileError && `${error.code}: ${error.message}`).toMatch(/CANNOT_SLIDE.*GatherND 'G': .*table/);
  });
});
