import { float, int, ints } from '../../../src/ir/attrs';
import { Graph } from '../../../src/ir/graph';
import { Model } from '../../../src/ir/model';
import { fromNumbers, int64s } from '../../../src/ir/tensor';
import type { Attr } from '../../../src/ir/types';
import { lowerFromNormalForm, NEWEST_RUNNABLE_OPSET, plainOpset, raiseNodes, raiseToNormalForm, spell } from '../../../src/onnx/opset';
import { load, spelling, written } from './verbatim';

/** A model in normal form that declares an old opset, as passes leave it. */
function normal(opset: number, body: string): Model {
  const model = written(28, body);
  model.opsets.set('', opset);
  return model;
}

const lines = (model: Model): string[] => spelling(model).slice(1, -1);

describe('the opset that is written', () => {
  test.each([
    ['stays where all can be said', 9, 'g (float[2, 3] x) => (float[2, 3] y) { y = Relu (x) }', 9, ''],
    [
      'rises for an operator that came later',
      9,
      'g (float[2, 3] x) => (float[2, 3] y) { y = HardSwish (x) }',
      14,
      'HardSwish came with opset 14',
    ],
    [
      'rises for Softmax along channels',
      11,
      'g (float[2, 3, 4, 5] x) => (float[2, 3, 4, 5] y) { y = Softmax <axis = 1> (x) }',
      13,
      'it works along axis 1 of several',
    ],
    [
      'rises for a negative axis of unknown rank',
      11,
      'g (float[] x) => (float[] y) { y = Softmax <axis = -3> (x) }',
      13,
      'it works along axis -3 of several',
    ],
    [
      'rises for axes that are computed',
      12,
      'g (float[2, 3] x, int64[1] a) => (float[2] y) { y = ReduceMean <keepdims = 0> (x, a) }',
      18,
      "input 1 'a' is computed",
    ],
    [
      'rises for bounds that are computed',
      10,
      'g (float[2, 3] x, float l) => (float[2, 3] y) { y = Clip (x, l) }',
      11,
      'its bounds are computed, or no float32',
    ],
    [
      'rises for bounds that cross',
      10,
      'g (float[2, 3] x) => (float[2, 3] y) <float l = {3}, float h = {1}> { y = Clip (x, l, h) }',
      11,
      'its lower bound is above its upper bound',
    ],
    [
      'rises for steps',
      9,
      'g (float[6] x) => (float[] y) <int64[1] s = {0}, int64[1] e = {6}, int64[1] a = {0}, int64[1] t = {2}> { y = Slice (x, s, e, a, t) }',
      10,
      'it has steps',
    ],
    [
      'rises for sizes that are computed',
      12,
      'g (float[6] x, int64[2] s) => (float[] y, float[] z) { y, z = Split (x, s) }',
      13,
      "input 1 's' is computed",
    ],
    [
      'rises for a k that is computed',
      9,
      'g (float[6] x, int64[1] k) => (float[] y, int64[] i) { y, i = TopK (x, k) }',
      10,
      'k is computed',
    ],
    ['rises for pads that are computed', 7, 'g (float[6] x, int64[2] p) => (float[] y) { y = Pad (x, p) }', 11, 'its pads are computed'],
    [
      'rises for an axis of an unknown rank to pad',
      13,
      'g (float[] x, int64[2] p) => (float[] y) <int64[1] a = {1}> { y = Pad (x, p, , a) }',
      18,
      'it pads only some axes',
    ],
    [
      'rises for padding around',
      13,
      'g (float[6] x) => (float[] y) <int64[2] p = {1, 1}> { y = Pad <mode = "wrap"> (x, p) }',
      19,
      'mode wrap',
    ],
    [
      'rises for a pool that rounds up',
      8,
      'g (float[1, 1, 6, 6] x) => (float[] y) { y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (x) }',
      10,
      "attribute 'ceil_mode' is not its default",
    ],
    [
      'rises for an average that dilates',
      11,
      'g (float[1, 1, 6, 6] x) => (float[] y) { y = AveragePool <kernel_shape = [3, 3], dilations = [2, 2]> (x) }',
      19,
      "attribute 'dilations' is not its default",
    ],
    [
      'rises for a maximum with indices',
      7,
      'g (float[1, 1, 6, 6] x) => (float[] y, int64[] i) { y, i = MaxPool <kernel_shape = [3, 3]> (x) }',
      8,
      'output 1 is in use',
    ],
    [
      'rises for a part of a shape',
      13,
      'g (float[2, 3] x) => (int64[1] y) { y = Shape <start = 1> (x) }',
      15,
      "attribute 'start' is not its default",
    ],
    [
      'rises for sizes of Resize',
      10,
      'g (float[1, 1, 2, 2] x) => (float[] y) <int64[4] s = {1, 1, 4, 4}> { y = Resize <coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (x, , , s) }',
      11,
      'it has sizes',
    ],
    [
      'rises for other coordinates',
      10,
      'g (float[1, 1, 2, 2] x) => (float[] y) <float[4] s = {1, 1, 2, 2}> { y = Resize <mode = "linear"> (x, , s) }',
      11,
      'its coordinates are not asymmetric',
    ],
    [
      'rises for another rounding',
      10,
      'g (float[1, 1, 2, 2] x) => (float[] y) <float[4] s = {1, 1, 2, 2}> { y = Resize <coordinate_transformation_mode = "asymmetric"> (x, , s) }',
      11,
      'nearest mode round_prefer_floor',
    ],
    [
      'rises for shrinking by Upsample',
      9,
      'g (float[1, 1, 4, 4] x) => (float[] y) <float[4] s = {1, 1, 0.5, 0.5}> { y = Resize <coordinate_transformation_mode = "asymmetric", nearest_mode = "ceil"> (x, , s) }',
      10,
      'it shrinks',
    ],
    [
      'rises for groups with a scale per channel',
      18,
      'g (float[1, 4, 2, 2] x) => (float[] y) <float[4] s = {1, 2, 3, 4}, float[4] b = {0, 0, 0, 0}> { y = GroupNormalization <num_groups = 2> (x, s, b) }',
      21,
      'its scale and bias differ within a group',
    ],
    [
      'rises for operands that broadcast',
      7,
      'g (float[2, 3] x, float[3] z) => (float[2, 3] y) { y = Max (x, z) }',
      8,
      'its operands broadcast',
    ],
    [
      'rises for Dropout that may train',
      11,
      'g (float[2, 3] x, bool t) => (float[2, 3] y) { y = Dropout (x, , t) }',
      12,
      'it may be in training mode',
    ],
    ['rises for types', 11, 'g (int64[2, 3] x) => (int64[2, 3] y) { y = Max (x, x) }', 12, 'input 0 is of type int64'],
    ['rises for types that differ', 7, 'g (float[2, 3] x, int64 z) => (float[2, 3] y) { y = Pow (x, z) }', 12, 'input 1 is of type int64'],
    [
      'rises for two types of float',
      7,
      'g (float[2, 3] x, double z) => (float[2, 3] y) { y = Pow (x, z) }',
      12,
      'input 1 is of type double beside float',
    ],
    ['rises for integers that are activated', 13, 'g (int32[2, 3] x) => (int32[2, 3] y) { y = Relu (x) }', 14, 'input 0 is of type int32'],
    [
      'rises for zeros that Reshape keeps',
      13,
      'g (float[0, 3] x, int64[2] s) => (float[] y) { y = Reshape <allowzero = 1> (x, s) }',
      14,
      "attribute 'allowzero' is not its default",
    ],
    [
      'rises for a reduction that may reduce nothing',
      13,
      'g (float[2, 3] x) => (float[2, 3] y) { y = ReduceMax <noop_with_empty_axes = 1> (x) }',
      18,
      'it reduces no axis where none is given',
    ],
    [
      'rises for a reduction by maximum',
      16,
      'g (float[3] x, int64[1] i, float[1] u) => (float[3] y) { y = ScatterElements <reduction = "max"> (x, i, u) }',
      18,
      'reduction max',
    ],
    [
      'rises for a scale per channel',
      10,
      'g (float[2, 3] x) => (uint8[2, 3] y) <float[3] s = {1, 2, 3}> { y = QuantizeLinear (x, s) }',
      13,
      'it has a scale per index of an axis',
    ],
    ['is 7 at least', 3, 'g (float[2, 3] x) => (float[2, 3] y) { y = Relu (x) }', 7, ''],
    ['is not lowered where we know less than the file', 99, 'g (float[2, 3] x) => (float[2, 3] y) { y = Softmax (x) }', 99, ''],
  ])('%s', async (_, declared, body, opset, reason) => {
    const model = normal(declared, body);
    const before = spelling(model);
    const { edits } = model.graph;
    const result = spell(model);
    expect(result.opset).toBe(opset);
    expect(result.model.opsets.get('')).toBe(opset);
    expect(result.demands.map((demand) => [demand.node, demand.opset, demand.reason])).toEqual(reason === '' ? [] : [['y', opset, reason]]);
    // The model itself stays in normal form.
    expect([spelling(model), model.graph.edits, model.opsets.get('')]).toEqual([before, edits, declared]);
    // And the runtime takes what came of it for legal.
    if (opset <= NEWEST_RUNNABLE_OPSET) await (await load(result.model)).release();
  });

  test('is the highest that any node needs, and the IR version follows', () => {
    const model = normal(9, 'g (float[2, 3] x) => (float[2, 3] y) { a = HardSwish (x) b = Gelu (a) y = Clip (b) }');
    model.irVersion = 4;
    const result = spell(model);
    expect([result.opset, result.model.irVersion, model.irVersion]).toEqual([20, 9, 4]);
    expect(result.demands.map(({ node, opset }) => [node, opset])).toEqual([
      ['a', 14],
      ['b', 20],
    ]);
  });

  test('leaves the IR version alone where the opset stays', () => {
    const model = normal(21, 'g (float[2, 3] x) => (float[2, 3] y) { y = Relu (x) }');
    model.irVersion = 8;
    expect(lowerFromNormalForm(model).irVersion).toBe(8);
  });

  test('is found for a model that had no node of ONNX itself', () => {
    const model = normal(9, 'g (float[2, 3] x) => (float[2, 3] y) { y = Gelu (x) }');
    model.opsets.delete('');
    expect(spell(model).opset).toBe(20);
    const foreign = normal(9, 'g (float[2, 3] x) => (float[2, 3] y) { y = com.microsoft.Gelu (x) }');
    foreign.opsets.delete('');
    expect(spell(foreign)).toEqual({ model: foreign, opset: undefined, demands: [] });
  });
});

test('the runtime loads what is called runnable, and nothing newer', async () => {
  const body = 'g (float[2, 3] x) => (float[2, 3] y) { y = Relu (x) }';
  await (await load(written(NEWEST_RUNNABLE_OPSET, body))).release();
  await expect(load(written(NEWEST_RUNNABLE_OPSET + 1, body))).rejects.toThrow(/opset/i);
});

describe('what passes make is said in old words', () => {
  test.each([
    [
      'explicit defaults go',
      7,
      'g (float[1, 1, 6, 6] x) => (float[] y) { y = MaxPool <kernel_shape = [3, 3], dilations = [1, 1], ceil_mode = 0> (x) }',
      ['y: y = MaxPool(x) auto_pad=NOTSET kernel_shape=3,3'],
    ],
    ['a negative axis of known rank', 10, 'g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = Softmax (x) }', ['y: y = Softmax(x) axis=2']],
    ['the last axis of unknown rank', 11, 'g (float[] x) => (float[] y) { y = Softmax (x) }', ['y: y = Softmax(x) axis=-1']],
    [
      'a rank that operators tell',
      7,
      'g (float[] x) => (float[] y) <float[2, 3] w = {1, 2, 3, 4, 5, 6}> { a = Gemm <transB = 1> (x, w) y = Softmax (a) }',
      [
        'a: a = Gemm(x,float[2,3]#0000803f0000004000004040000080400000a0400000c040,float[1]#00000000) alpha=1 beta=1 transA=0 transB=1',
        'y: y = Softmax(a) axis=1',
      ],
    ],
    [
      'pads of some axes',
      13,
      'g (float[2, 3, 4] x) => (float[] y) <int64[4] p = {1, 2, 3, 4}, int64[2] a = {-1, 1}> { y = Pad (x, p, , a) }',
      [`y: y = Pad(x,int64[6]#${hex([0, 2, 1, 0, 4, 3])}) mode=constant`],
    ],
    [
      'parts of unequal size',
      11,
      'g (float[7] x) => (float[] a, float[] b, float[] c) { a, b, c = Split <num_outputs = 3> (x) }',
      ['a: a,b,c = Split(x) axis=0 split=3,3,1'],
    ],
    [
      'Gemm without C',
      9,
      'g (float[2, 3] x, float[3, 2] w) => (float[2, 2] y) { y = Gemm (x, w) }',
      ['y: y = Gemm(x,w,float[1]#00000000) alpha=1 beta=1 transA=0 transB=0'],
    ],
    ['a Dropout with a seed', 7, 'g (float[2, 3] x) => (float[2, 3] y) { y = Dropout <seed = 3> (x) }', ['y: y = Dropout(x) ratio=0.5']],
    [
      'a Resize that enlarges',
      7,
      'g (float[1, 1, 2, 2] x) => (float[] y) <float[4] s = {1, 1, 2, 2}> { y = Resize <coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (x, , s) }',
      ['y: y = Upsample(x) mode=nearest scales=1,1,2,2'],
    ],
  ])('%s', async (_, opset, body, expected) => {
    const result = spell(normal(opset, body));
    expect([result.opset, lines(result.model)]).toEqual([opset, expected]);
    await (await load(result.model)).release();
  });
});

describe('the opset that a text of normal form declares', () => {
  test.each([
    [9, 9, 'g (float[2, 3] x) => (float[2, 3] y) { y = Relu (x) }'],
    [9, 11, 'g (float[2, 3] x) => (float[2, 3] y) <float l = {0}> { y = Clip (x, l) }'],
    [9, 18, 'g (float[2, 3] x) => (float[2] y) <int64[1] a = {1}> { y = ReduceMean <keepdims = 0> (x, a) }'],
    [17, 18, 'g (float[2, 3] x) => (float[2] y) <int64[1] a = {1}> { y = ReduceMean <keepdims = 0> (x, a) }'],
    [20, 20, 'g (float[2, 3] x) => (float[2] y) <int64[1] a = {1}> { y = ReduceMean <keepdims = 0> (x, a) }'],
    [9, 13, 'g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = Softmax <axis = 1> (x) }'],
    [9, 9, 'g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = Softmax <axis = 2> (x) }'],
    [9, 13, 'g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = Softmax (x) }'],
    [9, 9, 'g (float[2, 3] x) => (float[2, 3] y) <float[3] s = {1, 2, 3}> { y = BatchNormalization (x, s, s, s, s) }'],
    [9, 20, 'g (float[2, 3] x) => (float[2, 3] y) { y = Gelu (x) }'],
  ])('declared %i: %i', (declared, expected, body) => {
    const model = normal(declared, body);
    const { edits } = model.graph;
    expect([plainOpset(model), model.graph.edits]).toEqual([expected, edits]);
    // Reading the text at that opset gives the same normal form.
    const before = spelling(model);
    model.opsets.set('', expected);
    const text = written(expected, body);
    raiseToNormalForm(text);
    text.opsets.set('', declared);
    expect(spelling(text)).toEqual(before);
  });

  test('lies above what a matrix form would become', () => {
    const model = written(11, 'g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = Softmax (x) }');
    raiseToNormalForm(model);
    expect(plainOpset(model)).toBe(13);
  });
});

/** Values that no node reads any more go; what others read stays. */
test('a constant that two nodes read is kept for the other', () => {
  const model = normal(
    12,
    'g (float[2, 3] x) => (float[] y, float[] z) <int64[1] a = {1}> { y = ReduceMean (x, a) z = Add (x, x) w = Identity (a) }',
  );
  const lowered = lowerFromNormalForm(model);
  expect(lowered.graph.constants.map((constant) => constant.name)).toEqual(['a']);
  const alone = normal(12, 'g (float[2, 3] x) => (float[] y) <int64[1] a = {1}> { y = ReduceMean (x, a) }');
  expect(lowerFromNormalForm(alone).graph.constants).toEqual([]);
});

describe('what cannot be said', () => {
  test('an operator nobody knows keeps the opset', () => {
    const model = written(9, 'g (float[2, 3] x) => (float[2, 3] y) { a = ImageScaler <scale = 2.0> (x) y = Clip <min = 0.0> (a) }');
    const before = spelling(model);
    raiseToNormalForm(model);
    expect(spelling(lowerFromNormalForm(model))).toEqual(before);
  });

  test('and conflicts with a node that needs a newer one', () => {
    const model = written(9, 'g (float[2, 3] x) => (float[2, 3] y) { a = ImageScaler <scale = 2.0> (x) y = HardSwish (a) }');
    raiseToNormalForm(model);
    expect(() => spell(model)).toThrow(
      expect.objectContaining({
        code: 'OPSET_CONFLICT',
        message: "no version of ONNX's operator set can express the whole model: 'a' (ImageScaler) means something else in opset 14",
        diagnostic: expect.objectContaining({ notes: ["'y' (HardSwish) needs opset 14: HardSwish came with opset 14"] }),
      }),
    );
  });

  test('a pinned node allows what lies before its next version', () => {
    const model = written(7, 'g (float[2, 3] x) => (float[2, 3] y, float[2, 3] m) { y, m = Dropout (x) }');
    raiseToNormalForm(model);
    model.opsets.set('', 9);
    expect(lines(spell(model).model)).toEqual(['y: y,m = Dropout(x) ratio=0.5']);
    model.opsets.set('', 10);
    expect(() => spell(model)).toThrow(expect.objectContaining({ code: 'OPSET_CONFLICT' }));
  });
});

describe('reading', () => {
  test('takes ai.onnx for the same set', () => {
    const graph = new Graph('g');
    const x = graph.addInput('x', { dtype: 'float', shape: [2, 3] });
    const clip = graph.addNode({
      op: 'Clip',
      domain: 'ai.onnx',
      inputs: [x],
      attrs: new Map<string, Attr>([['min', float(0)]]),
      outputs: ['y'],
    });
    graph.setOutputs(clip.outputs);
    const model = new Model({ graph, opsets: new Map([['ai.onnx', 9]]) });
    raiseToNormalForm(model);
    expect([...model.opsets]).toEqual([['', 9]]);
    expect(lines(model)).toEqual(['y: y = Clip(x,float[]#00000000) max=3.4028234663852886e+38 min=-3.4028234663852886e+38']);
    const twice = new Model({
      graph: new Graph('g'),
      opsets: new Map([
        ['', 8],
        ['ai.onnx', 9],
      ]),
    });
    expect(() => raiseToNormalForm(twice)).toThrow(expect.objectContaining({ code: 'TWO_OPSETS' }));
  });

  test('needs to know the opset', () => {
    const model = written(9, 'g (float[2, 3] x) => (float[2, 3] y) { y = Relu (x) }');
    model.opsets.delete('');
    expect(() => raiseToNormalForm(model)).toThrow(
      expect.objectContaining({
        code: 'MISSING_OPSET',
        diagnostic: expect.objectContaining({ at: expect.objectContaining({ node: 'y' }) }),
      }),
    );
    // Before IR version 3 there was nothing to say.
    model.irVersion = 2;
    raiseToNormalForm(model);
    expect([model.opsets.get(''), model.irVersion]).toEqual([13, 7]);
  });

  test('leaves a model in the newest spelling alone', () => {
    const model = written(
      28,
      'g (float[2, 3] x) => (float[2, 3] y) <float l = {0}> { a = Clip (x, l) b = Softmax <axis = 0> (a) y = Dropout (b) }',
    );
    const { edits } = model.graph;
    raiseToNormalForm(model);
    expect(model.graph.edits).toBe(edits);
  });

  test('keeps names, origins and types of the nodes it respells', () => {
    const model = written(9, 'g (float[2, 3, 4] x) => (float[2, 3, 4] y) { [soft] y = Softmax (x) }');
    raiseToNormalForm(model);
    const nodes = model.graph.nodes;
    expect(nodes.map((node) => [node.name, node.op, node.origin])).toEqual([
      ['soft_shape', 'Shape', ['soft']],
      ['soft_rows', 'Flatten', ['soft']],
      ['soft_matrix', 'Softmax', ['soft']],
      ['soft', 'Reshape', ['soft']],
    ]);
    expect(model.graph.outputs.map((output) => [output.name, output.type])).toEqual([['y', { dtype: 'float', shape: [2, 3, 4] }]]);
  });

  test('takes nodes of local functions at the opset that they declare', () => {
    const model = written(17, 'g (float[2, 6] x) => (float[2, 3] y) { y = ReduceSum <keepdims = 0> (x) }');
    const [node] = model.graph.nodes;
    if (!node) throw new Error('no node');
    const old = model.graph.addNode({ op: 'Squeeze', inputs: [node.outputs[0]], attrs: new Map([['axes', ints([0])]]), outputs: ['s'] });
    raiseNodes([old], 11);
    raiseNodes([node], 17);
    expect(lines(model)).toEqual(['y: y = ReduceSum(x) keepdims=0 noop_with_empty_axes=0', `s: s = Squeeze(y,int64[1]#${hex([0])}) `]);
  });
});

test('a matrix form that somebody else looks into is not undone', () => {
  const model = written(11, 'g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = Softmax (x) }');
  raiseToNormalForm(model);
  const [, , matrix] = model.graph.nodes;
  if (!matrix?.outputs[0]) throw new Error('no node');
  const spy = model.graph.addNode({ op: 'Identity', inputs: [matrix.outputs[0]], outputs: ['spy'] });
  model.graph.setOutputs([...model.graph.outputs, ...spy.outputs]);
  expect(lines(lowerFromNormalForm(model)).map((line) => line.split('(')[0])).toEqual([
    'y_shape: y_shape = Shape',
    'y_rows: y_rows = Flatten',
    'y_matrix: y_matrix = Softmax',
    'y: y = Reshape',
    'spy: spy = Identity',
  ]);
});

test('a Shape that others read stays when a matrix form is undone', () => {
  const model = written(11, 'g (float[2, 3, 4] x) => (float[2, 3, 4] y) { y = Softmax (x) }');
  raiseToNormalForm(model);
  const [shape] = model.graph.nodes;
  if (!shape?.outputs[0]) throw new Error('no node');
  model.graph.setOutputs([...model.graph.outputs, shape.outputs[0]]);
  expect(lines(lowerFromNormalForm(model)).map((line) => line.split('(')[0])).toEqual(['y_shape: y_shape = Shape', 'y: y = Softmax']);
});

test('a public constant stays though its node has the numbers now', () => {
  const graph = new Graph('g');
  const x = graph.addInput('x', { dtype: 'float', shape: [2, 3] });
  const axes = graph.addConstant('axes', int64s([1]));
  const mean = graph.addNode({ op: 'ReduceMean', inputs: [x, axes], attrs: new Map([['keepdims', int(0)]]), outputs: ['y'] });
  graph.setOutputs([...mean.outputs, axes]);
  const lowered = lowerFromNormalForm(new Model({ graph, opsets: new Map([['', 13]]) }));
  expect(lowered.graph.constants.map((constant) => constant.name)).toEqual(['axes']);
});

test('scalars take the type of what they stand beside', () => {
  const model = written(7, 'g (double[2, 3] x) => (double[2, 3] y) { a = Abs (x) y = Clip <min = 0.5> (a) }');
  const [abs] = model.graph.nodes;
  if (!abs?.outputs[0]) throw new Error('no node');
  model.graph.setType(abs.outputs[0], undefined);
  raiseToNormalForm(model);
  expect(model.graph.constants.map((constant) => constant.constant)).toEqual([fromNumbers('double', [], [0.5])]);
});

function hex(values: readonly number[]): string {
  return Buffer.from(BigInt64Array.from(values.map(BigInt)).buffer).toString('hex');
}
