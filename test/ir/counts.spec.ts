/** Attributes that are counts, lengths or distances: zero and less are refused at the door, before anything divides by them. */

import { CompileError } from '../../src/diagnostics/compile-error';
import type { Model } from '../../src/ir/model';
import { gcd, ratio } from '../../src/ir/ratio';
import { parseModel } from '../../src/onnx/text/parser';
import { typed } from '../../src/reports/typed';

const typedModel = (model: Model): Model => typed(model, undefined);

const NODES = [
  'Conv <strides = [0, 2]> (X, w)',
  'Conv <dilations = [1, -1]> (X, w)',
  'Conv <kernel_shape = [0, 1]> (X, w)',
  'Conv <group = 0> (X, w)',
  'ConvTranspose <strides = [2, 0]> (X, w)',
  'ConvTranspose <strides = [-2, 2]> (X, w)',
  'MaxPool <kernel_shape = [2, 2], strides = [0, 1]> (X)',
  'LpPool <kernel_shape = [-1, 2]> (X)',
  'SpaceToDepth <blocksize = -1> (X)',
  'DepthToSpace <blocksize = 0> (X)',
  'Split <axis = 1, num_outputs = 0> (X)',
  'com.microsoft.NhwcConv <strides = [0, 0]> (X, w)',
];

test.each(NODES)('%s', (node) => {
  const text = `<ir_version: 9, opset_import: ["" : 19, "com.microsoft" : 1]> g (float[1, 4, 8, 8] X, float[4, 4, 1, 1] w) => (float[a, b, c, d] Y) { Y = ${node} }`;
  let thrown: unknown;
  try {
    parseModel(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(CompileError);
  expect(String(thrown)).toMatch(/which must be 1 at least/);
});

test.each([
  ['Conv <pads = [9223372036854774784, 0, 1, 0]> (X, w)', /an axis of .* elements/],
  ['GlobalMaxPool (S)', /of which none is spatial/],
  ['Min ("", X)', /leaves out one of the values/],
])('%s', (node, reason) => {
  const text = `<ir_version: 9, opset_import: ["" : 19]> g (float[1, 4, 8, 8] X, float S, float[4, 4, 1, 1] w) => (float Y) { Y = ${node} }`;
  expect(() => typedModel(parseModel(text))).toThrow(reason);
});

test('fractions end, whatever their numbers', () => {
  expect(ratio(12, -18)).toEqual({ num: -2, den: 3 });
  expect([gcd(0, 0), gcd(7, 0), gcd(-4, 6), gcd(2 ** 70, 2 ** 40)]).toEqual([0, 7, 2, 2 ** 40]);
  for (const wild of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    for (const other of [0, 1, 3, wild]) expect([gcd(wild, other), gcd(other, wild)]).toEqual([1, 1]);
});
