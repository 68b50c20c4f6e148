import { unstack } from '../../passes/unstack';
import { expectPass } from '../support/expect-pass';

const graph = (body: string, constants: string, output = 'float[N, 5] Y') =>
  `<ir_version: 9, opset_import: ["" : 20]> g (float[N, 5] A, float[N, 5] B) => (${output}) <${constants}> { ${body} }`;

describe('unstack', () => {
  test.each([
    ['ReduceMean', 'Mean', 0, 0],
    ['ReduceSum', 'Sum', -1, 2],
    ['ReduceMax', 'Max', 1, -2],
  ])('%s of a stack is %s of what was stacked (axes %i and %i)', (reduction, operator, axis, of) =>
    expectPass(
      unstack,
      graph(
        `C = Unsqueeze (A, a) D = Unsqueeze (B, a) S = Concat <axis = ${axis}> (C, D) Y = ${reduction} <keepdims = 0> (S, b)`,
        `int64[1] a = {${axis}}, int64[1] b = {${of}}`,
      ),
    ).toBecome(`Y = ${operator} (A, B)`),
  );
  test('a mean of three is summed in another order', () =>
    expectPass(
      unstack,
      `<ir_version: 9, opset_import: ["" : 20]> g (float[N, 5] A, float[N, 5] B) => (float[N, 5] Y) <int64[1] a = {1}> {
        R = Sigmoid (A) C = Unsqueeze (A, a) D = Unsqueeze (B, a) E = Unsqueeze (R, a) S = Concat <axis = 1> (C, D, E) Y = ReduceMean <keepdims = 0> (S, a) }`,
    ).toBecome('R = Sigmoid (A) Y = Mean (A, B, R)', { departs: true }));
  test.each([
    [
      'a reduction along another axis',
      'C = Unsqueeze (A, a) D = Unsqueeze (B, a) S = Concat <axis = 0> (C, D) Y = ReduceMean <keepdims = 0> (S, b)',
      'int64[1] a = {0}, int64[1] b = {2}',
      'float[2, N] Y',
    ],
    [
      'values that are laid one after the other',
      'S = Concat <axis = 1> (A, B) Y = ReduceMean <keepdims = 0> (S, b)',
      'int64[1] b = {1}',
      'float[N] Y',
    ],
  ])('leaves %s alone', (_, body, constants, output) => expectPass(unstack, graph(body, constants, output)).toStay());
});
