/** Where the channels of an image are, by what reads it. */
import { compile } from '../../src/compile';
import { imageInputs } from '../../src/ir/axis-roles';
import { parseGraph } from '../support/expect-pass';

const layout = (input: string, body: string, constants: string): string => {
  const model = parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (${input} X) => (float Y) <${constants}> { ${body} }`);
  return [...imageInputs(model.graph).values()].map((roles) => roles.join('')).join();
};

test.each([
  ['many channels last', 'float[1, 10, 9, 13]', 'T = Transpose <perm = [0, 3, 1, 2]> (X) Y = Conv (T, K)', 'float[4, 13, 3, 3] K', 'NHWC'],
  ['few columns', 'float[1, 13, 10, 3]', 'Y = Conv (X, K)', 'float[4, 13, 3, 3] K', 'NCHW'],
  [
    'a mean and a pad in front',
    'float[1, 10, 9, 13]',
    'S = Sub (X, m) P = Pad (S, p) T = Transpose <perm = [0, 3, 1, 2]> (P) Y = Conv (T, K)',
    'float[13] m, int64[8] p = {0, 1, 1, 0, 0, 1, 1, 0}, float[4, 13, 3, 3] K',
    'NHWC',
  ],
  [
    'columns in front of rows',
    'float[1, 13, 10, 9]',
    'T = Transpose <perm = [0, 1, 3, 2]> (X) Y = Conv (T, K)',
    'float[4, 13, 3, 3] K',
    'NCHW',
  ],
  ['no reader that tells, by sizes', 'float[1, 10, 9, 3]', 'Y = Flatten (X)', 'float u', 'NHWC'],
  ['no reader that tells, many channels', 'float[1, 10, 9, 13]', 'Y = Flatten (X)', 'float u', 'NCHW'],
])('%s', (_, input, body, constants, roles) => {
  expect(layout(input, body, constants)).toBe(roles);
});

test('a spectral image, channels last, is converted', () => {
  const text = `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 10, 9, 13] X) => (float[1, 5] Y) <float[4, 13, 3, 3] K, float[5, 224] W> {
    T = Transpose <perm = [0, 3, 1, 2]> (X) F = Conv (T, K) f = Flatten (F) Y = Gemm <transB = 1> (f, W) }`;
  expect(compile(parseGraph(text)).model.graph.outputs[0]?.type?.shape).toEqual([1, 5, 'height - 9', 'width - 8']);
});
