import { CompileError } from '../../../src/diagnostics/compile-error';
import { bufferSource } from '../../../src/ir/bytes';
import type { Model } from '../../../src/ir/model';
import { readNumbers, tensorBytes } from '../../../src/ir/tensor';
import type { Attr, Tensor } from '../../../src/ir/types';
import { type ParseOptions, parseModel } from '../../../src/onnx/text/parser';

const body = (nodes: string, constants = ''): string => `g (float[2, 3] X, bool B) => (float[2, 3] Y) ${constants} { ${nodes} }`;
const raw = (text: string): Model => parseModel(text, { asWritten: true });

function attrs(list: string): Record<string, Attr | undefined> {
  const node = raw(body(`Y = my.Op <${list}> (X)`)).graph.nodes[0];
  return Object.fromEntries(node?.attrs ?? []);
}
function constantOf(text: string): Tensor {
  const [value] = raw(body('Y = Relu (X)', `<${text}>`)).graph.constants;
  if (!value) throw new Error('no constant');
  return value.constant;
}

describe('the model', () => {
  test('header', () => {
    const model =
      raw(`<ir_version: 9, opset_import: ["" : 20, "my.domain" : 3], producer_name: "p", producer_version: "1.2", domain: "d", model_version: 7,
      doc_string: "doc", metadata_props: ["k" : "v", "odd key" : "line\nbreak"]> ${body('Y = Relu (X)')}`);
    expect(model.irVersion).toBe(9);
    expect([...model.opsets]).toEqual([
      ['', 20],
      ['my.domain', 3],
    ]);
    expect(model.producer).toEqual({ name: 'p', version: '1.2' });
    expect([...model.metadata]).toEqual([
      ['k', 'v'],
      ['odd key', 'line\nbreak'],
    ]);
    expect(model.extras).toEqual({ model: { domain: 'd', model_version: 7, doc_string: 'doc' } });
  });

  test('without a header it has the opset of a new model', () => {
    expect([...parseModel(body('Y = Relu (X)')).opsets]).toEqual([['', 21]]);
  });

  test('is raised to normal form: axes are inputs, whatever the opset of the text', () => {
    const model = parseModel(
      `<ir_version: 8, opset_import: ["" : 11]> g (float[2, 3, 1] X) => (float[2, 3] Y) { Y = Squeeze <axes = [2]> (X) }`,
    );
    const [squeeze] = model.graph.nodes;
    expect(squeeze?.attrs.size).toBe(0);
    expect(readNumbers(squeeze?.inputs[1]?.constant as Tensor)).toEqual(Float64Array.of(2));
  });

  test('types: a scalar, an unknown rank, symbols, unknown dimensions, expressions', () => {
    const { graph } = raw('g (float a, float[] b, int64[N, ?, 3, "2*H + 1"] c, d) => (float[] e) { e = my.Op (a, b, c, d) }');
    expect(graph.inputs.map(({ type }) => type)).toEqual([
      { dtype: 'float', shape: [] },
      { dtype: 'float' },
      { dtype: 'int64', shape: ['N', undefined, 3, '2*H + 1'] },
      undefined,
    ]);
  });

  test('value_info gives inner values their types', () => {
    const { graph } = raw(body('A = Relu (X) Y = Abs (A)', '<float[2, 3] A>'));
    expect(graph.nodes[0]?.outputs[0]?.type).toEqual({ dtype: 'float', shape: [2, 3] });
  });

  test('types that are no tensors are read over where nothing needs them', () => {
    const { graph } = raw(body('S = SequenceConstruct (X) Y = SequenceAt (S, i)', '<seq(float[2, 3]) S, int64 i = {0}>'));
    expect(graph.nodes[0]?.outputs[0]?.type).toBeUndefined();
  });
});

describe('nodes', () => {
  test('names, domains, outputs and inputs left out', () => {
    const [first, second] = raw(body('[label] A, "", "odd / name" = my.domain.Op (X,, B, "") Y = Add (A, "odd / name")')).graph.nodes;
    expect(first).toMatchObject({ name: 'label', domain: 'my.domain', opType: 'Op', op: 'my.domain.Op' });
    expect(first?.outputs.map(({ name }) => name)).toEqual(['A', '', 'odd / name']);
    expect(first?.inputs.map((input) => input?.name)).toEqual(['X', undefined, 'B']);
    expect(second).toMatchObject({ name: 'Y', domain: '' });
  });
  test('attributes stand before or after the inputs', () => {
    const { graph } = raw(body('A = my.Op <a = 1> (X) Y = my.Op (A) <a = 1>'));
    expect(graph.nodes.map((node) => node.attrs.get('a'))).toEqual([
      { kind: 'int', value: 1 },
      { kind: 'int', value: 1 },
    ]);
  });
  test("ONNX's own domain can be spelled out", () => {
    expect(raw(body('Y = ai.onnx.Relu (X)')).graph.nodes[0]).toMatchObject({ domain: '', op: 'Relu' });
  });
  test('operators that are no identifiers stand in quotes', () => {
    expect(raw(body('Y = "my-domain"."aten::relu" (X)')).graph.nodes[0]).toMatchObject({ domain: 'my-domain', opType: 'aten::relu' });
  });
  test('Constant nodes become constants', () => {
    const { graph } = parseModel(
      body(
        'a = Constant <value = float[3] {1, 2, 3}> () b = Constant <value_ints = [4, 5]> () c = Constant <value_float = 0.5> () d = Constant <value_int = 6> () Y = my.Op (X, a, b, c, d)',
      ),
    );
    expect(graph.nodes.map(({ op }) => op)).toEqual(['my.Op']);
    expect(graph.constants.map(({ name, constant }) => [name, constant.dtype, constant.shape, [...readNumbers(constant)]])).toEqual([
      ['a', 'float', [3], [1, 2, 3]],
      ['b', 'int64', [2], [4, 5]],
      ['c', 'float', [], [0.5]],
      ['d', 'int64', [], [6]],
    ]);
  });
});

describe('attributes', () => {
  test('of each kind', () => {
    expect(attrs('i = -3, f = 1.5, s = "t\\"ext", is = [1, 2], fs = [1.0, -2.5, inf], ss = ["a", "b"]')).toEqual({
      i: { kind: 'int', value: -3 },
      f: { kind: 'float', value: 1.5 },
      s: { kind: 'string', value: 't"ext' },
      is: { kind: 'ints', value: [1, 2] },
      fs: { kind: 'floats', value: [1, -2.5, Number.POSITIVE_INFINITY] },
      ss: { kind: 'strings', value: ['a', 'b'] },
    });
  });
  test('a type makes whole numbers floats, and empty lists possible', () => {
    expect(attrs('f: float = 1, fs: floats = [1, 2], is: ints = [], n: float = -0')).toEqual({
      f: { kind: 'float', value: 1 },
      fs: { kind: 'floats', value: [1, 2] },
      is: { kind: 'ints', value: [] },
      n: { kind: 'float', value: -0 },
    });
  });
  test('floats are held as float32, integers exactly', () => {
    expect(attrs('f = 0.1, i = 9223372036854775807')).toEqual({
      f: { kind: 'float', value: Math.fround(0.1) },
      i: { kind: 'int', value: 9223372036854775807n },
    });
  });
  test('tensors', () => {
    const { t } = attrs('t: tensor = float[2] name {1, 2}');
    expect(t?.kind === 'tensor' && [...readNumbers(t.value)]).toEqual([1, 2]);
  });
  test('graphs see the values around them, and have names of their own', () => {
    const { graph } = raw(
      body(
        'Y = If (B) <then_branch: graph = a () => (float[2, 3] z) { z = Relu (X) }, else_branch = b () => (float[2, 3] z) <float c = {1}> { z = Add (X, c) }>',
      ),
    );
    const branches = [...(graph.nodes[0]?.attrs.values() ?? [])].map((attr) => (attr.kind === 'graph' ? attr.value : undefined));
    expect(branches.map((branch) => branch?.nodes.map(({ op }) => op))).toEqual([['Relu'], ['Add']]);
    expect(branches[0]?.nodes[0]?.inputs[0]).toBe(graph.inputs[0]);
    // Unique in the model, as the IR wants it.
    expect(branches[0]?.outputs[0]?.name).not.toBe(branches[1]?.outputs[0]?.name);
  });
  test('a nested graph that hands on an outer value gets an Identity', () => {
    const { graph } = raw(
      body('Y = If (B) <then_branch = a () => (float[2, 3] X) { }, else_branch = b () => (float[2, 3] z) { z = Abs (X) }>'),
    );
    const branch = graph.nodes[0]?.attrs.get('then_branch');
    expect(branch?.kind === 'graph' && branch.value.nodes.map(({ op }) => op)).toEqual(['Identity']);
    expect(graph.inputs[0]?.uses).toHaveLength(2);
  });
});

describe('tensors', () => {
  test.each([
    ['float[2] c = {1, -2.5}', [1, -2.5]],
    ['float c = {3}', [3]],
    ['float[0] c = {}', []],
    ['double[1] c = {0.1}', [0.1]],
    ['int8[2] c = {-128, 127}', [-128, 127]],
    ['uint8[2] c = {0, 255}', [0, 255]],
    ['int32[1] c = {-2147483648}', [-2147483648]],
    ['bool[2] c = {1, 0}', [1, 0]],
    ['float16[2] c = {15360, 49152}', [1, -2]],
    ['bfloat16[1] c = {16256}', [1]],
    ['int64[2, 1] c = {-1, 9007199254740991}', [-1, 9007199254740991]],
  ])('%s', (text, numbers) => expect([...readNumbers(constantOf(text))]).toEqual(numbers));
  test('64 bits are exact', () => {
    expect(new BigUint64Array(tensorBytes(constantOf('uint64[1] c = {18446744073709551615}')).slice().buffer)).toEqual(
      BigUint64Array.of(2n ** 64n - 1n),
    );
  });
  test('small types are written as the bytes that hold them', () => {
    expect(tensorBytes(constantOf('int4[3] c = {18, 3}'))).toEqual(Uint8Array.of(18, 3));
  });
  test('strings are bytes', () => {
    expect(constantOf('string[2] c = {"a", "ü"}').data).toEqual({
      kind: 'strings',
      values: [Uint8Array.of(97), Uint8Array.of(0xc3, 0xbc)],
    });
  });
  test('external data are ranges of a file that the caller opens', () => {
    const file = bufferSource(new Uint8Array(new Float32Array([9, 1, 2]).buffer), 'w.bin');
    const text = body('Y = Relu (X)', '<float[2] c = ["location": "w.bin", "offset": "4", "length": "8"]>');
    const opened: string[] = [];
    const model = parseModel(text, {
      source: (location) => {
        opened.push(location);
        return file;
      },
    });
    expect(opened).toEqual(['w.bin']);
    expect([...readNumbers(model.graph.constants[0]?.constant as Tensor)]).toEqual([1, 2]);
  });
  test('an input with a value is a constant and no input', () => {
    const { graph } = raw('g (float[2] X, float[2] w = {1, 2}) => (float[2] Y) { Y = Add (X, w) }');
    expect(graph.inputs.map(({ name }) => name)).toEqual(['X']);
    expect(graph.constants.map(({ name }) => name)).toEqual(['w']);
  });
  test('the caller can supply what is declared without data', () => {
    const asked: unknown[] = [];
    const missing: ParseOptions['missing'] = (name, type) => {
      asked.push([name, type]);
      return { dtype: 'float', shape: [], data: { kind: 'bytes', bytes: new Uint8Array(4) } };
    };
    parseModel(body('A = Add (X, w) Y = Add (A, v)', '<float[3] w>'), { missing });
    expect(asked).toEqual([
      ['w', { dtype: 'float', shape: [3] }],
      ['v', undefined],
    ]);
  });
});

describe('errors tell line and column', () => {
  // § stands where the error is.
  test.each([
    ['nothing', '§', 'TEXT_SYNTAX', 'expected the name of a graph, found the end of the text'],
    ['an unknown key', '<ir_version: 8,\n §colour: 3> g () => () {}', 'TEXT_SYNTAX', /expected ir_version,.* found 'colour'/],
    ['a missing bracket', 'g (float[2 §X) => () {}', 'TEXT_SYNTAX', "expected ']', found 'X'"],
    ['an unknown type', 'g (flaot§[2] X) => () {}', 'TEXT_SYNTAX', "expected ')', found '['"],
    ['a negative dimension', 'g (float[§-2] X) => () {}', 'TEXT_SYNTAX', 'a dimension cannot be -2'],
    ['a value nobody makes', body('A = Relu (X)\n  Y = Abs (§Z)'), 'TEXT_UNDEFINED_VALUE', "'Z' is read before anything defines it"],
    ['a value read too early', body('Y = Abs (§A)\nA = Relu (X)'), 'TEXT_UNDEFINED_VALUE', /'A'/],
    ['an output nobody makes', 'g (float X) => (float §Y) { A = Relu (X) }', 'TEXT_UNDEFINED_VALUE', /'Y'/],
    ['a value made twice', body('Y = Relu (X)\n§Y = Abs (X)'), 'TEXT_DUPLICATE_VALUE', "'Y' is defined twice"],
    ['an output listed twice', 'g (float X) => (float Y,\n float §Y) { Y = Abs (X) }', 'TEXT_DUPLICATE_VALUE', /'Y'/],
    ['an attribute given twice', body('Y = my.Op <a = 1,\n §a = 2> (X)'), 'TEXT_SYNTAX', "attribute 'a' is given twice"],
    ['an empty list without a type', body('Y = my.Op <a = §[]> (X)'), 'TEXT_SYNTAX', /an empty list needs its type/],
    ['a list of two kinds', body('Y = my.Op <a = §[1, 2.5]> (X)'), 'TEXT_SYNTAX', 'the list mixes int and float'],
    ['a value of another kind', body('Y = my.Op <a: ints = §3> (X)'), 'TEXT_SYNTAX', 'expected a value of type ints, found int'],
    [
      'a list where one value belongs',
      body('Y = my.Op <a: int = §[3]> (X)'),
      'TEXT_SYNTAX',
      'expected one value of type int, found a list',
    ],
    ['an integer beyond 64 bits', body('Y = my.Op <a = §9223372036854775808> (X)'), 'TEXT_SYNTAX', /does not fit into 64 bits/],
    ['a float beyond float32', body('Y = my.Op <a = §1e39> (X)'), 'TEXT_SYNTAX', '1e39 does not fit into a float'],
    [
      'too few elements',
      body('Y = Relu (X)', '\n<float[2, 3] §w = {1, 2}>'),
      'TEXT_TENSOR',
      'float[2, 3] holds 6 elements, but 2 are given',
    ],
    ['an element that does not fit', body('Y = Relu (X)', '\n<int8[1] w = {§200}>'), 'TEXT_TENSOR', "'200' is not of type int8"],
    ['a fraction among integers', body('Y = Relu (X)', '\n<int64[1] w = {§1.5}>'), 'TEXT_TENSOR', "'1.5' is not of type int64"],
    ['data for a symbolic shape', body('Y = Relu (X)', '\n<float[N] §w = {1}>'), 'TEXT_TENSOR', /dimensions are all numbers/],
    [
      'external data out of reach',
      body('Y = Relu (X)', '\n<float[1] §w = ["location": "w.bin"]>'),
      'TEXT_UNSUPPORTED',
      /external data \('w.bin'\)/,
    ],
    ['a local function', `${body('Y = Relu (X)')}\n§<domain: "d"> f (a) => (b) { b = Relu (a) }`, 'TEXT_UNSUPPORTED', /a local function/],
    ['an attribute of a function', body('Y = my.Op <a: int = §@b> (X)'), 'TEXT_UNSUPPORTED', /a reference to an attribute/],
    [
      'an input that is not a tensor',
      'g (seq(float[2]) §S) => (float[2] Y) { Y = my.Op (S) }',
      'TEXT_UNSUPPORTED',
      /input 'S', which is not a tensor/,
    ],
  ])('%s', (_, marked, code, message) => {
    const [before = '', after = ''] = marked.split('§');
    const lines = before.split('\n');
    let thrown: unknown;
    try {
      parseModel(before + after, { file: 'net.onnxtxt' });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(CompileError);
    const error = thrown as CompileError;
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.diagnostic.at).toMatchObject({ file: 'net.onnxtxt', line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 });
    expect(error.diagnostic.hint).toBeTruthy();
  });

  test.each([
    ['external data that is too short', '"offset": "8", "length": "8"', 'the data ends at byte 16'],
    ['external data of another length', '"length": "4"', 'takes 8 bytes'],
    ['an offset that is not a number', '"offset": "-1"', 'whole numbers'],
  ])('%s', (_, entries, message) => {
    const text = body('Y = Relu (X)', `<float[2] c = ["location": "w.bin", ${entries}]>`);
    expect(() => parseModel(text, { source: () => bufferSource(new Uint8Array(12), 'w.bin') })).toThrow(message);
  });

  test('nesting has an end', () => {
    expect(() => raw(`g (${'seq('.repeat(5000)}float`)).toThrow('nested more than 100 levels deep');
    expect(() => raw(`g () => () { ${'= my.Op () <a = b () => () { '.repeat(5000)}`)).toThrow('nested more than 100 levels deep');
  });
});
