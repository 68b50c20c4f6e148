/** Where two models part: whatever node is tampered with, that node is named. */
import { compile, freeSizes } from '../../../src/compile';
import { attributes } from '../../../src/ir/attrs';
import type { Graph } from '../../../src/ir/graph';
import type { Model } from '../../../src/ir/model';
import { inferShapes } from '../../../src/ir/shape-inference';
import { fromNumbers, readNumbers } from '../../../src/ir/tensor';
import type { Attr, Node, Value } from '../../../src/ir/types';
import { modelToBytes } from '../../../src/onnx/write';
import { makeBench } from '../../../src/verify/bench';
import { compareTensors } from '../../../src/verify/compare';
import { verifyModels } from '../../../src/verify/equivalence';
import { verifyFiles } from '../../../src/verify/files/verify';
import { makeInput } from '../../../src/verify/inputs';
import { counterparts } from '../../../src/verify/locate/counterparts';
import { probe } from '../../../src/verify/locate/probe';
import { formatVerifyReport, type VerifyReport } from '../../../src/verify/report';
import { openSession } from '../../../src/verify/runtime/node';
import { parseGraph } from '../../support/expect-pass';

// A busy machine takes its time.
jest.setTimeout(60_000);

/** Two residual blocks, the second with a projection; norms that fold; a classifier of two layers. */
const resnet = parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 16, 18] X) => (float[1, 6] Y)
  <float[8, 3, 3, 3] K0, float[8] S0, float[8] B0, float[8] M0, float[8] var0,
   float[8, 8, 3, 3] K1, float[8] S1, float[8] B1, float[8] M1, float[8] var1, float[8, 8, 3, 3] K2,
   float[10, 8, 3, 3] K3, float[10, 10, 3, 3] K4, float[10] S4, float[10] B4, float[10] M4, float[10] var4, float[10, 8, 1, 1] K5,
   float[7, 10] W1, float[7] b1, float[6, 7] W2> {
    c0 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, K0)
    n0 = BatchNormalization (c0, S0, B0, M0, var0)
    r0 = Relu (n0)
    p0 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r0)
    c1 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (p0, K1)
    n1 = BatchNormalization (c1, S1, B1, M1, var1)
    r1 = Relu (n1)
    c2 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (r1, K2)
    a1 = Add (c2, p0)
    r2 = Relu (a1)
    c3 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (r2, K3)
    r3 = Relu (c3)
    c4 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (r3, K4)
    n4 = BatchNormalization (c4, S4, B4, M4, var4)
    c5 = Conv <kernel_shape = [1, 1], strides = [2, 2]> (r2, K5)
    a2 = Add (n4, c5)
    r4 = Relu (a2)
    gp = GlobalAveragePool (r4)
    fl = Flatten (gp)
    g1 = Gemm <transB = 1> (fl, W1, b1)
    rg = Relu (g1)
    Y = Gemm <transB = 1> (rg, W2)
  }`);

async function judged(fault: (graph: Graph) => void): Promise<VerifyReport> {
  const { model, original, report } = compile(resnet);
  fault(model.graph);
  inferShapes(model);
  return verifyModels({
    original: { source: modelToBytes(original), model: original },
    converted: { source: modelToBytes(model), model },
    windows: report.windows,
    contract: report.contract,
    free: freeSizes,
    open: openSession,
    place: (part) => modelToBytes(part),
    rewrites: () => report.remarks.flatMap(({ kind, pass, rule, origin }) => (kind === 'applied' ? [{ pass, rule, origin }] : [])),
    options: { samples: 7 },
  });
}

const nodes = (graph: Graph, op: string): readonly Node[] => graph.nodes.filter((node) => node.op === op);
function changed(graph: Graph, node: Node | undefined, change: (numbers: Float64Array) => void, slot = 1): void {
  const tensor = node?.inputs[slot]?.constant;
  if (!node || !tensor) throw new Error('no weight');
  const numbers = readNumbers(tensor);
  change(numbers);
  graph.replaceInput(node, slot, graph.addConstant('sabotage', fromNumbers(tensor.dtype, tensor.shape, numbers)));
}
const largest = (numbers: Float64Array): number =>
  numbers.reduce((best, number, at) => (Math.abs(number) > Math.abs(numbers[best] ?? 0) ? at : best), 0);

const convs = nodes(compile(resnet).model.graph, 'Conv').map(({ name }, at): [number, string] => [at, name]);

test('every value that is matched holds the same numbers', async () => {
  const { model, original } = compile(resnet);
  const pairs = [...counterparts(original.graph, model.graph)];
  expect(pairs.length).toBe(model.graph.nodeCount);
  const bench = makeBench({ options: {}, epsilon: 2 ** -23, files: [], open: openSession, place: (part) => modelToBytes(part) });
  const feeds = new Map([['X', makeInput('normal', 1, 'float', [1, 3, 16, 18])]]);
  const [from, to] = [pairs.map(([, value]) => value), pairs.map(([value]) => value)];
  const expected = await probe(bench, original, from, feeds, 'original');
  const actual = await probe(bench, model, to, feeds, 'converted');
  for (const [value, source] of pairs) {
    const numbers = expected.get(source.name);
    if (!numbers) throw new Error('not run');
    expect([source.name, compareTensors(numbers, actual.get(value.name)).maxRel < 1e-5]).toEqual([source.name, true]);
  }
});

describe('a residual network with folded norms', () => {
  test('has convolutions to tamper with, one of them with a norm in it', () => {
    expect(convs.length).toBe(8);
    expect(nodes(compile(resnet).model.graph, 'BatchNormalization')).toEqual([]);
  });

  // All weights, since a unit that never fires hides any change of its own.
  test.each(convs)('the weights of convolution %i (%s) changed by 0.1 %%', async (at, name) => {
    const report = await judged((graph) =>
      changed(graph, nodes(graph, 'Conv')[at], (numbers) => numbers.set(numbers.map((number) => number * 1.001))),
    );
    expect([report.verdict, report.departure?.node]).toEqual(['different', name]);
    expect(report.departure?.others).toEqual([]);
    expect(report.departure?.notFinite).toBe(false);
  });

  test.each([0, 1, 2, 3])('activation %i lets negative numbers through', async (at) => {
    let name = '';
    const report = await judged((graph) => {
      const node = nodes(graph, 'Relu')[at];
      if (!node) throw new Error('no node');
      name = node.name;
      graph.respell(node, { opType: 'LeakyRelu' });
    });
    expect([report.verdict, report.departure?.node]).toEqual(['different', name]);
  });

  test('a sum that reads the wrong branch, and a pad that is moved', async () => {
    const wrong = await judged((graph) => {
      const [add] = nodes(graph, 'Add');
      const [relu] = nodes(graph, 'Relu').slice(1);
      if (!add || !relu?.outputs[0]) throw new Error('no node');
      graph.replaceInput(add, 1, relu.outputs[0]);
    });
    expect(wrong.departure).toMatchObject({ op: 'Add', value: 'a1' });
    const moved = await judged((graph) => {
      const conv = nodes(graph, 'Conv')[2];
      if (!conv) throw new Error('no node');
      graph.respell(conv, { attrs: new Map<string, Attr>([...conv.attrs, ...attributes({ pads: [2, 1, 0, 1] })]) });
    });
    expect(moved.departure).toMatchObject({ op: 'Conv', value: 'c2' });
  });

  test('the report says which rule made the node, and what it stands for', async () => {
    const report = await judged((graph) => changed(graph, nodes(graph, 'Conv')[0], (numbers) => numbers.fill(0.1, 0, 3)));
    expect(report.departure?.origin).toContain('n0');
    expect(report.departure?.original).toBe('n0');
    expect(report.departure?.rewrites).toContainEqual(expect.objectContaining({ pass: 'fold-batch-norm' }));
  });

  test('NaN and infinities are followed to where they are born, past other differences', async () => {
    const report = await judged((graph) => {
      changed(graph, nodes(graph, 'Conv')[1], (numbers) => numbers.fill(0.3, 0, 9));
      changed(graph, nodes(graph, 'Conv')[3], (numbers) => numbers.fill(Number.NaN, 0, 1));
    });
    expect(report.departure).toMatchObject({ op: 'Conv', value: 'c3', notFinite: true });
    const infinite = await judged((graph) => changed(graph, nodes(graph, 'Conv')[5], (numbers) => numbers.fill(3e38)));
    expect(infinite.departure).toMatchObject({ notFinite: true, value: 'c5' });
  });

  /** Adds what lies in the rows that an image of the original size does not have: nothing, at that size. */
  const addLaterRows = (graph: Graph, name: string, rows: number): void => {
    const value = graph.nodes.flatMap(({ outputs }) => outputs).find((output) => output.name === name);
    if (!value) throw new Error('no value');
    const int = (...ints: number[]) => graph.addConstant('int', fromNumbers('int64', [ints.length], ints));
    const add = (op: string, inputs: readonly (Value | undefined)[], ints = {}) =>
      graph.addNode({ op, inputs, attrs: attributes(ints) }).outputs[0];
    const readers = [...value.uses];
    const later = add('Slice', [value, int(rows), int(1000), int(2)]);
    const sum = add('ReduceSum', [later, int(2, 3)], { keepdims: 1 });
    const both = add('Add', [value, sum]);
    for (const { user, slot } of readers) graph.replaceInput(user, slot, both);
    graph.sort();
  };

  test('what shows on larger images only is found in the trunk', async () => {
    const report = await judged((graph) => addLaterRows(graph, 'p0', 8));
    expect([report.verdict, report.checks.find(({ name }) => name === 'original size')?.status]).toEqual(['different', 'equal']);
    expect(['n1', 'a1']).toContain(report.departure?.value);
    expect(report.departure?.others.map(({ op }) => op).sort()).toEqual(['Add', 'ReduceSum', 'Slice']);
  });

  test('and behind it', async () => {
    const report = await judged((graph) => addLaterRows(graph, 'r4', 4));
    expect(report.verdict).toBe('different');
    expect(report.departureNote).toContain("behind the last map ('r4')");
    expect(formatVerifyReport(report)).toContain('parts at           behind the last map');
  });
});

describe('pairs that others made', () => {
  const tampered = (model: Model, change: (graph: Graph) => void): Model => {
    const copy = model.clone();
    change(copy.graph);
    return copy;
  };

  test.each(['c0', 'c3', 'g1'])('the node of %s is named', async (value) => {
    const other = tampered(resnet, (graph) => {
      const node = graph.nodes.find(({ outputs }) => outputs[0]?.name === value);
      changed(graph, node, (numbers) => {
        numbers[largest(numbers)] = 0;
      });
    });
    const report = await verifyFiles(resnet, other, { samples: 7 });
    expect(report.departure).toMatchObject({ value, others: [] });
  });

  test('NaN that both models give is traced to where it is born', async () => {
    const root = parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 8] X) => (float[1, 3] Y) {
      a = Relu (X) b = Neg (a) c = Sqrt (b) d = Add (c, X) e = GlobalAveragePool (d) Y = Flatten (e) }`);
    const report = await verifyFiles(root, root.clone(), { samples: 2 });
    expect(report.verdict).toBe('equal');
    expect(report.notFinite).toMatchObject({ op: 'Sqrt', value: 'c', number: 'NaN', inputs: ['b'], fed: false });
    expect(formatVerifyReport(report)).toContain('the original gives NaN: ');
  });

  test('nodes without a counterpart are told', async () => {
    const other = tampered(resnet, (graph) => {
      const node = graph.nodes.find(({ outputs }) => outputs[0]?.name === 'r2');
      const [value] = node?.outputs ?? [];
      if (!value) throw new Error('no value');
      const made = graph.addNode({ op: 'Neg', inputs: [value], outputs: ['foreign'], name: 'foreign' }).outputs[0];
      if (!made) throw new Error('no value');
      for (const { user, slot } of [...value.uses]) if (user.name !== 'foreign') graph.replaceInput(user, slot, made);
      graph.sort();
    });
    const { departure } = await verifyFiles(resnet, other, { samples: 7 });
    expect([departure?.value, departure?.others.map(({ node }) => node)]).toEqual(['c3', ['foreign']]);
  });
});
