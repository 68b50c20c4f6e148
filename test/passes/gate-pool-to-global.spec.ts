import { gatePoolToGlobal } from '../../passes/gate-pool-to-global';
import { compile } from '../../src/compile';
import { expectPass, parseGraph } from '../support/expect-pass';

const graph = (body: string, output = 'float[N, 3, 4, 5] Y'): string =>
  `<ir_version: 9, opset_import: ["" : 18]> g (float[N, 3, 4, 5] X) => (${output}) { ${body} }`;

describe('gate-pool-to-global', () => {
  test('an average as large as the map', () =>
    expectPass(
      gatePoolToGlobal,
      graph('P = AveragePool <kernel_shape = [4, 5], strides = [4, 5]> (X) S = Sigmoid (P) Y = Mul (X, S)'),
    ).toBecome('P = GlobalAveragePool (X) S = Sigmoid (P) Y = Mul (X, S)', { departs: true }));
  test('a maximum', () =>
    expectPass(gatePoolToGlobal, graph('P = MaxPool <kernel_shape = [4, 5]> (X) Y = Sub (X, P)')).toBecome(
      'P = GlobalMaxPool (X) Y = Sub (X, P)',
    ));
  test.each([
    ['a pool in front of a classifier', graph('P = AveragePool <kernel_shape = [4, 5]> (X) Y = Flatten (P)', 'float[N, 3] Y')],
    ['a smaller pool', graph('P = AveragePool <kernel_shape = [4, 4], strides = [4, 4]> (X) S = Sigmoid (P) Y = Mul (X, S)')],
    ['a padded pool', graph('P = AveragePool <kernel_shape = [4, 5], strides = [4, 5], pads = [0, 1, 0, 0]> (X) Y = Mul (X, P)')],
  ])('leaves %s alone', (_, text) => expectPass(gatePoolToGlobal, text).toStay());
  test('the contract says that predictions depend on the whole image', () => {
    const text = `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 6, 7] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[5, 80] W> {
      F = Conv (X, K) P = AveragePool <kernel_shape = [4, 5], strides = [4, 5]> (F) S = Sigmoid (P) G = Mul (F, S) f = Flatten (G) Y = Gemm <transB = 1> (f, W) }`;
    expect(compile(parseGraph(text)).report.contract).toMatchObject({ kind: 'whole-image' });
  });
});
