import { spaceToDepth } from '../../passes/space-to-depth';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 20]>';
const stem = (perm: string, cut = '1, 3, 2, 4, 3, 4', output = 'float[1, 48, 2, 3] Y', merged = '1, 48, 2, 3'): string =>
  `${header} g (float[1, 3, 8, 12] X) => (${output}) <int64[6] a = {${cut}}, int64[4] b = {${merged}}> {
    A = Reshape (X, a) T = Transpose <perm = [${perm}]> (A) Y = Reshape (T, b) }`;

describe('space-to-depth', () => {
  test('blocks of pixels in the order of the operator', () =>
    expectPass(spaceToDepth, stem('0, 3, 5, 1, 2, 4')).toBecome('Y = SpaceToDepth <blocksize = 4> (X)'));
  test.each(['0, 1, 3, 5, 2, 4', '0, 5, 1, 3, 2, 4', '0, 5, 3, 1, 2, 4', '0, 3, 1, 5, 2, 4'])('channels in another order: %s', (perm) =>
    expectPass(spaceToDepth, stem(perm)).toBecome(`
      P = SpaceToDepth <blocksize = 4> (X)
      Y = Gather <axis = 1> (P, Y_order)`),
  );
  test.each([
    ['blocks that are not square', stem('0, 3, 5, 1, 2, 4', '1, 3, 2, 4, 6, 2', 'float[1, 24, 2, 6] Y', '1, 24, 2, 6')],
    ['columns in front of rows', stem('0, 3, 5, 1, 4, 2', '1, 3, 2, 4, 3, 4', 'float[1, 48, 3, 2] Y', '1, 48, 3, 2')],
  ])('leaves %s alone', (_, text) => expectPass(spaceToDepth, text).toStay());
});
