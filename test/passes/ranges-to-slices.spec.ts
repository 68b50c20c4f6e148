/** Rows and columns that are taken by their numbers. */
import { rangesToSlices } from '../../passes/ranges-to-slices';
import { expectPass } from '../support/expect-pass';
import { expectSliding } from '../support/sliding';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, constants: string, output = 'float[1, 2, 4, 6] Y', input = 'float[1, 2, 6, 6] X'): string =>
  `${header} g (${input}) => (${output}) <${constants}> { ${body} }`;

describe('ranges-to-slices', () => {
  test('a Split of rows', () =>
    expectPass(
      rangesToSlices,
      graph(
        'A, B = Split <axis = 2> (X, p) C = Relu (A) D = Relu (B) Y = Concat <axis = 1> (C, D)',
        'int64[2] p = {3, 3}',
        'float[1, 4, 3, 6] Y',
      ),
    ).toBecome(`
      S = Slice (X, X_starts, X_ends, X_axes, X_steps) T = Slice (X, X_starts_1, X_ends_1, X_axes_1, X_steps_1)
      C = Relu (S) D = Relu (T) Y = Concat <axis = 1> (C, D)`));

  test.each([
    ['a range of rows', 'A = Gather <axis = 2> (X, i) Y = Relu (A)', 'int64[4] i = {1, 2, 3, 4}', 'float[1, 2, 4, 6] Y'],
    ['every second row backwards', 'A = Gather <axis = 2> (X, i) Y = Relu (A)', 'int64[3] i = {4, 2, 0}', 'float[1, 2, 3, 6] Y'],
    ['one row', 'A = Gather <axis = -2> (X, i) Y = Relu (A)', 'int64[1] i = {-1}', 'float[1, 2, 1, 6] Y'],
  ])('%s', (_, body, constants, output) =>
    expectPass(rangesToSlices, graph(body, constants, output)).toBecome('A = Slice (X, X_starts, X_ends, X_axes, X_steps) Y = Relu (A)'),
  );

  test('CenterCropPad crops and pads, the odd place at the end', () =>
    expectPass(
      rangesToSlices,
      graph('A = CenterCropPad <axes = [2, 3]> (X, t) Y = Relu (A)', 'int64[2] t = {3, 9}', 'float[1, 2, 3, 9] Y'),
    ).toBecome('S = Slice (X, X_starts, X_ends, X_axes, X_steps) A = Pad (S, A_pads) Y = Relu (A)'));

  test.each([
    ['channels', 'A, B = Split <axis = 1> (X) Y = Add (A, B)', 'int64[1] i = {0}', 'float[1, 1, 6, 6] Y'],
    ['rows in no regular order', 'A = Gather <axis = 2> (X, i) Y = Relu (A)', 'int64[4] i = {1, 2, 3, 5}', 'float[1, 2, 4, 6] Y'],
    ['an index whose axis goes', 'A = Gather <axis = 2> (X, i) Y = Relu (A)', 'int64 i = {1}', 'float[1, 2, 6] Y'],
    [
      'a computed Slice that takes everything',
      'S = Shape <start = 2> (X) A = Slice (X, z, S, a) Y = Relu (A)',
      'int64[2] z = {0, 0}, int64[2] a = {2, 3}',
      'float[1, 2, 6, 6] Y',
    ],
  ])('leaves %s alone', (_, body, constants, output) => expectPass(rangesToSlices, graph(body, constants, output)).toStay());

  const head =
    'C = Conv <kernel_shape = [2, 2]> (Z, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W)';
  test.each([
    [
      'the upper half beside the lower half',
      `A, B = Split <axis = 2> (X, p) Z = Concat <axis = 1> (A, B) ${head}`,
      'int64[2] p = {3, 3}, float[3, 4, 2, 2] K',
    ],
    [
      'half of the rows, computed',
      `S = Shape <start = 2, end = 3> (X) H = Div (S, t) Z = Slice (X, z, H, t) ${head}`,
      'int64[1] z = {0}, int64[1] t = {2}, float[3, 2, 2, 2] K',
    ],
    ['the centre', `Z = CenterCropPad <axes = [2, 3]> (X, t) ${head}`, 'int64[2] t = {3, 4}, float[3, 2, 2, 2] K'],
  ])('over a larger image, %s of every window', async (_, body, constants) => {
    await expectSliding(graph(body, `float[3, 3] W, ${constants}`, 'float[1, 3] Y'));
  });
});
