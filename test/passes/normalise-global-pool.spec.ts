import { normaliseGlobalPool } from '../../passes/normalise-global-pool';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const graph = (body: string, weights = '', output = 'float[N, 5, 1, 1] Y'): string =>
  `${header} g (float[N, 4, 2, 3] X) => (${output}) ${weights} { ${body} }`;

describe('normalise-global-pool', () => {
  test('writes a mean over the map as GlobalAveragePool', () =>
    expectPass(normaliseGlobalPool, graph('Y = ReduceMean <keepdims = 0> (X, a)', '<int64[2] a = {2, 3}>', 'float[N, 4] Y')).toBecome(
      `
      P = GlobalAveragePool (X)
      Y = Flatten <axis = 1> (P)`,
      { departs: true },
    ));
});
