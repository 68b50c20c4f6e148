/** Small files that expand: each is refused before anything of that size is made, and the limit can be raised. */
import { compile } from '../../src/compile';
import { bufferSource } from '../../src/ir/bytes';
import { addDims, ceilDivideDim, floorDivideDim } from '../../src/ir/dims';
import { inferShapes } from '../../src/ir/shape-inference';
import type { Dim } from '../../src/ir/types';
import { onnx } from '../../src/onnx/generated/onnx';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { codeOf } from '../support/code-of';

const network = (constants: string, nodes: string): string => `
  <ir_version: 8, opset_import: ["" : 17]>
  g (float[1, 1, 8, 8] x) => (float[1, 2] y) <float[1, 1, 3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, ${constants}> {
    ${nodes}
    zz = ReduceSum <keepdims = 0> (z)
    a = Add (x, zz)
    c = Conv (a, w)
    p = GlobalAveragePool (c)
    f = Flatten (p)
    y = Concat <axis = 1> (f, f)
  }`;
const doubled = (times: number): string =>
  Array.from({ length: times }, (_, at) => `d${at + 1} = Concat <axis = 0> (d${at}, d${at})`).join('\n');

test.each([
  ['ConstantOfShape', 'int64[2] s = {200000, 200000}', 'z = ConstantOfShape (s)'],
  ['Tile', 'int64[1] s = {2000000000}, float[1] one = {1}', 'z = Tile (one, s)'],
  ['Expand', 'int64[2] s = {60000, 60000}, float[1] one = {1}', 'z = Expand (one, s)'],
  ['Range', 'float a0 = {0}, float b0 = {1e9}, float s0 = {1}', 'z = Range (a0, b0, s0)'],
  ['Concat again and again', 'float[1] d0 = {1}', `${doubled(30)} z = Identity (d30)`],
  ['a shape that is computed', 'int64[2] s = {3000, 3000}, int64 k = {100}', 'm = Mul (s, k) z = ConstantOfShape (m)'],
  [
    'an outer product',
    'int64[2] s = {1, 30000}, int64[2] t = {30000, 1}',
    'u = ConstantOfShape (s) v = ConstantOfShape (t) z = Add (u, v)',
  ],
  ['OneHot', 'int64[1] i = {1}, int64 d = {1000000000}, float[2] v = {0, 1}', 'z = OneHot (i, d, v)'],
])('%s of constants makes far more than the file holds', (_, constants, nodes) => {
  expect(codeOf(() => parseModel(network(constants, nodes)))).toBe('EXPANDS_TOO_FAR');
});

test('a size of the input times a constant is seen when it is folded', () => {
  const model = parseModel(network('int64 k = {50000000}', 'h = Shape <start = 2, end = 3> (x) m = Mul (h, k) z = ConstantOfShape (m)'));
  expect(codeOf(() => compile(model, { head: 'original' }))).toBe('EXPANDS_TOO_FAR');
});

test('what exporters write is far from the limit, and the limit can be raised', () => {
  const constants = 'int64[2] s = {5000, 5000}';
  const nodes = 'z = ConstantOfShape (s)';
  expect(codeOf(() => parseModel(network('int64[2] s = {4000, 4000}', nodes)))).toBe('none');
  expect(codeOf(() => parseModel(network(constants, nodes)))).toBe('EXPANDS_TOO_FAR');
  expect(codeOf(() => parseModel(network(constants, nodes), { limits: 2 }))).toBe('none');
});

/** f0 is a Relu; each function calls the one before `times` times. */
const functions = (levels: number, times: number): Uint8Array =>
  onnx.ModelProto.encode({
    ir_version: 8,
    opset_import: [
      { domain: '', version: 17 },
      { domain: 'l', version: 1 },
    ],
    graph: {
      name: 'g',
      node: [{ op_type: `f${levels}`, domain: 'l', input: ['x'], output: ['y'] }],
      input: [{ name: 'x', type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 1 }] } } } }],
      output: [{ name: 'y', type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: 1 }] } } } }],
    },
    functions: Array.from({ length: levels + 1 }, (_, level) => ({
      name: `f${level}`,
      domain: 'l',
      input: ['X'],
      output: ['Y'],
      opset_import: [{ domain: '', version: 17 }],
      node: Array.from({ length: level === 0 ? 1 : times }, (__, at) => ({
        op_type: level === 0 ? 'Relu' : `f${level - 1}`,
        domain: level === 0 ? '' : 'l',
        input: [at === 0 ? 'X' : `t${at - 1}`],
        output: [at === (level === 0 ? 1 : times) - 1 ? 'Y' : `t${at}`],
      })),
    })),
  }).finish();

test('functions that call functions that call functions', () => {
  expect(codeOf(() => readModel(bufferSource(functions(6, 10))))).toBe('EXPANDS_TOO_FAR');
  expect(readModel(bufferSource(functions(3, 10))).graph.nodeCount).toBe(1000);
});

test('an expression that doubles at each level is not followed for ever', () => {
  let size: Dim = 'h';
  for (let level = 0; level < 40; level++) size = addDims(floorDivideDim(addDims(size, 3), 2), ceilDivideDim(addDims(size, 1), 3));
  expect(size).toBeUndefined();
});

test('sizes that double at each level end as unknown, in no time', () => {
  const levels = Array.from(
    { length: 18 },
    (_, at) => `p${at} = MaxPool <kernel_shape = [2, 2], pads = [0, 0, 0, 1], strides = [2, 1]> (c${at})
      q${at} = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [3, 1]> (c${at})
      c${at + 1} = Concat <axis = 2> (p${at}, q${at})`,
  ).join('\n');
  const model = parseModel(`g (float[1, 1, h, w] c0) => (float[1, 1, a, b] c18) { ${levels} }`);
  inferShapes(model);
  expect(model.graph.outputs[0]?.type?.shape?.[2]).not.toEqual(expect.stringMatching(/.{2000}/));
});

test('a name of a size may be long, and is not taken apart', () => {
  const name = '('.repeat(100_000);
  const model = parseModel(`g (float[1, 1, "${name}", 8] x) => (float[1, 1, "${name}", 8] y) { y = Relu (x) }`);
  inferShapes(model);
  expect(model.graph.outputs[0]?.type?.shape?.[2]).toBe(name);
});

test.each([2 ** 32, 2 ** 40])('an axis of %d elements is not walked along', (size) => {
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 20]>
    g (float[1, 3, ${size}, 32] x) => (float y) { p = LpPool <kernel_shape = [2, 2]> (x) r = GlobalAveragePool (p) y = Flatten (r) }`);
  const started = process.cpuUsage();
  for (const head of ['window', 'cell', 'image'] as const) codeOf(() => compile(model, { head }));
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1e6).toBeLessThan(3);
});
