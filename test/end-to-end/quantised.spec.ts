/** A file of onnxruntime's quantize_static goes in; its fully convolutional form comes out, equal in every bit, and runs at one size in ONNX Runtime Web. */
import { join } from 'node:path';
import { digitsCanvas } from '../../fixtures/digits-canvas';
import { compile } from '../../src/compile';
import { formOf } from '../../src/compile/form';
import { closeModel, readModelFile } from '../../src/files';
import { modelToBytes } from '../../src/onnx/write';
import { best } from '../../src/verify/compare';
import { verifyFiles } from '../../src/verify/files/verify';
import { cropped } from '../../src/verify/inputs';
import type { Numbers } from '../../src/verify/onnx-runner';
import { openSession } from '../../src/verify/runtime/node';
import { codeOf } from '../support/code-of';
import { parseGraph } from '../support/expect-pass';

/** LeNet-5 of fixtures/models by quantize_static, QOperator, u8s8, calibrated on digits (test/zoo/quantised.py). */
const PATH = join(__dirname, '../../fixtures/quantised/lenet5.qoperator.onnx');
const [SIZE, STRIDE] = [28, 4];

test('a quantised LeNet-5 at one size reads the digits of a canvas in ONNX Runtime Web, in every bit like the original', async () => {
  const source = readModelFile(PATH);
  const { picture, digits } = digitsCanvas();
  const { width, height } = picture;
  const compiled = compile(source);
  const formed = formOf(compiled, { size: { lengths: [height, width] }, batch: 1 });
  const pixels = Float32Array.from({ length: width * height }, (_, at) => (picture.data[at] ?? 0) / 255);
  const canvas: Numbers = { dtype: 'float', shape: [1, 1, height, width], data: pixels };
  const [input = '', output = ''] = [source.graph.inputs[0]?.name, source.graph.outputs[0]?.name];
  const web = await openSession(modelToBytes(formed.model), 'the form', { runtime: 'wasm', optimise: true });
  expect(web.runtime).toContain('WebAssembly');
  const map = (await web.run(new Map([[input, canvas]]))).get(output);
  await web.release();
  const [, classes = 0, rows = 0, columns = 0] = map?.shape ?? [];
  expect([classes, rows, columns]).toEqual([10, Math.floor((height - SIZE) / STRIDE) + 1, Math.floor((width - SIZE) / STRIDE) + 1]);
  const cell = (y: number, x: number): number[] =>
    Array.from({ length: classes }, (_, k) => map?.data[(k * rows + y) * columns + x] ?? Number.NaN);

  const small = digits.filter(({ size }) => size === SIZE);
  const read = small.map(({ top, left }) => best(cell(Math.round(top / STRIDE), Math.round(left / STRIDE))));
  expect(read.filter((label, at) => label === small[at]?.label).length).toBeGreaterThanOrEqual(small.length - 1);

  const original = await openSession(PATH, 'the original');
  // Every 97th cell: all rows and columns of the map in turn.
  for (let at = 0; at < rows * columns; at += 97) {
    const [y, x] = [Math.floor(at / columns), at % columns];
    const crop = cropped(canvas, [2, 3], [y * STRIDE, x * STRIDE], [SIZE, SIZE]);
    const scores = (await original.run(new Map([[input, crop]]))).get(output);
    expect(cell(y, x)).toEqual([...(scores?.data ?? [])]);
  }
  await original.release();
  const report = await verifyFiles(PATH, compiled.model, { compiled, budget: 1, samples: 2 });
  closeModel(source);
  expect([report.verdict, report.tolerance.from]).toEqual(['equal', 'exact']);
}, 60_000);

const DYNAMIC = `g (float[N, 2, 8, 8] X) => (float[N, 5] Y) <int8[4, 2, 3, 3] K = {${Array.from({ length: 72 }, (_, at) => (at % 7) - 3)}}, float S = {0.02},
  float[5, 144] W> {
  q, s, z = DynamicQuantizeLinear (X)
  c = ConvInteger (q, K, z)
  f = Cast <to = 1> (c)
  t = Mul (s, S)
  m = Mul (f, t)
  r = Relu (m)
  v = Flatten (r)
  Y = Gemm <transB = 1> (v, W) }`;

describe('a dynamically quantised network', () => {
  test('is refused by name, since its scale is that of the whole image', () => {
    expect(codeOf(() => compile(parseGraph(DYNAMIC)))).toBe('CANNOT_SLIDE');
    for (const head of ['window', 'cell', 'image'] as const)
      expect(() => compile(parseGraph(DYNAMIC), { head })).toThrow(
        /DynamicQuantizeLinear.* takes its scale from the range of the whole image/,
      );
  });
  test('is kept by head original, in every bit', async () => {
    const original = parseGraph(DYNAMIC);
    const compiled = compile(original, { head: 'original' });
    const { verdict, checks } = await verifyFiles(modelToBytes(original), compiled.model, { compiled, budget: 1, samples: 2 });
    expect(verdict).toBe('equal');
    expect(checks[0]?.outputs.Y?.maxAbs).toBe(0);
  });
});

test('16 bits in the operators of ONNX Runtime become those of ONNX', async () => {
  const original = parseGraph(`<ir_version: 9, opset_import: ["" : 17, "com.microsoft" : 1]>
    g (float[N, 2, 8, 8] X) => (float[N, 5] Y) <float S = {0.0002}, int16 Z = {0}, float T = {0.001}, int8 U = {0}, int8[5, 128] W = {${Array.from({ length: 640 }, (_, at) => (at % 23) - 11)}}> {
    q = com.microsoft.QuantizeLinear (X, S, Z)
    d = com.microsoft.DequantizeLinear (q, S, Z)
    r = Relu (d)
    f = Flatten (r)
    w = DequantizeLinear (W, T, U)
    y = Gemm <transB = 1> (f, w)
    p = com.microsoft.QuantizeLinear (y, S, Z)
    Y = com.microsoft.DequantizeLinear (p, S, Z) }`);
  const compiled = compile(original);
  expect(compiled.model.graph.nodes.every(({ domain }) => domain === '')).toBe(true);
  const { verdict } = await verifyFiles(modelToBytes(original), modelToBytes(compiled.model), { budget: 1, samples: 2 });
  expect(verdict).toBe('equal');
});
