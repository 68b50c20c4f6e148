import { fixWindows } from '../../passes/fix-windows';
import { expectPass } from '../support/expect-pass';

const conv = (size: string, attrs: string, weight = 'float[4, 2, 3, 3] W'): string =>
  `g (float[1, 2, ${size}] X) => (float[] Y) <${weight}> { Y = Conv <${attrs}> (X, W) }`;

describe('fix-windows', () => {
  test('writes down what SAME is at this size, the odd pad behind', () =>
    expectPass(fixWindows, conv('6, 7', 'auto_pad = "SAME_UPPER", strides = [2, 2]')).toBecome(
      'Y = Conv <pads = [0, 1, 1, 1], strides = [2, 2]> (X, W)',
    ));
  test('or in front', () =>
    expectPass(fixWindows, conv('6, 7', 'auto_pad = "SAME_LOWER", strides = [2, 2]')).toBecome(
      'Y = Conv <pads = [1, 1, 0, 1], strides = [2, 2]> (X, W)',
    ));
  test('VALID is not a padding', () => expectPass(fixWindows, conv('6, 7', 'auto_pad = "VALID"')).toBecome('Y = Conv (X, W)'));
  test('drops a rounding up that rounds nothing', () =>
    expectPass(
      fixWindows,
      'g (float[1, 2, 7, 9] X) => (float[] Y) { Y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (X) }',
    ).toBecome('Y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (X)'));
  test('keeps one that does', () =>
    expectPass(
      fixWindows,
      'g (float[1, 2, 8, 9] X) => (float[] Y) { Y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (X) }',
    ).toStay());
  test('volumes as well', () =>
    expectPass(
      fixWindows,
      'g (float[1, 1, 4, 5, 6] X) => (float[] Y) { Y = AveragePool <kernel_shape = [2, 2, 2], strides = [2, 2, 2], auto_pad = "SAME_UPPER"> (X) }',
    ).toBecome('Y = AveragePool <kernel_shape = [2, 2, 2], strides = [2, 2, 2], pads = [0, 0, 0, 0, 1, 0]> (X)'));
  test('leaves maps of symbolic sizes', () => expectPass(fixWindows, conv('height, width', 'auto_pad = "SAME_UPPER"')).toStay());
});
