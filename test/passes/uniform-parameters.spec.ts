/** Parameters of every place that are the same at every place. */
import { uniformParameters } from '../../passes/uniform-parameters';
import { compile } from '../../src/compile';
import { codeOf } from '../support/code-of';
import { expectPass, parseGraph } from '../support/expect-pass';
import { expectSliding } from '../support/sliding';

const header = '<ir_version: 10, opset_import: ["" : 23]>';
const graph = (body: string, constants: string): string =>
  `${header} g (float[1, 2, 2, 3] X) => (float[1, 2, 2, 3] Y) <${constants}> { ${body} }`;
const same = '{1.5, 1.5, 1.5, 1.5, 1.5, 1.5, -2, -2, -2, -2, -2, -2}';
const sameColumns = '{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}';

describe('uniform-parameters', () => {
  test.each(['PRelu', 'Add', 'Mul', 'Sub', 'Max'])('the operand of %s', (op) =>
    expectPass(uniformParameters, graph(`Y = ${op} (X, p)`, `float[2, 2, 3] p = ${same}`)).toBecome(`Y = ${op} (X, p_per_channel)`),
  );

  test('on the left, of a Where, with the batch', () =>
    expectPass(uniformParameters, graph('A = Sub (p, X) C = Greater (A, X) Y = Where (C, p, A)', `float[1, 2, 2, 3] p = ${same}`)).toBecome(
      'A = Sub (p_per_channel, X) C = Greater (A, X) Y = Where (C, p_per_channel_1, A)',
    ));

  test('one axis of two', () =>
    expectPass(uniformParameters, graph('Y = Mul (X, p)', `float[2, 2, 3] p = ${sameColumns}`)).toBecome('Y = Mul (X, p_per_channel)'));

  test('a LayerNormalization over channels, rows and columns', () =>
    expectPass(
      uniformParameters,
      graph('Y = LayerNormalization <axis = 1> (X, p, q)', `float[2, 2, 3] p = ${same}, float[2, 2, 3] q = ${same}`),
    ).toBecome(
      `
      M = ReduceMean <keepdims = 1> (X, Y_axes) C = Sub (X, M) S = Mul (C, C) V = ReduceMean <keepdims = 1> (S, Y_axes) E = Add (V, Y_epsilon)
      R = Sqrt (E) N = Div (C, R) G = Mul (N, p_per_channel) Y = Add (G, q_per_channel)`,
      { departs: true },
    ));

  test.each([
    ['what differs from place to place', graph('Y = Mul (X, p)', 'float[2, 2, 3] p = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}')],
    ['what is one per channel already', graph('Y = Mul (X, p)', 'float[2, 1, 1] p = {1, 2}')],
    [
      'what the result gets its size from',
      `${header} g (float[1, 2, 1, 1] X) => (float[1, 2, 2, 3] Y) <float[2, 2, 3] p = ${same}> { Y = Mul (X, p) }`,
    ],
    [
      'a norm with a scale of its own for each place',
      graph('Y = LayerNormalization <axis = 1> (X, p)', 'float[2, 2, 3] p = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}'),
    ],
  ])('leaves %s alone', (_, text) => expectPass(uniformParameters, text).toStay());

  const classifier = (layer: string, parameter: string): string => `${header} g (float[1, 1, 4, 5] X) => (float[1, 3] Y)
    <float[2, 1, 3, 3] K, float[2, 2, 3, 3] L, float[3, 12] W, ${parameter}> { C = Conv <kernel_shape = [3, 3]> (X, K) ${layer.includes('R =') ? layer : `R = ${layer}`} F = Flatten (R) Y = Gemm <transB = 1> (F, W) }`;
  test('over a larger image every window has the slope', async () => {
    await expectSliding(classifier('PRelu (C, p)', `float[2, 2, 3] p = ${same}`));
  });
  test('a norm of the whole window in front of the classifier', async () => {
    await expectSliding(classifier('LayerNormalization <axis = 1> (C, p)', 'float[2, 2, 3] p = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}'));
  });
  test.each([
    ['PRelu', 'PRelu (C, p)'],
    ['LayerNormalization', 'N = LayerNormalization <axis = 1> (C, p) R = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (N, L)'],
    ['RMSNormalization', 'N = RMSNormalization <axis = 1> (C, p) R = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (N, L)'],
    ['Add', 'Add (C, p)'],
  ])('%s with a parameter of its own for each place is refused', (_, layer) => {
    expect(codeOf(() => compile(parseGraph(classifier(layer, 'float[2, 2, 3] p = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}'))))).toBe(
      'CANNOT_SLIDE',
    );
  });
});
