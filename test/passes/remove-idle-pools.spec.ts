import { removeIdlePools } from '../../passes/remove-idle-pools';
import { expectPass } from '../support/expect-pass';

const graph = (body: string, output = 'float[N, 3, 4, 5] Y'): string => `g (float[N, 3, 4, 5] X) => (${output}) { ${body} }`;

describe('remove-idle-pools', () => {
  test.each(['AveragePool', 'MaxPool'])('drops an %s of one place', (op) =>
    expectPass(removeIdlePools, graph(`P = ${op} <kernel_shape = [1, 1]> (X) Y = Relu (P)`)).toBecome('Y = Relu (X)'),
  );
  test('SAME pads nothing there', () =>
    expectPass(removeIdlePools, graph('P = MaxPool <kernel_shape = [1, 1], auto_pad = "SAME_UPPER"> (X) Y = Relu (P)')).toBecome(
      'Y = Relu (X)',
    ));
  test.each([
    ['a stride', 'P = MaxPool <kernel_shape = [1, 1], strides = [2, 1]> (X) Y = Relu (P)', 'float[N, 3, 2, 5] Y'],
    ['a window of two', 'P = MaxPool <kernel_shape = [1, 2]> (X) Y = Relu (P)', 'float[N, 3, 4, 4] Y'],
  ])('leaves %s alone', (_, body, output) => expectPass(removeIdlePools, graph(body, output)).toStay());
  test('refuses a pool that pads', () =>
    expectPass(
      removeIdlePools,
      graph('P = AveragePool <kernel_shape = [1, 1], pads = [0, 0, 1, 0], count_include_pad = 1> (X) Y = Relu (P)', 'float[N, 3, 5, 5] Y'),
    ).toRefuse('it pads'));
  test('refuses a pool whose indices are read', () =>
    expectPass(
      removeIdlePools,
      graph('P, I = MaxPool <kernel_shape = [1, 1]> (X) Y = Relu (P)', 'float[N, 3, 4, 5] Y, int64[N, 3, 4, 5] I'),
    ).toRefuse('its indices are read'));
});
