import { turnBackCells } from '../../passes/turn-back';
import { runPasses } from '../../src/rewrite/manager';
import { expectPass, parseGraph } from '../support/expect-pass';

const graph = (body: string, output = 'float[1, 4, 5, 5] Y'): string =>
  `g (float[1, 4, 5, 5] X) => (${output}) <int64[1] last = {-1}, int64[1] start = {-9223372036854775807}, int64[1] columns = {3}> { ${body} }`;
const MIRRORED = 'M = Slice (X, last, start, columns, last) A = Relu (M)';

describe('turn-back-cells', () => {
  test('turns a branch of many cells back where it meets a straight one', () => {
    const model = parseGraph(graph(`${MIRRORED} B = Relu (X) Y = Add (A, B)`));
    runPasses(model, [turnBackCells], { validate: 'rule' });
    const [a, b] = model.graph.outputs[0]?.producer?.inputs ?? [];
    expect([a?.producer?.op, b?.producer?.op]).toEqual(['Slice', 'Relu']);
  });
  test('leaves a mirrored output of many cells: the original gives it so', () => {
    const model = parseGraph(graph(`${MIRRORED} Y = Exp (A)`));
    runPasses(model, [turnBackCells], { validate: 'rule' });
    expect(model.graph.outputs.map(({ name, producer }) => [name, producer?.op])).toEqual([['Y', 'Exp']]);
  });
  test('leaves branches that run the same way', () => expectPass(turnBackCells, graph('A = Relu (X) B = Exp (X) Y = Add (A, B)')).toStay());
});
