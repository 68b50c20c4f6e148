import { attributes, tensor } from '../../../src/ir/attrs';
import { bufferSource } from '../../../src/ir/bytes';
import { Graph } from '../../../src/ir/graph';
import { Model } from '../../../src/ir/model';
import { computedTensor, fromNumbers } from '../../../src/ir/tensor';
import type { Attr } from '../../../src/ir/types';
import { parseModel } from '../../../src/onnx/text/parser';
import { type PrintOptions, printModel, printNode } from '../../../src/onnx/text/printer';
import { float32Text, floatText } from '../../../src/onnx/text/tensor-text';

/** A model of one node over these attributes. */
function withAttribute(attr: Attr, name = 'a'): Model {
  const graph = new Graph('g');
  const x = graph.addInput('X', { dtype: 'float', shape: [2] });
  graph.setOutputs(graph.addNode({ op: 'my.Op', inputs: [x], attrs: new Map([[name, attr]]), outputs: ['Y'] }).outputs);
  return new Model({ graph });
}
function withConstant(constant: Parameters<Graph['addConstant']>[1], options?: PrintOptions): string {
  const graph = new Graph('g');
  const c = graph.addConstant('c', constant);
  graph.setOutputs(graph.addNode({ op: 'Neg', inputs: [c], outputs: ['Y'] }).outputs);
  return printModel(new Model({ graph }), options);
}
const line = (model: Model): string => (model.graph.nodes[0] ? printNode(model.graph.nodes[0]) : '');

test('a whole model', () => {
  const graph = new Graph('main');
  const x = graph.addInput('X', { dtype: 'float', shape: ['N', 3, undefined, '2*W + 1'] });
  const w = graph.addConstant('conv.weight', fromNumbers('float', [4, 3, 1, 1], new Float64Array(12).fill(0.1)));
  const big = graph.addConstant('big', fromNumbers('float', [100], new Float64Array(100)));
  const conv = graph.addNode({
    op: 'Conv',
    inputs: [x, w],
    attrs: attributes({ kernel_shape: [1, 1], group: 1 }),
    outputs: ['F'],
    name: '/conv',
    outputTypes: [{ dtype: 'float', shape: ['N', 4] }],
  });
  const y = graph.addNode({ op: 'com.example.Op', inputs: [conv.outputs[0], undefined, big], outputs: ['Y', ''], origin: ['a', 'b'] });
  graph.setOutputs([y.outputs[0] ?? x]);
  const model = new Model({
    graph,
    irVersion: 9,
    opsets: new Map([
      ['', 20],
      ['com.example', 2],
    ]),
    producer: { name: 'p', version: '' },
    metadata: new Map([['k', 'v"']]),
  });
  expect(printModel(model, { origins: true })).toBe(`<
   ir_version: 9,
   opset_import: ["" : 20, "com.example" : 2],
   producer_name: "p",
   metadata_props: ["k" : "v\\""]
>
main (float[N, 3, ?, "2*W + 1"] X) => (Y)
<
   float[4, 3, 1, 1] "conv.weight" = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1},
   float[100] big  # 400 bytes not shown
> {
   ["/conv"] F = Conv <kernel_shape = [1, 1], group = 1> (X, "conv.weight")  # float[N, 4]
   Y, "" = com.example.Op (F, "", big)  # from a, b
}
`);
});

test('declares an opset in which the nodes mean what they say, older as the model may be', () => {
  const old = parseModel(
    '<ir_version: 6, opset_import: ["" : 11]> g (float[2, 3, 1] X) => (float[2, 3] Y) { Y = Squeeze <axes = [2]> (X) }',
  );
  const text = printModel(old);
  expect(text).toMatch(/Y = Squeeze \(X, \w+\)/);
  expect(Number(/"" : (\d+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(13);
  expect(printModel(parseModel(text))).toBe(text);
});

describe('constants', () => {
  const source = bufferSource(new Uint8Array(new Float32Array(101).buffer), 'net.onnx');
  const ranged = {
    dtype: 'float',
    shape: [100],
    data: { kind: 'ranges', encoding: 'raw', ranges: [{ source, offset: 4, length: 400 }] },
  } as const;
  test('large ones are left out, or refer to the file, or are written out', () => {
    expect(withConstant(ranged)).toContain('   float[100] c  # 400 bytes not shown\n');
    expect(withConstant(ranged, { weights: 'reference' })).toContain(
      'float[100] c = ["location" : "net.onnx", "offset" : "4", "length" : "400"]',
    );
    expect(withConstant(ranged, { weights: 'inline' })).toContain(`float[100] c = {${'0, '.repeat(99)}0}`);
  });
  test('one that lies in no file is written out rather than lost', () => {
    expect(
      withConstant(
        computedTensor('float', [3], () => [1, 2, 3]),
        { weights: 'reference', inlineLimit: 1 },
      ),
    ).toContain('float[3] c = {1, 2, 3}');
  });
  test('how many elements are still shown is a choice', () => {
    expect(withConstant(fromNumbers('int64', [2], [1, 2]), { inlineLimit: 1 })).toContain('int64[2] c  # 16 bytes');
  });
  test('references are read back', () => {
    const text = withConstant(ranged, { weights: 'reference' });
    expect(printModel(parseModel(text, { source: () => source }), { weights: 'reference' })).toBe(text);
  });
});

describe('attributes', () => {
  test.each<[string, Attr]>([
    ['a = 3', { kind: 'int', value: 3 }],
    ['a = 9223372036854775807', { kind: 'int', value: 9223372036854775807n }],
    ['a = 3.0', { kind: 'float', value: 3 }],
    ['a = 0.1', { kind: 'float', value: Math.fround(0.1) }],
    ['a = -inf', { kind: 'float', value: Number.NEGATIVE_INFINITY }],
    ['a = "x\\"\\\\"', { kind: 'string', value: 'x"\\' }],
    ['a = [1, -2]', { kind: 'ints', value: [1, -2] }],
    ['a: ints = []', { kind: 'ints', value: [] }],
    ['a = [1.0, nan]', { kind: 'floats', value: [1, Number.NaN] }],
    ['a = ["x", ""]', { kind: 'strings', value: ['x', ''] }],
    ['a = float[2] {1, 2}', tensor(fromNumbers('float', [2], [1, 2]))],
  ])('%s', (text, attr) => {
    expect(line(withAttribute(attr))).toBe(`Y = my.Op <${text}> (X)`);
    const [back] = parseModel(printModel(withAttribute(attr))).graph.nodes;
    expect(back?.attrs.get('a')).toEqual(attr);
  });

  test.each<[string, Attr, string]>([
    ['bytes that are no text', { kind: 'string', value: Uint8Array.of(0xff) }, 'a'],
    ['an opaque one', { kind: 'opaque', value: {} }, 'a'],
    [
      'a tensor of an unknown type',
      { kind: 'tensor', value: { dtype: 'dtype99', shape: [1], data: { kind: 'bytes', bytes: new Uint8Array(1) } } },
      'a',
    ],
  ])('%s is left out, with a word', (_, attr, name) => {
    const text = printModel(withAttribute(attr, name));
    expect(text).toContain("   # attribute 'a' is not shown: the syntax has no form for it\n   Y = my.Op (X)\n");
    expect(parseModel(text).graph.nodes).toHaveLength(1);
  });
});

test('what has no form in ONNX has one here, with a word', () => {
  const graph = new Graph('g');
  const x = graph.addInput('X', { dtype: 'float', shape: [1] });
  const odd = graph.addNode({
    op: 'aten::relu',
    domain: 'my-domain',
    inputs: [x],
    attrs: attributes({ 'odd attribute': 1 }),
    outputs: ['Y'],
  });
  graph.setOutputs(odd.outputs);
  const text = printModel(
    new Model({
      graph,
      opsets: new Map([
        ['', 21],
        ['my-domain', 1],
      ]),
    }),
  );
  expect(text).toContain(
    '   # not ONNX syntax: "aten::relu", "my-domain", "odd attribute" in quotes\n   Y = "my-domain"."aten::relu" <"odd attribute" = 1> (X)\n',
  );
  expect(printModel(parseModel(text))).toBe(text);
});

test('names that look like something else are in quotes', () => {
  const graph = new Graph('float');
  const inputs = ['float', 'seq', 'inf', '1x', 'a b', 'x'].map((name) => graph.addInput(name, undefined));
  graph.setOutputs(graph.addNode({ op: 'Sum', inputs, outputs: ['dtype5'] }).outputs);
  const text = printModel(new Model({ graph }));
  expect(text).toContain('"float" ("float", "seq", "inf", "1x", "a b", x) => ("dtype5")');
  expect(printModel(parseModel(text))).toBe(text);
});

test('nested graphs are indented, behind the inputs of their node', () => {
  const text = `<
   ir_version: 10,
   opset_import: ["" : 21]
>
g (float[2] X, bool B) => (float[2] Y) {
   Y = If (B) <then_branch = a () => (float[2] U) {
      U = Relu (X)  # float[2]
   }, else_branch = b () => (float[2] V)
   <
      float c = {1}
   > {
      V = Add (X, c)  # float[2]
   }>  # float[2]
}
`;
  expect(printModel(parseModel(text))).toBe(text);
});

test('types of inner values as declarations, so that they are read back', () => {
  const text = printModel(parseModel('g (float[2] X) => (float[2] Y) <float[2] A> { A = Relu (X) Y = Abs (A) }'), { types: 'declare' });
  expect(text).toContain('<\n   float[2] A\n>');
  expect(parseModel(text).graph.nodes[0]?.outputs[0]?.type).toEqual({ dtype: 'float', shape: [2] });
});

describe('floats are the shortest that come back', () => {
  test.each([
    [0.1, '0.1'],
    [1 / 3, '0.33333334'],
    [16777216, '16777216'],
    [1e-45, '1e-45'],
    [3.4028234663852886e38, '3.4028235e+38'],
    [-0, '-0'],
    [Number.NaN, 'nan'],
  ])('%d', (value, text) => expect(float32Text(Math.fround(value))).toBe(text));
  test('whatever their bits', () => {
    const view = new DataView(new ArrayBuffer(4));
    for (let seed = 1, n = 0; n < 20000; n++) {
      seed = Math.imul(seed, 1664525) + 1013904223;
      view.setInt32(0, seed);
      const value = view.getFloat32(0);
      if (Number.isFinite(value)) expect(Math.fround(Number(float32Text(value)))).toBe(value);
    }
  });
  test('doubles too', () => expect([0.1, 1e300, -0, Number.POSITIVE_INFINITY].map(floatText)).toEqual(['0.1', '1e+300', '-0', 'inf']));
});
