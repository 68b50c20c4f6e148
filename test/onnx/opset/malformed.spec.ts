/** Nodes that no exporter would write: too few inputs, attributes of the wrong kind, outputs left out. They are carried or refused, never a crash. */
import { CompileError } from '../../../src/diagnostics/compile-error';
import { Graph } from '../../../src/ir/graph';
import { Model } from '../../../src/ir/model';
import { operatorSchema, sinceVersions } from '../../../src/ir/operators';
import { operatorTable } from '../../../src/ir/operators.generated';
import { fromNumbers, int64s } from '../../../src/ir/tensor';
import type { Attr, Value } from '../../../src/ir/types';
import { plainOpset, raiseToNormalForm, spell } from '../../../src/onnx/opset';
import { parseModel } from '../../../src/onnx/text/parser';
import { codeOf } from '../../support/code-of';
import { random } from '../../support/seeded';

test('random nodes of every operator and version', () => {
  const next = random(3);
  const below = (count: number): number => Math.floor(next() * count);
  let carried = 0;
  let refused = 0;
  for (const op of Object.keys(operatorTable.operators)) {
    for (const version of sinceVersions(op)) {
      for (let round = 0; round < 12; round++) {
        const model = randomModel(op, version, below);
        try {
          raiseToNormalForm(model);
          plainOpset(model);
          spell(model);
          model.opsets.set('', 26);
          spell(model);
          carried++;
        } catch (error) {
          if (!(error instanceof CompileError)) throw new Error(`${op}-${version}: ${String(error)}`, { cause: error });
          refused++;
        }
      }
    }
  }
  expect(carried).toBeGreaterThan(4000);
  expect(refused).toBeGreaterThan(30);
});

function randomModel(op: string, version: number, below: (count: number) => number): Model {
  const graph = new Graph('g');
  const values: (Value | undefined)[] = [
    undefined,
    graph.addInput('x', { dtype: 'float', shape: [2, 3, 4] }),
    graph.addInput('u', undefined),
    graph.addInput('r', { dtype: 'float' }),
    graph.addInput('h', { dtype: 'float', shape: [1, 2 ** 50, 0] }),
    graph.addConstant('i', int64s([1])),
    graph.addConstant('e', int64s([])),
    graph.addConstant('a', int64s([-9, 2 ** 50])),
    graph.addConstant('f', fromNumbers('float', [2], [0.5, 2])),
    graph.addConstant('s', { dtype: 'string', shape: [], data: { kind: 'strings', values: [new Uint8Array(2)] } }),
  ];
  const attrs = new Map<string, Attr>();
  for (const { name } of operatorSchema(op, version)?.attributes.values() ?? []) {
    if (below(2) === 0) attrs.set(name, ATTRS[below(ATTRS.length)] ?? { kind: 'int', value: 1 });
  }
  const node = graph.addNode({
    op,
    inputs: Array.from({ length: below(5) }, () => values[below(values.length)]),
    attrs,
    outputs: Array.from({ length: below(4) }, (_, index) => (below(4) === 0 ? '' : `y${index}`)),
  });
  graph.setOutputs(node.outputs.filter((output) => output.name !== '' && below(2) === 0));
  return new Model({ graph, opsets: new Map([['', version]]) });
}

const ATTRS: readonly Attr[] = [
  { kind: 'int', value: 1 },
  { kind: 'int', value: -3 },
  { kind: 'int', value: 2n ** 62n },
  { kind: 'int', value: -(2n ** 62n) },
  { kind: 'ints', value: [] },
  { kind: 'ints', value: [-1, 2] },
  { kind: 'float', value: Number.NaN },
  { kind: 'float', value: 0.5 },
  { kind: 'floats', value: [1, 2] },
  { kind: 'string', value: 'nearest' },
  { kind: 'string', value: new Uint8Array([255]) },
  { kind: 'tensor', value: int64s([3]) },
];

test('a node that is kept in an old spelling has the attributes of that spelling alone', () => {
  const resize = (attributes: string): string =>
    codeOf(() =>
      parseModel(`<ir_version: 5, opset_import: ["" : 10]> g (float[1, 1, 2, 4] X, float[4] s) => (float[1, 1, 4, 8] Y) {
        Y = Resize <${attributes}> (X, s) }`),
    );
  // Whether it enlarges or shrinks is not known: no newer version says the same.
  expect(resize('mode = "nearest"')).toBe('none');
  expect(resize('mode = "nearest", antialias = 1')).toBe('BAD_GRAPH');
  expect(resize('"two lines" = "linear"')).not.toBe('none');
});
