/** Branches that look at the mirrored or transposed image: cell (i, j) must be the original on crop (i, j). */
import { turnBack } from '../../passes/turn-back';
import { compile } from '../../src/compile';
import { codeOf } from '../support/code-of';
import { expectPass, parseGraph } from '../support/expect-pass';
import { expectSliding } from '../support/sliding';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const SIZES = {
  beyond: [
    [0, 0],
    [1, 2],
    [3, 0],
    [2, 5],
    [4, 4],
  ],
} as const;

const trunk = (from: string, to: string): string =>
  `${to}c = Conv <kernel_shape = [3, 3], strides = [2, 2]> (${from}, K) ${to}r = Relu (${to}c) ${to}d = Conv <kernel_shape = [2, 2]> (${to}r, L) ${to} = Sigmoid (${to}d)`;
const dense = (from: string, to: string): string => `${to}f = Flatten (${from}) ${to} = Gemm <transB = 1> (${to}f, W)`;
const numbers = 'float[3, 2, 3, 3] K, float[2, 3, 2, 2] L, float[3, 8] W';
const flip = 'int64[1] l = {-1}, int64[1] b = {-9223372036854775807}, int64[1] s = {-1}, int64[1] rows = {2}, int64[1] columns = {3}';

/** A classifier of the image and of what `turn` makes of it, averaged. */
const augmented = (turn: string, more = '', size = '8, 8'): string => `${header} g (float[1, 2, ${size}] X) => (float[1, 3] Y)
  <${numbers}, ${flip}${more}> { ${turn} ${trunk('X', 'A')} ${trunk('Z', 'B')} ${dense('A', 'P')} ${dense('B', 'Q')} Y = Mean (P, Q) }`;

const rows = 'Z = Slice (X, l, b, rows, s)';
const columns = 'Z = Slice (X, l, b, columns, s)';

describe('turn-back', () => {
  test.each([
    ['columns', augmented(columns)],
    ['rows', augmented(rows)],
    ['both', augmented('V = Slice (X, l, b, rows, s) Z = Slice (V, l, b, columns, s)')],
    ['columns, by Gather', augmented('Z = Gather <axis = 3> (X, i)', ', int64[8] i = {7, 6, 5, 4, 3, 2, 1, 0}')],
    [
      'rows, by ReverseSequence',
      augmented(
        'T = Transpose <perm = [2, 0, 1, 3]> (X) V = ReverseSequence <time_axis = 0, batch_axis = 1> (T, i) Z = Transpose <perm = [1, 2, 0, 3]> (V)',
        ', int64[1] i = {8}',
      ),
    ],
    ['rows and columns that change places', augmented('Z = Transpose <perm = [0, 1, 3, 2]> (X)')],
    ['a quarter turn', augmented('V = Transpose <perm = [0, 1, 3, 2]> (X) Z = Slice (V, l, b, rows, s)')],
    ['a quarter turn the other way', augmented('V = Slice (X, l, b, columns, s) Z = Transpose <perm = [0, 1, 3, 2]> (V)')],
  ])('%s', async (_, text) => {
    await expectSliding(text, SIZES);
  });

  test('a map that the original itself gives mirrored stays mirrored beside the map of cells', () => {
    const text = `${header} g (float[1, 2, 8, 8] X) => (float[1, 3] Y, float[1, 3, 6, 6] M) <float[3, 2, 3, 3] K, float[3, 3] W, ${flip}> {
      C = Conv <kernel_shape = [3, 3]> (X, K) M = Slice (C, l, b, rows, s) A = GlobalAveragePool (C) F = Flatten (A) Y = Gemm <transB = 1> (F, W) }`;
    const { model, report } = compile(parseGraph(text), { head: 'cell' });
    expect(model.graph.nodes.filter(({ op }) => op === 'Slice')).toHaveLength(1);
    expect(report.outputs.map(({ converted }) => converted?.[2])).toEqual([6, 6]);
  });

  test('a flip within the trunk, and one that is undone', async () => {
    const inside = `${header} g (float[1, 2, 8, 8] X) => (float[1, 3] Y) <${numbers}, ${flip}> {
      C = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K) R = Relu (C) Z = Slice (R, l, b, columns, s) D = Conv <kernel_shape = [2, 2]> (Z, L)
      A = Sigmoid (D) ${dense('A', 'Y')} }`;
    await expectSliding(inside, SIZES);
    const undone = `${header} g (float[1, 2, 8, 8] X) => (float[1, 3] Y) <${numbers}, ${flip}> {
      ${trunk('X', 'A')} Z = Slice (X, l, b, columns, s) ${trunk('Z', 'B')} U = Slice (B, l, b, columns, s) S = Add (A, U) ${dense('S', 'Y')} }`;
    await expectSliding(undone, SIZES);
  });

  test('with padding, asymmetric, between the flip and the head', () => {
    const text = augmented(columns)
      .replaceAll('strides = [2, 2]>', 'strides = [2, 2], pads = [0, 1, 1, 0]>')
      .replace('float[3, 8] W', 'float[3, 18] W');
    // The grid of the mirrored branch is the straight one at every size: images are cut to whole strides beyond the window.
    const { model } = compile(parseGraph(text));
    expect(model.metadata.get('convolutionize.sizes')).toContain('"width":{"multiple":2,"rest":0');
  });

  test('a pooled head, and an average over the image', async () => {
    const text = `${header} g (float[1, 2, 8, 9] X) => (float[1, 3] Y) <float[3, 2, 3, 3] K, float[3, 3] W, ${flip}> {
      Z = Slice (X, l, b, columns, s) C = Conv <kernel_shape = [3, 3]> (X, K) A = Relu (C) D = Conv <kernel_shape = [3, 3]> (Z, K) B = Relu (D)
      G = GlobalAveragePool (A) H = GlobalAveragePool (B) ${dense('G', 'P')} ${dense('H', 'Q')} Y = Mean (P, Q) }`;
    await expectSliding(text, SIZES);
    expect(codeOf(() => compile(parseGraph(text), { head: 'image' }))).toBe('none');
    const { model } = compile(parseGraph(text.replace('Mean', 'Add')), { head: 'cell' });
    expect(model.graph.nodes.filter(({ op }) => op === 'Slice').length).toBeGreaterThan(1);
  });

  describe.each(['window', 'cell', 'image'] as const)('a map beside its mirror image, head %s', (head) => {
    const besideItself = (
      mirrored: string,
    ): string => `${header} g (float[1, 2, 8, 8] X) => (float[1, 3] Y) <float[3, 2, 3, 3] K, float[3, 3] W, ${flip}> {
      C = Conv <kernel_shape = [3, 3]> (X, K) ${mirrored} A = Max (C, Z) G = GlobalAveragePool (A) ${dense('G', 'Y')} }`;

    test('does not slide along that axis', () => {
      const { report } = compile(parseGraph(besideItself('Z = Slice (C, l, b, columns, s)')), { head });
      expect(report.tied.map(({ axis, reason }) => [axis, reason])).toEqual([['width', expect.stringContaining('mirror image')]]);
    });

    test('is refused where both axes are mirrored', () => {
      const both = besideItself('V = Slice (C, l, b, rows, s) Z = Slice (V, l, b, columns, s)');
      expect(codeOf(() => compile(parseGraph(both), { head }))).toBe('CANNOT_SLIDE');
    });
  });

  test('branches that run the same way stay', () =>
    expectPass(
      turnBack,
      `${header} g (float[1, 2, 4, 4] X) => (float[1, 3, 1, 1] Y) <float[3, 2, 4, 4] K, float[3, 2, 4, 4] L> {
        A = Conv (X, K) B = Conv (X, L) Y = Add (A, B) }`,
    ).toStay());
});
