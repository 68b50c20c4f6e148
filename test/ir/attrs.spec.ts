/** Attributes that are absent: the default is the schema's, and no reader can be given another. */
import { floatAttr, givenInt, intAttr, intsAttr, stringAttr } from '../../src/ir/attrs';
import type { Node } from '../../src/ir/types';
import { asNorm } from '../../src/operators/norm';
import { parseGraph } from '../support/expect-pass';

const nodeOf = (call: string, x = 'float[N, 4, 6, 6] X'): Node => {
  const { graph } = parseGraph(
    `<ir_version: 10, opset_import: ["" : 20, "com.microsoft" : 1, "nhwc" : 1]> g (${x}) => (float[A] Y) <float[4, 4, 1, 1] W, int64[8] i = {0, 0, 0, 0, 0, 0, 0, 0}, float[4, 4] M> { Y = ${call} }`,
  );
  const [node] = graph.nodes;
  if (!node) throw new Error('no node');
  return node;
};

test('readers take a node and a name, and nothing else', () => {
  for (const read of [intAttr, floatAttr, stringAttr, intsAttr, givenInt]) expect(read).toHaveLength(2);
});

test.each<[string, string, number]>([
  ['Softmax (X)', 'axis', -1],
  ['ArgMax (X)', 'axis', 0],
  ['Flatten (X)', 'axis', 1],
  ['ReduceMean (X)', 'keepdims', 1],
  ['Conv (X, W)', 'group', 1],
  // Not an attribute of the operator at all: what it is where it exists.
  ['MatMul (M, M)', 'transB', 0],
  ['com.microsoft.FusedGemm (M, M)', 'transA', 0],
  ['com.microsoft.QLinearSoftmax (X)', 'axis', -1],
  ['nhwc.Softmax (X)', 'axis', -1],
])('%s: %s is %d', (call, name, value) => {
  expect(intAttr(nodeOf(call), name)).toBe(value);
});

test('factors are those of the operator, in float32', () => {
  expect(floatAttr(nodeOf('LeakyRelu (X)'), 'alpha')).toBe(Math.fround(0.01));
  expect(floatAttr(nodeOf('HardSigmoid (X)'), 'alpha')).toBe(Math.fround(0.2));
  expect(floatAttr(nodeOf('com.microsoft.FusedGemm (M, M)'), 'alpha')).toBe(1);
  expect(stringAttr(nodeOf('Pad (X, i)'), 'mode')).toBe('constant');
  expect(stringAttr(nodeOf('DepthToSpace <blocksize = 2> (X)'), 'mode')).toBe('DCR');
});

test('an attribute that the operator needs and the file leaves out is the mistake of the file', () => {
  const node = { ...nodeOf('DepthToSpace <blocksize = 2> (X)'), op: 'DepthToSpace', opType: 'DepthToSpace', name: 'D', attrs: new Map() };
  expect(() => intAttr(node, 'blocksize')).toThrow("DepthToSpace 'D' lacks the attribute 'blocksize'");
});

test('an attribute without a default is a fault of the reader', () => {
  expect(() => intAttr(nodeOf('Relu (X)'), 'axis')).toThrow("Relu has no default for 'axis'");
  expect(givenInt(nodeOf('Shape (X)'), 'end')).toBeUndefined();
});

test('MeanVarianceNormalization takes batch, rows and columns together, however many axes there are', () => {
  const volume = nodeOf('MeanVarianceNormalization (X)', 'float[N, 4, 6, 6, 6] X');
  expect(intsAttr(volume, 'axes')).toEqual([0, 2, 3]);
  expect(asNorm(volume)?.axes).toEqual([0, 2, 3]);
});
