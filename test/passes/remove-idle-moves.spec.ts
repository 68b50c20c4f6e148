import { removeIdleMoves } from '../../passes/remove-idle-moves';
import { expectPass } from '../support/expect-pass';

const around = (size: string, constants: string, node: string): string =>
  `g (float[${size}] X) => (float[] Y) <${constants}> { A = Relu (X) B = ${node} Y = Neg (B) }`;
const GONE = 'A = Relu (X) Y = Neg (A)';

describe('remove-idle-moves', () => {
  test('drops a Slice that takes everything', () =>
    expectPass(
      removeIdleMoves,
      around('1, 2, 6, 7', 'int64[2] from = {0, 0}, int64[2] to = {6, 7}, int64[2] axes = {2, 3}', 'Slice (A, from, to, axes)'),
    ).toBecome(GONE));
  test('keeps one that runs backwards', () =>
    expectPass(
      removeIdleMoves,
      around(
        '1, 2, 6, 7',
        'int64[1] from = {6}, int64[1] to = {-8}, int64[1] axes = {3}, int64[1] steps = {-1}',
        'Slice (A, from, to, axes, steps)',
      ),
    ).toStay());
  test('keeps one that cuts', () =>
    expectPass(
      removeIdleMoves,
      around('1, 2, 6, 7', 'int64[1] from = {1}, int64[1] to = {7}, int64[1] axes = {3}', 'Slice (A, from, to, axes)'),
    ).toStay());
  test('drops a Pad of nothing, and keeps one that moves', async () => {
    await expectPass(removeIdleMoves, around('1, 2, 6, 7', 'int64[8] pads = {0, 0, 0, 0, 0, 0, 0, 0}', 'Pad (A, pads)')).toBecome(GONE);
    await expectPass(removeIdleMoves, around('1, 2, 6, 7', 'int64[8] pads = {0, 0, 0, 1, 0, 0, 0, -1}', 'Pad (A, pads)')).toStay();
  });
  test('drops a Resize to the size that it has', () =>
    expectPass(removeIdleMoves, around('1, 2, 6, 7', 'int64[4] sizes = {1, 2, 6, 7}', 'Resize <mode = "linear"> (A, , , sizes)')).toBecome(
      GONE,
    ));
  test('keeps a Resize of a region', () =>
    expectPass(
      removeIdleMoves,
      around(
        '1, 1, 6, 7',
        'float[8] roi = {0, 0, 0.1, 0.2, 1, 1, 0.9, 0.8}, int64[4] sizes = {1, 1, 6, 7}',
        'Resize <mode = "linear", coordinate_transformation_mode = "tf_crop_and_resize"> (A, roi, , sizes)',
      ),
    ).toStay());
  test('leaves symbolic sizes', () =>
    expectPass(
      removeIdleMoves,
      around('1, 2, height, 7', 'int64[1] from = {0}, int64[1] to = {6}, int64[1] axes = {2}', 'Slice (A, from, to, axes)'),
    ).toStay());
});
