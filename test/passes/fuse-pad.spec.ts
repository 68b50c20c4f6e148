import { fusePad } from '../../passes/fuse-pad';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights: string, output = 'float[N, 6, 4, 5] Y'): string =>
  `${header} g (float[N, 4, 4, 5] X) => (${output}) ${weights} { ${body} }`;

describe('fuse-pad', () => {
  const pads = '<int64[8] p = {0, 0, 1, 2, 0, 0, 0, 1}';
  test('into a convolution that pads already', () =>
    expectPass(
      fusePad,
      graph(
        'P = Pad (X, p) Y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (P, W)',
        `${pads}, float[6, 4, 3, 3] W>`,
        'float[N, 6, 5, 8] Y',
      ),
    ).toBecome(`
      Y = Conv <kernel_shape = [3, 3], pads = [2, 3, 1, 2]> (X, W)`));
  test('into an average that then counts the zeros', () =>
    expectPass(fusePad, graph('P = Pad (X, p) Y = AveragePool <kernel_shape = [3, 3]> (P)', `${pads}>`, 'float[N, 4, 3, 6] Y')).toBecome(`
      Y = AveragePool <kernel_shape = [3, 3], pads = [1, 2, 0, 1], count_include_pad = 1> (X)`));
  test.each([
    [
      'an average that rounds its size up',
      graph(
        'P = Pad (X, p) Y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (P)',
        `${pads}>`,
        'float[N, 4, 2, 4] Y',
      ),
      'rounds its size up',
    ],
    [
      'a maximum that rounds its size up',
      graph(
        'R = Relu (X) P = Pad (R, p) Y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (P)',
        `${pads}>`,
        'float[N, 4, 2, 4] Y',
      ),
      'rounds its size up',
    ],
    [
      'zeros in front of a maximum',
      graph('P = Pad (X, p) Y = MaxPool <kernel_shape = [3, 3]> (P)', `${pads}>`, 'float[N, 4, 3, 6] Y'),
      'MaxPool with minus infinity',
    ],
    [
      'a reflection',
      graph(
        'P = Pad <mode = "reflect"> (X, p) Y = Conv <kernel_shape = [1, 1]> (P, W)',
        `${pads}, float[6, 4, 1, 1] W>`,
        'float[N, 6, 5, 8] Y',
      ),
      "pads by 'reflect'",
    ],
    [
      'another value than zero',
      graph(
        'P = Pad (X, p, o) Y = Conv <kernel_shape = [1, 1]> (P, W)',
        `${pads}, float o = {1}, float[6, 4, 1, 1] W>`,
        'float[N, 6, 5, 8] Y',
      ),
      'it pads with 1',
    ],
  ])('leaves %s alone', (_, text, reason) => expectPass(fusePad, text).toRefuse(reason));
});

describe('fuse-pad: zeros in front of a MaxPool', () => {
  const graph = (before: string): string =>
    `g (float[N, 3, 6, 7] X) => (float[N, 3, a, b] Y) <int64[8] p = {0, 0, 0, 0, 0, 0, 1, 1}> { ${before} P = Pad (A, p) Y = MaxPool <kernel_shape = [2, 2]> (P) }`;
  test('are none where no number is below zero', () =>
    expectPass(fusePad, graph('A = Relu (X)')).toBecome('A = Relu (X) Y = MaxPool <kernel_shape = [2, 2], pads = [0, 0, 1, 1]> (A)'));
  test('count elsewhere', () => expectPass(fusePad, graph('A = Neg (X)')).toRefuse('MaxPool with minus infinity'));
});
