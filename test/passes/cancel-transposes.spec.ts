import { cancelTransposes } from '../../passes/cancel-transposes';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 20]>';
const graph = (body: string, weights: string, output = 'float[N, 4, 2, 3] Y'): string =>
  `${header} g (float[N, 4, 2, 3] X) => (${output}) ${weights ? `<${weights}>` : ''} { ${body} }`;
const away = 'T = Transpose <perm = [0, 2, 3, 1]> (X)';

describe('cancel-transposes', () => {
  test('composes two, keeps the first for its other reader', () =>
    expectPass(
      cancelTransposes,
      graph(
        `${away} Y = Transpose <perm = [0, 3, 1, 2]> (T) Z = Transpose <perm = [0, 2, 1, 3]> (T)`,
        '',
        'float[N, 4, 2, 3] Y, float[N, 3, 2, 4] Z',
      ),
    ).toBecome(`
      Y = Identity (X)
      Z = Transpose <perm = [0, 3, 2, 1]> (X)`));
});
