import { windowSizes } from '../../passes/window-sizes';
import { compile } from '../../src/compile';
import { expectPass, parseGraph } from '../support/expect-pass';
import { expectCrops } from '../support/windows';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const stem = 'F = Conv <kernel_shape = [3, 3]> (X, K)';
const area = 'z = Shape <start = 2, end = 4> (F) p = ReduceProd <keepdims = 0> (z) a = Cast <to = 1> (p)';
const network = (body: string, weights = ''): string =>
  `${header} g (float[1, 3, 10, 9] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, int64[2] hw = {2, 3}${weights}> { ${stem} ${area} ${body} }`;

describe('window-sizes', () => {
  test('the number of places of the map', () =>
    expectPass(
      windowSizes,
      `${header} g (float[N, 3, 4, 5] X) => (float[N, 3] Y) <int64[2] hw = {2, 3}> {
        z = Shape <start = 2, end = 4> (X) p = ReduceProd <keepdims = 0> (z) a = Cast <to = 1> (p) s = ReduceSum <keepdims = 0> (X, hw) Y = Div (s, a) }`,
    ).toBecome(
      `z = Shape <start = 2, end = 4> (X) p = ReduceProd <keepdims = 0> (z) a = Cast <to = 1> (p) s = ReduceSum <keepdims = 0> (X, hw) Y = Div (s, a_of_window)`,
    ));
  test.each([
    ['a gate', `${header} g (float[N, 3, 4, 5] X) => (float[N, 3, 4, 5] Y) { z = Size (X) a = Cast <to = 1> (z) Y = Div (X, a) }`],
    [
      'the size of the batch',
      `${header} g (float[N, 3] X) => (float[N, 3] Y) { z = Shape <start = 0, end = 1> (X) a = Cast <to = 1> (z) Y = Div (X, a) }`,
    ],
  ])('leaves %s alone', (_, text) => expectPass(windowSizes, text).toStay());

  test('sums divided by the area slide', () =>
    expectCrops(network('s = ReduceSum <keepdims = 0> (F, hw) m = Div (s, a) Y = Gemm <transB = 1> (m, W)', ', float[5, 4] W')));
  test('sums times one by the area, beside a maximum', () =>
    expectCrops(
      network(
        's = ReduceSum <keepdims = 0> (F, hw) r = Reciprocal (a) m = Mul (r, s) x = ReduceMax <keepdims = 0> (F, hw) c = Concat <axis = 1> (m, x) Y = Gemm <transB = 1> (c, W)',
        ', float[5, 8] W',
      ),
    ));
  test('scores divided by the root of the area', () =>
    expectCrops(network('f = Flatten (F) g = Gemm <transB = 1> (f, W) r = Sqrt (a) Y = Div (g, r)', ', float[5, 224] W')));
  test('a sum divided by the area is an average for --head cell', () => {
    const text = network('s = ReduceSum <keepdims = 0> (F, hw) m = Div (s, a) Y = Gemm <transB = 1> (m, W)', ', float[5, 4] W');
    const { model } = compile(parseGraph(text), { head: 'cell' });
    expect(model.graph.outputs[0]?.type?.shape).toEqual([1, 5, 'height - 2', 'width - 2']);
  });
});
