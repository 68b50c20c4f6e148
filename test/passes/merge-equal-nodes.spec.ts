import { mergeEqualNodes } from '../../passes/merge-equal-nodes';
import { expectPass } from '../support/expect-pass';

const map = (body: string, constants = '', output = 'float[N, 3, 4, 5] Y'): string =>
  `g (float[N, 3, 4, 5] X) => (${output}) <${constants || 'float unused = {1}'}> { ${body} }`;

describe('merge-equal-nodes', () => {
  test('keeps one of two, and then one of those that read them', () =>
    expectPass(mergeEqualNodes, map('A = Relu (X) B = Relu (X) C = Exp (A) D = Exp (B) Y = Add (C, D)')).toBecome(
      'A = Relu (X) C = Exp (A) Y = Add (C, C)',
    ));
  test.each([
    ['other attributes', 'A = LeakyRelu <alpha = 0.1> (X) B = LeakyRelu <alpha = 0.2> (X) Y = Add (A, B)'],
    ['other inputs', 'A = Sub (X, u) B = Sub (u, X) Y = Add (A, B)'],
    ['random numbers', 'A = RandomNormalLike (X) B = RandomNormalLike (X) C = Sub (A, A) D = Sub (B, B) E = Add (C, D) Y = Add (X, E)'],
  ])('tells %s apart', (_, body) => expectPass(mergeEqualNodes, map(body, 'float u = {0.5}')).toStay());
  test('an output that is left out does not stand for one that is read', () =>
    expectPass(
      mergeEqualNodes,
      map(', = Split <axis = 1, num_outputs = 2> (X) A, B = Split <axis = 1, num_outputs = 2> (X) Y = Concat <axis = 1> (A, B)'),
    ).toStay());
  test('leaves a result that has a public name', () =>
    expectPass(mergeEqualNodes, map('Y = Relu (X) Z = Relu (X)', '', 'float[N, 3, 4, 5] Y, float[N, 3, 4, 5] Z')).toStay());
});
