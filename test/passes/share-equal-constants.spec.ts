import { shareEqualConstants } from '../../passes/share-equal-constants';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights: string, output = 'float[N, 6, 4, 5] Y'): string =>
  `${header} g (float[N, 4, 4, 5] X) => (${output}) ${weights} { ${body} }`;

test('share-equal-constants keeps one of each', () =>
  expectPass(
    shareEqualConstants,
    graph(
      'A = Add (X, a) B = Add (A, b) Y = Add (B, c)',
      '<float[2] q = {1, 2}, float[5] a = {1, 2, 3, 4, 5}, float[5] b = {1, 2, 3, 4, 5}, float[5] c = {1, 2, 3, 4, 6}>',
      'float[N, 4, 4, 5] Y',
    ),
  ).toBecome(`
    A = Add (X, a)
    B = Add (A, a)
    Y = Add (B, c)`));
